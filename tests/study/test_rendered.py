"""Rendered studies through the whole pipeline: lysis is called DAMAGED, and nothing else is."""

from functools import cache, partial

import pytest

from made.rendered import rendered_study
from nta.assessment.integrity import Integrity

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """One folder for all: reference and controls are rendered and analysed once."""
    return tmp_path_factory.mktemp("rendered")


@pytest.fixture(scope="module")
def rendered(folder):
    """Return the function that renders and judges a study; each once."""
    return cache(partial(rendered_study, folder))


@pytest.mark.parametrize(
    ("case", "right"),
    [
        ("T8 osmotic lysis", (Integrity.DAMAGED,)),
        ("X1 smaller but intact", (Integrity.ALTERED, Integrity.INDETERMINATE)),
    ],
)
def test_a_rendered_study_gets_the_right_verdict(rendered, case, right):
    outcome = rendered(case)
    judgement = outcome.judged[0].judgement
    assert judgement.verdict in right
    shift = judgement.criteria["size_at_brightness"].comparison.estimate
    # half of the vesicles emptied shift the population-level simulation by 0.17, vesicles merely smaller by -0.01
    assert 0.06 < shift < 0.25 if Integrity.DAMAGED in right else abs(shift) < 0.06


def test_what_was_analysed_is_not_analysed_again(folder, rendered):
    outcome = rendered("T8 osmotic lysis")
    kept = {path: path.stat().st_mtime_ns for path in (folder / "analyses").glob("*/results.h5")}
    again = rendered_study(folder, "T8 osmotic lysis")
    assert {path: path.stat().st_mtime_ns for path in (folder / "analyses").glob("*/results.h5")} == kept
    assert again.judged[0].judgement.adjusted_p == outcome.judged[0].judgement.adjusted_p
