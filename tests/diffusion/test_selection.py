"""What is missed is given back: fast particles whose smeared spots are faint, and those that leave the frame."""

from dataclasses import dataclass, replace

import numpy as np
import pytest

from made.brownian_tracks import INTERVAL_S, PIXEL_UM, SCALE, blurred_path, estimated, tracks_of
from nta.diffusion import DiffusionSettings, diffusion_likelihood, estimate_diffusion
from nta.diffusion.selection import seen_motion
from nta.diffusion.steps import Steps

LIGHT, WIDTH_PX = 1000.0, 1.5


@dataclass(frozen=True)
class Found:
    """Half of the spots as wide as `half_px` are found, fewer of wider ones; others hide a share `hidden` of all."""

    half_px: float
    hidden: float = 0.0

    def probability(self, electrons, width_px):
        return 1 / (1 + (np.asarray(width_px) / self.half_px) ** 16 * (LIGHT / np.asarray(electrons)))

    def not_hidden(self, electrons):
        return np.full(np.shape(electrons), 1 - self.hidden)


def _seen_tracks(rng, diffusion_um2_s, n_tracks, exposure_s, found):
    """Tracks of the frames in which a particle is found, given how far its own path smeared it."""
    n_frames, substeps = 80, 40
    open_steps = round(substeps * exposure_s / INTERVAL_S)
    parts, widths = [], []
    for _ in range(n_tracks):
        small = np.sqrt(2 * diffusion_um2_s * INTERVAL_S / substeps) * rng.normal(
            size=(n_frames * substeps, 2)
        )
        path = np.cumsum(small, axis=0).reshape(n_frames, substeps, 2)[:, :open_steps] / PIXEL_UM
        width = np.sqrt(WIDTH_PX**2 + path.var(axis=1).mean(axis=1))
        there = rng.random(n_frames) < found.probability(LIGHT, width)
        places = path.mean(axis=1) + 0.1 * rng.normal(size=(n_frames, 2)) + 200
        parts.append((np.flatnonzero(there), places[there]))
        widths.append(width[there])
    tracks = tracks_of(
        parts, error_px=0.1, light=[np.full(w.size, LIGHT) for w in widths], recorded=np.arange(n_frames)
    )
    return replace(tracks, width_px=np.concatenate(widths))


@pytest.mark.parametrize("noise", ["spots", "recording"])
def test_what_smeared_spots_take_from_d_is_given_back(rng, noise):
    truth, exposure_s, found = 8.7, 0.5 * INTERVAL_S, Found(half_px=2.0)  # 50 nm in water
    tracks = _seen_tracks(rng, truth, 500, exposure_s, found)
    settings = DiffusionSettings(noise=noise)
    plain = estimate_diffusion(tracks, **SCALE, exposure_s=exposure_s, settings=settings)
    given_back = estimate_diffusion(
        tracks, **SCALE, exposure_s=exposure_s, settings=settings, detection=found
    )
    weight = plain.n_points
    assert np.average(plain.diffusion_um2_s, weights=weight) < 0.97 * truth
    assert np.average(given_back.diffusion_um2_s, weights=weight) == pytest.approx(truth, rel=0.012)
    table = diffusion_likelihood(tracks, given_back)
    best = table.grid_um2_s[np.argmax(table.log_likelihood, axis=1)]
    spacing = np.log(table.grid_um2_s[1] / table.grid_um2_s[0])
    assert np.abs(np.log(best / given_back.diffusion_um2_s[table.track])).max() < spacing


def test_errors_are_given_back_with_the_motion(rng):
    """Steps whose squares are a share of those of free diffusion, and errors as they are of faint spots."""
    truth, kept, error_px = 4.3, 0.8, 1.0
    parts = [
        (np.arange(30), path / PIXEL_UM + error_px * rng.normal(size=(30, 2)) + 200)
        for path in (blurred_path(rng, kept * truth, 30, 0.0) for _ in range(600))
    ]
    tracks = tracks_of(parts, error_px=error_px)
    steps = Steps.of(tracks, **SCALE, kept_share=np.full(600, kept))
    squares = np.mean(steps.dy_um**2 + steps.dx_um**2) / 4
    assert squares - np.mean(steps.error_variance_um2) == pytest.approx(truth * INTERVAL_S, rel=0.02)


def test_where_every_spot_is_found_nothing_is_given_back(rng):
    exposure_s = 0.5 * INTERVAL_S
    tracks = _seen_tracks(rng, 4.3, 50, exposure_s, Found(half_px=9.0))
    plain = estimated(tracks, exposure_s)
    seen = seen_motion(
        tracks, Steps.of(tracks, **SCALE), plain.diffusion_um2_s, exposure_s, Found(half_px=9.0)
    )
    assert seen.kept_share == pytest.approx(1.0, abs=1e-4)
    assert seen.blur_share == pytest.approx(1.0, abs=1e-3)
    for nothing in (
        seen_motion(tracks, Steps.of(tracks, **SCALE), plain.diffusion_um2_s, exposure_s, None),
        seen_motion(tracks, Steps.of(tracks, **SCALE), plain.diffusion_um2_s, 0.0, Found(half_px=1.5)),
    ):
        assert np.all(nothing.kept_share == 1.0)
        assert nothing.blur_share == 1.0


@pytest.mark.parametrize("step_px", [1.0, 3.0])
def test_what_long_steps_behind_others_take_from_d_is_given_back(rng, step_px):
    """Particles in a box that is closed upon itself, each hidden where another is nearer than 2.5 widths of a spot."""
    from scipy.spatial import cKDTree

    side, n, n_frames, hidden_within = 1000.0, 9000, 12, 2.5 * WIDTH_PX
    truth = (step_px * PIXEL_UM) ** 2 / (2 * INTERVAL_S)
    place, there = rng.uniform(0, side, (n, 2)), []
    steps = rng.normal(0, step_px, (n_frames - 1, n, 2))
    for f in range(n_frames):
        place = place if f == 0 else (place + steps[f - 1]) % side
        near = cKDTree(place, boxsize=side).query_ball_point(place, hidden_within, return_length=True)
        there.append(near == 1)
    there = np.array(there)
    seen = there[1:] & there[:-1]
    squared = (steps**2).sum(axis=2)
    kept = squared[seen].mean() / squared.mean()
    assert kept < 0.985
    found = Found(half_px=99.0, hidden=1 - there.mean())
    tracks = tracks_of([(np.arange(9), np.full((9, 2), 200.0))], light=[np.full(9, LIGHT)])
    tracks = replace(tracks, width_px=np.full(9, WIDTH_PX, np.float32))
    tracks = replace(tracks, scene=replace(tracks.scene, spot_width_px=WIDTH_PX))
    given = seen_motion(tracks, Steps.of(tracks, **SCALE), np.array([kept * truth]), 0.0, found)
    assert 1 - given.kept_share[0] == pytest.approx(1 - kept, rel=0.15)
    assert given.blur_share == 1.0


def test_who_leaves_the_frame_does_not_slow_down_those_who_stay(rng):
    """A frame of 60 x 60 px, steps of 3 px: those that are seen are 2 % short of D."""
    truth, side = 8.4, 60
    parts, squares = [], []
    for _ in range(4000):
        path = blurred_path(rng, truth, 60, 0.0) / PIXEL_UM + rng.uniform(-0.5, side - 0.5, 2)
        inside = np.all((path > -0.5) & (path < side - 0.5), axis=1)
        last = int(np.argmin(inside)) if not inside.all() else 60
        if last >= 5:
            parts.append((np.arange(last), path[:last] + 0.02 * rng.normal(size=(last, 2))))
            squares.append(np.sum(np.diff(path[:last], axis=0) ** 2, axis=1))
    seen = np.mean(np.concatenate(squares)) * PIXEL_UM**2 / (4 * INTERVAL_S)
    assert seen < 0.982 * truth
    tracks = tracks_of(parts, error_px=0.02)
    tracks = replace(tracks, scene=replace(tracks.scene, width_px=side, height_px=side))
    steps = Steps.of(tracks, **SCALE)
    kept = np.mean(steps.dy_um**2 + steps.dx_um**2) / (4 * INTERVAL_S)
    assert kept == pytest.approx(truth, rel=0.01)
