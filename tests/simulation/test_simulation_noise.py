"""The camera: shot noise, read noise, gain, offset, saturation, bit depth; and the random numbers under it."""

import math

import numpy as np
import pytest
from scipy import stats

from nta.simulation.noise import Reading, expose, frame_state, tables

SIZE = (400, 500)


def exposed(
    expected_e, *, gain=1.0, offset=0.0, read=0.0, full_well=math.inf, full_scale=65535, seed=1, index=0
):
    expected = np.broadcast_to(np.float32(expected_e), SIZE).copy()
    image = np.empty(SIZE, dtype=np.uint8 if full_scale < 256 else np.uint16)
    reading = Reading(read, full_well, gain, offset, float(full_scale))
    expose(expected, tables(), frame_state(seed, index), reading, image)
    return image


@pytest.mark.parametrize("mean", [0.0, 0.03, 0.7, 3.3, 16.0, 40.56, 63.97])
def test_shot_noise_below_64_electrons_is_poisson(mean):
    """Chi-square of the counts against the Poisson distribution; the seed is fixed, the chance of failing was 1e-4."""
    counts = exposed(mean).ravel()
    if mean == 0:
        assert not counts.any()
        return
    outcomes = np.arange(counts.max() + 1)
    expected = stats.poisson.pmf(outcomes, np.float32(mean)) * counts.size
    observed = np.bincount(counts, minlength=outcomes.size)
    often = expected > 5
    chi2 = ((observed - expected)[often] ** 2 / expected[often]).sum()
    assert chi2 < stats.chi2.isf(1e-4, often.sum() - 1)
    assert observed[~often].sum() < 60


@pytest.mark.parametrize("mean", [64.0, 100.0, 800.0, 20000.0])
def test_shot_noise_of_bright_pixels_has_mean_variance_and_skewness_of_poisson(mean):
    counts = exposed(mean).astype(float).ravel()
    n = counts.size
    assert counts.mean() == pytest.approx(mean, abs=4 * math.sqrt(mean / n))
    # rounding adds 1/12 to the variance of a normal number, and the correction 1/18
    assert counts.var() == pytest.approx(mean + 1 / 12 + 1 / 18, rel=4 * math.sqrt(2 / n))
    assert stats.skew(counts) == pytest.approx(1 / math.sqrt(mean), abs=4 * math.sqrt(6 / n))


@pytest.mark.parametrize("mean", [64.0, 100.0])
def test_bright_pixels_are_near_poisson_in_distribution(mean):
    counts = exposed(mean).ravel()
    edges = np.arange(int(mean - 5 * math.sqrt(mean)), int(mean + 5 * math.sqrt(mean)))
    ours = np.searchsorted(np.sort(counts), edges, side="right") / counts.size
    assert np.abs(ours - stats.poisson.cdf(edges, mean)).max() < 0.004  # of which 0.002 is our sample's


def test_read_noise_is_normal():
    values = exposed(0.0, read=100.0, offset=30000.0).astype(float).ravel() - 30000
    assert values.mean() == pytest.approx(0, abs=4 * 100 / math.sqrt(values.size))
    assert values.std() == pytest.approx(100, rel=4 / math.sqrt(2 * values.size))
    assert (
        stats.kstest(values + np.random.default_rng(0).random(values.size) - 0.5, "norm", (0, 100)).pvalue
        > 1e-4
    )
    beyond = (np.abs(values) > 344.3).mean()  # the ziggurat's tail
    assert beyond == pytest.approx(2 * stats.norm.sf(3.443), rel=0.2)


def test_photon_transfer_gives_back_gain_offset_and_read_noise():
    """Variance in grey values = mean / gain + (read / gain)² + 1/12, the way a real camera is measured."""
    gain, offset, read = 2.5, 100.0, 2.5
    levels = np.array([5.0, 20.0, 60.0, 200.0, 800.0, 3000.0])
    means, variances = [], []
    for i, level in enumerate(levels):
        first, second = (
            exposed(level, gain=gain, offset=offset, read=read, index=2 * i + j).astype(float) for j in (0, 1)
        )
        means.append(first.mean() - offset)
        variances.append((first - second).var() / 2)
    slope, intercept = np.polyfit(means, variances, 1, w=1 / np.array(variances))
    assert 1 / slope == pytest.approx(gain, rel=0.01)
    assert np.array(means) * gain == pytest.approx(levels, rel=2e-3)
    assert intercept == pytest.approx((read / gain) ** 2 + 1 / 12, rel=0.03)


@pytest.mark.parametrize(
    ("bits", "dtype"), [(8, np.uint8), (10, np.uint16), (12, np.uint16), (16, np.uint16)]
)
def test_the_converter_saturates_at_full_scale_and_never_wraps(bits, dtype):
    top = 2**bits - 1
    image = exposed(10.0 * top, gain=1.0, read=3.0, full_scale=top)
    assert image.dtype == dtype
    assert np.all(image == top)
    assert np.all(exposed(0.0, read=50.0, offset=0.0, full_scale=top) <= top)
    assert (exposed(0.0, read=50.0, offset=0.0, full_scale=top) == 0).mean() == pytest.approx(0.5, abs=0.01)


def test_a_pixel_holds_no_more_than_its_full_well():
    image = exposed(5000.0, gain=0.5, offset=10.0, full_well=2000.0)
    assert np.all(image == 4010)


def test_frames_differ_and_each_can_be_made_again():
    assert np.array_equal(exposed(20.0, index=7), exposed(20.0, index=7))
    other_frame, other_seed = exposed(20.0, index=8), exposed(20.0, seed=2, index=7)
    for other in (other_frame, other_seed):
        correlation = np.corrcoef(exposed(20.0, index=7).ravel(), other.ravel())[0, 1]
        assert abs(correlation) < 4 / math.sqrt(other.size)


def test_pixels_do_not_know_of_each_other():
    noise = exposed(30.0, read=5.0, offset=100.0).astype(float) - 130
    for a, b in ((noise[:, 1:], noise[:, :-1]), (noise[1:], noise[:-1]), (noise[::2, 5:], noise[::2, :-5])):
        assert abs(np.corrcoef(a.ravel(), b.ravel())[0, 1]) < 4 / math.sqrt(a.size)
