"""The tables of a batch, as CSV and Parquet: one row per recording, and one row per quantity of a group."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from nta.batch.job import Job
from nta.batch.outcome import Done, JobOutcome
from nta.batch.replicates import Replicates, group_of
from nta.catalogue import About
from nta.errors import printable
from nta.io.atomic import new_file
from nta.io.results.tables import with_end
from nta.io.text import write_rows

RECORDINGS, GROUPS = "recordings", "groups"
_NUMBERS = (
    *("d50_nm", "d10_nm", "d90_nm", "mean_nm", "mode_nm", "sd_nm", "geometric_sd", "span"),
    *("in_cell_per_ml", "in_sample_per_ml", "per_frame", "detection_limit_nm", "brightness_e_per_ms"),
)
_SPREAD = {
    "mean": "mean",
    "mean_low": "low",
    "mean_high": "high",
    "mean_full_low": "full_low",
    "mean_full_high": "full_high",
    "sd": "sd",
    "cv": "cv",
}
"""Columns of the table of groups, with the field of `Spread` they are taken from."""
_PLAIN = ("tracks_used", "temperature_c")
_FACTS: dict[str, pa.DataType] = {
    "verdict": pa.string(),
    "failed_findings": pa.string(),
    "findings_to_watch": pa.string(),
    "size_describes": pa.string(),
    "confidence": pa.float64(),
    "frames": pa.int64(),
    "lost_frames": pa.int64(),
    "spots_per_frame": pa.float64(),
    "tracks_found": pa.int64(),
    "viscosity_mpas": pa.float64(),
    "medium": pa.string(),
    "dilution": pa.float64(),
    "frame_rate_hz": pa.float64(),
    "exposure_ms": pa.float64(),
    "pixel_size_um": pa.float64(),
    "profile": pa.string(),
    "software": pa.string(),
}


def recordings_table(done: Sequence[Done]) -> pa.Table:
    """Return one row per recording, in the given order; a cell without a value is null.

    The table does not depend on the time of the batch, nor on how often it was interrupted.
    """
    shares = list(dict.fromkeys(n for _, o in done for n in o.numbers if n.startswith("share_")))
    columns: list[tuple[str, pa.DataType, list[Any]]] = [
        ("recording", pa.string(), [job.name for job, _ in done]),
        ("status", pa.string(), [o.status for _, o in done]),
        ("reason", pa.string(), [o.reason for _, o in done]),
        ("group", pa.string(), [group_of(job, o) for job, o in done]),
        ("sample", pa.string(), [o.facts.get("sample", "") for _, o in done]),
    ]
    about = [f.name for f in fields(About) if f.name != "group"]
    columns += [(name, pa.string(), [_about(job, o, name) for job, o in done]) for name in about]
    for name in (*_NUMBERS, *shares):
        for end, part in (("", "value"), ("_low", "low"), ("_high", "high")):
            columns.append((with_end(name, end), pa.float64(), [_part(o, name, part) for _, o in done]))
    columns += [(name, pa.float64(), [_part(o, name, "value") for _, o in done]) for name in _PLAIN]
    columns += [(name, kind, [_fact(o, name) for _, o in done]) for name, kind in _FACTS.items()]
    columns.append(("recording_sha256", pa.string(), [o.sha256 for _, o in done]))
    columns.append(("results", pa.string(), [_results(job, o) for job, o in done]))
    return _table(columns)


def groups_table(found: Iterable[Replicates]) -> pa.Table:
    """Return one row per quantity and group."""
    rows = [(r, quantity, spread) for r in found for quantity, spread in r.spreads.items()]
    return _table(
        [
            ("group", pa.string(), [r.group for r, _, _ in rows]),
            ("quantity", pa.string(), [quantity for _, quantity, _ in rows]),
            ("unit", pa.string(), [spread.unit for _, _, spread in rows]),
            *((name, pa.float64(), [getattr(s, part) for _, _, s in rows]) for name, part in _SPREAD.items()),
            ("videos", pa.int64(), [spread.n for _, _, spread in rows]),
            ("videos_of_group", pa.int64(), [len(r.videos) for r, _, _ in rows]),
            ("videos_failed", pa.int64(), [len(r.failed) for r, _, _ in rows]),
            ("mean_without_failed", pa.float64(), [r.without_failed(quantity) for r, quantity, _ in rows]),
        ]
    )


def write_table(table: pa.Table, folder: Path, name: str) -> tuple[Path, Path]:
    """Write `<name>.csv` and `<name>.parquet` into a folder; each file appears only when it is complete."""
    text, packed = folder / f"{name}.csv", folder / f"{name}.parquet"
    rows = [{name: _cell(value) for name, value in row.items()} for row in table.to_pylist()]
    with new_file(text) as partial:
        write_rows(partial, table.column_names, rows)
    with new_file(packed) as partial:
        pq.write_table(table, partial, compression="zstd")
    return text, packed


def _table(columns: Sequence[tuple[str, pa.DataType, list[Any]]]) -> pa.Table:
    return pa.table(
        [pa.array(map(_writable, values), kind) for _, kind, values in columns],
        names=[name for name, _, _ in columns],
    )


def _writable(value: Any) -> Any:
    return printable(value) if isinstance(value, str) else value


def _part(outcome: JobOutcome, name: str, part: str) -> float | None:
    quantity = outcome.numbers.get(name)
    value: float | None = None if quantity is None else getattr(quantity, part)
    return value


def _fact(outcome: JobOutcome, name: str) -> Any:
    value = outcome.facts.get(name)
    return "; ".join(value) if isinstance(value, list | tuple) else value


def _about(job: Job, outcome: JobOutcome, name: str) -> str:
    """Return a label as stated for this batch, else as found in the recording."""
    return str(getattr(job.about, name) or getattr(outcome.about, name))


def _results(job: Job, outcome: JobOutcome) -> str:
    """Return the folder of the results, relative to the folder of the batch."""
    return f"results/{job.name}" if outcome.analysed else ""


def _cell(value: Any) -> str:
    """Write a cell; numbers with nine digits, more than any measurement has."""
    if value is None:
        return ""
    return f"{value:.9g}" if isinstance(value, float) else str(value)
