"""The exact Gaussian likelihood of a track's displacements, compiled.

Model, per axis. A camera averages a particle's position over the exposure t_E and adds a localization error of variance
s_i². For displacements d_i = x_(i+1) - x_i over the times T_i between frames (missing frames make T_i longer):

    var(d_i)          = 2 D (T_i - t_E / 3) + s_i² + s_(i+1)²
    cov(d_i, d_(i+1)) = D t_E / 3 - s_(i+1)²,   all others 0.

Source: Berglund, Phys. Rev. E 82, 011917 (2010), with R T = t_E / 6 for an evenly lit shutter; the unequal times and
errors follow from the same integrals, since the averages of neighbouring frames share one position's error and never
an exposure. Writing e_i = s_i² - D t_E / 3 turns this into the unblurred model with errors e_i, which may be negative.

A displacement over frames in which the particle was looked for and missed is left out (`Steps.wait_frames`): the linker
joins over a gap only where the particle turns up near, so such displacements are a selection of short ones.

The covariance is tridiagonal, so its L D L^T factors come in one pass: innovation z_i = d_i - g_i z_(i-1) of variance
p_i, g_i = -e_i / p_(i-1). The pass also carries the derivatives with respect to one parameter: D, or an extra variance
v common to all positions. Expected information: I = sum (p_i' / p_i)² / 2 + E[z_i'²] / p_i per axis.
"""

from __future__ import annotations

import numpy as np
from numba import njit

_TINY = 1e-300
_FACTORS = 32  # variances multiplied before their logarithm is taken: each is within 1e9 times the usual one


@njit(cache=True, nogil=True)
def score(y, x, wait, variance, first, last, interval_s, blur_s, diffusion, extra, of_diffusion):  # type: ignore[no-untyped-def]
    """Log-likelihood of rows first:last, its derivative and expected information.

    wait : frames from each row to the next, 0 where that displacement is left out and the chain begins anew.
    blur_s : t_E / 3. extra : variance added to every position. of_diffusion : 1 differentiates by D, 0 by `extra`.
    """
    de = -blur_s if of_diffusion else 1.0
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
        da = 2 * de + (2 * step if of_diffusion else 0.0)
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


@njit(cache=True, nogil=True)
def climb(y, x, wait, variance, first, last, interval_s, blur_s, diffusion, extra, of_diffusion, guess):  # type: ignore[no-untyped-def]
    """Maximise the likelihood over D (or over `extra`) by Fisher scoring in its logarithm.

    Returns the maximum's place, log-likelihood and information in the parameter itself; place 0 where the likelihood
    rises all the way down to a millionth of the guess.
    """
    value = guess
    least = 1e-6 * guess
    log_likelihood = information = 0.0
    for _ in range(60):
        d = value if of_diffusion else diffusion
        v = extra if of_diffusion else value
        log_likelihood, slope, information = score(
            y, x, wait, variance, first, last, interval_s, blur_s, d, v, of_diffusion
        )
        step = slope / (information * value)
        step = min(max(step, -1.5), 1.5)
        if abs(step) < 1e-7:
            break
        value *= np.exp(step)
        if value < least:
            value = 0.0
            d = 0.0 if of_diffusion else diffusion
            v = extra if of_diffusion else 0.0
            log_likelihood, slope, information = score(
                y, x, wait, variance, first, last, interval_s, blur_s, d, v, of_diffusion
            )
            break
    return value, log_likelihood, information


@njit(cache=True, nogil=True)
def enough(wait, first, last):  # type: ignore[no-untyped-def]
    """Whether a track has the two displacements that the least estimate needs."""
    return (wait[first : last - 1] > 0).sum() >= 2


@njit(cache=True, nogil=True)
def maximum_of_tracks(y, x, wait, variance, start, interval_s, blur_s, guess):  # type: ignore[no-untyped-def]
    """Most likely D of every track, with its log-likelihood and information; NaN for fewer than two displacements."""
    n = start.size - 1
    out = np.full((3, n), np.nan)
    for k in range(n):
        if not enough(wait, start[k], start[k + 1]):
            continue
        out[0, k], out[1, k], out[2, k] = climb(
            y, x, wait, variance, start[k], start[k + 1], interval_s, blur_s, 0.0, 0.0, 1, guess[k]
        )
    return out


@njit(cache=True, nogil=True)
def stillness_of_tracks(y, x, wait, start, interval_s, creep, floor, ceiling):  # type: ignore[no-untyped-def]
    """Log-likelihood of standing still with position errors of any variance between `floor` and `ceiling`.

    creep : diffusion coefficient that the drift's own error makes of a particle at rest.
    Returns the log-likelihood and the most likely variance of every track, (2, n_tracks).
    """
    n = start.size - 1
    out = np.full((2, n), np.nan)
    none = np.zeros(y.size)
    for k in range(n):
        first, last = start[k], start[k + 1]
        if not enough(wait, first, last):
            continue
        guess = max(0.5 * (np.var(y[first:last]) + np.var(x[first:last])), floor)
        v, _, _ = climb(y, x, wait, none, first, last, interval_s, 0.0, creep, 0.0, 0, min(guess, ceiling))
        v = min(max(v, floor), ceiling)
        out[0, k] = score(y, x, wait, none, first, last, interval_s, 0.0, creep, v, 0)[0]
        out[1, k] = v
    return out


@njit(cache=True, nogil=True)
def still_likelihood(y, x, wait, start, interval_s, creep, variances):  # type: ignore[no-untyped-def]
    """Log-likelihood of standing still with position errors of each of the variances, (n_tracks, n)."""
    table = np.empty((start.size - 1, variances.size))
    none = np.zeros(y.size)
    for k in range(start.size - 1):
        for g in range(variances.size):
            table[k, g] = score(
                y, x, wait, none, start[k], start[k + 1], interval_s, 0.0, creep, variances[g], 0
            )[0]
    return table


@njit(cache=True, nogil=True)
def _to_usual(grid, interval_s, variance, relative):  # type: ignore[no-untyped-def]
    """Fill one over the variance that a displacement of the track usually has at each D.

    Variances divided by it multiply to something a float can hold, so that one logarithm does for `_FACTORS` of them.
    """
    both = 2 * np.mean(variance)
    for g in range(grid.size):
        relative[g] = 1 / (2 * grid[g] * interval_s + both)


@njit(cache=True, nogil=True, error_model="numpy")
def on_grid(y, x, wait, variance, first, last, interval_s, blur_s, grid, log_likelihood, information):  # type: ignore[no-untyped-def]
    """Fill log-likelihood and expected information in D of rows first:last at the grid's values of D."""
    n = grid.size
    inverse, dp, v = np.empty(n), np.empty(n), np.zeros(n)
    zy, zx, product = np.empty(n), np.empty(n), np.ones(n)
    log_likelihood[:] = 0.0
    information[:] = 0.0
    relative = np.empty(n)
    _to_usual(grid, interval_s, variance[first:last], relative)
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


@njit(cache=True, nogil=True, error_model="numpy")
def likelihood_table(y, x, wait, variance, start, which, interval_s, blur_s, grid, table, peak):  # type: ignore[no-untyped-def]
    """Fill table[i] with the log-likelihood of track which[i] on the grid, less its largest value, which goes to peak[i]."""
    n = grid.size
    inverse, zy, zx = np.empty(n), np.empty(n), np.empty(n)
    relative, product, row = np.empty(n), np.empty(n), np.empty(n)
    for i in range(which.size):
        first, last = start[which[i]], start[which[i] + 1]
        _to_usual(grid, interval_s, variance[first:last], relative)
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
            da = 2 * (wait[r] * interval_s - blur_s)
            own = variance[r]
            both = own + variance[r + 1]
            ny, nx = y[r + 1] - y[r], x[r + 1] - x[r]
            for g in range(n):
                near = own - grid[g] * blur_s
                gain = near * inverse[g]
                zy[g] = ny + gain * zy[g]
                zx[g] = nx + gain * zx[g]
                p = grid[g] * da + both - gain * near
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


@njit(cache=True, nogil=True)
def innovations(y, x, wait, variance, first, last, interval_s, blur_s, diffusion, out):  # type: ignore[no-untyped-def]
    """Fill out[r] = (y, x) of each displacement, whitened by the model: independent, of unit variance, if it holds."""
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
