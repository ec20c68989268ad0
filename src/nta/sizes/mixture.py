"""Mixtures of log-normal populations, fitted to the likelihoods of all tracks by maximum likelihood.

A log-normal has a width of its own, down to none: a monodisperse sample is one narrow component, a vesicle
sample one broad one or a few. How many are needed is decided by the Bayesian information criterion (Schwarz,
Ann. Stat. 6, 461 (1978); consistent for mixtures: Keribin, Sankhya A 62, 49 (2000)). A component is added
where the likelihood's directional derivative is steepest, as in the vertex methods for non-parametric
mixtures (Lindsay, Ann. Stat. 11, 86 (1983)). All arrays carry a leading axis of fits, so that starts and
bootstrap repeats are worked on together.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nta.columns import FloatArray
from nta.sizes.evidence import Evidence, Grid

SMALLEST_SD = 0.008
"""Smallest standard deviation of ln diameter: 0.8 %, narrower than the best certified beads and than half a
bin."""

LARGEST_SD = 1.0
_TINY = 1e-30


@dataclass(frozen=True, kw_only=True, eq=False)
class Mixture:
    """Log-normal mixtures, one per fit: arrays of shape (n_fits, n_components).

    share : of the particles, sums to 1 over the components; mean, variance : of ln(diameter / nm).
    log_likelihood : (n_fits,).
    """

    share: FloatArray
    mean: FloatArray
    variance: FloatArray
    log_likelihood: FloatArray

    @property
    def n_components(self) -> int:
        """Number of components."""
        return int(self.share.shape[1])

    def take(self, fits: NDArray[np.int64]) -> Mixture:
        """Return the given fits."""
        return Mixture(
            share=self.share[fits],
            mean=self.mean[fits],
            variance=self.variance[fits],
            log_likelihood=self.log_likelihood[fits],
        )

    def on_bins(self, grid: Grid) -> FloatArray:
        """Probability of every bin: (n_fits, n_bins)."""
        bins = _component_bins(grid, self.mean, self.variance)[0]
        return np.asarray(np.einsum("bk,bkg->bg", self.share, bins))


def _component_bins(
    grid: Grid, mean: FloatArray, variance: FloatArray
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Give the probability of every bin under each component, and its derivatives by mean and variance."""
    from scipy.special import ndtr

    sd = np.sqrt(variance)[..., None]
    z = (grid.edges - mean[..., None]) / sd
    phi = np.exp(-0.5 * z * z) / np.sqrt(2 * np.pi)
    p = np.diff(ndtr(z), axis=-1)
    by_mean = -np.diff(phi, axis=-1) / sd
    by_variance = -np.diff(z * phi, axis=-1) / (2 * sd * sd)
    return p, by_mean, by_variance


@dataclass(frozen=True, eq=False)
class _State:
    """Log-likelihood of each fit, its gradient and information (sum of outer products of scores)."""

    log_likelihood: FloatArray
    gradient: FloatArray
    information: FloatArray


def _evaluate(
    evidence: Evidence, weight: FloatArray, share: FloatArray, mean: FloatArray, variance: FloatArray
) -> _State:
    """Evaluate fits at weights per cell (n_fits, n_cells)."""
    n_fits, n_components = share.shape
    n_cells, n_bins = evidence.likelihood.shape
    bins = np.stack(_component_bins(evidence.grid, mean, variance)).astype(
        np.float32
    )  # (3, fits, components, bins)
    values = (evidence.likelihood @ bins.reshape(-1, n_bins).T).reshape(n_cells, 3, n_fits, n_components)
    f = np.einsum("cbk,bk->cb", values[:, 0], share.astype(np.float32))
    f = np.maximum(f, np.float32(_TINY))
    scaled = values / f[:, None, :, None]
    scores = scaled * share.astype(np.float32)
    scores[:, 0] -= share.astype(np.float32)  # by the logit of the share
    scores = np.ascontiguousarray(scores.transpose(2, 0, 1, 3)).reshape(n_fits, n_cells, 3 * n_components)
    w = weight.astype(np.float32)[:, :, None]
    weighted = scores * w
    gradient = weighted.sum(axis=1, dtype=np.float64)
    information = np.matmul(weighted.transpose(0, 2, 1), scores).astype(np.float64)
    log_likelihood = np.einsum("bc,cb->b", weight, np.log(f, dtype=np.float64))
    return _State(log_likelihood, gradient, information)


def fit(
    evidence: Evidence, weight: FloatArray, start: Mixture, *, iterations: int, tolerance: float = 1e-3
) -> Mixture:
    """Climb to the maximum of the weighted likelihood from each start.

    Damped scoring with the empirical information (Berndt, Hall, Hall and Hausman, Ann. Econ. Soc. Meas. 3,
    653 (1974)): near a maximum as fast as Newton, and quick where EM crawls, at components much narrower than
    the likelihoods. The variance is kept within its bounds by projection.
    """
    share, mean, variance = start.share.copy(), start.mean.copy(), start.variance.copy()
    state = _evaluate(evidence, weight, share, mean, variance)
    damping = np.full(len(share), 1e-2)
    for _ in range(iterations):
        new = _step(evidence.grid, state, damping, share, mean, variance)
        trial = _evaluate(evidence, weight, *new)
        gain = trial.log_likelihood - state.log_likelihood
        better = gain >= 0
        for old, fresh in zip((share, mean, variance), new, strict=True):
            old[better] = fresh[better]
        for old, fresh in zip(vars(state).values(), vars(trial).values(), strict=True):
            old[better] = fresh[better]
        damping = np.where(better, np.maximum(damping / 4, 1e-6), damping * 8)
        if np.all((better & (gain < tolerance)) | (damping > 1e6)):
            break
    return Mixture(share=share, mean=mean, variance=variance, log_likelihood=state.log_likelihood)


def _step(
    grid: Grid, state: _State, damping: FloatArray, share: FloatArray, mean: FloatArray, variance: FloatArray
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """One damped scoring step within the bounds."""
    k = share.shape[1]
    gradient, information = state.gradient.copy(), state.information.copy()
    # a variance at its bound, pushed outwards, is not free
    low, high = SMALLEST_SD**2, LARGEST_SD**2
    push = gradient[:, 2 * k :]
    held = ((variance <= low) & (push < 0)) | ((variance >= high) & (push > 0))
    fixed = np.concatenate([np.zeros((len(share), 2 * k), dtype=bool), held], axis=1)
    gradient[fixed] = 0
    information[fixed[:, :, None] | fixed[:, None, :]] = 0
    diagonal = np.einsum("bii->bi", information)
    diagonal += damping[:, None] * diagonal + 1e-6 * diagonal.max(axis=1, keepdims=True) + 1e-12
    diagonal[fixed] += 1.0
    move = np.linalg.solve(information, gradient[:, :, None])[:, :, 0]

    logit = np.log(np.maximum(share, 1e-12)) + np.clip(move[:, :k], -2.0, 2.0)
    new_share = np.exp(logit - logit.max(axis=1, keepdims=True))
    new_share /= new_share.sum(axis=1, keepdims=True)
    reach = np.maximum(2 * np.sqrt(variance), 0.1)
    new_mean = np.clip(mean + np.clip(move[:, k : 2 * k], -reach, reach), grid.edges[0], grid.edges[-1])
    grown = np.clip(variance + move[:, 2 * k :], variance / 8, variance * 8)
    return new_share, new_mean, np.clip(grown, low, high)


@dataclass(frozen=True, eq=False)
class Dictionary:
    """Likelihood of every cell under single log-normals on a lattice: where a new component may be added."""

    mean: FloatArray
    variance: FloatArray
    values: NDArray[np.float32]  # (n_cells, n_entries)

    @classmethod
    def of(cls, evidence: Evidence) -> Dictionary:
        """Lay the lattice over the part of the grid where tracks say anything."""
        x = evidence.grid.x
        means, variances = [], []
        for sd in (SMALLEST_SD, 0.03, 0.06, 0.12, 0.25, 0.5):
            stride = max(1, round(max(sd / 2, 0.012) / evidence.grid.step))
            means.append(x[::stride])
            variances.append(np.full(means[-1].size, sd**2))
        mean, variance = np.concatenate(means), np.concatenate(variances)
        bins = _component_bins(evidence.grid, mean, variance)[0].astype(np.float32)
        return cls(mean, variance, evidence.likelihood @ bins.T)


def fit_populations(evidence: Evidence, weight: FloatArray, max_components: int) -> list[Mixture]:
    """Fit 1, 2, ... components, a single best fit each, until two more do not pay by the criterion."""
    dictionary = Dictionary.of(evidence)
    fits = [_first(evidence, weight, dictionary)]
    while len(fits) < max_components:
        fits.append(_one_more(evidence, weight, dictionary, fits[-1]))
        scores = [information_criterion(m, evidence.n_tracks) for m in fits]
        if len(fits) - 1 - int(np.argmin(scores)) >= 2:
            break
    return fits


def information_criterion(mixture: Mixture, n_tracks: int) -> float:
    """Schwarz's criterion of a single fit; a width at its lower bound is no free parameter."""
    free = 3 * mixture.n_components - 1 - int(np.sum(mixture.variance[0] <= SMALLEST_SD**2 * 1.01))
    return float(-2 * mixture.log_likelihood[0] + free * np.log(n_tracks))


def _first(evidence: Evidence, weight: FloatArray, dictionary: Dictionary) -> Mixture:
    score = weight @ np.log(np.maximum(dictionary.values, _TINY))
    starts = [_best_of_width(dictionary, score, v) for v in np.unique(dictionary.variance)]
    return _climb(
        evidence, weight, [(np.ones(1), dictionary.mean[[i]], dictionary.variance[[i]]) for i in starts]
    )


def _one_more(evidence: Evidence, weight: FloatArray, dictionary: Dictionary, mixture: Mixture) -> Mixture:
    """Add a component where it promises most, or split one in two; whatever climbs highest."""
    share, mean, variance = mixture.share[0], mixture.mean[0], mixture.variance[0]
    f = evidence.likelihood @ mixture.on_bins(evidence.grid)[0].astype(np.float32)
    promise = (weight / np.maximum(f, _TINY)) @ dictionary.values
    n = weight.sum()
    starts = []
    for v in np.unique(dictionary.variance):
        i = _best_of_width(dictionary, promise, v)
        new = np.clip(promise[i] / n - 1, 0.01, 0.2)
        starts.append(
            (
                np.append(share * (1 - new), new),
                np.append(mean, dictionary.mean[i]),
                np.append(variance, dictionary.variance[i]),
            )
        )
    for k in range(share.size):
        apart = max(np.sqrt(variance[k]), 0.05)
        starts.append(
            (
                np.append(np.where(np.arange(share.size) == k, share / 2, share), share[k] / 2),
                np.append(np.where(np.arange(share.size) == k, mean - apart, mean), mean[k] + apart),
                np.append(variance, variance[k]) / np.where(np.append(np.arange(share.size), k) == k, 4, 1),
            )
        )
    return _climb(evidence, weight, starts)


def _best_of_width(dictionary: Dictionary, score: FloatArray, variance: float) -> int:
    return int(np.argmax(np.where(dictionary.variance == variance, score, -np.inf)))


def _climb(evidence: Evidence, weight: FloatArray, starts: Sequence[tuple[FloatArray, ...]]) -> Mixture:
    """Climb from all starts a little, from the best one to the top."""
    share, mean, variance = (np.stack(column) for column in zip(*starts, strict=True))
    start = Mixture(
        share=share,
        mean=mean,
        variance=np.clip(variance, SMALLEST_SD**2, LARGEST_SD**2),
        log_likelihood=np.zeros(len(share)),
    )
    tried = fit(evidence, np.tile(weight, (len(share), 1)), start, iterations=15, tolerance=0.05)
    best = tried.take(np.argsort(-tried.log_likelihood)[:1])
    return fit(evidence, weight[None], best, iterations=100)
