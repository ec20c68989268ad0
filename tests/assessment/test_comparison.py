import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from nta.assessment.integrity.comparison import (
    Decision,
    Margin,
    compare_independent,
    compare_paired,
    holm,
    replicates_for_change,
    replicates_for_equivalence,
    rounding_error,
)
from nta.errors import SettingError

TEN_PER_CENT = Margin(low=-0.1, high=0.1)


def test_intervals_are_those_of_welch(rng):
    a, b = rng.normal(0.0, 1.0, 7), rng.normal(0.3, 2.0, 5)
    ours = compare_independent(a, b, TEN_PER_CENT, unit="video")
    theirs = stats.ttest_ind(a, b, equal_var=False).confidence_interval(0.95)
    assert (ours.low, ours.high) == pytest.approx((theirs.low, theirs.high))


def test_intervals_are_those_of_the_paired_t(rng):
    a, b = rng.normal(0.0, 1.0, 6), rng.normal(0.3, 1.0, 6)
    ours = compare_paired(a, b, TEN_PER_CENT, unit="preparation")
    theirs = stats.ttest_rel(a, b).confidence_interval(0.90)
    assert (ours.equivalence_low, ours.equivalence_high) == pytest.approx((theirs.low, theirs.high))


@pytest.mark.parametrize(
    ("shift", "sd", "decision"),
    [(0.0, 0.02, Decision.EQUIVALENT), (0.3, 0.02, Decision.CHANGED), (0.1, 0.05, Decision.INCONCLUSIVE)],
)
def test_inside_the_margin_is_equivalent_beyond_it_changed_and_across_it_not_decided(
    rng, shift, sd, decision
):
    reference = np.linspace(-sd, sd, 5)
    assert compare_independent(reference + shift, reference, TEN_PER_CENT, unit="video").decision is decision


@given(st.floats(-0.5, 0.5), st.floats(1e-3, 0.3), st.integers(2, 8))
def test_changed_and_equivalent_never_hold_together_and_p_agrees(shift, sd, n):
    reference = sd * np.linspace(-1, 1, n)
    comparison = compare_independent(reference + shift, reference, TEN_PER_CENT, unit="video")
    assert (comparison.decision is Decision.CHANGED) == (comparison.p_changed < 0.05)


def test_identical_samples_are_rarely_called_changed(rng):
    # 5 videos an arm, video-to-video scatter of 2 %: the honest error rate is far below 5 % with a margin of 10 %
    changed = sum(
        compare_independent(*rng.normal(0, 0.02, (2, 5)), Margin(low=-1e-9, high=1e-9), unit="video").decision
        is Decision.CHANGED
        for _ in range(400)
    )
    assert changed / 400 == pytest.approx(0.05, abs=0.03)  # without a margin: the plain t test at 5 %


def test_holm_is_the_step_down_of_bonferroni():
    assert holm({"a": 0.01, "b": 0.04, "c": 0.03}) == pytest.approx({"a": 0.03, "c": 0.06, "b": 0.06})
    assert holm({}) == {}


@pytest.mark.parametrize(("cv", "n"), [(0.03, 3), (0.05, 6), (0.10, 20)])
def test_replicates_needed_agree_with_the_published_design_table(cv, n):
    assert abs(replicates_for_equivalence(cv, TEN_PER_CENT) - n) <= max(1, round(0.15 * n))


@pytest.mark.parametrize("paired", [False, True])
def test_as_many_replicates_as_planned_show_a_change_as_often_as_planned(rng, paired):
    sd, beyond = 0.05, 0.10
    n = replicates_for_change(sd, beyond, paired=paired)
    compare = compare_paired if paired else compare_independent
    called = [
        compare(rng.normal(0.1 + beyond, sd, n), rng.normal(0, sd, n), TEN_PER_CENT, unit="video").decision
        for _ in range(800)
    ]
    assert np.mean([decision is Decision.CHANGED for decision in called]) > 0.7
    assert replicates_for_change(sd, beyond, paired=True) > replicates_for_change(sd, beyond)
    assert replicates_for_change(sd, beyond, looked_at=4) > replicates_for_change(sd, beyond)
    assert replicates_for_change(sd, beyond, fewest=30) == 30


def test_replicates_that_agree_to_the_last_digit_are_known_no_better_than_it():
    values = (0.79, 0.79), (1.0, 1.0)
    error = rounding_error([v for arm in values for v in arm])
    assert error == pytest.approx(0.01 / np.sqrt(12))
    ours = compare_independent(*values, TEN_PER_CENT, unit="preparation", rounding=np.sqrt(2) * error)
    assert ours.high - ours.low == pytest.approx(2 * 4.303 * np.sqrt(2) * error, rel=1e-3)
    paired = compare_paired(*values, TEN_PER_CENT, unit="preparation", rounding=np.sqrt(2) * error)
    assert paired.high > paired.low + error


@pytest.mark.parametrize(
    ("values", "digit"),
    [((2e9, 2.1e9), 1e8), ((1.0, 2.0), 1.0), ((-12.5, -13), 0.1), ((1 / 3, 0.5), 1e-16), ((), 0)],
)
def test_the_last_digit_is_the_finest_there_is(values, digit):
    assert rounding_error(values) == pytest.approx(digit / np.sqrt(12), abs=1e-16)


def test_one_replicate_is_refused():
    with pytest.raises(
        SettingError, match=r"the test arm has 1 replicate\(s\); an interval needs at least 2"
    ):
        compare_independent([1.0], [1.0, 2.0], TEN_PER_CENT, unit="video")
