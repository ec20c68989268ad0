"""Drift: common motion is found and subtracted, Brownian motion of few particles is not."""

import numpy as np
import pytest

from made.brownian_world import brownian_world, links_of
from nta.diffusion import estimate_diffusion
from nta.tracks import LinkingSettings, find_drift, link_spots


def brownian_tracks(rng, n, n_frames, step_sd, drift=None):
    """Whole tracks of n particles as `find_drift` takes them: first rows, frame, y, x."""
    steps = rng.normal(size=(n, n_frames, 2)) * step_sd
    if drift is not None:
        steps += drift
    place = np.cumsum(steps, axis=1).reshape(-1, 2)
    frame = np.tile(np.arange(n_frames), n)
    return np.arange(n + 1) * n_frames, frame, place[:, 0].copy(), place[:, 1].copy()


def step_variance_ratio(first_row, frame, y, x, step_sd, drift):
    """Return the step variance after subtraction over the true one."""
    at_y, at_x = drift.at(frame)
    y, x = y - at_y, x - at_x
    inside = np.ones(y.size - 1, bool)
    inside[first_row[1:-1] - 1] = False
    return float((np.diff(y)[inside] ** 2 + np.diff(x)[inside] ** 2).mean() / (2 * step_sd**2))


@pytest.mark.parametrize("n", [1, 2, 3, 5, 20])
def test_brownian_motion_of_few_particles_is_left_alone(rng, n):
    """Subtracting the mean step frame by frame would take 1/n of the variance: all of it for one particle."""
    ratios, eaten = [], 0
    for _ in range(40):
        columns = brownian_tracks(rng, n, 300, 2.0)
        drift = find_drift(*columns)
        ratios.append(step_variance_ratio(*columns, 2.0, drift))
        eaten += bool(np.abs(drift.y_px).max() > 0)
    expected = 1 / np.sqrt(40 * 300 * n)  # relative standard error of a variance of 2 * 12 000 n steps
    assert np.mean(ratios) == pytest.approx(1, abs=4 * expected)
    assert eaten <= 4  # 1 % false alarms: more than 4 of 40 has probability 1e-5


@pytest.mark.parametrize(
    "shape",
    ["constant", "ramp", "slow wave", "fast wave"],
)
@pytest.mark.parametrize("n", [4, 40])
def test_smooth_drift_is_found(rng, shape, n):
    t = np.arange(400)
    speed = {
        "constant": np.full(400, 1.0),
        "ramp": 2.0 * t / 400,
        "slow wave": 1.5 * np.cos(2 * np.pi * t / 300),
        "fast wave": 1.5 * np.cos(2 * np.pi * t / 40),
    }[shape]
    step = np.stack([speed, -0.5 * speed], axis=1)
    columns = brownian_tracks(rng, n, 400, 2.0, step)
    drift = find_drift(*columns)
    true = np.cumsum(step[1:], axis=0)
    found = np.stack([drift.y_px[1:], drift.x_px[1:]], axis=1)
    left = np.diff(found - true, axis=0)
    assert left.std() < 0.15 * 1.5  # of the speed
    if shape == "constant":
        assert np.abs(left.mean(axis=0)).max() < 4 * 2.0 / np.sqrt(400 * n)
    ratio = step_variance_ratio(*columns, 2.0, drift)
    assert ratio / (1 - drift.brownian_share) == pytest.approx(1, abs=4 / np.sqrt(400 * n) + 0.01)
    assert drift.brownian_share < 0.02


def test_the_standard_error_covers_what_is_left(rng):
    step = np.full((400, 2), 0.7)
    score = []
    for _ in range(60):
        drift = find_drift(*brownian_tracks(rng, 10, 400, 2.0, step))
        score.append((np.diff(drift.y_px)[100] - 0.7) / drift.step_std_err_px[100])
    assert 0.7 < np.std(score) < 1.35
    assert abs(np.mean(score)) < 4 / np.sqrt(60)


def test_a_knock_is_taken_whole_and_only_where_it_is(rng):
    step = np.zeros((300, 2))
    step[150] = 15.0, -8.0
    drift = find_drift(*brownian_tracks(rng, 8, 300, 2.0, step))
    jump_y, jump_x = np.diff(drift.y_px), np.diff(drift.x_px)
    assert jump_y[149] == pytest.approx(15.0, abs=4 * 2.0 / np.sqrt(8))
    assert jump_x[149] == pytest.approx(-8.0, abs=4 * 2.0 / np.sqrt(8))
    assert np.abs(np.delete(jump_y, 149)).max() < 0.2


@pytest.mark.parametrize("n", [6, 60])
def test_vibration_is_subtracted_as_far_as_it_can_be_known(rng, n):
    """Jitter of 1.5 px per step under steps of 2 px; what goes along of the Brownian motion is what is said."""
    step = np.diff(rng.normal(size=(601, 2)) * 1.5 / np.sqrt(2), axis=0)
    columns = brownian_tracks(rng, n, 600, 2.0, step)
    drift = find_drift(*columns)
    assert drift.vibration_px == pytest.approx(1.5, rel=0.15)
    assert np.diff(columns[2][:600]).var() > 1.3 * 2.0**2
    left = step_variance_ratio(*columns, 2.0, drift) / (1 - drift.brownian_share)
    assert left == pytest.approx(1, abs=0.01 + 4 / np.sqrt(600 * n))
    assert drift.brownian_share < 1 / n


def test_stuck_spots_do_not_hold_the_liquid_still(rng):
    """Nearly as many stuck spots as free ones, which drift at 1 px a frame."""
    step = np.tile([[1.0, 0.0]], (200, 1))
    free = brownian_tracks(rng, 12, 200, 2.0, step)
    still = rng.normal(size=(10, 200, 2)) * 0.1 + rng.uniform(0, 400, (10, 1, 2))
    first_row = np.arange(23) * 200
    y = np.concatenate([free[2], still[..., 0].ravel()])
    x = np.concatenate([free[3], still[..., 1].ravel()])
    drift = find_drift(first_row, np.tile(np.arange(200), 22), y, x)
    assert drift.y_px[-1] == pytest.approx(199.0, abs=5 * 2.0 * np.sqrt(199 / 10))


@pytest.mark.parametrize("settings", [LinkingSettings(), LinkingSettings(search_range_px=12.0)])
def test_flow_does_not_break_tracks(rng, settings):
    """A flow of five Brownian steps per frame, which turns round: tracks end where particles leave, not before."""
    drift = np.zeros((200, 2))
    drift[:, 1] = 10.0 * np.cos(2 * np.pi * np.arange(200) / 200)
    world = brownian_world(rng, n=60, n_frames=200, drift=drift, step_sd=2.0, seen=1.0)
    tracks = link_spots(world.spots, settings)
    links = np.array(sorted(links_of(tracks)))
    right = world.particle[links[:, 0]] == world.particle[links[:, 1]]
    assert right.mean() > 0.99
    assert len(links) > 0.93 * 60 * 199  # the rest left through a side
    speed = np.diff(tracks.linking.drift_x_px)
    np.testing.assert_allclose(speed, drift[1:, 1], atol=0.6)


def test_a_knock_does_not_break_tracks(rng):
    """The stage is hit: everything jumps by 30 px, far beyond the search range."""
    drift = np.zeros((100, 2))
    drift[50] = 24.0, -18.0
    world = brownian_world(rng, n=60, n_frames=100, drift=drift, step_sd=1.0, seen=1.0)
    tracks = link_spots(world.spots)
    assert tracks.linking.search_range_px < 20
    across = [
        (i, j) for i, j in links_of(tracks) if world.spots.frame[i] == 49 and world.spots.frame[j] == 50
    ]
    right = sum(world.particle[i] == world.particle[j] for i, j in across)
    assert right >= 50
    assert len(across) - right <= 1


def test_shear_leaves_no_net_drift(rng):
    """Rows that slide past one another: there is no common motion to subtract, and no vibration is invented."""
    n, n_frames = 40, 300
    rate = rng.uniform(-0.3, 0.3, n)
    steps = rng.normal(size=(n, n_frames, 2)) * 2.0
    steps[..., 1] += (rate - rate.mean())[:, None]
    place = np.cumsum(steps, axis=1).reshape(-1, 2)
    drift = find_drift(
        np.arange(n + 1) * n_frames, np.tile(np.arange(n_frames), n), place[:, 0].copy(), place[:, 1].copy()
    )
    assert abs(drift.x_px[-1]) < 5 * 2.0 * np.sqrt(n_frames / n)
    assert drift.vibration_px == 0


def test_drift_none_leaves_positions_alone(rng):
    world = brownian_world(rng, n=30, n_frames=50, drift=np.full((50, 2), 1.0))
    tracks = link_spots(world.spots, LinkingSettings(drift="none", search_range_px=12.0))
    np.testing.assert_array_equal(tracks.y_px, world.spots.y_px[tracks.spot])
    assert tracks.linking.drift_y_px.tolist() == [0.0] * 50


def test_steps_in_a_few_clusters_of_frames_only(rng):
    """A recording with long gaps: cosines that differ only where nothing was seen must not run away."""
    step = np.full((1000, 2), 1.0)
    _, frame, y, x = brownian_tracks(rng, 10, 1000, 2.0, step)
    seen = (frame % 250) < 12
    kept_first = np.concatenate([[0], np.cumsum(np.bincount(np.repeat(np.arange(10), 1000)[seen]))])
    drift = find_drift(kept_first, frame[seen], y[seen], x[seen])
    where_seen = (np.arange(drift.y_px.size - 1) % 250) < 11
    steps = np.diff(drift.y_px)
    assert steps[where_seen].mean() == pytest.approx(1.0, abs=4 * 2.0 / np.sqrt(10 * 44))
    assert np.abs(steps).max() < 5


def test_diffusion_in_a_shaking_microscope_is_that_of_the_particles(rng):
    """Six particles under jitter as large as their steps: 1/6 of their own motion is subtracted along, and given back."""
    drift = np.zeros((600, 2))
    drift[1:] = np.diff(rng.normal(size=(600, 2)) * 1.5, axis=0)
    world = brownian_world(rng, n=6, n_frames=600, drift=drift, step_sd=2.0, seen=1.0)
    tracks = link_spots(world.spots)
    assert tracks.linking.vibration_px == pytest.approx(1.5 * np.sqrt(2), rel=0.15)
    assert tracks.linking.brownian_share > 0.1
    found = estimate_diffusion(tracks, pixel_size_um=0.25, frame_interval_s=1 / 30, exposure_s=0.0)
    long = found.n_points > 50
    mean = np.average(found.diffusion_um2_s[long], weights=found.n_points[long])
    expected = (2.0 * 0.25) ** 2 * 30 / 2
    assert mean == pytest.approx(expected, rel=4 * np.sqrt(2 / (2 * 6 * 600)) + 0.01)


def test_a_valve_that_opens_does_not_break_tracks(rng):
    """From rest to 20 px a frame, ten Brownian steps, between two frames, and back."""
    drift = np.zeros((120, 2))
    drift[40:80, 1] = 20.0
    world = brownian_world(rng, n=50, n_frames=120, drift=drift, step_sd=2.0, seen=1.0)
    tracks = link_spots(world.spots)
    frame = world.spots.frame
    links = links_of(tracks)
    for opening in (39, 40, 79, 80):
        across = [(i, j) for i, j in links if frame[i] == opening]
        right = sum(world.particle[i] == world.particle[j] for i, j in across)
        assert right >= 35, opening
        assert len(across) - right <= 2
    np.testing.assert_allclose(np.diff(tracks.linking.drift_x_px)[[10, 60, 100]], [0, 20, 0], atol=1.5)


def test_stuck_spots_alone_show_no_drift(rng):
    """Of the others, no two spots follow each other."""
    still = 100 + 0.2 * rng.normal(size=(20, 2))
    rest = rng.uniform(0, 200, size=(60, 2))
    frame = np.concatenate([np.arange(20), np.tile([0, 2], 30)])
    y, x = np.concatenate([still, rest]).T
    first_row = np.concatenate([[0], 20 + 2 * np.arange(31)])
    drift = find_drift(first_row, frame, y, x)
    assert not drift.y_px.any()
    assert not drift.x_px.any()
