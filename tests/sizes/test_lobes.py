"""What a filter makes of log-normals: the lobes of a distribution in view take the shape that the filter gives them."""

import numpy as np
import pytest

from nta.sizes.lobes import Lobes

X = np.log(np.geomspace(10, 2000, 401))


def visible(x, at_nm=70.0, sharp=0.08):
    """A visible volume that rises steeply from nearly nothing."""
    return 1e-4 + 1 / (1 + np.exp(-(x - np.log(at_nm)) / sharp))


def normal(x, mean, sd):
    return np.exp(-0.5 * ((x - mean) / sd) ** 2)


def moments(weight):
    weight = weight / weight.sum()
    mean = weight @ X
    return mean, np.sqrt(weight @ X**2 - mean**2)


@pytest.mark.parametrize(("median_nm", "gsd"), [(100.0, 1.4), (75.0, 1.6), (60.0, 1.3), (150.0, 1.05)])
def test_what_is_log_normal_behind_the_filter_is_found_from_mean_and_spread(median_nm, gsd):
    seen = normal(X, np.log(median_nm), np.log(gsd)) * visible(X)
    seen /= seen.sum()
    mean, sd = moments(seen)
    lobes = Lobes(np.array([[1.0]]), np.array([[mean]]), np.array([[sd]]))
    found = lobes.through(X, np.log(visible(X))[None])[0]
    assert np.abs(np.cumsum(found) - np.cumsum(seen)).max() < 1e-3


def test_shares_means_and_spreads_stay_and_rows_may_have_fewer_lobes():
    share = np.array([[0.3, 0.7], [1.0, 0.0]])
    mean = np.log([[80.0, 200.0], [120.0, 1.0]])
    sd = np.array([[0.1, 0.05], [0.2, 1.0]])
    found = Lobes(share, mean, sd).through(X, np.log(np.stack([visible(X), visible(X, 100.0)])))
    np.testing.assert_allclose(found.sum(axis=1), 1)
    small = np.exp(X) < 130
    assert found[0][small].sum() == pytest.approx(0.3, abs=1e-3)
    assert moments(np.where(small, found[0], 0)) == pytest.approx((mean[0, 0], sd[0, 0]), abs=1e-3)
    assert moments(found[1]) == pytest.approx((mean[1, 0], sd[1, 0]), abs=1e-3)


def test_a_filter_that_lets_all_through_changes_nothing():
    mean, sd = np.log(100.0), 0.3
    found = Lobes(np.ones((1, 1)), np.full((1, 1), mean), np.full((1, 1), sd)).through(
        X, np.zeros((1, X.size))
    )
    expected = normal(X, mean, sd)
    np.testing.assert_allclose(found[0], expected / expected.sum(), atol=1e-6)


def test_a_lobe_beyond_the_bins_takes_no_other_along():
    """One false track of 4 nm, a share of 6e-4, once made the whole distribution in suspension NaN."""
    lobes = Lobes(
        np.array([[0.9994, 6e-4]]), np.array([[np.log(100.0), np.log(4.2)]]), np.array([[0.1, 0.05]])
    )
    found = lobes.through(X, np.log(visible(X))[None])[0]
    assert found.sum() == pytest.approx(0.9994)
    assert moments(found)[0] == pytest.approx(np.log(100.0), abs=1e-3)
