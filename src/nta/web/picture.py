"""A frame as a picture for people: grey values stretched to what there is to see, as JPEG."""

from __future__ import annotations

import io
import threading
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image as Pictures

from nta.frames import Image
from nta.web.view import ShownFrame

_DARKEST, _BRIGHTEST = (
    1.0,
    99.9,
)  # percentiles that become black and white: a hundred spots fill a thousandth of the picture
_LEAST_SHARE = 1 / 64  # of full scale from black to white: less would show noise alone
_SETTLE = 0.1  # how fast the stretch follows from frame to frame, so that it does not flicker
_STEP = 4  # rows and columns looked at for the percentiles
_MOST_PX = 1600  # of a side: no screen shows more in its window
_QUALITY = 85
_KEPT = 4  # pictures, for several people who look at once
_SATURATED = (213, 94, 0)  # vermillion of the report's figures


@dataclass(frozen=True)
class Wanted:
    """How somebody wants to see it. stretch : black to white over what there is, else over full scale. mark : saturation."""

    stretch: bool = True
    mark: bool = True


@dataclass(frozen=True, eq=False)
class EncodedPicture:
    """A frame as JPEG. low, high : grey values that are black and white; full : the largest there is; saturated : pixels."""

    jpeg: bytes
    low: float
    high: float
    full: int
    saturated: int


class Painter:
    """Makes pictures of frames; those of the newest frames are kept, so that many people cost little more than one."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._made: dict[tuple[int, Wanted], EncodedPicture] = {}
        self._range: tuple[int, float, float] | None = None  # grey values, with full scale

    def picture(self, seen: ShownFrame, wanted: Wanted) -> EncodedPicture:
        """Return the picture of a frame; takes a few milliseconds where nobody asked for it before."""
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
        """Return black and white: percentiles of this picture, eased from those before."""
        low, high = map(float, np.percentile(image[::_STEP, ::_STEP], (_DARKEST, _BRIGHTEST)))
        if self._range is not None and self._range[0] == full:
            low, high = (
                before + _SETTLE * (now - before)
                for before, now in zip(self._range[1:], (low, high), strict=True)
            )
        self._range = full, low, high
        return low, max(high, low + _LEAST_SHARE * full)


def _table(low: float, high: float, kind: np.dtype[np.uint8] | np.dtype[np.uint16]) -> NDArray[np.uint8]:
    """Return the grey on screen of every grey value that an image of its kind can hold."""
    values = np.arange(np.iinfo(kind).max + 1, dtype=np.float32)
    table: NDArray[np.uint8] = np.clip((values - low) * (255 / (high - low)), 0, 255).astype(np.uint8)
    return table
