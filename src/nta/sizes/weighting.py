"""From tracks to particles in view: the weight of a track.

The mixture is inferred with every track counted once, because every track is one draw of a particle. Fast
particles come and go and leave many short tracks, slow or bright ones fewer and longer ones. The particles in
view at a moment, averaged over the recording, are the tracks weighted by the time they lasted. That weight is
a smooth function of diameter (residence and visibility have no steps), so it is brought in as the gentlest
tilt of the distribution, exp(a x + b x^2) with x = ln d, under which mean and variance of x are those of the time-weighted
posteriors: one long track cannot raise a peak of its own.

The duration of a track is itself evidence of its diameter, and long tracks constrain the diameter better than short ones.
Without this evidence the time weights would count long tracks twice. So the likelihood of every track is multiplied by that
of its duration, taken as exponential with a mean that the tilt gives (`informed_by_duration`). Only this mean matters: it is
the quasi-likelihood of Wedderburn, Biometrika 61, 439 (1974), weakened where durations scatter more than an exponential.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from nta.columns import FloatArray
from nta.sizes.evidence import Evidence

_STEPS = 30
_HALVINGS = 12
_LARGEST_TILT = 4.0  # per standard deviation; steeper than any residence time or visibility
_LARGEST_RATIO = 5.0  # of the mean duration at a diameter to the mean duration of all tracks


def tilt_to_time(
    evidence: Evidence, weight: FloatArray, distribution: FloatArray, degree: NDArray[np.int64]
) -> FloatArray:
    """Convert distributions of tracks into distributions of particles in view.

    weight : (n_fits, n_cells) sum of (bootstrap weight x time) of the tracks of each cell.
    distribution : (n_fits, n_bins) of the tracks.
    degree : (n_fits,) 1 to match the mean only, 2 for mean and variance.
    """
    x = evidence.grid.x
    mean = distribution @ x
    sd = np.sqrt(np.maximum(distribution @ x**2 - mean**2, 1e-12))
    u = (x - mean[:, None]) / sd[:, None]
    powers = np.stack([np.ones_like(u), u, u * u], axis=1) * distribution[:, None]
    n_fits, _, n_bins = powers.shape
    sums = evidence.likelihood @ powers.reshape(-1, n_bins).astype(np.float32).T
    sums = sums.reshape(-1, n_fits, 3).astype(np.float64)
    posterior = sums[:, :, 1:] / np.maximum(sums[:, :, :1], 1e-30)
    target = np.einsum("bc,cbp->bp", weight / weight.sum(axis=1, keepdims=True), posterior)
    return tilted_to(distribution, u, target, degree)


def informed_by_duration(evidence: Evidence, tracks: FloatArray, in_view: FloatArray) -> Evidence:
    """Multiply every likelihood by that of the track's duration, whose mean is proportional to in_view / tracks."""
    points = evidence.n_points
    shortest = float(points.min()) - 1
    beyond = float(points.mean()) - shortest
    excess = max(float(points.var()) / beyond**2, 1.0)
    known = tracks > 1e-9 * tracks.max()
    ratio = np.interp(evidence.grid.x, evidence.grid.x[known], in_view[known] / tracks[known])
    ratio = np.clip(ratio, 1 / _LARGEST_RATIO, _LARGEST_RATIO)
    mean = np.maximum(points.mean() * ratio - shortest, beyond / _LARGEST_RATIO)
    of_cell = evidence.per_cell(points) / np.maximum(evidence.per_cell(np.ones(points.size)), 1.0)
    log_likelihood = -((of_cell[:, None] - shortest) / mean + np.log(mean)) / excess
    joined = evidence.likelihood * np.exp(log_likelihood - log_likelihood.max(axis=1, keepdims=True))
    joined /= np.maximum(joined.max(axis=1, keepdims=True), np.finfo(np.float32).tiny)
    return replace(evidence, likelihood=joined.astype(np.float32))


def tilted_to(
    distribution: FloatArray, u: FloatArray, target: FloatArray, degree: NDArray[np.int64]
) -> FloatArray:
    """Tilt distributions by exp(a u + b u^2) to the target moments of u and u^2: Newton on a convex problem, bounded.

    distribution, u : (n, n_bins); target : (n, 2); degree : (n,), 1 to match the moment of u only.

    Overshooting steps are halved: u^2 is large in a far tail, and the tail of a single false track must not take over.
    """
    basis = np.stack([u, u * u], axis=1)
    free = np.stack([np.ones(len(u), dtype=bool), degree >= 2], axis=1)
    tilt = np.zeros_like(target)
    tilted, dual = _at_tilt(distribution, basis, target, tilt)
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
        move = np.clip(np.linalg.solve(spread, missing[:, :, None])[:, :, 0], -0.5, 0.5)
        for _ in range(_HALVINGS):
            tried = np.clip(tilt + move, -_LARGEST_TILT, _LARGEST_TILT)
            tilted, reached = _at_tilt(distribution, basis, target, tried)
            overshot = reached > dual + 1e-9
            if not overshot.any():
                break
            move = np.where(overshot[:, None], 0.5 * move, move)
        tilt, dual = tried, reached
    return tilted


def _at_tilt(
    distribution: FloatArray, basis: FloatArray, target: FloatArray, tilt: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Return the tilted distributions, and the convex function whose minimum gives them the target moments."""
    exponent = np.einsum("bp,bpg->bg", tilt, basis)
    exponent = np.where(distribution > 0, exponent, -np.inf)
    top = exponent.max(axis=1, keepdims=True)
    tilted = distribution * np.exp(exponent - top)
    total = tilted.sum(axis=1, keepdims=True)
    return tilted / total, (top + np.log(total))[:, 0] - (tilt * target).sum(axis=1)
