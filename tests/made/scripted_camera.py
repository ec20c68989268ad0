"""A camera that does what a test tells it to: the script is a list of indices, exceptions and pauses."""

import time

import numpy as np

from nta.devices import EndOfFrames, Losses, checked_settings
from nta.errors import DeviceLost, DeviceTimeout
from nta.frames import CameraState, Frame


class Pause(float):
    """Seconds without a frame."""


class ScriptedCamera:
    name = "scripted"

    def __init__(self, script, *, then_reopens=(), told=None, rate_hz=100.0):
        self._scripts = [list(script), *map(list, then_reopens)]
        self.told = told or Losses()
        self.calls = []
        self._settings = {"exposure_s": 0.005, "frame_rate_hz": rate_hz}
        self.gone_until = 0.0
        self.wanted = None

    def open(self):
        self.calls.append("open")
        if time.monotonic() < self.gone_until:
            raise DeviceLost("scripted: still gone")

    def close(self):
        self.calls.append("close")

    def settings(self):
        return dict(self._settings)

    def configure(self, **settings):
        checked_settings(settings, self._settings)
        self.calls.append("configure")
        self._settings.update(settings)
        return self.settings()

    def state(self):
        return CameraState(width_px=4, height_px=3, bit_depth=8, **self._settings)

    def start(self, n_frames=None):
        self.calls.append("start")
        self._script = iter(self._scripts.pop(0))

    def read(self, timeout_s=1.0):
        step = next(self._script, None)
        if step is None:
            raise EndOfFrames("scripted: the script is over")
        if isinstance(step, Pause):
            time.sleep(min(step, timeout_s))
            if step > timeout_s:
                self._script = iter([Pause(step - timeout_s), *self._script])
                raise DeviceTimeout("scripted: no frame")
            return self.read(timeout_s)
        if isinstance(step, Exception):
            raise step
        image = np.full((3, 4), step % 256, dtype=np.uint8)
        rate = self._settings["frame_rate_hz"]
        return Frame(image, step, step / rate, time.monotonic_ns(), round(step / rate * 1e9))

    def stop(self):
        self.calls.append("stop")
        told, self.told = self.told, Losses()
        return told


class ListWriter:
    """Keeps what a recording writer is given; can fail after some frames or be slow."""

    def __init__(self, *, fails_at=None, error=None, slow_s=0.0):
        self.frames, self.values, self.closed = [], [], None
        self._fails_at, self._error, self._slow_s = (
            fails_at,
            error or OSError(28, "No space left on device"),
            slow_s,
        )

    def write(self, frame):
        time.sleep(self._slow_s)
        if self._fails_at is not None and len(self.frames) >= self._fails_at:
            raise self._error
        self.frames.append(frame)

    def telemetry(self, name, value, host_time_ns=None):
        self.values.append((name, value, host_time_ns))

    def close(self, report=None, ended_by=None):
        assert self.closed is None, "closed twice"
        self.closed = (report, ended_by)

    @property
    def indices(self):
        return [frame.index for frame in self.frames]


class ScriptedKnob:
    """A device with one value; raises where the script holds an exception."""

    def __init__(self, values):
        self._values = iter(values)
        self._last = None

    def get(self):
        self._last = next(self._values, self._last)
        if isinstance(self._last, Exception):
            raise self._last
        return self._last

    def set(self, value):
        return value

    def limits(self):
        raise NotImplementedError
