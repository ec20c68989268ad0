"""Gaussian spots integrated over pixels, with their signal-to-noise ratio and Cramer-Rao bound."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from nta.columns import Float32Array, FloatArray
from nta.compiled import compiled

_REACH = 4.5  # standard deviations; 1e-5 of the light falls outside
_LARGEST = 256  # px, the largest extent of a spot along an axis


class Blobs(NamedTuple):
    """Gaussian spots in pieces of the exposure: positions and widths in px, and light, (spots, pieces)."""

    y: FloatArray
    x: FloatArray
    width_y: FloatArray
    width_x: FloatArray
    electrons: FloatArray


class Pictures(NamedTuple):
    """Expected electrons of a frame with and without particles, and the variance added by reading."""

    full: Float32Array
    empty: Float32Array
    read_variance_e2: float


@compiled(inline="always")
def _range(centres: FloatArray, widths: FloatArray, size: int) -> tuple[int, int]:
    """First and last pixel that any piece of a path reaches along one axis; last < first: none."""
    low = 1e30
    high = -1e30
    for k in range(centres.size):
        reach = _REACH * widths[k] + 0.5
        low = min(low, centres[k] - reach)
        high = max(high, centres[k] + reach)
    if high < 0 or low > size - 1 or high - low > _LARGEST:
        return 0, -1
    return max(0, math.floor(low + 0.5)), min(size - 1, math.floor(high + 0.5))


@compiled(inline="always")
def _profile(first: int, last: int, centre: float, width: float, out: FloatArray) -> None:
    """Share of a 1-D Gaussian on each pixel; pixel i reaches from i - 1/2 to i + 1/2."""
    q = 1.0 / (math.sqrt(2.0) * width)
    left = math.erf((first - 0.5 - centre) * q)
    for i in range(first, last + 1):
        right = math.erf((i + 0.5 - centre) * q)
        out[i - first] = 0.5 * (right - left)
        left = right


@compiled(inline="always")
def _slope(first: int, last: int, centre: float, width: float, out: FloatArray) -> None:
    """Take the derivative of `_profile` with respect to the centre."""
    q = 1.0 / (math.sqrt(2.0) * width)
    norm = q / math.sqrt(math.pi)
    a = (first - 0.5 - centre) * q
    left = math.exp(-a * a)
    for i in range(first, last + 1):
        a = (i + 0.5 - centre) * q
        right = math.exp(-a * a)
        out[i - first] = norm * (left - right)
        left = right


@compiled(outer=True)
def add_gaussians(expected: Float32Array, blobs: Blobs) -> None:
    """Add spots to a frame of expected electrons."""
    y, x, width_y, width_x, electrons = blobs.y, blobs.x, blobs.width_y, blobs.width_x, blobs.electrons
    height, width = expected.shape
    along_x = np.empty(_LARGEST + 8)
    along_y = np.empty(_LARGEST + 8)
    for i in range(y.shape[0]):
        for k in range(y.shape[1]):
            y0, y1 = _range(y[i, k : k + 1], width_y[i, k : k + 1], height)
            x0, x1 = _range(x[i, k : k + 1], width_x[i, k : k + 1], width)
            if y1 < y0 or x1 < x0:
                continue
            _profile(x0, x1, x[i, k], width_x[i, k], along_x)
            _profile(y0, y1, y[i, k], width_y[i, k], along_y)
            for row in range(y0, y1 + 1):
                light = electrons[i, k] * along_y[row - y0]
                line = expected[row]
                for column in range(x0, x1 + 1):
                    line[column] += light * along_x[column - x0]


@compiled(outer=True)
def gaussian_visibility(pictures: Pictures, blobs: Blobs, snr: FloatArray, crlb: FloatArray) -> None:
    """Signal-to-noise ratio and Cramer-Rao bound of every spot, from the noise-free pictures with and without spots.

    snr : of the matched filter, sqrt(sum s² / v), v the variance without any spot (background and read noise).
    crlb : standard error of a position in px (root mean square over both axes) of an unbiased estimate if shape, light and
        neighbours are known: from the 2 x 2 Fisher information with the variance of the full picture.
    """
    y, x, width_y, width_x, electrons = blobs.y, blobs.x, blobs.width_y, blobs.width_x, blobs.electrons
    height, width = pictures.full.shape
    px = np.empty(_LARGEST + 8)
    py = np.empty(_LARGEST + 8)
    dx = np.empty(_LARGEST + 8)
    dy = np.empty(_LARGEST + 8)
    for i in range(y.shape[0]):
        y0, y1 = _range(y[i], width_y[i], height)
        x0, x1 = _range(x[i], width_x[i], width)
        if y1 < y0 or x1 < x0:
            snr[i], crlb[i] = 0.0, np.inf
            continue
        spot = np.zeros((3, y1 - y0 + 1, x1 - x0 + 1))
        for k in range(y.shape[1]):
            _profile(x0, x1, x[i, k], width_x[i, k], px)
            _profile(y0, y1, y[i, k], width_y[i, k], py)
            _slope(x0, x1, x[i, k], width_x[i, k], dx)
            _slope(y0, y1, y[i, k], width_y[i, k], dy)
            for r in range(spot.shape[1]):
                a = electrons[i, k] * py[r]
                b = electrons[i, k] * dy[r]
                for c in range(spot.shape[2]):
                    spot[0, r, c] += a * px[c]
                    spot[1, r, c] += b * px[c]
                    spot[2, r, c] += a * dx[c]
        snr[i], crlb[i] = information(spot, pictures, y0, x0)


@compiled(inner=True)
def information(spot: FloatArray, pictures: Pictures, y0: int, x0: int) -> tuple[float, float]:
    """Return signal-to-noise ratio and Cramer-Rao bound from a spot's light and slopes (3, rows, columns)."""
    expected, empty, read = pictures.full, pictures.empty, pictures.read_variance_e2
    power = 0.0
    iyy = 0.0
    ixx = 0.0
    ixy = 0.0
    for r in range(spot.shape[1]):
        for c in range(spot.shape[2]):
            s = spot[0, r, c]
            power += s * s / max(empty[y0 + r, x0 + c] + read, 1e-6)
            v = max(expected[y0 + r, x0 + c] + read, 1e-6)
            iyy += spot[1, r, c] * spot[1, r, c] / v
            ixx += spot[2, r, c] * spot[2, r, c] / v
            ixy += spot[1, r, c] * spot[2, r, c] / v
    determinant = iyy * ixx - ixy * ixy
    if determinant <= 0.0:
        return math.sqrt(power), np.inf
    return math.sqrt(power), math.sqrt(0.5 * (ixx + iyy) / determinant)
