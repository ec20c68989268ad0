"""Rings and discs: one flagged spot each, in the right place; groups of spots are not rings."""

from dataclasses import replace

import numpy as np
import pytest

from made.scenes import Setup, exposed, film
from nta.frames import Frame
from nta.spots import SpotDetector, SpotFlag
from nta.spots.settings import DetectionSettings

OUT_OF_FOCUS = int(SpotFlag.OUT_OF_FOCUS)
SETUP = Setup(height=256, width=320, background_e=20.0)


def _ring(mean, x, y, radius, thickness, per_px):
    yy, xx = np.indices(mean.shape)
    r = np.hypot(xx - x, yy - y)
    mean += per_px * np.exp(-0.5 * ((r - radius) / thickness) ** 2)


def _frames(radius, n_frames=12, per_px=60.0):
    """Each frame: four rings and four spots in focus, far from one another, anew in every frame."""
    rng = np.random.default_rng(5)
    corners = np.array([(x, y) for x in (45, 120, 200, 275) for y in (65, 190)], float)
    frames, truth = [], []
    for index in range(n_frames):
        mean = np.full((SETUP.height, SETUP.width), SETUP.background_e)
        places = rng.permutation(corners) + rng.uniform(-9, 9, (8, 2))
        for x, y in places[:4]:
            _ring(mean, x, y, radius, 1.8, per_px)
        for x, y in places[4:]:
            _ring(mean, x, y, 0.0, 1.8, 120.0)
        frames.append(Frame(exposed(mean, SETUP, rng), index, index / 30))
        truth.append(places)
    return frames, truth


@pytest.mark.parametrize("radius", [6.0, 9.0, 14.0])
def test_a_ring_is_one_flagged_spot_with_an_honest_error(radius):
    frames, truth = _frames(radius)
    with SpotDetector(DetectionSettings(threads=1), SETUP.camera) as detector:
        detector.prime(frames)
        spots = detector.detect(frames)
    n_near, pulls, focus_flagged = [], [], 0
    for frame, places in zip(frames, truth, strict=True):
        mine = spots.frame == frame.index
        xy = np.c_[spots.x_px, spots.y_px][mine]
        flags, error = spots.flags[mine], spots.localization_error_px[mine]
        for k, place in enumerate(places):
            near = np.hypot(*(xy - place).T) < radius + 6
            if k < 4:
                n_near.append(near.sum())
                if near.sum() == 1:
                    assert flags[near][0] & OUT_OF_FOCUS
                    pulls.append((xy[near][0] - place) / error[near][0])
            else:
                focus_flagged += (flags[near] & OUT_OF_FOCUS != 0).sum()
    n_near = np.array(n_near)
    assert (n_near == 1).mean() > 0.95
    assert focus_flagged <= 2
    assert (
        0.35 < np.std(pulls) < 1.5
    )  # wide rings are fitted at a coarse resolution and stated with more doubt


@pytest.mark.parametrize("electrons", [5000.0, 12_000.0, 40_000.0])
def test_a_lone_wide_spot_is_found_however_bright(electrons):
    """It is wider than any fit may be: the brighter, the more surely it had been dropped."""
    shot = film(Setup(height=192, width=192, n_spots=6, bits=12, widths_px=(1.6, 1.8), seed=3))
    rng = np.random.default_rng(8)
    pulls, n_near = [], []
    with SpotDetector(DetectionSettings(threads=1), shot.setup.camera) as detector:
        detector.prime(shot.frames)
        for frame in shot.frames:
            light = np.zeros(frame.image.shape)
            x, y = 96 + rng.uniform(-9, 9, 2)
            _ring(light, x, y, 0.0, 4.2, electrons / (2 * np.pi * 4.2**2))
            image = frame.image + np.rint(rng.poisson(light) / shot.setup.gain_e_per_adu).astype(np.uint16)
            spots = detector.detect([replace(frame, image=image)])
            xy = np.c_[spots.x_px, spots.y_px]
            wide = (np.hypot(*(xy - (x, y)).T) < 8) & (spots.flags & OUT_OF_FOCUS != 0)
            n_near.append(wide.sum())
            pulls += list(((xy[wide] - (x, y)) / spots.localization_error_px[wide, None]).ravel())
    assert np.mean(np.array(n_near) == 1) > 0.85
    assert np.median(np.abs(pulls)) < 1.2
