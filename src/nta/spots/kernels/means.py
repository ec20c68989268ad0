"""Box mean and matched filter of whole frames, reflected at the borders, and clipped variances, for learning."""

from __future__ import annotations

import math

import numpy as np

from nta.columns import Float32Array, FloatArray
from nta.spots.kernels.options import compiled, inlined
from nta.spots.kernels.rows import f4, reflected

CLIP_SD = 3.0
# variance of a standard normal truncated there
CLIPPED_VARIANCE = 1 - 2 * CLIP_SD * math.exp(-0.5 * CLIP_SD**2) / math.sqrt(2 * math.pi) / math.erf(
    CLIP_SD / math.sqrt(2)
)


@inlined
def _bin_row(image: Float32Array, y: int, row: Float32Array) -> None:
    """Sum 2x2 px; an odd last row or column counts twice."""
    h, w = image.shape
    upper, lower = image[2 * y], image[min(2 * y + 1, h - 1)]
    for x in range(w // 2):
        row[x] = upper[2 * x] + upper[2 * x + 1] + lower[2 * x] + lower[2 * x + 1]
    if w % 2:
        row[w // 2] = 2 * (upper[w - 1] + lower[w - 1])


@compiled
def box_means(image: Float32Array, side: int, out: Float32Array) -> None:
    """Fill `out` with the mean over `side` x `side` 2x2 sums around each of them, per px; `side` odd.

    Sliding sums in double precision do not lose accuracy over a frame.
    """
    h2, w2 = (image.shape[0] + 1) // 2, (image.shape[1] + 1) // 2
    r = side // 2
    half = np.empty((h2, w2), f4)
    for y in range(h2):
        _bin_row(image, y, half[y])
    column = np.zeros(w2)
    for y in range(-r, r):
        _add(half[reflected(y, h2)], column)
    share = 1.0 / (4 * side * side)
    for y in range(h2):
        entering, leaving = half[reflected(y + r, h2)], half[reflected(y - r, h2)]
        _add(entering, column)
        total = 0.0
        for x in range(-r, r):
            total += column[reflected(x, w2)]
        upper, lower = out[2 * y], out[min(2 * y + 1, out.shape[0] - 1)]
        for x in range(w2):
            total += column[reflected(x + r, w2)]
            mean = f4(total * share)
            total -= column[reflected(x - r, w2)]
            upper[2 * x] = mean
            lower[2 * x] = mean
            if 2 * x + 1 < out.shape[1]:
                upper[2 * x + 1] = mean
                lower[2 * x + 1] = mean
        for x in range(w2):
            column[x] -= leaving[x]


@compiled
def filtered(image: Float32Array, taps: Float32Array, out: Float32Array) -> None:
    """Fill `out` with ``taps * taps' * image``; `taps` from the centre outwards."""
    h, w = image.shape
    r = taps.size - 1
    row = np.empty(w + 2 * r, f4)
    for y in range(h):
        _taken(image[y], taps[0], row[r : r + w])
        for k in range(1, r + 1):
            _add_both(image[reflected(y - k, h)], image[reflected(y + k, h)], taps[k], row[r : r + w])
        for k in range(1, r + 1):
            row[r - k] = row[r + k]
            row[r + w - 1 + k] = row[r + w - 1 - k]
        _taken(row[r : r + w], taps[0], out[y])
        for k in range(1, r + 1):
            _add_both(row[r - k : r - k + w], row[r + k : r + k + w], taps[k], out[y])


@inlined
def _add(row: Float32Array, total: FloatArray) -> None:
    for x in range(total.size):
        total[x] += row[x]


@inlined
def _taken(row: Float32Array, weight: np.float32, out: Float32Array) -> None:
    for x in range(out.size):
        out[x] = weight * row[x]


@inlined
def _add_both(one: Float32Array, other: Float32Array, weight: np.float32, out: Float32Array) -> None:
    for x in range(out.size):
        out[x] += weight * (one[x] + other[x])


@compiled
def clipped_variance(values: Float32Array) -> float:
    """Variance of the values within three standard deviations, corrected to be unbiased for a normal distribution.

    Percentiles are no substitute: grey values may be so coarse that all percentiles are equal.
    """
    centre, spread, kept = 0.0, 0.0, 1.0
    for lap in range(7):
        reach = CLIP_SD * math.sqrt(spread) + 1e-3 if lap else 1e30
        n, total, squares = 0.0, 0.0, 0.0
        for value in values:
            away = value - centre
            if abs(away) <= reach:
                n += 1.0
                total += away
                squares += away * away
        shift = total / n
        centre, spread = centre + shift, (squares / n - shift * shift) / kept
        kept = CLIPPED_VARIANCE
    return spread + 1e-6
