"""Time stamps of the frames so far, from which the live analysis takes the frame rate."""

from __future__ import annotations

from dataclasses import replace

from nta.clock import recorded_rate
from nta.frames import CameraState, Frame


class Stamps:
    """Index and time stamps of every frame, which give the frame rate as those of the recording do."""

    def __init__(self) -> None:
        self._index: list[int] = []
        self._device: list[int] | None = []  # None after a frame without time by this clock
        self._host: list[int] | None = []

    def add(self, frame: Frame) -> None:
        """Take the stamps of the next frame."""
        self._index.append(frame.index)
        self._device = _with(self._device, frame.device_time_ns)
        self._host = _with(self._host, frame.host_time_ns)

    def in_time(self, camera: CameraState) -> CameraState:
        """Return the camera with the frame rate that `nta analyze` would find for the recording."""
        clocks = (self._device or None, self._host or None)
        rate_hz, _ = recorded_rate(camera.frame_rate_hz, clocks, self._index, camera.exposure_s)
        return replace(camera, frame_rate_hz=rate_hz)


def _with(times: list[int] | None, time_ns: int | None) -> list[int] | None:
    if times is None or time_ns is None:
        return None
    times.append(time_ns)
    return times
