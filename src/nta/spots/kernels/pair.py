"""Fit of two overlapping spots where one does not explain the light."""

from __future__ import annotations

import math

import numpy as np
from numba import njit

from nta.spots.kernels.algebra import axis, factorise, substitute, variance_of
from nta.spots.kernels.fit import CHI2, ERROR, LANES, B, N, S, X, Y
from nta.spots.kernels.options import OPTIONS

ITERATIONS = 12
LEFT_OVER_SD = 4.0  # a second spot is tried where the smoothed residual of one exceeds this
SMOOTH_NORM = 6.0  # root of the sum of squares of the (1 2 1) x (1 2 1) weights
SETTLED = 3  # iterations from which on two that are nearer than MERGED will not part again
MERGED = 1.5  # widths
SPARROW = 2.0  # widths: nearer, two Gaussians have one peak, and one bright particle that moved while exposed looks alike


@njit(**OPTIONS)
def _variance(mu, noise):  # type: ignore[no-untyped-def]
    v = noise[0] * mu + noise[1]
    return v if v > noise[2] else noise[2]


@njit(**OPTIONS)
def _residual_peak(data, light, side, noise, one, residual):  # type: ignore[no-untyped-def]
    """Where the one-spot fit leaves most light, in standard deviations; returns (sd, x, y, chi-square)."""
    gx = np.empty((3, LANES))
    gy = np.empty((3, LANES))
    axis(one[X], one[S], side, gx[0], gx[1], gx[2])
    axis(one[Y], one[S], side, gy[0], gy[1], gy[2])
    chi2 = 0.0
    for j in range(side):
        for i in range(side):
            mu = one[B] + one[N] * gx[0, i] * gy[0, j] + light[j, i]
            residual[j, i] = data[j, i] - mu
            chi2 += residual[j, i] ** 2 / _variance(mu, noise)
    best, best_x, best_y = 0.0, -1, -1
    for j in range(1, side - 1):
        for i in range(1, side - 1):
            t = (
                4 * residual[j, i]
                + 2 * (residual[j - 1, i] + residual[j + 1, i] + residual[j, i - 1] + residual[j, i + 1])
                + residual[j - 1, i - 1] + residual[j - 1, i + 1] + residual[j + 1, i - 1] + residual[j + 1, i + 1]
            )  # fmt: skip
            mu = one[B] + one[N] * gx[0, i] * gy[0, j] + light[j, i]
            z = t / (SMOOTH_NORM * math.sqrt(_variance(mu, noise)))
            if z > best:
                best, best_x, best_y = z, i, j
    return best, best_x, best_y, chi2


@njit(**OPTIONS)
def _accumulate(data, light, side, noise, p, ax, ay, a, g):  # type: ignore[no-untyped-def]
    """Fisher matrix and gradient of (x1, y1, N1, x2, y2, N2, b, s); returns chi-square."""
    jac = np.empty(8)
    a[:, :] = 0.0
    g[:] = 0.0
    chi2 = 0.0
    for j in range(side):
        for i in range(side):
            g1 = ay[0, 0, j] * ax[0, 0, i]
            g2 = ay[1, 0, j] * ax[1, 0, i]
            model = p[6] + p[2] * g1 + p[5] * g2 + light[j, i]
            wt = 1.0 / _variance(model, noise)
            r = data[j, i] - model
            chi2 += r * r * wt
            jac[0] = p[2] * ay[0, 0, j] * ax[0, 1, i]
            jac[1] = p[2] * ay[0, 1, j] * ax[0, 0, i]
            jac[2] = g1
            jac[3] = p[5] * ay[1, 0, j] * ax[1, 1, i]
            jac[4] = p[5] * ay[1, 1, j] * ax[1, 0, i]
            jac[5] = g2
            jac[6] = 1.0
            jac[7] = p[2] * (ay[0, 0, j] * ax[0, 2, i] + ay[0, 2, j] * ax[0, 0, i]) + p[5] * (
                ay[1, 0, j] * ax[1, 2, i] + ay[1, 2, j] * ax[1, 0, i]
            )
            for k in range(8):
                t = jac[k] * wt
                g[k] += t * r
                for m in range(k + 1):
                    a[k, m] += t * jac[m]
    return chi2


@njit(**OPTIONS)
def fit_two(data, light, side, noise, limits, one, width, first, second):  # type: ignore[no-untyped-def]
    """Fit two spots (own x, y, N; common b, s) starting from the residual of the one-spot fit `one`.

    Returns how much chi-square drops, 0 where there is nothing to split, the fit fails or the two have a single peak.
    `first`, `second` receive x, y, N, b, s, error, chi2 as in `fit_one`. `width` is the recording's sigma: a blend's own
    sigma is too wide.
    """
    residual = np.empty((LANES, LANES))
    left, ix, iy, chi2_one = _residual_peak(data, light, side, noise, one, residual)
    if left < LEFT_OVER_SD:
        return 0.0
    a = np.empty((8, 8))
    g = np.empty(8)
    ax = np.empty((2, 3, LANES))
    ay = np.empty((2, 3, LANES))
    p = np.empty(8)
    # the centroid of the blend stays: the brighter spot starts on the other side of it by its share
    p[0] = one[X] - 0.35 * (ix - one[X])
    p[1] = one[Y] - 0.35 * (iy - one[Y])
    p[2] = 0.65 * one[N]
    p[3] = ix
    p[4] = iy
    p[5] = 0.35 * one[N]
    p[6] = one[B]
    p[7] = min(one[S], 1.15 * width)
    chi2 = 0.0
    for iteration in range(ITERATIONS + 1):
        for k in range(2):
            axis(p[3 * k], p[7], side, ax[k, 0], ax[k, 1], ax[k, 2])
            axis(p[3 * k + 1], p[7], side, ay[k, 0], ay[k, 1], ay[k, 2])
        chi2 = _accumulate(data, light, side, noise, p, ax, ay, a, g)
        for k in range(8):
            a[k, k] *= 1.001  # nearly coincident spots are nearly degenerate
        if not factorise(a, 8):
            return 0.0
        if iteration == ITERATIONS:
            break
        substitute(a, g, 8)
        largest = 0.0
        for k in (0, 1, 3, 4):
            step = min(max(g[k], -0.7), 0.7)
            p[k] += step
            largest = max(largest, abs(step))
        for k in (2, 5):
            p[k] = max(p[k] + g[k], 0.25 * p[k])
        p[6] += g[6]
        if noise[0] * p[6] + noise[1] < noise[2]:
            p[6] = noise[0] * (noise[2] - noise[1])
        p[7] = min(max(p[7] + min(max(g[7], -0.35), 0.35), limits[0]), limits[1])
        if largest < 0.5 * limits[2]:
            break
        if iteration >= SETTLED and (p[3] - p[0]) ** 2 + (p[4] - p[1]) ** 2 < (MERGED * width) ** 2:
            return 0.0  # they run into each other
    # two narrow spots imitate the streak of one that moved; none is narrower than the recording's spots are
    nearest = SPARROW * max(p[7], width)
    if (p[3] - p[0]) ** 2 + (p[4] - p[1]) ** 2 < nearest**2:
        return 0.0
    dof = side * side - 8
    for k in range(2):
        out = first if k == 0 else second
        out[X] = p[3 * k]
        out[Y] = p[3 * k + 1]
        out[N] = p[3 * k + 2]
        out[B] = p[6]
        out[S] = p[7]
        out[ERROR] = math.sqrt(0.5 * (variance_of(a, 8, 3 * k) + variance_of(a, 8, 3 * k + 1)))
        out[CHI2] = chi2 / dof
        if not (-0.5 < out[X] < side - 0.5 and -0.5 < out[Y] < side - 0.5):
            return 0.0
    return chi2_one - chi2
