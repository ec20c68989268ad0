"""The plain engine: NumPy and SciPy, slow, without shortcuts; tests compare the fits of the compiled kernels with it.

It filters the whole frame at full resolution and fits every maximum by itself with a Gaussian integrated over pixels.
Neighbours, blends, discs and rings are left to the fast engine.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from nta.columns import FloatArray
from nta.frames import Image
from nta.spots.columns import ERROR, N_TABLE, B, N, S, X, Y
from nta.spots.filters import BOX, MEAN_CLIP_SD
from nta.spots.fitting import (
    ERROR_GROWTH,
    FIT_SHARE,
    LONGEST_STEP_PX,
    LONGEST_WIDTH_STEP_PX,
    MOST_ERROR,
    NARROWEST_SHARE,
    PIXEL_VARIANCE,
    POOR_SD,
    STRAY_PX,
    chi2_beyond,
    freedom_of,
    widest_px,
)
from nta.spots.kernels.follow import ABOVE_SD, HIGH, RISEN, STRIDE, TILE
from nta.spots.learned import Learned, summed
from nta.spots.settings import DetectionSettings
from nta.spots.stripes import FrameStripes
from nta.spots.table import SpotFlag

ITERATIONS = 30


class ReferenceSearch:
    """Searches one frame at a time."""

    def __init__(self, learned: Learned, settings: DetectionSettings) -> None:
        self._learned = learned
        self._layer = learned.layers[0]
        self._k = settings.threshold_sd

    def search(self, image: Image) -> FloatArray:
        """Return one row per spot, camera px and photo-electrons; see `nta.spots.columns`."""
        layer, step = self._layer, self._layer.step
        height, width = self._learned.finest.background.shape
        grey = image[:height, :width].astype(np.float32)
        for finer in self._learned.skipped:
            grey = summed(grey) / np.float32(2.0**finer.shift)
        saturated = grey >= layer.full_scale
        value = self._learned.sign * grey.astype(float)
        if any(layer.wavering):
            stripes = FrameStripes.of(layer, self._learned.sign, layer.fixed)
            stripes.look(grey)
            value -= stripes.values
        elif layer.fixed.size:
            value -= layer.fixed
        rows = [self._fitted(value, saturated, y, x) for y, x in self._maxima(value)]
        table = np.array([row for row in rows if row is not None]).reshape(-1, N_TABLE)
        table[:, [X, Y]] = step * table[:, [X, Y]] + 0.5 * (step - 1)
        table[:, B] /= step**2
        table[:, [S, ERROR]] *= step
        return table

    def _variance(self, value: FloatArray) -> FloatArray:
        """Noise variance of signed grey values, excess included."""
        return self._layer.excess * self._layer.noise.variance(self._learned.sign * value)

    def _maxima(self, value: FloatArray) -> NDArray[np.int64]:
        from scipy import ndimage

        layer, f = self._layer, self._layer.filters
        line = np.concatenate([f.full[:0:-1], f.full])
        response = ndimage.correlate1d(
            ndimage.correlate1d(value, line, 0, mode="mirror"), line, 1, mode="mirror"
        )
        level = self._learned.sign * layer.background.astype(float)
        sd = np.sqrt(self._variance(level))
        risen = level + _rise(value, level, sd)
        mean = ndimage.uniform_filter(
            np.minimum(value, risen + MEAN_CLIP_SD * np.sqrt(self._variance(risen))), 2 * BOX
        )
        response -= mean
        sd = f.full_norm * np.sqrt(self._variance(mean) * layer.clutter / layer.excess)
        peak = (response == ndimage.maximum_filter(response, 3)) & (response > self._k * sd)
        peak[[0, -1]] = peak[:, [0, -1]] = False
        return np.argwhere(peak)

    def _fitted(self, value: FloatArray, saturated: NDArray[np.bool_], y: int, x: int) -> FloatArray | None:
        """Maximum-likelihood fit by Fisher scoring around (y, x); None if there is no spot."""
        layer, r = self._layer, self._layer.fit_radius
        h, w = value.shape
        y0, x0 = int(np.clip(y - r, 0, h - 2 * r - 1)), int(np.clip(x - r, 0, w - 2 * r - 1))
        window = slice(y0, y0 + 2 * r + 1), slice(x0, x0 + 2 * r + 1)
        patch, whole = value[window], ~saturated[window]
        b = float(np.median(np.r_[patch[0], patch[-1], patch[:, 0], patch[:, -1]]))
        s = layer.width_px
        p = np.array([x - x0, y - y0, max(patch[y - y0, x - x0] - b, 1e-6) * 2 * math.pi * s**2, b, s])
        for _ in range(ITERATIONS):
            mean, jacobian = _model(p, patch.shape)
            weight = whole / self._variance(mean)
            fisher = np.einsum("kij,lij,ij->kl", jacobian, jacobian, weight)
            gradient = np.einsum("kij,ij->k", jacobian, (patch - mean) * weight)
            try:
                change = np.linalg.solve(fisher, gradient)
            except np.linalg.LinAlgError:
                return None
            change[[X, Y]] = np.clip(change[[X, Y]], -LONGEST_STEP_PX, LONGEST_STEP_PX)
            change[S] = np.clip(change[S], -LONGEST_WIDTH_STEP_PX, LONGEST_WIDTH_STEP_PX)
            p += change
            if not (p[N] > 0 and NARROWEST_SHARE * s < p[S] < widest_px(s, r)):
                return None
            if np.abs(change[[X, Y]]).max() < 1e-4:
                break
        if max(abs(p[X] + x0 - x), abs(p[Y] + y0 - y)) > STRAY_PX:
            return None
        return self._row(p, patch, mean, weight, fisher, (y0, x0), whole)

    def _row(
        self,
        p: FloatArray,
        patch: FloatArray,
        mean: FloatArray,
        weight: FloatArray,
        fisher: FloatArray,
        corner: tuple[int, int],
        whole: NDArray[np.bool_],
    ) -> FloatArray | None:
        layer, sign = self._layer, self._learned.sign
        bound = np.diag(np.linalg.inv(fisher))
        freedom = freedom_of(float(whole.sum()))
        chi2 = float(((patch - mean) ** 2 * weight).sum() / freedom)
        noise = float(self._variance(np.array(p[B])))
        snr = p[N] / math.sqrt(4 * math.pi * (p[S] ** 2 + PIXEL_VARIANCE) * noise)
        snr /= math.sqrt(layer.clutter / layer.excess)
        if snr < FIT_SHARE * self._k:
            return None
        x, y = p[X] + corner[1], p[Y] + corner[0]
        height, width = layer.background.shape
        r = layer.fit_radius - 0.5
        flags = 0 if whole.all() else int(SpotFlag.SATURATED)
        flags |= int(SpotFlag.EDGE) * (not (r <= x <= width - 1 - r and r <= y <= height - 1 - r))
        error = math.sqrt(0.5 * (bound[X] + bound[Y]))
        if chi2 > chi2_beyond(POOR_SD, freedom):
            flags |= int(SpotFlag.POOR_FIT)
            error *= chi2**ERROR_GROWTH
        error = min(error, MOST_ERROR * p[S])
        gain, offset = layer.camera.gain_e_per_adu, sign * layer.camera.offset_adu
        return np.array([x, y, p[N] * gain, (p[B] - offset) * gain, p[S], error, chi2, flags, snr])


def _model(p: FloatArray, shape: tuple[int, ...]) -> tuple[FloatArray, FloatArray]:
    """Pixel-integrated Gaussian on a background, and its derivatives by x, y, N, b and s."""
    x, y, n, b, s = p
    gx, dx, qx = _integrated(x, s, shape[1])
    gy, dy, qy = _integrated(y, s, shape[0])
    spot = np.outer(gy, gx)
    jacobian = [n * np.outer(gy, dx), n * np.outer(dy, gx), spot, np.ones(shape)]
    jacobian.append(n * (np.outer(gy, qx) + np.outer(qy, gx)))
    return b + n * spot, np.stack(jacobian)


def _integrated(centre: float, s: float, n: int) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Share of a Gaussian on each of n pixels, its derivative by the centre and by s."""
    from scipy.special import ndtr

    u = (np.arange(n + 1) - 0.5 - centre) / s
    density = np.exp(-0.5 * u**2) / (math.sqrt(2 * math.pi) * s)
    share, by_centre, by_width = np.diff(ndtr(u)), -np.diff(density), -np.diff(density * u)
    return share, by_centre, by_width


def _rise(value: FloatArray, level: FloatArray, sd: FloatArray) -> FloatArray:
    """Rise of the background since it was learned, the maximum over the tiles around; see `kernels.follow`."""
    from scipy import ndimage

    above = value - level
    side = STRIDE * TILE
    edges = [np.append(np.arange(0, max(n // side, 1)) * side, n) for n in value.shape]
    lift = np.zeros([e.size - 1 for e in edges])
    for j, i in np.ndindex(*lift.shape):
        tile = slice(*edges[0][j : j + 2]), slice(*edges[1][i : i + 2])
        if np.mean(above[tile] > ABOVE_SD * sd[tile]) > RISEN:
            lift[j, i] = np.quantile(above[tile], HIGH)
    lift = ndimage.maximum_filter(lift, 3, mode="nearest")
    return np.repeat(np.repeat(lift, np.diff(edges[0]), 0), np.diff(edges[1]), 1)
