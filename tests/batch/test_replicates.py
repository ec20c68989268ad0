"""Mean, scatter and interval over videos, against values of a textbook's formulas."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nta.batch import About, Job, Outcome, replicates
from nta.quantity import Quantity


def _done(values, *, group="lot 1", status="result"):
    return [
        (
            Job(name=f"{i}", recording=None, folder=None, about=About(group=group)),
            Outcome(status=status, numbers={"d50_nm": Quantity(v, v - 1, v + 1, "nm")}),
        )
        for i, v in enumerate(values)
    ]


def _one(done, **words):
    (found,) = replicates(done, **words)
    return found


def test_five_videos_against_tabulated_student_t():
    """t(0.975, 4) = 2.776: NIST/SEMATECH e-Handbook of Statistical Methods, table 1.3.6.7.2."""
    found = _one(_done([98.0, 100.0, 102.0, 104.0, 96.0]))
    assert found.mean.value == 100
    assert found.sd == pytest.approx(10**0.5)
    assert found.cv == pytest.approx(10**0.5 / 100)
    assert found.mean.high - 100 == pytest.approx(2.776 * 10**0.5 / 5**0.5, rel=2e-4)
    assert 100 - found.mean.low == pytest.approx(found.mean.high - 100)
    assert (found.n, found.n_videos) == (5, 5)


def test_one_video_has_no_scatter():
    found = _one(_done([98.0]))
    assert (found.mean.value, found.mean.low, found.mean.high, found.sd, found.cv) == (
        98,
        None,
        None,
        None,
        None,
    )


def test_only_results_count_unless_asked():
    done = _done([98.0, 102.0]) + _done([150.0], status="incomplete") + _done([1.0], status="failed")
    assert _one(done).mean.value == 100
    assert _one(done, use_incomplete=True).n == 3


def test_a_copy_of_a_recording_is_no_replicate():
    done = [(job, replace(outcome, sha256="abc")) for job, outcome in _done([98.0, 98.0])]
    assert _one(done).n_videos == 1
    assert _one([*done, *_done([102.0])]).n_videos == 2


def test_a_video_without_the_number_is_said():
    done = [*_done([98.0, 102.0]), (_done([0.0])[0][0], Outcome(status="result"))]
    found = _one(done)
    assert (found.n, found.n_videos) == (2, 3)


def test_the_interval_holds_the_mean_of_videos_as_often_as_it_says(rng):
    hits = 0
    for _ in range(400):
        found = _one(_done(rng.normal(100, 4, 3)))
        hits += found.mean.low <= 100 <= found.mean.high
    assert 0.92 <= hits / 400 <= 0.98  # binomial: 95 % +- 2.7 standard errors


@given(st.lists(st.floats(1, 1e9), min_size=2, max_size=8))
def test_the_interval_is_never_below_nothing(values):
    found = _one(_done(values))
    assert 0 <= found.mean.low <= found.mean.value * (1 + 1e-12)
    assert found.mean.value == pytest.approx(np.mean(values))
