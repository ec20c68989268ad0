"""What is learned before anything is linked: steps, flow and search range."""

import math

import numpy as np
import pytest

from made.brownian_world import brownian_world
from nta.tracks.motion import learn_motion


def motion_of(world):
    spots, scene = world.spots, world.spots.scene
    return learn_motion(spots.y_px, spots.x_px, spots.frame.astype(np.int64), scene.height_px, scene.width_px)


@pytest.mark.parametrize("step_sd", [0.3, 1.0, 3.0, 7.0])
@pytest.mark.parametrize("n", [10, 60, 300])
def test_the_typical_step_is_learned_at_any_density(rng, step_sd, n):
    """A 100 nm sphere in water steps 2.1 px at 30 fps and 0.25 um/px; 30 nm at 0.2 um/px: 4.9 px."""
    motion = motion_of(brownian_world(rng, n=n, n_frames=max(60, 6000 // n), step_sd=step_sd))
    apparent = math.hypot(step_sd, 0.1 * math.sqrt(2))
    assert math.sqrt(motion.typical_variance_px2) == pytest.approx(apparent, rel=0.45)  # classes of sqrt(2)
    log_mean, log_variance = motion.log_variance_moments()
    assert math.exp(0.5 * log_mean) == pytest.approx(apparent, rel=0.15)
    assert (
        log_variance < 0.35 or step_sd < 1
    )  # slow neighbours stay neighbours, which looks like a fast particle


@pytest.mark.parametrize("n", [10, 60, 300])
def test_the_range_holds_all_steps_of_a_fast_minority(rng, n):
    """One particle in ten is a 30 nm sphere among 200 nm ones: its steps of 4.9 px must not be cut off."""
    step_sd = np.where(np.arange(n) % 10 == 0, 4.9, 1.9)
    motion = motion_of(brownian_world(rng, n=n, n_frames=max(100, 12000 // n), step_sd=step_sd))
    reach = motion.search_range_px("cut")
    assert 4.5 * 4.9 <= reach <= 12 * 4.9


@pytest.mark.parametrize("n", [20, 300])
def test_the_range_is_no_longer_than_needed(rng, n):
    motion = motion_of(brownian_world(rng, n=n, n_frames=100, step_sd=1.0))
    assert 5 <= motion.search_range_px("cut") <= 12


def test_slow_neighbours_are_not_taken_for_fast_particles(rng):
    """At 160 fps the same pairs of strangers are near one another for hundreds of frames."""
    motion = motion_of(brownian_world(rng, n=60, n_frames=200, step_sd=0.3))
    assert motion.search_range_px("cut") <= 5


def test_nothing_moves_in_noise(rng):
    motion = motion_of(brownian_world(rng, n=0, n_frames=200, noise_per_frame=30))
    assert not motion.anything_moves
    assert motion.search_range_px("cut") == 0


def test_flow_is_seen_before_anything_is_linked(rng):
    drift = np.tile([[6.0, -9.0]], (60, 1))
    motion = motion_of(brownian_world(rng, n=60, n_frames=60, drift=drift, step_sd=1.5))
    assert motion.flow_y_px == pytest.approx(6.0, abs=1)
    assert motion.flow_x_px == pytest.approx(-9.0, abs=1)
    assert math.sqrt(motion.typical_variance_px2) < 3
