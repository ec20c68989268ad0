"""Lines through the mean squared displacement: ordinary and generalised least squares on its first lags.

Sources: optimal number of lags: Michalet and Berglund, Phys. Rev. E 85, 061916 (2012); covariance of the mean squared
displacement, the variance of both slopes and the iteration: Bullerjahn, von Bülow, Hummer, J. Chem. Phys. 153, 024116
(2020), eqs. 5, 8, 10, A1 and appendix C.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from nta.columns import FloatArray, IntArray
from nta.compiled import compiled
from nta.diffusion.lines import LineDiffusion, TrackDiffusion, checked_line
from nta.diffusion.settings import LEAST_FRAMES
from nta.diffusion.steps import Steps
from nta.errors import SettingError

GLS_LAGS = 10
"""Default number of lags of generalised least squares; more lags add next to nothing."""

_LEAST = LEAST_FRAMES["ols"]  # positions, also of a track's longest run for generalised least squares


def line_msd(
    frame: ArrayLike, position_um: ArrayLike, max_lag: int | None = None
) -> tuple[IntArray, FloatArray, IntArray]:
    """Mean squared displacement of one coordinate: existing lags in frames, values in um2, numbers of pairs.

    All pairs of positions are used, so pairs overlap; lags without a pair are left out.
    """
    t, x = checked_line(frame, position_um, least=2)
    sums, counts = msd_sums(t - t[0], x, np.zeros_like(x), int(t[-1] - t[0]))
    lags = np.flatnonzero(counts)[:max_lag]
    return lags, sums[lags] / counts[lags], counts[lags]


@compiled()
def msd_sums(t: IntArray, x: FloatArray, y: FloatArray, max_lag: int) -> tuple[FloatArray, IntArray]:
    """Return sums of squared displacements and numbers of pairs by lag in frames, lags 0..max_lag."""
    sums = np.zeros(max_lag + 1)
    counts = np.zeros(max_lag + 1, dtype=np.int64)
    for i in range(t.size):
        for j in range(i + 1, t.size):
            lag = t[j] - t[i]
            if lag > max_lag:
                break
            sums[lag] += (x[j] - x[i]) ** 2 + (y[j] - y[i]) ** 2
            counts[lag] += 1
    return sums, counts


def ols(
    frame: ArrayLike, position_um: ArrayLike, frame_interval_s: float, *, max_lag: int | None = None
) -> LineDiffusion:
    """Least-squares line through the first lags of one coordinate; None takes the optimal number of lags.

    Frames may be missing; the standard error is then approximate, as it assumes even sampling.
    """
    t, x = checked_line(frame, position_um, least=3 if max_lag else _LEAST)
    lags, msd, _ = line_msd(t, x)
    there = min(lags.size, x.size - 1)
    n_lags = _checked_lags(max_lag, there) if max_lag else min(optimal_lags(lags, msd, x.size), there)
    used = lags[:n_lags].astype(np.float64)
    return _line(_ols(used, msd[:n_lags], x.size), x.size, n_lags, frame_interval_s, "ols")


def gls(
    frame: ArrayLike,
    position_um: ArrayLike,
    frame_interval_s: float,
    *,
    max_lag: int | None = None,
    tolerance_um2: float | None = None,
) -> LineDiffusion:
    """Generalised least squares through the first lags of one coordinate (None: all but the last); no gaps allowed.

    The iteration ends when intercept and slope per frame together change by less than `tolerance_um2`; None goes on
    until they stand still to 1e-8 of themselves.
    """
    t, x = checked_line(frame, position_um, least=3)
    if np.any(np.diff(t) != 1):
        raise SettingError(
            "generalised least squares needs every frame; use cve or ols where frames are missing"
        )
    lags, msd, _ = line_msd(t, x)
    n_lags = _checked_lags(max_lag or max(x.size - 2, 2), lags.size)
    return _line(_gls(msd[:n_lags], x.size, tolerance_um2 or 0.0), x.size, n_lags, frame_interval_s, "gls")


def optimal_lags(lags: ArrayLike, msd_um2: ArrayLike, n_points: int) -> int:
    """Return the number of lags at which the slope of a least-squares line is most precise (Michalet, Berglund 2012)."""
    if n_points < _LEAST:
        raise SettingError(
            f"the optimal number of lags is known for {_LEAST} positions or more, got {n_points}"
        )
    return int(
        _optimal_lags(np.asarray(lags, dtype=np.float64), np.asarray(msd_um2, dtype=np.float64), n_points)
    )


def ols_of_tracks(steps: Steps, max_lag: int | None) -> TrackDiffusion:
    """Least squares of every track, both axes together, on `max_lag` lags (None: the optimal number for each track)."""
    return _of_tracks(steps, 0 if max_lag is None else max_lag, False)


def gls_of_tracks(steps: Steps, max_lag: int | None) -> TrackDiffusion:
    """Generalised least squares of every track, both axes together; of a track with gaps only the longest run."""
    return _of_tracks(steps, GLS_LAGS if max_lag is None else max_lag, True)


def _of_tracks(steps: Steps, max_lag: int, generalised: bool) -> TrackDiffusion:
    intercept, slope, variance = _fit_tracks(
        steps.start, steps.frame, steps.y_um, steps.x_um, max_lag, generalised
    )
    scale = 2 * steps.frame_interval_s
    # both axes are averaged before the fit: the variance of one axis is halved
    return TrackDiffusion(slope / scale, np.sqrt(np.abs(variance) / 2) / scale, intercept / 2)


def _line(
    fit: tuple[float, float, float], n_points: int, n_lags: int, frame_interval_s: float, estimator: str
) -> LineDiffusion:
    intercept, slope, variance = fit
    scale = 2 * frame_interval_s
    return LineDiffusion(slope / scale, abs(variance) / scale**2, intercept / 2, n_points, n_lags, estimator)


def _checked_lags(wanted: int, there: int) -> int:
    if not 2 <= wanted <= there:
        raise SettingError(f"max_lag must be 2 to {there} for this track, got {wanted}")
    return wanted


@compiled()
def _msd_covariance(n_lags: int, n: int, intercept: float, slope: float) -> FloatArray:
    """Eq. 8a of Bullerjahn et al. (2020); slope is sigma^2 and intercept a^2 of the paper."""
    covariance = np.empty((n_lags, n_lags))
    for i in range(1, n_lags + 1):
        for j in range(i, n_lags + 1):
            m = float(i)  # the smaller lag
            pairs = (n - i + 1.0) * (n - j + 1.0)
            walk = 2 * m * (1 + 3.0 * i * j - m**2) / (n - m + 1) + (m**2 - m**4) / pairs
            if i + j >= n + 2:
                rest = n + 1.0 - i - j
                walk += (rest**4 - rest**2) / pairs
            noise = (intercept**2 * (2.0 if i == j else 1.0) + 4 * intercept * slope * m) / (n - m + 1)
            noise += intercept**2 * max(0.0, n - i - j + 1.0) / pairs
            covariance[i - 1, j - 1] = covariance[j - 1, i - 1] = slope**2 / 3 * walk + noise
    return covariance


@compiled()
def _least_squares(lags: FloatArray, msd: FloatArray) -> tuple[float, float]:
    """Intercept and slope per frame of the least-squares line."""
    n, a, b = lags.size, lags.sum(), (lags**2).sum()
    c, d = msd.sum(), (lags * msd).sum()
    determinant = n * b - a**2
    return (b * c - a * d) / determinant, (n * d - a * c) / determinant


@compiled()
def _ols(lags: FloatArray, msd: FloatArray, n_points: int) -> tuple[float, float, float]:
    """Intercept, slope and variance of the slope; eqs. 5 and A1 of Bullerjahn et al. (2020)."""
    intercept, slope = _least_squares(lags, msd)
    n, a, b = lags.size, lags.sum(), (lags**2).sum()
    weight = (n * lags - a) / (n * b - a**2)
    covariance = _msd_covariance(n, n_points, intercept, slope)
    return intercept, slope, np.sum(np.outer(weight, weight) * covariance)


@compiled()
def _gls(msd: FloatArray, n_points: int, tolerance: float) -> tuple[float, float, float]:
    """Intercept, slope and variance of the slope; fixed-point iteration of eq. 10 from the two-point line.

    If it does not converge, or the covariance is singular: least squares on two lags.
    """
    n_lags = msd.size
    lags = np.arange(1.0, n_lags + 1.0)
    intercept, slope = 2 * msd[0] - msd[1], msd[1] - msd[0]
    if msd[1] <= 0:
        return _ols(lags[:2], msd[:2], n_points)
    for _ in range(100):
        covariance = _msd_covariance(n_lags, n_points, intercept, slope)
        inverse = _inverse(covariance)
        if not np.isfinite(inverse[0, 0]):
            break
        kappa = inverse.sum()
        weight = inverse.sum(axis=0)
        lam, mu = np.sum(weight * lags), lags @ (inverse @ lags)
        nu, xi = np.sum(weight * msd), lags @ (inverse @ msd)
        determinant = kappa * mu - lam**2
        new_intercept = (mu * nu - lam * xi) / determinant
        new_slope = (kappa * xi - lam * nu) / determinant
        change = abs(new_intercept - intercept) + abs(new_slope - slope)
        intercept, slope = new_intercept, new_slope
        if change < max(tolerance, 1e-8 * (abs(intercept) + abs(slope))):
            return intercept, slope, kappa / determinant
    return _ols(lags[:2], msd[:2], n_points)


@compiled()
def _inverse(matrix: FloatArray) -> FloatArray:
    """Inverse by Gauss-Jordan with row pivots; NaN throughout where singular.

    `numpy.linalg.inv` raises there, which would end the loop over the tracks, and its last digits are those of the machine's
    LAPACK.
    """
    n = matrix.shape[0]
    a = matrix.copy()
    b = np.eye(n)
    for k in range(n):
        pivot = k + np.argmax(np.abs(a[k:, k]))
        if a[pivot, k] == 0.0 or not np.isfinite(a[pivot, k]):
            return np.full((n, n), np.nan)
        for c in range(n):
            a[k, c], a[pivot, c] = a[pivot, c], a[k, c]
            b[k, c], b[pivot, c] = b[pivot, c], b[k, c]
        scale = 1.0 / a[k, k]
        a[k] *= scale
        b[k] *= scale
        for r in range(n):
            if r != k:
                factor = a[r, k]
                a[r] -= factor * a[k]
                b[r] -= factor * b[k]
    return b


@compiled()
def _optimal_for(ratio: float, n_points: int) -> tuple[int, int]:
    """Optimal lags for the slope and for the intercept, at intercept / slope per frame = ratio."""
    limit_intercept = 3 + (4.5 * n_points**0.4 - 8.5) ** 1.2
    limit_slope = 0.8 + 0.564 * n_points
    if np.isinf(ratio):
        return max(2, int(limit_slope)), max(2, int(limit_intercept))
    fa = 2 + 1.6 * ratio**0.51
    fb = 2 + 1.35 * ratio**0.6
    for_intercept = fa * limit_intercept / (fa**3 + limit_intercept**3) ** (1 / 3)
    for_slope = min(limit_slope, fb * limit_slope / (fb**3 + limit_slope**3) ** (1 / 3))
    return max(2, int(for_slope)), max(2, int(for_intercept))


@compiled()
def _optimal_lags(lags: FloatArray, msd: FloatArray, n_points: int) -> int:
    """Iterate the optimal number of lags for the slope until it repeats."""
    n_lags = max(2, n_points // 10)
    seen = np.zeros(max(n_points, 3) + 3, dtype=np.bool_)
    for _ in range(100):
        n_lags = min(n_lags, lags.size)
        if seen[n_lags]:
            break
        seen[n_lags] = True
        intercept, slope = _least_squares(lags[:n_lags], msd[:n_lags])
        if intercept < 0:
            ratio = 0.0
        elif slope <= 0:
            ratio = np.inf
        else:
            ratio = intercept / slope
        n_lags = _optimal_for(ratio, n_points)[0]
    return min(n_lags, lags.size)


@compiled()
def _longest_run(t: IntArray) -> tuple[int, int]:
    """First and past-the-last position of the longest run of neighbouring frames."""
    best, best_end, first = 0, 0, 0
    for i in range(1, t.size + 1):
        if i == t.size or t[i] != t[i - 1] + 1:
            if i - first > best_end - best:
                best, best_end = first, i
            first = i
    return best, best_end


@compiled(outer=True)
def _fit_tracks(
    start: IntArray, frame: IntArray, y: FloatArray, x: FloatArray, max_lag: int, generalised: bool
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Fit every track; max_lag 0 takes the optimal number."""
    n_tracks = start.size - 1
    out = np.full((3, n_tracks), np.nan)
    for k in range(n_tracks):
        first, last = start[k], start[k + 1]
        if generalised:
            run, end = _longest_run(frame[first:last])
            first, last = first + run, first + end
        n = last - first
        if n < _LEAST:
            continue
        t = frame[first:last]
        span = t[n - 1] - t[0] if max_lag == 0 else min(t[n - 1] - t[0], 4 * max_lag)
        sums, counts = msd_sums(t, y[first:last], x[first:last], span)
        lags = np.flatnonzero(counts)
        msd = sums[lags] / (2 * counts[lags])  # mean of the two axes
        if generalised:
            n_lags = min(max_lag, n - 2)
            out[0, k], out[1, k], out[2, k] = _gls(msd[:n_lags], n, 0.0)
        else:
            real_lags = lags.astype(np.float64)
            # if frames are missing there may be more lags than the covariance of n positions has
            there = min(lags.size, n - 1)
            n_lags = _optimal_lags(real_lags, msd, n) if max_lag == 0 else min(max_lag, there)
            out[0, k], out[1, k], out[2, k] = _ols(real_lags[:n_lags], msd[:n_lags], n)
    return out[0], out[1], out[2]
