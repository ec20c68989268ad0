"""The frames of the instrument: a thread reads the camera into a ring and accounts for each frame."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from nta.devices import Camera, EndOfFrames
from nta.errors import DeviceError, DeviceTimeout
from nta.frames import Frame
from nta_drivers.serial_nta.message import Flags

_POLL_S = 0.2


@dataclass(slots=True, eq=False)
class Slot:
    """A kept frame, the values measured with it, and the number of frames that the camera missed before it."""

    frame: Frame
    measured: dict[str, Any]
    missing_before: int
    sent: bool = False


class FrameRing:
    """Keeps the newest frames of an acquisition until they are acknowledged."""

    def __init__(self, camera: Camera, measure: Callable[[], dict[str, Any]], on_frame: Callable[[], None]):
        self.capacity = 64
        self.run = 0
        self.began_ns = 0  # start of this run by the instrument's clock, which never goes back
        self.flags = Flags(0)
        self.fault = ""
        self._camera, self._measure, self._on_frame = camera, measure, on_frame
        self._slots: deque[Slot] = deque()
        self._newest: Slot | None = None
        self._overwritten = 0
        self._changed = threading.Condition()
        self._thread: threading.Thread | None = None

    def __len__(self) -> int:
        return len(self._slots)

    def start(self, n_frames: int | None = None) -> None:
        """Start the camera and keep its frames, from 0."""
        self.stop()
        if Flags.FAULT in self.flags:  # a device that failed has to be reopened
            self._camera.close()
            self._camera.open()
        self._camera.start(n_frames)
        self.began_ns = time.monotonic_ns()
        self.run += 1
        self.flags, self.fault = Flags.ACQUIRING, ""
        self._overwritten, self._newest = 0, None
        self._thread = threading.Thread(target=self._read, name="nta-instrument-camera", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """End the acquisition and discard its frames."""
        with self._changed:  # the thread may be reporting the end
            self.flags &= ~Flags.ACQUIRING
        if self._thread is not None:
            self._thread.join()
            self._thread = None
        self._slots.clear()

    def after(self, sequence: int) -> tuple[Slot, int] | None:
        """Return the oldest frame after this one, and the number dropped before it; older frames count as acknowledged."""
        with self._changed:
            while self._slots and self._slots[0].frame.index <= sequence:
                self._slots.popleft()
            if not self._slots:
                return None
            slot = self._slots[0]
            slot.sent = True
            return slot, slot.missing_before + self._overwritten

    def newest(self, timeout_s: float) -> Frame | None:
        """Return the newest frame of this run; None if none came in time."""
        with self._changed:
            self._changed.wait_for(
                lambda: self._newest is not None or not self.flags & Flags.ACQUIRING, timeout_s
            )
            return self._newest.frame if self._newest else None

    def _read(self) -> None:
        """Keep frames until the end, which is reported only after the camera has stopped and is available again."""
        flag, fault = Flags(0), ""
        try:
            self._keep_frames()
        except EndOfFrames:
            flag = Flags.END
        except Exception as error:
            flag, fault = Flags.FAULT, _said(error)
        try:
            self._camera.stop()
        except Exception as error:
            flag, fault = flag | Flags.FAULT, fault or _said(error)
        self._end(flag, fault)

    def _keep_frames(self) -> None:
        missing, expected = 0, 0
        while Flags.ACQUIRING in self.flags:
            try:
                frame = self._camera.read(_POLL_S)
            except DeviceTimeout:
                continue
            missing += frame.index - expected
            expected = frame.index + 1
            self._keep(Slot(frame, self._measure(), missing))

    def _end(self, flag: Flags, fault: str) -> None:
        with self._changed:
            self.flags = self.flags & ~Flags.ACQUIRING | flag
            self.fault = fault
            self._changed.notify_all()
        self._on_frame()

    def _keep(self, slot: Slot) -> None:
        with self._changed:
            while len(self._slots) >= self.capacity:
                self._overwritten += not self._slots.popleft().sent
            self._slots.append(slot)
            self._newest = slot
            self._changed.notify_all()
        self._on_frame()


def _said(error: Exception) -> str:
    """Return the message of a device error, or the type of an unexpected error."""
    return str(error) if isinstance(error, DeviceError) else f"{type(error).__name__}: {error}"
