"""The baseline of a control chart: mean and SD that the laboratory fixed for an instrument and a standard, with date.

Source of the outlier test: Grubbs, Technometrics 11, 1 (1969).
"""

from __future__ import annotations

import datetime
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from nta.assessment import AssessmentSettings, Finding, Verdict, load_limits
from nta.assessment.limits import judged
from nta.calibration import BeadCertificate, known_certificate
from nta.catalogue import RunRecord
from nta.columns import FloatArray
from nta.errors import SettingError
from nta.io.atomic import write_text
from nta.quantity import fixed
from nta.stated import Table, toml_text

QUANTITIES: Mapping[str, tuple[str, str]] = {
    "d50_nm": ("Diameter (D50)", "nm"),
    "sd_nm": ("Width (standard deviation)", "nm"),
    "brightness_e_per_ms": ("Brightness", "e/ms"),
    "in_sample_per_ml": ("Concentration in the sample", "1/ml"),
    "in_cell_per_ml": ("Concentration in the cell", "1/ml"),
}
"""Quantities that are charted, with name and unit."""
LEAST_RUNS = 5
_ROUNDING = 1e-9  # relative scatter below this is rounding error
_OUTLIER_P = 0.001  # probability that a baseline of runs in control is refused for an outlier
GOOD_RUNS = 20  # the SD of 20 runs has a relative uncertainty of 16 %


@dataclass(frozen=True, kw_only=True)
class Level:
    """Mean and standard deviation of a quantity in control, from `n` runs."""

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
    """Mean and SD of each quantity in control, for the runs of one instrument, standard and lot (an empty lot: any).

    runs : numbers of the runs it was made from; empty if not stated in the file.
    """

    instrument: str
    standard: str
    date: datetime.date
    source: str
    levels: Mapping[str, Level] = field(default_factory=dict)
    lot: str = ""
    runs: tuple[int, ...] = ()

    def is_of(self, run: RunRecord) -> bool:
        """Whether the baseline was made from this run, or from the row that this run corrects."""
        return run.id in self.runs or run.corrects in self.runs

    @property
    def name(self) -> str:
        """Instrument and standard in words."""
        return " · ".join(
            part for part in (self.instrument, self.standard, self.lot and f"lot {self.lot}") if part
        )

    @property
    def certificate(self) -> BeadCertificate | None:
        """Certificate of the standard; None if there is no certificate of that name."""
        return known_certificate(self.standard)

    def against_certificate(self) -> Finding | None:
        """Compare the mean diameter with the certified one, by the limit for bead runs; None without either."""
        level, beads = self.levels.get("d50_nm"), self.certificate
        if level is None or beads is None:
            return None
        bias = level.mean / beads.diameter_nm - 1
        mean_std = level.sd / math.sqrt(level.n)
        bias_std = math.hypot(mean_std / level.mean, beads.diameter_std_nm / beads.diameter_nm) * (1 + bias)
        return judged(
            load_limits(AssessmentSettings().limits).get("bead_check"),
            "bead_check",
            "Size standard",
            abs(bias),
            f"the mean of the baseline is {fixed(100 * bias, 1, signed=True)} % off the certified "
            f"{beads.diameter_nm:.4g} nm, standard uncertainty {100 * bias_std:.1f} % "
            f"(certificate and mean of {level.n} runs)"
            + ("" if abs(bias) > 2 * bias_std else ": they agree within twice of it"),
            "a chart about a wrong mean shows changes and no error: check temperature, frame rate and pixel size",
        )


def make_baseline(runs: Sequence[RunRecord], *, catalogue: str, date: datetime.date) -> Baseline:
    """Make a baseline from runs in control; runs that failed their assessment are left out, and named in `source`.

    A recording that failed its assessment (crowded, saturated, drifting, beads off their certificate) is not typical of
    the instrument. A single such run would make the SD, and thus every limit of the chart, too wide.

    catalogue : name of the catalogue of the runs, for `source`.

    Raises
    ------
    SettingError
        The runs are too few, differ in instrument, standard, lot or settings, or one of them is an outlier.
    """
    failed = [run for run in runs if run.failed]
    runs = [run for run in runs if not run.failed]
    out = f"; left out, because their assessment failed: {_ids(failed)}" if failed else ""
    if len(runs) < LEAST_RUNS:
        raise SettingError(
            f"a baseline needs at least {LEAST_RUNS} runs (better {GOOD_RUNS}), there are {len(runs)}{out}"
        )
    _refuse_mixed(runs)
    lacking = {
        name: [run for run in runs if name not in run.numbers or run.numbers[name].value is None]
        for name in QUANTITIES
    }
    levels = {}
    for name in (name for name in QUANTITIES if not lacking[name]):
        values = np.array([run.numbers[name].value for run in runs], dtype=np.float64)
        if values.std(ddof=1) > _ROUNDING * abs(values.mean()):
            _refuse_outlier(name, values, runs)
            levels[name] = Level(mean=float(values.mean()), sd=float(values.std(ddof=1)), n=values.size)
    if not levels:
        raise SettingError("no quantity is known in all of these runs")
    return Baseline(
        instrument=runs[0].instrument,
        standard=runs[0].standard,
        lot=runs[0].lot,
        date=date,
        source=f"mean and standard deviation of {len(runs)} runs of {catalogue}: {_ids(runs)}{out}{_watched(runs)}"
        f"{''.join(_left_out(name, without, len(runs)) for name, without in lacking.items())}"
        f"{_of_example(runs[0].standard)}",
        levels=levels,
        runs=tuple(run.id for run in runs),
    )


def _refuse_mixed(runs: Sequence[RunRecord]) -> None:
    """Refuse runs of different instruments, standards, lots or settings: the differences would count as scatter."""
    for what in ("instrument", "standard", "lot"):
        names = sorted({getattr(run, what) for run in runs})
        if len(names) > 1:
            listed = ", ".join(name or "none said" for name in names)
            raise SettingError(f"a baseline is of one {what}; the runs are of {listed}: choose with --{what}")
    of: dict[str, list[RunRecord]] = {}
    for run in runs:
        of.setdefault(run.settings_sha256, []).append(run)
    if len(of) > 1:
        listed = "; of ".join(_ids(same) for same in of.values())
        raise SettingError(
            f"a baseline is of one way of analysing; the settings of runs {listed} "
            "differ: choose with --since and --until, or analyse again and withdraw the others (nta catalogue correct)"
        )


def _refuse_outlier(name: str, values: FloatArray, runs: Sequence[RunRecord]) -> None:
    """Refuse runs with an outlier (Grubbs), which alone would determine the limits of the chart."""
    from scipy.special import stdtrit

    n, z = values.size, np.abs(values - values.mean()) / values.std(ddof=1)
    squared = float(stdtrit(n - 2, _OUTLIER_P / (2 * n))) ** 2
    if z.max() <= (n - 1) / math.sqrt(n) * math.sqrt(squared / (n - 2 + squared)):
        return
    odd = int(z.argmax())
    others = np.delete(values, odd)
    title, unit = QUANTITIES[name]
    raise SettingError(
        f"run {runs[odd].id} lies far off the others: {title} {values[odd]:.4g} {unit}, theirs {others.mean():.4g} with an "
        f"SD of {others.std(ddof=1):.2g}. Find out why; then withdraw it (nta catalogue correct {runs[odd].id} --withdraw "
        "--reason ...), or choose the runs with --since and --until"
    )


def _watched(runs: Sequence[RunRecord]) -> str:
    doubtful = [run for run in runs if run.verdict is Verdict.WARN]
    return f"; among them with findings to watch: {_ids(doubtful)}" if doubtful else ""


def _left_out(name: str, without: Sequence[RunRecord], n: int) -> str:
    """Return why a quantity is not charted; an empty text if no run has the quantity."""
    return f"; without {QUANTITIES[name][0]}, not known in {_ids(without)}" if 0 < len(without) < n else ""


def _ids(runs: Sequence[RunRecord]) -> str:
    return ", ".join(str(run.id) for run in runs)


def _of_example(standard: str) -> str:
    """Return a note if the certificate of the standard is an example that only shows the format; else an empty text."""
    certificate = known_certificate(standard)
    if certificate is None or not certificate.is_example:
        return ""
    return f"; the certificate {standard} is an EXAMPLE, and no such beads exist"


def read_baseline(path: str | Path) -> Baseline:
    """Read a baseline.

    Raises
    ------
    SettingError
        The file does not exist, is not TOML, or has an unknown key or an impossible number.
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
    runs = table.get("runs", list, [])
    if not all(type(run) is int for run in runs):
        table.refuse(f"runs = {runs!r} is no list of the numbers of runs")
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
        runs=tuple(runs),
    )


def write_baseline(baseline: Baseline, path: str | Path, *, replace: bool = False) -> None:
    """Write a baseline as a TOML file that can be read and edited."""
    words = {key: toml_text(getattr(baseline, key)) for key in ("instrument", "standard", "lot", "source")}
    lines = [
        "# What is normal for this instrument and standard: fixed by the laboratory, changed only with a reason and date.",
        *(f"{key} = {value}" for key, value in words.items()),
        f"date = {baseline.date.isoformat()}",
        f"runs = {list(baseline.runs)}",
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
    write_text(path, "\n".join(lines) + "\n", replace=replace)
