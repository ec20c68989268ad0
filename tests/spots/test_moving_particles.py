"""A bright particle that moves while the shutter is open is one spot, however well two spots would explain its light."""

import numpy as np

from nta.frames import CameraState, Frame
from nta.simulation import CameraSettings, Population, SampleSettings, Scenario, simulate
from nta.spots import DetectionSettings, detect_spots


def _filmed(diameter_nm, number, exposure_s, n_frames):
    """A simulation of beads, and the spots that are found in it."""
    scenario = Scenario(
        name="moving",
        sample=SampleSettings(number_in_view=number),
        populations=(Population(name="beads", diameter_nm=diameter_nm, cv=0.0),),
        camera=CameraSettings(exposure_s=exposure_s),
    )
    simulation = simulate(scenario, seed=4, n_frames=n_frames)
    settings = DetectionSettings(threads=1)
    return simulation, detect_spots(list(simulation.frames()), settings, simulation.camera)


def test_particles_that_move_during_the_exposure_are_not_seen_double():
    simulation, spots = _filmed(100.0, 40, 1 / 60, 12)
    truth = simulation.truth.spots
    bright = truth.select(truth.snr > 100)
    times = np.zeros(len(bright), dtype=int)
    for i in range(len(bright)):
        mine = spots.frame == bright.frame[i]
        away = np.hypot(spots.y_px[mine] - bright.y_px[i], spots.x_px[mine] - bright.x_px[i])
        times[i] = (away < 2.5).sum()
    assert len(bright) > 100
    assert (times >= 1).mean() > 0.9  # the rest lies at the edge or falls onto a neighbour
    assert (times >= 2).mean() < 0.03  # some have a neighbour


def test_the_streak_of_an_open_shutter_lies_in_the_middle_of_its_light():
    """A round spot would lie where the particle dwelt: one in twenty 0.37 px off."""
    simulation, spots = _filmed(60.0, 20, 0.999 / 30, 72)
    truth = simulation.truth.spots
    off, twice = [], 0
    for frame in np.unique(truth.frame):
        there = truth.select((truth.frame == frame) & (truth.snr > 3))
        mine = spots.select(spots.frame == frame)
        for i in np.flatnonzero(there.snr > 30):
            y, x = there.y_px[i], there.x_px[i]
            beside = np.hypot(there.y_px - y, there.x_px - x)
            if np.sort(beside)[1] < 14 or min(y, x) < 10:
                continue
            away = np.hypot(mine.y_px - y, mine.x_px - x)
            off.append(away.min())
            twice += (away < 7).sum() > 1
    assert len(off) > 800
    assert np.quantile(off, 0.95) < 0.32
    assert twice < 5


def test_the_ends_of_bright_streaks_are_joined():
    """Where the noise is no shot noise, what is left of a streak is significant: half of them would be fitted at an end."""
    rng = np.random.default_rng(3)
    side, moments, width_px, border_px = 256, 16, 1.5, 12
    place = rng.uniform(border_px, side - border_px, (16, 2))
    frames, middles = [], []
    for index in range(72):
        steps = rng.normal(0, 3.4 / np.sqrt(moments), (len(place), moments, 2))
        path = place[:, None] + np.cumsum(steps, axis=1)
        y, x = (np.exp(-0.5 * ((np.arange(side) - path[..., k, None]) / width_px) ** 2) for k in (0, 1))
        image = 20 + 200 * np.einsum("psy,psx->yx", y, x) / moments + rng.normal(0, 3, (side, side))
        frames.append(Frame(np.clip(np.round(image), 0, 255).astype(np.uint8), index, index / 30))
        middles.append(path.mean(axis=1))
        place = np.clip(path[:, -1], border_px, side - border_px)
    camera = CameraState(width_px=side, height_px=side, bit_depth=8, frame_rate_hz=30.0)
    spots = detect_spots(frames, DetectionSettings(threads=1), camera)
    off = []
    for frame, there in zip(frames, middles, strict=True):
        mine = spots.select(spots.frame == frame.index)
        for middle in there:
            alone = np.sort(np.hypot(*(there - middle).T))[1] > 20
            if alone and middle.min() > 16 and middle.max() < side - 16:
                off.append(np.hypot(mine.y_px - middle[0], mine.x_px - middle[1]).min())
    assert len(off) > 800
    assert np.median(off) < 0.09  # 0.13 px, were they round spots
    assert np.quantile(off, 0.95) < 0.5  # 0.9 px
