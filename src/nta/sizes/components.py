"""Number of log-normal components that the tracks can distinguish, and their parameters.

Components are added where the likelihood's directional derivative is steepest, as in the vertex methods for
non-parametric mixtures (Lindsay, Ann. Stat. 11, 86 (1983)), or by splitting one in two. How many are needed
is decided by the Bayesian information criterion (Schwarz, Ann. Stat. 6, 461 (1978); consistent for mixtures:
Keribin, Sankhya A 62, 49 (2000)). Each number is tried with free widths and with one common width, whose prior lies at the
widths that bead certificates state. With this prior fewer tracks suffice to tell close bead peaks from one broad peak.
Without it, short tracks hardly constrain a width far below their own blur: the estimate would be too large as often as at
its lower bound.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from nta.columns import FloatArray
from nta.sizes.evidence import Evidence
from nta.sizes.mixture import (
    BEAD_SD,
    BELIEF_SD,
    LARGEST_SD,
    SMALLEST_SD,
    Mixture,
    Widths,
    component_bins,
    fit,
    known_of_width,
)

_TINY = 1e-30
_DICTIONARY_SD = (SMALLEST_SD, BEAD_SD, 0.12, 0.25, 0.5)
_GIVE_UP_AFTER = 2  # more components without gain
_LEAST_PROBABLE = 1e-3  # candidates less probable than this get no draws
_POWER = 0.5  # power of the candidates' probabilities; chosen by coverage
# least share of draws with one more component; by coverage of the mode of shapes not log-normal
_OTHER_SHAPE = 0.2

Start = tuple[FloatArray, FloatArray, FloatArray]
"""Shares, means and variances of the components to climb from."""


@dataclass(frozen=True, eq=False)
class Candidate:
    """A fit with a given number of components and kind of widths, and its probability.

    probability : from the information criterion, Kass and Raftery, J. Am. Stat. Assoc. 90, 773 (1995), eq. 9.
    """

    mixture: Mixture
    probability: float


def find_components(evidence: Evidence, max_components: int) -> list[Candidate]:
    """Try 1, 2, ... components until more do not improve the criterion; the most probable candidate comes first."""
    weight = evidence.per_cell(np.ones(evidence.n_tracks))
    dictionary = _Dictionary.of(evidence)
    free = _climb(evidence, weight, _single_starts(dictionary, weight), "free")
    beads = _climb(evidence, weight, [_with_sd(free, BEAD_SD), _with_sd(free, _mean_sd(free))], "beads")
    found = [free, beads]
    scores = [_score(evidence, weight, m) for m in found]
    best, idle = min(scores), 0
    for _ in range(1, max_components):
        starts = _more_starts(dictionary, evidence, weight, free)
        free = _climb(evidence, weight, starts, "free")
        starts = _more_starts(dictionary, evidence, weight, beads)
        starts = [(share, mean, np.full_like(mean, BEAD_SD**2)) for share, mean, _ in starts]
        starts += [_with_sd(free, BEAD_SD), _with_sd(free, _mean_sd(free))]
        beads = _climb(evidence, weight, starts, "beads")
        found += [free, beads]
        scores += [_score(evidence, weight, m) for m in found[-2:]]
        newest = min(scores[-2:])
        best, idle = (newest, 0) if newest < best else (best, idle + 1)
        if idle == _GIVE_UP_AFTER:
            break
    probability = np.exp(-(np.array(scores) - min(scores)) / 2)
    probability /= probability.sum()
    ranked = [Candidate(found[i], float(probability[i])) for i in np.argsort(-probability)]
    richer = _richer(ranked)
    return [c for c in ranked if c.probability > _LEAST_PROBABLE or c is richer]


def chances(candidates: Sequence[Candidate]) -> FloatArray:
    """Return the share of the draws that is taken from each candidate: (n,).

    Measured coverage shows that the criterion is overconfident: its probabilities are raised to the power `_POWER`. It also
    assumes log-normal shapes until the data contradict them. Therefore, where a population is broader than beads, at least a
    fixed share of the draws has one more component, which allows skewed or truncated shapes.
    """
    chance = np.array([c.probability for c in candidates]) ** _POWER
    chance /= chance.sum()
    richer = _richer(candidates)
    if richer is None:
        return chance
    is_richer = np.array([c is richer for c in candidates])
    of_richer = max(float(chance[is_richer][0]), _OTHER_SHAPE)
    rest = np.where(is_richer, 0.0, chance)
    return np.where(is_richer, of_richer, (1 - of_richer) * rest / rest.sum())


def _richer(ranked: Sequence[Candidate]) -> Candidate | None:
    """Return the candidate with one component more than the most probable one; None if the latter is not broad."""
    best = ranked[0].mixture
    if not best.is_broad[0]:
        return None
    more = best.n_components + 1
    return next(
        (c for c in ranked if c.mixture.widths == "free" and c.mixture.n_components == more),
        None,
    )


def refitted(evidence: Evidence, candidates: list[Candidate]) -> list[Candidate]:
    """Fit the candidates again to changed evidence, starting from their components; their probabilities stay."""
    weight = evidence.per_cell(np.ones(evidence.n_tracks))[None]
    return [replace(c, mixture=fit(evidence, weight, c.mixture, iterations=30)) for c in candidates]


def _score(evidence: Evidence, weight: FloatArray, mixture: Mixture) -> float:
    """Return Schwarz's criterion of a single fit; smaller is better.

    The common width of beads is penalised by Laplace's integral over its prior: not at all if the tracks do not constrain
    it, about as much as any other parameter if they determine it well (Kass and Raftery, J. Am. Stat. Assoc. 90, 773
    (1995), sec. 4.1).
    """
    score = -2 * mixture.log_likelihood[0] + mixture.n_free * np.log(evidence.n_tracks)
    if mixture.widths == "beads":
        score += np.log1p(known_of_width(evidence, weight[None], mixture)[0] * BELIEF_SD**2)
    return float(score)


@dataclass(frozen=True, eq=False)
class _Dictionary:
    """Likelihood of every cell under single log-normals on a lattice, the components that may be added."""

    mean: FloatArray
    variance: FloatArray
    values: NDArray[np.float32]  # (n_cells, n_entries)

    @classmethod
    def of(cls, evidence: Evidence) -> _Dictionary:
        """Make the lattice: finer for narrower components."""
        grid = evidence.grid
        strides = [max(1, round(max(sd / 2, 0.012) / grid.step)) for sd in _DICTIONARY_SD]
        mean = np.concatenate([grid.x[::stride] for stride in strides])
        sd = np.concatenate(
            [np.full(grid.x[::n].size, s) for s, n in zip(_DICTIONARY_SD, strides, strict=True)]
        )
        bins = component_bins(grid, mean, sd**2).astype(np.float32)
        return cls(mean, sd**2, evidence.likelihood @ bins.T)

    def best_of_each_width(self, score: FloatArray) -> list[int]:
        """Return the entry of greatest score for every width."""
        widths = np.unique(self.variance)
        return [int(np.argmax(np.where(self.variance == v, score, -np.inf))) for v in widths]


def _single_starts(dictionary: _Dictionary, weight: FloatArray) -> list[Start]:
    score = weight @ np.log(np.maximum(dictionary.values, _TINY))
    entries = dictionary.best_of_each_width(score)
    return [(np.ones(1), dictionary.mean[[i]], dictionary.variance[[i]]) for i in entries]


def _more_starts(
    dictionary: _Dictionary, evidence: Evidence, weight: FloatArray, mixture: Mixture
) -> list[Start]:
    """Return starts with one more component: for every width, one where the gain is steepest; and each one split in two."""
    share, mean, variance = mixture.share[0], mixture.mean[0], mixture.variance[0]
    f = evidence.likelihood @ mixture.on_bins(evidence.grid)[0].astype(np.float32)
    promise = (weight / np.maximum(f, _TINY)) @ dictionary.values / weight.sum() - 1
    starts: list[Start] = []
    for i in dictionary.best_of_each_width(promise):
        new = float(np.clip(promise[i], 0.01, 0.2))
        starts.append(
            (
                np.append(share * (1 - new), new),
                np.append(mean, dictionary.mean[i]),
                np.append(variance, dictionary.variance[i]),
            )
        )
    for k in range(share.size):
        apart = max(float(np.sqrt(variance[k])), 0.1)
        halves = np.append(share, share[k])
        places = np.append(mean, mean[k] + apart)
        widths = np.append(variance, variance[k] / 4)
        halves[k], places[k], widths[k] = share[k] / 2, mean[k] - apart, variance[k] / 4
        halves[-1] = share[k] / 2
        starts.append((halves, places, widths))
    return starts


def _mean_sd(mixture: Mixture) -> float:
    return float(np.sqrt(np.mean(mixture.variance)))


def _with_sd(mixture: Mixture, sd: float) -> Start:
    return mixture.share[0], mixture.mean[0], np.full_like(mixture.variance[0], sd**2)


def _climb(evidence: Evidence, weight: FloatArray, starts: Sequence[Start], widths: Widths) -> Mixture:
    """Climb a few steps from every start, then from the best one to the maximum."""
    share, mean, variance = (np.stack(column) for column in zip(*starts, strict=True))
    start = Mixture(
        share=share,
        mean=mean,
        variance=np.clip(variance, SMALLEST_SD**2, LARGEST_SD**2),
        log_likelihood=np.zeros(len(share)),
        widths=widths,
    )
    tried = fit(evidence, np.tile(weight, (len(share), 1)), start, iterations=15, tolerance=0.05)
    best = tried.take(np.argsort(-tried.log_likelihood)[:1])
    return fit(evidence, weight[None], best, iterations=100)
