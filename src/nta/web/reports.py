"""Make reports of finished recordings, one after another, while the instrument acquires."""

from __future__ import annotations

import threading
import traceback
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

from nta.errors import in_words, is_foreseen
from nta.io.results import ANALYSIS_FOLDER, RECORDING_FILE

Report = Callable[[Path, Path, Mapping[str, Any], Mapping[str, Any]], None]
"""Analyses a recording into a folder with its report, under stated conditions (arguments of `SampleConditions`) and with
labels (arguments of `About`)."""


@dataclass(frozen=True, kw_only=True)
class Task:
    """A report to be made. why : reason of a failure; detail : traceback of a defect of nta."""

    name: str
    folder: Path
    conditions: Mapping[str, Any]
    about: Mapping[str, Any]
    state: Literal["waiting", "analyzing", "done", "failed"] = "waiting"
    why: str = ""
    detail: str = ""

    @property
    def recording(self) -> Path:
        """Path of the recording."""
        return self.folder / RECORDING_FILE

    @property
    def results(self) -> Path:
        """Folder of the report."""
        return self.folder / ANALYSIS_FOLDER


class Reports:
    """Makes reports in a separate thread, in the order of the requests."""

    def __init__(self, make: Report) -> None:
        self._make = make
        self._changed = threading.Condition()
        self._tasks: list[Task] = []
        self._closing = self._held = False
        self._thread = threading.Thread(target=self._run, name="nta-web-reports", daemon=True)
        self._thread.start()

    def add(self, name: str, folder: Path, conditions: Mapping[str, Any], about: Mapping[str, Any]) -> None:
        """Request the report of the recording in a folder, unless it is waiting or being made."""
        with self._changed:
            if any(task.folder == folder and task.state in ("waiting", "analyzing") for task in self._tasks):
                return
            self._tasks = [task for task in self._tasks if task.folder != folder]
            self._tasks.append(Task(name=name, folder=folder, conditions=conditions, about=about))
            self._changed.notify_all()

    @property
    def tasks(self) -> tuple[Task, ...]:
        """All tasks, in the order of the requests."""
        return tuple(self._tasks)

    def hold(self) -> None:
        """Begin no further report until `finish`: the user who ends the server may not want to wait."""
        with self._changed:
            self._held = True

    def finish(self, told: Callable[[Task], None] = lambda _: None) -> None:
        """Wait for the remaining reports, announcing each; then end the thread."""
        with self._changed:
            self._closing = True
            self._changed.notify_all()
        for task in self.tasks:
            if task.state in ("waiting", "analyzing"):
                told(task)
        self._thread.join()

    def _run(self) -> None:
        while (place := self._next()) is not None:
            task = self._tasks[place]
            try:
                self._make(task.recording, task.results, task.conditions, task.about)
                done = replace(task, state="done")
            except Exception as error:  # one report must not end the others, not even by a defect of nta
                detail = "" if is_foreseen(error) else traceback.format_exc()
                done = replace(task, state="failed", why=in_words(error), detail=detail)
            with self._changed:
                self._tasks = [done if other.folder == task.folder else other for other in self._tasks]

    def _next(self) -> int | None:
        """Wait for the next task; None if there will be no more."""
        with self._changed:
            while True:
                for place, task in enumerate(self._tasks):
                    if task.state == "waiting" and (self._closing or not self._held):
                        self._tasks[place] = replace(task, state="analyzing")
                        return place
                if self._closing:
                    return None
                self._changed.wait()
