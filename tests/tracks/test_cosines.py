"""The cosines of smooth flow by Fourier transforms against their definition."""

import numpy as np
import pytest

from nta.tracks.cosines import Cosines


def direct(n):
    return np.cos(np.pi * np.outer(np.arange(2 * n), np.arange(n) + 0.5) / n)


@pytest.mark.parametrize("n", [1, 2, 9, 64])
def test_sums_and_series_are_what_their_definition_says(n, rng):
    cosines, basis, values = Cosines(n), direct(n), rng.normal(size=(2, n))
    np.testing.assert_allclose(cosines.sums(values), values @ basis[:n].T, atol=1e-12)
    np.testing.assert_allclose(cosines.series(values), values @ basis[:n], atol=1e-12)
    np.testing.assert_allclose(cosines.beyond(cosines.sums(values[0])), basis @ values[0], atol=1e-12)


@pytest.mark.parametrize("chosen", [[0], [0, 3], [1, 5, 8], [2, 7, 15, 14, 0]])
def test_the_variance_of_a_fit_is_that_of_its_amplitudes(chosen, rng):
    n, root = 16, rng.normal(size=(len(chosen), len(chosen)))
    covariance = root @ root.T
    basis = direct(n)[chosen]
    expected = ((covariance @ basis) * basis).sum(axis=0)
    np.testing.assert_allclose(Cosines(n).variance(np.array(chosen), covariance), expected, rtol=1e-9)


def test_a_variance_that_cancels_is_not_negative():
    """Two cosines that are hardly told apart: the variance vanishes in the slots where they cancel."""
    variance = Cosines(400).variance(np.array([0, 1]), 1e9 * np.array([[1.0, -1.0], [-1.0, 1.0]]))
    assert variance.min() >= 0
    assert variance[0] < 1e-3 * variance.max()
