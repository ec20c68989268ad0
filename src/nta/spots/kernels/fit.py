"""Maximum-likelihood fit of one Gaussian spot by Fisher scoring.

Units are photo-electrons, e = gain * (sign * image - signed offset) (sign -1 where spots are dark); the
variance of a pixel whose expectation is mu is sign * mu + read, at least a floor (`Noise`). Parameters: x, y, total N,
background b per pixel, sigma s. The Fisher matrix is J' W J, W = 1 / variance(mu); the model is separable, so every sum over
the patch is a column moment first (vectorised over 16 lanes), a dot product then.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from nta.columns import Float32Array, FloatArray
from nta.spots.columns import CHI2, ERROR, FREEDOM, B, N, S, X, Y
from nta.spots.fitting import N_PARAMETERS, freedom_of
from nta.spots.kernels.algebra import axis, factorise, substitute, variance_of
from nta.spots.kernels.lanes import LANES
from nta.spots.kernels.options import inlined
from nta.spots.kernels.rows import f4

SIDE = 15  # most rows of a patch
N_MOMENTS = 15
GX, DX, QX, MOMENTS = 0, LANES, 2 * LANES, 3 * LANES
WORK = MOMENTS + N_MOMENTS * LANES

_freedom_of = inlined(freedom_of)


class Noise(NamedTuple):
    """Variance of a pixel in electrons squared: sign * expectation + read, at least `floor`."""

    sign: float
    read: float
    floor: float


class Limits(NamedTuple):
    """Widths between which a spot is fitted, px; the step that ends the fit, px; the most steps."""

    narrowest: float
    widest: float
    settled: float
    iterations: int


@inlined
def _add_row(
    data: Float32Array, light: Float32Array, mask: Float32Array, work: Float32Array, background: np.float32,
    scale: np.float32, sign: np.float32, read: np.float32, floor: np.float32, y0: np.float32, y1: np.float32,
    y2: np.float32,
) -> None:  # fmt: skip
    """Add one patch row to the column moments; y0, y1, y2 are the row's value, derivative by y and by sigma."""
    y00 = y0 * y0
    y01 = y0 * y1
    y02 = y0 * y2
    y11 = y1 * y1
    y12 = y1 * y2
    y22 = y2 * y2
    for i in range(LANES):
        mu = background + scale * work[GX + i] + light[i]
        variance = sign * mu + read
        variance = variance if variance > floor else floor
        wt = mask[i] / variance
        residual = data[i] - mu
        weighted = residual * wt
        work[MOMENTS + i] += wt
        work[MOMENTS + LANES + i] += wt * y0
        work[MOMENTS + 2 * LANES + i] += wt * y1
        work[MOMENTS + 3 * LANES + i] += wt * y2
        work[MOMENTS + 4 * LANES + i] += wt * y00
        work[MOMENTS + 5 * LANES + i] += wt * y01
        work[MOMENTS + 6 * LANES + i] += wt * y02
        work[MOMENTS + 7 * LANES + i] += wt * y11
        work[MOMENTS + 8 * LANES + i] += wt * y12
        work[MOMENTS + 9 * LANES + i] += wt * y22
        work[MOMENTS + 10 * LANES + i] += weighted
        work[MOMENTS + 11 * LANES + i] += weighted * y0
        work[MOMENTS + 12 * LANES + i] += weighted * y1
        work[MOMENTS + 13 * LANES + i] += weighted * y2
        work[MOMENTS + 14 * LANES + i] += residual * weighted


@inlined
def _normal_equations(work: Float32Array, n: float, a: FloatArray, g: FloatArray) -> float:
    """Fisher matrix (lower triangle) and gradient of (x, y, N, b, s) from the column moments; returns chi-square."""
    xx = f4(0)
    xy = f4(0)
    yy = f4(0)
    xn = f4(0)
    yn = f4(0)
    nn = f4(0)
    xb = f4(0)
    yb = f4(0)
    nb = f4(0)
    bb = f4(0)
    xs = f4(0)
    ys = f4(0)
    ns = f4(0)
    bs = f4(0)
    ss = f4(0)
    rx = f4(0)
    ry = f4(0)
    rn = f4(0)
    rb = f4(0)
    rs = f4(0)
    chi2 = f4(0)
    for i in range(LANES):
        gx = work[GX + i]
        dx = work[DX + i]
        qx = work[QX + i]
        wg = work[MOMENTS + LANES + i]
        wgg = work[MOMENTS + 4 * LANES + i]
        wgd = work[MOMENTS + 5 * LANES + i]
        wgq = work[MOMENTS + 6 * LANES + i]
        rg = work[MOMENTS + 11 * LANES + i]
        t = qx * wgg + gx * wgq
        xx += dx * dx * wgg
        xy += dx * gx * wgd
        yy += gx * gx * work[MOMENTS + 7 * LANES + i]
        xn += dx * gx * wgg
        yn += gx * gx * wgd
        nn += gx * gx * wgg
        xb += dx * wg
        yb += gx * work[MOMENTS + 2 * LANES + i]
        nb += gx * wg
        bb += work[MOMENTS + i]
        xs += dx * t
        ys += gx * (qx * wgd + gx * work[MOMENTS + 8 * LANES + i])
        ns += gx * t
        bs += qx * wg + gx * work[MOMENTS + 3 * LANES + i]
        ss += qx * (t + gx * wgq) + gx * gx * work[MOMENTS + 9 * LANES + i]
        rx += dx * rg
        ry += gx * work[MOMENTS + 12 * LANES + i]
        rn += gx * rg
        rb += work[MOMENTS + 10 * LANES + i]
        rs += qx * rg + gx * work[MOMENTS + 13 * LANES + i]
        chi2 += work[MOMENTS + 14 * LANES + i]
    n2 = n * n
    a[0, 0] = n2 * xx
    a[1, 0] = n2 * xy
    a[1, 1] = n2 * yy
    a[2, 0] = n * xn
    a[2, 1] = n * yn
    a[2, 2] = nn
    a[3, 0] = n * xb
    a[3, 1] = n * yb
    a[3, 2] = nb
    a[3, 3] = bb
    a[4, 0] = n2 * xs
    a[4, 1] = n2 * ys
    a[4, 2] = n * ns
    a[4, 3] = n * bs
    a[4, 4] = n2 * ss
    g[0] = n * rx
    g[1] = n * ry
    g[2] = rn
    g[3] = rb
    g[4] = n * rs
    return float(chi2)


@inlined
def _n_counted(mask: Float32Array, side: int) -> float:
    """Return how many pixels of a patch count."""
    n = f4(0)
    for j in range(side):
        for i in range(LANES):
            n += mask[j, i]
    return float(n)


@inlined
def fit_one(
    data: Float32Array, light: Float32Array, mask: Float32Array, side: int, noise: Noise, limits: Limits,
    start: FloatArray, work: Float32Array, ay: FloatArray, a: FloatArray, g: FloatArray, out: FloatArray,
) -> bool:  # fmt: skip
    """Fit one spot on a patch in electrons.

    Parameters
    ----------
    data, light : (side, 16) patch and the light of known neighbours on it
    mask : (side, 16) 1 where a pixel counts, 0 where it is saturated or beyond the patch
    start : (X, Y, N, B, S) to begin with, in patch coordinates
    work, ay, a, g : float32 (WORK,), float64 (3, 16), (8, 8), (8,) workspaces
    out : receives the columns X to CHI2 and FREEDOM; `a` is left factorised

    Returns
    -------
    Whether it converged to something inside the patch.
    """
    sign, read, floor = noise
    px, py, n, b, s = start[X], start[Y], start[N], start[B], start[S]
    g0, d0, q0 = work[GX : GX + LANES], work[DX : DX + LANES], work[QX : QX + LANES]
    g1, d1, q1 = ay[0], ay[1], ay[2]
    chi2 = 0.0
    for _ in range(limits.iterations):
        axis(px, s, side, g0, d0, q0)
        axis(py, s, side, g1, d1, q1)
        work[MOMENTS:WORK] = f4(0)
        for j in range(side):
            _add_row(
                data[j], light[j], mask[j], work, f4(b), f4(n * g1[j]), f4(sign), f4(read), f4(floor),
                f4(g1[j]), f4(d1[j]), f4(q1[j]),
            )  # fmt: skip
        chi2 = _normal_equations(work, n, a, g)
        if not factorise(a, N_PARAMETERS):
            return False
        r0, r1, r2, r3, r4 = g[0], g[1], g[2], g[3], g[4]
        substitute(a, g, N_PARAMETERS)
        sx = min(max(g[0], -0.7), 0.7)
        sy = min(max(g[1], -0.7), 0.7)
        ss = min(max(g[4], -0.35), 0.35)
        px += sx
        py += sy
        n = max(n + g[2], 0.25 * n)
        b += g[3]
        if sign * b + read < floor:
            b = sign * (floor - read)
        s = min(max(s + ss, limits.narrowest), limits.widest)
        if abs(sx) < limits.settled and abs(sy) < limits.settled and abs(ss) < 10 * limits.settled:
            # what the last step takes off: of a bright spot, whose residuals are sharp, more than all that is left
            chi2 -= r0 * g[0] + r1 * g[1] + r2 * g[2] + r3 * g[3] + r4 * g[4]
            break
        if px < -1 or py < -1 or px > side or py > side:
            return False
    out[X] = px
    out[Y] = py
    out[N] = n
    out[B] = b
    out[S] = s
    out[ERROR] = math.sqrt(0.5 * (variance_of(a, N_PARAMETERS, X, g) + variance_of(a, N_PARAMETERS, Y, g)))
    out[FREEDOM] = _freedom_of(_n_counted(mask, side))
    out[CHI2] = max(chi2, 0.0) / out[FREEDOM]
    return bool(n > 0)
