"""Conditions of the sample in the cell: temperature, medium, dilution. They belong to one recording."""

from __future__ import annotations

import math
from dataclasses import dataclass

from nta.calibration.media import Medium, load_medium
from nta.errors import MissingInputError, SettingError
from nta.physics import ZERO_CELSIUS_K
from nta.stated import stated_number

CONDITION_NUMBERS = ("temperature_c", "temperature_std_c", "viscosity_mpas", "dilution")
CONDITION_TEXTS = ("medium", "sample")
"""Fields of `SampleConditions` that a user may state with any recording, with `CONDITION_NUMBERS`."""
_MOST_STD_C = 20.0
_VISCOSITIES_MPAS = (0.1, 1e5)  # from below pentane (0.22) to above cold glycerol (12 000 at 0 °C)


@dataclass(frozen=True, kw_only=True)
class SampleConditions:
    """Conditions of one measurement; None means not stated.

    temperature_c : of the liquid.
    temperature_std_c : its standard uncertainty. The default of 0.2 °C is that of a thermostated cell (design
        choice, no measurement behind it): it is 0.5 % of the diameter in water.
    medium : name in ``calibration/media``; a solution with its content, e.g. "sucrose 10 %".
    viscosity_mpas, viscosity_rel_std : viscosity at `temperature_c` measured by the user; it replaces
        that of the medium.
    dilution : factor by which the sample was diluted (100 for 1:100).
    """

    temperature_c: float | None = None
    temperature_std_c: float = 0.2
    medium: str = "water"
    viscosity_mpas: float | None = None
    viscosity_rel_std: float | None = None
    dilution: float | None = None
    sample: str = ""

    def __post_init__(self) -> None:
        for name in (*CONDITION_NUMBERS, "viscosity_rel_std"):
            if getattr(self, name) is not None or name == "temperature_std_c":
                object.__setattr__(self, name, stated_number(name, getattr(self, name)))
        for name in CONDITION_TEXTS:
            if not isinstance(getattr(self, name), str):
                raise SettingError(f"{name} must be a name, got {getattr(self, name)!r}")
        if self.temperature_c is not None and not -ZERO_CELSIUS_K < self.temperature_c < 200:
            hint = "; give °C, not K" if self.temperature_c >= 200 else ""
            raise SettingError(f"temperature_c={self.temperature_c:g} °C is no temperature of a sample{hint}")
        if not 0 <= self.temperature_std_c <= _MOST_STD_C:
            raise SettingError(
                f"temperature_std_c must be 0 to {_MOST_STD_C:g} °C, got {self.temperature_std_c}: it is the uncertainty"
            )
        if self.viscosity_mpas is not None:
            low, high = _VISCOSITIES_MPAS
            if not 0 < self.viscosity_mpas < math.inf:
                raise SettingError(f"viscosity_mpas must be > 0 mPa s, got {self.viscosity_mpas}")
            if not low <= self.viscosity_mpas <= high:
                raise SettingError(
                    f"viscosity_mpas={self.viscosity_mpas:g} mPa s is that of no liquid; water at 25 °C has 0.89 mPa s "
                    "(0.00089 Pa s, 0.0089 P)"
                )
        if self.viscosity_rel_std is not None and not 0 <= self.viscosity_rel_std < 1:
            raise SettingError(f"viscosity_rel_std must be between 0 and 1, got {self.viscosity_rel_std}")
        if self.dilution is not None and not 1 <= self.dilution < math.inf:
            raise SettingError(f"dilution must be >= 1 (100 for 1:100), got {self.dilution}")

    def known_temperature_c(self) -> float:
        """Return the temperature; raise `MissingInputError` if it is not stated."""
        if self.temperature_c is None:
            raise MissingInputError(
                "a size needs the temperature of the sample, and neither the recording nor anybody else "
                "says it; give it with --temperature (in °C) or in a side-car TOML"
            )
        return self.temperature_c

    def viscosity_pa_s(self) -> float:
        """Return the dynamic viscosity of the liquid: the stated one, or that of the medium at the stated temperature.

        Raises
        ------
        MissingInputError
            The temperature is not stated: Stokes-Einstein needs it even if the viscosity is stated.
        SettingError
            The medium is unknown, or not known at this temperature.
        """
        temperature_c = self.known_temperature_c()
        if self.viscosity_mpas is not None:
            return self.viscosity_mpas * 1e-3
        return self._medium().viscosity_pa_s(temperature_c)

    def relative_std(self) -> float:
        """Return the relative standard uncertainty of T / viscosity, which is common to all diameters.

        It combines the uncertainty of the viscosity with that of the temperature, which enters through k T and, if the
        viscosity is the medium's, through the viscosity (water's: -2.2 % per °C at 25 °C, that of glycerol 50 % -3.6 %).
        A viscosity stated without uncertainty counts as exact.
        """
        temperature_c = self.known_temperature_c()
        per_c = 1 / (temperature_c + ZERO_CELSIUS_K)
        if self.viscosity_mpas is None:
            per_c -= self._medium().log_viscosity_per_c(temperature_c)
        return math.hypot(per_c * self.temperature_std_c, self.viscosity_relative_std() or 0.0)

    def viscosity_relative_std(self) -> float | None:
        """Return the relative standard uncertainty of the viscosity at this temperature; None if not stated."""
        if self.viscosity_mpas is not None:
            return self.viscosity_rel_std
        return self._medium().viscosity_rel_std()

    def _medium(self) -> Medium:
        return load_medium(self.medium)
