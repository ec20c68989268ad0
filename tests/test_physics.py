import csv
import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nta.errors import SettingError
from nta.physics import (
    BOLTZMANN_J_K,
    WATER_VISCOSITY_RANGE_C,
    blur_coefficient,
    diameter_nm,
    diffusion_um2_s,
    water_viscosity_pa_s,
)

REFERENCES = Path(__file__).parent / "references"


def _table(name):
    lines = [line for line in (REFERENCES / name).read_text().splitlines() if not line.startswith("#")]
    return list(csv.DictReader(lines))


@pytest.mark.parametrize(
    "row", _table("water_viscosity.csv"), ids=lambda row: f"{row['source']}-{row['temperature_k']}K"
)
def test_water_viscosity_matches_the_published_tables(row):
    computed = water_viscosity_pa_s(float(row["temperature_k"]) - 273.15)
    # check values of the very formula; other tables 0.1 %
    tolerance = 1e-8 if row["source"] == "sr6" else 1e-3
    assert computed * 1e6 == pytest.approx(float(row["viscosity_upa_s"]), rel=tolerance)


def test_water_viscosity_at_20_c_is_the_primary_standard():
    # 1.0016 mPa s with 0.17 %, ISO/TR 3666:1998
    assert water_viscosity_pa_s(20.0) == pytest.approx(1.0016e-3, rel=5e-4)


@pytest.mark.parametrize("wrong", [-20.1, 110.1, 298.15, math.nan, math.inf])
def test_outside_its_range_the_correlation_refuses_naming_range_and_value(wrong):
    with pytest.raises(SettingError, match=r"-20 to 110 °C, got " + f"{wrong:g}"):
        water_viscosity_pa_s(wrong)
    with pytest.raises(SettingError, match="-20 to 110"):
        water_viscosity_pa_s(np.array([25.0, wrong]))


def test_a_float_gives_a_float_and_an_array_an_array():
    assert isinstance(water_viscosity_pa_s(25.0), float)
    assert water_viscosity_pa_s(np.array([20.0, 25.0])).shape == (2,)
    assert isinstance(diameter_nm(4.0, 25.0, 8.9e-4), float)


def test_stokes_einstein_of_the_textbook_sphere():
    # D of a 1 um sphere in water at 20 C: k T / (3 pi eta d) worked out by hand with the exact k
    expected = BOLTZMANN_J_K * 293.15 / (3 * math.pi * 1.0016e-3 * 1e-6) * 1e12
    assert diffusion_um2_s(1000.0, 20.0, 1.0016e-3) == pytest.approx(expected, rel=1e-12)
    assert expected == pytest.approx(0.4288, rel=1e-3)


@given(
    diameter=st.floats(5.0, 5000.0),
    temperature=st.floats(*WATER_VISCOSITY_RANGE_C),
)
def test_both_ways_are_inverse(diameter, temperature):
    viscosity = water_viscosity_pa_s(temperature)
    there = diffusion_um2_s(diameter, temperature, viscosity)
    assert diameter_nm(there, temperature, viscosity) == pytest.approx(diameter, rel=1e-12)


@given(st.floats(max_value=0.0, allow_nan=False) | st.just(math.nan))
def test_a_diffusion_that_is_not_positive_gives_no_size(diffusion):
    assert math.isnan(diameter_nm(diffusion, 25.0, 8.9e-4))
    sizes = diameter_nm(np.array([diffusion, 4.0]), 25.0, 8.9e-4)
    assert np.isnan(sizes[0])
    assert sizes[1] > 0


@pytest.mark.parametrize(
    ("temperature", "viscosity"), [(25.0, 0.0), (25.0, -1.0), (25.0, math.nan), (-300.0, 1e-3)]
)
def test_impossible_conditions_are_refused(temperature, viscosity):
    with pytest.raises(SettingError):
        diameter_nm(4.0, temperature, viscosity)


def test_blur_of_a_flash_an_open_shutter_and_in_between():
    assert blur_coefficient(0.0, 1 / 30) == 0.0
    assert blur_coefficient(1 / 30, 1 / 30) == pytest.approx(1 / 6)
    assert blur_coefficient(0.015, 1 / 30) == pytest.approx(0.075)
    assert blur_coefficient(0.03334, 1 / 30) == pytest.approx(
        1 / 6
    )  # a rounded exposure touches the interval


def test_blur_refuses_an_exposure_longer_than_the_interval():
    with pytest.raises(SettingError, match=r"between 0 and the frame interval.*30 Hz"):
        blur_coefficient(0.05, 1 / 30)


def test_blur_coefficient_is_that_of_averaged_brownian_motion(rng):
    # Var of a step between exposure-averaged positions is 2 D dt (1 - 2 R); measured on a finely cut walk
    fine, n_frames, open_share = 60, 30_000, 0.5
    path = np.cumsum(rng.normal(size=n_frames * fine)).reshape(n_frames, fine)
    seen = path[:, : int(fine * open_share)].mean(axis=1)
    ratio = np.diff(seen).var() / fine
    # a mean over m points of a cut walk has R = (m² - 1) / (6 m fine); the continuous limit is open_share / 6
    assert ratio == pytest.approx(1 - 2 * blur_coefficient(open_share, 1.0), rel=0.025)
