"""Live analysis of a picture that nobody records: begun anew from time to time, so that it speaks of now."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import replace

from nta.frames import Frame
from nta.live import LiveAnalysis, LiveSettings, Snapshot
from nta.spots import Spots

PREVIEW = LiveSettings(repeats=50, busy_share=0.15, backlog_bytes=32 << 20)
"""Of a preview: it may be rougher than a recording, and must not lag behind."""

_ANEW_S = 30.0
_NOT_YET = frozenset({"enough_tracks"})  # findings that a preview of seconds would always have

Begin = Callable[[Callable[[Spots], None]], LiveAnalysis]
"""Begins a live analysis, which tells its spots."""


class Preview:
    """Shows frames to one live analysis after the other; between two, what the one before said still stands.

    Parameters
    ----------
    begin
        Begins one.
    found
        Is told the spots, and the index of the frame that they count as 0.
    """

    def __init__(self, begin: Begin, found: Callable[[Spots, int], None]) -> None:
        self._begin, self._found = begin, found
        self._live: LiveAnalysis | None = None
        self._first: Frame | None = None
        self._before = Snapshot()
        self._ending: threading.Thread | None = None
        self._forget = False

    def push(self, frame: Frame) -> None:
        """Take the next frame; never waits for the analysis."""
        if self._forget:
            self._forget = False
            self.close()
            self._before = Snapshot(frames_lost=self._before.frames_lost)
        if self._live is None or self._first is None or frame.time_s - self._first.time_s > _ANEW_S:
            self._begin_anew(frame)
        assert self._live is not None
        assert self._first is not None
        shifted = frame.index - self._first.index, frame.time_s - self._first.time_s
        self._live.push(replace(frame, index=shifted[0], time_s=shifted[1]))

    def forget(self) -> None:
        """Begin anew with the next frame: what was learned of the light so far holds no more."""
        self._forget = True

    def telemetry(self, name: str, value: float) -> None:
        """Take a reading of the instrument."""
        if self._live is not None:
            self._live.telemetry(name, value)

    def snapshot(self) -> Snapshot:
        """Return what is known now; losses are counted since the preview began."""
        if self._live is None:
            return self._before
        now, before = self._live.snapshot(), self._before
        sizing = now.sizing
        if sizing is not None:
            sizing = replace(sizing, findings=tuple(f for f in sizing.findings if f.name not in _NOT_YET))
        return replace(
            now,
            frames_lost=now.frames_lost + before.frames_lost,
            recent_spots=now.recent_spots or before.recent_spots,
            sizing=sizing or before.sizing,
            temperature_c=before.temperature_c if now.temperature_c is None else now.temperature_c,
        )

    def close(self) -> None:
        """End the analysis, in a thread of its own: a sizing under way takes a second, and frames are coming."""
        if self._live is not None:
            self.join()
            self._ending = threading.Thread(target=self._live.close, name="nta-preview-end", daemon=True)
            self._ending.start()
            self._live = None

    def join(self) -> None:
        """Wait for the end of what was closed."""
        if self._ending is not None:
            self._ending.join()

    def _begin_anew(self, frame: Frame) -> None:
        self._before = self.snapshot()
        self.close()
        index = frame.index
        self._first, self._live = frame, self._begin(lambda spots: self._found(spots, index))
