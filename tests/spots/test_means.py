"""The compiled box mean and matched filter against SciPy's, on frames of odd and even sides."""

import numpy as np
import pytest
from scipy import ndimage

from nta.spots.excess import box_mean
from nta.spots.filters import filters_for
from nta.spots.kernels.means import filtered


@pytest.mark.parametrize("shape", [(64, 96), (47, 65), (32, 33)])
def test_the_matched_filter_is_a_separable_correlation_reflected_at_the_borders(shape, rng):
    image = rng.normal(100, 20, shape).astype(np.float32)
    taps = filters_for(1.8).full
    line = np.concatenate([taps[:0:-1], taps])
    out = np.empty_like(image)
    filtered(image, taps, out)
    expected = image.astype(float)
    for axis in (0, 1):
        expected = ndimage.correlate1d(expected, line.astype(float), axis, mode="mirror")
    np.testing.assert_allclose(out, expected, rtol=2e-6)


@pytest.mark.parametrize("side", [10, 22])
@pytest.mark.parametrize("shape", [(64, 96), (48, 34)])
def test_the_box_mean_is_that_of_the_sums_of_four_pixels(shape, side, rng):
    image = rng.normal(100, 20, shape).astype(np.float32)
    binned = image.astype(float).reshape(shape[0] // 2, 2, shape[1] // 2, 2).mean(axis=(1, 3))
    expected = ndimage.uniform_filter(binned, side // 2, mode="mirror").repeat(2, axis=0).repeat(2, axis=1)
    np.testing.assert_allclose(box_mean(image, side), expected, rtol=2e-6)


def test_an_odd_last_row_and_column_count_twice(rng):
    image = rng.normal(100, 20, (47, 65)).astype(np.float32)
    even = np.pad(image, [(0, 1), (0, 1)], mode="edge")
    np.testing.assert_allclose(box_mean(image, 22), box_mean(even, 22)[:47, :65], rtol=2e-6)


def test_a_part_of_a_frame_is_read_as_it_is(rng):
    image = rng.normal(100, 20, (80, 90)).astype(np.float32)
    part = image[8:72, 10:74]
    np.testing.assert_array_equal(box_mean(part, 22), box_mean(part.copy(), 22))
