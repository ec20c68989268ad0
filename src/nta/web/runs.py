"""The folder of the runs: paths of new runs, and the list of existing runs with their reports."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from nta.acquisition import checked_name
from nta.assessment import Verdict
from nta.catalogue.record import as_time
from nta.errors import NtaError, SettingError, in_words, printable
from nta.io.atomic import check_writable
from nta.io.recordings import open_recording
from nta.io.results import ANALYSIS_FOLDER, RECORDING_FILE
from nta.quantity import Quantity
from nta.report import REPORT_FILE
from nta.report.reliance import mark_of
from nta.report.wording import Mood, in_one


@dataclass(frozen=True)
class KeptRun:
    """A run in the folder.

    measured : time stated by its report; else when the recording, or another file, was last written.
    report : page as a path below the folder, empty if there is none. d50 : D50 in words.
    mark : sign and words of whether it may be relied on, None without a report; failed : titles of its failed findings.
    unusable : why no report of its recording can be made, as there is no frame in it; empty if it can, or was made.
    """

    name: str
    measured: datetime
    report: str
    d50: str
    mark: tuple[Mood, str] | None = None
    failed: tuple[str, ...] = ()
    unusable: str = ""


@dataclass(frozen=True)
class _Said:
    """What the summary of a run states."""

    measured: datetime | None = None
    d50: str = ""
    mark: tuple[Mood, str] | None = None
    failed: tuple[str, ...] = ()


class Runs:
    """The runs below a folder, each in a folder of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._known: dict[tuple[str, int], _Said] = {}  # by summary and its time
        self._fit: dict[tuple[str, int], str] = {}  # why a recording is unusable, by its path and time

    def new(self, name: str) -> Path:
        """Return the path of the folder of a new run; refuse an impossible or existing name."""
        name = checked_name(name)
        folder = self.folder / name
        if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
            raise SettingError(f"there is a run {name} already; choose another name")
        check_writable(folder)
        return folder

    def list(self) -> list[KeptRun]:
        """Return the runs, the newest first, without those that cannot be read or have no valid address."""
        try:
            entries = list(self.folder.iterdir())
        except OSError:
            return []
        found = (self._run(entry) for entry in entries if _is_named_in_text(entry))
        return sorted((run for run in found if run), key=lambda run: run.measured, reverse=True)

    def _run(self, folder: Path) -> KeptRun | None:
        """Return a folder as a run; None if it is not a run, may not be read, or was just removed."""
        recording = folder / RECORDING_FILE
        try:
            for results in (folder / ANALYSIS_FOLDER, folder):
                if (page := results / REPORT_FILE).is_file():
                    said = self._said(results / "summary.json")
                    measured = said.measured or _written(recording if recording.is_file() else page)
                    address = page.relative_to(self.folder).as_posix()
                    return KeptRun(folder.name, measured, address, said.d50, said.mark, said.failed)
            if not recording.is_file():
                return None
            return KeptRun(folder.name, _written(recording), "", "", unusable=self._why_unusable(recording))
        except OSError:
            return None

    def _why_unusable(self, recording: Path) -> str:
        """Return why a recording cannot be analysed; empty if it can."""
        key = str(recording), recording.stat().st_mtime_ns
        if key not in self._fit:
            try:
                with open_recording(recording):
                    self._fit[key] = ""
            except NtaError as error:
                self._fit[key] = in_words(error).removeprefix(f"{recording} ")
        return self._fit[key]

    def _said(self, path: Path) -> _Said:
        """Return what a summary states; nothing if it cannot be read."""
        try:
            key = str(path), path.stat().st_mtime_ns
            if key not in self._known:
                said = json.loads(path.read_text(encoding="utf-8"))
                self._known[key] = _Said(_measured(said), _d50(said), *_judged(said))
            return self._known[key]
        except (OSError, ValueError):  # the file is of another program, or just being replaced
            return _Said()


def _measured(summary: Any) -> datetime | None:
    """Return when a run was measured; None if its summary does not state it."""
    try:
        return as_time(summary["provenance"]["about"]["date"], "date").astimezone()
    except (SettingError, KeyError, TypeError):
        return None


def _d50(summary: Any) -> str:
    """Return the D50 of a run in words; empty if its summary has none."""
    try:
        said = summary["size"]["numbers"]["d50_nm"]
        return in_one(Quantity(*(said[name] for name in ("value", "low", "high", "unit"))))
    except (ValueError, KeyError, TypeError):
        return ""


def _judged(summary: Any) -> tuple[tuple[Mood, str] | None, tuple[str, ...]]:
    """Return the mark of a run and the titles of its failed findings; none if its summary does not judge it."""
    try:
        failed = tuple(str(f["title"]) for f in summary["findings"] if f["verdict"] == Verdict.FAIL)
        return mark_of(Verdict(summary["verdict"])), failed
    except (ValueError, KeyError, TypeError):
        return None, ()


def _is_named_in_text(entry: Path) -> bool:
    return not entry.name.startswith(".") and printable(entry.name) == entry.name


def _written(path: Path) -> datetime:
    return datetime.fromtimestamp(path.stat().st_mtime).astimezone()
