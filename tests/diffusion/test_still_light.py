"""Dirt on the glass, far out of focus: its centre wanders with the particles that pass, and it is no huge particle."""

from dataclasses import replace

import numpy as np
import pytest

from nta.circumstances import Scale
from nta.diffusion import TrackFlag, estimate_diffusion
from nta.frames import Frame
from nta.pipeline import find_tracks
from nta.settings import AnalysisSettings
from nta.simulation import simulate
from nta.spots import SpotDetector

PLACES = np.random.default_rng(1).uniform(20, 220, (12, 2))  # (y, x), px
WIDTHS_PX = np.linspace(4.0, 9.0, len(PLACES))
HEIGHT_E = 25.0


@pytest.fixture(scope="module")
def tracks_among_dirt():
    recording = simulate("polystyrene_100nm", n_frames=200)
    camera, rng = recording.camera, np.random.default_rng(2)
    frames = list(recording.frames())
    y, x = np.indices(frames[0].image.shape)
    dirt_e = sum(
        HEIGHT_E * np.exp(-((y - at[0]) ** 2 + (x - at[1]) ** 2) / (2 * width**2))
        for at, width in zip(PLACES, WIDTHS_PX, strict=True)
    )
    dirty = [
        Frame(
            frame.image + np.rint(rng.poisson(dirt_e) / camera.gain_e_per_adu).astype(frame.image.dtype),
            frame.index,
            frame.time_s,
        )
        for frame in frames
    ]
    settings = AnalysisSettings()
    with SpotDetector(settings.detection, camera) as detector:
        _, tracks = find_tracks(dirty, settings, detector=detector)
    return tracks, Scale.of(camera)


def _of_dirt(tracks):
    """Tracks of which most spots lie within a width of dirt, and are wide."""
    at = np.stack([tracks.y_px, tracks.x_px], axis=1)
    near = (np.hypot(*(at[:, None] - PLACES).transpose(2, 0, 1)) < WIDTHS_PX).any(axis=1)
    wide = tracks.width_px > 1.5 * tracks.scene.spot_width_px
    count = np.bincount(tracks.track)
    return np.bincount(tracks.track, near & wide) > 0.5 * count


def test_dirt_out_of_focus_gets_no_size(tracks_among_dirt):
    tracks, scale = tracks_among_dirt
    found = estimate_diffusion(tracks, **vars(scale))
    dirt = _of_dirt(tracks) & (found.n_points >= 20)
    assert dirt.sum() >= 3
    assert not found.has_size[dirt].any()
    assert (found.flags[dirt] & int(TrackFlag.IMMOBILE) != 0).all()
    assert found.has_size[~_of_dirt(tracks)].mean() > 0.3


def test_tracks_of_which_no_background_is_known_are_judged_by_their_motion(tracks_among_dirt):
    tracks, scale = tracks_among_dirt
    without = replace(
        tracks, scene=replace(tracks.scene, bit_depth=0, background=np.zeros((1, 1), np.float32))
    )
    found = estimate_diffusion(without, **vars(scale))
    assert found.has_size.sum() >= estimate_diffusion(tracks, **vars(scale)).has_size.sum()
