"""A camera whose frames are computed or read from a file, and returned when they are due."""

from __future__ import annotations

import math
import threading
import time
from abc import abstractmethod
from typing import Any

from nta.devices import Losses
from nta.errors import DeviceError, DeviceTimeout, SettingError
from nta.frames import Frame, Image
from nta.stated import is_number
from nta_drivers.acquiring import AcquiringCamera


class PacedCamera(AcquiringCamera):
    """Implements the rules of `nta.devices.Camera`; a driver implements which frame comes next and how it is made.

    speed : factor over real time; infinite for as fast as frames are read, without losses.
    buffer_frames : see `AcquiringCamera`.
    """

    def __init__(self, name: str, *, speed: float = 1.0, buffer_frames: int = 64) -> None:
        super().__init__(name, buffer_frames=buffer_frames)
        self._speed = checked_speed(speed)
        self._interrupted = threading.Event()
        self._began = 0.0
        self._overwritten = 0

    @abstractmethod
    def _next(self) -> tuple[int, float]:
        """Return index and time [s] of the next frame; raise `EndOfFrames` if there is none."""

    @abstractmethod
    def _take(self) -> tuple[Image, int | None]:
        """Return the image of the next frame and its device time [ns], and advance by one frame."""

    @abstractmethod
    def _skip(self) -> None:
        """Skip the next frame."""

    def _end(self) -> None:
        """Release what `_begin` opened."""

    def configure(self, **settings: Any) -> dict[str, Any]:
        """Set the given values and return all present settings; the speed may change during an acquisition."""
        speed = checked_speed(settings.pop("speed", self._speed))
        super().configure(**settings)
        self._change_speed(speed)
        return self.settings()

    def start(self, n_frames: int | None = None) -> None:
        """Begin to acquire."""
        super().start(n_frames)
        self._interrupted.clear()
        self._overwritten = 0
        self._began = time.monotonic()

    def read(self, timeout_s: float = 1.0) -> Frame:
        """Return the next frame."""
        deadline = time.monotonic() + timeout_s
        self._check_more_to_read()
        self._skip_overwritten()
        index, time_s = self._upcoming()
        self._wait(time_s, deadline, timeout_s)
        return self._frame(index, time_s)

    def stop(self) -> Losses:
        """End the acquisition and return the counts of its frames; zero if none was running."""
        if not self._acquiring:
            return Losses()
        self._acquiring = False
        self._interrupted.set()
        self._end()
        return self._losses()

    def _losses(self) -> Losses:
        return Losses(delivered=self._delivered, lost_host=self._overwritten)

    def _frame(self, index: int, time_s: float) -> Frame:
        before = time.monotonic()
        image, device_time_ns = self._take()
        self._wait_for_the_making(before, time_s)
        self._delivered += 1
        return Frame(image, index, time_s, host_time_ns=time.monotonic_ns(), device_time_ns=device_time_ns)

    def _upcoming(self) -> tuple[int, float]:
        before = time.monotonic()
        index, time_s = self._next()  # it may have to read a file for it
        self._wait_for_the_making(before, time_s)
        return index, time_s

    def _wait_for_the_making(self, before: float, time_s: float) -> None:
        """Let the clock wait where making the frame of `time_s` took too long: that delay is not the reader's."""
        if math.isfinite(self._speed):
            now = time.monotonic()
            self._began += min(max(now - self._due(time_s), 0.0), now - before)

    def _due(self, time_s: float) -> float:
        return self._began + time_s / self._speed

    def _wait(self, time_s: float, deadline: float, timeout_s: float) -> None:
        due = self._due(time_s)
        if (left := min(due, deadline) - time.monotonic()) > 0:
            self._interrupted.wait(left)
        if not self._acquiring:
            raise DeviceError(f"{self._name} was stopped")
        if due > deadline:
            raise DeviceTimeout(f"{self._name}: no frame within {timeout_s:g} s")

    def _skip_overwritten(self) -> None:
        """Skip the frames that were overwritten while a slow reader was busy."""
        rate = self.state().frame_rate_hz
        if math.isinf(self._speed) or rate is None:
            return
        kept_s = self._buffer_frames / rate
        while self._upcoming()[1] < (time.monotonic() - self._began) * self._speed - kept_s:
            self._skip()
            self._overwritten += 1

    def _change_speed(self, speed: float) -> None:
        if self._acquiring and speed != self._speed:
            # the clock continues from the next frame
            self._began = time.monotonic() - self._next()[1] / speed
        self._speed = speed


def checked_speed(speed: Any) -> float:
    """Return the speed; refuse an impossible one."""
    if not is_number(speed) or not speed > 0:
        raise SettingError(f"speed must be > 0 (1 for life, inf for as fast as read), got {speed!r}")
    return float(speed)
