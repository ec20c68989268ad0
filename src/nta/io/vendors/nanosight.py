"""NanoSight NTA 3.x: ExperimentSummary and Summary (one column per video).

Cells are separated by commas, or by semicolons if the locale has decimal commas.

Facts from real exports of NTA 3.2 and 3.4: the bins sum to the printed concentration; concentrations are already those of
the original sample if a dilution factor was recorded; the mean is that of the bin centres; percentiles are interpolated
at the bin edges in 3.4 and lie exactly 1 nm lower in 3.2. Only number-weighted blocks are read as number distributions.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import dropwhile, pairwise, takewhile
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from nta.io.text import number, read_text, rows_of
from nta.io.vendors.result import (
    Histogram,
    PercentileConvention,
    VendorFileError,
    VendorResult,
    VendorRun,
    recorded_dilution,
    refuse_joined,
)

_HEADS = ("NTA Experiment Summary File", "NTA Single Analysis Summary File")
_PRINTED = {
    "Mean": "mean_nm",
    "Mode": "mode_nm",
    "SD": "sd_nm",
    "D10": "d10_nm",
    "D50": "d50_nm",
    "D90": "d90_nm",
}
_CONCENTRATION = "Concentration (Particles / ml)"
_ROUNDED = 0.005  # relative tolerance: the concentration is printed with three digits
_DILUTION = "Dilution factor (concentrations adjusted for this factor)"
_NUMBER_WITH_COMMA = re.compile(r"[+-]?[\d.]*\d,\d[\d.,]*(e[+-]?\d+)?", re.I)
_HIDDEN = (
    "the effective volume behind the concentration depends on camera level and is not exported",
    "FTLA (finite track length adjustment) reshapes the distribution; the unadjusted tracks are not in this file",
    "max jump, blur and minimum track length are chosen automatically; only the jump is exported",
)

Rows = dict[str, list[str]]


@dataclass(frozen=True)
class _Block:
    """One distribution of the ``[Size Data]`` section.

    ended : whether anything follows its table, as percentiles do; if not, the file was cut off inside the table.
    """

    weighting: str
    rows: Rows
    table: list[list[str]]
    ended: bool

    @property
    def cut(self) -> str:
        """Reason for refusing a run with an incomplete table."""
        return f"the file ends inside its size table, at {self.table[-1][0]} nm"


def is_summary(text: str) -> bool:
    """Return whether a text is a NanoSight summary."""
    return text.lstrip('\ufeff\r\n\t ,;"').startswith(_HEADS)


def read_summary(path: str | Path) -> VendorResult:
    """Read an ExperimentSummary or a Summary file.

    Raises
    ------
    VendorFileError
        The file is not a NanoSight summary, or ends before or inside its size table; of a cut file with several runs, the
        complete ones are read.
    """
    path = Path(path)
    text, encoding = read_text(path)
    if not is_summary(text):
        raise VendorFileError(
            f"{path}: not a NanoSight summary: its first line is {text.splitlines()[0][:60]!r}"
        )
    for head in _HEADS:
        refuse_joined(path, text, head)
    lines = _lines(path, text)
    sections = _sections(lines)
    program = (
        lines[1][0].removeprefix("Created with ").strip()
        if len(lines) > 1 and lines[1]
        else "NTA, version unknown"
    )
    block = _number_block(path, list(_blocks(sections.get("Size Data", []))))
    flat = {name: _named(rows) for name, rows in sections.items()}
    names = [
        cell
        for cell in block.rows.get("Filename", [])[1:]
        if cell and cell not in ("Average", "Standard Error")
    ]
    runs = tuple(_run(path, name, column, flat, block) for column, name in enumerate(names, start=1))
    if block.cut in {run.failed for run in runs} and all(run.failed for run in runs):
        raise VendorFileError(f"{path}: {block.cut}")
    details = flat.get("Experiment Details", {})
    return VendorResult(
        vendor="NanoSight",
        program=program,
        file=path.name,
        encoding=encoding,
        sample=_cell(details, "Sample Name", 1)
        or _cell(details, "Sample Description", 1)
        or _cell(details, "Experiment Name", 1),
        weighting="number",
        percentiles=_convention(program),
        runs=runs,
        average=_average(block, len(names)),
        hidden=_HIDDEN + _missing(block),
    )


def _lines(path: Path, text: str) -> list[list[str]]:
    """Return the cells of each line from the first non-empty one; if commas are decimal, another character separates.

    In a file separated by commas, a comma in a number groups thousands, or comes from a faulty conversion.
    """
    weighting = re.search(r'^"?Weighting"?\s*([,;\t])', text, re.M)
    delimiter = weighting[1] if weighting else max(",;\t", key=text.count)
    lines = list(dropwhile(lambda row: not any(row), (row for _, row in rows_of(path, text, delimiter))))
    if delimiter == ",":
        strange = next((cell for row in lines for cell in row if _NUMBER_WITH_COMMA.fullmatch(cell)), None)
        if strange is not None:
            raise VendorFileError(
                f"{path}: {strange!r}, a number with a comma in a file that is separated by commas; save it with decimal "
                "points and without separators of thousands"
            )
    return lines


def _convention(program: str) -> PercentileConvention:
    version = re.search(r"NTA (\d+)[.,](\d+)", program)
    old = version is not None and (int(version[1]), int(version[2])) <= (3, 2)
    return PercentileConvention(
        "interpolated at bin edges" + (", minus 1 nm" if old else ""), -1.0 if old else 0.0
    )


def _sections(lines: Sequence[list[str]]) -> dict[str, list[list[str]]]:
    """Split at the headings in brackets."""
    sections: dict[str, list[list[str]]] = {}
    name = ""
    for row in lines:
        if row and (heading := re.fullmatch(r"\[(.+)\]", row[0])):
            name = heading[1]
            row = ["[heading]", *row[1:]]
        sections.setdefault(name, []).append(row)
    return sections


def _named(rows: Sequence[list[str]]) -> Rows:
    return {row[0]: row for row in rows if row and row[0]}


def _blocks(rows: Sequence[list[str]]) -> Iterator[_Block]:
    """Split the size data at each ``Weighting`` line; a block's table ends at its percentiles."""
    starts = [i for i, row in enumerate(rows) if row and row[0] == "Weighting"]
    for start, stop in pairwise([*starts, len(rows)]):
        part = rows[start:stop]
        head = next((i for i, row in enumerate(part) if row and row[0].startswith("Bin centre")), len(part))
        below = part[head + 1 :]
        table = list(takewhile(lambda row: row and number(row[0]) is not None, below))
        ended = any(cell for row in below[len(table) :] for cell in row)
        if not ended and len(table) > 1 and len(table[-1]) < len(table[-2]):
            table.pop()  # the line was cut off
        yield _Block(part[0][1] if len(part[0]) > 1 else "", _named(part[:head]), table, ended)


def _number_block(path: Path, blocks: Sequence[_Block]) -> _Block:
    """Return the number-weighted distribution."""
    block = next((b for b in blocks if b.weighting.lower() == "number"), None)
    if not any(b.table for b in blocks) or (block is not None and not block.table):
        raise VendorFileError(f"{path}: the file ends before its size table")
    if block is None:
        found = ", ".join(b.weighting for b in blocks)
        raise VendorFileError(
            f"{path}: no number-weighted size data (found: {found}); export it from NTA with number weighting"
        )
    return block


def _missing(block: _Block) -> tuple[str, ...]:
    """Return, in words, what a cut file lacks, although the bins of the runs read are complete."""
    if block.ended:
        return ()
    return (
        f"what follows the size table, which ends at {block.table[-1][0]} nm: cut off, or exported without percentiles",
    )


def _run(path: Path, name: str, column: int, sections: dict[str, Rows], block: _Block) -> VendorRun:
    conditions, results = sections.get("Conditions", {}), sections.get("Results", {})
    tracks = _number(block.rows, "Valid Tracks", column)
    printed_per_ml = _number(results, _CONCENTRATION, column)
    per_bin = _per_bin(block, column)
    failed = _fault(block, per_bin, printed_per_ml, tracks)
    scaled = {
        "viscosity": _number(conditions, "Viscosity/cP", column),
        "shutter": _number(conditions, "Shutter/ms", column),
    }
    return VendorRun(
        name=name,
        temperature_c=_number(conditions, "Temperature/C", column),
        viscosity_pa_s=None if scaled["viscosity"] is None else scaled["viscosity"] / 1e3,
        frame_rate_hz=_number(conditions, "Frame rate/fps", column),
        exposure_s=None if scaled["shutter"] is None else scaled["shutter"] / 1e3,
        wavelength_nm=_wavelength(_cell(conditions, "Laser Type", column)),
        n_tracks=None if tracks is None else int(tracks),
        particles_per_frame=_number(results, "Particles per frame", column),
        concentration_per_ml=None if failed else printed_per_ml,
        dilution=recorded_dilution(path, _cell(results, _DILUTION, column)),
        printed={}
        if failed
        else {
            ours: v
            for theirs, ours in _PRINTED.items()
            if (v := _number(block.rows, theirs, column)) is not None
        },
        histogram=None if failed else _histogram(block, per_bin),
        settings={
            key: _cell(rows, key, column)
            for rows in (conditions, sections.get("Settings", {}))
            for key in rows
        },
        warnings=tuple(_warnings(sections, column)),
        failed=failed,
    )


def _per_bin(block: _Block, column: int) -> NDArray[np.float64]:
    """Return the column of a run in the size table; NaN for empty cells."""
    return np.array(
        [number(row[column]) if len(row) > column else None for row in block.table], dtype=np.float64
    )


def _fault(
    block: _Block, per_bin: NDArray[np.float64], printed_per_ml: float | None, tracks: float | None
) -> str:
    """Return why a run has no result; empty if it has one."""
    if not np.isfinite(per_bin).all():
        return (
            f"the size table has an empty cell at {block.table[int(np.argmin(np.isfinite(per_bin)))][0]} nm"
        )
    if not block.ended and (printed_per_ml is None or per_bin.sum() < (1 - _ROUNDED) * printed_per_ml):
        return block.cut
    return "" if per_bin.sum() > 0 and tracks != 0 else "no particles in the distribution"


def _histogram(block: _Block, per_bin: NDArray[np.float64]) -> Histogram:
    centers = np.array([number(row[0]) for row in block.table], dtype=float)
    half = np.diff(centers) / 2
    edges = np.concatenate([[centers[0] - half[0]], centers[:-1] + half, [centers[-1] + half[-1]]])
    return Histogram(edges_nm=edges, concentration_per_ml=per_bin)


def _average(block: _Block, n_runs: int) -> dict[str, tuple[float, float]]:
    """Return the printed average over the videos and its standard error (not a standard deviation)."""
    pairs = {
        ours: (_number(block.rows, theirs, n_runs + 1), _number(block.rows, theirs, n_runs + 2))
        for theirs, ours in _PRINTED.items()
    }
    return {
        name: (mean, error) for name, (mean, error) in pairs.items() if mean is not None and error is not None
    }


def _warnings(sections: dict[str, Rows], column: int) -> Iterator[str]:
    quiet = {"OK", "No", "Yes", ""}
    for name in ("Concentration Warnings", "Information"):
        for key, row in sections.get(name, {}).items():
            if key != "[heading]" and len(row) > column and row[column] not in quiet:
                yield f"{key}: {row[column]}"


def _wavelength(laser: str) -> float | None:
    digits = re.search(r"(\d{3})", laser)
    return float(digits[1]) if digits else None


def _cell(rows: Rows, key: str, column: int) -> str:
    row = rows.get(key, [])
    return row[column] if len(row) > column else ""


def _number(rows: Rows, key: str, column: int) -> float | None:
    return number(_cell(rows, key, column))
