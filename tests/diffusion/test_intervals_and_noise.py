"""Intervals of single tracks hold the truth as often as they say, whatever blurs, hides or stretches the tracks."""

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

from made.brownian_tracks import (
    INTERVAL_S,
    PIXEL_UM,
    SCALE,
    blurred_path,
    brownian_tracks,
    estimated,
    tracks_of,
)
from nta.diffusion import TrackFlag, estimate_diffusion
from nta.diffusion.noise import NoiseProblem, fit_noise
from nta.diffusion.steps import Steps
from nta.errors import SettingError
from nta.sizes import track_sizes

N = 1500  # binomial standard error of a coverage of 95 %: 0.56 %


@pytest.mark.parametrize(
    ("n_points", "exposure_s", "error_um", "seen", "recorded"),
    [
        (6, 0.0, 0.02, 1.0, 1.0),
        (15, INTERVAL_S, 0.03, 1.0, 1.0),
        (30, 0.5 * INTERVAL_S, 0.30, 1.0, 1.0),  # error as large as a step
        (35, 0.5 * INTERVAL_S, 0.05, 0.8, 1.0),
        (25, 0.5 * INTERVAL_S, 0.05, 1.0, 0.7),
    ],
)
def test_intervals_cover_and_estimates_are_centred(rng, n_points, exposure_s, error_um, seen, recorded):
    truth = 4.3  # um2/s: 100 nm in water
    tracks = brownian_tracks(
        rng,
        np.full(N, truth),
        n_points,
        exposure_s=exposure_s,
        error_um=error_um,
        seen=seen,
        recorded=recorded,
    )
    estimates = estimated(tracks, exposure_s)
    held = (estimates.low_um2_s <= truth) & (truth <= estimates.high_um2_s)
    assert 0.93 < held.mean() < 0.97
    bias = np.mean(estimates.diffusion_um2_s) / truth - 1
    spread = np.std(estimates.diffusion_um2_s) / truth
    assert abs(bias) < 0.01 + 3 * spread / np.sqrt(N)
    stated = np.sqrt(np.mean(estimates.std_err_um2_s**2)) / truth
    assert stated == pytest.approx(spread, rel=0.1)


@pytest.mark.parametrize("estimator", ["likelihood", "cve", "ols", "gls"])
def test_every_estimator_is_nearly_unbiased_and_none_beats_the_likelihood(rng, estimator):
    exposure_s = 0.6 * INTERVAL_S
    tracks = brownian_tracks(rng, np.full(800, 4.3), 40, exposure_s=exposure_s, error_um=0.1)
    best = estimated(tracks, exposure_s)
    mine = estimated(tracks, exposure_s, estimator=estimator)
    assert np.mean(mine.diffusion_um2_s) == pytest.approx(4.3, rel=0.04)
    assert np.std(mine.diffusion_um2_s) > 0.97 * np.std(best.diffusion_um2_s)
    assert np.mean(mine.std_err_um2_s) == pytest.approx(np.std(mine.diffusion_um2_s), rel=0.25)


def test_the_noise_of_a_recording_is_found_from_its_tracks(rng):
    """Spots that report half of their errors: believed, they bias D; found from the tracks, they do not."""
    tracks = brownian_tracks(rng, np.full(400, 0.5), 40, error_um=0.1)
    wrong = _with_error(tracks, 0.05 / PIXEL_UM)
    assert np.median(estimated(wrong).diffusion_um2_s) > 1.25 * 0.5
    found = estimated(wrong, noise="recording")
    assert np.median(found.diffusion_um2_s) == pytest.approx(0.5, rel=0.06)
    typical = found.noise.variance_scale * 0.05**2 + found.noise.variance_floor_um2
    assert typical == pytest.approx(0.1**2, rel=0.15)


def test_of_particles_that_go_far_the_noise_is_hardly_known(rng):
    slow = brownian_tracks(rng, np.full(200, 0.2), 20, error_um=0.05)
    fast = brownian_tracks(rng, np.full(200, 5.0), 20, error_um=0.05)
    known, unknown = (estimated(tracks, noise="recording").noise for tracks in (slow, fast))
    assert known.variance_scale_rel_std < 0.2
    assert unknown.variance_scale_rel_std > 0.4


def test_an_unknown_exposure_is_found_and_what_it_leaves_open_widens_the_intervals(rng):
    truth = 4.3
    tracks = brownian_tracks(rng, np.full(300, truth), 40, exposure_s=INTERVAL_S, error_um=0.03)
    told, found = estimated(tracks, INTERVAL_S), estimated(tracks, None)
    assert found.noise.exposure_s == pytest.approx(INTERVAL_S, rel=0.25)
    assert found.noise.diffusion_rel_std > 0
    assert np.median(found.diffusion_um2_s) == pytest.approx(truth, rel=0.05)
    width = np.log(found.high_um2_s / found.low_um2_s)
    assert np.all(width > np.log(told.high_um2_s / told.low_um2_s) * 0.99)


def test_a_linker_that_bridges_gaps_only_where_the_particle_is_near_does_not_bias_d(rng):
    """A fifth of the positions is missed, and only the nearer half of the gaps is bridged: a selection of short ones."""
    tracks = brownian_tracks(rng, np.full(400, 4.3), 60, seen=0.8)
    gap = (np.diff(tracks.track) == 0) & (np.diff(tracks.frame) > 1)
    jump = np.hypot(np.diff(tracks.y_px), np.diff(tracks.x_px))
    too_far = gap & (jump > np.median(jump[gap]))
    ends = (np.diff(tracks.track) != 0) | too_far
    cut = replace(tracks, track=np.append(0, np.cumsum(ends)).astype(np.int32))
    found = estimated(cut, noise="recording")
    sized = found.has_size & (found.n_points > 8)
    mean = np.average(found.diffusion_um2_s[sized], weights=found.n_points[sized])
    assert mean == pytest.approx(4.3, rel=0.02)
    assert found.noise.variance_scale < 1.5  # nor does what is near look like noise


def test_tracks_with_nothing_but_gaps_get_no_size(rng):
    parts = [(np.arange(0, 20, 2), 100 + np.cumsum(rng.normal(size=(10, 2)), axis=0))]
    parts.append((np.arange(20), 200 + np.cumsum(rng.normal(size=(20, 2)), axis=0)))
    estimates = estimated(tracks_of(parts))
    assert np.isnan(estimates.diffusion_um2_s).tolist() == [True, False]
    assert estimates.flags[0] & int(TrackFlag.TOO_SHORT)


def test_what_stands_still_gets_no_size(rng):
    """Stuck particles, burnt-in text, and a track whose most likely D is zero: flagged, NaN, never a finite diameter."""
    frames = np.arange(40)
    stuck = [(frames, 50 + 0.1 * rng.normal(size=(40, 2))) for _ in range(20)]
    text = [(frames, np.full((40, 2), 70.0))]
    moving = brownian_tracks(rng, np.full(60, 4.3), 40)
    rows = moving.first_row
    free = [
        (moving.frame[a:b], np.stack([moving.y_px[a:b], moving.x_px[a:b]], axis=1)) for a, b in pairwise(rows)
    ]
    estimates = estimated(tracks_of([*stuck, *text, *free]), noise="recording")
    still = estimates.flags & int(TrackFlag.IMMOBILE | TrackFlag.NON_POSITIVE) != 0
    assert still[:21].all()
    assert not still[21:].any()
    diameter = track_sizes(estimates, 25.0, 8.9e-4)
    assert np.isnan(diameter.diameter_nm[:21]).all()
    assert np.isnan(diameter.high_nm[:21]).all()
    assert np.isfinite(diameter.diameter_nm[21:]).all()
    assert np.all(diameter.low_nm[21:] < diameter.diameter_nm[21:])
    assert np.all(diameter.high_nm[21:] > diameter.diameter_nm[21:])


def test_short_tracks_are_flagged_and_get_nothing(rng):
    parts = [(np.arange(n), 100 + np.cumsum(rng.normal(size=(n, 2)), axis=0)) for n in (2, 4, 5, 30)]
    estimates = estimated(tracks_of(parts))
    short = estimates.flags & int(TrackFlag.TOO_SHORT) != 0
    assert short.tolist() == [True, True, False, False]
    assert np.isnan(estimates.diffusion_um2_s).tolist() == [True, True, False, False]


def test_what_cannot_be_is_refused(rng):
    tracks = brownian_tracks(rng, [1.0], 10)
    with pytest.raises(SettingError, match="exposure_s"):
        estimate_diffusion(tracks, **SCALE, exposure_s=2 * INTERVAL_S)
    with pytest.raises(SettingError, match="pixel_size_um"):
        estimate_diffusion(tracks, pixel_size_um=0.0, frame_interval_s=0.1, exposure_s=0.0)


def _with_error(tracks, error_px):
    error = np.full(len(tracks), error_px, dtype=np.float32)
    return replace(tracks, localization_error_px=error)


def test_the_noise_is_where_the_posterior_is_highest(rng):
    """A quarter of the points shows the neighbourhood; the place is that of all of them."""
    parts = []
    for d in rng.choice([4.3, 8.7], 900):
        n = int(rng.integers(5, 60))
        places = blurred_path(rng, d, n, 0.5 * INTERVAL_S) / PIXEL_UM + 0.3 * rng.normal(size=(n, 2)) + 200
        parts.append((np.arange(n), places))
    steps = Steps.of(tracks_of(parts, error_px=0.3), **SCALE)
    usable = np.ones(steps.n_tracks, bool)
    found = fit_noise(steps, usable, 0.5 * INTERVAL_S, believe_spots=False)
    assert found.variance_scale == pytest.approx(1.0, abs=0.25)
    problem = NoiseProblem.of(steps, usable, 0.5 * INTERVAL_S, believe_spots=False)
    here = problem(problem.of_model(found))[0]
    others = [problem(np.array([scale, floor]))[0] for scale in np.linspace(-0.8, 0.8, 9) for floor in (0, 1)]
    assert here < min(others) + 0.1
