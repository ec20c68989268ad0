"""How far apart two spots must lie is learned from how many near pairs there are."""

import numpy as np
import pytest

from nta.simulation import CameraSettings, Population, SampleSettings, Scenario, simulate
from nta.spots import DetectionSettings, SpotDetector
from nta.spots.apart import SPARROW, least_apart

WIDTH_PX, SIDE_PX = 2.0, 400.0


def _frames(rng, n=80, halves=0.0, at=2.3):
    """Places of spots at random, a share of them in two halves so many widths apart."""
    frames = []
    for _ in range(8):
        places = rng.uniform(0, SIDE_PX, (n, 2))
        split = places[rng.random(n) < halves]
        angle = rng.uniform(0, 2 * np.pi, len(split))
        frames.append(np.concatenate([places, split + at * WIDTH_PX * np.c_[np.cos(angle), np.sin(angle)]]))
    return frames


@pytest.mark.parametrize("n", [0, 1, 8, 80, 600])
def test_at_random_places_two_widths_are_enough(n, rng):
    assert least_apart(_frames(rng, n), WIDTH_PX, SIDE_PX**2) == SPARROW


@pytest.mark.parametrize(("at", "apart"), [(2.3, 2.5), (2.7, 2.0)])
def test_halves_push_the_limit_beyond_them_but_only_from_two_widths_on(at, apart, rng):
    """Where there are none just beyond two widths, what lies farther out is no streak."""
    assert least_apart(_frames(rng, halves=0.1, at=at), WIDTH_PX, SIDE_PX**2) == apart


def test_halves_at_all_distances_push_it_beyond_all(rng):
    parts = zip(*(_frames(rng, 40, 0.1, at) for at in (2.2, 2.7, 3.2)), strict=True)
    frames = [np.concatenate(part) for part in parts]
    assert least_apart(frames, WIDTH_PX, SIDE_PX**2) == 3.5


def _under_an_open_shutter(in_view):
    """Frames of small particles that move far while exposed, and a detector that has learned from them."""
    scenario = Scenario(
        name="open shutter",
        sample=SampleSettings(number_in_view=in_view),
        populations=(Population(name="60 nm", diameter_nm=60.0, cv=0.0),),
        camera=CameraSettings(exposure_s=1 / 30),
    )
    simulation = simulate(scenario, seed=2, n_frames=64)
    frames = list(simulation.frames())
    detector = SpotDetector(DetectionSettings(threads=1), simulation.camera)
    detector.prime(frames)
    return frames, detector


def test_a_few_particles_a_frame_tell_it_in_many_frames():
    assert _under_an_open_shutter(in_view=20)[1].learned.layers[0].apart > 2.0


def test_small_particles_under_an_open_shutter_are_not_taken_for_two():
    """Of 60 nm particles at 30 frames per second one in ten was seen double; and of what moves far, most were lost."""
    frames, detector = _under_an_open_shutter(in_view=60)
    assert detector.learned.layers[0].apart > 2.5
    spots = detector.detect(frames[:16])
    near = 0
    for i in range(16):
        places = np.c_[spots.y_px, spots.x_px][spots.frame == i]
        away = np.hypot(*(places[:, None] - places).transpose(2, 0, 1))
        near += int(((away > 0) & (away < 6)).any(axis=1).sum())
    assert near < 0.03 * len(spots)  # chance alone makes 2 %
