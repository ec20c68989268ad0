"""Smooth flow as the few cosines over the recording that stand out of the noise of the mean step, whose size is known.

Without flow, cosine k has a score z_y**2 + z_x**2 that follows chi-square with two degrees of freedom,
P(> c) = exp(-c / 2). It is kept where this is below FALSE_ALARM * 6 / (pi * (k + 1))**2; these add up to FALSE_ALARM over
all k and favour slow drift. Where everything vibrates it must stand out of that, too. The strongest come first, and all are
refitted together (matching pursuit with a family-wise level; the threshold is that of Donoho and Johnstone, Biometrika 81,
425 (1994)).
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nta.columns import FloatArray

FALSE_ALARM = 0.01  # chance that a recording without drift has some subtracted
EATEN_AT_MOST = 0.005  # cosines per step seen: share of the Brownian variance that flow may take along
SLOTS_PER_COSINE = 10  # more cosines than this are no flow but vibration
MOST_COSINES = 300  # two a second are enough for ten minutes of oscillating flow


def significant_cosines(
    weight: FloatArray, pull: FloatArray, n_steps: int
) -> tuple[list[int], FloatArray, FloatArray]:
    """Select and fit cosines to the mean step pull / weight, (2, slots).

    Returns the cosines, the fitted step and its variance per axis; with no cosine selected, a step of zero with the variance
    of a constant: it says how large a steady drift could have gone unseen.
    """
    n = weight.size
    level = 2 * np.log(np.pi**2 * (np.arange(n) + 1.0) ** 2 / (6 * FALSE_ALARM))
    of_weight = _cosine_sums(weight, 2 * n)
    information = np.maximum(0.5 * (of_weight[0] + of_weight[::2]), 1e-9 * of_weight[0])
    of_pull = np.stack([_cosine_sums(axis, n) for axis in pull])
    n_seen = int(np.count_nonzero(weight))
    most = max(1, min(int(EATEN_AT_MOST * n_steps), n_seen // SLOTS_PER_COSINE, MOST_COSINES))
    chosen: list[int] = []
    left = of_pull
    fit = np.zeros((2, n))
    while len(chosen) < most:
        score = (left**2).sum(axis=0) / information
        usual = max(1.0, float(np.median(score)) / (2 * math.log(2)))  # more where everything vibrates
        excess = score - usual * level
        excess[chosen] = -np.inf
        best = np.argsort(excess)[::-1][: most - len(chosen)]
        best = best[excess[best] > max(0.0, 0.3 * float(excess.max()))]  # those nearly as strong go along
        if not best.size:
            break
        chosen += best.tolist()
        gram = _gram(chosen, of_weight)
        fit = _sum_of_cosines(chosen, np.linalg.solve(gram, of_pull[:, chosen].T).T, n)
        left = of_pull - np.stack([_cosine_sums(weight * axis, n) for axis in fit])
    fitted = chosen or [0]
    covariance = np.linalg.inv(_gram(fitted, of_weight))
    return chosen, fit, _variance(fitted, covariance, n)


def _cosine_sums(values: FloatArray, n_cosines: int) -> FloatArray:
    """Return sum_t values[t] cos(pi k (t + 1/2) / n) for k = 0 .. n_cosines - 1, by a fast Fourier transform."""
    n = values.size
    k = np.arange(n_cosines)
    spectrum = np.fft.fft(values, 2 * n)[k % (2 * n)]
    return np.asarray((np.exp(-0.5j * np.pi * k / n) * spectrum).real)


def _gram(chosen: list[int], of_weight: FloatArray) -> FloatArray:
    """Return the weighted products of cosines k and l: cos a cos b = (cos(a - b) + cos(a + b)) / 2.

    A trace on the diagonal keeps those apart that are the same where there are steps.
    """
    k = np.asarray(chosen)
    gram = 0.5 * (of_weight[np.abs(k[:, None] - k)] + of_weight[k[:, None] + k])
    return np.asarray(gram + 1e-6 * of_weight[0] * np.eye(k.size))


def _sum_of_cosines(chosen: list[int], amplitude: NDArray[Any], n: int) -> FloatArray:
    """Return the sum of cosines of these amplitudes (2, cosines) over the slots, (2, slots), by a fast Fourier transform."""
    spectrum = np.zeros((2, 2 * n), dtype=complex)
    spectrum[:, chosen] = amplitude * np.exp(-0.5j * np.pi * np.asarray(chosen) / n)
    return np.asarray(np.fft.fft(spectrum, axis=1).real[:, :n])


def _variance(chosen: list[int], covariance: NDArray[Any], n: int) -> FloatArray:
    """Return the variance per axis of the fit in each slot; in blocks, for the basis of a long recording is large."""
    variance = []
    for slots in np.array_split(np.arange(n), n // 4096 + 1):
        basis = np.cos(np.outer(np.asarray(chosen), np.pi * (slots + 0.5) / n))
        variance.append(((covariance @ basis) * basis).sum(axis=0))
    return np.concatenate(variance)
