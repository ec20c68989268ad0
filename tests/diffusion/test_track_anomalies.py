"""Tracks that are not one particle in free diffusion are flagged; faultless ones hardly ever."""

import numpy as np
import pytest

from made.brownian_tracks import INTERVAL_S, PIXEL_UM, brownian_tracks, estimated, tracks_of
from nta.diffusion import TrackFlag, ensemble_motion

MIXED, NON_BROWNIAN = int(TrackFlag.MIXED), int(TrackFlag.NON_BROWNIAN)
STEP_PX = np.sqrt(2 * 4.3 * INTERVAL_S) / PIXEL_UM  # per axis and frame: 100 nm in water


def share(tracks, flag, **settings):
    found = estimated(tracks, **settings)
    return float((found.flags & flag != 0).mean())


def walk(rng, n, step=STEP_PX, start=100.0):
    return start + np.cumsum(rng.normal(size=(n, 2)) * step, axis=0)


def confined(rng, n, reach=2.0, relax=1.5):
    """Particle on a spring: it forgets where it was at the rate `relax` per frame."""
    keep = np.exp(-relax)
    position = np.zeros((n, 2))
    for i in range(1, n):
        position[i] = keep * position[i - 1] + reach * np.sqrt(1 - keep**2) * rng.normal(size=2)
    return 100 + position


@pytest.mark.parametrize(
    ("n_points", "error_um", "seen"), [(12, 0.03, 1.0), (40, 0.1, 1.0), (120, 0.03, 0.9)]
)
def test_faultless_tracks_are_flagged_no_more_often_than_stated(rng, n_points, error_um, seen):
    tracks = brownian_tracks(rng, np.full(3000, 4.3), n_points, error_um=error_um, seen=seen)
    stated = 0.01
    most = stated + 3 * np.sqrt(stated / 3000)
    assert share(tracks, NON_BROWNIAN, false_alarm_rate=stated) < most
    assert share(tracks, MIXED, false_alarm_rate=stated) < 1.5 * most  # tail formula for large samples


def test_light_that_wanders_smoothly_through_the_sheet_is_no_second_particle(rng):
    """Brownian motion across a light sheet of 5 um half-width, photon noise of 5 %."""
    parts, light = [], []
    for _ in range(1500):
        n = int(rng.integers(20, 120))
        z = rng.uniform(-5, 5) + np.cumsum(rng.normal(size=n)) * STEP_PX * PIXEL_UM
        light.append(1e4 * np.exp(-2 * (z / 5) ** 2) * np.exp(0.05 * rng.normal(size=n)))
        parts.append((np.arange(n), walk(rng, n)))
    assert share(tracks_of(parts, light=light), MIXED) < 0.004


@pytest.mark.parametrize("factor", [4.0, 0.2])
def test_an_abrupt_change_of_light_is_seen(rng, factor):
    parts, light = [], []
    for _ in range(200):
        light.append(1e4 * np.where(np.arange(60) < 30, 1, factor) * np.exp(0.1 * rng.normal(size=60)))
        parts.append((np.arange(60), walk(rng, 60)))
    assert share(tracks_of(parts, light=light), MIXED) > 0.8


def test_a_change_of_mobility_is_seen(rng):
    parts = []
    for _ in range(200):
        slow = walk(rng, 40)
        parts.append((np.arange(80), np.concatenate([slow, walk(rng, 40, 2.5 * STEP_PX, slow[-1])])))
    assert share(tracks_of(parts), MIXED) > 0.8


@pytest.mark.parametrize("kind", ["directed", "confined", "anisotropic"])
def test_other_motion_than_diffusion_is_seen(rng, kind):
    parts = []
    for _ in range(200):
        path = confined(rng, 80) if kind == "confined" else walk(rng, 80)
        if kind == "directed":  # a heading that lasts for some frames
            heading = np.repeat(rng.normal(size=(8, 2)), 10, axis=0)
            path = path + np.cumsum(heading * STEP_PX, axis=0)
        if kind == "anisotropic":
            path[:, 0] *= 2
        parts.append((np.arange(80), path))
    tracks = tracks_of(parts)
    assert share(tracks, NON_BROWNIAN) > 0.5
    between = [part for whole in parts for part in ((np.arange(3), walk(rng, 3)), whole)]
    flagged = estimated(tracks_of(between)).flags[1::2] & int(NON_BROWNIAN) != 0
    assert flagged.mean() > 0.5, "tracks too short to have D hide what the next one does"
    motion = ensemble_motion(tracks, estimated(tracks))
    assert {
        "directed": motion.exponent.low > 1.1,
        "confined": motion.exponent.high < 0.8,
        "anisotropic": motion.isotropy.low > 3,
    }[kind]


@pytest.mark.parametrize("exposure_s", [0.0, INTERVAL_S])
def test_together_free_particles_have_exponent_and_isotropy_of_one(exposure_s):
    held = np.zeros(2)
    for seed in range(20):
        rng = np.random.default_rng(seed)
        d = 4.3 * np.exp(0.4 * rng.normal(size=80))
        tracks = brownian_tracks(rng, d, 30, exposure_s=exposure_s, error_um=0.05, seen=0.95)
        motion = ensemble_motion(tracks, estimated(tracks, exposure_s))
        held += [q.low <= 1 <= q.high for q in (motion.exponent, motion.isotropy)]
        assert motion.exponent.high - motion.exponent.low < 0.25
    assert held.min() >= 16


def test_of_a_few_tracks_nothing_is_said(rng):
    tracks = brownian_tracks(rng, [4.0, 5.0], 30)
    motion = ensemble_motion(tracks, estimated(tracks))
    assert motion.exponent.value is None
    assert "too few" in motion.isotropy.method
