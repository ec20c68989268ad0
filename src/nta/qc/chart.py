"""A control chart: the runs of a standard over time against their baseline, and which rule each of them breaks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np

from nta.catalogue import Catalogue, RunRecord
from nta.columns import FloatArray
from nta.errors import SettingError
from nta.qc.baseline import QUANTITIES, Baseline, Level
from nta.qc.rules import broken_rules, ewma


@dataclass(frozen=True, kw_only=True)
class Point:
    """A run on the chart: z is its value less the mean, in SD of the baseline; rules: those it completes the breaking of."""

    run: int
    when: datetime
    value: float
    low: float | None
    high: float | None
    z: float
    average: float  # EWMA of z
    average_limit: float
    rules: tuple[str, ...]
    changed: str  # what differs from the run before: settings or software; empty: nothing
    failed: bool  # its assessment: the value is drawn, but no baseline is made of it
    of_baseline: bool  # the baseline was made of it


@dataclass(frozen=True, kw_only=True)
class Chart:
    """One quantity of one standard on one instrument."""

    quantity: str
    level: Level
    points: tuple[Point, ...]

    @property
    def title(self) -> str:
        """The quantity in words."""
        return QUANTITIES[self.quantity][0]

    @property
    def unit(self) -> str:
        """Unit of the values."""
        return QUANTITIES[self.quantity][1]

    @property
    def in_control(self) -> bool:
        """Whether the newest run breaks no rule."""
        return not self.points or not self.points[-1].rules

    def z(self) -> FloatArray:
        """All z, in order."""
        return np.array([p.z for p in self.points])


@dataclass(frozen=True, kw_only=True)
class ChartSet:
    """All charts of one baseline.

    missing : quantities of the baseline that some runs do not have, with how many. newest : the newest run.
    lacking : quantities of the baseline that the newest run does not have.
    none_since : the newest run is one that the baseline was made of: nothing was measured that could be held against it.
    """

    baseline: Baseline
    charts: tuple[Chart, ...]
    newest: int
    missing: tuple[str, ...] = ()
    lacking: tuple[str, ...] = ()
    none_since: bool = False

    @property
    def in_control(self) -> bool:
        """Whether the newest run has every quantity, and breaks no rule in any chart."""
        return not self.lacking and all(chart.in_control for chart in self.charts)


def chart_runs(
    catalogue: Catalogue,
    baseline: Baseline,
    *,
    since: datetime | str | None = None,
    until: datetime | str | None = None,
) -> ChartSet:
    """Chart the runs of a baseline's instrument and standard; withdrawn and corrected ones do not count.

    Raises
    ------
    SettingError
        There is no such run in the catalogue.
    """
    runs = catalogue.runs(
        kind="beads",
        instrument=baseline.instrument,
        standard=baseline.standard,
        lot=baseline.lot or None,
        since=since,
        until=until,
    )
    if not runs:
        raise SettingError(
            f"{catalogue.name} holds no run of {baseline.name}; record beads with kind and standard"
        )
    return chart(runs, baseline)


def chart(runs: Sequence[RunRecord], baseline: Baseline) -> ChartSet:
    """Chart runs in the order of time."""
    ordered = sorted(runs, key=lambda run: (run.when, run.id))
    charts, missing, lacking = [], [], []
    for name, level in baseline.levels.items():
        known = [run for run in ordered if name in run.numbers and run.numbers[name].value is not None]
        if len(known) < len(ordered):
            missing.append(
                f"{QUANTITIES[name][0]}: not known in {len(ordered) - len(known)} of {len(ordered)} runs"
            )
        if not known or known[-1] is not ordered[-1]:
            lacking.append(name)
        if known:
            charts.append(Chart(quantity=name, level=level, points=_points(name, baseline, known)))
    return ChartSet(
        baseline=baseline,
        charts=tuple(charts),
        newest=ordered[-1].id,
        missing=tuple(missing),
        lacking=tuple(lacking),
        none_since=baseline.is_of(ordered[-1]),
    )


def _points(name: str, baseline: Baseline, runs: Sequence[RunRecord]) -> tuple[Point, ...]:
    level = baseline.levels[name]
    found = [run.numbers[name] for run in runs]
    z = (np.array([q.value for q in found], dtype=np.float64) - level.mean) / level.sd
    rules, average = broken_rules(z), ewma(z)
    previous = [None, *runs[:-1]]
    return tuple(
        Point(
            run=run.id,
            when=run.when,
            value=float(q.value or 0.0),
            low=q.low,
            high=q.high,
            z=float(z[i]),
            average=float(average.value[i]),
            average_limit=float(average.limit[i]),
            rules=(*rules[i], *(("EWMA",) if average.broken[i] else ())),
            changed=_changed(previous[i], run),
            failed=run.failed,
            of_baseline=baseline.is_of(run),
        )
        for i, (run, q) in enumerate(zip(runs, found, strict=True))
    )


def _changed(before: RunRecord | None, run: RunRecord) -> str:
    if before is None:
        return ""
    parts = [
        "settings" if before.settings_sha256 != run.settings_sha256 else "",
        f"software {run.software}" if before.software != run.software else "",
        f"lot {run.lot}" if before.lot != run.lot else "",
    ]
    return ", ".join(part for part in parts if part)
