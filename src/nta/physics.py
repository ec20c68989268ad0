"""Constants and laws: the viscosity of water, Stokes-Einstein both ways, motion blur.

Functions take floats or arrays and return the same kind; every constant and formula carries its source.
"""

from __future__ import annotations

import math
from typing import overload

import numpy as np
from numpy.typing import ArrayLike

from nta.columns import FloatArray
from nta.errors import SettingError

ML_PER_UM3 = 1e-12
"""Millilitres in a cubic micrometre."""

BOLTZMANN_J_K = 1.380649e-23
"""Boltzmann constant, exact. Source: SI Brochure, 9th ed. (2019); CODATA 2018."""

ZERO_CELSIUS_K = 273.15
"""0 °C in kelvin, exact. Source: SI Brochure, 9th ed. (2019)."""

CHECK_EXPOSURE = "check the frame rate, and the unit of the exposure: exposure_s is in s, --exposure-ms in ms"
"""Advice if an exposure is longer than the frame interval."""

WATER_VISCOSITY_RANGE_C = (-20.0, 110.0)
"""Validity of `water_viscosity_pa_s`: 253.15 K to 383.15 K, below 0 °C supercooled.

Source: IAPWS SR6-08(2011).
"""

WATER_VISCOSITY_REL_STD = 0.005
"""Relative standard uncertainty of `water_viscosity_pa_s`: half of the stated 1 %, which is read as k = 2.

Source: IAPWS SR6-08(2011) and Huber et al. (2009), 1 % for the liquid at 0.1 MPa. Near 20 °C, where the
formulation is tied to the primary standard 1.0016 mPa s with 0.17 % (ISO/TR 3666), it is better than that;
the wider value is kept.
"""

_WATER_TERMS = ((280.68, -1.9), (511.45, -7.7), (61.131, -19.6), (0.45903, -40.0))


@overload
def water_viscosity_pa_s(temperature_c: float) -> float: ...
@overload
def water_viscosity_pa_s(temperature_c: FloatArray) -> FloatArray: ...
def water_viscosity_pa_s(temperature_c: float | FloatArray) -> float | FloatArray:
    """Dynamic viscosity of liquid water at 0.1 MPa, in Pa s.

    mu / (1e-6 Pa s) = sum of a_i (T / 300 K)^b_i, four terms.
    Source: IAPWS SR6-08(2011), Supplementary Release on Properties of Liquid Water at 0.1 MPa; Huber et al.,
    J. Phys. Chem. Ref. Data 38, 101 (2009), eq. 37; Patek et al., J. Phys. Chem. Ref. Data 38, 21 (2009).
    It reproduces the full IAPWS formulation of 2008 within 0.003 % from 0 to 99 °C.
    Uncertainty: `WATER_VISCOSITY_REL_STD`.

    Raises
    ------
    SettingError
        A temperature outside `WATER_VISCOSITY_RANGE_C`, or not a number.
    """
    celsius = np.asarray(temperature_c, dtype=np.float64)
    low, high = WATER_VISCOSITY_RANGE_C
    outside = ~((celsius >= low) & (celsius <= high))  # written so that NaN counts as outside
    if outside.any():
        raise SettingError(
            f"the viscosity of water is known from {low:g} to {high:g} °C, "
            f"got {celsius[outside].flat[0]:g} °C; "
            "check the temperature (in °C, not K) or give the viscosity itself (--viscosity-mpas)"
        )
    reduced = (celsius + ZERO_CELSIUS_K) / 300.0
    viscosity = np.zeros_like(reduced)
    for a, b in _WATER_TERMS:
        viscosity += 1e-6 * a * reduced**b
    return _like(temperature_c, viscosity)


@overload
def diffusion_um2_s(diameter_nm: float, temperature_c: float, viscosity_pa_s: float) -> float: ...
@overload
def diffusion_um2_s(diameter_nm: FloatArray, temperature_c: float, viscosity_pa_s: float) -> FloatArray: ...
def diffusion_um2_s(
    diameter_nm: float | FloatArray, temperature_c: float, viscosity_pa_s: float
) -> float | FloatArray:
    """Diffusion coefficient of a sphere, D = k T / (3 pi eta d), in um²/s; NaN where the diameter is not > 0.

    Source: Einstein, Ann. Phys. 322, 549 (1905), with Stokes' drag of a sphere and no slip.
    """
    scale = stokes_einstein_nm_um2_s(temperature_c, viscosity_pa_s)
    return _like(diameter_nm, scale / _positive_or_nan(diameter_nm))


@overload
def diameter_nm(diffusion_um2_s: float, temperature_c: float, viscosity_pa_s: float) -> float: ...
@overload
def diameter_nm(diffusion_um2_s: FloatArray, temperature_c: float, viscosity_pa_s: float) -> FloatArray: ...
def diameter_nm(
    diffusion_um2_s: float | FloatArray, temperature_c: float, viscosity_pa_s: float
) -> float | FloatArray:
    """Hydrodynamic diameter, d = k T / (3 pi eta D), in nm; NaN where the diffusion coefficient is not > 0.

    A non-positive estimate of D gives no size: it never becomes a negative or a huge one.
    """
    scale = stokes_einstein_nm_um2_s(temperature_c, viscosity_pa_s)
    return _like(diffusion_um2_s, scale / _positive_or_nan(diffusion_um2_s))


def stokes_einstein_nm_um2_s(temperature_c: float, viscosity_pa_s: float) -> float:
    """Product of diameter and diffusion coefficient, k T / (3 pi eta), in nm um²/s (491: water, 25 °C)."""
    kelvin = temperature_c + ZERO_CELSIUS_K
    if not (math.isfinite(kelvin) and kelvin > 0):
        raise SettingError(f"temperature_c must be above {-ZERO_CELSIUS_K:g} °C, got {temperature_c}")
    if not (math.isfinite(viscosity_pa_s) and viscosity_pa_s > 0):
        raise SettingError(f"viscosity_pa_s must be > 0 Pa s, got {viscosity_pa_s}")
    return BOLTZMANN_J_K * kelvin / (3 * math.pi * viscosity_pa_s) * 1e21  # m³/s -> nm um²/s


def exposure_fits(exposure_s: float, interval_s: float) -> bool:
    """Whether the exposure fits in the frame interval, within rounding."""
    return exposure_s <= interval_s * (1 + 1e-3)


def blur_coefficient(exposure_s: float, interval_s: float) -> float:
    """Motion-blur coefficient R of a shutter that is open for the first part of each frame interval.

    R = exposure / (6 interval): 0 for a flash, 1/6 for an always-open shutter.
    Source: Berglund, Phys. Rev. E 82, 011917 (2010), uniform illumination.
    """
    if not (math.isfinite(interval_s) and interval_s > 0):
        raise SettingError(f"interval_s must be > 0 s, got {interval_s}")
    if not (exposure_s >= 0 and exposure_fits(exposure_s, interval_s)):
        raise SettingError(
            f"exposure_s={exposure_s:g} must be between 0 and the frame interval {interval_s:g} s "
            f"({1 / interval_s:g} Hz); {CHECK_EXPOSURE}"
        )
    return min(exposure_s / interval_s, 1.0) / 6.0


def _positive_or_nan(values: ArrayLike) -> FloatArray:
    array = np.asarray(values, dtype=np.float64)
    return np.where(array > 0, array, np.nan)


def _like(given: float | FloatArray, values: FloatArray) -> float | FloatArray:
    return values if isinstance(given, np.ndarray) else float(values)
