"""Brownian motion, open volume and flow, against what is known of them."""

import math
from dataclasses import replace

import numpy as np
import pytest

from nta.physics import blur_coefficient, diffusion_um2_s, water_viscosity_pa_s
from nta.simulation import (
    CameraSettings,
    MotionSettings,
    OpticsSettings,
    Population,
    SampleSettings,
    Scenario,
    brownian_exposures,
)
from nta.simulation.cell import Cell
from nta.simulation.motion import vibration_um

D_100 = diffusion_um2_s(100.0, 25.0, water_viscosity_pa_s(25.0))


def scenario(populations=None, *, number_in_view=300.0, seed=1, **changes):
    beads = (Population(name="beads", diameter_nm=100),)
    base = Scenario(
        name="test",
        seed=seed,
        sample=SampleSettings(number_in_view=number_in_view),
        populations=beads if populations is None else populations,
        camera=CameraSettings(width_px=160, height_px=120),
        optics=OpticsSettings(sheet_width_um=3.0),
    )
    return replace(base, **changes)


def cell_of(chosen):
    return Cell(chosen, chosen.collection(), np.random.default_rng(chosen.seed))


def followed(chosen, n_frames):
    """Mid-exposure and mean positions of the particles that stayed from the first frame to the last."""
    cell = cell_of(chosen)
    seen = [cell.expose() for _ in range(n_frames)]
    ids = set(seen[0].particle).intersection(*(e.particle for e in seen))
    rows = [np.isin(e.particle, list(ids)) for e in seen]
    middle = np.array([e.middle_um[r] for e, r in zip(seen, rows, strict=True)])
    mean = np.array([e.mean_um[r].mean(axis=1) for e, r in zip(seen, rows, strict=True)])
    return middle, mean


def confined(**changes):
    """A cell so wide that next to nobody leaves, so that following particles does not select the slow ones."""
    optics = OpticsSettings(sheet_width_um=2000.0, pixel_size_um=30.0)
    return scenario(number_in_view=2000.0, optics=optics, **changes)


@pytest.mark.parametrize("exposure_s", [0.001, 0.015, 1 / 30])
def test_steps_of_mean_positions_have_berglunds_variance_and_covariance(rng, exposure_s):
    interval_s, n = 1 / 30, 200_000
    steps = np.diff(brownian_exposures(D_100, n, interval_s, exposure_s, rng), axis=0)
    blur = blur_coefficient(exposure_s, interval_s)
    unit = 2 * D_100 * interval_s
    assert steps.var(axis=0) / unit == pytest.approx([1 - 2 * blur] * 2, abs=4 * math.sqrt(2 / n))
    assert (steps[1:] * steps[:-1]).mean(axis=0) / unit == pytest.approx([blur] * 2, abs=4 / math.sqrt(n))
    assert (steps[2:] * steps[:-2]).mean(axis=0) / unit == pytest.approx([0, 0], abs=4 / math.sqrt(n))


@pytest.mark.parametrize(("exposure_s", "pieces"), [(0.015, 2), (0.015, 4), (1 / 30, 6)])
def test_steps_of_the_cell_have_the_variance_of_diffusion_in_three_dimensions(exposure_s, pieces):
    camera = CameraSettings(width_px=160, height_px=120, exposure_s=exposure_s)
    chosen = confined(camera=camera, motion=MotionSettings(blur_steps=pieces))
    middle, mean = followed(chosen, 12)
    unit = 2 * D_100 / 30
    steps = np.diff(middle, axis=0).reshape(-1, 3)
    error = math.sqrt(2 / len(steps))
    assert steps.mean(axis=0) == pytest.approx([0, 0, 0], abs=4 * math.sqrt(unit / len(steps)))
    assert steps.var(axis=0) / unit == pytest.approx([1, 1, 1], abs=4 * error)
    assert np.corrcoef(steps.T)[np.triu_indices(3, 1)] == pytest.approx(
        [0, 0, 0], abs=4 / math.sqrt(len(steps))
    )
    following = np.diff(middle, axis=0)
    assert (following[1:] * following[:-1]).mean() / unit == pytest.approx(0, abs=4 * error)
    # what the camera sees: the mean over the exposure, exact whatever the number of pieces
    blur = blur_coefficient(exposure_s, 1 / 30)
    seen = np.diff(mean, axis=0)
    assert seen.reshape(-1, 3).var(axis=0) / unit == pytest.approx([1 - 2 * blur] * 3, abs=4 * error)
    assert (seen[1:] * seen[:-1]).mean() / unit == pytest.approx(blur, abs=4 * error)


@pytest.mark.parametrize("pieces", [2, 8])
def test_a_blurred_image_is_as_wide_as_the_path(pieces):
    """Variance of a Brownian path about its mean: 2 D t / 6, between pieces and within them together."""
    exposure_s = 1 / 30
    camera = CameraSettings(width_px=160, height_px=120, exposure_s=exposure_s)
    cell = cell_of(confined(camera=camera, motion=MotionSettings(blur_steps=pieces)))
    widths = []
    for _ in range(10):
        seen = cell.expose()
        between = seen.mean_um[:, :, 1:].var(axis=1)
        widths.append((between + seen.spread_um2.mean(axis=1)).ravel())
    widths = np.concatenate(widths)
    error = widths.std() / math.sqrt(widths.size)
    assert widths.mean() == pytest.approx(2 * D_100 * exposure_s / 6, abs=4 * error)


VESICLES = (
    Population(name="small", diameter_nm=40, fraction=3),
    Population(name="large", diameter_nm=120, gsd=1.4, min_diameter_nm=50, max_diameter_nm=300),
)


@pytest.mark.parametrize(
    "motion",
    [MotionSettings(), MotionSettings(drift_x_um_s=60.0, drift_z_um_s=-5.0), MotionSettings(shear_per_s=1.0)],
    ids=["still", "drift", "shear"],
)
def test_density_stays_in_equilibrium_everywhere_for_every_size(motion):
    """Poisson counts about the same mean at all times; uniform in space; small and large in their shares."""
    cell = cell_of(scenario(VESICLES, number_in_view=600.0, motion=motion, seed=5))
    counts, small, late = [], [], []
    for frame in range(400):
        seen = cell.expose()
        counts.append(seen.particle.size)
        small.append((seen.drawn.population == 0).mean())
        if frame >= 200 and frame % 20 == 0:
            late.append(np.concatenate([seen.middle_um, seen.drawn.population[:, None]], axis=1))
    # counts of neighbouring frames are correlated; the shares of ten blocks of 40 frames are nearly independent
    blocks = np.array(counts).reshape(10, 40).mean(axis=1)
    spread = math.sqrt(cell.mean_count)
    assert blocks.mean() == pytest.approx(cell.mean_count, abs=4 * spread / math.sqrt(4))
    assert np.all(np.abs(blocks - cell.mean_count) < 5 * spread)
    assert np.mean(small) == pytest.approx(0.75, abs=0.03)
    places = np.concatenate(late)
    for population in (0, 1):
        mine = places[places[:, 3] == population, :3]
        for axis in range(3):
            u = (mine[:, axis] - cell.low_um[axis]) / (cell.high_um[axis] - cell.low_um[axis])
            tenths = np.histogram(u, bins=10, range=(0, 1))[0] / u.size
            # a slow particle is seen in several of these frames: at most 10 of them
            assert tenths == pytest.approx([0.1] * 10, abs=5 * math.sqrt(0.09 * 10 / u.size))


def test_the_number_in_view_is_the_one_asked_for():
    chosen = scenario(number_in_view=40.0, seed=3)
    cell, w = cell_of(chosen), chosen.optics.sheet_width_um
    size = np.array([120, 160]) * 0.25
    counts = []
    for _ in range(600):
        z, y, x = (cell.expose().middle_um + np.array([0, 0.125, 0.125])).T
        counts.append(((abs(z) < w) & (y >= 0) & (y < size[0]) & (x >= 0) & (x < size[1])).sum())
    assert np.mean(counts) == pytest.approx(40, rel=0.1)
    assert chosen.concentration_per_ml == pytest.approx(40 / (40 * 30 * 6 * 1e-12))
    assert np.mean(counts[:200]) == pytest.approx(np.mean(counts[400:]), rel=0.25)


def test_particles_enter_and_leave_and_nobody_comes_back():
    cell = cell_of(scenario(number_in_view=200.0))
    first, last = {}, {}
    for frame in range(200):
        for particle in cell.expose().particle:
            assert particle not in last or last[particle] == frame - 1
            first.setdefault(particle, frame)
            last[particle] = frame
    assert sum(start > 0 for start in first.values()) > 100
    assert sum(end < 199 for end in last.values()) > 100


def test_drift_moves_all_alike_and_oscillation_follows_its_cosine():
    motion = MotionSettings(drift_x_um_s=6.0, drift_y_um_s=-3.0, oscillation_um_s=20.0, oscillation_hz=0.7,
                            oscillation_angle_deg=90.0)  # fmt: skip
    middle, _ = followed(confined(motion=motion), 25)
    moved = (middle - middle[0]).mean(axis=1)
    t = np.arange(25) / 30
    first = 0.0075  # the middle of the first exposure
    w = 2 * math.pi * 0.7
    expected_y = -3.0 * t + 20.0 * (np.sin(w * (t + first)) - math.sin(w * first)) / w
    error = np.sqrt(2 * D_100 * t / middle.shape[1])
    assert np.all(np.abs(moved[:, 2] - 6.0 * t) <= 4.5 * error)
    assert np.all(np.abs(moved[:, 1] - expected_y) <= 4.5 * error)
    assert np.all(np.abs(moved[:, 0]) <= 4.5 * error)


def test_shear_and_parabolic_flow_have_their_profiles():
    still = confined()
    middle_row = 119 / 2 * 30.0
    sheared, _ = followed(replace(still, motion=MotionSettings(shear_per_s=1.0)), 6)
    velocity = (sheared[-1, :, 2] - sheared[0, :, 2]) * 30 / 5
    slope, offset = np.polyfit(sheared[0, :, 1] - middle_row, velocity, 1)
    assert slope == pytest.approx(1.0, rel=1e-3)
    assert offset == pytest.approx(0.0, abs=1.0)
    piped, _ = followed(replace(still, motion=MotionSettings(parabolic_um_s=1000.0)), 6)
    velocity = (piped[-1, :, 2] - piped[0, :, 2]) * 30 / 5
    z = piped[0, :, 0] / 2000.0
    assert velocity == pytest.approx(1000 * np.maximum(1 - z**2, 0), abs=50)


def test_vibration_swings_and_jitter_is_a_shift_of_the_frame():
    motion = MotionSettings(vibration_um=0.5, vibration_hz=50.0, vibration_angle_deg=30.0, jitter_um=0.1)
    times = np.linspace(0, 0.02, 400, endpoint=False)
    shift = vibration_um(motion, times, np.array([1.0, -1.0]))
    assert shift.mean(axis=0) == pytest.approx([0.1, -0.1], abs=1e-9)
    assert np.ptp(shift, axis=0) == pytest.approx([2 * 0.5 * 0.5, 2 * 0.5 * math.cos(math.pi / 6)], rel=1e-3)


def test_a_new_temperature_changes_the_steps():
    cell = cell_of(confined())
    cell.turn(scale_nm_um2_s=4 * 100 * D_100)
    before = cell.expose()
    after = cell.expose()
    both = np.intersect1d(before.particle, after.particle)
    steps = after.middle_um[np.isin(after.particle, both)] - before.middle_um[np.isin(before.particle, both)]
    assert steps.var() == pytest.approx(4 * 2 * D_100 / 30, rel=4 * math.sqrt(2 / steps.size))
    assert before.diffusion_um2_s == pytest.approx(4 * D_100)
