"""A camera that is opened again when it was lost, so that its frames go on over the gap."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from nta.devices import Camera, Knob, Losses, SetKnob
from nta.errors import DeviceError, DeviceLost
from nta.frames import Frame

_FIRST_PAUSE_S, _LONGEST_PAUSE_S = 0.1, 2.0  # between two attempts to reopen a lost device


@dataclass
class _Away:
    """Absence of a device that was lost and has given no frame since.

    since : its start by this computer's clock; None if the device is present. missed : frames missed when last reopened.
    """

    since: float | None = None
    pause_s: float = _FIRST_PAUSE_S
    missed: int = 0


class Connection:
    """Connection to an open camera: its settings, and those of the knobs, are restored when it comes back.

    wanted : the settings of the camera. rate_hz : its frame rate. reconnect_s : how long to try to reopen it.
    told : counts by the camera itself, over all ended runs. reconnections : number of times that it came back.
    """

    def __init__(
        self,
        camera: Camera,
        knobs: Mapping[str, Knob],
        *,
        wanted: Mapping[str, Any],
        rate_hz: float | None,
        reconnect_s: float,
    ) -> None:
        self.told = Losses()
        self.reconnections = 0
        self._camera, self._knobs, self._wanted = camera, knobs, wanted
        self._rate_hz, self._reconnect_s = rate_hz, reconnect_s
        self._away = _Away()
        self._offset = 0
        self._clock_shift_ns = 0  # added to a device clock that restarted with a reconnection

    @property
    def is_lost(self) -> bool:
        """Whether the device was lost and has given no frame since."""
        return self._away.since is not None

    def continued(self, frame: Frame, first: Frame | None, last: Frame | None) -> Frame:
        """Shift index and time after a reconnection, so that they continue over the gap."""
        if not self._offset or last is None or first is None:
            return frame
        time_s = last.time_s + (1 / self._rate_hz if self._rate_hz else 0.0)
        if frame.host_time_ns is not None and first.host_time_ns is not None:
            time_s = first.time_s + (frame.host_time_ns - first.host_time_ns) * 1e-9
        if frame.device_time_ns is None or last.device_time_ns is None:
            return replace(frame, index=frame.index + self._offset, time_s=time_s)
        if frame.device_time_ns + self._clock_shift_ns <= last.device_time_ns:
            # the device's clock restarted with the connection; it must continue, because recordings take their times from it
            since_last_ns = round((time_s - last.time_s) * 1e9)
            self._clock_shift_ns = last.device_time_ns + since_last_ns - frame.device_time_ns
        return replace(
            frame,
            index=frame.index + self._offset,
            time_s=time_s,
            device_time_ns=frame.device_time_ns + self._clock_shift_ns,
        )

    def reopen(
        self, lost: DeviceLost, last: Frame | None, arrived: float, wait: Callable[[float], bool]
    ) -> None:
        """Reopen the device; raise `lost` if it has given no frame for too long.

        last, arrived : the last frame, and when it came. wait : waits for some seconds and returns whether to give up.
        """
        away = self._away
        if away.since is None:
            away.since = time.monotonic()
        with contextlib.suppress(Exception):  # a lost device may make its library raise anything
            self.end_run()
        why: Exception = lost
        while time.monotonic() - away.since < self._reconnect_s:
            if wait(away.pause_s):
                break
            away.pause_s = min(2 * away.pause_s, _LONGEST_PAUSE_S)
            try:
                self._open_again(last, arrived)
                return
            except Exception as error:  # a device that is just reconnecting may raise anything
                why = error
        if why is lost:
            raise lost
        tried_s = time.monotonic() - away.since
        raise DeviceLost(f"{lost}; it was opened again for {tried_s:.2g} s, at last: {why}") from why

    def _open_again(self, last: Frame | None, arrived: float) -> None:
        self._camera.close()
        self._camera.open()
        self._camera.configure(**self._wanted)
        for name, knob in self._knobs.items():
            if isinstance(knob, SetKnob):
                knob.set_again(name)
        self._camera.start()
        if last is not None:
            missed = round((time.monotonic() - arrived) * (self._rate_hz or 0))
            self._away.missed = missed
            self._offset = last.index + 1 + missed

    def end_outage(self) -> int:
        """Count a device as present again; return how many frames it missed.

        A frame that came shows it, whereas to open it proves nothing.
        """
        if self._away.since is None:
            return 0
        self.reconnections += 1
        missed = self._away.missed
        self._away = _Away()
        return missed

    def end_run(self) -> None:
        """Stop the camera and add its counts; a lost device may refuse."""
        with contextlib.suppress(DeviceError):
            self.told = self.told + replace(self._camera.stop(), delivered=0)
