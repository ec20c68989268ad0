"""Convert colour to grey by one fixed rule, in integer arithmetic."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from nta.frames import Image

LUMA_NOTE = "colour made grey by Rec. 601 luma (0.299 R + 0.587 G + 0.114 B)"
_WEIGHTS = np.array([299, 587, 114], dtype=np.uint32)  # thousandths; ITU-R BT.601-7 (2011), section 2.5.1


def grey(pixels: NDArray[Any]) -> tuple[Image, bool]:
    """Return (height, width) grey values of (height, width, channels) pixels, and whether coloured.

    Channels are R, G, B and perhaps alpha, or grey and perhaps alpha; alpha is ignored. If R, G and B are
    equal everywhere, one of them is returned, which is also their luma; else Rec. 601 luma, rounded.
    """
    channels = pixels.shape[2]
    if channels < 3 or _all_equal(pixels):
        return np.ascontiguousarray(pixels[..., 0]), False
    luma = (pixels[..., :3] @ _WEIGHTS + 500) // 1000
    return np.ascontiguousarray(luma.astype(pixels.dtype)), True


def _all_equal(pixels: NDArray[Any]) -> bool:
    red, green, blue = pixels[..., 0], pixels[..., 1], pixels[..., 2]
    first = slice(0, 1)  # one row distinguishes most colour images from grey ones
    return (
        np.array_equal(red[first], green[first])
        and np.array_equal(red[first], blue[first])
        and np.array_equal(red, green)
        and np.array_equal(red, blue)
    )
