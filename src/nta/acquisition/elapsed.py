"""Time since the first frame of an acquisition, although a device's clock may fail."""

from __future__ import annotations

import time

from nta.frames import Frame

_STEPS_TOO_LONG = 10  # a step longer than this multiple of the expected one is a fault of the clock
_SHORT_STEP_S = 1.0  # shorter steps do no harm


class Elapsed:
    """Time since the first frame by the device's clock; impossible steps of that clock are replaced by this computer's.

    The device's time may run faster or slower than this computer's, as in playback or simulation.
    """

    def __init__(self, rate_hz: float | None) -> None:
        self.doubtful = 0
        self._rate_hz = rate_hz
        self._seconds = 0.0
        self._last: tuple[Frame, float] | None = None

    def at(self, frame: Frame) -> float:
        """Return the seconds from the first frame to this one; call it for every frame, in order."""
        now_s = time.monotonic()
        if self._last is not None:
            before, before_s = self._last
            step_s, here_s = frame.time_s - before.time_s, now_s - before_s
            by_number_s = (frame.index - before.index) / self._rate_hz if self._rate_hz else 0.0
            if not 0 < step_s <= max(_STEPS_TOO_LONG * by_number_s, _STEPS_TOO_LONG * here_s, _SHORT_STEP_S):
                self.doubtful += 1
                step_s = here_s
            self._seconds += step_s
        self._last = frame, now_s
        return self._seconds
