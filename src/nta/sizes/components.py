"""How many log-normal populations the tracks can tell apart, and where each is.

Components are added where the likelihood's directional derivative is steepest, as in the vertex methods for
non-parametric mixtures (Lindsay, Ann. Stat. 11, 86 (1983)), or by splitting one in two. How many are needed
is decided by the Bayesian information criterion (Schwarz, Ann. Stat. 6, 461 (1978); consistent for mixtures:
Keribin, Sankhya A 62, 49 (2000)), each number tried with free widths, one common width, and the width of
beads: close peaks of beads are told from one broad peak by fewer tracks where their widths need not be
learned. What is reported is the width that the tracks teach, drawn towards that of beads as far as these explain the
tracks as well: short tracks say little of a width far below their own blur, and it would come out too large as often as
at its lower bound.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from nta.columns import FloatArray
from nta.sizes.evidence import Evidence
from nta.sizes.mixture import BEAD_SD, LARGEST_SD, SMALLEST_SD, Mixture, Widths, component_bins, fit

_TINY = 1e-30
_DICTIONARY_SD = (SMALLEST_SD, BEAD_SD, 0.06, 0.12, 0.25, 0.5)
_GIVE_UP_AFTER = 2  # more components without gain

Start = tuple[FloatArray, FloatArray, FloatArray]
"""Shares, means and variances of the components to climb from."""


@dataclass(frozen=True, eq=False)
class Candidate:
    """A number of components with one law of their widths: a single fit, and how probable it is.

    probability : from the information criterion, Kass and Raftery, J. Am. Stat. Assoc. 90, 773 (1995), eq. 9.
    """

    mixture: Mixture
    probability: float


@dataclass(frozen=True, eq=False)
class Components:
    """What is reported, a single fit, and the candidates that draws are taken from, most probable first."""

    reported: Mixture
    candidates: list[Candidate]


def find_components(evidence: Evidence, max_components: int) -> Components:
    """Try 1, 2, ... components until more do not pay."""
    weight = evidence.per_cell(np.ones(evidence.n_tracks))
    dictionary = _Dictionary.of(evidence)
    free = _climb(evidence, weight, _single_starts(dictionary, weight), "free")
    beads = _climb(evidence, weight, [_with_sd(free, BEAD_SD)], "fixed")
    found = [free, beads]
    best, idle = min(_score(m, evidence) for m in found), 0
    for _ in range(1, max_components):
        starts = _more_starts(dictionary, evidence, weight, free)
        free = _climb(evidence, weight, starts, "free")
        starts = _more_starts(dictionary, evidence, weight, beads)
        starts = [(share, mean, np.full_like(mean, BEAD_SD**2)) for share, mean, _ in starts]
        beads = _climb(evidence, weight, [*starts, _with_sd(free, BEAD_SD)], "fixed")
        mean_sd = float(np.sqrt(np.mean(free.variance)))
        common = _climb(
            evidence,
            weight,
            [_with_sd(beads, BEAD_SD), _with_sd(beads, 0.1), _with_sd(free, mean_sd)],
            "common",
        )
        found += [free, common, beads]
        newest = min(_score(m, evidence) for m in found[-3:])
        best, idle = (newest, 0) if newest < best else (best, idle + 1)
        if idle == _GIVE_UP_AFTER:
            break
    scores = np.array([_score(m, evidence) for m in found])
    probability = np.exp(-(scores - scores.min()) / 2)
    probability /= probability.sum()
    order = np.argsort(-probability)
    candidates = [Candidate(found[i], float(probability[i])) for i in order if probability[i] > 1e-3]
    return Components(_reported(evidence, weight, candidates, found), candidates)


def _reported(
    evidence: Evidence, weight: FloatArray, candidates: Sequence[Candidate], found: Sequence[Mixture]
) -> Mixture:
    """Fit the most probable number, its learned widths drawn towards those of beads by the odds of the two."""
    best = candidates[0].mixture
    k = best.n_components
    if best.widths == "free" and k > 1:
        return best
    learned = next(m for m in found if m.n_components == k and m.widths == ("common" if k > 1 else "free"))
    beads = next(m for m in found if m.n_components == k and m.widths == "fixed")
    odds = np.exp(np.clip((_score(learned, evidence) - _score(beads, evidence)) / 2, -50, 50))
    share = odds / (1 + odds)
    variance = share * BEAD_SD**2 + (1 - share) * learned.variance
    start = replace(learned, variance=variance, widths="fixed")
    return fit(evidence, weight[None], start, iterations=30)


def refitted(evidence: Evidence, found: Components) -> Components:
    """Climb to the top of other evidence from where the components are; how probable each is stays."""
    weight = evidence.per_cell(np.ones(evidence.n_tracks))[None]

    def again(mixture: Mixture) -> Mixture:
        return fit(evidence, weight, mixture, iterations=30)

    candidates = [replace(c, mixture=again(c.mixture)) for c in found.candidates]
    return Components(again(found.reported), candidates)


def _score(mixture: Mixture, evidence: Evidence) -> float:
    """Schwarz's criterion of a single fit; the smaller the better."""
    return float(-2 * mixture.log_likelihood[0] + mixture.n_free * np.log(evidence.n_tracks))


@dataclass(frozen=True, eq=False)
class _Dictionary:
    """Likelihood of every cell under single log-normals on a lattice: where a component may be added."""

    mean: FloatArray
    variance: FloatArray
    values: NDArray[np.float32]  # (n_cells, n_entries)

    @classmethod
    def of(cls, evidence: Evidence) -> _Dictionary:
        """Lay the lattice: finer for narrower components."""
        grid = evidence.grid
        strides = [max(1, round(max(sd / 2, 0.012) / grid.step)) for sd in _DICTIONARY_SD]
        mean = np.concatenate([grid.x[::stride] for stride in strides])
        sd = np.concatenate(
            [np.full(grid.x[::n].size, s) for s, n in zip(_DICTIONARY_SD, strides, strict=True)]
        )
        bins = component_bins(grid, mean, sd**2)[0].astype(np.float32)
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
    """Add a component where it promises most, for every width; and split each component in two."""
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


def _with_sd(mixture: Mixture, sd: float) -> Start:
    return mixture.share[0], mixture.mean[0], np.full_like(mixture.variance[0], sd**2)


def _climb(evidence: Evidence, weight: FloatArray, starts: Sequence[Start], widths: Widths) -> Mixture:
    """Climb from all starts a little, from the best one to the top."""
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
