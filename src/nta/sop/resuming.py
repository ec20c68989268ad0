"""Go on with a run that ended before its time: `run.json` tells whether it is the same run, the folders what it has."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from itertools import count, pairwise
from pathlib import Path
from typing import Any

from nta.errors import RecordingError, SettingError
from nta.io.atomic import write_json
from nta.io.recordings import checksum, open_recording
from nta.io.results import ANALYSIS_FOLDER, RECORDING_FILE, RESULTS_FILE
from nta.measurements.identity import fingerprint
from nta.report import REPORT_FILE
from nta.report.wording import when
from nta.sop.files import ProcedureFiles
from nta.sop.procedure import Procedure, Step
from nta.version import software

RUN_FILE, PROCEDURE_FILE = "run.json", "sop.toml"
_FORMAT, _VERSION = "nta sop run", 1


@dataclass(frozen=True, kw_only=True)
class Session:
    """One stretch of a run: when and by which version it began, and the videos that had been recorded before."""

    began: str
    software: str
    recorded_before: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Run:
    """A run of a procedure.

    terms : digests of all that its videos depend on, by what it is; they may not change.
    recorded : names of the videos that were recorded to their end; a file does not tell that it was asked to be longer.
    """

    terms: dict[str, str]
    sessions: tuple[Session, ...]
    recorded: tuple[str, ...] = ()

    def has(self, folder: Path, step: Step) -> bool:
        """Return whether the recording of a video is there, from its first frame to its last."""
        if step.name not in self.recorded:
            return False
        try:
            with open_recording(folder / step.name / RECORDING_FILE) as source:
                return not source.report.truncated
        except RecordingError:
            return False

    def with_recorded(self, step: Step) -> Run:
        """Return the run with one more video that was recorded to its end."""
        return replace(self, recorded=(*self.recorded, step.name))

    def write(self, folder: Path) -> None:
        """Write `run.json`."""
        write_json(folder / RUN_FILE, {"format": _FORMAT, "version": _VERSION, **asdict(self)})

    def notes(self) -> Iterator[str]:
        """Yield a sentence for each time that the run was resumed."""
        for before, session in pairwise(self.sessions):
            names = ", ".join(session.recorded_before) or "nothing"
            other = f", by {session.software} instead of {before.software}"
            yield (
                f"the run ended before its time and was resumed at {when(session.began)}"
                f"{'' if before.software == session.software else other}; recorded before that: {names}. What was in the "
                "cell and how the instrument was set may have changed in between"
            )


def begin(folder: Path, procedure: Procedure, files: ProcedureFiles) -> Run:
    """Begin a run in a new folder.

    Raises
    ------
    SettingError
        The folder is in use.
    """
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise SettingError(f"{folder} is in use; choose another folder with -o")
    folder.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(procedure.file, folder / PROCEDURE_FILE)
    return Run(terms=_terms(procedure, files), sessions=(_session(()),))


def resume(folder: Path, procedure: Procedure, files: ProcedureFiles) -> Run:
    """Return the run in a folder with a new session.

    Raises
    ------
    SettingError
        The folder holds no run, that of another procedure, one under other conditions, or one that is finished.
    """
    run = _read(folder / RUN_FILE)
    terms = _terms(procedure, files)
    if changed := [name for name in terms if terms[name] != run.terms.get(name)]:
        raise SettingError(
            f"{folder} cannot be resumed: {' and '.join(changed)} changed since it began ({when(run.sessions[0].began)}); "
            f"put back what it was, see {folder / PROCEDURE_FILE}, or measure anew in another folder"
        )
    steps = [step for stage in procedure.stages() for step in procedure.steps(stage)]
    there = tuple(step.name for step in steps if run.has(folder, step))
    analysed = all((folder / step.name / ANALYSIS_FOLDER / RESULTS_FILE).is_file() for step in steps)
    if len(there) == len(steps) and analysed and (folder / REPORT_FILE).is_file():
        raise SettingError(f"{folder} has all its videos, recorded and analysed; nothing is left to resume")
    return replace(run, sessions=(*run.sessions, _session(there)), recorded=there)


def put_aside(folder: Path, step: Step) -> None:
    """Rename a recording that was cut short, so that the video can be recorded again and nothing is lost."""
    path = folder / step.name / RECORDING_FILE
    if path.exists():
        names = (path.with_name(f"cut_short_{number}{path.suffix}") for number in count(1))
        path.rename(next(name for name in names if not name.exists()))


def cut_short(folder: Path, step: Step) -> list[str]:
    """Return the recordings of a video that were put aside, as paths in the folder of the run."""
    found = (folder / step.name).glob(f"cut_short_*{Path(RECORDING_FILE).suffix}")
    return sorted(path.relative_to(folder).as_posix() for path in found)


def _terms(procedure: Procedure, files: ProcedureFiles) -> dict[str, str]:
    return {
        "the procedure": checksum(procedure.file),
        "what is said of the sample": fingerprint(sorted(procedure.conditions.items())),
        "the profile": fingerprint(files.profile),
        "the analysis settings": fingerprint(files.settings.as_mapping()),
        "the limits": fingerprint(sorted(files.limits.items())),
        "the bead certificate": fingerprint(files.certificate),
    }


def _session(recorded_before: tuple[str, ...]) -> Session:
    began = datetime.now(UTC).isoformat(timespec="seconds")
    return Session(began=began, software=software(), recorded_before=recorded_before)


def _read(path: Path) -> Run:
    if not path.is_file():
        raise SettingError(f"{path.parent} holds no run of a procedure to resume; leave --resume out")
    try:
        data: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        sessions = tuple(
            Session(**{**s, "recorded_before": tuple(s["recorded_before"])}) for s in data["sessions"]
        )
        if data["format"] == _FORMAT and data["version"] == _VERSION and sessions:
            return Run(terms=dict(data["terms"]), sessions=sessions, recorded=tuple(data["recorded"]))
    except (OSError, ValueError, KeyError, TypeError):
        pass
    raise SettingError(f"{path} is not what this version of nta writes; measure anew in another folder")
