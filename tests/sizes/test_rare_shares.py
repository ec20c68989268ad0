"""A share of particles of which few or none were seen is open by what their number allows."""

import numpy as np
import pytest

from made.interval_coverage import rare_outcomes
from made.synthetic_tracks import EXACT_CONDITIONS, lognormal, synthetic_tracks
from nta.sizes import SizingSettings, size_distribution
from nta.sizes.likelihood import effective_number
from nta.sizes.numbers import clopper_pearson

LARGE_NM = (300.0, 2000.0)


@pytest.mark.parametrize(
    ("seen", "n", "low", "high"),
    [(0, 73, 0.0, 0.0493), (0, 10, 0.0, 0.3085), (10, 10, 0.6915, 1.0), (3, 30, 0.0211, 0.2653), (5, 10, 0.1871, 0.8129)],
)  # fmt: skip
def test_shares_of_few_are_those_of_the_tables(seen, n, low, high):
    """Clopper and Pearson 1934, as in the tables of binomial confidence limits; none of n: 1 - 0.025^(1/n)."""
    assert clopper_pearson(seen / n, n, 0.95) == pytest.approx((low, high), abs=1e-4)


@pytest.mark.parametrize("share", [1e-4, 1e-6, 1e-300])
def test_a_low_end_of_a_share_that_is_next_to_nothing_is_0(share):
    """The quantile underflows, or is 1e-160."""
    assert clopper_pearson(share, 73, 0.95)[0] == 0.0


def test_tracks_that_count_alike_are_worth_their_number():
    assert effective_number(np.full(73, 2.5)) == pytest.approx(73)
    assert effective_number(np.array([1.0, 1.0, 10.0])) == pytest.approx(144 / 102)


def test_a_share_is_no_surer_than_the_number_of_tracks_allows(rng):
    tracks = synthetic_tracks(lognormal(100, 0.04), 73, rng)
    sizes, draws = size_distribution(
        tracks.diffusion,
        None,
        EXACT_CONDITIONS,
        SizingSettings(windows_nm=(LARGE_NM, (30.0, 150.0)), repeats=100),
        likelihood=tracks.likelihood,
    )
    n = effective_number(tracks.n_points.astype(float))
    assert n < 73  # in view, long tracks count more
    rare, nearly_all = sizes.fractions[LARGE_NM], sizes.fractions[30.0, 150.0]
    assert rare.value < 1e-6
    assert rare.high == pytest.approx(1 - 0.025 ** (1 / n), rel=1e-3)
    assert 1 - nearly_all.low == pytest.approx(rare.high, rel=1e-3)
    assert "binomial" in rare.method
    again = draws.share(*LARGE_NM)  # a window that is asked for afterwards
    assert (again.value, again.low, again.high) == pytest.approx((rare.value, rare.low, rare.high))


@pytest.mark.slow
@pytest.mark.parametrize(("share", "n_tracks"), [(0.03, 73), (0.01, 400)])
def test_intervals_of_rare_shares_hold_the_truth(share, n_tracks):
    """Of the draws alone 72 and 75 % of such intervals held it."""
    held = [outcome.holds("300-2000 nm") for outcome in rare_outcomes(range(40), share, n_tracks)]
    assert np.mean(held) >= 0.9
