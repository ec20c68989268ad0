"""`Measurement`, the interface to one result; unknown numbers have no value, and state why."""

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

NumberKind = Literal["sizes", "visibility"]
"""Names of numbers: of the size distribution, and of the counts."""
_PERCENTILE = re.compile(r"d(\d{1,2}(?:\.\d+)?)_nm")


class Measurement(ABC):
    """One result of one sample: an analysis by nta, or a run of a vendor's program.

    name : name of the result. path : folder or file it was read from, None if it was not read.
    program : program that made it. describes : meaning and weighting of the sizes.
    hidden : known processing by the program that its file does not state.
    n_tracks : number of tracks used; None if not stated. confidence : confidence level of the intervals of sizes.
    temperature_c : temperature used for the sizes; None if not stated.
    recording_id : digest that is the same for results of the same recording; empty if unknown.
    """

    name: str
    path: Path | None = None
    program: str
    describes: str
    hidden: tuple[str, ...] = ()
    n_tracks: int | None = None
    confidence: float = CONFIDENCE
    temperature_c: float | None = None
    recording_id: str = ""
    percentiles: str = "interpolated within bins of ln d"

    def called(self, name: str, path: Path | None = None) -> Self:
        """Return the measurement with a name and the path it was read from."""
        other = copy(self)
        other.name, other.path = name, path or self.path
        return other

    @abstractmethod
    def number(self, name: str) -> Quantity:
        """Return a number of the size distribution: a name of `SUMMARY_UNITS`, or any percentile, e.g. "d05_nm"."""

    @abstractmethod
    def share(self, low_nm: float, high_nm: float) -> Quantity:
        """Return the share of particles between two diameters."""

    @abstractmethod
    def distribution(self) -> Distribution | None:
        """Return the size distribution; None if there is none."""

    def confidence_of(self, kind: NumberKind) -> float:
        """Return the confidence level of an interval: as chosen for sizes, 95 % for concentrations, counts and limits."""
        return self.confidence if kind == "sizes" else CONFIDENCE

    def statistical(self, name: str) -> Quantity | None:
        """Return the number with only the statistical part of its interval; None if the parts are not known."""
        del name
        return None

    def draws(self) -> Draws | None:
        """Return the distribution with its bootstrap draws; None if there are none."""
        return None

    def counted(self) -> Distribution | None:
        """Return the distribution of the particles that the concentration counts; None if it is not known."""
        return None

    def number_counted(self, name: str) -> Quantity:
        """Return a number of the distribution in suspension, from the least counted diameter on."""
        del name
        return unknown(f"{self.program} states no distribution in suspension", "nm")

    def concentration(self, where: str) -> Quantity:
        """Return particles per ml "in_sample" (dilution applied once) or "in_cell" (as measured)."""
        return unknown(
            f"{self.program} says nothing of the concentration {where.replace('_', ' the ')}", "1/ml"
        )

    def is_less_blank(self) -> bool:
        """Return whether a blank was subtracted from the concentration; counts per frame are never changed."""
        return False

    def per_frame(self) -> Quantity:
        """Return the particles in view, as the mean over the frames."""
        return unknown(f"{self.program} does not say how many particles were in view", "1")

    def detection_limit(self) -> Quantity:
        """Return the diameter at which half of the particles are found."""
        return unknown(f"{self.program} measures no detection limit", "nm")

    def drift(self) -> Quantity:
        """Return the mean drift speed; it counts as exact, because it is a fact about the recording."""
        return unknown(f"{self.program} exports no drift", "um/s")

    def findings_at_worst(self) -> Verdict | None:
        """Return the worst verdict on the recording; None if it was not judged."""
        return None

    def failed_findings(self) -> list[str]:
        """Return the titles of the findings on the recording that failed."""
        return []


def exact(value: float, unit: str, method: str) -> Quantity:
    """Return an exactly known number: a count, a fact about a file."""
    return Quantity(value, value, value, unit, method)


def percentile_share(name: str) -> float | None:
    """Return the share that a name like "d50_nm" stands for, 0.5; None for a name of another kind."""
    match = _PERCENTILE.fullmatch(name)
    share = float(match[1]) / 100 if match else 0.0
    return share if 0 < share < 1 else None


def check_name(name: str) -> None:
    """Refuse a name that is not that of a number of a size distribution."""
    if name not in SUMMARY_UNITS and percentile_share(name) is None:
        raise SettingError(
            f"{name!r} is no number of a size distribution; there are {', '.join(SUMMARY_UNITS)} and any percentile, "
            "e.g. d05_nm"
        )
