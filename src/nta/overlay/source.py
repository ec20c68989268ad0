"""A source: one result or the replicates of one, as one curve with its band and one row of numbers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from nta.columns import FloatArray
from nta.errors import SettingError
from nta.measurements import (
    MeasuredAnalysis,
    MeasuredRun,
    Measurement,
    Result,
    open_measurements,
    result_name,
)
from nta.measurements.replicates import mean_over
from nta.physics import water_viscosity_pa_s
from nta.quantity import CONFIDENCE, Quantity, student_half_width

EDGES_NM = np.geomspace(5.0, 5000.0, 241)  # 80 bins a decade: as fine as a short run resolves


@dataclass(frozen=True, kw_only=True, eq=False)
class Source:
    """What one line of the overlay shows.

    failed : runs without a result, and why. viscosity_ratio : the program's viscosity over that of water at the stated
        temperature (IAPWS), None where one is not known; rescaled : whether the sizes here were freed of it.
    """

    name: str
    results: tuple[Measurement, ...]
    failed: tuple[str, ...] = ()
    viscosity_ratio: float | None = None
    rescaled: bool = False

    @property
    def program(self) -> str:
        """The program that made it."""
        return self.results[0].source

    def number(self, name: str) -> Quantity:
        """Return a number of the distribution, the mean where there are replicates."""
        return mean_over(self.results, lambda m: m.number(name), name, CONFIDENCE)

    def concentration(self) -> tuple[Quantity, str]:
        """Return particles per ml or their limit, and of what: the sample where the dilution is known, else the cell."""
        for where, words in (("in_sample", "in the sample"), ("in_cell", "in the cell, dilution not stated")):
            found = mean_over(self.results, lambda m, where=where: m.concentration(where), where, CONFIDENCE)  # type: ignore[misc]
            if found.high is not None or found.value is not None:
                return found, words
        return found, ""

    def why_limit(self) -> str:
        """Return why there is a limit in the place of a number; other programs give none."""
        first = self.results[0]
        seen = first.analysis.visibility if isinstance(first, MeasuredAnalysis) and first.analysis else None
        return seen.concentration.why_not if seen else ""

    def shares(self) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Return the share of the particles in the bins of `EDGES_NM`, and the ends of its band, NaN without one."""
        curves = [m.distribution() for m in self.results]
        each = np.array([_rebinned(c.edges_nm, c.weight) for c in curves if c is not None])
        if len(each) == 1:
            only = next(c for c in curves if c is not None)
            if not np.isfinite(only.low).all():
                return each[0], np.full_like(each[0], np.nan), np.full_like(each[0], np.nan)
            return each[0], _rebinned(only.edges_nm, only.low), _rebinned(only.edges_nm, only.high)
        mean, half = each.mean(axis=0), student_half_width(each)
        return mean, np.maximum(mean - half, 0.0), mean + half


class NoResultError(SettingError):
    """A source has no run with a result in it: `name` is the source's, `why` what is said of it."""

    def __init__(self, name: str, why: str) -> None:
        super().__init__(f"{name}: {why}")
        self.name, self.why = name, why


def open_source(path: str | Path, *, name: str = "", same_viscosity: bool = False) -> Source:
    """Read a result folder, `results.h5` or a vendor's export; several videos in one export become one source.

    name : of the source; where it is not given, that of the folder or file.

    Raises
    ------
    NoResultError
        There is no run with a result in it.
    """
    return source(Path(path), name=name or result_name(Path(path)), same_viscosity=same_viscosity)


def source(result: Result, *, name: str = "", same_viscosity: bool = False) -> Source:
    """Make a source of a result; `same_viscosity` frees the sizes of vendors of their own viscosity of water."""
    found = open_measurements(result)
    failed = tuple(f"{m.name}: {_why(m)}" for m in found if m.distribution() is None)
    good = tuple(m for m in found if m.distribution() is not None)
    if not good:
        raise NoResultError(name or found[0].name, f"no result to show ({'; '.join(failed)})")
    ratio = _viscosity_ratio(good)
    if same_viscosity and ratio is not None:
        good = tuple(_rescaled(m, ratio) for m in good)
    return Source(
        name=name or good[0].name,
        results=good,
        failed=failed,
        viscosity_ratio=ratio,
        rescaled=same_viscosity and ratio is not None and isinstance(good[0], MeasuredRun),
    )


def _viscosity_ratio(results: Sequence[Measurement]) -> float | None:
    """Return the mean ratio of the program's viscosity to water's; None of our own results, which say their medium."""
    runs = [m.run for m in results if isinstance(m, MeasuredRun)]
    known = [
        run.viscosity_pa_s / water_viscosity_pa_s(run.temperature_c)
        for run in runs
        if run.viscosity_pa_s is not None and run.temperature_c is not None
    ]
    return float(np.mean(known)) if runs and len(known) == len(runs) else None


def _rescaled(m: Measurement, ratio: float) -> Measurement:
    if not isinstance(m, MeasuredRun) or m.run.histogram is None:
        return m
    histogram = replace(m.run.histogram, edges_nm=m.run.histogram.edges_nm * ratio)
    return MeasuredRun(m.result, replace(m.run, histogram=histogram))


def _why(m: Measurement) -> str:
    if isinstance(m, MeasuredAnalysis):
        return m.number("d50_nm").method
    return m.number("d50_nm").method.removeprefix("no result: ")


def _rebinned(edges_nm: FloatArray, weight: FloatArray) -> FloatArray:
    """Shares in the common bins: the sum of what lies in each, a bin that is cut counted in part."""
    below = np.concatenate([[0.0], np.cumsum(weight)])
    return np.diff(np.interp(np.log(EDGES_NM), np.log(edges_nm), below))
