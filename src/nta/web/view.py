"""Keep the newest frames of a device for display; adding a frame never waits for a reader."""

from __future__ import annotations

import threading
import time
from collections import deque
from dataclasses import dataclass, replace

import numpy as np

from nta.columns import FloatArray
from nta.frames import Frame
from nta.spots import Spots

_MOST_FRAMES, _MOST_BYTES = 128, 48 << 20  # kept until their spots are known
_FORGET = 0.9  # factor by which a past delay decays


@dataclass(frozen=True, eq=False)
class ShownFrame:
    """A frame to be shown.

    number : increases by one from frame to frame, over all acquisitions. spots : (n, 2), x and y in px; None if not known
    (yet).
    """

    number: int
    frame: Frame
    bit_depth: int
    arrived_s: float
    spots: FloatArray | None = None


class NewestFrames:
    """Keeps the newest frames, and their spots when they are found.

    Spots are found for a batch of frames at a time, some tenths of a second after the frames. A display with spots lags by
    that delay, but still shows frame by frame, each with its own spots.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._kept: deque[ShownFrame] = deque()
        self._number, self._bit_depth = 0, 16
        self._delay_s = 0.0
        self.late = False  # whether the newest spots are of frames that are gone: the search is far behind

    def begin(self, bit_depth: int) -> None:
        """Forget the previous frames: a new acquisition begins, with new frame indices."""
        with self._lock:
            self._kept.clear()
            self._bit_depth = bit_depth
            self._delay_s, self.late = 0.0, False

    def show(self, frame: Frame) -> None:
        """Take the next frame."""
        with self._lock:
            self._number += 1
            self._kept.append(ShownFrame(self._number, frame, self._bit_depth, time.monotonic()))
            most = max(1, min(_MOST_FRAMES, _MOST_BYTES // frame.image.nbytes))
            while len(self._kept) > most:
                self._kept.popleft()

    def found(self, spots: Spots, first_index: int = 0) -> None:
        """Take the spots of frames that were shown; first_index : index of the frame that the spots count as 0."""
        where = np.column_stack((spots.x_px, spots.y_px))
        searched = spots.scene.frame_index
        now_s = time.monotonic()
        with self._lock:
            waited_s = 0.0
            self.late = bool(
                self._kept and self._kept[0].frame.index - first_index > max(searched, default=0)
            )
            for place, seen in enumerate(self._kept):
                index = seen.frame.index - first_index
                if seen.spots is None and index in searched:
                    self._kept[place] = replace(seen, spots=where[spots.frame == index])
                    waited_s = max(waited_s, now_s - seen.arrived_s)
            self._delay_s = max(waited_s, _FORGET * self._delay_s)

    def newest(self, *, with_spots: bool = False) -> ShownFrame | None:
        """Return the newest frame; with `with_spots`, one whose spots are known, if there is any."""
        with self._lock:
            if not self._kept:
                return None
            known = [seen for seen in self._kept if seen.spots is not None] if with_spots else []
            if not known:
                return self._kept[-1]
            due_s = time.monotonic() - self._delay_s
            return next((seen for seen in reversed(known) if seen.arrived_s <= due_s), known[0])
