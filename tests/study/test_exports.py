"""Exports of other programs stand for videos: same sizes as printed, no brightness, no more tracks than they say."""

import math

import pytest

from nta.assessment.integrity import Integrity
from nta.io.vendors import read_vendor
from nta.study import read_study
from nta.study.assessing import assess_study
from nta.study.attaching import attach
from nta.study.study_files import read_study_files

pytestmark = pytest.mark.real


@pytest.fixture
def study(real_data, tmp_path):
    folder = real_data / "nanosight_summary"
    (tmp_path / "study.toml").write_text(
        f'title = "exports"\n[[preparation]]\nname = "a"\narm = "reference"\nvolume_ml = 1\ndilution = 1\n'
        f'recordings = ["{folder}/beads.csv"]\n'
        f'[[preparation]]\nname = "b"\narm = "test"\nvolume_ml = 1\nrecordings = ["{folder}/beads2.csv"]\n'
    )
    return read_study(tmp_path / "study.toml")


def test_the_videos_of_an_export_have_the_medians_and_concentrations_it_prints(study, tmp_path):
    for tube in study.preparations:
        result = read_vendor(tube.recordings[0])
        runs, shift_nm = result.runs, result.percentiles.offset_nm
        items = attach(tube, study, read_study_files(study), tmp_path, print)
        assert len(items) == len(runs)
        for item, run in zip(items, runs, strict=True):
            # the program shifts its percentiles from the bin edges; printed to 0.1 nm
            assert math.exp(item.video.log_d50()) + shift_nm == pytest.approx(run.printed["d50_nm"], abs=0.15)
            assert item.per_ml == run.concentration_per_ml
            assert item.video.n_tracks == run.n_tracks


def test_a_study_of_exports_is_judged_without_brightness(study, tmp_path):
    judgement = assess_study(study, tmp_path / "kept", tell=print).judged[0].judgement
    assert judgement.verdict is Integrity.INDETERMINATE
    assert judgement.criteria["size_at_brightness"].comparison is None
    assert judgement.criteria["recovery"].comparison is not None
    assert judgement.criteria["d50"].comparison.n_reference == 12
