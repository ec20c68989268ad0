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
from nta.spots.fitting import LONGEST_STEP_PX, LONGEST_WIDTH_STEP_PX, N_PARAMETERS, freedom_of
from nta.spots.kernels.algebra import axis, factorise, substitute, variance_of
from nta.spots.kernels.lanes import LANES
from nta.spots.kernels.options import inlined
from nta.spots.kernels.rows import f4

SIDE = 15  # most rows of a patch
# least share of the light that a step leaves: the light stays above 0 (design choice)
LEAST_LEFT_OF_LIGHT = 0.25
# factor on the step that ends the fit, for the width: late changes of the width hardly move the centre (design choice)
WIDTH_SETTLED = 10
# The workspace: value g, derivative by the centre d and by sigma q of the Gaussian along x, then the column moments: sums
# over y of weight W and of weighted residual R, each times the g, d and q along y that its name says; RR is chi-square
GX, DX, QX, W, WG, WD, WQ, WGG, WGD, WGQ, WDD, WDQ, WQQ, R, RG, RD, RQ, RR, WORK = range(0, 19 * LANES, LANES)

_freedom_of = inlined(freedom_of)  # the same function as in the plain engine, as a kernel


class Noise(NamedTuple):
    """Variance of a pixel in electrons squared: sign * expectation + read, at least `floor`."""

    sign: float
    read: float
    floor: float


class Limits(NamedTuple):
    """Limits of a fit: least and largest width, px; the step that ends the fit, px; the most iterations."""

    narrowest: float
    widest: float
    settled: float
    iterations: int


@inlined
def _add_row(
    data: Float32Array, light: Float32Array, mask: Float32Array, work: Float32Array, background: np.float32,
    scale: np.float32, sign: np.float32, read: np.float32, floor: np.float32, g: np.float32, d: np.float32,
    q: np.float32,
) -> None:  # fmt: skip
    """Add one patch row to the column moments; g, d, q are the row's value, derivative by y and by sigma."""
    gg = g * g
    gd = g * d
    gq = g * q
    dd = d * d
    dq = d * q
    qq = q * q
    for i in range(LANES):
        mu = background + scale * work[GX + i] + light[i]
        variance = sign * mu + read
        variance = variance if variance > floor else floor
        wt = mask[i] / variance
        residual = data[i] - mu
        weighted = residual * wt
        work[W + i] += wt
        work[WG + i] += wt * g
        work[WD + i] += wt * d
        work[WQ + i] += wt * q
        work[WGG + i] += wt * gg
        work[WGD + i] += wt * gd
        work[WGQ + i] += wt * gq
        work[WDD + i] += wt * dd
        work[WDQ + i] += wt * dq
        work[WQQ + i] += wt * qq
        work[R + i] += weighted
        work[RG + i] += weighted * g
        work[RD + i] += weighted * d
        work[RQ + i] += weighted * q
        work[RR + i] += residual * weighted


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
        wg = work[WG + i]
        wgg = work[WGG + i]
        wgd = work[WGD + i]
        wgq = work[WGQ + i]
        rg = work[RG + i]
        t = qx * wgg + gx * wgq
        xx += dx * dx * wgg
        xy += dx * gx * wgd
        yy += gx * gx * work[WDD + i]
        xn += dx * gx * wgg
        yn += gx * gx * wgd
        nn += gx * gx * wgg
        xb += dx * wg
        yb += gx * work[WD + i]
        nb += gx * wg
        bb += work[W + i]
        xs += dx * t
        ys += gx * (qx * wgd + gx * work[WDQ + i])
        ns += gx * t
        bs += qx * wg + gx * work[WQ + i]
        ss += qx * (t + gx * wgq) + gx * gx * work[WQQ + i]
        rx += dx * rg
        ry += gx * work[RD + i]
        rn += gx * rg
        rb += work[R + i]
        rs += qx * rg + gx * work[RQ + i]
        chi2 += work[RR + i]
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
def fit_one(
    data: Float32Array, light: Float32Array, mask: Float32Array, n_masked: int, side: int, noise: Noise, limits: Limits,
    start: FloatArray, work: Float32Array, ay: Float32Array, a: FloatArray, g: FloatArray, out: FloatArray,
) -> bool:  # fmt: skip
    """Fit one spot on a patch in electrons.

    Parameters
    ----------
    data, light : (side, 16) patch and the light of known neighbours on it
    mask : (side, 16) 1 for pixels that are used, 0 for saturated pixels and beyond the patch
    n_masked : number of pixels of the patch that are not used
    start : (X, Y, N, B, S) start values, in patch coordinates
    work, ay, a, g : float32 (WORK,), (3, 16), float64 (8, 8), (8,) workspaces
    out : receives the columns X to CHI2 and FREEDOM; `a` is left factorised

    Returns
    -------
    Whether the fit converged inside the patch.
    """
    sign, read, floor = noise
    px, py, n, b, s = start[X], start[Y], start[N], start[B], start[S]
    g0, d0, q0 = work[GX : GX + LANES], work[DX : DX + LANES], work[QX : QX + LANES]
    g1, d1, q1 = ay[0], ay[1], ay[2]
    chi2 = 0.0
    for _ in range(limits.iterations):
        axis(px, s, g0, d0, q0)
        axis(py, s, g1, d1, q1)
        work[W:] = f4(0)
        for j in range(side):
            _add_row(
                data[j], light[j], mask[j], work, f4(b), f4(n) * g1[j], f4(sign), f4(read), f4(floor),
                g1[j], d1[j], q1[j],
            )  # fmt: skip
        chi2 = _normal_equations(work, n, a, g)
        if not factorise(a, N_PARAMETERS):
            return False
        r0, r1, r2, r3, r4 = g[X], g[Y], g[N], g[B], g[S]
        substitute(a, g, N_PARAMETERS)
        sx = min(max(g[X], -LONGEST_STEP_PX), LONGEST_STEP_PX)
        sy = min(max(g[Y], -LONGEST_STEP_PX), LONGEST_STEP_PX)
        ss = min(max(g[S], -LONGEST_WIDTH_STEP_PX), LONGEST_WIDTH_STEP_PX)
        px += sx
        py += sy
        n = max(n + g[N], LEAST_LEFT_OF_LIGHT * n)
        b += g[B]
        if sign * b + read < floor:
            b = sign * (floor - read)
        s = min(max(s + ss, limits.narrowest), limits.widest)
        settled = abs(sx) < limits.settled and abs(sy) < limits.settled
        if settled and abs(ss) < WIDTH_SETTLED * limits.settled:
            # drop of chi-square by the last step: for bright spots, whose residuals are sharp, it exceeds what is left
            chi2 -= r0 * g[X] + r1 * g[Y] + r2 * g[N] + r3 * g[B] + r4 * g[S]
            break
        if px < -1 or py < -1 or px > side or py > side:
            return False
    out[X] = px
    out[Y] = py
    out[N] = n
    out[B] = b
    out[S] = s
    out[ERROR] = math.sqrt(0.5 * (variance_of(a, N_PARAMETERS, X, g) + variance_of(a, N_PARAMETERS, Y, g)))
    out[FREEDOM] = _freedom_of(side * side - n_masked)
    out[CHI2] = max(chi2, 0.0) / out[FREEDOM]
    return bool(n > 0)
