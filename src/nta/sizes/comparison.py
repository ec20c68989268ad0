"""The plain estimates that other programs print, for comparison, each named after its method.

They describe single-track estimates, which are broadened by the finite length of the tracks, not the particles. Their bands
come from a bootstrap over the particles of the tracks (`nta.tracks.returning`).
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from nta.blas import one_blas_thread
from nta.columns import FloatArray, IntArray
from nta.sizes.draws import Inferred, inferred
from nta.sizes.evidence import Evidence, Grid, gather_evidence
from nta.sizes.settings import SizingSettings

_FTLA_ITERATIONS = 200
_BAND_REPEATS = 100


def histogram(
    diameter_nm: FloatArray,
    settings: SizingSettings,
    rng: np.random.Generator,
    particle: IntArray | None = None,
) -> Inferred:
    """Histogram of per-track diameters, with its bootstrap draws.

    Bin width in ln d by Freedman and Diaconis, Z. Wahrsch. 57, 453 (1981), rounded so that bins fill the
    range.
    """
    x = np.log(diameter_nm)
    q25, q75 = np.quantile(x, [0.25, 0.75])
    width = max(2 * (q75 - q25) / x.size ** (1 / 3), 0.01)
    span = np.log(settings.grid_high_nm / settings.grid_low_nm)
    bins = int(np.clip(np.ceil(span / width), 10, settings.bins))
    edges = np.geomspace(settings.grid_low_nm, settings.grid_high_nm, bins + 1)
    place = _place(x, np.log(edges))
    weights = _per_bin(place, bins, _resampled(x.size, settings.repeats, rng, particle))
    method = "histogram of per-track diameters, every track counted once"
    return inferred(edges, weights[0], weights[1:], method, settings, key="histogram")


def kernel_density(
    diameter_nm: FloatArray,
    settings: SizingSettings,
    rng: np.random.Generator,
    particle: IntArray | None = None,
) -> Inferred:
    """Gaussian kernel density of ln(per-track diameter), with its bootstrap draws.

    Bandwidth by Silverman, Density Estimation for Statistics and Data Analysis (1986), eq. 3.31.
    """
    x = np.log(diameter_nm)
    q25, q75 = np.quantile(x, [0.25, 0.75])
    bandwidth = max(0.9 * min(np.std(x), (q75 - q25) / 1.34) * x.size ** (-1 / 5), 0.005)
    edges = np.geomspace(settings.grid_low_nm, settings.grid_high_nm, settings.bins + 1)
    edge = np.log(edges)
    centre = (edge[1:] + edge[:-1]) / 2
    kernel = np.exp(-0.5 * ((centre - centre[:, None]) / bandwidth) ** 2)
    kernel /= kernel.sum(axis=1, keepdims=True)
    weights = (
        _per_bin(_place(x, edge), settings.bins, _resampled(x.size, settings.repeats, rng, particle)) @ kernel
    )
    method = (
        f"kernel density of per-track diameters, bandwidth {bandwidth:.3g} in ln d, every track counted once"
    )
    return inferred(edges, weights[0], weights[1:], method, settings, key="kernel_density")


def finite_track_length_adjustment(
    diffusion_um2_s: FloatArray,
    n_steps: NDArray[np.integer],
    scale_nm_um2_s: float,
    settings: SizingSettings,
    rng: np.random.Generator,
    particle: IntArray | None = None,
) -> Inferred:
    """Maximum-likelihood sizes given per-track D and number of steps alone, with their bootstrap draws.

    The estimate from N two-dimensional steps is taken as Gamma distributed with shape N about the true D,
    without localization error, and the shares of the bins are found by EM, without smoothing.
    Source: Walker, Meas. Sci. Technol. 23, 065605 (2012); the same aim as Saveyn et al., J. Colloid Interface
    Sci. 352, 593 (2010), and the commercial finite-track-length adjustment.
    """
    coarse = Grid.of(_coarser(settings))
    node = coarse.nodes()
    log_d = np.log(scale_nm_um2_s) - node
    ratio = np.log(diffusion_um2_s)[:, None] - log_d
    log_likelihood = n_steps[:, None] * (ratio - np.exp(np.minimum(ratio, 50.0)))
    evidence = gather_evidence(coarse, node, log_likelihood, n_steps.astype(np.float64))
    repeats = min(settings.repeats, _BAND_REPEATS)
    resampled = [evidence.per_cell(w) for w in _resampled(n_steps.size, repeats, rng, particle)]
    weights = expectation_maximisation(evidence, np.stack(resampled), _FTLA_ITERATIONS)[:, coarse.inner]
    weights /= np.maximum(weights.sum(axis=1, keepdims=True), 1e-30)
    method = (
        f"finite-track-length adjustment (Walker 2012), {_FTLA_ITERATIONS} EM iterations, tracks counted once"
    )
    key = "finite_track_length_adjustment"
    return inferred(coarse.edges_nm, weights[0], weights[1:], method, settings, key=key)


@one_blas_thread()
def expectation_maximisation(evidence: Evidence, weight: FloatArray, iterations: int) -> FloatArray:
    """Shares of the bins of greatest likelihood, unsmoothed, by EM from an even start: (n_fits, n_bins).

    With many iterations it approaches the non-parametric maximum-likelihood estimate, which is spikes for any truth.
    """
    likelihood = evidence.likelihood
    counts = weight.astype(np.float32).T
    total = counts.sum(axis=0)
    share = np.full((likelihood.shape[1], len(weight)), 1 / likelihood.shape[1], dtype=np.float32)
    for _ in range(iterations):
        share *= likelihood.T @ (counts / np.maximum(likelihood @ share, np.float32(1e-30))) / total
    return np.asarray(share.T, dtype=np.float64)


def _coarser(settings: SizingSettings) -> SizingSettings:
    return replace(settings, bins=max(20, settings.bins // 4))


def _place(x: FloatArray, edge: FloatArray) -> NDArray[np.int64]:
    """Bin of every value; -1 outside."""
    place = np.searchsorted(edge, x, side="right") - 1
    return np.where((place >= 0) & (place < edge.size - 1), place, -1)


def _resampled(n: int, repeats: int, rng: np.random.Generator, particle: IntArray | None) -> list[FloatArray]:
    """Weights of the tracks: ones, then bootstrap repeats over particles; None: each track has its own particle."""
    drawn = np.arange(n) if particle is None else np.unique(particle, return_inverse=True)[1]
    return [np.ones(n), *(rng.standard_exponential(drawn.max() + 1)[drawn] for _ in range(repeats))]


def _per_bin(place: NDArray[np.int64], bins: int, weights: list[FloatArray]) -> FloatArray:
    """Share of every bin for each set of weights; values outside the bins are left out."""
    counts = np.stack([np.bincount(place + 1, w, minlength=bins + 1)[1:] for w in weights])
    return np.asarray(counts / np.maximum(counts.sum(axis=1, keepdims=True), 1e-30))
