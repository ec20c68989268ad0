"""Propose candidates for spots: a matched filter in one fused pass at half resolution."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from nta.columns import Float32Array, FloatArray
from nta.frames import Image
from nta.spots.filters import BOX
from nta.spots.kernels.lanes import CACHE_LINE, prefetch
from nta.spots.kernels.options import inlined
from nta.spots.kernels.patch import Pattern
from nta.spots.kernels.rows import (
    BESIDE,
    BLOCK,
    PAD,
    PEAK,
    Taps,
    across_rows,
    add_shifted,
    along_row,
    any_positive,
    bin_pairs,
    box_mean,
    excess,
    f4,
    lower_of,
    mark_peaks,
    reflect,
    slide,
    subtract,
)

# Rows of the line workspace: rings of 8, 16 and 4 rows, and single ones
RESPONSE_H, CLIPPED = 0, 8
RAW, COLUMN, SUM2, SUM4 = 24, 25, 26, 27
RESPONSE, EXCESS, LEVEL, MARKS = 28, 36, 40, 44
N_LINES = 45
# Columns of the candidates: position px, response, level, and 1 for a shoulder of a brighter maximum
FOUND_X, FOUND_Y, FOUND_RESPONSE, FOUND_LEVEL, FOUND_BESIDE, N_FOUND = 0, 1, 2, 3, 4, 5


class Half(NamedTuple):
    """A frame at half resolution and its matched filter, which works row by row in `lines`.

    pairs : frame viewed as pairs of 16-bit pixels, (height, width // 2)
    pattern : fixed pattern of the 2x2 sums
    limit : (height // 2, width // 2) clip of the local mean
    limit0, limit1 : square of the least response at a level of 0, and its growth with the level
    curved : variance of the response's curvature over the variance of the response, to find shoulders; 0: no shoulders
    """

    pairs: NDArray[np.uint32]
    sign: np.float32
    pattern: Pattern
    limit: Float32Array
    taps: Taps
    limit0: np.float32
    limit1: np.float32
    curved: float
    lines: Float32Array


@inlined
def _load_row(half: Half, y: int, clipped: int, filtered: int) -> None:
    """Bin two image rows, keep a copy clipped at the limit, and filter along the row."""
    width = half.pairs.shape[1]
    raw, low = half.lines[RAW], half.lines[clipped]
    bin_pairs(half.pairs[2 * y], half.pairs[2 * y + 1], half.sign, raw[PAD : PAD + width])
    if half.pattern.marked[y]:
        subtract(raw[PAD : PAD + width], half.pattern.values[y])
    reflect(raw, width)
    lower_of(raw[PAD : PAD + width], half.limit[y], low[PAD : PAD + width])
    reflect(low, width)
    along_row(raw[PAD - 3 : PAD + width + 3], half.lines[filtered][:width], half.taps)
    if 2 * y + 3 < half.pairs.shape[0]:
        _fetch(half.pairs[2 * y + 2])
        _fetch(half.pairs[2 * y + 3])
        _fetch(half.limit[y + 1])


@inlined
def _fetch(row: Image | Float32Array) -> None:
    """Fetch a row that is needed soon: the processor foresees only what follows in memory, not that two rows alternate."""
    for x in range(0, row.size, CACHE_LINE // row.itemsize):
        prefetch(row, x)  # type: ignore[call-arg, arg-type]


@inlined
def begin(half: Half) -> None:
    """Load the rows that the first response depends on."""
    end = half.pairs.shape[1] + 2 * PAD
    lines = half.lines
    column = lines[COLUMN, :end]
    for y in range(BESIDE + 1):
        _load_row(half, y, CLIPPED + y, RESPONSE_H + y)
    for x in range(end):
        s = lines[CLIPPED, x]
        for y in range(1, BESIDE + 1):
            s += f4(2.0) * lines[CLIPPED + y, x]
        column[x] = s


@inlined
def propose(half: Half, y0: int, y1: int, n: int, found: FloatArray) -> int:
    """Find maxima of the half-resolution matched filter that exceed the threshold, in rows y0 to y1: those before are done.

    The response is ``taps * taps' * I2 - box(min(I2, limit))`` of the 2x2 sums I2: matched filter minus local mean, where
    the clip at `limit` keeps bright neighbours out of the mean. Maxima up to two rows before y0 are found as well.

    Parameters
    ----------
    found : (m, N_FOUND) receives, after its first n rows, x, y (full-resolution px), response, level and whether it is a
        shoulder

    Returns
    -------
    Number of candidates, including the first n.
    """
    h = half.pairs.shape[0] // 2
    w = half.pairs.shape[1]
    lines = half.lines
    end = w + 2 * PAD
    last = 2 * h - 2
    column = lines[COLUMN, :end]
    near = lines[COLUMN, PAD - BESIDE : PAD + w + BESIDE]
    sum2 = lines[SUM2, : w + BOX - 2]
    sum4 = lines[SUM4, : w + BOX - 4]
    for y in range(y0, y1):
        above = (abs(y - 3) & 7, abs(y - 2) & 7, abs(y - 1) & 7)
        b1, b2, b3 = y + 1, y + 2, y + 3
        if b1 >= h:
            b1 = last - b1
        if b2 >= h:
            b2 = last - b2
        if b3 >= h:
            b3 = last - b3
        response = lines[RESPONSE + (y & 7), :w]
        level = lines[LEVEL + (y & 3), :w]
        add_shifted(near, sum2, 1)
        add_shifted(sum2, sum4, 2)
        box_mean(sum4, sum2, near, level)
        across_rows(
            lines[above[0]], lines[above[1]], lines[above[2]], lines[y & 7], lines[b1 & 7], lines[b2 & 7], lines[b3 & 7],
            half.taps, level, response,
        )  # fmt: skip
        excess(response, level, lines[EXCESS + (y & 3), :w], half.limit0, half.limit1)
        entering = y + BESIDE + 1
        if entering < h:
            _load_row(half, entering, CLIPPED + (entering & 15), RESPONSE_H + (entering & 7))
        else:
            entering = last - entering
        slide(column, lines[CLIPPED + (entering & 15), :end], lines[CLIPPED + (abs(y - BESIDE) & 15), :end])
        if y >= 3:  # two rows behind: curvature is compared with the next row's
            n = _maxima(half, y - 2, half.curved if y >= 4 else 0.0, n, found)
    if y1 == h:
        n = _maxima(half, h - 2, 0.0, n, found)
    return n


@inlined
def _maxima(half: Half, y: int, curved: float, n: int, found: FloatArray) -> int:
    """Append the 3x3 maxima of row y that exceed the threshold, with their peak interpolated by parabolas, and shoulders."""
    lines, w = half.lines, half.pairs.shape[1]
    top, above, here = (
        lines[RESPONSE + ((y - 2) & 7)],
        lines[RESPONSE + ((y - 1) & 7)],
        lines[RESPONSE + (y & 7)],
    )
    below, bottom = lines[RESPONSE + ((y + 1) & 7)], lines[RESPONSE + ((y + 2) & 7)]
    over = lines[EXCESS + (y & 3)]
    level = lines[LEVEL + (y & 3)]
    curved0, curved1 = f4(curved) * half.limit0, f4(curved) * half.limit1
    marks = lines[MARKS]
    for x0 in range(1, w - 1, BLOCK):  # the last block may end beyond the row, where nothing exceeds anything
        x1 = x0 + BLOCK
        if not any_positive(over[x0:x1]):
            continue
        mark_peaks(
            above[x0 - 1 : x1 + 1], here[x0 - 1 : x1 + 1], below[x0 - 1 : x1 + 1], over[x0:x1], level[x0:x1],
            curved0, curved1, marks,
        )  # fmt: skip
        for x in range(x0, min(x1, w - 1)):
            if marks[x - x0] == 0 or n == found.shape[0]:
                continue
            v = here[x]
            if marks[x - x0] == PEAK:
                dx = 0.5 * (here[x - 1] - here[x + 1]) / (here[x - 1] - 2 * v + here[x + 1])
                dy = 0.5 * (above[x] - below[x]) / (above[x] - 2 * v + below[x])
                found[n, FOUND_X] = 2 * (x + dx) + 0.5
                found[n, FOUND_Y] = 2 * (y + dy) + 0.5
                found[n, FOUND_BESIDE] = 0.0
            elif curved > 0 and 2 <= x < w - 2 and _most_curved(top, above, here, below, bottom, x):
                found[n, FOUND_X] = 2 * x + 0.5
                found[n, FOUND_Y] = 2 * y + 0.5
                found[n, FOUND_BESIDE] = 1.0
            else:
                continue
            found[n, FOUND_RESPONSE] = v
            found[n, FOUND_LEVEL] = level[x]
            n += 1
    return n


@inlined
def _most_curved(
    top: Float32Array,
    above: Float32Array,
    here: Float32Array,
    below: Float32Array,
    bottom: Float32Array,
    x: int,
) -> bool:
    """Whether the curvature is larger than at the eight neighbours: a spot on the slope of a brighter one."""
    c = curvature(above, here, below, x)
    if curvature(above, here, below, x - 1) >= c or curvature(above, here, below, x + 1) > c:
        return False
    for k in range(x - 1, x + 2):
        if curvature(top, above, here, k) >= c or curvature(here, below, bottom, k) > c:
            return False
    return True


@inlined
def curvature(above: Float32Array, here: Float32Array, below: Float32Array, x: int) -> np.float32:
    """Return four times the response at x minus the responses at its four neighbours."""
    curved: np.float32 = f4(4) * here[x] - here[x - 1] - here[x + 1] - above[x] - below[x]
    return curved
