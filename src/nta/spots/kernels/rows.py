"""Loops over one image row, each vectorised on its own, and where a row goes on beyond the border."""

from __future__ import annotations

import numpy as np
from numba import njit

from nta.spots.kernels.options import INLINED

PAD = 16  # spare elements left of a row: room for the reflected border, and alignment
f4 = np.float32


@njit(**INLINED)
def bin_bytes(upper, lower, sign, out):  # type: ignore[no-untyped-def]
    """Sum 2x2 pixels of two uint8 rows that are viewed as pairs (uint16)."""
    byte = np.uint32(255)
    for x in range(out.size):
        u = np.uint32(upper[x])
        v = np.uint32(lower[x])
        out[x] = sign * f4(np.int32((u & byte) + (u >> np.uint32(8)) + (v & byte) + (v >> np.uint32(8))))


@njit(**INLINED)
def bin_words(upper, lower, sign, out):  # type: ignore[no-untyped-def]
    """Sum 2x2 pixels of two uint16 rows that are viewed as pairs (uint32)."""
    word = np.uint32(65535)
    for x in range(out.size):
        u = upper[x]
        v = lower[x]
        out[x] = sign * f4(np.int32((u & word) + (u >> np.uint32(16)) + (v & word) + (v >> np.uint32(16))))


@njit(**INLINED)
def subtract(row, other):  # type: ignore[no-untyped-def]
    """Subtract in place."""
    for x in range(row.size):
        row[x] -= other[x]


@njit(**INLINED)
def lower_of(row, limit, out):  # type: ignore[no-untyped-def]
    """Element-wise minimum."""
    for x in range(out.size):
        out[x] = row[x] if row[x] < limit[x] else limit[x]


@njit(**INLINED)
def reflect(row, width):  # type: ignore[no-untyped-def]
    """Continue a padded row by reflection, six elements on each side."""
    for i in range(6):
        row[PAD - 1 - i] = row[PAD + 1 + i]
        row[PAD + width + i] = row[PAD + width - 2 - i]


@njit(**INLINED)
def along_row(p, out, taps):  # type: ignore[no-untyped-def]
    """Symmetric filter of seven taps along a row; `p` starts three elements before `out`."""
    k0, k1, k2, k3 = taps
    for x in range(out.size):
        out[x] = (
            k0 * p[x + 3] + k1 * (p[x + 2] + p[x + 4]) + k2 * (p[x + 1] + p[x + 5]) + k3 * (p[x] + p[x + 6])
        )


@njit(**INLINED)
def across_rows(a0, a1, a2, a3, a4, a5, a6, taps, level, out):  # type: ignore[no-untyped-def]
    """Symmetric filter of seven taps across rows, less the level."""
    k0, k1, k2, k3 = taps
    for x in range(out.size):
        out[x] = k0 * a3[x] + k1 * (a2[x] + a4[x]) + k2 * (a1[x] + a5[x]) + k3 * (a0[x] + a6[x]) - level[x]


@njit(**INLINED)
def add_shifted(p, out, step):  # type: ignore[no-untyped-def]
    """Sum of each element and the one `step` further."""
    for x in range(out.size):
        out[x] = p[x] + p[x + step]


@njit(**INLINED)
def box_mean(sum4, sum2, column, out):  # type: ignore[no-untyped-def]
    """Mean over 11 x 11 from column sums and their running sums of two and of four."""
    share = f4(1.0 / 121.0)
    for x in range(out.size):
        out[x] = share * (sum4[x] + sum4[x + 4] + sum2[x + 8] + column[x + 10])


@njit(**INLINED)
def slide(column_sum, entering, leaving):  # type: ignore[no-untyped-def]
    """Move the window of the column sums one row on."""
    for x in range(column_sum.size):
        column_sum[x] += entering[x] - leaving[x]


@njit(**INLINED)
def excess(response, background, out, limit0, limit1):  # type: ignore[no-untyped-def]
    """Signed square of the response minus its threshold, which is linear in the background."""
    for x in range(out.size):
        out[x] = response[x] * abs(response[x]) - (limit0 + limit1 * background[x])


@njit(**INLINED)
def any_positive(row):  # type: ignore[no-untyped-def]
    """Whether any element is positive."""
    m = f4(-1.0)
    for x in range(row.size):
        m = row[x] if row[x] > m else m
    return m > 0


@njit(**INLINED)
def reflected(i, n):  # type: ignore[no-untyped-def]
    """Return the row or column of n that stands for the i-th, which may lie outside."""
    i = abs(i)
    return i if i < n else 2 * n - 2 - i
