"""Beads of a known certificate are judged by it, whichever command analysed them."""

from dataclasses import replace

import numpy as np
import pytest

from made.analysis import make_analysis
from nta.assessment import Verdict
from nta.batch import plan
from nta.beads import against_certificate
from nta.calibration import known_certificate
from nta.errors import SettingError

STANDARD = "example_polystyrene_100nm"


@pytest.fixture(scope="module")
def analysis():
    return make_analysis(np.random.default_rng(5), n_tracks=80, n_frames=60)


def sized(analysis, nm):
    d50 = replace(analysis.sizes.summary["d50_nm"], value=nm, low=0.98 * nm, high=1.02 * nm)
    return replace(analysis, sizes=replace(analysis.sizes, summary=analysis.sizes.summary | {"d50_nm": d50}))


def finding(analysis, standard):
    judged = against_certificate(analysis, standard).assessment
    (found,) = [f for f in judged.findings if f.name == "bead_check"]
    return found


@pytest.mark.parametrize(
    ("nm", "verdict"), [(101.0, Verdict.PASS), (107.0, Verdict.WARN), (126.0, Verdict.FAIL)]
)
def test_beads_are_held_against_their_certificate(analysis, nm, verdict):
    found = finding(sized(analysis, nm), STANDARD)
    assert found.verdict is verdict
    assert f"{nm - 100:+.1f} % of the certified diameter in one video" in found.evidence
    assert "no such beads exist" in found.evidence


def test_beads_without_certificate_or_size_say_so(analysis):
    assert finding(analysis, "PS 100").evidence.startswith("there is no certificate of 'PS 100'")
    assert finding(analysis, "").evidence == "nobody said which beads these are"
    none = replace(analysis.sizes.summary["d50_nm"], value=None, low=None, high=None, method="too few tracks")
    sizes = replace(analysis.sizes, summary=analysis.sizes.summary | {"d50_nm": none})
    found = finding(replace(analysis, sizes=sizes), STANDARD)
    assert found.verdict is Verdict.NOT_ASSESSED
    assert "too few tracks" in found.evidence


def test_a_standard_is_known_by_its_file_or_by_the_name_in_it():
    assert known_certificate("example polystyrene 100 nm") == known_certificate(STANDARD)
    assert known_certificate("PS 100") is known_certificate("") is None
    with pytest.raises(SettingError, match="no such file"):
        known_certificate("none.toml")


def test_a_batch_judges_its_beads_and_does_them_again_for_another_certificate(tmp_path):
    (tmp_path / "v.avi").write_bytes(b"")
    list_ = tmp_path / "list.csv"
    keys = []
    for line in ("v.avi,sample,", f"v.avi,beads,{STANDARD}", "v.avi,beads,example_polystyrene_200nm"):
        list_.write_text(f"file,kind,standard\n{line}\n")
        (job,) = plan(list_, tmp_path / "out")
        keys.append(job.key("0"))
    assert job.request.standard == "example_polystyrene_200nm"
    assert len(set(keys)) == 3
