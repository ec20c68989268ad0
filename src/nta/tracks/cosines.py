"""Smooth flow as a sum of the few cosines over the recording that exceed the noise of the mean step, whose size is known.

Without flow, cosine k has a score z_y**2 + z_x**2 that follows chi-square with two degrees of freedom,
P(> c) = exp(-c / 2). A cosine is kept if this is below FALSE_ALARM * 6 / (pi * (k + 1))**2; these levels add up to
FALSE_ALARM over all k and favour slow drift. If everything vibrates, a cosine must exceed the vibration as well. The
strongest cosines are selected first, and all are refitted together (matching pursuit with a family-wise level; the threshold
is that of Donoho and Johnstone, Biometrika 81, 425 (1994)).
"""

from __future__ import annotations

import math

import numpy as np

from nta.columns import FloatArray, IntArray

FALSE_ALARM = 0.01  # probability that drift is subtracted from a recording without drift
EATEN_AT_MOST = 0.005  # most cosines per step: the share of Brownian variance subtracted with the flow
SLOTS_PER_COSINE = 10  # least slots per cosine: more cosines would describe vibration, not flow
MOST_COSINES = 300  # two per second suffice for ten minutes of oscillating flow


def significant_cosines(
    weight: FloatArray, pull: FloatArray, n_steps: int
) -> tuple[list[int], FloatArray, FloatArray]:
    """Select and fit cosines to the mean step pull / weight, (2, slots).

    Returns the cosines, the fitted step and its variance per axis. If no cosine is selected, the step is zero and its
    variance is that of a constant, which limits the steady drift that could have been missed.
    """
    n = weight.size
    cosines = Cosines(n)
    level = 2 * np.log(np.pi**2 * (np.arange(n) + 1.0) ** 2 / (6 * FALSE_ALARM))
    of_weight = cosines.beyond(cosines.sums(weight))
    information = np.maximum(0.5 * (of_weight[0] + of_weight[::2]), 1e-9 * of_weight[0])
    of_pull = cosines.sums(pull)
    n_seen = int(np.count_nonzero(weight))
    most = max(1, min(int(EATEN_AT_MOST * n_steps), n_seen // SLOTS_PER_COSINE, MOST_COSINES))
    chosen: list[int] = []
    left = of_pull
    fit = np.zeros((2, n))
    while len(chosen) < most:
        score = (left**2).sum(axis=0) / information
        usual = max(1.0, float(np.median(score)) / (2 * math.log(2)))  # larger if everything vibrates
        excess = score - usual * level
        excess[chosen] = -np.inf
        best = np.argsort(excess)[::-1][: most - len(chosen)]
        best = best[
            excess[best] > max(0.0, 0.3 * float(excess.max()))
        ]  # nearly as strong cosines are added at once
        if not best.size:
            break
        chosen += best.tolist()
        amplitude = np.zeros((2, n))
        amplitude[:, chosen] = np.linalg.solve(_gram(chosen, of_weight), of_pull[:, chosen].T).T
        fit = cosines.series(amplitude)
        left = of_pull - cosines.sums(weight * fit)
    fitted = np.asarray(chosen or [0])
    covariance = np.asarray(np.linalg.inv(_gram(fitted, of_weight)), dtype=float)
    return chosen, fit, cosines.variance(fitted, covariance)


class Cosines:
    """The cosines cos(pi k (t + 1/2) / n) of n slots t, by fast Fourier transforms of twice the length."""

    def __init__(self, n: int) -> None:
        self._n = n
        self._twist = np.exp(-0.5j * np.pi * np.arange(n) / n)

    def sums(self, values: FloatArray) -> FloatArray:
        """Return the sums of values[..., t] times cosine k for k = 0 .. n - 1."""
        spectrum = np.fft.rfft(values, 2 * self._n)[..., : self._n]
        return np.asarray((self._twist * spectrum).real)

    def series(self, amplitude: FloatArray) -> FloatArray:
        """Return the sum of the cosines of these amplitudes, (..., n), in every slot."""
        spectrum = self._n * (self._twist * amplitude).conj()
        spectrum[..., 0] *= 2
        return np.asarray(np.fft.irfft(spectrum, 2 * self._n)[..., : self._n])

    def beyond(self, sums: FloatArray) -> FloatArray:
        """Return the sums for k = 0 .. 2n - 1: cosine 2n - k is minus cosine k, and cosine n is zero."""
        return np.concatenate([sums, [0.0], -sums[:0:-1]])

    def variance(self, chosen: IntArray, covariance: FloatArray) -> FloatArray:
        """Return the variance in every slot of cosines whose amplitudes have this covariance.

        A product of two cosines is a sum of two cosines (`_gram`), so the variance is a cosine series.
        """
        n = self._n
        less, more = np.abs(chosen[:, None] - chosen), chosen[:, None] + chosen
        index = np.concatenate([less, more]).ravel()
        share = 0.5 * np.concatenate([covariance, covariance]).ravel()
        share[index > n] *= -1
        amplitude = np.bincount(np.where(index > n, 2 * n - index, index), share, n + 1)[:n]
        return np.maximum(self.series(amplitude.astype(float)), 0.0)  # a cosine may have a zero in a slot


def _gram(chosen: list[int] | IntArray, of_weight: FloatArray) -> FloatArray:
    """Return the weighted products of cosines k and l: cos a cos b = (cos(a - b) + cos(a + b)) / 2.

    A small term on the diagonal separates cosines that coincide in all slots with steps.
    """
    k = np.asarray(chosen)
    gram = 0.5 * (of_weight[np.abs(k[:, None] - k)] + of_weight[k[:, None] + k])
    return np.asarray(gram + 1e-6 * of_weight[0] * np.eye(k.size))
