"""The light of fitted spots as an image."""

from __future__ import annotations

import math

import numpy as np

from nta.columns import Float32Array, FloatArray
from nta.spots.columns import N, S, X, Y
from nta.spots.kernels.algebra import axis
from nta.spots.kernels.options import compiled, inlined

REACH = 4.0  # widths
MOST = 128  # px


@compiled
def paint(rows: FloatArray, gain: float, image: Float32Array, leverage: Float32Array) -> None:
    """Add the spots of `rows` to `image` in grey values, `gain` electrons of the rows each.

    leverage : empty, or as large as `image`: receives the share of a pixel's noise that the fit follows, the diagonal of the
    hat matrix of x, y, N and s: exp(-u) (2 + u^2) / (pi s^2), u = r^2 / s^2 (orthonormal derivatives of a Gaussian).
    """
    follow = leverage.size > 0
    h, w = image.shape
    ax = np.empty((3, MOST))
    ay = np.empty((3, MOST))
    for i in range(rows.shape[0]):
        r = REACH * rows[i, S] + 1
        x0, x1 = max(int(rows[i, X] - r), 0), min(int(rows[i, X] + r) + 1, w)
        y0, y1 = max(int(rows[i, Y] - r), 0), min(int(rows[i, Y] + r) + 1, h)
        nx, ny = min(x1 - x0, MOST), min(y1 - y0, MOST)
        if nx <= 0 or ny <= 0:
            continue
        axis(rows[i, X] - x0, rows[i, S], nx, ax[0], ax[1], ax[2])
        axis(rows[i, Y] - y0, rows[i, S], ny, ay[0], ay[1], ay[2])
        for y in range(ny):
            e = rows[i, N] / gain * ay[0, y]
            for x in range(nx):
                image[y0 + y, x0 + x] += np.float32(e * ax[0, x])
        if follow:
            v = rows[i, S] ** 2 + 1.0 / 12.0
            _from_centre(rows[i, X] - x0, v, ax[0, :nx], ax[1, :nx])
            _from_centre(rows[i, Y] - y0, v, ay[0, :ny], ay[1, :ny])
            for y in range(ny):
                for x in range(nx):
                    u = ax[0, x] + ay[0, y]
                    near = ax[1, x] * ay[1, y]
                    leverage[y0 + y, x0 + x] += np.float32(near * (2 + u * u) / (math.pi * v))


@inlined
def _from_centre(centre: float, v: float, u: FloatArray, near: FloatArray) -> None:
    """Fill the square of the distance along an axis over v, u, and exp(-u): along both axes it is their product."""
    for i in range(u.size):
        u[i] = (i - centre) ** 2 / v
        near[i] = math.exp(-u[i])
