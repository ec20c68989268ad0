"""Loops over one image row, each vectorised by itself, and the reflection of rows at the border."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from nta.columns import Float32Array
from nta.spots.filters import BOX
from nta.spots.kernels.options import inlined

PAD = 16  # spare elements left of a row: room for the reflected border, and alignment
BESIDE = BOX // 2  # elements of the local mean on either side of its middle
f4 = np.float32
BLOCK = 16  # elements that are tested for any excess at once: spots are few, and hardly wider than this
BENT, PEAK = f4(1), f4(2)
Taps = tuple[
    np.float32, np.float32, np.float32, np.float32
]  # weights of a filter of seven taps, from its middle outwards


@inlined
def bin_pairs(
    upper: NDArray[np.uint32], lower: NDArray[np.uint32], sign: np.float32, out: Float32Array
) -> None:  # fmt: skip
    """Sum 2x2 pixels of two uint16 rows that are viewed as pairs."""
    word = np.uint32(65535)
    for x in range(out.size):
        u = upper[x]
        v = lower[x]
        out[x] = sign * f4(np.int32((u & word) + (u >> np.uint32(16)) + (v & word) + (v >> np.uint32(16))))


@inlined
def subtract(row: Float32Array, other: Float32Array) -> None:
    """Subtract in place."""
    for x in range(row.size):
        row[x] -= other[x]


@inlined
def lower_of(row: Float32Array, limit: Float32Array, out: Float32Array) -> None:
    """Element-wise minimum."""
    for x in range(out.size):
        out[x] = row[x] if row[x] < limit[x] else limit[x]


@inlined
def reflect(row: Float32Array, width: int) -> None:
    """Extend a padded row by reflection, on each side one element further than the local mean reaches."""
    for i in range(BESIDE + 1):
        row[PAD - 1 - i] = row[PAD + 1 + i]
        row[PAD + width + i] = row[PAD + width - 2 - i]


@inlined
def along_row(p: Float32Array, out: Float32Array, taps: Taps) -> None:
    """Symmetric filter of seven taps along a row; `p` starts three elements before `out`."""
    k0, k1, k2, k3 = taps
    for x in range(out.size):
        out[x] = (
            k0 * p[x + 3] + k1 * (p[x + 2] + p[x + 4]) + k2 * (p[x + 1] + p[x + 5]) + k3 * (p[x] + p[x + 6])
        )


@inlined
def across_rows(
    a0: Float32Array, a1: Float32Array, a2: Float32Array, a3: Float32Array, a4: Float32Array, a5: Float32Array,
    a6: Float32Array, taps: Taps, level: Float32Array, out: Float32Array,
) -> None:  # fmt: skip
    """Symmetric filter of seven taps across rows, minus the level."""
    k0, k1, k2, k3 = taps
    for x in range(out.size):
        out[x] = k0 * a3[x] + k1 * (a2[x] + a4[x]) + k2 * (a1[x] + a5[x]) + k3 * (a0[x] + a6[x]) - level[x]


@inlined
def add_shifted(p: Float32Array, out: Float32Array, step: int) -> None:
    """Sum of each element and the one `step` further."""
    for x in range(out.size):
        out[x] = p[x] + p[x + step]


@inlined
def box_mean(sum4: Float32Array, sum2: Float32Array, column: Float32Array, out: Float32Array) -> None:
    """Mean over BOX x BOX from column sums and their running sums of two and of four: 4 + 4 + 2 + 1."""
    share = f4(1.0 / BOX**2)
    for x in range(out.size):
        out[x] = share * (sum4[x] + sum4[x + 4] + sum2[x + 8] + column[x + 10])


@inlined
def slide(column_sum: Float32Array, entering: Float32Array, leaving: Float32Array) -> None:
    """Move the window of the column sums one row on."""
    for x in range(column_sum.size):
        column_sum[x] += entering[x] - leaving[x]


@inlined
def excess(
    response: Float32Array, background: Float32Array, out: Float32Array, limit0: np.float32, limit1: np.float32
) -> None:  # fmt: skip
    """Signed square of the response minus its threshold, which is linear in the background."""
    for x in range(out.size):
        out[x] = response[x] * abs(response[x]) - (limit0 + limit1 * background[x])


@inlined
def any_positive(block: Float32Array) -> bool:
    """Whether any element of a block is positive."""
    total = f4(0)  # a sum, which is faster than the maximum
    for x in range(BLOCK):
        total += block[x] if block[x] > 0 else f4(0)
    return bool(total > 0)


@inlined
def mark_peaks(
    above: Float32Array, here: Float32Array, below: Float32Array, over: Float32Array, level: Float32Array,
    curved0: np.float32, curved1: np.float32, out: Float32Array,
) -> None:  # fmt: skip
    """Mark the elements of a block that are `over` 0: PEAK if 3x3 maxima, else BENT if clearly curved, else 0.

    above, here, below : responses from one element before the block to one after it. curved0, curved1 : square of the least
    curvature at an intensity of 0, and its growth with the intensity. Of equal neighbours the first is the maximum.
    """
    for x in range(BLOCK):
        v = here[x + 1]
        before = above[x] if above[x] > above[x + 1] else above[x + 1]
        before = above[x + 2] if above[x + 2] > before else before
        before = here[x] if here[x] > before else before
        after = below[x] if below[x] > below[x + 1] else below[x + 1]
        after = below[x + 2] if below[x + 2] > after else after
        after = here[x + 2] if here[x + 2] > after else after
        c = f4(4) * v - here[x] - here[x + 2] - above[x + 1] - below[x + 1]
        mark = BENT if c > 0 and c * c > curved0 + curved1 * (level[x] + v) else f4(0)
        mark = mark if before >= v or after > v else PEAK
        out[x] = mark if over[x] > 0 else f4(0)


@inlined
def reflected(i: int, n: int) -> int:
    """Return the index within 0..n-1 of row or column i, reflected if it lies outside."""
    i = abs(i)
    return i if i < n else 2 * n - 2 - i
