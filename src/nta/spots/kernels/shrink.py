"""Frames of lower resolution: sums of 2x2 pixels."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from nta.frames import Image
from nta.spots.kernels.options import compiled


@compiled
def shrink(image: Image, full_scale: int, shift: int, out: NDArray[np.uint16]) -> None:
    """Sum 2x2 pixels into `out`, (height // 2, width // 2) uint16, divided by two `shift` times and rounded.

    A sum with a pixel at `full_scale` is set to the sum of four such pixels, so that saturation shows at every resolution.
    """
    full = (np.uint32(4) * np.uint32(full_scale) + (np.uint32(1 << shift) >> np.uint32(1))) >> np.uint32(
        shift
    )
    half = np.uint32(0) if shift == 0 else np.uint32(1 << (shift - 1))
    for y in range(out.shape[0]):
        upper, lower, row = image[2 * y], image[2 * y + 1], out[y]
        for x in range(out.shape[1]):
            a, b = np.uint32(upper[2 * x]), np.uint32(upper[2 * x + 1])
            c, d = np.uint32(lower[2 * x]), np.uint32(lower[2 * x + 1])
            top = max(max(a, b), max(c, d))
            total = (a + b + c + d + half) >> np.uint32(shift)
            row[x] = full if top >= full_scale else total
