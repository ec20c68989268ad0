"""A blank is judged by the sample it is taken off, beads by their certificate."""

import pytest

from nta.assessment import Verdict, load_limits
from nta.assessment.controls import against_blank, bead_check
from nta.quantity import Quantity
from nta.visibility import Concentration

LIMITS = load_limits("recording_quality")


def counted(value, low, high, *, per_ml=True):
    found, none = Quantity(value, low, high, "1/ml"), Quantity(None, None, None, "1/ml")
    in_cell = found if per_ml else none
    return Concentration(
        per_frame=found, in_cell_per_ml=in_cell, in_sample_per_ml=none, dilution=None, why_not=""
    )


@pytest.mark.parametrize(
    ("blank", "verdict", "words"),
    [
        (counted(None, 0.0, 3e6), Verdict.PASS, "0 % (at most 3 %)"),
        (counted(2e7, 1.5e7, 2.5e7), Verdict.WARN, "20 % (at most 25 %)"),
        (counted(9e6, 1e6, 1.2e8), Verdict.WARN, "not above the blank"),
        (counted(8e7, 6e7, 9.7e7), Verdict.FAIL, "80 % (at most 97 %)"),
        (counted(1e8, 8e7, 1.2e8), Verdict.FAIL, "100 % (at most 120 %)"),
        (counted(5.0, 4.0, 6.0, per_ml=False), Verdict.WARN, "not subtracted"),
    ],
)
def test_a_blank_passes_where_the_sample_is_well_above_it(blank, verdict, words):
    _, found = against_blank(counted(1e8, 8e7, 1.2e8), blank, LIMITS)
    assert found.verdict is verdict
    assert words in found.evidence
    assert bool(found.advice) == (verdict is not Verdict.PASS)


def test_a_sample_in_which_nothing_was_counted_is_not_above_its_blank():
    _, found = against_blank(counted(0.0, 0.0, 3e6), counted(2e7, 1.5e7, 2.5e7), LIMITS)
    assert found.verdict is Verdict.WARN
    assert "nothing was counted in the sample" in found.evidence
    assert "not above the blank" in found.evidence


@pytest.mark.parametrize(
    ("bias", "verdict"), [(-0.03, Verdict.PASS), (-0.07, Verdict.WARN), (0.12, Verdict.FAIL)]
)
def test_beads_are_judged_by_how_far_they_are_off_their_certificate(bias, verdict):
    found = bead_check(bias, 0.01, 2, "beads", LIMITS)
    assert found.verdict is verdict
    assert f"{100 * bias:+.1f} %" in found.evidence
    assert bool(found.advice) == (verdict is not Verdict.PASS)
