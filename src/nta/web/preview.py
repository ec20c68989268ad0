"""Live analysis of a preview, which is restarted from time to time so that it describes the present."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import replace

from nta.assessment import FindingName
from nta.errors import NtaError, in_words
from nta.frames import Frame
from nta.live import LiveAnalysis, LiveSettings, Snapshot
from nta.spots import Spots

PREVIEW = LiveSettings(repeats=50, busy_share=0.15, backlog_bytes=32 << 20, corrected=False)
"""Settings of a preview, which shows no sizes, only findings: it may be coarser than a recording but must not lag behind."""

_ANEW_S = 30.0
_NOT_YET: FindingName = "enough_tracks"  # a short preview would always have it

Begin = Callable[[Callable[[Spots], None]], LiveAnalysis]
"""Begins a live analysis that passes its spots to the given function."""


class Preview:
    """Passes frames to one live analysis after another; in between, the last snapshot stays.

    Parameters
    ----------
    begin
        Begins a live analysis.
    found
        Called with the spots, and the index of the frame that they count as 0.

    lacking : input that the analysis lacks, in words; empty if there is an analysis.
    """

    def __init__(self, begin: Begin, found: Callable[[Spots, int], None]) -> None:
        self.lacking = ""
        self._begin, self._found = begin, found
        self._live: LiveAnalysis | None = None
        self._first: Frame | None = None
        self._before = Snapshot()
        self._ending: threading.Thread | None = None
        self._forget = False

    def push(self, frame: Frame) -> None:
        """Take the next frame; never waits for the analysis."""
        if self.lacking:
            return
        if self._forget:
            self._forget = False
            self.close()
            self._before = Snapshot(frames_lost=self._before.frames_lost)
        if self._live is None or self._first is None or frame.time_s - self._first.time_s > _ANEW_S:
            try:
                self._begin_anew(frame)
            except NtaError as error:
                self.lacking = in_words(error)
                return
        assert self._live is not None
        assert self._first is not None
        shifted = frame.index - self._first.index, frame.time_s - self._first.time_s
        self._live.push(replace(frame, index=shifted[0], time_s=shifted[1]))

    def forget(self) -> None:
        """Restart with the next frame, because the light has changed."""
        self._forget = True

    def telemetry(self, name: str, value: float) -> None:
        """Take a reading of the instrument."""
        if self._live is not None:
            self._live.telemetry(name, value)

    def snapshot(self) -> Snapshot:
        """Return the present state; losses are counted since the preview began."""
        if self._live is None:
            return self._before
        now, before = self._live.snapshot(), self._before
        sizing = now.sizing
        if sizing is not None:
            found = sizing.assessment
            asked = tuple(finding for finding in found.findings if finding.name != _NOT_YET)
            sizing = replace(sizing, assessment=replace(found, findings=asked))
        return replace(
            now,
            frames_lost=now.frames_lost + before.frames_lost,
            recent_spots=now.recent_spots or before.recent_spots,
            spot_width_px=now.spot_width_px or before.spot_width_px,
            sizing=sizing or before.sizing,
            temperature_c=before.temperature_c if now.temperature_c is None else now.temperature_c,
        )

    def close(self) -> None:
        """End the analysis in a separate thread: a running inference takes a second, while frames keep coming."""
        if self._live is not None:
            self.join()
            self._ending = threading.Thread(target=self._live.close, name="nta-preview-end", daemon=True)
            self._ending.start()
            self._live = None

    def join(self) -> None:
        """Wait until the closed analysis has ended."""
        if self._ending is not None:
            self._ending.join()

    def _begin_anew(self, frame: Frame) -> None:
        self._before = self.snapshot()
        self.close()
        index = frame.index
        self._live = self._begin(lambda spots: self._found(spots, index))
        self._first = frame
