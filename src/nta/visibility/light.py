"""Light sheet, defocus and scattering: illumination, spot width and brightness of a sphere over depth."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import cache

import numpy as np

from nta.blas import one_blas_thread
from nta.calibration import InstrumentProfile, SampleConditions, load_medium
from nta.columns import FloatArray
from nta.frames import CameraState
from nta.scattering import Collection, coated_cross_section_nm2
from nta.spots import Scene
from nta.visibility.diffraction import by_diffraction

_SHELL_NM = 1.0
# a typical instrument: green light, a low objective and a focused laser (design choice)
_WAVELENGTH_NM, _APERTURE, _SHEET_WIDTH_UM = 500.0, 0.3, 5.0
MOST_CONTRAST = 0.6  # largest index above that of the medium for which cross-sections are tabulated


@dataclass(frozen=True, kw_only=True)
class LightSheet:
    """Light and focus along the optical axis; z = 0 is the middle of the sheet, which is in focus.

    sheet_width_um : 1/e² half-width, intensity exp(-2 z²/w²).
    focus_range_um : distance at which a Gaussian spot is wider by the square root of 2: 2 n s / NA (s: width in focus, in
        um), so that the width far from focus is that of the geometrical cone, |z| NA / (2 n).
    gaussian_share : 1 for spots that widen like that, 0 for the diffraction pattern of a clear pupil, or between.
    """

    sheet_width_um: float
    focus_range_um: float
    spot_width_px: float
    pixel_size_um: float
    exposure_s: float
    gaussian_share: float = 1.0

    @property
    def shows_rings(self) -> bool:
        """Whether particles are lit where they are out of focus: a real objective images them as rings."""
        return self.sheet_width_um > self.focus_range_um

    def light(self, z_um: FloatArray) -> FloatArray:
        """Light of a fitted spot relative to the middle of the sheet."""
        lit = np.exp(-2 * (z_um / self.sheet_width_um) ** 2)
        return np.asarray(lit * by_diffraction(z_um / self.focus_range_um).light ** (1 - self.gaussian_share))

    def width_px(self, z_um: FloatArray, diffusion_um2_s: FloatArray | float) -> FloatArray:
        """Width of the spot of a particle at distance z from focus that diffuses during the exposure.

        The path of a Brownian particle within an exposure t has a variance of D t / 3 about its own mean per axis, on
        average (Berglund, Phys. Rev. E 82, 011917 (2010)).
        """
        blur_px2 = diffusion_um2_s * self.exposure_s / 3 / self.pixel_size_um**2
        gaussian, ranges = self.gaussian_share, z_um / self.focus_range_um
        defocus = gaussian * (1 + ranges**2) + (1 - gaussian) * by_diffraction(ranges).variance
        return np.asarray(np.sqrt(self.spot_width_px**2 * defocus + blur_px2))


def with_typical_optics(profile: InstrumentProfile | None) -> InstrumentProfile:
    """Return the profile with wavelength, aperture and sheet width of a typical instrument where it states none."""
    profile = profile or InstrumentProfile(name="typical")
    return replace(
        profile,
        wavelength_nm=profile.wavelength_nm or _WAVELENGTH_NM,
        numerical_aperture=profile.numerical_aperture or _APERTURE,
        sheet_width_um=profile.sheet_width_um or _SHEET_WIDTH_UM,
    )


def light_sheet(
    profile: InstrumentProfile | None,
    conditions: SampleConditions,
    camera: CameraState,
    spot_width_px: float,
) -> LightSheet | None:
    """Return the light sheet of the instrument; None if profile and camera do not state all of its numbers.

    Spots are taken for Gaussian: what the tracks say of that is added by `defocus.gaussian_share`.
    """
    if (
        profile is None
        or profile.sheet_width_um is None
        or profile.numerical_aperture is None
        or profile.wavelength_nm is None
        or camera.pixel_size_um is None
        or camera.exposure_s is None
    ):
        return None
    index = medium_index(profile, conditions)
    focus_range_um = 2 * index * spot_width_px * camera.pixel_size_um / profile.numerical_aperture
    return LightSheet(
        sheet_width_um=profile.sheet_width_um,
        focus_range_um=focus_range_um,
        spot_width_px=spot_width_px,
        pixel_size_um=camera.pixel_size_um,
        exposure_s=camera.exposure_s,
    )


def width_in_focus_px(scene: Scene, profile: InstrumentProfile | None, camera: CameraState) -> float:
    """Width of a spot in focus: of the profile, else by diffraction, else of the recording's typical spot, which is wider.

    Diffraction: 0.21 wavelength / NA (Zhang, Zerubia and Olivo-Marin, Appl. Opt. 46, 1819 (2007), 2-D fit of the Airy
    pattern).
    """
    if profile is not None and profile.spot_width_px is not None:
        return profile.spot_width_px
    if (
        profile is not None
        and profile.wavelength_nm is not None
        and profile.numerical_aperture is not None
        and camera.pixel_size_um is not None
    ):
        return 0.21e-3 * profile.wavelength_nm / profile.numerical_aperture / camera.pixel_size_um
    return scene.spot_width_px


def collection(profile: InstrumentProfile | None, conditions: SampleConditions) -> Collection | None:
    """Return the optics that collect scattered light; None if the profile states no wavelength or aperture."""
    if profile is None or profile.wavelength_nm is None or profile.numerical_aperture is None:
        return None
    return Collection(
        wavelength_nm=profile.wavelength_nm,
        numerical_aperture=profile.numerical_aperture,
        medium_index=medium_index(profile, conditions),
    )


def medium_index(profile: InstrumentProfile, conditions: SampleConditions) -> float:
    """Refractive index of the liquid at the laser's wavelength and the sample's temperature."""
    assert profile.wavelength_nm is not None
    return load_medium(conditions.medium).refractive_index(
        profile.wavelength_nm, conditions.known_temperature_c()
    )


@dataclass(frozen=True, eq=False)
class CrossSections:
    """Table of collected cross-sections of homogeneous spheres over diameter and refractive index."""

    diameter_nm: FloatArray
    index: FloatArray
    log_nm2: FloatArray  # (n_diameters, n_indices)
    medium_index: float

    @classmethod
    @cache  # recordings of one instrument share it
    def of(cls, light: Collection, low_nm: float, high_nm: float) -> CrossSections:
        """Compute the table: 24 diameters per e-fold, 14 indices evenly spaced in the logarithm of their contrast."""
        count = max(8, math.ceil(24 * math.log(high_nm / low_nm)))
        diameter = np.geomspace(low_nm, high_nm, count)
        contrast = np.geomspace(0.004, MOST_CONTRAST, 14)
        index = light.medium_index + contrast
        # a coated sphere of one index is a sphere; its function computes all diameters at once
        with one_blas_thread():
            columns = [
                coated_cross_section_nm2(diameter, float(n), float(n), _SHELL_NM, light) for n in index
            ]
        return cls(diameter, index, np.log(np.stack(columns, axis=1)), light.medium_index)

    def at(self, diameter_nm: FloatArray, index: float) -> FloatArray:
        """Cross-sections of spheres of one index."""
        place = np.log(self.index - self.medium_index)
        at = float(np.clip(np.log(max(index - self.medium_index, 1e-6)), place[0] - 2, place[-1]))
        upper = int(np.clip(np.searchsorted(place, at), 1, place.size - 1))
        part = (at - place[upper - 1]) / (place[upper] - place[upper - 1])
        row = (1 - part) * self.log_nm2[:, upper - 1] + part * self.log_nm2[:, upper]
        return np.asarray(np.exp(np.interp(np.log(diameter_nm), np.log(self.diameter_nm), row)))

    def contrast(self, diameter_nm: FloatArray, log_nm2: FloatArray) -> FloatArray:
        """Return n - n_medium of the spheres with these cross-sections, limited to the ends of the table."""
        log_contrast = np.log(self.index - self.medium_index)
        place = np.interp(np.log(diameter_nm), np.log(self.diameter_nm), np.arange(self.diameter_nm.size))
        lower = np.minimum(place.astype(np.int64), self.diameter_nm.size - 2)
        part = (place - lower)[:, None]
        curves = (1 - part) * self.log_nm2[lower] + part * self.log_nm2[lower + 1]
        rising = np.maximum.accumulate(curves, axis=1)  # large spheres resonate: take the smallest index
        found = [float(np.interp(y, row, log_contrast)) for y, row in zip(log_nm2, rising, strict=True)]
        return np.asarray(np.exp(np.array(found)))
