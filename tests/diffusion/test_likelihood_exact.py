"""The likelihood against a dense covariance matrix built from Brownian motion itself, not from the formulas it uses."""

import numpy as np
import pytest

from made.brownian_tracks import INTERVAL_S, PIXEL_UM, brownian_tracks, estimated
from nta.diffusion import diffusion_likelihood
from nta.errors import SettingError


def dense_log_likelihood(frame, position_um, diffusion, exposure_s, error_um, evident):
    """ln density of the `evident` displacements: covariance of time averages of Brownian motion plus independent errors.

    For motion that starts at 0, cov(B(s), B(t)) = 2 D min(s, t). Averaged over two exposures that begin at t1 < t2 and do
    not overlap this is 2 D (t1 + t_E / 2); over one exposure with itself 2 D (t1 + t_E / 3).
    """
    from scipy.stats import multivariate_normal

    start = frame * INTERVAL_S
    earlier = np.minimum(start[:, None], start)
    covariance = 2 * diffusion * (earlier + exposure_s / 2)
    np.fill_diagonal(covariance, 2 * diffusion * (start + exposure_s / 3) + error_um**2)
    differences = np.diff(np.eye(frame.size), axis=0)[evident]
    law = multivariate_normal(cov=differences @ covariance @ differences.T)
    return float(sum(law.logpdf(differences @ axis) for axis in position_um.T))


@pytest.mark.parametrize("exposure_s", [0.0, 0.4 * INTERVAL_S, INTERVAL_S])
@pytest.mark.parametrize("error_um", [0.005, 0.08, 0.4])
@pytest.mark.parametrize(("seen", "recorded"), [(1.0, 1.0), (0.75, 1.0), (1.0, 0.6), (0.8, 0.8)])
def test_the_likelihood_is_that_of_the_dense_covariance(rng, exposure_s, error_um, seen, recorded):
    """Frames not recorded make displacements longer; over frames in which the particle was missed there are none."""
    tracks = brownian_tracks(
        rng, [1.0, 6.0], 24, exposure_s=exposure_s, error_um=error_um, seen=seen, recorded=recorded
    )
    estimates = estimated(tracks, exposure_s)
    grid = np.geomspace(0.2, 30, 7)
    likelihood = diffusion_likelihood(tracks, estimates, grid, which=[0, 1])
    values = likelihood.log_likelihood + likelihood.peak[:, None]
    first = tracks.first_row
    for k in range(2):
        rows = slice(first[k], first[k + 1])
        position = PIXEL_UM * np.stack([tracks.y_px[rows], tracks.x_px[rows]], axis=1)
        error = PIXEL_UM * float(tracks.localization_error_px[rows][0])
        frame = tracks.frame[rows].astype(np.int64)
        evident = np.diff(np.searchsorted(tracks.scene.frame_index, frame)) == 1
        assert evident.all() or seen < 1
        expected = [dense_log_likelihood(frame, position, d, exposure_s, error, evident) for d in grid]
        np.testing.assert_allclose(values[k], expected, rtol=2e-6, atol=2e-5)  # the table is float32


@pytest.mark.parametrize("exposure_s", [0.0, INTERVAL_S])
def test_the_estimate_is_the_top_of_its_likelihood_and_the_standard_error_its_curvature(rng, exposure_s):
    tracks = brownian_tracks(rng, np.geomspace(0.5, 8, 12), 60, exposure_s=exposure_s)
    estimates = estimated(tracks, exposure_s)
    for k in range(tracks.n_tracks):
        at = estimates.diffusion_um2_s[k]
        grid = at * np.exp(np.linspace(-0.02, 0.02, 5))
        values = diffusion_likelihood(tracks, estimates, grid, which=[k]).log_likelihood[0]
        assert np.argmax(values) == 2
    information = 1 / estimates.std_err_um2_s**2
    assert np.all(
        information * estimates.diffusion_um2_s**2 < 59
    )  # never more than the steps without noise hold
    assert np.all(information * estimates.diffusion_um2_s**2 > 20)


def test_without_noise_the_relative_error_is_one_over_the_root_of_the_steps(rng):
    estimates = estimated(brownian_tracks(rng, np.full(5, 4.0), 50, error_um=1e-4))
    np.testing.assert_allclose(estimates.std_err_um2_s / estimates.diffusion_um2_s, 1 / 7, rtol=1e-3)


def test_grids_and_tracks_that_do_not_fit_are_refused(rng):
    tracks = brownian_tracks(rng, [1.0, 2.0], 10)
    estimates = estimated(tracks)
    with pytest.raises(SettingError, match="> 0"):
        diffusion_likelihood(tracks, estimates, [0.0, 1.0])
    with pytest.raises(SettingError, match="do not belong"):
        diffusion_likelihood(brownian_tracks(rng, [1.0], 10), estimates)
