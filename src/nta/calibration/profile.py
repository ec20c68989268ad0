"""Instrument profiles: pixel size, optics and camera, each number with its date and source."""

from __future__ import annotations

import datetime
import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from nta.calibration.folder import find_file
from nta.errors import SettingError
from nta.stated import Number, Table

_MUST_BE_POSITIVE = (
    "pixel_size_um",
    "numerical_aperture",
    "wavelength_nm",
    "gain_e_per_adu",
    "sheet_width_um",
    "spot_width_px",
    "brightness_e_per_ms_nm2",
)

_OF_THE_MODE = ("gain_e_per_adu", "offset_adu", "read_noise_e", "spot_width_px", "brightness_e_per_ms_nm2")
"""Fields that are valid only for the mode of the camera in which they were measured."""

PROFILE_NUMBERS: Mapping[str, tuple[str, str, Mapping[str, float]]] = {
    # field: (key in the file, unit, other accepted units)
    "pixel_size_um": ("pixel_size", "um", {"nm": 1e-3}),
    "numerical_aperture": ("numerical_aperture", "1", {}),
    "wavelength_nm": ("wavelength", "nm", {"um": 1e3}),
    "gain_e_per_adu": ("gain", "e/ADU", {}),
    "offset_adu": ("offset", "ADU", {}),
    "read_noise_e": ("read_noise", "e", {}),
    "sheet_width_um": ("sheet_width", "um", {"nm": 1e-3}),
    "spot_width_px": ("spot_width", "px", {}),
    "brightness_e_per_ms_nm2": ("brightness", "e/ms/nm2", {}),
}


PROFILE_WORDS = ("objective", "filter", "camera", "chamber")
"""Fields of a profile that are words."""

ANCHORED = "anchored to"
"""First words of the source of a sheet width that was determined with beads of known concentration."""


@dataclass(frozen=True, kw_only=True)
class InstrumentProfile:
    """Properties of one instrument; None means not measured.

    pixel_size_um : edge of a camera pixel in the sample plane; pixel_size_rel_std : its relative standard
        uncertainty.
    sheet_width_um : 1/e² half-width of the light sheet's Gaussian intensity, along the optical axis.
    spot_width_px : Gaussian standard deviation of a spot in focus.
    brightness_e_per_ms_nm2 : photoelectrons per ms of exposure and nm² of scattering cross-section collected
        by the objective, for a particle in focus at the centre of the sheet.
    objective, filter, camera, chamber : in words, for whoever wants to repeat a measurement; no computation uses them.
    binning : pixels of the chip per pixel of the image, along each edge, when the numbers were measured.
    sources : source of each number, by field. rel_stds : relative standard uncertainties, by field.
    """

    name: str
    pixel_size_um: float | None = None
    pixel_size_rel_std: float | None = None
    numerical_aperture: float | None = None
    wavelength_nm: float | None = None
    gain_e_per_adu: float | None = None
    offset_adu: float | None = None
    read_noise_e: float | None = None
    sheet_width_um: float | None = None
    spot_width_px: float | None = None
    brightness_e_per_ms_nm2: float | None = None
    width_px: int | None = None
    height_px: int | None = None
    bit_depth: int | None = None
    binning: int = 1
    objective: str = ""
    filter: str = ""
    camera: str = ""
    chamber: str = ""
    date: datetime.date | None = None
    source: str = ""
    sources: Mapping[str, str] = field(default_factory=dict)
    rel_stds: Mapping[str, float] = field(default_factory=dict)

    def rel_std(self, name: str) -> float | None:
        """Return the relative standard uncertainty of a field; None if not stated."""
        return self.rel_stds.get(name)

    @property
    def sheet_is_anchored(self) -> bool:
        """Whether the width of the light sheet was determined with beads of known concentration."""
        return self.sources.get("sheet_width_um", "").startswith(ANCHORED)

    def at_binning(self, binning: int | None) -> InstrumentProfile:
        """Return the profile for another binning; unchanged if the binning is the same or not stated.

        The optics stay the same and the pixel size grows. Numbers in pixels or grey values are dropped: cameras sum or
        average binned pixels, before or after readout, and do not state which.
        """
        if binning is None or binning == self.binning:
            return self
        factor = binning / self.binning
        of_the_mode = dict.fromkeys(_OF_THE_MODE)
        kept = {key: value for key, value in self.sources.items() if key not in _OF_THE_MODE}
        if "pixel_size_um" in kept:
            kept["pixel_size_um"] += f", times {factor:g} for the binning of the recording"
        return replace(
            self,
            binning=binning,
            pixel_size_um=None if self.pixel_size_um is None else factor * self.pixel_size_um,
            sources=kept,
            rel_stds={key: value for key, value in self.rel_stds.items() if key not in _OF_THE_MODE},
            width_px=None,
            height_px=None,
            **of_the_mode,  # type: ignore[arg-type]
        )

    def __post_init__(self) -> None:
        for name in _MUST_BE_POSITIVE:
            value = getattr(self, name)
            if value is not None and not (math.isfinite(value) and value > 0):
                raise SettingError(f"{name} must be > 0, got {value}")
        for name in ("pixel_size_rel_std", "read_noise_e", "offset_adu"):
            value = getattr(self, name)
            if value is not None and not (math.isfinite(value) and value >= 0):
                raise SettingError(f"{name} must be >= 0, got {value}")
        if self.binning < 1:
            raise SettingError(f"binning must be >= 1, got {self.binning}")
        if self.numerical_aperture is not None and self.numerical_aperture > 1.6:
            raise SettingError(f"numerical_aperture must be at most 1.6, got {self.numerical_aperture}")


def load_profile(name_or_path: str | Path, folder: str | Path | None = None) -> InstrumentProfile:
    """Read an instrument profile by name from ``calibration/instruments`` or from a ``.toml`` file.

    Raises
    ------
    SettingError
        No such profile, or the file has an unknown key, a number without unit, source or date, or an
        impossible value; the message names the file and the key.
    """
    table = Table.read(find_file(name_or_path, "instruments", folder))
    numbers = {
        name: number
        for name, (key, unit, scales) in PROFILE_NUMBERS.items()
        if (number := table.number(key, unit, scales)) is not None
    }
    values: dict[str, float | int] = {name: number.value for name, number in numbers.items()}
    pixel = numbers.get("pixel_size_um")
    if pixel is not None and pixel.std is not None:
        values["pixel_size_rel_std"] = pixel.std / pixel.value
    for key in ("width_px", "height_px", "bit_depth", "binning"):
        if table.has(key):
            values[key] = table.get(key, int)
    name = table.text("name")
    words = {key: table.text(key, "") for key in PROFILE_WORDS}
    table.get("description", str)
    table.close()
    try:
        return InstrumentProfile(
            name=name,
            date=table.date(),
            source=table.source(),
            sources={field_: _said(number) for field_, number in numbers.items()},
            rel_stds={
                field_: number.std / abs(number.value)
                for field_, number in numbers.items()
                if number.std is not None and number.value
            },
            **words,  # type: ignore[arg-type]
            **values,  # type: ignore[arg-type]
        )
    except SettingError as error:
        table.refuse(str(error))


def _said(number: Number) -> str:
    return f"{number.source} ({number.date.isoformat()})"
