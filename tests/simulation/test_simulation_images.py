"""Light on the picture against optics and photometry from outside: sheet, point spread, concentration, Cramer-Rao bound."""

import math
from dataclasses import replace

import numpy as np
import pytest

from nta.simulation import (
    BackgroundSettings,
    CameraSettings,
    OpticsSettings,
    Population,
    SampleSettings,
    Scenario,
    simulate,
)
from nta.simulation.images import Lighting, images_of
from nta.simulation.motion import Exposure
from nta.simulation.optics import point_spread
from nta.simulation.populations import Drawn

INDEX, CROSS_SECTION_NM2 = 1.337, 2.0
CAMERA = CameraSettings(width_px=161, height_px=121, exposure_s=0.01)
FINE = OpticsSettings(pixel_size_um=0.05, psf="diffraction", numerical_aperture=0.3, wavelength_nm=488.0)


def picture_of(optics, depth_um=0.0, *, spread_um2=0.0):
    """Images of one particle at rest in the middle pixel, and its picture of expected electrons."""
    chosen = Scenario(
        name="one",
        sample=SampleSettings(number_in_view=1.0),
        populations=(Population(name="bead", diameter_nm=100),),
        camera=CAMERA,
        optics=optics,
    )
    place = np.array([[depth_um, 60 * optics.pixel_size_um, 80 * optics.pixel_size_um]])
    exposure = Exposure(
        particle=np.array([0]),
        drawn=Drawn(np.zeros(1, np.int16), np.full(1, 100.0), np.ones(1), np.full(1, CROSS_SECTION_NM2)),
        diffusion_um2_s=np.ones(1),
        mean_um=np.repeat(place[:, None, :], 4, axis=1),
        spread_um2=np.full((1, 4, 2), spread_um2),
        middle_um=place,
    )
    spread = point_spread(optics, INDEX, depth_um=20.0 + abs(depth_um))
    images = images_of(exposure, chosen, spread.width_um, Lighting(1.0, 0.0), 0.0, np.zeros(2))
    picture = np.zeros((CAMERA.height_px, CAMERA.width_px), np.float32)
    spread.add(picture, images)
    return images, picture


@pytest.mark.parametrize(
    ("depth_um", "share"), [(0.0, 1.0), (3.0, math.exp(-2)), (1.76613, 0.5), (-3.0, math.exp(-2))]
)
def test_a_particle_gives_the_electrons_of_its_cross_section_and_the_sheet(depth_um, share):
    """1/e² half-width w; half the light at w sqrt(ln 2 / 2), 0.5887 w."""
    optics = OpticsSettings(sheet_width_um=3.0, brightness_e_per_ms_nm2=450.0)
    images, picture = picture_of(optics, depth_um)
    expected = 450.0 * 10.0 * CROSS_SECTION_NM2 * share
    assert images.electrons.sum() == pytest.approx(expected, rel=1e-4)
    assert picture.sum() == pytest.approx(expected, rel=1e-4)


def test_a_gaussian_spot_is_as_wide_as_optics_depth_path_and_pixel_make_it():
    optics = OpticsSettings(spot_width_px=1.5, focus_range_um=2.0, sheet_width_um=1e3)
    _, picture = picture_of(optics, 2.0, spread_um2=0.04)
    y = np.arange(CAMERA.height_px) - 60
    variance = (picture.sum(axis=1) * y**2).sum() / picture.sum()
    # twice the waist's variance one Rayleigh length away, the path's, a pixel's
    assert variance == pytest.approx(2 * 1.5**2 + 0.04 / 0.25**2 + 1 / 12, rel=2e-3)


def test_in_focus_diffraction_is_airys():
    """Born and Wolf, 8.5.2: first zero at 0.610 lambda / NA, half the intensity at 0.257, 83.8 % of the light within."""
    _, picture = picture_of(FINE)
    y, x = np.indices(picture.shape)
    radius_um = 0.05 * np.hypot(y - 60, x - 80)
    unit = 0.488 / 0.3
    row = picture[60, 80:] / picture.max()
    zero = round(0.610 * unit / 0.05)
    assert row[zero] < 1e-3
    assert np.interp(0.2572 * unit, 0.05 * np.arange(row.size), row) == pytest.approx(0.5, abs=0.01)
    total = 450.0 * 10.0 * CROSS_SECTION_NM2
    assert picture[radius_um < 0.610 * unit].sum() / total == pytest.approx(0.838, abs=0.005)


def test_defocus_darkens_the_axis_as_theory_says_and_opens_the_geometrical_cone():
    """On the axis sinc², zero where centre and rim of the pupil are a wavelength apart (Born and Wolf 8.8.2)."""
    optics = replace(FINE, sheet_width_um=1e4)
    in_focus = picture_of(optics)[1].max()
    zero_um = 0.488 / (INDEX - math.sqrt(INDEX**2 - 0.3**2))
    for part in (0.25, 0.5, 0.75):
        assert picture_of(optics, part * zero_um)[1][60, 80] / in_focus == pytest.approx(
            np.sinc(part) ** 2, abs=0.005
        )
    assert picture_of(optics, zero_um)[1][60, 80] / in_focus < 1e-3
    # 5 waves of defocus: there is hardly any diffraction left
    wide = replace(optics, pixel_size_um=0.4)
    far_um = 72.0
    picture = picture_of(wide, far_um)[1]
    y, x = np.indices(picture.shape)
    radius_um = 0.4 * np.hypot(y - 60, x - 80)
    edge_um = far_um * math.tan(math.asin(0.3 / INDEX))
    assert picture[radius_um < 1.15 * edge_um].sum() > 0.95 * picture.sum()
    assert picture[radius_um < edge_um / math.sqrt(2)].sum() / picture.sum() == pytest.approx(0.5, abs=0.06)


def test_the_mean_of_the_frames_is_that_of_concentration_sheet_and_gain():
    """Light of an ideal gas in a Gaussian sheet: c sigma b t w sqrt(pi / 2) on every unit of area, whatever the spots."""
    per_ml, gain, offset, background = 2e11, 2.5, 100.0, 16.0
    base = Scenario(
        name="gas",
        sample=SampleSettings(concentration_per_ml=per_ml),
        populations=(Population(name="beads", diameter_nm=100),),
        camera=CameraSettings(width_px=96, height_px=96, gain_e_per_adu=gain, offset_adu=offset),
        optics=OpticsSettings(sheet_width_um=3.0, brightness_e_per_ms_nm2=2.0),
        background=BackgroundSettings(level_e=background),
        n_frames=1,
    )
    population, light = base.populations[0], base.collection()
    sigma = float(population.cross_section_nm2(np.array([100.0]), population.index(light), light)[0])
    per_pixel = per_ml * 1e-12 * 0.25**2 * sigma * 2.0 * 15.0 * 3.0 * math.sqrt(math.pi / 2)
    means = [
        next(simulate(replace(base, seed=seed)).frames()).image.mean(dtype=float) for seed in range(1, 21)
    ]
    found = (np.mean(means) - offset) * gain - background
    error = gain * np.std(means, ddof=1) / math.sqrt(len(means))
    assert error < 0.02 * per_pixel
    assert found == pytest.approx(per_pixel, abs=4 * error)


def test_signal_to_noise_and_the_cramer_rao_bound_are_the_textbooks():
    """Background alone: N / sqrt(4 pi s² v); without background the position is known to s / sqrt(N) (Thompson 2002)."""
    optics = OpticsSettings(spot_width_px=2.5, focus_range_um=1e3)
    images, picture = picture_of(optics)
    electrons = float(images.electrons.sum())
    spread = point_spread(optics, INDEX, depth_um=20.0)
    effective_px = math.sqrt(2.5**2 + 1 / 12)
    dark = np.zeros_like(picture)
    _, bound = spread.visibility(picture, dark, 0.0, images)
    assert bound[0] == pytest.approx(effective_px / math.sqrt(electrons), rel=0.01)
    snr, _ = spread.visibility(picture + 20.0, dark + 20.0, 4.0, images)
    assert snr[0] == pytest.approx(electrons / math.sqrt(4 * math.pi * effective_px**2 * 36.0), rel=0.01)
