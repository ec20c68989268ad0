"""What crowding takes of the long steps is found by linking the same spots again, moved anew."""

import numpy as np
import pytest

from made.brownian_world import KT_OVER_3_PI_ETA, brownian_world, sheet_world
from nta.tracks import LinkingSettings, Relinking, link_spots

SETTINGS = LinkingSettings(drift="none")


def variance_px2(diameter_nm, frame_rate_hz=30.0, pixel_um=0.25):
    return 2 * KT_OVER_3_PI_ETA / np.asarray(diameter_nm, float) / frame_rate_hz / pixel_um**2


def true_steps(world, tracks):
    """Of steps between successive frames: the first spot, the squared length, whether linked."""
    track = np.full(len(world.spots), -1)
    track[tracks.spot] = tracks.track
    order = np.lexsort((world.spots.frame, world.particle))
    first, second = order[:-1], order[1:]
    successive = (world.particle[first] == world.particle[second]) & (world.particle[first] >= 0)
    successive &= world.spots.frame[second] == world.spots.frame[first] + 1
    first, second = first[successive], second[successive]
    y, x = world.y_true[second] - world.y_true[first], world.x_true[second] - world.x_true[first]
    inside = np.hypot(y, x) < 100  # who leaves a periodic world comes in on the other side
    first, second, squared = first[inside], second[inside], (y**2 + x**2)[inside]
    return first, squared, (track[first] == track[second]) & (track[first] >= 0)


@pytest.mark.parametrize("frame_rate_hz", [30.0, 10.0])
def test_of_particles_alike_a_crowd_takes_as_many_short_steps_as_long_ones(frame_rate_hz):
    """For these the linker's doubt was made even: neither the truth nor what is found of it is far from 1."""
    true, found = [], []
    for seed in range(4):
        world, _ = sheet_world(
            np.random.default_rng(seed), per_frame=150, frame_rate_hz=frame_rate_hz, n_frames=200
        )
        tracks = link_spots(world.spots, SETTINGS)
        _, squared, linked = true_steps(world, tracks)
        true.append(squared[linked].mean() / squared.mean())
        variance = np.full(tracks.n_tracks, variance_px2(100.0, frame_rate_hz))
        found.append(np.mean(Relinking(world.spots, tracks, SETTINGS).kept_share(variance)))
    assert np.mean(found) == pytest.approx(np.mean(true), abs=0.012)


def test_where_there_is_room_nothing_is_taken(rng):
    world, _ = sheet_world(rng, per_frame=15)
    tracks = link_spots(world.spots, SETTINGS)
    share = Relinking(world.spots, tracks, SETTINGS).kept_share(np.full(tracks.n_tracks, variance_px2(100.0)))
    assert share == pytest.approx(1.0, abs=0.004)


def test_who_goes_far_loses_more(rng):
    world, kind = sheet_world(rng, per_frame=150, diameters_nm=(50.0, 300.0), frame_rate_hz=20.0)
    tracks = link_spots(world.spots, SETTINGS)
    of_kind = variance_px2([50.0, 300.0], 20.0)
    kind_of_track = kind[world.particle[tracks.spot[tracks.first_row[:-1]]]]
    share = Relinking(world.spots, tracks, SETTINGS).kept_share(of_kind[kind_of_track])
    first, squared, linked = true_steps(world, tracks)
    fast = kind[world.particle[first]] == 0
    true = np.array([squared[linked & which].mean() / squared[which].mean() for which in (fast, ~fast)])
    found = np.array([share[kind_of_track == k].mean() for k in (0, 1)])
    assert true[0] < true[1] - 0.02
    assert found[0] < found[1] - 0.01
    assert found == pytest.approx(true, abs=0.02)


def test_what_stands_still_or_is_unknown_is_no_obstacle(rng):
    world = brownian_world(rng, n=250, n_frames=40, step_sd=4.0, seen=0.9)
    tracks = link_spots(world.spots, SETTINGS)
    links = Relinking(world.spots, tracks, SETTINGS)
    assert np.all(links.kept_share(np.zeros(tracks.n_tracks)) == 1)
    assert np.all(links.kept_share(np.full(tracks.n_tracks, np.nan)) == 1)
    mixed = np.array([0.0, 16.0, np.nan])[
        np.arange(tracks.n_tracks) % 3
    ]  # a piece that stands before one that goes
    share = links.kept_share(mixed)
    assert np.all(share[mixed == 0] == 1)
    assert np.all((share >= 0.9) & (share < 1.05))
    assert np.array_equal(share, links.kept_share(mixed)), "the same every time"
