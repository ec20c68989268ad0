"""An entry of the comparison: one result or its replicates, as one curve with band and one row of numbers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from nta.assessment import Assessment, Verdict
from nta.assessment.finding import worst
from nta.errors import SettingError
from nta.measurements import (
    MeasuredAnalysis,
    MeasuredDistribution,
    MeasuredRun,
    Measurement,
    Result,
    open_measurements,
    result_name,
)
from nta.measurements.replicates import mean_over
from nta.physics import water_viscosity_pa_s
from nta.quantity import CONFIDENCE, Quantity, student_half_width
from nta.sizes import Distribution
from nta.sizes.numbers import rebinned

EDGES_NM = np.geomspace(
    5.0, 5000.0, 601
)  # of replicates with different bins: 1.2 % wide, as those of an analysis


@dataclass(frozen=True, kw_only=True, eq=False)
class Entry:
    """One entry of the comparison: its results and the name of its curve.

    failed : runs without a result, with the reason. viscosity_ratio : viscosity used by the program, divided by that of
        water at the stated temperature (IAPWS); None if unknown. rescaled : the sizes were corrected by this ratio.
    """

    name: str
    results: tuple[Measurement, ...]
    failed: tuple[str, ...] = ()
    viscosity_ratio: float | None = None
    rescaled: bool = False

    @property
    def program(self) -> str:
        """Program that made the results."""
        return self.results[0].program

    def number(self, name: str) -> Quantity:
        """Return a number of the distribution; the mean if there are replicates."""
        return mean_over(self.results, lambda m: m.number(name), name, CONFIDENCE)

    def concentration(self) -> tuple[Quantity, str]:
        """Return particles per ml or an upper limit, and whether in the sample (dilution known) or in the cell."""
        for where, words in (("in_sample", "in the sample"), ("in_cell", "in the cell, dilution not stated")):
            found = mean_over(self.results, lambda m, where=where: m.concentration(where), where, CONFIDENCE)  # type: ignore[misc]
            if found.high is not None or found.value is not None:
                return found, words
        return found, ""

    def why_limit(self) -> str:
        """Return why there is only an upper limit; empty for results of other programs, which state none."""
        first = self.results[0]
        seen = first.analysis.visibility if isinstance(first, MeasuredAnalysis) else None
        return seen.concentration.why_not if seen else ""

    @property
    def assessments(self) -> list[Assessment]:
        """The assessments of our own results; other programs assess nothing."""
        return [m.analysis.assessment for m in self.results if isinstance(m, MeasuredAnalysis)]

    @property
    def verdict(self) -> Verdict:
        """The worst verdict of its findings."""
        if not self.assessments:
            return Verdict.NOT_ASSESSED
        return worst(assessment.worst for assessment in self.assessments)

    def number_counted(self, name: str) -> Quantity:
        """Return a number of the distribution in suspension; the mean if there are replicates."""
        return mean_over(self.results, lambda m: m.number_counted(name), name, CONFIDENCE)

    def curve(self) -> Distribution:
        """Return the distribution with its band; the band is NaN for a single run without one."""
        found = _mean_curve([m.distribution() for m in self.results])
        assert found is not None  # an entry is made of results that have one
        return found

    def counted(self) -> Distribution | None:
        """Return the distribution of the particles that the concentration counts; None if a result does not know it."""
        return _mean_curve([m.counted() for m in self.results])


def _mean_curve(curves: Sequence[Distribution | None]) -> Distribution | None:
    """Return the mean with its interval, in the bins of the curves if they agree; a single curve is returned unchanged."""
    known = [curve for curve in curves if curve is not None]
    if len(known) < len(curves):
        return None
    first = known[0]
    if len(known) == 1:
        return first
    same = all(np.array_equal(curve.edges_nm, first.edges_nm) for curve in known)
    edges = first.edges_nm if same else EDGES_NM
    each = np.array(
        [curve.weight if same else rebinned(curve.edges_nm, curve.weight, EDGES_NM) for curve in known]
    )
    mean, half = each.mean(axis=0), student_half_width(each)
    return replace(first, edges_nm=edges, weight=mean, low=np.maximum(mean - half, 0.0), high=mean + half)


class NoResultError(SettingError):
    """An entry contains no run with a result. name : of the entry. why : the reason."""

    def __init__(self, name: str, why: str) -> None:
        super().__init__(f"{name}: {why}")
        self.name, self.why = name, why


def open_entry(path: str | Path, *, name: str = "", same_viscosity: bool = False) -> Entry:
    """Read a result folder, `results.h5` or a vendor's export; several videos in one export become one entry.

    name : of the entry; by default that of the folder or file.

    Raises
    ------
    NoResultError
        The entry contains no run with a result.
    """
    return entry(Path(path), name=name or result_name(Path(path)), same_viscosity=same_viscosity)


def entry(result: Result, *, name: str = "", same_viscosity: bool = False) -> Entry:
    """Make an entry from a result; `same_viscosity` recalculates vendors' sizes with the viscosity of water used here."""
    found = open_measurements(result)
    failed = tuple(f"{m.name}: {_why(m)}" for m in found if m.distribution() is None)
    good = tuple(m for m in found if m.distribution() is not None)
    if not good:
        raise NoResultError(name or found[0].name, f"no result to show ({'; '.join(failed)})")
    ratio = _viscosity_ratio(good)
    if same_viscosity and ratio is not None:
        good = tuple(_rescaled(m, ratio) for m in good)
    return Entry(
        name=name or good[0].name,
        results=good,
        failed=failed,
        viscosity_ratio=ratio,
        rescaled=same_viscosity and ratio is not None and isinstance(good[0], MeasuredRun),
    )


def _viscosity_ratio(results: Sequence[Measurement]) -> float | None:
    """Return the mean ratio of the program's viscosity to that of water; None for our own results, which state a medium."""
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
    if isinstance(m, MeasuredDistribution):
        return m.number("d50_nm").method
    return m.number("d50_nm").method.removeprefix("no result: ")
