"""Westgard's rules on sequences that follow from their definitions, and the moving average on a published example."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from nta.errors import SettingError
from nta.qc.rules import RULES, broken_rules, ewma

QUIET = [0.3, -0.4, 0.8, -0.9, 0.1]


@pytest.mark.parametrize(
    ("series", "at", "rule"),
    [
        ([*QUIET, 3.1], 5, "1-3s"),
        ([*QUIET, -3.2], 5, "1-3s"),
        ([*QUIET, 2.2, 2.1], 6, "2-2s"),
        ([*QUIET, -2.2, -2.5], 6, "2-2s"),
        ([*QUIET, 2.3, -2.1], 6, "R-4s"),
        ([*QUIET, -2.3, 2.1], 6, "R-4s"),
        ([*QUIET, 1.2, 1.5, 1.1, 1.3], 8, "4-1s"),
        ([*QUIET, -1.2, -1.5, -1.1, -1.3], 8, "4-1s"),
        ([-0.5, *[0.4] * 10], 10, "10-x"),
        ([0.5, *[-0.2] * 10], 10, "10-x"),
    ],
)
def test_a_rule_is_marked_where_its_breaking_is_complete(series, at, rule):
    marks = broken_rules(series)
    assert list(marks) == [(rule,) if i == at else () for i in range(len(series))]


@pytest.mark.parametrize(
    "series",
    [
        QUIET,
        [*QUIET, 2.9],  # one beyond 2 SD is a warning, no rule
        [*QUIET, 2.2, 1.9, 2.2],  # not in a row
        [*QUIET, 2.5, -1.9],  # 4.4 SD apart, but not both beyond 2 SD
        [*QUIET, 1.2, 1.5, 0.9, 1.3],
        [*QUIET, 1.2, 1.5, -1.1, 1.3],
        [-0.5, *[0.4] * 9],
        [0.0] * 12,  # on the mean is on no side of it
        [3.0, -2.0, 2.0],  # the limit itself is within
    ],
)
def test_what_only_looks_like_it_breaks_no_rule(series):
    assert list(broken_rules(series)) == [()] * len(series)


def test_several_rules_at_once_are_all_named():
    assert broken_rules([2.5, 3.5])[1] == ("1-3s", "2-2s")


@given(st.lists(st.floats(-4, 4), min_size=1, max_size=30))
def test_mirrored_series_break_the_same_rules(series):
    assert broken_rules(series) == broken_rules([-v for v in series])


def test_chance_alone_breaks_a_rule_as_often_as_stated(rng):
    marks = broken_rules(rng.standard_normal(60_000))
    for rule in RULES:
        expected = rule.false_alarm_rate() * 60_000
        found = sum(rule.name in m for m in marks)
        # windows overlap, so that alarms come in clumps: three times the Poisson spread
        assert abs(found - expected) < 9 * math.sqrt(expected), rule.name
    assert RULES[0].false_alarm_rate() == pytest.approx(0.0027, abs=1e-5)


@pytest.mark.parametrize("runs", [5, 20])
def test_a_baseline_of_few_runs_raises_more_false_alarms_and_says_how_many(rng, runs):
    """Baselines and later runs drawn from one distribution; 1-3s also against Student's t of a prediction interval."""
    baselines = rng.standard_normal((4000, runs))
    later = rng.standard_normal((4000, 10))
    z = (later - baselines.mean(axis=1, keepdims=True)) / baselines.std(axis=1, ddof=1, keepdims=True)
    for rule in RULES:
        found = np.mean([rule.is_broken(row[: rule.span]) for row in z])
        expected = rule.false_alarm_rate(runs)
        assert found == pytest.approx(expected, abs=4 * math.sqrt(expected / 4000)), rule.name
        assert expected > 1.5 * rule.false_alarm_rate()
    predicted = 2 * stats.t.sf(3 / math.sqrt(1 + 1 / runs), runs - 1)
    assert RULES[0].false_alarm_rate(runs) == pytest.approx(predicted, rel=0.01)


def test_the_moving_average_is_that_of_the_published_example():
    """NIST/SEMATECH e-Handbook, 6.3.2.4: mean 50, s = 2.0539, weight 0.3, limits 47.4115 and 52.5884."""
    data = np.array([52.0, 47.0, 53.0, 49.3, 50.1, 47.0, 51.0, 50.1, 51.2, 50.5,
                     49.6, 47.6, 49.9, 51.3, 47.8, 51.2, 52.6, 52.4, 53.6, 52.1])  # fmt: skip
    published = [50.60, 49.52, 50.56, 50.18, 50.16, 49.21, 49.75, 49.85, 50.26, 50.33,
                 50.11, 49.36, 49.52, 50.05, 49.38, 49.92, 50.73, 51.23, 51.94, 51.99]  # fmt: skip
    found = ewma((data - 50) / 2.0539, weight=0.3)
    assert 50 + 2.0539 * found.value == pytest.approx(published, abs=0.006)
    assert 50 + 2.0539 * found.limit[-1] == pytest.approx(52.5884, abs=2e-3)
    assert not any(found.broken)


def test_the_moving_average_sees_a_small_shift_that_lasts(rng):
    z = rng.standard_normal(60)
    z[30:] += 1.5
    broken = ewma(z).broken
    assert not any(broken[:30])
    assert any(broken[30:45])


def test_what_is_no_series_is_refused():
    with pytest.raises(SettingError, match="finite"):
        broken_rules([1.0, float("nan")])
    with pytest.raises(SettingError, match="weight"):
        ewma([1.0], weight=0)
