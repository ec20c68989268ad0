"""Encode a frame for display, as JPEG with a stretched grey scale."""

from __future__ import annotations

import io
import threading
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image as Pictures

from nta.frames import Image
from nta.web.view import ShownFrame

# percentiles shown as black and white: a hundred spots fill a thousandth of the image
_DARKEST, _BRIGHTEST = 1.0, 99.9
_LEAST_SHARE = 1 / 64  # least range from black to white, as a share of full scale: less would show only noise
_SETTLE = 0.1  # share by which the stretch follows from frame to frame; prevents flicker
_STEP = 4  # every fourth row and column enters the percentiles
_MOST_PX = 1600  # longest side: no window shows more
_QUALITY = 85
_KEPT = 4  # images, for several browsers at once
_SATURATED = (213, 94, 0)  # vermilion, as in the figures of the report


@dataclass(frozen=True)
class Wanted:
    """Options of the display. stretch : stretch the grey scale to the image. mark : colour saturated pixels."""

    stretch: bool = True
    mark: bool = True


@dataclass(frozen=True, eq=False)
class EncodedPicture:
    """A frame as JPEG. low, high : grey values shown black and white; full : full scale; saturated : saturated pixels."""

    jpeg: bytes
    low: float
    high: float
    full: int
    saturated: int


class Painter:
    """Encodes frames; keeps the newest images, so that many browsers cost little more than one."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._made: dict[tuple[int, Wanted], EncodedPicture] = {}
        # full scale, black and white of the previous image
        self._range: tuple[int, float, float] | None = None

    def picture(self, seen: ShownFrame, wanted: Wanted) -> EncodedPicture:
        """Return the image of a frame; takes a few milliseconds if it is not kept."""
        with self._lock:
            key = seen.number, wanted
            if key not in self._made:
                made = self._painted(seen.frame.image, 2**seen.bit_depth - 1, wanted)
                while len(self._made) >= _KEPT:
                    del self._made[next(iter(self._made))]
                self._made[key] = made
            return self._made[key]

    def _painted(self, image: Image, full: int, wanted: Wanted) -> EncodedPicture:
        low, high = self._stretch(image, full) if wanted.stretch else (0.0, float(full))
        grey = _table(low, high, image.dtype)[image]
        saturated = image >= full
        count = int(np.count_nonzero(saturated))
        if wanted.mark and count:
            colours = np.repeat(grey[..., None], 3, axis=2)
            colours[saturated] = _SATURATED
            picture = Pictures.fromarray(colours)
        else:
            picture = Pictures.fromarray(grey)
        if (factor := -(-max(image.shape) // _MOST_PX)) > 1:
            picture = picture.reduce(factor)
        buffer = io.BytesIO()
        picture.save(buffer, "JPEG", quality=_QUALITY, subsampling=0)
        return EncodedPicture(buffer.getvalue(), low, high, full, count)

    def _stretch(self, image: Image, full: int) -> tuple[float, float]:
        """Return the grey values of black and white: percentiles of this image, smoothed over the previous ones."""
        low, high = map(float, np.percentile(image[::_STEP, ::_STEP], (_DARKEST, _BRIGHTEST)))
        if self._range is not None and self._range[0] == full:
            low, high = (
                before + _SETTLE * (now - before)
                for before, now in zip(self._range[1:], (low, high), strict=True)
            )
        self._range = full, low, high
        return low, max(high, low + _LEAST_SHARE * full)


def _table(low: float, high: float, kind: np.dtype[np.uint8] | np.dtype[np.uint16]) -> NDArray[np.uint8]:
    """Return the displayed grey of every possible grey value of the image."""
    values = np.arange(np.iinfo(kind).max + 1, dtype=np.float32)
    table: NDArray[np.uint8] = np.clip((values - low) * (255 / (high - low)), 0, 255).astype(np.uint8)
    return table
