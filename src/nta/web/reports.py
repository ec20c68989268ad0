"""Reports of recordings that are over: one after the other, beside whatever is being acquired."""

from __future__ import annotations

import threading
import traceback
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

from nta.errors import in_words, is_foreseen
from nta.io.results import ANALYSIS_FOLDER, RECORDING_FILE

Report = Callable[[Path, Path, Mapping[str, Any]], None]
"""Analyses a recording into a folder with its report, with words on the sample as `SampleConditions` takes them."""


@dataclass(frozen=True, kw_only=True)
class Task:
    """A report to be made. why : it failed, in words; detail : of a fault of ours, the traceback."""

    name: str
    folder: Path
    conditions: Mapping[str, Any]
    state: Literal["waiting", "analyzing", "done", "failed"] = "waiting"
    why: str = ""
    detail: str = ""

    @property
    def recording(self) -> Path:
        """What is analysed."""
        return self.folder / RECORDING_FILE

    @property
    def results(self) -> Path:
        """Where the report goes."""
        return self.folder / ANALYSIS_FOLDER


class Reports:
    """Makes reports in a thread of its own, in the order in which they were asked for."""

    def __init__(self, make: Report) -> None:
        self._make = make
        self._changed = threading.Condition()
        self._tasks: list[Task] = []
        self._closing = self._held = False
        self._thread = threading.Thread(target=self._run, name="nta-web-reports", daemon=True)
        self._thread.start()

    def add(self, name: str, folder: Path, conditions: Mapping[str, Any]) -> None:
        """Ask for the report of the recording in a folder; one that is waiting or under way is not asked for twice."""
        with self._changed:
            if any(task.folder == folder and task.state in ("waiting", "analyzing") for task in self._tasks):
                return
            self._tasks = [task for task in self._tasks if task.folder != folder]
            self._tasks.append(Task(name=name, folder=folder, conditions=conditions))
            self._changed.notify_all()

    @property
    def tasks(self) -> tuple[Task, ...]:
        """All of them, in the order in which they were asked for."""
        return tuple(self._tasks)

    def hold(self) -> None:
        """Begin no other report until `finish`: who ends the server may not want to wait for them."""
        with self._changed:
            self._held = True

    def finish(self, told: Callable[[Task], None] = lambda _: None) -> None:
        """Wait for what is still to be made, telling what is waited for; then end the thread."""
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
                self._make(task.recording, task.results, task.conditions)
                done = replace(task, state="done")
            except Exception as error:  # one report never ends the others, not even by a fault of ours
                detail = "" if is_foreseen(error) else traceback.format_exc()
                done = replace(task, state="failed", why=in_words(error), detail=detail)
            with self._changed:
                self._tasks = [done if other.folder == task.folder else other for other in self._tasks]

    def _next(self) -> int | None:
        """Wait for a task and take it up; None when there will be none any more."""
        with self._changed:
            while True:
                for place, task in enumerate(self._tasks):
                    if task.state == "waiting" and (self._closing or not self._held):
                        self._tasks[place] = replace(task, state="analyzing")
                        return place
                if self._closing:
                    return None
                self._changed.wait()
