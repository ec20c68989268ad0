"""Frames missing without a mark: found in the steps of all particles, and not where nothing is missing."""

from dataclasses import replace

import numpy as np
import pytest

from made.brownian_tracks import SCALE, brownian_tracks
from nta.diffusion import estimate_diffusion, missing_frames


def _tracks(rng, missing, n_tracks=12, n_frames=400, **options):
    """Particles of several sizes whose frames are numbered on as if none were missing."""
    d = 4.9 * np.exp(0.3 * rng.normal(size=n_tracks))
    tracks = brownian_tracks(rng, d, n_frames, recorded=1 - missing, **options)
    recorded, frame = np.unique(tracks.frame, return_inverse=True)
    return replace(tracks, frame=frame.astype(np.int32)), 1 - recorded.size / n_frames


def _missing(tracks):
    return missing_frames(tracks, estimate_diffusion(tracks, **SCALE, exposure_s=0.01))


@pytest.mark.parametrize("missing", [0.02, 0.1, 0.3])
def test_missing_frames_are_counted(rng, missing):
    tracks, truth = _tracks(rng, missing, n_tracks=30, exposure_s=0.01)
    assert _missing(tracks).missing == pytest.approx(truth, abs=0.01 + 0.25 * truth)


@pytest.mark.parametrize("error_um", [0.01, 0.1])
def test_nothing_is_missing_where_all_frames_are_there(error_um):
    for seed in range(12):
        rng = np.random.default_rng(seed)
        tracks, _ = _tracks(rng, 0.0, exposure_s=0.01, error_um=error_um, seen=0.95)
        found = _missing(tracks)
        assert found.missing == 0
        assert found.n_pairs > 380


def test_a_camera_that_shakes_now_and_then_drops_no_frames(rng):
    """Every step of every particle a little too long or too short at random: no doubling."""
    tracks, _ = _tracks(rng, 0.0)
    warp = np.cumsum(np.exp(0.15 * rng.normal(size=400)))
    frame = tracks.frame.astype(int)
    start = tracks.first_row[:-1]
    stretched = {}
    for name in ("y_px", "x_px"):
        place = getattr(tracks, name)
        step = np.diff(place, prepend=place[:1]) * np.diff(warp, prepend=0)[frame]
        step[start] = 0.0
        path = np.cumsum(step)
        stretched[name] = path - np.repeat(path[start], np.diff(tracks.first_row)) + 100.0
    assert _missing(replace(tracks, **stretched)).missing == 0


def test_one_particle_that_jumps_makes_no_frame_conspicuous(rng):
    tracks, _ = _tracks(rng, 0.0, n_tracks=30)
    y_px = tracks.y_px.copy()
    jumps = np.zeros(400)
    jumps[[50, 51, 120, 200, 201, 300]] = [12.0, -12.0, 9.0, 15.0, -15.0, 10.0]
    y_px[tracks.first_row[3] : tracks.first_row[4]] += np.cumsum(jumps)
    assert _missing(replace(tracks, y_px=y_px)).missing == 0


def test_few_particles_tell_nothing(rng):
    tracks, _ = _tracks(rng, 0.1, n_tracks=2)
    assert _missing(tracks) is None
