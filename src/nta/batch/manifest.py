"""Read a manifest: the list of the recordings of a batch with the facts about each, as CSV or TOML."""

from __future__ import annotations

import difflib
import glob
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from functools import cache, partial
from pathlib import Path
from typing import Any

from nta.assessment import Kind
from nta.batch.folder import whole_sets
from nta.calibration import InstrumentProfile, SampleConditions, load_medium, load_profile
from nta.calibration.conditions import CONDITION_NUMBERS, CONDITION_TEXTS
from nta.catalogue.record import About, as_time
from nta.errors import SettingError
from nta.frames import CameraState
from nta.io.recordings.folder import natural_key
from nta.io.recordings.words import CAMERA_NUMBERS, camera_from_words, frame_rate
from nta.io.text import dilution, no_dilution, number, read_text, rows_of
from nta.settings import AnalysisSettings
from nta.stated import is_number, read_toml

CONDITIONS = (*CONDITION_NUMBERS, *CONDITION_TEXTS)
ABOUT = tuple(f.name for f in fields(About))
FILES = ("profile", "settings", "blank")
KEYS = ("file", *ABOUT, *CONDITIONS, *CAMERA_NUMBERS, *FILES)
_TEXTS = {"file", *ABOUT, *CONDITION_TEXTS, *FILES}
_MOST_SHOWN = 10
_SEPARATORS = (";", "\t", ",")


@dataclass(frozen=True)
class Entry:
    """One line of a manifest: the recording, and the facts stated about it.

    words : keys as in the manifest, numbers as numbers; `profile` and `settings` as they were read, `blank` as a path.
    """

    path: Path
    words: Mapping[str, Any]


def read_manifest(path: str | Path, kind: Kind = "sample") -> list[Entry]:
    """Read and check a manifest.

    A `file` is relative to the manifest and may be a pattern (``lot12_*.avi``). In TOML, keys above the first
    ``[[recording]]`` apply to all. kind : kind of the recordings that state none.

    Raises
    ------
    SettingError
        Not CSV or TOML, an unknown key, a value of the wrong type or an impossible one, a profile, medium or settings file
        that is not there, a recording named twice; all complaints at once, each with its line.
    """
    path = Path(path)
    if not path.is_file():
        raise SettingError(f"{path}: no such manifest")
    rows = _toml_rows(path) if path.suffix.lower() == ".toml" else _csv_rows(path)
    linked = _LinkedFiles(path.parent)
    complaints: list[str] = []
    entries: list[Entry] = []
    first_at: dict[Path, str] = {}
    for place, row in rows:
        words, wrong = _checked(row, linked, kind)
        complaints += [f"{place}: {complaint}" for complaint in wrong]
        for file in [] if "file" not in words else _files(path.parent, words["file"]):
            if file in first_at:
                complaints.append(f"{place}: {file.name} is there already, at {first_at[file]}")
            first_at.setdefault(file, place)
            entries.append(Entry(file, {k: v for k, v in words.items() if k != "file"}))
    if complaints:
        more = f"\n  and {len(complaints) - _MOST_SHOWN} more" if len(complaints) > _MOST_SHOWN else ""
        raise SettingError(f"{path}:\n  " + "\n  ".join(complaints[:_MOST_SHOWN]) + more)
    if not entries:
        raise SettingError(f"{path} names no recording; give one a line, in the column file")
    return entries


def _csv_rows(path: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    text, _ = read_text(path)
    lines = (line.strip() for line in text.splitlines())
    head = next((line for line in lines if line and not line.startswith("#")), "")
    delimiter = max(_SEPARATORS, key=head.count)
    columns: list[str] | None = None
    for line, cells in rows_of(path, text, delimiter):
        if not any(cells) or cells[0].startswith("#"):
            continue
        if columns is None:
            columns = _head(path, cells)
            continue
        while len(cells) > len(columns) and not cells[-1]:
            cells.pop()  # a spreadsheet pads rows with empty cells
        if len(cells) > len(columns):
            raise SettingError(
                f"{path}: line {line} has {len(cells)} cells, the head has {len(columns)}; "
                "put text that holds the separator in double quotes"
            )
        given = {key: cell for key, cell in zip(columns, cells, strict=False) if cell}
        yield (
            f"line {line}",
            {
                k: v if k in _TEXTS else _as_number(k, v, decimal_comma=delimiter != ",")
                for k, v in given.items()
            },
        )
    if columns is None:
        raise SettingError(f"{path} is empty")


def _head(path: Path, cells: Sequence[str]) -> list[str]:
    columns = [cell.casefold() for cell in cells]
    while columns and not columns[-1]:
        columns.pop()  # a spreadsheet pads the head too
    if "file" not in columns:
        raise SettingError(
            f"{path}: the first line must name the columns, one of them 'file'; it is {', '.join(cells)}"
        )
    wrong = [_unknown(column) for column in columns if column not in KEYS]
    wrong += [
        f"the column {c!r} is there twice" for c in sorted({c for c in columns if columns.count(c) > 1})
    ]
    if wrong:
        raise SettingError(f"{path}: {'; '.join(wrong)}")
    return columns


def _as_number(key: str, cell: str, *, decimal_comma: bool) -> Any:
    """Return a number if the cell is one, else the cell; a frame rate may be a fraction."""
    if key == "frame_rate_hz" and "/" in cell:
        return cell
    value = dilution(cell) if key == "dilution" else number(cell, decimal_comma=decimal_comma)
    if value is not None and key == "bit_depth" and value.is_integer():
        return int(value)
    return cell if value is None else value


def _toml_rows(path: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    table = read_toml(path)
    recordings = table.pop("recording", [])
    if not isinstance(recordings, list) or not all(isinstance(r, dict) for r in recordings):
        raise SettingError(f"{path}: write [[recording]], in double brackets, above each file")
    if "file" in table:
        raise SettingError(f"{path}: file stands above the first [[recording]]; it belongs below one")
    for i, recording in enumerate(recordings, start=1):
        yield f"[[recording]] {recording.get('file', f'number {i}')}", {**table, **recording}


class _LinkedFiles:
    """Files named by rows, relative to the manifest; each is read once."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.profile = cache(self._profile)
        self.settings = cache(self._settings)

    def blank(self, name: str) -> Path:
        """Return the path of a blank; it is opened when its recordings are analysed."""
        return self._folder / name

    def _profile(self, name: str) -> InstrumentProfile:
        beside = self._folder / name
        return load_profile(beside if beside.is_file() else name)

    def _settings(self, name: str) -> AnalysisSettings:
        return AnalysisSettings.from_toml(self._folder / name)


def _checked(row: Mapping[str, Any], linked: _LinkedFiles, kind: Kind) -> tuple[dict[str, Any], list[str]]:
    """Return the valid entries of a row, and the faults of the others."""
    words: dict[str, Any] = {}
    wrong = [] if row.get("file") else ["file is missing"]
    for key, value in row.items():
        if key not in KEYS:
            wrong.append(_unknown(key))
        elif key in _TEXTS:
            words[key] = str(value).casefold() if key == "kind" else str(value)
        elif key == "frame_rate_hz":
            try:
                words[key] = frame_rate(value, key)
            except SettingError as error:
                wrong.append(str(error))
        elif key == "dilution" and isinstance(value, str) and dilution(value) is None:
            wrong.append(no_dilution(value))
        elif not is_number(value):
            wrong.append(f"{key} must be a number, got {value!r}")
        else:
            words[key] = value
    for refuse in (partial(_refuse_about, kind=kind), _refuse_date, _refuse_camera, _refuse_conditions):
        try:
            refuse(words)
        except SettingError as error:
            wrong.append(str(error))
    for key in FILES:
        if key in words:
            try:
                words[key] = getattr(linked, key)(words[key])
            except SettingError as error:
                wrong.append(str(error))
    return words, wrong


def _refuse_about(words: Mapping[str, Any], kind: Kind) -> None:
    said = {key: words[key] for key in ("kind", "standard", "lot") if key in words}
    About(**{"kind": kind, **said}).refuse_of_no_beads("say kind = beads")


def _refuse_date(words: Mapping[str, Any]) -> None:
    if words.get("date"):
        as_time(words["date"], "date")


def _refuse_camera(words: Mapping[str, Any]) -> None:
    """Refuse values that no camera can have."""
    CameraState(**{"width_px": 1, "height_px": 1, "bit_depth": 16, **camera_from_words(words)})


def _refuse_conditions(words: Mapping[str, Any]) -> None:
    """Refuse values that no sample can have, and a medium of unknown viscosity if no viscosity is stated."""
    conditions = SampleConditions(**{key: words[key] for key in CONDITIONS if key in words})
    if "medium" in words and "viscosity_mpas" not in words:
        load_medium(conditions.medium)
        if "temperature_c" in words:
            conditions.viscosity_pa_s()


def _unknown(key: str) -> str:
    stem = key.rsplit("_", 1)[0]
    close = [k for k in KEYS if k.rsplit("_", 1)[0] == stem] or difflib.get_close_matches(key, KEYS, n=1)
    return f"unknown {key!r}; " + (f"did you mean {close[0]!r}?" if close else f"there are {', '.join(KEYS)}")


def is_pattern(name: str) -> bool:
    """Return whether a name may stand for several files."""
    return any(sign in name for sign in "*?[")


def _files(folder: Path, name: str) -> list[Path]:
    """Return the file of a name, or the files of a pattern in natural order; a name without a file stays as it is."""
    path = folder / name
    if not path.exists() and "\\" in name:  # as Windows separates folders
        name = name.replace("\\", "/")
        path = folder / name
    if path.exists() or not is_pattern(name):
        return [path]
    matches = sorted(glob.glob(name, root_dir=folder), key=natural_key)  # noqa: PTH207 - Path.glob takes no absolute pattern
    return whole_sets([folder / match for match in matches if Path(match).suffix != ".toml"]) or [path]
