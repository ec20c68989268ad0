"""Population inference: the distribution that explains all tracks together, with its draws."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nta.blas import one_blas_thread
from nta.columns import FloatArray
from nta.sizes.components import chances, find_components, refitted
from nta.sizes.evidence import Evidence
from nta.sizes.lobes import Lobes, lobes_in_view
from nta.sizes.mixture import BEAD_SD, BELIEF_SD, Mixture, fit
from nta.sizes.settings import SizingSettings
from nta.sizes.weighting import informed_by_duration, tilt_to_time

# distribution and durations are estimated in turn, each from the other; a fourth round changes nothing visible
_DURATION_ROUNDS = 3
_REPEATS_AT_ONCE = 50  # bounds memory: 50 repeats x 3000 cells x a few components


@dataclass(frozen=True, kw_only=True, eq=False)
class Population:
    """Inferred distributions on the whole grid and their bootstrap draws.

    tracks, in_view : (n_bins,) every track counted once; particles in view, by the time that the tracks stand for.
    tracks_draws, in_view_draws : (repeats, n_bins).
    mixture : the chosen mixture of log-normals, for the tracks.
    lobes, lobes_draws : components of the distributions in view.
    """

    tracks: FloatArray
    in_view: FloatArray
    tracks_draws: FloatArray
    in_view_draws: FloatArray
    mixture: Mixture
    lobes: Lobes
    lobes_draws: Lobes


@one_blas_thread()
def infer_population(evidence: Evidence, settings: SizingSettings, rng: np.random.Generator) -> Population:
    """Infer the population as a log-normal mixture; the information criterion chooses the number of components.

    Draws: Bayesian bootstrap over particles (Rubin, Ann. Stat. 9, 130 (1981)). The number of components is drawn as well
    (`components.chances`), so that the draws include its uncertainty. The centre of the prior on bead widths is itself
    drawn from that prior: widths that the tracks do not determine scatter like the prior, the others as the data determine
    (randomise-then-optimise: Bardsley, Solonen, Haario and Laine, SIAM J. Sci. Comput. 36, A1895 (2014)).
    """
    time = evidence.per_cell(evidence.n_points)[None]
    found = find_components(evidence, settings.max_components)
    tracks, in_view = _distributions(evidence, found[0].mixture, time)
    plain = evidence
    for _ in range(_DURATION_ROUNDS):
        evidence = informed_by_duration(plain, tracks[0], in_view[0])
        found = refitted(evidence, found)
        tracks, in_view = _distributions(evidence, found[0].mixture, time)
    tracks, in_view = _distributions(evidence, found[0].mixture, evidence.per_cell(evidence.in_view)[None])

    chosen = rng.choice(len(found), size=settings.repeats, p=chances(found))
    tracks_draws = np.empty((settings.repeats, tracks.shape[1]))
    in_view_draws = np.empty_like(tracks_draws)
    lobes_draws = Lobes.empty(settings.repeats, max(c.mixture.n_components for c in found))
    for rows, candidate in _batches(chosen):
        weight, time = _bootstrap_weights(evidence, rows.size, rng)
        start = found[candidate].mixture.take(np.zeros(rows.size, dtype=np.int64))
        bead_sd = BEAD_SD * np.exp(BELIEF_SD * rng.standard_normal(rows.size))
        drawn = fit(evidence, weight, start, iterations=12, tolerance=0.02, bead_sd=bead_sd)
        tracks_draws[rows], in_view_draws[rows] = _distributions(evidence, drawn, time)
        lobes_draws.put(rows, lobes_in_view(evidence.grid, drawn, tracks_draws[rows], in_view_draws[rows]))
    return Population(
        tracks=tracks[0],
        in_view=in_view[0],
        tracks_draws=tracks_draws,
        in_view_draws=in_view_draws,
        mixture=found[0].mixture,
        lobes=lobes_in_view(evidence.grid, found[0].mixture, tracks, in_view),
        lobes_draws=lobes_draws,
    )


def _distributions(evidence: Evidence, mixture: Mixture, time: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return the distributions of the tracks and of the particles in view.

    The variance is matched as well, except for a single bead peak, whose variance is mostly the prior's.
    """
    tracks = mixture.on_bins(evidence.grid)
    tracks /= tracks.sum(axis=1, keepdims=True)
    degree = np.where(mixture.is_broad | (mixture.n_components > 1), 2, 1).astype(np.int64)
    return tracks, tilt_to_time(evidence, time, tracks, degree)


def _batches(chosen: NDArray[np.int64]) -> Iterator[tuple[NDArray[np.int64], int]]:
    """Yield repeats with the same candidate, a bounded number at a time."""
    for candidate in np.unique(chosen):
        rows = np.flatnonzero(chosen == candidate)
        for start in range(0, rows.size, _REPEATS_AT_ONCE):
            yield rows[start : start + _REPEATS_AT_ONCE], int(candidate)


def _bootstrap_weights(
    evidence: Evidence, repeats: int, rng: np.random.Generator
) -> tuple[FloatArray, FloatArray]:
    """Draw a weight per particle and sum it per cell, as count and as time in view: (repeats, n_cells) each."""
    counts = np.empty((repeats, len(evidence.likelihood)))
    times = np.empty_like(counts)
    for r in range(repeats):
        per_track = rng.standard_exponential(evidence.particle.max() + 1)[evidence.particle]
        counts[r] = evidence.per_cell(per_track)
        times[r] = evidence.per_cell(per_track * evidence.in_view)
    return counts, times
