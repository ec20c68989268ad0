"""The baseline of a control chart: mean and SD fixed by the laboratory for an instrument and a standard, dated."""

from __future__ import annotations

import datetime
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from nta.calibration import load_certificate
from nta.calibration.reading import Table
from nta.catalogue import RunRecord
from nta.errors import SettingError
from nta.io.atomic import new_file

QUANTITIES: Mapping[str, tuple[str, str]] = {
    "d50_nm": ("Diameter (D50)", "nm"),
    "sd_nm": ("Width (standard deviation)", "nm"),
    "brightness_e_per_ms": ("Brightness", "e/ms"),
    "in_sample_per_ml": ("Concentration in the sample", "1/ml"),
    "in_cell_per_ml": ("Concentration in the cell", "1/ml"),
}
"""What is charted, with its name and unit."""
LEAST_RUNS = 5
_ROUNDING = 1e-9  # less scatter than this, relative to the mean, is none
GOOD_RUNS = 20  # an SD of 20 runs is known to 16 %


@dataclass(frozen=True, kw_only=True)
class Level:
    """Mean and standard deviation of a quantity in control, and of how many runs they are."""

    mean: float
    sd: float
    n: int

    def __post_init__(self) -> None:
        if not (math.isfinite(self.mean) and math.isfinite(self.sd) and self.sd > 0):
            raise SettingError(
                f"a baseline needs a finite mean and an SD above 0, got {self.mean:g} and {self.sd:g}"
            )
        if self.n < LEAST_RUNS:
            raise SettingError(
                f"a baseline needs at least {LEAST_RUNS} runs (better {GOOD_RUNS}), got {self.n}"
            )


@dataclass(frozen=True, kw_only=True)
class Baseline:
    """What is normal; instrument, standard and lot say which runs of the catalogue it is of (an empty lot: any)."""

    instrument: str
    standard: str
    date: datetime.date
    source: str
    levels: Mapping[str, Level] = field(default_factory=dict)
    lot: str = ""

    @property
    def name(self) -> str:
        """Instrument and standard in words."""
        return " · ".join(
            part for part in (self.instrument, self.standard, self.lot and f"lot {self.lot}") if part
        )


def make_baseline(runs: Sequence[RunRecord], *, catalogue: str, date: datetime.date) -> Baseline:
    """Make a baseline of runs that the laboratory knows to be in control; failed ones are left out, and named in `source`.

    A recording that its own assessment fails (crowded, saturated, drifting, beads off their certificate) says nothing of
    what is normal, and one such run makes the SD, and so every limit of the chart, too wide.

    catalogue : name of where the runs come from.

    Raises
    ------
    SettingError
        The runs are too few, or of more than one instrument or standard.
    """
    failed = [run for run in runs if run.failed]
    runs = [run for run in runs if not run.failed]
    out = f"; left out, because their assessment failed: {_ids(failed)}" if failed else ""
    if len(runs) < LEAST_RUNS:
        raise SettingError(
            f"a baseline needs at least {LEAST_RUNS} runs (better {GOOD_RUNS}), there are {len(runs)}{out}"
        )
    for what in ("instrument", "standard"):
        names = sorted({getattr(run, what) for run in runs})
        if len(names) > 1:
            raise SettingError(
                f"a baseline is of one {what}; the runs are of {', '.join(names)}: choose with --{what}"
            )
    lots = {run.lot for run in runs}
    levels = {}
    for name in QUANTITIES:
        values = np.array([run.numbers[name].value for run in runs if name in run.numbers], dtype=np.float64)
        if values.size == len(runs) and values.std(ddof=1) > _ROUNDING * abs(values.mean()):
            levels[name] = Level(mean=float(values.mean()), sd=float(values.std(ddof=1)), n=values.size)
    if not levels:
        raise SettingError("no quantity is known in all of these runs")
    return Baseline(
        instrument=runs[0].instrument,
        standard=runs[0].standard,
        lot=lots.pop() if len(lots) == 1 else "",
        date=date,
        source=f"mean and standard deviation of {len(runs)} runs of {catalogue}: {_ids(runs)}{out}"
        f"{_of_example(runs[0].standard)}",
        levels=levels,
    )


def _ids(runs: Sequence[RunRecord]) -> str:
    return ", ".join(str(run.id) for run in runs)


def _of_example(standard: str) -> str:
    """Say so where the standard is one of the certificates that show the format; nothing of a name without a certificate."""
    try:
        is_example = load_certificate(standard).is_example
    except SettingError:
        return ""
    return f"; the certificate {standard} is an EXAMPLE, and no such beads exist" if is_example else ""


def read_baseline(path: str | Path) -> Baseline:
    """Read a baseline.

    Raises
    ------
    SettingError
        No such file, no TOML, an unknown key or an impossible number; names file and key.
    """
    table = Table.read(Path(path))
    levels = {}
    for name in QUANTITIES:
        if not table.has(name):
            continue
        inner = table.table(name)
        mean, sd = inner.finite("mean", required=True), inner.finite("sd", required=True)
        n = inner.get("n", int, required=True)
        inner.close()
        try:
            levels[name] = Level(mean=mean, sd=sd, n=n)
        except SettingError as error:
            inner.refuse(str(error))
    instrument, standard, lot = table.text("instrument"), table.text("standard"), table.text("lot", "")
    table.close()
    if not levels:
        table.refuse(f"no quantity; there are {', '.join(QUANTITIES)}")
    return Baseline(
        instrument=instrument,
        standard=standard,
        lot=lot,
        date=table.date(),
        source=table.source(),
        levels=levels,
    )


def write_baseline(baseline: Baseline, path: str | Path, *, replace: bool = False) -> None:
    """Write a baseline as TOML, to be looked at, edited and kept."""
    words = {key: _quoted(getattr(baseline, key)) for key in ("instrument", "standard", "lot", "source")}
    lines = [
        "# What is normal for this instrument and standard: fixed by the laboratory, changed only with a reason and date.",
        *(f"{key} = {value}" for key, value in words.items()),
        f"date = {baseline.date.isoformat()}",
    ]
    for name, level in baseline.levels.items():
        unit = QUANTITIES[name][1]
        lines += [
            "",
            f"[{name}]  # {unit}",
            f"mean = {level.mean:.6g}",
            f"sd = {level.sd:.4g}",
            f"n = {level.n}",
        ]
    with new_file(path, replace=replace) as partial:
        partial.write_text("\n".join(lines) + "\n", encoding="utf-8")


def _quoted(words: str) -> str:
    return '"' + words.replace("\\", "\\\\").replace('"', '\\"').replace("\n", " ") + '"'
