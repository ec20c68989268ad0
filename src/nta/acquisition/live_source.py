"""An acquiring instrument as a frame source, so that code that reads a recording can read a device."""

from __future__ import annotations

import math
import threading
import time
from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

from nta.acquisition.reader import FrameReader, ReaderSettings
from nta.devices import Instrument, Losses
from nta.errors import DeviceError
from nta.frames import CameraState, Frame, RecordingReport


@dataclass(frozen=True)
class Reading:
    """Measured values of an instrument's devices (temperature_c, laser_mw, ...) at a time of the host's clock."""

    host_time_ns: int
    values: Mapping[str, float]


class LiveSource:
    """A `FrameSource` over an instrument, which acquires while its frames are read.

    Entering opens the instrument if need be; `frames` starts it, and when they end `report` and `losses` are
    complete. Ends after `n_frames` or `duration_s`, when `stop` is set, or at a fault, which is then in `fault`:
    the frames up to it are good. The devices are read every `telemetry_s` in a separate thread: a slow answer
    does not delay any frame.
    """

    def __init__(
        self,
        instrument: Instrument,
        *,
        n_frames: int | None = None,
        duration_s: float | None = None,
        settings: ReaderSettings | None = None,
        telemetry_s: float = 1.0,
        metadata: Mapping[str, Any] | None = None,
        stop: threading.Event | None = None,
    ) -> None:
        self._instrument = instrument
        self._ends = {"n_frames": n_frames, "duration_s": duration_s}
        self._settings = settings
        self._reader: FrameReader | None = None
        self._telemetry = _Telemetry(instrument, telemetry_s)
        self._said = dict(metadata or {})
        self._camera: CameraState | None = None
        self._stop = stop or threading.Event()

    @property
    def name(self) -> str:
        """Name of the instrument."""
        return self._instrument.name

    @property
    def camera(self) -> CameraState:
        """Settings of the camera."""
        if self._camera is None:
            self._camera = self._instrument.camera.state()
        return self._camera

    @property
    def fault(self) -> DeviceError | None:
        """Fault that ended the acquisition early, else None."""
        return self._reader.fault if self._reader else None

    @property
    def losses(self) -> Losses:
        """Counts of frames delivered and lost so far."""
        return self._reader.losses if self._reader else Losses()

    @property
    def reached_end(self) -> bool:
        """Whether the requested number of frames, or time, was reached."""
        return self._reader is not None and self._reader.reached_end

    @property
    def waiting(self) -> int:
        """Number of frames that wait in the queue."""
        return self._reader.waiting if self._reader else 0

    @property
    def metadata(self) -> dict[str, Any]:
        """Settings of all devices, stated values, and the temperature measured so far."""
        key = "temperature_c"
        log = [reading.values[key] for reading in self._telemetry.log if key in reading.values]
        measured = {key: sum(log) / len(log), "temperature_log_c": log} if log else {}
        return {
            "instrument": self._instrument.name,
            "camera_settings": self._instrument.camera.settings(),
            **self._said,
            **measured,
        }

    @property
    def report(self) -> RecordingReport:
        """Report of the frames found, with the places where frames were lost."""
        losses = self.losses
        notes = [str(losses)] if losses.lost or losses.resent else []
        if self._reader:
            notes += self._reader.notes
        notes += self._telemetry.notes
        if self.fault:
            notes.append(f"ended by a fault: {self.fault}")
        return RecordingReport(
            claimed_frames=self._ends["n_frames"] if isinstance(self._ends["n_frames"], int) else None,
            found_frames=losses.delivered,
            damaged_frames=losses.incomplete,
            lost_frames=losses.lost - losses.incomplete,
            truncated=self.fault is not None,
            notes=tuple(notes),
        )

    def frames(self) -> Iterator[Frame]:
        """Acquire, and yield every frame once."""
        self._reader = FrameReader(
            self._instrument.camera,
            self._settings,
            knobs=self._instrument.knobs(),
            stop=self._stop,
            **self._ends,  # type: ignore[arg-type]
        )
        if self._stop.is_set():  # it may have been set while the camera was asked for its settings
            return
        self._reader.start()
        self._telemetry.start()
        try:
            yield from self._reader.frames()
        finally:
            self.close()

    def readings(self) -> list[Reading]:
        """Return the readings of the devices since the last call."""
        return self._telemetry.take()

    def stop(self) -> None:
        """Request the end; `frames` yields the frames already read and then ends. Safe in a signal handler."""
        self._stop.set()

    def close(self) -> None:
        """End the acquisition and its threads; the instrument stays open."""
        if self._reader is not None:
            self._reader.stop()
        self._telemetry.stop()

    def __enter__(self) -> Self:
        self._instrument.open()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
        self._instrument.close()


class _Telemetry:
    """Reads every device of an instrument at an interval."""

    def __init__(self, instrument: Instrument, interval_s: float) -> None:
        self.log: list[Reading] = []
        self._knobs = instrument.knobs()
        self._interval_s = interval_s
        self._fresh: deque[Reading] = deque()
        self._done = threading.Event()
        self._thread: threading.Thread | None = None
        self._failures: dict[str, tuple[int, str]] = {}  # by name: number of failures, and the last message

    @property
    def notes(self) -> list[str]:
        """Return notes on values that could not be read."""
        return [
            f"{name} could not be read {count} time(s): {words}"
            for name, (count, words) in self._failures.items()
        ]

    def start(self) -> None:
        if self._knobs and self._thread is None:
            self._done.clear()
            self._thread = threading.Thread(target=self._run, name="nta-telemetry", daemon=True)
            self._thread.start()

    def stop(self) -> None:
        self._done.set()
        if self._thread is not None:
            self._thread.join(timeout=5.0)
            self._thread = None

    def take(self) -> list[Reading]:
        return [self._fresh.popleft() for _ in range(len(self._fresh))]

    def _run(self) -> None:
        while True:
            self._read()
            if self._done.wait(self._interval_s):
                return

    def _read(self) -> None:
        values, now = {}, time.monotonic_ns()
        for name, knob in self._knobs.items():
            try:
                value = float(knob.get())
                if not math.isfinite(value):
                    raise DeviceError(f"it says {value}")
                values[name] = value
            except (
                Exception
            ) as error:  # also for a bug of a driver: a missing reading is not a fault, only a note
                words = str(error) if isinstance(error, DeviceError) else f"{type(error).__name__}: {error}"
                self._failures[name] = self._failures.get(name, (0, ""))[0] + 1, words
        if values:
            reading = Reading(now, values)
            self.log.append(reading)
            self._fresh.append(reading)
