"""Is a track one particle in free diffusion? Tests of single tracks, each with a stated rate of false alarms.

The displacements are whitened with the model of the track's own D (`nta.diffusion.gaussian.innovations`). If the model
holds, they are independent and of equal variance. Tests:

- isotropy: the ratio of the sums of squares along both axes is F distributed;
- persistence: neighbouring displacements are uncorrelated. Directed motion correlates them, a cage anticorrelates them. For
  normal displacements, the sum of neighbouring products over the sum of squares has an exactly known variance
  (2 tr A² / (m (m + 2)) for the quadratic form A; Anderson, The Statistical Analysis of Time Series (1971), ch. 6); it is
  approximated by a symmetric beta distribution of that variance;
- mobility: no position divides the track into two parts of different D. The statistic is the greatest likelihood ratio over
  all positions, with the tail probability of Miller and Siegmund, Biometrics 38, 1011 (1982);
- light: no position divides the track into two parts of different brightness. Brightness varies as a particle moves through
  the light sheet; a jump is a change that is large compared with the changes just before and after it.

Few tracks are long enough for these tests; `nta.diffusion.ensemble` tests all tracks together.
"""

from __future__ import annotations

import numpy as np

from nta.columns import BoolArray, FloatArray, IntArray
from nta.compiled import compiled
from nta.diffusion.gaussian import Displacements, innovations
from nta.diffusion.noise_model import NoiseModel
from nta.diffusion.steps import Steps

_LEAST_STEPS = 10  # fewest displacements for the tests of isotropy and persistence
_LEAST_SIDE = 5  # fewest displacements on either side of a change of mobility
_LEAST_JUMP = float(np.log(1.5))  # smaller jumps of brightness are not attributed to a second particle
_NEAR, _AROUND = 3, 8  # spots averaged on either side of a jump; reach of the changes it is compared with
_LEAST_AROUND = 8


def whitened(steps: Steps, noise: NoiseModel, diffusion_um2_s: FloatArray) -> FloatArray:
    """Return displacements whitened with their model: (n_displacements, 2) as y and x, NaN for tracks without D > 0."""
    out = np.full((steps.y_um.size, 2), np.nan)
    _whiten(Displacements.of(steps, noise), diffusion_um2_s, out)
    return out[steps.row_of_step]


def not_brownian(steps: Steps, white: FloatArray, false_alarm_rate: float) -> BoolArray:
    """Select tracks that are anisotropic, directed or confined; at most a share `false_alarm_rate` of Brownian tracks."""
    n, track = steps.n_steps, steps.track_of_step
    along_y, along_x = (np.bincount(track, axis**2, minlength=n.size) for axis in white.T)
    near = (np.diff(steps.row_of_step) == 1) & (np.diff(track) == 0)
    # a track without D is NaN, which must not affect the next track
    products = np.where(near, (white[1:] * white[:-1]).sum(axis=1), 0.0)
    product = np.bincount(track[1:], products, minlength=n.size)
    n_pairs = np.bincount(track[1:], near, minlength=n.size)
    tellable = (n >= _LEAST_STEPS) & (n_pairs > 0) & np.isfinite(along_y + along_x)
    safe = np.where(tellable, n, _LEAST_STEPS).astype(np.float64)
    y, x, p = (np.where(tellable, v, 1.0) for v in (along_y, along_x, product))
    values = 2 * safe
    variance = np.where(tellable, 2 * n_pairs, 2 * safe) / (values * (values + 2))
    shape = np.maximum((1 / variance - 1) / 2, 0.5)
    alone = false_alarm_rate / 2
    odd = (_beta_two_sided(y / (y + x), safe / 2) < alone) | (
        _beta_two_sided((1 + p / (y + x)) / 2, shape) < alone
    )
    return np.asarray(tellable & odd)


def changes_within(
    steps: Steps, white: FloatArray, log_light: FloatArray, false_alarm_rate: float
) -> BoolArray:
    """Select tracks whose mobility or light jumps, probably two particles; at most `false_alarm_rate` of single ones."""
    first = np.searchsorted(steps.track_of_step, np.arange(steps.n_tracks + 1))
    ratio = _mobility_ratio((white**2).sum(axis=1), first, _LEAST_SIDE)
    alone = false_alarm_rate / 2
    mobility = _largest_chi2_tail(ratio, steps.n_steps.astype(np.float64)) < alone
    t, freedom, tried = _light_jump(
        log_light, steps.start, _repetition(log_light, steps), _LEAST_JUMP, _NEAR, _AROUND, _LEAST_AROUND
    )
    from scipy.special import stdtr

    light = 2 * tried * stdtr(np.maximum(freedom, 1.0), -t) < alone
    return np.asarray(mobility | (light & (tried > 0)))


def _beta_two_sided(value: FloatArray, shape: FloatArray) -> FloatArray:
    """Two-sided tail probability of a symmetric beta distribution on 0 to 1."""
    from scipy.special import betainc

    off = np.abs(np.clip(value, 0, 1) - 0.5)
    return np.asarray(2 * betainc(shape, shape, 0.5 - off))


def _largest_chi2_tail(ratio: FloatArray, n: FloatArray) -> FloatArray:
    """Probability that the greatest likelihood ratio over all divisions of n displacements exceeds `ratio`."""
    edge = _LEAST_SIDE / np.maximum(n, 2 * _LEAST_SIDE + 1)
    b = np.sqrt(np.maximum(ratio, 1e-12))
    phi = np.exp(-0.5 * b * b) / np.sqrt(2 * np.pi)
    tail = 4 * phi / b + phi * (b - 1 / b) * 2 * np.log((1 - edge) / edge)
    return np.where(ratio > 2, np.minimum(tail, 1.0), 1.0)


def _repetition(log_light: FloatArray, steps: Steps) -> float:
    """Correlation of neighbouring changes of light, over all tracks: -1/2 for noise alone, 0 for a random walk."""
    row = steps.row_of_step
    change = log_light[row + 1] - log_light[row]
    known = np.abs(change[np.isfinite(change)])  # tracks from other programs have no light
    spread = np.median(known) * 1.4826 if known.size else np.nan
    if not spread > 0:
        return 0.0
    change = np.clip(np.nan_to_num(change), -3 * spread, 3 * spread)
    near = (np.diff(row) == 1) & (np.diff(steps.track_of_step) == 0)
    square = float(np.sum(change**2)) / max(change.size, 1)
    product = float(np.sum((change[1:] * change[:-1])[near])) / max(int(near.sum()), 1)
    return float(np.clip(product / max(square, 1e-12), -0.5, 0.5))


@compiled(outer=True)
def _whiten(of: Displacements, diffusion: FloatArray, out: FloatArray) -> None:
    for k in range(of.start.size - 1):
        if diffusion[k] > 0:
            innovations(of, of.start[k], of.start[k + 1], diffusion[k], out)


@compiled(outer=True)
def _mobility_ratio(square: FloatArray, first: IntArray, side: int) -> FloatArray:
    """Twice the log of the greatest likelihood ratio of two mobilities against one, per track; 0 for short tracks.

    Divided by its mean for few displacements relative to many (Bartlett's correction for Gamma scales:
    1 + (1/k + 1/(n - k) - 1/n) / 6).
    """
    ratio = np.zeros(first.size - 1)
    for t in range(ratio.size):
        n = first[t + 1] - first[t]
        if n < 2 * side:
            continue
        total = square[first[t] : first[t + 1]].sum()
        part = 0.0
        for k in range(1, n - side + 1):
            part += square[first[t] + k - 1]
            rest = total - part
            if k < side or not (part > 0 and rest > 0):
                continue
            found = 2 * (n * np.log(total / n) - k * np.log(part / k) - (n - k) * np.log(rest / (n - k)))
            ratio[t] = max(ratio[t], found / (1 + (1 / k + 1 / (n - k) - 1 / n) / 6))
    return ratio


@compiled(outer=True)
def _light_jump(
    log_light: FloatArray, start: IntArray, repetition: float, least: float, near: int, around: int, least_around: int
) -> tuple[FloatArray, FloatArray, FloatArray]:  # fmt: skip
    """Least probable jump of brightness in each track: t value, degrees of freedom, number of positions tested."""
    n_tracks = start.size - 1
    t, freedom, tried = np.zeros(n_tracks), np.ones(n_tracks), np.zeros(n_tracks)
    # the difference of two means of `near` values is a sum of changes with triangular weights
    squares, products = 0.0, 0.0
    for j in range(1 - near, near):
        weight = 1 - abs(j) / near
        squares += weight**2
        products += weight * max(1 - abs(j + 1) / near, 0.0)
    spread = squares + 2 * repetition * products
    for k in range(n_tracks):
        a, b = start[k], start[k + 1]
        top = 0.0
        for r in range(a + near, b - near + 1):  # the jump lies between r - 1 and r
            jump = (log_light[r : r + near].sum() - log_light[r - near : r].sum()) / near
            square, count = 0.0, 0
            for i in range(max(a + 1, r - around), min(b, r + around + 1)):
                if abs(i - r) >= near:
                    square += (log_light[i] - log_light[i - 1]) ** 2
                    count += 1
            if count < least_around or not (square > 0 and np.isfinite(square + jump)):
                continue
            tried[k] += 1
            if abs(jump) < least:
                continue
            value = abs(jump) / np.sqrt(spread * square / count)
            unlikely = (count + 1) * np.log1p(value**2 / count)
            if unlikely > top:
                top, t[k], freedom[k] = unlikely, value, count
    return t, freedom, tried
