"""Photon transfer under the spots: variance of the residuals of pixels against the fitted light.

A recording with an even background has a single grey level except in its spots: only spots show how the noise grows with
light. Spots are not perfect Gaussians. The misfit is smooth over neighbouring pixels, unlike noise, and its square grows
with the square of the light: both distinguish it from noise.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from nta.columns import Float32Array, FloatArray, IntArray
from nta.spots.columns import FLAGS
from nta.spots.excess import box_mean
from nta.spots.filters import BOX
from nta.spots.kernels.flags import EDGE, OUT_OF_FOCUS, POOR_FIT, SATURATED
from nta.spots.learned import Layer
from nta.spots.noise import ROUNDING_VARIANCE, PixelNoise

BINS = 16
FEWEST = 60  # fewest pixels in a bin
LEAST_RANGE = 2.0  # least difference of the brightest and the darkest bin, in standard deviations of noise
LIT_SD = 0.3  # least light of a pixel under a spot, in standard deviations of noise
BAD_SD = 0.05  # light of unreliable spots, in the same unit, from which on a pixel is left out
MOST_SQUARES = 40_000  # most squares under spots that are used, of all frames: they tell the slope well
EVERY = 31  # one in so many of the unlit pixels is used: there are enough of them
MOST_LEVERAGE = 0.6  # beyond, practically nothing of a pixel's noise remains in the residual
BAD = SATURATED | EDGE | OUT_OF_FOCUS | POOR_FIT


class SearchedFrame(NamedTuple):
    """A searched frame at a layer, in px of this layer.

    rows : rows of its spots. rest : signed grey values without stripes and without the light of spots. light : that light.
    """

    rows: FloatArray
    rest: Float32Array
    light: Float32Array


def transferred_noise(frames: Sequence[SearchedFrame], layer: Layer, sign: int) -> PixelNoise | None:
    """Return the noise of the layer's grey values; None if the spots do not determine it."""
    from nta.spots.kernels.means import clipped_variance

    sd = float(np.sqrt(layer.noise.variance(np.array(np.median(layer.background[::4, ::4])))))
    samples = [_samples(seen, layer, sd, MOST_SQUARES // len(frames)) for seen in frames]
    light, level, left = (np.concatenate(column) for column in zip(*samples, strict=True))
    variance, mean, squared, weight = [], [], [], []
    of_level = layer.noise.var0 + layer.noise.slope * sign * float(np.median(level))
    dim = light < LIT_SD * np.sqrt(max(of_level, 0.0) + layer.noise.floor)
    order = np.argsort(light[~dim])
    groups = [np.flatnonzero(dim), *np.array_split(np.flatnonzero(~dim)[order], BINS)]
    for group in groups:
        if group.size < FEWEST:
            continue
        variance.append(clipped_variance(left[group]))
        mean.append(sign * float(np.mean(level[group] + light[group])))
        squared.append(float(np.mean(light[group] ** 2)))
        weight.append(np.sqrt(group.size))
    v, m, q = np.array(variance), np.array(mean), np.array(squared)
    if v.size < 6 or np.ptp(m) < LEAST_RANGE * np.sqrt(v.min()):
        return None
    w = np.minimum(np.array(weight), 50.0)
    slope, var0 = _line(m, v, q, w)
    if not slope > 0:
        return None
    floor = max(ROUNDING_VARIANCE, 0.3 * float(v.min()))
    return PixelNoise(var0=var0, slope=slope, floor=floor)


def _line(
    m: NDArray[np.float64], v: NDArray[np.float64], q: NDArray[np.float64], w: NDArray[np.float64]
) -> tuple[float, float]:
    """Weighted fit of v = var0 + slope m + misfit q with misfit >= 0; relative errors of v are inverse to w."""
    scale = v.copy()
    slope = var0 = 0.0
    for _ in range(3):
        for columns in (np.stack([m, np.ones_like(m), q]), np.stack([m, np.ones_like(m)])):
            a = (columns * (w / scale)).T
            found = np.linalg.lstsq(a, v * w / scale, rcond=None)[0]
            if len(found) == 2 or found[2] >= 0:
                break
        slope, var0 = float(found[0]), float(found[1])
        scale = np.maximum(columns.T @ found, 0.2 * v.min())
    return slope, var0


def _samples(seen: SearchedFrame, layer: Layer, noise: float, most: int) -> tuple[NDArray[np.float32], ...]:
    """Return light, level and residual of squares of 2x2 px: under good spots, about `most` of them, and some unlit ones.

    The residual is a chequered sum, half of (upper left - upper right - lower left + lower right): it has the variance of a
    pixel, and contains hardly any smooth structure, such as background or the misfit of a spot.

    noise : standard deviation of a pixel of the background.
    """
    from nta.spots.kernels.paint import add_leverage, paint

    rows, rest, light = seen
    gain = layer.camera.gain_e_per_adu / layer.excess
    bad = np.zeros_like(light)
    if (doubtful := rows[rows[:, FLAGS].astype(int) & BAD != 0]).size:
        paint(doubtful, gain, bad)
    leverage = np.zeros_like(light)
    add_leverage(rows, leverage)
    y, x, lit = _squares(light, bad, layer, noise)
    some = slice(None, None, max(1, len(lit) // most))
    y, x, lit = y[some], x[some], lit[some]
    left = 0.5 * (rest[y, x] - rest[y, x + 1] - rest[y + 1, x] + rest[y + 1, x + 1])
    followed = chequered_share(layer.width_px) * np.minimum(leverage[y, x], MOST_LEVERAGE)
    return lit, box_mean(rest, 2 * BOX)[y, x], (left / np.sqrt(1 - followed)).astype(np.float32)


def _squares(
    light: Float32Array, bad: Float32Array, layer: Layer, noise: float
) -> tuple[IntArray, IntArray, Float32Array]:
    """Return row, column and mean light of squares of 2x2 px: all squares under good spots, and some unlit ones."""
    from nta.spots.kernels.squares import lit_squares

    y, x = np.empty((2, light.size), np.int64)
    mean = np.empty(light.size, np.float32)
    least, most_bad = np.float32(LIT_SD * noise), np.float32(BAD_SD * noise)
    n = lit_squares(light, bad, layer.pattern, least, most_bad, EVERY, y, x, mean)
    return y[:n], x[:n], mean[:n]


@lru_cache(maxsize=16)
def chequered_share(width_px: float) -> float:
    """Leverage of chequered sums of 2x2 px on a fit of x, y, N and s over the leverage of pixels, mean over a spot."""
    reach = math.ceil(5 * width_px)
    axis = np.arange(-reach, reach + 1.0) / width_px
    y, x = np.meshgrid(axis, axis, indexing="ij")
    gaussian = np.exp(-(x**2 + y**2) / 2)
    base = np.linalg.qr(
        np.stack([f.ravel() for f in (gaussian, x * gaussian, y * gaussian, (x**2 + y**2) * gaussian)], 1)
    )[0]
    waves = base.T.reshape(4, *x.shape)
    sums = 0.5 * (waves[:, :-1, :-1] - waves[:, :-1, 1:] - waves[:, 1:, :-1] + waves[:, 1:, 1:])
    return float((sums**2).sum() / 4)
