"""The exact Gaussian likelihood of a track's displacements, compiled.

Model, per axis. A camera averages a particle's position over the exposure t_E and adds a localization error of variance
s_i². For displacements d_i = x_(i+1) - x_i over the times T_i between frames (missing frames make T_i longer):

    var(d_i)          = 2 D (T_i - t_E / 3) + s_i² + s_(i+1)²
    cov(d_i, d_(i+1)) = D t_E / 3 - s_(i+1)²,   all others 0.

Source: Berglund, Phys. Rev. E 82, 011917 (2010), with R T = t_E / 6 for an evenly lit shutter; the unequal times and
errors follow from the same integrals, since the averages of neighbouring frames share one position's error and never
an exposure. Writing e_i = s_i² - D t_E / 3 turns this into the unblurred model with errors e_i, which may be negative.

A displacement over frames in which the particle was searched for and missed is left out (`Steps.wait_frames`): the linker
joins over a gap only if the particle reappears nearby, so such displacements are selected to be short.

The covariance is tridiagonal, so its L D L^T factors come in one pass: innovation z_i = d_i - g_i z_(i-1) of variance
p_i, g_i = -e_i / p_(i-1). The pass also carries the derivatives with respect to one parameter: D, or an extra variance
v common to all positions. Expected information: I = sum (p_i' / p_i)² / 2 + E[z_i'²] / p_i per axis.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from nta.columns import Float32Array, FloatArray, IntArray
from nta.compiled import compiled
from nta.diffusion.noise_model import NoiseModel
from nta.diffusion.steps import Steps

_TINY = 1e-300
# variances multiplied before taking the logarithm: each is within a factor 1e9 of the usual one
_FACTORS = 32


class Displacements(NamedTuple):
    """The displacements of tracks with their noise.

    y, x : positions, um. variance : variance of each position per axis, um2.
    wait : frames from each row to the next, 0 where that displacement is left out and a new chain begins.
    start : (n_tracks + 1,) row where each track starts. blur_s : t_E / 3.
    """

    y: FloatArray
    x: FloatArray
    wait: IntArray
    variance: FloatArray
    start: IntArray
    interval_s: float
    blur_s: float

    @classmethod
    def of(cls, steps: Steps, noise: NoiseModel) -> Displacements:
        """Return the steps under a noise model."""
        variance = noise.variance_um2(steps)
        return cls(
            steps.y_um,
            steps.x_um,
            steps.wait_frames,
            variance,
            steps.start,
            steps.frame_interval_s,
            noise.blur_s,
        )

    @classmethod
    def at_rest(cls, steps: Steps, y_um: FloatArray, x_um: FloatArray) -> Displacements:
        """Return the steps in a frame of `Steps.frames_of_rest`, without blur; errors are added by the caller."""
        none = np.zeros(y_um.size)
        return cls(y_um, x_um, steps.wait_frames, none, steps.start, steps.frame_interval_s, 0.0)


@compiled(inner=True)
def _score(
    of: Displacements, first: int, last: int, diffusion: float, extra: float, by_diffusion: bool
) -> tuple[float, float, float]:
    """Log-likelihood of rows first:last, its derivative by D or by `extra`, and expected information.

    extra : variance added to every position.
    """
    y, x, wait, variance = of.y, of.x, of.wait, of.variance
    interval_s, blur_s = of.interval_s, of.blur_s
    de = -blur_s if by_diffusion else 1.0
    log_det, square, slope, information = 0.0, 0.0, 0.0, 0.0
    p, dp, v = 1.0, 0.0, 0.0
    zy = zx = dzy = dzx = 0.0
    product = 1.0
    n, fresh = 0, True
    for r in range(first, last - 1):
        if wait[r] == 0:
            fresh = True
            continue
        n += 1
        step = wait[r] * interval_s
        near = variance[r] + extra - diffusion * blur_s
        a = 2 * diffusion * step + near + variance[r + 1] + extra - diffusion * blur_s
        da = 2 * de + (2 * step if by_diffusion else 0.0)
        ny, nx = y[r + 1] - y[r], x[r + 1] - x[r]
        if fresh:
            p, dp, v = a, da, 0.0
            zy, zx, dzy, dzx = ny, nx, 0.0, 0.0
            fresh = False
        else:
            gain = -near / p
            dgain = (-de - gain * dp) / p
            v = dgain**2 * p + gain**2 * v
            dzy = -dgain * zy - gain * dzy
            dzx = -dgain * zx - gain * dzx
            zy = ny - gain * zy
            zx = nx - gain * zx
            p = a + gain * near
            dp = da + dgain * near + gain * de
        p = max(p, _TINY)
        ratio = dp / p
        z2 = (zy * zy + zx * zx) / p
        square += z2
        slope += -ratio + 0.5 * z2 * ratio - (zy * dzy + zx * dzx) / p
        information += ratio**2 + 2 * v / p
        product *= p
        if product < 1e-100 or product > 1e100:
            log_det += np.log(product)
            product = 1.0
    log_det += np.log(max(product, _TINY))
    return -log_det - 0.5 * square - n * np.log(2 * np.pi), slope, information


@compiled(inner=True)
def _climb(
    of: Displacements, first: int, last: int, diffusion: float, guess: float, by_diffusion: bool
) -> tuple[float, float, float]:
    """Maximise the likelihood over D, or over an extra variance at this D, by Fisher scoring in its logarithm.

    Returns the parameter at the maximum, the log-likelihood there and the information in the parameter itself; the
    parameter is 0 if the likelihood keeps rising down to a millionth of the guess.
    """
    value = guess
    least = 1e-6 * guess
    log_likelihood = information = 0.0
    for _ in range(60):
        d, v = (value, 0.0) if by_diffusion else (diffusion, value)
        log_likelihood, slope, information = _score(of, first, last, d, v, by_diffusion)
        step = slope / (information * value)
        step = min(max(step, -1.5), 1.5)
        if abs(step) < 1e-7:
            break
        value *= np.exp(step)
        if value < least:
            value = 0.0
            d = 0.0 if by_diffusion else diffusion
            log_likelihood, slope, information = _score(of, first, last, d, 0.0, by_diffusion)
            break
    return value, log_likelihood, information


@compiled(inner=True)
def most_likely_diffusion(
    of: Displacements, first: int, last: int, guess: float
) -> tuple[float, float, float]:
    """Return the most likely D of rows first:last, its log-likelihood and information; see `_climb`."""
    return _climb(of, first, last, 0.0, guess, True)


@compiled(inner=True)
def most_likely_variance(of: Displacements, first: int, last: int, diffusion: float, guess: float) -> float:
    """Return the extra variance of every position that makes rows first:last most likely at this D."""
    variance, _, _ = _climb(of, first, last, diffusion, guess, False)
    return variance


@compiled(inner=True)
def likelihood_with_variance(
    of: Displacements, first: int, last: int, diffusion: float, extra: float
) -> float:
    """Log-likelihood of rows first:last at this D, with this variance added to every position."""
    log_likelihood, _, _ = _score(of, first, last, diffusion, extra, False)
    return log_likelihood


@compiled(inner=True)
def enough(wait: IntArray, first: int, last: int) -> bool:
    """Whether a track has two displacements, the fewest for an estimate."""
    return bool((wait[first : last - 1] > 0).sum() >= 2)


@compiled(outer=True)
def maximum_of_tracks(of: Displacements, guess: FloatArray) -> FloatArray:
    """Most likely D of every track, with its log-likelihood and information; NaN for fewer than two displacements."""
    start = of.start
    out = np.full((3, start.size - 1), np.nan)
    for k in range(start.size - 1):
        if enough(of.wait, start[k], start[k + 1]):
            out[0, k], out[1, k], out[2, k] = most_likely_diffusion(of, start[k], start[k + 1], guess[k])
    return out


@compiled(outer=True)
def stillness_of_tracks(of: Displacements, creep: float, floor: float, ceiling: FloatArray) -> FloatArray:
    """Log-likelihood of rest with position errors of any variance from `floor` to the track's `ceiling`.

    of : from `Displacements.at_rest`. creep : apparent diffusion coefficient of a resting particle due to the drift's error.
    Returns the log-likelihood and the most likely variance of every track, (2, n_tracks).
    """
    y, x, start = of.y, of.x, of.start
    out = np.full((2, start.size - 1), np.nan)
    for k in range(start.size - 1):
        first, last = start[k], start[k + 1]
        if not enough(of.wait, first, last):
            continue
        guess = max(0.5 * float(np.var(y[first:last]) + np.var(x[first:last])), floor)
        variance = most_likely_variance(of, first, last, creep, min(guess, ceiling[k]))
        variance = min(max(variance, floor), ceiling[k])
        out[0, k] = likelihood_with_variance(of, first, last, creep, variance)
        out[1, k] = variance
    return out


@compiled(inner=True)
def _to_usual(
    diffusion: FloatArray, extra: FloatArray, interval_s: float, variance: FloatArray, relative: FloatArray
) -> None:
    """Fill the inverse of the usual variance of a displacement of the track at each node.

    Products of variances scaled by it stay within the range of a float, so that one logarithm serves `_FACTORS` of them.
    """
    both = 2 * np.mean(variance)
    for g in range(diffusion.size):
        relative[g] = 1 / (2 * (diffusion[g] * interval_s + extra[g]) + both)


@compiled(inner=True, error_model="numpy")
def on_grid(
    of: Displacements,
    first: int,
    last: int,
    grid: FloatArray,
    log_likelihood: FloatArray,
    information: FloatArray,
) -> None:
    """Fill log-likelihood and expected information in D of rows first:last at the grid's values of D."""
    y, x, wait, variance = of.y, of.x, of.wait, of.variance
    interval_s, blur_s = of.interval_s, of.blur_s
    n = grid.size
    inverse, dp, v = np.empty(n), np.empty(n), np.zeros(n)
    zy, zx, product = np.empty(n), np.empty(n), np.ones(n)
    log_likelihood[:] = 0.0
    information[:] = 0.0
    relative = np.empty(n)
    _to_usual(grid, np.zeros(n), interval_s, variance[first:last], relative)
    done, fresh = 0, True
    for r in range(first, last - 1):
        if wait[r] == 0:
            fresh = True
            continue
        done += 1
        da = 2 * (wait[r] * interval_s - blur_s)
        both = variance[r] + variance[r + 1]
        ny, nx = y[r + 1] - y[r], x[r + 1] - x[r]
        if fresh:
            fresh = False
            for g in range(n):
                zy[g], zx[g], dp[g], v[g] = ny, nx, da, 0.0
                p = grid[g] * da + both
                inverse[g] = 1 / p
                product[g] *= p * relative[g]
                log_likelihood[g] -= 0.5 * (ny * ny + nx * nx) * inverse[g]
                information[g] += (da * inverse[g]) ** 2
        else:
            own = variance[r]
            for g in range(n):
                near = own - grid[g] * blur_s
                gain = -near * inverse[g]
                dgain = (blur_s - gain * dp[g]) * inverse[g]
                v[g] = dgain**2 / inverse[g] + gain**2 * v[g]
                zy[g] = ny - gain * zy[g]
                zx[g] = nx - gain * zx[g]
                p = grid[g] * da + both + gain * near
                dp[g] = da + dgain * near - gain * blur_s
                inverse[g] = 1 / p
                product[g] *= p * relative[g]
                log_likelihood[g] -= 0.5 * (zy[g] * zy[g] + zx[g] * zx[g]) * inverse[g]
                information[g] += (dp[g] * inverse[g]) ** 2 + 2 * v[g] * inverse[g]
        if done % _FACTORS == 0:
            for g in range(n):
                log_likelihood[g] -= np.log(product[g])
                product[g] = 1.0
    for g in range(n):
        log_likelihood[g] -= np.log(product[g]) + done * np.log(2 * np.pi / relative[g])


@compiled(outer=True, error_model="numpy")
def likelihood_table(
    of: Displacements,
    which: IntArray,
    diffusion: FloatArray,
    extra: FloatArray,
    table: Float32Array,
    peak: FloatArray,
) -> None:
    """Fill table[i] with the log-likelihood of track which[i] at every node minus its maximum, which goes to peak[i].

    diffusion, extra : D, and the variance added to every position, of every node.
    """
    y, x, wait, variance, start = of.y, of.x, of.wait, of.variance, of.start
    interval_s, blur_s = of.interval_s, of.blur_s
    n = diffusion.size
    inverse, zy, zx = np.empty(n), np.empty(n), np.empty(n)
    relative, product, row = np.empty(n), np.empty(n), np.empty(n)
    shared = extra - diffusion * blur_s  # of the error of every position
    for i in range(which.size):
        first, last = start[which[i]], start[which[i] + 1]
        _to_usual(diffusion, extra, interval_s, variance[first:last], relative)
        row[:] = 0.0
        product[:] = 1.0
        inverse[:] = 0.0
        zy[:] = 0.0
        zx[:] = 0.0
        done = 0
        for r in range(first, last - 1):
            if wait[r] == 0:
                inverse[:] = 0.0
                continue
            done += 1
            time = 2 * wait[r] * interval_s
            own = variance[r]
            both = own + variance[r + 1]
            ny, nx = y[r + 1] - y[r], x[r + 1] - x[r]
            for g in range(n):
                near = own + shared[g]
                gain = near * inverse[g]
                zy[g] = ny + gain * zy[g]
                zx[g] = nx + gain * zx[g]
                p = diffusion[g] * time + 2 * shared[g] + both - gain * near
                inverse[g] = 1 / p
                product[g] *= p * relative[g]
                row[g] -= 0.5 * (zy[g] * zy[g] + zx[g] * zx[g]) * inverse[g]
            if done % _FACTORS == 0:
                for g in range(n):
                    row[g] -= np.log(product[g])
                    product[g] = 1.0
        for g in range(n):
            row[g] -= np.log(product[g]) - done * np.log(relative[g])
        top = row.max()
        peak[i] = top - done * np.log(2 * np.pi)
        for g in range(n):
            table[i, g] = row[g] - top


@compiled(inner=True)
def innovations(of: Displacements, first: int, last: int, diffusion: float, out: FloatArray) -> None:
    """Fill out[r] = (y, x) of each displacement, whitened: independent and of unit variance if the model holds."""
    y, x, wait, variance = of.y, of.x, of.wait, of.variance
    interval_s, blur_s = of.interval_s, of.blur_s
    p, zy, zx, fresh = 1.0, 0.0, 0.0, True
    for r in range(first, last - 1):
        out[r, :] = np.nan
        if wait[r] == 0:
            fresh = True
            continue
        near = variance[r] - diffusion * blur_s
        gain = 0.0 if fresh else near / p
        fresh = False
        zy = y[r + 1] - y[r] + gain * zy
        zx = x[r + 1] - x[r] + gain * zx
        spread = 2 * diffusion * (wait[r] * interval_s - blur_s) + variance[r] + variance[r + 1]
        p = max(spread - gain * near, _TINY)
        out[r, 0] = zy / np.sqrt(p)
        out[r, 1] = zx / np.sqrt(p)
