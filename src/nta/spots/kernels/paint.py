"""The light of fitted spots as an image, and the leverage of each pixel on their fits."""

from __future__ import annotations

import math

import numpy as np

from nta.columns import Float32Array, FloatArray
from nta.spots.columns import N, S, X, Y
from nta.spots.fitting import PIXEL_VARIANCE
from nta.spots.kernels.algebra import axis
from nta.spots.kernels.lanes import LANES
from nta.spots.kernels.options import compiled, inlined

REACH = 4.0  # widths
MOST = 8 * LANES  # px


@compiled
def paint(rows: FloatArray, gain: float, image: Float32Array) -> None:
    """Add the spots of `rows` to `image` in grey values of `gain` electrons."""
    h, w = image.shape
    ax = np.empty((3, MOST), np.float32)
    ay = np.empty((3, MOST), np.float32)
    for i in range(rows.shape[0]):
        x0, nx = _reached(rows[i, X], rows[i, S], w)
        y0, ny = _reached(rows[i, Y], rows[i, S], h)
        if nx <= 0 or ny <= 0:
            continue
        _long_axis(rows[i, X] - x0, rows[i, S], nx, ax)
        _long_axis(rows[i, Y] - y0, rows[i, S], ny, ay)
        for y in range(ny):
            e = np.float32(rows[i, N] / gain) * ay[0, y]
            for x in range(nx):
                image[y0 + y, x0 + x] += e * ax[0, x]


@inlined
def _long_axis(centre: float, sigma: float, n: int, out: Float32Array) -> None:
    """Fill at least the first n columns of `out` as `axis` does."""
    for i in range(0, n, LANES):
        axis(centre - i, sigma, out[0, i:], out[1, i:], out[2, i:])


@compiled
def add_leverage(rows: FloatArray, image: Float32Array) -> None:
    """Add the leverage of each pixel: the share of its noise that the fits of `rows` follow.

    It is the diagonal of the hat matrix of x, y, N and s: exp(-u) (2 + u^2) / (pi s^2), u = r^2 / s^2 (orthonormal
    derivatives of a Gaussian).
    """
    h, w = image.shape
    ux, uy = np.empty(MOST), np.empty(MOST)
    ex, ey = np.empty(MOST), np.empty(MOST)
    for i in range(rows.shape[0]):
        x0, nx = _reached(rows[i, X], rows[i, S], w)
        y0, ny = _reached(rows[i, Y], rows[i, S], h)
        v = rows[i, S] ** 2 + PIXEL_VARIANCE
        for x in range(nx):
            ux[x] = (x0 + x - rows[i, X]) ** 2 / v
            ex[x] = math.exp(-ux[x])
        for y in range(ny):
            uy[y] = (y0 + y - rows[i, Y]) ** 2 / v
            ey[y] = math.exp(-uy[y])
        for y in range(ny):
            for x in range(nx):
                u = ux[x] + uy[y]
                image[y0 + y, x0 + x] += np.float32(ex[x] * ey[y] * (2 + u * u) / (math.pi * v))


@inlined
def _reached(centre: float, width: float, size: int) -> tuple[int, int]:
    """Return the first pixel of a row of `size` px that a spot of this width reaches, and the number of such pixels."""
    r = REACH * width + 1
    first, end = max(int(centre - r), 0), min(int(centre + r) + 1, size)
    return first, min(end - first, MOST)
