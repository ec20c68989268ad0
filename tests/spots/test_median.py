"""The median over a few images is the median, whatever their number and type."""

import numpy as np
import pytest

from nta.spots.median import median_of


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
@pytest.mark.parametrize("n", range(1, 26))
def test_the_network_finds_the_middle(n, dtype, rng):
    images = rng.integers(0, 200, (n, 12, 17)).astype(dtype)
    before = images.copy()
    np.testing.assert_array_equal(median_of(images), np.median(images, axis=0).astype(np.float32))
    np.testing.assert_array_equal(images, before)
