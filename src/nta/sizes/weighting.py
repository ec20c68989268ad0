"""From tracks to particles in view: what a track counts for.

The mixture is inferred with every track counted once, because every track is one draw of a particle. Fast
particles come and go and leave many short tracks, slow or bright ones fewer and longer ones. The particles in
view at a moment, averaged over the recording, are the tracks weighted by the time they lasted. That weight is
a smooth function of diameter (residence and visibility have no steps), so it is brought in as the gentlest
tilt of the distribution, exp(a x + b x^2) with x = ln d, under which mean and variance of x are those of the time-weighted
posteriors: one long track cannot raise a peak of its own.

How long a track lasted says itself something of the diameter: of two tracks with the same displacements the longer is
the larger particle's. That shifts the posterior of a track by its variance times the slope of ln p(duration | x), taken
for durations that decay exponentially about a mean which the tilt itself gives, made fainter by their excess variance
(quasi-likelihood, Wedderburn, Biometrika 61, 439 (1974)).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nta.columns import FloatArray
from nta.sizes.evidence import Evidence

_STEPS = 30
_LARGEST_TILT = 4.0  # per standard deviation; more than any residence or visibility does
_ROUNDS = 3  # tilt, duration, tilt again: the third changes nothing that can be seen


def tilt_to_time(
    evidence: Evidence, weight: FloatArray, distribution: FloatArray, degree: NDArray[np.int64]
) -> FloatArray:
    """Turn distributions of tracks into distributions of particles in view.

    weight : (n_fits, n_cells) sum of (bootstrap weight x time) of the tracks of each cell.
    distribution : (n_fits, n_bins) of the tracks.
    degree : (n_fits,) 1 to match the mean only, 2 for mean and variance.
    """
    x = evidence.grid.x
    mean = distribution @ x
    sd = np.sqrt(np.maximum(distribution @ x**2 - mean**2, 1e-12))
    u = (x - mean[:, None]) / sd[:, None]
    powers = np.stack([np.ones_like(u), u, u * u, u**3], axis=1) * distribution[:, None]
    n_fits, n_powers, n_bins = powers.shape
    sums = evidence.likelihood @ powers.reshape(-1, n_bins).astype(np.float32).T
    sums = sums.reshape(-1, n_fits, n_powers).astype(np.float64)
    moments = sums[:, :, 1:] / np.maximum(sums[:, :, :1], 1e-30)  # of u, u², u³ by the posterior of each cell
    share = (weight / weight.sum(axis=1, keepdims=True)).T
    spread = moments[:, :, 1:] - moments[:, :, :1] * moments[:, :, :2]  # covariance of u with u and u²
    duration = _Duration.of(evidence)
    tilt = np.zeros((n_fits, 2))
    for _ in range(_ROUNDS):
        score = duration.score(tilt, moments[:, :, 0])
        posterior = moments[:, :, :2] + score[:, :, None] * spread
        target = np.einsum("cb,cbp->bp", share, posterior)
        tilted, tilt = _tilted(distribution, u, target, degree)
    return tilted


@dataclass(frozen=True, eq=False)
class _Duration:
    """How long the tracks of each cell lasted, and what is known of durations as a whole."""

    of_cell: FloatArray  # weighted by itself, as tracks count in view
    mean: float
    shortest: float
    excess: float  # variance over that of an exponential beyond the shortest

    @classmethod
    def of(cls, evidence: Evidence) -> _Duration:
        points = evidence.n_points
        shortest = float(points.min()) - 1
        beyond = max(float(points.mean()) - shortest, 1.0)
        of_cell = evidence.per_cell(points**2) / np.maximum(evidence.per_cell(points), 1e-30)
        return cls(of_cell, float(points.mean()), shortest, max(float(points.var()) / beyond**2, 0.2))

    def score(self, tilt: FloatArray, u: FloatArray) -> FloatArray:
        """Slope of ln p(duration | u) at the mean of each cell, for mean durations that go as exp(a u + b u²)."""
        slope = tilt[:, 0] + 2 * tilt[:, 1] * u
        mean = self.mean * np.exp(np.clip(tilt[:, 0] * u + tilt[:, 1] * (u * u - 1), -2, 2))
        beyond = np.maximum(mean - self.shortest, 1.0)
        return np.asarray(slope * mean * (self.of_cell[:, None] - mean) / beyond**2 / self.excess)


def _tilted(
    distribution: FloatArray, u: FloatArray, target: FloatArray, degree: NDArray[np.int64]
) -> tuple[FloatArray, FloatArray]:
    """Tilt by exp(a u + b u^2) to the target moments of u and u^2: Newton on a convex problem, bounded; with a and b."""
    basis = np.stack([u, u * u], axis=1)
    free = np.stack([np.ones(len(u), dtype=bool), degree >= 2], axis=1)
    tilt = np.zeros_like(target)
    tilted = distribution
    for _ in range(_STEPS):
        moments = np.einsum("bg,bpg->bp", tilted, basis)
        missing = np.where(free, target - moments, 0.0)
        if np.all(np.abs(missing) < 1e-6):
            break
        spread = (
            np.einsum("bg,bpg,bqg->bpq", tilted, basis, basis) - moments[:, :, None] * moments[:, None, :]
        )
        spread = np.where(free[:, :, None] & free[:, None, :], spread, 0.0)
        spread[:, range(2), range(2)] += np.where(free, 1e-6, 1.0)
        move = np.linalg.solve(spread, missing[:, :, None])[:, :, 0]
        tilt = np.clip(tilt + np.clip(move, -0.5, 0.5), -_LARGEST_TILT, _LARGEST_TILT)
        exponent = np.einsum("bp,bpg->bg", tilt, basis)
        exponent = np.where(distribution > 0, exponent, -np.inf)
        tilted = distribution * np.exp(exponent - exponent.max(axis=1, keepdims=True))
        tilted /= tilted.sum(axis=1, keepdims=True)
    return tilted, tilt
