"""Record every frame of an instrument into a writer, and end cleanly in every case."""

from __future__ import annotations

import errno
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import FrameType
from typing import Any, Literal, Protocol

from nta.acquisition.live_source import LiveSource, Reading
from nta.acquisition.reader import ReaderSettings
from nta.devices import Instrument, Losses
from nta.errors import DeviceError, RecordingError, SettingError, in_words
from nta.frames import Frame, RecordingReport
from nta.progress import Progress

_UNWRITTEN = (OSError, RuntimeError)  # the HDF5 library reports a full disk by either
_NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
_ENDING = (signal.SIGINT, signal.SIGTERM, *([signal.SIGHUP] if hasattr(signal, "SIGHUP") else []))


_WORTH_A_WORD = 0.02  # relative difference between the frame rate that was set and that at which frames came
_ENOUGH_FRAMES = 10  # from which their rate can be told


class FrameWriter(Protocol):
    """Writer of a recording, such as `nta.io.recordings.RecordingWriter`."""

    def write(self, frame: Frame) -> None:
        """Append a frame."""
        ...

    def telemetry(self, name: str, value: float, host_time_ns: int | None = None) -> None:
        """Append a value measured by a device (temperature_c, ...)."""
        ...

    def close(self, report: RecordingReport | None = None, ended_by: str | None = None) -> bool:
        """Finish the file, and return whether all that was written is in it.

        report : frames and losses. ended_by : reason of an early end.
        """
        ...


@dataclass(frozen=True, kw_only=True)
class Recorded:
    """How a recording ended.

    ended_by : "request" if it has the requested length, "device" if a playing device had no more frames, "signal" for
        Ctrl-C, SIGTERM, a closed terminal or `stop`, "fault" if the device failed (see `fault`; the
        frames up to it are kept).
    stopped : whether a signal or `stop` asked for the end, also while a device that had failed was opened again.
    terminated : whether that was SIGTERM or a closed terminal, after which nobody waits for anything more.
    set_hz, reached_hz : the frame rate that the camera was set to, and the one its frames came at.
    """

    n_frames: int
    losses: Losses
    report: RecordingReport
    metadata: dict[str, Any]
    set_hz: float | None
    reached_hz: float | None
    ended_by: Literal["request", "device", "signal", "fault"]
    stopped: bool = False
    terminated: bool = False
    fault: DeviceError | None = None

    @property
    def pace(self) -> str:
        """Say the frame rate, and what it was set to where that is another; empty where it is not known."""
        if self.reached_hz is None:
            return ""
        words = f"{self.reached_hz:.4g} Hz"
        apart = self.set_hz is not None and abs(self.reached_hz / self.set_hz - 1) >= _WORTH_A_WORD
        return f"{words}, set to {self.set_hz:g} Hz" if apart else words

    @property
    def shortfall(self) -> str:
        """Reason why it is shorter than requested; empty if only the user ended it."""
        if self.ended_by == "fault":
            kept = (
                f"the {self.n_frames} frames up to it are kept" if self.n_frames else "no frame came before"
            )
            return f"the device failed: {self.fault}; {kept}"
        if self.ended_by == "device":
            return f"the device had no more frames after {self.n_frames}; the recording is shorter than was asked for"
        return ""


def record(
    instrument: Instrument,
    writer: FrameWriter,
    *,
    n_frames: int | None = None,
    duration_s: float | None = None,
    progress: Progress | None = None,
    settings: ReaderSettings | None = None,
    stop: threading.Event | None = None,
    on_frame: Callable[[Frame], None] | None = None,
    on_reading: Callable[[str, float], None] | None = None,
) -> Recorded:
    """Record from an open instrument until the requested length, a signal, `stop` or a fault; close the writer.

    No frame that reached this computer is dropped for the file: the reader waits when the disk is slow, and
    frames that the camera loses meanwhile are counted. Ctrl-C, SIGTERM and SIGHUP set `stop`, which ends the recording as
    planned; a second Ctrl-C interrupts. `on_frame` is called with each written frame, `on_reading` with
    name and value of each reading (for the live analysis).

    Raises
    ------
    SettingError
        Neither or both of `n_frames` and `duration_s`, without a `stop`.
    RecordingError
        The file cannot be written (disk full, permission); the message says how many frames are in it.
    """
    _check_length(n_frames, duration_s, stop)
    stop = stop or threading.Event()
    source = LiveSource(instrument, n_frames=n_frames, duration_s=duration_s, settings=settings, stop=stop)
    written = 0
    first: Frame | None = None
    last: Frame | None = None
    with _set_by_signals(stop) as received:
        try:
            for frame in source.frames():
                with _failing_to_write():
                    writer.write(frame)
                first, last = first or frame, frame
                if on_frame is not None:
                    on_frame(frame)
                _write_readings(writer, source.readings(), on_reading)
                written += 1
                if progress is not None:
                    progress(written)
            _write_readings(writer, source.readings(), on_reading)
            _finish(writer, source, written)
        except BaseException as error:
            source.close()
            if isinstance(error, _UnwrittenError):
                in_order = _abandon(writer, str(error))
                raise _unwritable(error.why, written, in_order=in_order) from error.why
            _abandon(writer, f"{type(error).__name__}: {error}")
            raise
    return Recorded(
        n_frames=written,
        losses=source.losses,
        report=source.report,
        metadata=source.metadata,
        set_hz=source.camera.frame_rate_hz,
        reached_hz=_rate_between(first, last),
        ended_by=_cause(source, stop.is_set(), written, n_frames, duration_s),
        stopped=stop.is_set(),
        terminated=any(number != signal.SIGINT for number in received),
        fault=source.fault,
    )


def _rate_between(first: Frame | None, last: Frame | None) -> float | None:
    """Return the frame rate by number and time of two frames; None where they are too close."""
    if first is None or last is None or last.index - first.index < _ENOUGH_FRAMES:
        return None
    time_s = last.time_s - first.time_s
    return (last.index - first.index) / time_s if time_s > 0 else None


def _check_length(n_frames: int | None, duration_s: float | None, stop: threading.Event | None) -> None:
    if n_frames is not None and duration_s is not None:
        raise SettingError("give n_frames or duration_s, not both")
    if n_frames is None and duration_s is None and stop is None:
        raise SettingError("say how long to record: n_frames or duration_s")
    for name, value in (("n_frames", n_frames), ("duration_s", duration_s)):
        if value is not None and not value > 0:
            raise SettingError(f"{name} must be > 0, got {value}")


def _write_readings(
    writer: FrameWriter,
    readings: list[Reading],
    on_reading: Callable[[str, float], None] | None,
) -> None:
    for reading in readings:
        for name, value in reading.values.items():
            with _failing_to_write():
                writer.telemetry(name, value, reading.host_time_ns)
            if on_reading is not None:
                on_reading(name, value)


def _finish(writer: FrameWriter, source: LiveSource, written: int) -> None:
    report = source.report
    try:
        writer.close(report if report.notes else None, None if source.fault is None else str(source.fault))
    except _UNWRITTEN as error:
        raise _unwritable(error, written, in_order=False) from error


def _abandon(writer: FrameWriter, why: str) -> bool:
    """Close a file that cannot be written any more; return whether that was in order, with all that came before."""
    try:
        return writer.close(None, why)
    except _UNWRITTEN:
        return False  # what was flushed before is in it


class _UnwrittenError(Exception):
    """A write failed; what is in the file is known when it is closed."""

    def __init__(self, why: OSError | RuntimeError) -> None:
        super().__init__(f"the file cannot be written any more ({why})")
        self.why = why


@contextmanager
def _failing_to_write() -> Iterator[None]:
    try:
        yield
    except _UNWRITTEN as error:
        raise _UnwrittenError(error) from error


def _unwritable(error: OSError | RuntimeError, written: int, *, in_order: bool) -> RecordingError:
    words, remedy = str(error), ": make room and record again"
    if isinstance(error, OSError):
        words, remedy = in_words(error), remedy if error.errno in _NO_ROOM else ""
    kept = "no frame was written"
    if written:
        left = " and are kept" if in_order else ", of which the last second may be missing"
        kept = f"{written} frames were written before{left}"
    return RecordingError(f"the file cannot be written any more ({words}); {kept}{remedy}")


def _cause(
    source: LiveSource, stopped: bool, written: int, n_frames: int | None, duration_s: float | None
) -> Literal["request", "device", "signal", "fault"]:
    if source.fault is not None:
        return "fault"
    if stopped:
        return "signal"
    if n_frames is not None:
        return "request" if written >= n_frames else "device"
    return "request" if duration_s is not None and source.reached_end else "device"


@contextmanager
def _set_by_signals(stop: threading.Event) -> Iterator[list[int]]:
    """Let the first signal of `_ENDING` set `stop`; then restore the previous handlers. Yield what was received."""
    received: list[int] = []
    if threading.current_thread() is not threading.main_thread():
        yield received  # only the main thread may set handlers; other callers use `stop`
        return
    before: dict[signal.Signals, Any] = {}

    def restore() -> None:
        while before:
            number, handler = before.popitem()
            signal.signal(number, handler)

    def on_signal(number: int, _stack: FrameType | None) -> None:
        received.append(number)
        stop.set()
        restore()  # a second Ctrl-C interrupts

    for number in _ENDING:
        # nohup ignores SIGHUP on purpose
        if number == signal.SIGINT or signal.getsignal(number) is not signal.SIG_IGN:
            before[number] = signal.signal(number, on_signal)
    try:
        yield received
    finally:
        restore()
