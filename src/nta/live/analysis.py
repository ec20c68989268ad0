"""`LiveAnalysis`: analyses frames as they arrive; its tracks equal those of the recording, its sizes sharpen."""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from types import TracebackType
from typing import Any, Self

import numpy as np

from nta.calibration import InstrumentProfile, SampleConditions
from nta.circumstances import Circumstances, refuse_missing
from nta.errors import LiveAnalysisError, in_words, is_foreseen
from nta.frames import CameraState, Frame, RecordingReport
from nta.live.backlog import Backlog
from nta.live.detection import DetectionSoFar
from nta.live.priority import give_way
from nta.live.settings import LiveSettings
from nta.live.sizing import Sizing, size_so_far
from nta.live.snapshot import D50Point, Snapshot
from nta.live.stamps import Stamps
from nta.settings import AnalysisSettings
from nta.spots import PRIME_FRAMES, SpotDetector, Spots
from nta.tracks import TrackLinker, Tracks

_BATCH = 8  # smallest number of frames searched together: each batch costs a table, and 8 frames last a quarter of a second
_MOST = 64  # largest number of frames searched together, so that tracks and view move on while a backlog is worked off
_RECENT = 120  # frames whose spots and arrival times a snapshot shows
_WIDTHS = 200  # spots whose width a snapshot shows: the median of fewer jumps, and more follow the focus late
_FEWEST_WIDTHS = 20
_LOG = logging.getLogger(__name__)
_IN_A_ROW = 2  # consecutive sizings that must reach the target, as an interval is only known to a tenth


class LiveAnalysis:
    """Analyses a recording while it grows; a context manager that ends its threads.

    `push` takes a frame and returns at once: a thread searches and links them as `nta.pipeline.find_tracks` does, and
    another sizes the tracks from time to time. Nothing here waits for the analysis but `finish`. Spots and tracks are those
    that `nta analyze` finds in the recording, number by number, unless frames had to be shed (`Snapshot.frames_shed`).

    Parameters
    ----------
    camera
        Camera state as the recording states it.
    conditions
        Sample conditions; if they state no temperature, the mean of the `telemetry` is used, as for a recording.
    profile, settings
        As for `nta.analyze`.
    live
        Settings of the live analysis; None: defaults.
    found
        Called with the spots of every batch of frames as soon as they are searched, in the thread that searches.

    Raises
    ------
    MissingInputError
        Pixel size or frame rate is not stated anywhere.
    """

    def __init__(
        self,
        camera: CameraState,
        conditions: SampleConditions,
        profile: InstrumentProfile | None = None,
        settings: AnalysisSettings | None = None,
        live: LiveSettings | None = None,
        *,
        found: Callable[[Spots], None] | None = None,
    ) -> None:
        self._stated = stated = Circumstances.completed(camera, conditions, profile)
        refuse_missing(stated.camera)  # before the sample is used up
        self._settings = settings or AnalysisSettings()
        self._live = live or LiveSettings()
        self._found = found
        self._detector = SpotDetector(self._settings.detection, stated.camera)
        self._linker = TrackLinker(self._settings.linking)
        self._detection = DetectionSoFar(self._detector, self._settings.visibility, stated)
        self._backlog = Backlog(max(4 * PRIME_FRAMES, self._live.backlog_bytes // camera.frame_bytes))
        self._lock = threading.Lock()
        self._error: Exception | None = None
        self._seen = Snapshot(
            set_hz=camera.frame_rate_hz,
            target=self._live.until_d50_within,
            width_in_focus_px=None if stated.profile is None else stated.profile.spot_width_px,
        )
        self._arrived: deque[int] = deque(maxlen=_RECENT)  # host time, ns
        self._widths = np.empty(0, np.float32)
        self._stamps = Stamps()
        self._first_time_s: float | None = None
        self._last_index = -1
        self._pushed_s: float | None = None
        self._temperatures: list[float] = []
        self._in_a_row = 0
        self._sizer = ThreadPoolExecutor(1, thread_name_prefix="nta-live-sizes", initializer=give_way)
        self._sizing: Future[None] | None = None
        self._due_s = 0.0
        self._searcher = threading.Thread(target=self._run, name="nta-live", daemon=True)
        self._searcher.start()

    def push(self, frame: Frame) -> None:
        """Take the next frame of the recording; never waits for the analysis."""
        with self._lock:
            if self._first_time_s is None:
                self._first_time_s = frame.time_s
            self._stamps.add(frame)
            self._pushed_s = time.monotonic()
            self._arrived.append(time.monotonic_ns() if frame.host_time_ns is None else frame.host_time_ns)
            seen = self._seen
            self._seen = replace(
                seen,
                elapsed_s=frame.time_s - self._first_time_s,
                frames=seen.frames + 1,
                frames_lost=seen.frames_lost + frame.index - self._last_index - 1,
            )
            self._last_index = frame.index
            if self._error is None and not self._backlog.put(frame):
                self._seen = replace(self._seen, frames_shed=self._seen.frames_shed + 1)

    def telemetry(self, name: str, value: float) -> None:
        """Take a reading of the instrument; sizes use the mean of `temperature_c`."""
        if name == "temperature_c":
            with self._lock:
                self._temperatures.append(value)
                self._seen = replace(self._seen, temperature_c=value)

    def snapshot(self) -> Snapshot:
        """Return the current state of the analysis."""
        with self._lock:
            stamps = self._arrived
            span_s = (stamps[-1] - stamps[0]) * 1e-9 if len(stamps) > 1 else 0.0
            return replace(
                self._seen,
                silent_s=0.0 if self._pushed_s is None else time.monotonic() - self._pushed_s,
                frames_waiting=len(self._backlog),
                frame_rate_hz=(len(stamps) - 1) / span_s if span_s > 0 else None,
            )

    @property
    def enough(self) -> bool:
        """Whether D50 has reached the precision that was asked for."""
        return self._seen.enough

    def finish(self) -> tuple[Spots, Tracks]:
        """Search the remaining frames, size once more as `nta analyze` does, and return spots and tracks.

        Raises
        ------
        RecordingError
            There were no frames.
        LiveAnalysisError
            The live analysis failed, before or in the last sizing; the recording is not affected.
        """
        with self._lock:
            self._pushed_s = None  # no more frames are waited for
            self._seen = replace(self._seen, finishing=True)
        try:
            self._backlog.end()
            self._searcher.join()
            self._raise_fault()
            if not self._seen.frames:
                self._detector.prime([])  # raises the error for no frames
            with self._failing():
                tracks = self._linker.finish()
                self._size(tracks, last=True)
            self._raise_fault()
            return self._linker.spots, tracks
        finally:
            with self._lock:
                self._seen = replace(self._seen, finishing=False)

    def close(self) -> None:
        """End the threads; frames that still wait are not searched."""
        self._backlog.clear()
        self._backlog.end()
        self._searcher.join()
        self._sizer.shutdown(wait=True, cancel_futures=True)
        self._detector.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @contextmanager
    def _failing(self) -> Iterator[None]:
        """End the live analysis, not the recording, by an error in the block: `snapshot` shows it, `finish` raises it."""
        try:
            yield
        except Exception as error:
            # a foreseen error says enough in words
            level = logging.INFO if is_foreseen(error) else logging.ERROR
            _LOG.log(level, "the live analysis failed; the recording goes on", exc_info=error)
            with self._lock:
                self._error = self._error or error
                self._seen = replace(self._seen, fault=in_words(self._error))
                self._backlog.clear()

    def _raise_fault(self) -> None:
        if self._error is not None:
            raise LiveAnalysisError(
                f"the live analysis failed: {self._seen.fault}; analyse the recording instead"
            ) from self._error

    def _run(self) -> None:
        give_way()  # before the detector starts its threads
        with self._failing():
            if head := self._backlog.take(PRIME_FRAMES, PRIME_FRAMES):
                self._detector.prime(head)
                self._search(head)
            while frames := self._backlog.take(_BATCH, _MOST):
                self._search(frames)
                self._size_if_due()

    def _search(self, frames: list[Frame]) -> None:
        for frame in frames:
            if self._live.corrected:
                self._detection.take(frame)
        spots = self._detector.detect(frames)
        self._linker.push(spots)
        if self._found is not None:
            self._found(spots)
        first, last = frames[0].index, frames[-1].index
        counts = np.bincount(spots.frame - first, minlength=last - first + 1)
        found = tuple(counts[[frame.index - first for frame in frames]].tolist())
        self._widths = np.concatenate((self._widths, spots.width_px))[-_WIDTHS:]
        with self._lock:
            self._seen = replace(
                self._seen,
                recent_spots=(*self._seen.recent_spots, *found)[-_RECENT:],
                spot_width_px=None if self._widths.size < _FEWEST_WIDTHS else float(np.median(self._widths)),
            )

    def _size_if_due(self) -> None:
        if time.monotonic() >= self._due_s and (self._sizing is None or self._sizing.done()):
            self._size(self._linker.snapshot())

    def _size(self, tracks: Tracks, *, last: bool = False) -> None:
        """Submit the tracks so far for sizing; the `last` are sized here, where nothing is waited for any more."""
        circumstances, report, metadata = self._known_so_far()
        if circumstances.conditions.temperature_c is None:
            return  # no temperature was measured yet
        words = self._linker.spots, tracks, circumstances, report, metadata, last
        if last:
            if self._sizing is not None:
                self._sizing.result()
            self._infer(*words)
        else:
            self._sizing = self._sizer.submit(self._infer, *words)

    def _known_so_far(self) -> tuple[Circumstances, RecordingReport, Mapping[str, Any]]:
        """Return the circumstances with values measured so far, and report and metadata of the recording so far."""
        with self._lock:
            log, seen = list(self._temperatures), self._seen
            camera = self._stamps.in_time(self._stated.camera)
        conditions = self._stated.conditions
        if conditions.temperature_c is None and log:
            conditions = replace(conditions, temperature_c=float(np.mean(log)))
        report = RecordingReport(found_frames=seen.frames, lost_frames=seen.frames_lost)
        metadata = {"temperature_log_c": log} if log else {}
        return replace(self._stated, camera=camera, conditions=conditions), report, metadata

    def _infer(
        self,
        spots: Spots,
        tracks: Tracks,
        circumstances: Circumstances,
        report: RecordingReport,
        metadata: Mapping[str, Any],
        last: bool,
    ) -> None:
        began = time.thread_time()
        with self._failing():
            if self._live.corrected:
                self._detection.measure(tracks, anew=last)
            sizing = size_so_far(
                spots,
                tracks,
                circumstances,
                self._settings,
                self._live,
                report=report,
                metadata=metadata,
                detection=self._detection if self._live.corrected else None,
            )
            took = time.thread_time() - began
            pause = took * (1 / self._live.busy_share - 1)
            self._due_s = time.monotonic() + max(self._live.least_interval_s, pause)
            self._show(sizing)

    def _show(self, sizing: Sizing) -> None:
        target, within = self._live.until_d50_within, sizing.d50_within
        reached = target is not None and within is not None and within <= target
        self._in_a_row = self._in_a_row + 1 if reached else 0
        with self._lock:
            history = self._seen.history
            if sizing.d50.value is not None:
                history = (*history, D50Point(at_s=sizing.at_s, d50=sizing.d50_statistical))
            enough = self._seen.enough or self._in_a_row >= _IN_A_ROW
            self._seen = replace(self._seen, sizing=sizing, history=history, enough=enough)
