"""A control chart: runs of a standard over time, compared with their baseline, and the rules that they break."""

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
    """A run on the chart. z : (value - mean) / SD of the baseline. rules : rules that are broken with this run."""

    run: int
    when: datetime
    value: float
    low: float | None
    high: float | None
    z: float
    average: float  # EWMA of z
    average_limit: float
    rules: tuple[str, ...]
    changed: str  # differences from the previous run (settings, software); empty if none
    failed: bool  # the run failed its assessment: it is drawn, but not used for a baseline
    of_baseline: bool  # the baseline was made from this run


@dataclass(frozen=True, kw_only=True)
class Chart:
    """One quantity of one standard on one instrument."""

    quantity: str
    level: Level
    points: tuple[Point, ...]

    @property
    def title(self) -> str:
        """Name of the quantity for readers."""
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
        """Return z of all runs, in order of time."""
        return np.array([p.z for p in self.points])


@dataclass(frozen=True, kw_only=True)
class ChartSet:
    """All charts of one baseline.

    missing : quantities that some runs lack, with the number of these runs. newest : number of the newest run.
    lacking : quantities of the baseline that the newest run lacks.
    none_since : the newest run belongs to the baseline, so that there is no later run to compare with it.
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
    """Chart the runs of the baseline's instrument and standard, without withdrawn and corrected runs.

    Raises
    ------
    SettingError
        The catalogue has no such run.
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
    """Chart runs in order of time."""
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
