"""Frames on their way from the recording, which never waits, to the search, which may be slower."""

from __future__ import annotations

import threading
from collections import deque

from nta.frames import Frame


class Backlog:
    """Frames that wait to be searched, at most `most`.

    Frames that find it full are shed until it is half empty: one long gap costs fewer tracks than many short ones.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._changed = threading.Condition()
        self._frames: deque[Frame] = deque()
        self._shedding = self._ended = False

    def __len__(self) -> int:
        return len(self._frames)

    def put(self, frame: Frame) -> bool:
        """Add a frame; return False if it was shed instead."""
        with self._changed:
            n = len(self._frames)
            self._shedding = n >= self._most or (self._shedding and n > self._most // 2)
            if not self._shedding:
                self._frames.append(frame)
                self._changed.notify_all()
            return not self._shedding

    def take(self, least: int, most: int) -> list[Frame]:
        """Wait for at least `least` frames and take up to `most`; fewer only at the end."""
        with self._changed:
            self._changed.wait_for(lambda: len(self._frames) >= least or self._ended)
            return [self._frames.popleft() for _ in range(min(most, len(self._frames)))]

    def end(self) -> None:
        """Let `take` wait no longer: no more frames will come."""
        with self._changed:
            self._ended = True
            self._changed.notify_all()

    def clear(self) -> None:
        """Drop the frames that wait."""
        with self._changed:
            self._frames.clear()
