"""Offsets of whole rows and columns of a frame from their expectation: stripes that change from frame to frame."""

from __future__ import annotations

import numpy as np

from nta.columns import Float32Array
from nta.frames import Image
from nta.spots.kernels.options import compiled, inlined
from nta.spots.kernels.order import median
from nta.spots.kernels.rows import f4, reflected

LOOKED_AT = 64  # px of a row whose median is the start for its clipped mean
# px on either side; slower variation is left to the background, and light has noise of its own
SMOOTH = 42


@compiled
def line_offsets(
    image: Image | Float32Array,
    sign: np.float32,
    expected: Float32Array,
    reach: np.float32,
    out: Float32Array,
) -> None:
    """Fill `out` with the mean of ``sign * image - expected`` of every row, minus its smooth part over many rows.

    Pixels further than `reach` from the row's median, such as spots, are left out.
    """
    height, width = expected.shape
    every = max(width // LOOKED_AT, 1)
    few = np.empty((width + every - 1) // every, f4)
    raw = np.empty(height, f4)
    for y in range(height):
        for i in range(few.size):
            few[i] = sign * f4(image[y, i * every]) - expected[y, i * every]
        middle = median(few, few.size)
        n, total = f4(0), f4(0)
        for x in range(width):
            away = sign * f4(image[y, x]) - expected[y, x] - middle
            near = f4(abs(away) <= reach)
            n += near
            total += near * away
        raw[y] = middle + total / max(n, f4(1))
    _subtract_smooth(raw, out)


@compiled
def less_smooth(raw: Float32Array, out: Float32Array) -> None:
    """Fill `out` with `raw` minus a mean with triangular weights, reflected at the ends."""
    _subtract_smooth(raw, out)


@inlined
def _subtract_smooth(raw: Float32Array, out: Float32Array) -> None:
    n = raw.size
    half = min(SMOOTH, n)
    for y in range(n):
        weights, total = f4(0), f4(0)
        for k in range(1 - half, half):
            weight = f4(half - abs(k))
            weights += weight
            total += weight * raw[reflected(y + k, n)]
        out[y] = raw[y] - total / weights


@compiled
def add_lines(
    fixed: Float32Array, rows: Float32Array, columns: Float32Array, out: Float32Array, out2: Float32Array
) -> None:
    """Fill `out` with `fixed` (may be empty) plus the new offsets of rows and columns, and `out2` with its 2x2 sums."""
    height, width = out.shape
    for y in range(height):
        for x in range(width):
            out[y, x] = rows[y] + columns[x]
        if fixed.size:
            for x in range(width):
                out[y, x] += fixed[y, x]
    for y in range(out2.shape[0]):
        upper, lower = out[2 * y], out[2 * y + 1]
        for x in range(out2.shape[1]):
            out2[y, x] = upper[2 * x] + upper[2 * x + 1] + lower[2 * x] + lower[2 * x + 1]
