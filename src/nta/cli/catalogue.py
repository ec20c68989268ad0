"""`nta catalogue`: list, show, correct, add and export the recorded runs."""

from __future__ import annotations

import argparse
import json
import shutil
import sys
from collections.abc import Iterator, Sequence
from dataclasses import asdict, fields
from datetime import datetime
from itertools import pairwise
from pathlib import Path
from typing import Any

from nta.catalogue import Catalogue, RunRecord
from nta.cli import EXIT_OK
from nta.cli.arguments import refuse_existing
from nta.cli.catalogue_entries import (
    ENVIRONMENT_VARIABLE,
    about_in,
    catalogue_address,
    record_analysis,
)
from nta.cli.progress import say
from nta.errors import MissingInputError, SettingError
from nta.io.atomic import new_file
from nta.io.results import load_analysis, results_file, results_files
from nta.io.results.tables import with_end
from nta.io.text import write_rows
from nta.quantity import Quantity
from nta.report.terminal import for_terminal
from nta.report.wording import as_limit, count, in_one, number, scientific

_COLUMNS = (
    *("run", "date, UTC", "kind", "sample", "instrument", "operator", "D50 nm", "per ml", "verdict"),
    "recording",
)
_BELOW = ("sample", "recording")  # columns that stand below their row on a narrow terminal
_LABELS = ("kind", "instrument", "operator")  # columns that are cut there
_NARROWEST, _INDENT = 8, "     "


def run(options: argparse.Namespace) -> int:
    """Open the catalogue and carry out the requested action."""
    address = catalogue_address(options)
    if address is None:
        raise MissingInputError(f"which catalogue? Give --catalogue FILE|URL, or set {ENVIRONMENT_VARIABLE}")
    actions = {"list": _list, "show": _show, "correct": _correct, "add": _add, "export": _export}
    with Catalogue.open(address, create=options.action == "add") as catalogue:
        actions[options.action](catalogue, options)
    return EXIT_OK


def _list(catalogue: Catalogue, options: argparse.Namespace) -> None:
    found = _chosen(catalogue, options)
    if options.json:
        print(json.dumps([_plain(record) for record in found], indent=2, ensure_ascii=False))
        return
    rows = [_COLUMNS, *(_cells(record) for record in found)]
    for line in _lines(rows, shutil.get_terminal_size().columns if sys.stdout.isatty() else None):
        print(line)
    say(f"{count(len(found), 'run')} in {catalogue.name}", quiet=options.quiet)


def _lines(rows: Sequence[Sequence[str]], width: int | None) -> Iterator[str]:
    """Yield rows under their head as lines; where they are wider than the terminal, long texts stand below their row."""
    lines = _in_columns(list(zip(*rows, strict=True)), None)
    if width is None or max(map(len, lines)) <= width:
        yield from lines
        return
    columns = [column for column in zip(*rows, strict=True) if column[0] not in _BELOW and any(column[1:])]
    below = [column for column in zip(*rows, strict=True) if column[0] in _BELOW]
    for n, line in enumerate(_in_columns(columns, width)):
        yield line
        if n:
            yield from (_INDENT + _cut(column[n], width - len(_INDENT)) for column in below if column[n])


def _in_columns(columns: Sequence[Sequence[str]], width: int | None) -> list[str]:
    """Return columns as lines; labels are cut until the lines fit the width."""
    widths = [max(map(len, column)) for column in columns]
    labels = [i for i, column in enumerate(columns) if column[0] in _LABELS]
    while width is not None and labels and sum(widths) + 2 * (len(widths) - 1) > width:
        longest = max(labels, key=widths.__getitem__)
        if widths[longest] <= _NARROWEST:
            break
        widths[longest] -= 1
    return [
        "  ".join(_cut(cell, w).ljust(w) for cell, w in zip(row, widths, strict=True)).rstrip()
        for row in zip(*columns, strict=True)
    ]


def _cut(cell: str, width: int) -> str:
    """Cut a long cell in its middle: names of one folder differ at their ends."""
    if len(cell) <= width:
        return cell
    begin = (width - 2) // 2
    return f"{cell[:begin]}..{cell[len(cell) - (width - 2 - begin) :]}"


def _show(catalogue: Catalogue, options: argparse.Namespace) -> None:
    rows = catalogue.history(options.run)
    newest = rows[-1]
    if options.json:
        said = {"rows": [_plain(row) for row in rows], "summary": catalogue.summary(newest.id)}
        print(json.dumps(said, indent=2, ensure_ascii=False))
        return
    for name in _stated():
        if value := getattr(newest, name):
            print(f"{name:18} {_word(value)}")
    for name, quantity in newest.numbers.items():
        print(for_terminal(f"{name:18} {in_one(quantity)}"))
    for before, after in pairwise(rows):
        changed = [n for n in _stated() if getattr(before, n) != getattr(after, n) and n not in _OF_THE_ROW]
        words = ", ".join(f"{n}: {_word(getattr(before, n))} -> {_word(getattr(after, n))}" for n in changed)
        print(
            f"row {before.id} -> {after.id}, {_word(after.recorded_at)}, by {after.recorded_by}: {after.reason}; {words}"
        )


def _correct(catalogue: Catalogue, options: argparse.Namespace) -> None:
    changes: dict[str, Any] = {}
    for word in options.changes:
        key, equals, value = word.partition("=")
        if not equals:
            raise SettingError(f"{word!r} is not KEY=VALUE, e.g. sample='EV 7'")
        changes[key] = value
    if "withdrawn" in changes:
        raise SettingError("to withdraw a run, give --withdraw")
    if options.withdraw:
        changes["withdrawn"] = True
    row = catalogue.correct(options.run, reason=options.reason, **changes)
    say(f"run {row.id} takes the place of run {options.run}", quiet=options.quiet)


def _add(catalogue: Catalogue, options: argparse.Namespace) -> None:
    said = about_in(options)
    said.refuse_of_no_beads("add --kind beads")
    for file in [file for path in options.results for file in _files(path)]:
        analysis = load_analysis(file)
        about = said.completed(analysis.provenance.about)
        record = record_analysis(catalogue, analysis, file.parent, about)
        say(f"run {record.id}: {file.parent}", quiet=options.quiet)


def _files(path: Path) -> tuple[Path, ...]:
    """Return the results files to record: of a folder, of all sample videos of a procedure, or the given file."""
    return (path.is_dir() and results_files(path)) or (results_file(path),)


def _export(catalogue: Catalogue, options: argparse.Namespace) -> None:
    refuse_existing(options.output, force=options.force)
    found = [_plain(record) for record in _chosen(catalogue, options)]
    writers = {".csv": _write_csv, ".parquet": _write_parquet, ".json": _write_json}
    write = writers.get(options.output.suffix.lower())
    if write is None:
        raise SettingError(f"{options.output}: a table is written as .csv, .parquet or .json")
    with new_file(options.output, replace=options.force) as partial:
        write(found, partial)
    say(f"{count(len(found), 'run')}: {options.output}", quiet=options.quiet)


def _chosen(catalogue: Catalogue, options: argparse.Namespace) -> list[RunRecord]:
    filters = {
        name: getattr(options, name)
        for name in ("kind", "standard", "instrument", "sample", "operator", "since", "until")
    }
    return catalogue.runs(**filters, withdrawn=options.all, superseded=options.all)


def _cells(record: RunRecord) -> tuple[str, ...]:
    d50 = record.numbers.get("d50_nm")
    per_ml = record.numbers.get("in_sample_per_ml") or record.numbers.get("in_cell_per_ml")
    what = f"{record.kind} {record.standard}".rstrip() + (" (withdrawn)" if record.withdrawn else "")
    return (
        str(record.id),
        f"{record.when:%Y-%m-%d %H:%M}" + ("" if record.measured_at else " (analysed)"),
        what,
        record.sample,
        record.instrument,
        record.operator,
        number(d50.value, 4) if d50 else "",
        "" if per_ml is None else for_terminal(_per_ml(per_ml)),
        record.verdict,
        record.recording,
    )


def _per_ml(concentration: Quantity) -> str:
    if concentration.value is None:
        return as_limit(concentration, with_unit=False)
    return scientific(concentration.value)


def _stated() -> list[str]:
    return [f.name for f in fields(RunRecord) if f.name != "numbers"]


_OF_THE_ROW = ("id", "uid", "corrects", "reason", "recorded_at", "recorded_by")


def _word(value: Any) -> str:
    return value.isoformat(sep=" ", timespec="seconds") if isinstance(value, datetime) else str(value) or "-"


def _plain(record: RunRecord) -> dict[str, Any]:
    """Return a record as plain data for JSON."""
    row = {name: _dated(getattr(record, name)) for name in _stated()}
    return {**row, "numbers": {name: asdict(quantity) for name, quantity in record.numbers.items()}}


def _dated(value: Any) -> Any:
    return value.isoformat() if isinstance(value, datetime) else value


def _flat(rows: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Write each number as three columns, value and ends of the interval: d50_nm, d50_low_nm, d50_high_nm."""
    names = list(dict.fromkeys(name for row in rows for name in row["numbers"]))
    return [
        {key: value for key, value in row.items() if key != "numbers"}
        | {
            with_end(name, end): row["numbers"].get(name, {}).get(part)
            for name in names
            for end, part in (("", "value"), ("_low", "low"), ("_high", "high"))
        }
        for row in rows
    ]


def _write_csv(rows: Sequence[dict[str, Any]], path: Path) -> None:
    flat = _flat(rows)
    write_rows(path, list(flat[0]) if flat else _stated(), flat)


def _write_parquet(rows: Sequence[dict[str, Any]], path: Path) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    pq.write_table(pa.Table.from_pylist(_flat(rows)), path)


def _write_json(rows: Sequence[dict[str, Any]], path: Path) -> None:
    path.write_text(json.dumps(rows, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
