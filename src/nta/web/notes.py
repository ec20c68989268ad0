"""Notes about events, the newest last, as the page lists them."""

from __future__ import annotations

import threading
from collections import deque
from dataclasses import dataclass
from datetime import datetime

from nta.assessment import Verdict
from nta.live.wording import Line

_MOST_NOTES = 50


@dataclass(frozen=True)
class Note:
    """A note about an event. number : increases from note to note."""

    number: int
    at: datetime
    line: Line


class Notes:
    """The newest notes; they may be added and read from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._notes: deque[Note] = deque(maxlen=_MOST_NOTES)
        self._count = 0

    def add(self, words: str, verdict: Verdict = Verdict.PASS, todo: str = "") -> None:
        """Add a note."""
        with self._lock:
            self._count += 1
            now = datetime.now().astimezone()
            self._notes.append(Note(self._count, now, Line(words, verdict, todo)))

    def all(self) -> tuple[Note, ...]:
        """Return the notes, the newest last."""
        with self._lock:
            return tuple(self._notes)
