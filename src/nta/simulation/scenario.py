"""Scenarios: instrument, sample and disturbances as frozen values, each section a table of a TOML file."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any, Literal

from nta.calibration import SampleConditions, load_medium
from nta.errors import SettingError
from nta.frames import CameraState
from nta.physics import ML_PER_UM3
from nta.scattering import Collection
from nta.simulation.populations import Population
from nta.stated import check_choice

Psf = Literal["gaussian", "diffraction"]


@dataclass(frozen=True, kw_only=True)
class CameraSettings:
    """The camera. Defaults as ``calibration/instruments/simulated.toml``.

    gain_e_per_adu, offset_adu : adu = electrons / gain + offset, rounded, cut at 0 and at full scale.
    read_noise_e : standard deviation of Gaussian noise per pixel.
    full_well_e : a pixel holds no more electrons; None: the converter saturates first.
    """

    width_px: int = 640
    height_px: int = 480
    frame_rate_hz: float = 30.0
    exposure_s: float = 0.015
    bit_depth: int = 12
    gain_e_per_adu: float = 2.5
    offset_adu: float = 100.0
    read_noise_e: float = 2.5
    full_well_e: float | None = None

    def __post_init__(self) -> None:
        if self.width_px < 8 or self.height_px < 8:
            raise SettingError(f"a frame needs at least 8 x 8 pixels, got {self.width_px} x {self.height_px}")
        if not 1 <= self.bit_depth <= 16:
            raise SettingError(f"bit_depth must be between 1 and 16, got {self.bit_depth}")
        _require(self, "frame_rate_hz", "gain_e_per_adu", above=0)
        _require(self, "exposure_s", "offset_adu", "read_noise_e", at_least=0)
        # stricter than `exposure_fits`: particles would diffuse for longer than the frame interval
        if self.exposure_s <= 0 or self.exposure_s * self.frame_rate_hz > 1 + 1e-9:
            raise SettingError(
                f"exposure_s={self.exposure_s:g} must be > 0 and no longer than the frame interval "
                f"{1 / self.frame_rate_hz:.6g} s ({self.frame_rate_hz:g} Hz)"
            )
        if self.full_well_e is not None and self.full_well_e <= 0:
            raise SettingError(f"full_well_e must be > 0, got {self.full_well_e}")
        if self.offset_adu >= self.full_scale_adu:
            raise SettingError(
                f"offset_adu={self.offset_adu:g} leaves no room below full scale {self.full_scale_adu}"
            )

    @property
    def full_scale_adu(self) -> int:
        """Largest grey value."""
        return int(2**self.bit_depth - 1)

    @property
    def interval_s(self) -> float:
        """Time from frame to frame."""
        return 1 / self.frame_rate_hz


@dataclass(frozen=True, kw_only=True)
class OpticsSettings:
    """Laser, light sheet and objective. Defaults as ``calibration/instruments/simulated.toml``.

    pixel_size_um : edge of a pixel in the sample plane.
    sheet_width_um : 1/e² half-width of the sheet's Gaussian intensity along the optical axis, exp(-2 z²/w²).
    spot_width_px : Gaussian standard deviation of a spot in focus; None: 0.21 wavelength / NA (Zhang, Zerubia and
        Olivo-Marin, Appl. Opt. 46, 1819 (2007), 2-D fit of the Airy pattern).
    psf : "gaussian", whose width grows as sqrt(1 + (z/z_R)²); "diffraction": Airy pattern in focus, discs and rings out
        of it (scalar Debye integral).
    focus_range_um : z_R; None: 2 n s / NA (s: spot width in um), where the width far from focus becomes that of the
        geometrical cone, |z| NA / (2 n).
    focus_offset_um : distance of the focal plane from the middle of the sheet.
    brightness_e_per_ms_nm2 : photo-electrons per ms of exposure and nm² of collected cross-section, in the middle of the
        sheet.
    beam_waist_um : 1/e² half-width of the sheet's intensity across the picture (rows); None: evenly lit.
    """

    pixel_size_um: float = 0.25
    numerical_aperture: float = 0.3
    wavelength_nm: float = 488.0
    polarized: bool = True
    sheet_width_um: float = 5.0
    spot_width_px: float | None = None
    psf: Psf = "gaussian"
    focus_range_um: float | None = None
    focus_offset_um: float = 0.0
    brightness_e_per_ms_nm2: float = 450.0
    beam_waist_um: float | None = None

    def __post_init__(self) -> None:
        _require(self, "pixel_size_um", "numerical_aperture", "wavelength_nm", "sheet_width_um", above=0)
        _require(self, "spot_width_px", "focus_range_um", "brightness_e_per_ms_nm2", "beam_waist_um", above=0)
        check_choice("psf", self.psf, Psf)
        if self.psf == "diffraction" and (self.spot_width_px is not None or self.focus_range_um is not None):
            raise SettingError(
                'psf = "diffraction" follows from numerical_aperture and wavelength_nm; '
                "leave spot_width_px and focus_range_um out"
            )

    @property
    def in_focus_width_um(self) -> float:
        """Standard deviation of a spot in focus, in the sample plane."""
        if self.spot_width_px is not None:
            return self.spot_width_px * self.pixel_size_um
        return 0.21 * self.wavelength_nm * 1e-3 / self.numerical_aperture

    def rayleigh_um(self, medium_index: float) -> float:
        """Distance from focus at which a spot is wider by the square root of 2."""
        if self.focus_range_um is not None:
            return self.focus_range_um
        return 2 * medium_index * self.in_focus_width_um / self.numerical_aperture


@dataclass(frozen=True, kw_only=True)
class SampleSettings:
    """The liquid and the amount of particles; exactly one of the two amounts is given.

    concentration_per_ml : particles per ml, of all populations together, in the cell.
    number_in_view : mean number of particles inside the frame and within `sheet_width_um` of the middle of the sheet.
    """

    temperature_c: float = 25.0
    medium: str = "water"
    viscosity_mpas: float | None = None
    concentration_per_ml: float | None = None
    number_in_view: float | None = None
    dilution: float | None = None

    def __post_init__(self) -> None:
        if (self.concentration_per_ml is None) == (self.number_in_view is None):
            raise SettingError("[sample] needs exactly one of concentration_per_ml and number_in_view")
        _require(self, "concentration_per_ml", "number_in_view", at_least=0)
        self.conditions("")

    def conditions(self, sample: str) -> SampleConditions:
        """Return the conditions in the form that the analysis takes."""
        return SampleConditions(
            temperature_c=self.temperature_c,
            medium=self.medium,
            viscosity_mpas=self.viscosity_mpas,
            dilution=self.dilution,
            sample=sample,
        )


@dataclass(frozen=True, kw_only=True)
class MotionSettings:
    """Motion besides Brownian motion. Flow moves free particles; vibration and jitter move the whole picture.

    drift_*_um_s : constant velocity; z along the optical axis.
    oscillation_* : velocity amplitude v cos(2 pi f t), direction counted from x towards y.
    shear_per_s : d(vx)/dy, zero in the middle row. parabolic_um_s : flow along x, largest at the middle of the sheet and
        zero at one sheet width from it (a shallow cell).
    vibration_* : sinusoidal shift of the picture, also within the exposure. jitter_um : random shift of every frame,
        standard deviation per axis.
    blur_steps : pieces into which a path is cut during an exposure, even; the mean position is exact for any number.
    """

    drift_x_um_s: float = 0.0
    drift_y_um_s: float = 0.0
    drift_z_um_s: float = 0.0
    oscillation_um_s: float = 0.0
    oscillation_hz: float = 0.0
    oscillation_angle_deg: float = 0.0
    shear_per_s: float = 0.0
    parabolic_um_s: float = 0.0
    vibration_um: float = 0.0
    vibration_hz: float = 0.0
    vibration_angle_deg: float = 0.0
    jitter_um: float = 0.0
    blur_steps: int = 4

    def __post_init__(self) -> None:
        _require(self, "oscillation_hz", "vibration_um", "vibration_hz", "jitter_um", at_least=0)
        if self.blur_steps < 2 or self.blur_steps % 2 or self.blur_steps > 64:
            raise SettingError(f"blur_steps must be even, from 2 to 64, got {self.blur_steps}")


@dataclass(frozen=True, kw_only=True)
class BackgroundSettings:
    """Background light on every pixel, in electrons per exposure.

    gradient_x, gradient_y : relative change from edge to edge. slow_change : relative amplitude of a sinusoid of
    `slow_period_s`; fading_per_s : relative loss per second (exponential).
    """

    level_e: float = 16.0
    gradient_x: float = 0.0
    gradient_y: float = 0.0
    slow_change: float = 0.0
    slow_period_s: float = 20.0
    fading_per_s: float = 0.0

    def __post_init__(self) -> None:
        _require(self, "level_e", "slow_change", "fading_per_s", at_least=0)
        _require(self, "slow_period_s", above=0)
        if abs(self.gradient_x) + abs(self.gradient_y) > 2:
            raise SettingError(
                "gradient_x and gradient_y together may not exceed 2: the background would be negative"
            )
        if self.slow_change > 1:
            raise SettingError(f"slow_change must be at most 1, got {self.slow_change}")


@dataclass(frozen=True, kw_only=True)
class DefectSettings:
    """Defects that are visible but do not diffuse.

    hot_pixels : number of pixels with extra dark signal, uniform between 0.5 and 1.5 times `hot_pixel_e` per exposure.
    stuck_particles : spheres of `stuck_diameter_nm` and `stuck_material`, fixed at depth `stuck_depth_um`.
    """

    hot_pixels: int = 0
    hot_pixel_e: float = 500.0
    stuck_particles: int = 0
    stuck_diameter_nm: float = 100.0
    stuck_material: str = "polystyrene"
    stuck_depth_um: float = 0.0

    def __post_init__(self) -> None:
        _require(self, "hot_pixels", "hot_pixel_e", "stuck_particles", at_least=0)
        _require(self, "stuck_diameter_nm", above=0)


@dataclass(frozen=True, kw_only=True)
class Scenario:
    """One recording to be simulated; the same scenario gives the same frames, bit for bit."""

    name: str
    sample: SampleSettings
    populations: tuple[Population, ...]
    description: str = ""
    seed: int = 1
    n_frames: int = 900
    truth_min_snr: float = 0.5  # fainter images are in the frames but not in the truth
    camera: CameraSettings = field(default_factory=CameraSettings)
    optics: OpticsSettings = field(default_factory=OpticsSettings)
    motion: MotionSettings = field(default_factory=MotionSettings)
    background: BackgroundSettings = field(default_factory=BackgroundSettings)
    defects: DefectSettings = field(default_factory=DefectSettings)

    def __post_init__(self) -> None:
        if not self.name:
            raise SettingError("a scenario needs a name")
        if self.n_frames < 1:
            raise SettingError(f"n_frames must be >= 1, got {self.n_frames}")
        if self.seed < 0:
            raise SettingError(f"seed must be >= 0, got {self.seed}")
        empty = self.concentration_per_ml == 0
        if empty and self.populations:
            raise SettingError("a scenario without particles (amount 0) must have no [[populations]]")
        if not empty and not self.populations:
            raise SettingError(
                "the sample has particles, but there is no [[populations]]; add one or set the amount to 0"
            )
        names = [p.name for p in self.populations]
        if len(set(names)) < len(names) or "stuck" in names:
            raise SettingError(
                f'names of populations must differ, and "stuck" is taken; got {", ".join(names)}'
            )

    @property
    def view_volume_ml(self) -> float:
        """Volume to which `number_in_view` refers: area of the frame, one sheet width to both sides of the middle."""
        area = self.camera.width_px * self.camera.height_px * self.optics.pixel_size_um**2
        return area * 2 * self.optics.sheet_width_um * ML_PER_UM3

    @property
    def concentration_per_ml(self) -> float:
        """Particles per ml, of all populations together."""
        if self.sample.concentration_per_ml is not None:
            return self.sample.concentration_per_ml
        assert self.sample.number_in_view is not None
        return self.sample.number_in_view / self.view_volume_ml

    @property
    def number_in_view(self) -> float:
        """Mean number of particles in the view volume."""
        return self.concentration_per_ml * self.view_volume_ml

    @property
    def conditions(self) -> SampleConditions:
        """Return the sample conditions in the form that the analysis takes."""
        return self.sample.conditions(self.name)

    def collection(self) -> Collection:
        """Return the illumination and collection of light."""
        index = load_medium(self.sample.medium).refractive_index(
            self.optics.wavelength_nm, self.sample.temperature_c
        )
        return Collection(
            wavelength_nm=self.optics.wavelength_nm,
            numerical_aperture=self.optics.numerical_aperture,
            medium_index=index,
            polarized=self.optics.polarized,
        )

    def camera_state(self) -> CameraState:
        """Return the camera as a recording would state it."""
        camera = self.camera
        return CameraState(
            width_px=camera.width_px,
            height_px=camera.height_px,
            bit_depth=camera.bit_depth,
            frame_rate_hz=camera.frame_rate_hz,
            exposure_s=camera.exposure_s,
            pixel_size_um=self.optics.pixel_size_um,
            gain_e_per_adu=camera.gain_e_per_adu,
            offset_adu=camera.offset_adu,
            read_noise_e=camera.read_noise_e,
        )


def _require(settings: Any, *names: str, above: float = -math.inf, at_least: float = -math.inf) -> None:
    for name in names:
        value = getattr(settings, name)
        if value is not None and not (math.isfinite(value) and value > above and value >= at_least):
            bound = f"> {above:g}" if at_least == -math.inf else f">= {at_least:g}"
            raise SettingError(f"{name} must be {bound}, got {value}")
