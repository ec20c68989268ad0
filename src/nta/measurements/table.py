"""The noun of this room: a measurement, asked for its numbers; what it does not know has no value, and says why."""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from copy import copy
from pathlib import Path
from typing import Literal, Self

from nta.assessment import Verdict
from nta.errors import SettingError
from nta.quantity import CONFIDENCE, Quantity, unknown
from nta.sizes import Distribution, Draws
from nta.sizes.numbers import SUMMARY_UNITS

Kind = Literal["sizes", "visibility"]
"""Numbers by the room that makes them: of the size distribution, or of what is seen and counted."""
_PERCENTILE = re.compile(r"d(\d{1,2}(?:\.\d+)?)_nm")


class Measurement(ABC):
    """One result of one sample: our own analysis, or a run of a vendor's program.

    name : of the result. path : the folder or file it was read from, None where it was not.
    source : the program that made it. describes : what the sizes are of, and how they are weighted.
    hidden : what the program did to the data without saying so in its file, as far as it is known.
    n_tracks : tracks that entered; None where the program does not say. confidence : of the intervals of sizes.
    temperature_c : with which the sizes were made; None where nobody says.
    recording_id : digest by which two results of one recording are known; empty where that cannot be told.
    """

    name: str
    path: Path | None = None
    source: str
    describes: str
    hidden: tuple[str, ...] = ()
    n_tracks: int | None = None
    confidence: float = CONFIDENCE
    temperature_c: float | None = None
    recording_id: str = ""
    percentiles: str = "interpolated within bins of ln d"

    def called(self, name: str, path: Path | None = None) -> Self:
        """Return the measurement under a name, read from a path."""
        other = copy(self)
        other.name, other.path = name, path or self.path
        return other

    @abstractmethod
    def number(self, name: str) -> Quantity:
        """Return a number of the size distribution: a name of `SUMMARY_UNITS`, or any percentile, e.g. "d05_nm"."""

    @abstractmethod
    def share(self, low_nm: float, high_nm: float) -> Quantity:
        """Share of the particles between two diameters."""

    @abstractmethod
    def distribution(self) -> Distribution | None:
        """Return the size distribution; None where there is none."""

    def confidence_of(self, kind: Kind) -> float:
        """Confidence of the intervals: of sizes as chosen; of concentrations, counts and detection limits always 95 %."""
        return self.confidence if kind == "sizes" else CONFIDENCE

    def statistical(self, name: str) -> Quantity | None:
        """Return the number with the statistical part of its interval alone; None where the parts are not known."""
        del name
        return None

    def draws(self) -> Draws | None:
        """Return the distribution with its bootstrap draws; None where there are none."""
        return None

    def concentration(self, where: str) -> Quantity:
        """Particles per ml "in_sample" (dilution applied once) or "in_cell" (as measured)."""
        return unknown(
            f"{self.source} says nothing of the concentration {where.replace('_', ' the ')}", "1/ml"
        )

    def is_less_blank(self) -> bool:
        """Say whether a blank was taken off the concentration; counts per frame are never changed."""
        return False

    def per_frame(self) -> Quantity:
        """Particles in view, mean over the frames."""
        return unknown(f"{self.source} does not say how many particles were in view", "1")

    def detection_limit(self) -> Quantity:
        """Diameter at which half of the particles are found."""
        return unknown(f"{self.source} measures no detection limit", "nm")

    def drift(self) -> Quantity:
        """Mean speed at which the particles move together; exact, because it is a fact about the recording."""
        return unknown(f"{self.source} exports no drift", "um/s")

    def findings_at_worst(self) -> Verdict | None:
        """Return the worst verdict on the recording; None where nobody judged it."""
        return None


def exact(value: float, unit: str, method: str) -> Quantity:
    """Return a number that is known exactly: a count, a fact about a file."""
    return Quantity(value, value, value, unit, method)


def percentile_share(name: str) -> float | None:
    """Return the share that a name like "d50_nm" stands for, 0.5; None for a name of another kind."""
    match = _PERCENTILE.fullmatch(name)
    share = float(match[1]) / 100 if match else 0.0
    return share if 0 < share < 1 else None


def check_name(name: str) -> None:
    """Refuse what is no number of a size distribution."""
    if name not in SUMMARY_UNITS and percentile_share(name) is None:
        raise SettingError(
            f"{name!r} is no number of a size distribution; there are {', '.join(SUMMARY_UNITS)} and any percentile, "
            "e.g. d05_nm"
        )
