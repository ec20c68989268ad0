"""Fit of two overlapping spots where a single spot does not explain the light."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from nta.columns import Float32Array, FloatArray
from nta.spots.columns import CHI2, ERROR, FREEDOM, B, N, S, X, Y
from nta.spots.fitting import LONGEST_STEP_PX, LONGEST_WIDTH_STEP_PX, N_PARAMETERS
from nta.spots.kernels.algebra import axis, factorise, substitute, variance_along, variance_of
from nta.spots.kernels.fit import LEAST_LEFT_OF_LIGHT, Limits, Noise
from nta.spots.kernels.lanes import LANES
from nta.spots.kernels.options import inlined, inlined_making
from nta.spots.kernels.rows import f4

X1, Y1, N1, X2, Y2, N2, B12, S12, N_PAIR = range(9)  # parameters: three of each spot, and two in common
OF_ONE = X2 - X1
ITERATIONS = 12
LEFT_OVER_SD = 4.0  # a second spot is tried if the smoothed residual of one spot exceeds this
# Rows of the workspace: sums for the lower triangle of the Fisher matrix, the gradient and chi-square, then the axes
GRADIENT = N_PAIR * (N_PAIR + 1) // 2
CHI_SQUARE = GRADIENT + N_PAIR
AXES = (CHI_SQUARE + 1) * LANES  # start of the axes of both spots
WORK = AXES + 2 * 3 * LANES
SMOOTH_NORM = 6.0  # root of the sum of squares of the (1 2 1) x (1 2 1) weights
APART_FOR_GOOD = 1  # iteration from which on spots nearer than MERGED do not separate again
MERGED = 1.5  # widths
FAINTER_SHARE = 0.35  # share of the blend's light with which the second spot starts (design choice)
BLEND_WIDENS = 1.15  # largest start width of both spots over the width of a spot (design choice)
RIDGE = 1.001  # factor on the diagonal: the matrix of nearly coincident spots is nearly degenerate
PAIR_SETTLED = 0.5  # factor on the step that ends the fit of one: close pairs converge slowly (design choice)

Three = tuple[np.float32, np.float32, np.float32]


class PairWorkspace(NamedTuple):
    """Scratch arrays of one fit.

    residual, score : what one spot leaves over, and how significant it is. work : see `AXES`; ax, ay : value, derivative by
    the centre and by sigma of the Gaussians of both spots, ax in `work`. a, g, before : equations. p : parameters.
    """

    residual: Float32Array
    score: Float32Array
    work: Float32Array
    ax: Float32Array
    ay: Float32Array
    a: FloatArray
    g: FloatArray
    before: FloatArray
    p: FloatArray


@inlined_making
def new_pair_workspace() -> PairWorkspace:
    """Return an empty workspace."""
    work = np.zeros(WORK, f4)
    return PairWorkspace(
        np.empty((LANES, LANES), f4), np.empty((LANES, LANES), f4), work, work[AXES:].reshape(2, 3, LANES),
        np.zeros((2, 3, LANES), f4), np.empty((N_PAIR, N_PAIR)), np.empty(N_PAIR), np.empty(N_PAIR), np.empty(N_PAIR),
    )  # fmt: skip


@inlined
def _residual_peak(
    data: Float32Array, light: Float32Array, inside: Float32Array, side: int, noise: Noise, one: FloatArray,
    space: PairWorkspace,
) -> tuple[float, int, int, float]:  # fmt: skip
    """Find the largest smoothed residual of the one-spot fit; return it (in sd), its x and y, and chi-square."""
    sign, read, floor = f4(noise.sign), f4(noise.read), f4(noise.floor)
    residual, score, gx, gy = space.residual, space.score, space.ax[0], space.ay[0]
    axis(one[X], one[S], gx[0], gx[1], gx[2])
    axis(one[Y], one[S], gy[0], gy[1], gy[2])
    background = f4(one[B])
    chi2 = f4(0)
    for j in range(side):
        scale = f4(one[N]) * gy[0, j]
        for i in range(LANES):
            residual[j, i] = data[j, i] - (background + scale * gx[0, i] + light[j, i])
        for i in range(LANES):
            variance = sign * (data[j, i] - residual[j, i]) + read
            score[j, i] = inside[i] / (variance if variance > floor else floor)
        for i in range(LANES):
            chi2 += residual[j, i] * residual[j, i] * score[j, i]
    for j in range(1, side - 1):
        above, here, below = residual[j - 1], residual[j], residual[j + 1]
        for i in range(1, LANES - 1):
            t = (
                4 * here[i] + 2 * (above[i] + below[i] + here[i - 1] + here[i + 1])
                + above[i - 1] + above[i + 1] + below[i - 1] + below[i + 1]
            )  # fmt: skip
            score[j, i] *= t * abs(t)
    best, best_x, best_y = f4(0), -1, -1
    for j in range(1, side - 1):
        for i in range(1, side - 1):
            if score[j, i] > best:
                best, best_x, best_y = score[j, i], i, j
    return math.sqrt(best) / SMOOTH_NORM, best_x, best_y, float(chi2)


@inlined
def _add_row(
    data: Float32Array, light: Float32Array, inside: Float32Array, work: Float32Array, sign: np.float32,
    read: np.float32, floor: np.float32, b: np.float32, e1: Three, e2: Three, p1: np.float32, p2: np.float32,
) -> None:  # fmt: skip
    """Add one patch row to the sums per column: J' W J (lower triangle), J' W r and r' W r, J as in `_accumulate`.

    e1, e2 : for each spot, N times value, derivative by y and by sigma at this row. p1, p2 : value of each spot.

    The sums are written out because only then the compiler keeps all columns in vector registers.
    """
    for i in range(LANES):
        g1, g2 = work[AXES + i], work[AXES + 3 * LANES + i]
        x1 = e1[0] * work[AXES + LANES + i]
        x2 = e2[0] * work[AXES + 4 * LANES + i]
        y1, y2 = e1[1] * g1, e2[1] * g2
        s = e1[0] * work[AXES + 2 * LANES + i] + e1[2] * g1 + e2[0] * work[AXES + 5 * LANES + i] + e2[2] * g2
        n1, n2 = p1 * g1, p2 * g2
        mu = b + e1[0] * g1 + e2[0] * g2 + light[i]
        variance = sign * mu + read
        w = inside[i] / (variance if variance > floor else floor)
        residual = data[i] - mu
        wr = w * residual
        t = w * x1
        work[i] += t * x1
        t = w * y1
        work[LANES + i] += t * x1
        work[2 * LANES + i] += t * y1
        t = w * n1
        work[3 * LANES + i] += t * x1
        work[4 * LANES + i] += t * y1
        work[5 * LANES + i] += t * n1
        t = w * x2
        work[6 * LANES + i] += t * x1
        work[7 * LANES + i] += t * y1
        work[8 * LANES + i] += t * n1
        work[9 * LANES + i] += t * x2
        t = w * y2
        work[10 * LANES + i] += t * x1
        work[11 * LANES + i] += t * y1
        work[12 * LANES + i] += t * n1
        work[13 * LANES + i] += t * x2
        work[14 * LANES + i] += t * y2
        t = w * n2
        work[15 * LANES + i] += t * x1
        work[16 * LANES + i] += t * y1
        work[17 * LANES + i] += t * n1
        work[18 * LANES + i] += t * x2
        work[19 * LANES + i] += t * y2
        work[20 * LANES + i] += t * n2
        work[21 * LANES + i] += w * x1
        work[22 * LANES + i] += w * y1
        work[23 * LANES + i] += w * n1
        work[24 * LANES + i] += w * x2
        work[25 * LANES + i] += w * y2
        work[26 * LANES + i] += w * n2
        work[27 * LANES + i] += w
        t = w * s
        work[28 * LANES + i] += t * x1
        work[29 * LANES + i] += t * y1
        work[30 * LANES + i] += t * n1
        work[31 * LANES + i] += t * x2
        work[32 * LANES + i] += t * y2
        work[33 * LANES + i] += t * n2
        work[34 * LANES + i] += t
        work[35 * LANES + i] += t * s
        work[36 * LANES + i] += wr * x1
        work[37 * LANES + i] += wr * y1
        work[38 * LANES + i] += wr * n1
        work[39 * LANES + i] += wr * x2
        work[40 * LANES + i] += wr * y2
        work[41 * LANES + i] += wr * n2
        work[42 * LANES + i] += wr
        work[43 * LANES + i] += wr * s
        work[44 * LANES + i] += wr * residual


@inlined
def _accumulate(
    data: Float32Array, light: Float32Array, inside: Float32Array, side: int, noise: Noise, p: FloatArray,
    work: Float32Array, ay: Float32Array, a: FloatArray, g: FloatArray,
) -> float:  # fmt: skip
    """Fisher matrix and gradient of (x1, y1, N1, x2, y2, N2, b, s); returns chi-square."""
    sign, read, floor = f4(noise.sign), f4(noise.read), f4(noise.floor)
    n1, n2, b = f4(p[N1]), f4(p[N2]), f4(p[B12])
    work[:AXES] = f4(0)
    for j in range(side):
        p1, p2 = ay[0, 0, j], ay[1, 0, j]
        e1 = (n1 * p1, n1 * ay[0, 1, j], n1 * ay[0, 2, j])
        e2 = (n2 * p2, n2 * ay[1, 1, j], n2 * ay[1, 2, j])
        _add_row(data[j], light[j], inside, work, sign, read, floor, b, e1, e2, p1, p2)
    row = 0
    for k in range(N_PAIR):
        for m in range(k + 1):
            a[k, m] = _sum_of(work, row)
            row += 1
        g[k] = _sum_of(work, GRADIENT + k)
    return float(_sum_of(work, CHI_SQUARE))


@inlined
def _sum_of(work: Float32Array, row: int) -> np.float32:
    total = f4(0)
    for i in range(LANES):
        total += work[row * LANES + i]
    return total


@inlined
def _start(one: FloatArray, ix: int, iy: int, width: float, p: FloatArray) -> None:
    """Start the second spot at the largest residual, and the first a little to the other side of the blend.

    To keep the blend's centroid, the first would have to start half as far again; the fit moves there by itself, with the
    same result.
    """
    p[X1] = one[X] - FAINTER_SHARE * (ix - one[X])
    p[Y1] = one[Y] - FAINTER_SHARE * (iy - one[Y])
    p[N1] = (1 - FAINTER_SHARE) * one[N]
    p[X2] = ix
    p[Y2] = iy
    p[N2] = FAINTER_SHARE * one[N]
    p[B12] = one[B]
    p[S12] = min(one[S], BLEND_WIDENS * width)


@inlined
def _step(g: FloatArray, noise: Noise, limits: Limits, p: FloatArray) -> float:
    """Take the step `g`, limited in length; return the longest shift of a position."""
    largest = 0.0
    for k in (X1, Y1, X2, Y2):
        step = min(max(g[k], -LONGEST_STEP_PX), LONGEST_STEP_PX)
        p[k] += step
        largest = max(largest, abs(step))
    for k in (N1, N2):
        p[k] = max(p[k] + g[k], LEAST_LEFT_OF_LIGHT * p[k])
    p[B12] += g[B12]
    if noise.sign * p[B12] + noise.read < noise.floor:
        p[B12] = noise.sign * (noise.floor - noise.read)
    step = min(max(g[S12], -LONGEST_WIDTH_STEP_PX), LONGEST_WIDTH_STEP_PX)
    p[S12] = min(max(p[S12] + step, limits.narrowest), limits.widest)
    return largest


@inlined
def _distance2(p: FloatArray) -> float:
    """Squared distance of the two spots."""
    distance2: float = (p[X2] - p[X1]) ** 2 + (p[Y2] - p[Y1]) ** 2
    return distance2


@inlined
def _describe(
    p: FloatArray, k: int, chi2: float, side: int, a: FloatArray, g: FloatArray, out: FloatArray
) -> bool:
    """Write the k-th spot, with errors from the factorised Fisher matrix; return whether it lies in the patch."""
    x, y = X1 + k * OF_ONE, Y1 + k * OF_ONE
    out[X], out[Y], out[N], out[B], out[S] = p[x], p[y], p[N1 + k * OF_ONE], p[B12], p[S12]
    out[ERROR] = math.sqrt(0.5 * (variance_of(a, N_PAIR, x, g) + variance_of(a, N_PAIR, y, g)))
    out[FREEDOM] = side * side - N_PAIR
    out[CHI2] = chi2 / out[FREEDOM]
    return bool(-0.5 < out[X] < side - 0.5 and -0.5 < out[Y] < side - 0.5)


@inlined
def join(spot: FloatArray, half: FloatArray) -> None:
    """Add the other half of a streak to a spot: the light of both about their common middle, the width by the area."""
    light = spot[N] + half[N]
    share = half[N] / light
    dx, dy = half[X] - spot[X], half[Y] - spot[Y]
    across = (1 - share) * spot[S] ** 2 + share * half[S] ** 2
    along = across + share * (1 - share) * (dx * dx + dy * dy)
    spot[X] += share * dx
    spot[Y] += share * dy
    spot[N] = light
    spot[S] = (across * along) ** 0.25
    spot[CHI2] = max(spot[CHI2], half[CHI2])
    spot[ERROR] = math.hypot((1 - share) * spot[ERROR], share * half[ERROR])


@inlined
def _error_of_middle(p: FloatArray, a: FloatArray, z: FloatArray) -> float:
    """Error per axis of the middle of the light of two spots, from the factorised Fisher matrix; z : scratch."""
    light = p[N1] + p[N2]
    total = 0.0
    for first, second in ((X1, X2), (Y1, Y2)):
        z[:N_PAIR] = 0.0
        z[first], z[second] = p[N1] / light, p[N2] / light
        z[N1] = (p[first] - p[second]) * p[N2] / light**2
        z[N2] = -z[N1] * p[N1] / p[N2]
        total += variance_along(a, N_PAIR, 0, z)
    return math.sqrt(0.5 * total)


@inlined
def fit_two(
    data: Float32Array, light: Float32Array, inside: Float32Array, side: int, noise: Noise, limits: Limits,
    one: FloatArray, width: float, apart: float, space: PairWorkspace, first: FloatArray, second: FloatArray,
) -> float:  # fmt: skip
    """Fit two spots (own x, y, N; common b, s) starting from the residual of the one-spot fit `one`.

    Returns the drop of chi-square; 0 if there is nothing to split or the fit fails. Writes the chi-square of the one-spot
    fit beside this light into `one`.
    `first`, `second` receive the columns that `fit_one` fills; where both are the ends of a streak, `first` is the streak,
    and `second` has no light. `width` is the recording's sigma: a blend's own sigma is too wide. `apart`: least distance of
    two spots in widths (`nta.spots.apart`). `inside` : 1 for the elements of a row of LANES that are in the patch, 0 beyond.
    """
    left, ix, iy, chi2_one = _residual_peak(data, light, inside, side, noise, one, space)
    one[FREEDOM] = side * side - N_PARAMETERS
    one[CHI2] = chi2_one / one[FREEDOM]
    if left < LEFT_OVER_SD:
        return 0.0
    work, ax, ay, a, g, before, p = space.work, space.ax, space.ay, space.a, space.g, space.before, space.p
    _start(one, ix, iy, width, p)
    chi2 = 0.0
    for iteration in range(ITERATIONS + 1):
        for k in range(2):
            axis(p[X1 + k * OF_ONE], p[S12], ax[k, 0], ax[k, 1], ax[k, 2])
            axis(p[Y1 + k * OF_ONE], p[S12], ay[k, 0], ay[k, 1], ay[k, 2])
        chi2 = _accumulate(data, light, inside, side, noise, p, work, ay, a, g)
        for k in range(N_PAIR):
            a[k, k] *= RIDGE
        if not factorise(a, N_PAIR):
            return 0.0
        if iteration == ITERATIONS:
            break
        for k in range(N_PAIR):
            before[k] = g[k]
        substitute(a, g, N_PAIR)
        if _step(g, noise, limits, p) < PAIR_SETTLED * limits.settled:
            for k in range(N_PAIR):
                chi2 -= before[k] * g[k]  # drop of chi-square by the last step, as in `fit_one`
            break
        if iteration >= APART_FOR_GOOD and _distance2(p) < (MERGED * width) ** 2:
            return 0.0  # the spots merge
    if not (_describe(p, 0, chi2, side, a, g, first) and _describe(p, 1, chi2, side, a, g, second)):
        return 0.0
    # two narrow spots imitate the streak of one that moved; real spots are not narrower than the recording's
    if _distance2(p) < (apart * max(p[S12], width)) ** 2:
        join(first, second)
        first[ERROR] = _error_of_middle(p, a, g)
        second[N] = 0.0
    return chi2_one - chi2
