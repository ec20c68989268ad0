"""Liquids: viscosity relative to water and refractive index, from the tables in ``calibration/media``."""

from __future__ import annotations

import datetime
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from nta.calibration.folder import calibration_folder, find_file
from nta.errors import SettingError
from nta.physics import WATER_VISCOSITY_REL_STD, water_viscosity_pa_s
from nta.stated import Table, is_number

_STEP_C = 0.05  # step of the numerical derivative of viscosity, which is then exact to 1e-6 relative
_WITH_CONTENT = re.compile(r"(?P<name>[A-Za-z][\w-]*)\s*[: ]\s*(?P<percent>[0-9]*\.?[0-9]+)\s*%?(?:\s*w/w)?$")


@dataclass(frozen=True, kw_only=True)
class RelativeViscosity:
    """Viscosity relative to water on a grid of temperature and content; its logarithm is interpolated (cubic).

    relative[i][j] belongs to temperatures_c[i] and mass_percent[j]. With one temperature, the ratio is
    constant over `valid_c`. With one mass per cent, the liquid has a fixed composition.
    """

    temperatures_c: tuple[float, ...]
    mass_percent: tuple[float, ...]
    relative: tuple[tuple[float, ...], ...]
    rel_std: float
    valid_c: tuple[float, float]
    source: str
    date: datetime.date

    def __post_init__(self) -> None:
        for name in ("temperatures_c", "mass_percent"):
            values = getattr(self, name)
            if any(b <= a for a, b in pairwise(values)):
                raise SettingError(f"{name} must rise, got {list(values)}")
        shape = {len(row) for row in self.relative}
        if len(self.relative) != len(self.temperatures_c) or shape != {len(self.mass_percent)}:
            raise SettingError(
                f"relative must have {len(self.temperatures_c)} rows (temperatures_c) of "
                f"{len(self.mass_percent)} values (mass_percent)"
            )
        if any(not value > 0 for row in self.relative for value in row):
            raise SettingError("relative must be > 0 everywhere")
        if not 0 <= self.rel_std < 1:
            raise SettingError(f"rel_std must be between 0 and 1, got {self.rel_std}")

    def at(self, temperature_c: float, mass_percent: float) -> float:
        """Return the viscosity relative to water at the same temperature."""
        columns = [_interpolated(mass_percent, self.mass_percent, _logs(row)) for row in self.relative]
        return math.exp(_interpolated(temperature_c, self.temperatures_c, columns))


@dataclass(frozen=True, kw_only=True)
class RefractiveIndex:
    """n² = 1 + sum of A_i l² / (l² - B_i), l in um, at `reference_c`; plus terms for temperature and solute."""

    sellmeier_a: tuple[float, ...]
    sellmeier_b_um2: tuple[float, ...]
    reference_c: float
    per_kelvin: float
    mass_percent: tuple[float, ...]
    increment: tuple[float, ...]
    std: float
    valid_nm: tuple[float, float]
    source: str
    date: datetime.date

    def __post_init__(self) -> None:
        if len(self.sellmeier_a) != len(self.sellmeier_b_um2):
            raise SettingError("sellmeier_a and sellmeier_b_um2 must be of the same length")
        if len(self.mass_percent) != len(self.increment):
            raise SettingError("mass_percent and increment must be of the same length")

    def at(self, wavelength_nm: float, temperature_c: float, mass_percent: float) -> float:
        """Return the refractive index at a vacuum wavelength."""
        low, high = self.valid_nm
        if not low <= wavelength_nm <= high:
            raise SettingError(f"the index is known from {low:g} to {high:g} nm, got {wavelength_nm:g} nm")
        l2 = (wavelength_nm * 1e-3) ** 2
        n2 = 1 + sum(a * l2 / (l2 - b) for a, b in zip(self.sellmeier_a, self.sellmeier_b_um2, strict=True))
        solute = _interpolated(mass_percent, self.mass_percent, self.increment)
        return math.sqrt(n2) + self.per_kelvin * (temperature_c - self.reference_c) + solute


@dataclass(frozen=True, kw_only=True)
class Medium:
    """A liquid in which particles diffuse. mass_percent : content of the solute, 0 for a fixed composition."""

    name: str
    mass_percent: float
    viscosity: RelativeViscosity
    index: RefractiveIndex | None = None

    def __post_init__(self) -> None:
        low, high = self.viscosity.mass_percent[0], self.viscosity.mass_percent[-1]
        if not low <= self.mass_percent <= high:
            raise SettingError(
                f"the viscosity of {self.name} is known from {low:g} to {high:g} % by mass, "
                f"got {self.mass_percent:g} %; give the viscosity itself (--viscosity-mpas)"
            )

    def viscosity_pa_s(self, temperature_c: float) -> float:
        """Return the dynamic viscosity in Pa s: that of water (IAPWS) times the ratio of the medium to water.

        Raises
        ------
        SettingError
            The temperature is outside the range of the data; the message names range and value.
        """
        low, high = self.viscosity.valid_c
        if not low <= temperature_c <= high:
            raise SettingError(
                f"the viscosity of {self.name} is known from {low:g} to {high:g} °C, "
                f"got {temperature_c:g} °C; check the temperature (in °C) or give the viscosity itself "
                "(--viscosity-mpas)"
            )
        ratio = self.viscosity.at(temperature_c, self.mass_percent)
        return water_viscosity_pa_s(float(temperature_c)) * ratio

    def log_viscosity_per_c(self, temperature_c: float) -> float:
        """Return d ln(viscosity) / d T per °C; one-sided at the ends of the data."""
        low, high = self.viscosity.valid_c
        ends = (max(temperature_c - _STEP_C, low), min(temperature_c + _STEP_C, high))
        below, above = (self.viscosity_pa_s(end) for end in ends)
        return math.log(above / below) / (ends[1] - ends[0])

    def viscosity_rel_std(self) -> float:
        """Return the relative standard uncertainty of the viscosity: of water and of the ratio in quadrature."""
        return math.hypot(WATER_VISCOSITY_REL_STD, self.viscosity.rel_std)

    def refractive_index(self, wavelength_nm: float, temperature_c: float = 20.0) -> float:
        """Return the refractive index at a vacuum wavelength."""
        if self.index is None:
            raise SettingError(f"{self.name} has no refractive index; add [refractive_index] to its file")
        return self.index.at(wavelength_nm, temperature_c, self.mass_percent)


def load_medium(name: str, folder: str | Path | None = None) -> Medium:
    """Read a medium from ``calibration/media``; for a solution give its content too: "sucrose 10 %", "glycerol:20".

    Raises
    ------
    SettingError
        No such medium, no content for a solution, content out of range, or a fault in the file (names the
        key).
    """
    stem, percent = _parsed(name)
    table = Table.read(find_file(stem, "media", folder))
    text = table.text("name")
    table.get("description", str)
    viscosity = _viscosity(table.table("viscosity"))
    index = _index(table.table("refractive_index")) if table.has("refractive_index") else None
    table.close()
    fixed = len(viscosity.mass_percent) == 1
    if fixed and percent is not None:
        raise SettingError(f"{text} has a fixed composition; write {text!r} instead of {name!r}")
    if not fixed and percent is None:
        raise SettingError(f"{text} needs its content in mass per cent, for example {f'{text} 10 %'!r}")
    content = viscosity.mass_percent[0] if percent is None else percent
    label = text if percent is None else f"{text} {percent:g} %"
    return Medium(name=label, mass_percent=content, viscosity=viscosity, index=index)


def list_media(folder: str | Path | None = None) -> tuple[str, ...]:
    """Return the names of the available media."""
    return tuple(sorted(path.stem for path in (calibration_folder(folder) / "media").glob("*.toml")))


def _parsed(name: str) -> tuple[str, float | None]:
    if name.endswith(".toml"):
        return name, None
    match = _WITH_CONTENT.match(name.strip())
    return (match["name"].lower(), float(match["percent"])) if match else (name.strip().lower(), None)


def _viscosity(table: Table) -> RelativeViscosity:
    mass_percent = table.numbers("mass_percent") if table.has("mass_percent") else (0.0,)
    rows = table.get("relative", list, required=True)
    if not all(isinstance(row, list) and all(is_number(v) for v in row) for row in rows):
        table.refuse("relative must be a list of rows of numbers, one row per temperature")
    values = {
        "temperatures_c": table.numbers("temperatures_c"),
        "valid_c": _pair(table, "valid_c"),
        "rel_std": table.finite("rel_std", required=True),
    }
    source, date = table.source(), table.date()
    table.close()
    try:
        return RelativeViscosity(
            mass_percent=mass_percent,
            relative=tuple(tuple(float(v) for v in row) for row in rows),
            source=source,
            date=date,
            **values,  # type: ignore[arg-type]
        )
    except SettingError as error:
        table.refuse(str(error))


def _index(table: Table) -> RefractiveIndex:
    values: Mapping[str, object] = {
        "sellmeier_a": table.numbers("sellmeier_a"),
        "sellmeier_b_um2": table.numbers("sellmeier_b_um2"),
        "reference_c": table.finite("reference_c", required=True),
        "per_kelvin": table.finite("per_kelvin", required=True),
        "mass_percent": table.numbers("mass_percent") if table.has("mass_percent") else (0.0,),
        "increment": table.numbers("increment") if table.has("increment") else (0.0,),
        "std": table.finite("std", required=True),
        "valid_nm": _pair(table, "valid_nm"),
        "source": table.source(),
        "date": table.date(),
    }
    table.close()
    try:
        return RefractiveIndex(**values)  # type: ignore[arg-type]
    except SettingError as error:
        table.refuse(str(error))


def _pair(table: Table, key: str) -> tuple[float, float]:
    values = table.numbers(key)
    if len(values) != 2 or values[0] >= values[1]:
        table.refuse(f"{key} must be two rising numbers, got {list(values)}")
    return values[0], values[1]


def _logs(values: Sequence[float]) -> list[float]:
    return [math.log(value) for value in values]


def _interpolated(x: float, knots: Sequence[float], values: Sequence[float]) -> float:
    """Interpolate with the polynomial through the (up to) four nearest knots; beyond the outer knots, use their values."""
    if len(knots) == 1 or x <= knots[0]:
        return values[0]
    if x >= knots[-1]:
        return values[-1]
    left = next(i for i in range(len(knots) - 1) if x <= knots[i + 1])
    first = max(0, min(left - 1, len(knots) - 4))
    near = range(first, min(first + 4, len(knots)))
    return sum(
        values[i] * math.prod((x - knots[j]) / (knots[i] - knots[j]) for j in near if j != i) for i in near
    )
