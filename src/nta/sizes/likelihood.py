"""Likelihoods of diameter: from the tracks themselves, or approximated from a table of estimates alone."""

from __future__ import annotations

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from nta.columns import BoolArray, FloatArray, IntArray
from nta.diffusion import Detection
from nta.diffusion.table import DiffusionEstimates, TrackFlag
from nta.sizes.evidence import Evidence, Grid, gather_evidence
from nta.tracks.returning import particles_of
from nta.tracks.table import Tracks

_LIGHT_CLASSES, _LEAST_OF_LIGHT = 8, 25  # most classes of light, and fewest tracks in each
_AWAY_S = 2.0  # after so long a particle that appears is counted as a new one: most that come back have done so by then
# most time credited to a track, times its own: if most tracks are too short, their sizes are unknown
_STANDS_FOR_MOST = 2.0


class Likelihood(Protocol):
    """Log-likelihoods of D: row i of `log_likelihood` is of track `track[i]`, columns are at `grid_um2_s`."""

    @property
    def grid_um2_s(self) -> FloatArray:
        """Values of D."""

    @property
    def log_likelihood(self) -> NDArray[np.floating]:
        """Natural logarithms, (n_rows, n_values), each row up to a constant."""

    @property
    def track(self) -> NDArray[np.integer]:
        """Track numbers."""


def evidence_from_likelihood(
    grid: Grid,
    diffusion: DiffusionEstimates,
    used: BoolArray,
    scale_nm_um2_s: float,
    likelihood: Likelihood,
    in_view: FloatArray,
    particle: IntArray,
) -> Evidence:
    """Gather given likelihoods of the used tracks; in_view, particle: by track, see `frames_in_view`, `Evidence`."""
    rows = np.asarray(likelihood.track)
    keep = used[rows]
    node = np.log(scale_nm_um2_s / likelihood.grid_um2_s)
    order = np.argsort(node)
    rows, log_likelihood = rows[keep], likelihood.log_likelihood[keep][:, order]
    return gather_evidence(
        grid,
        node[order],
        log_likelihood,
        diffusion.n_points[rows].astype(float),
        in_view[rows],
        particle[rows],
    )


def evidence_from_estimates(
    grid: Grid,
    diffusion: DiffusionEstimates,
    used: BoolArray,
    scale_nm_um2_s: float,
    in_view: FloatArray,
    particle: IntArray,
) -> Evidence:
    """Gather likelihoods approximated from per-track estimates; in_view, particle: as in `evidence_from_likelihood`."""
    node = grid.nodes()
    rows = np.flatnonzero(used)
    log_likelihood = approximate_log_likelihood(
        np.log(scale_nm_um2_s) - node, diffusion.diffusion_um2_s[rows], diffusion.std_err_um2_s[rows]
    )
    n_points = diffusion.n_points[rows].astype(float)
    return gather_evidence(grid, node, log_likelihood, n_points, in_view[rows], particle[rows])


def frames_in_view(
    diffusion: DiffusionEstimates, used: BoolArray, detection: Detection | None = None
) -> FloatArray:
    """Return the time in view credited to each track, in frames: its own, and a share of the time of too short tracks.

    Fast, faint or crowded particles leave more tracks that are too short to be sized. The observation time of these tracks
    is credited to sized tracks of similar light, class by class. Single spots are left out: some may be noise.
    Faint particles are hidden by bright ones more often than the reverse. Where `detection` is known, each track is also
    credited with the time that particles of its light spent hidden.
    """
    return _with_too_short(diffusion, used) / _not_hidden(diffusion, detection)


def particles_behind(tracks: Tracks | None, diffusion: DiffusionEstimates) -> IntArray:
    """Return the number of the particle of each track, (n_tracks,); without `tracks`, each track has its own particle."""
    if tracks is None:
        return np.arange(diffusion.n_points.size)
    d = diffusion.diffusion_um2_s
    known = np.isfinite(d) & (d > 0)
    if not known.any():
        return np.arange(d.size)
    step_px2 = (
        2 * np.where(known, d, np.median(d[known])) * diffusion.frame_interval_s / diffusion.pixel_size_um**2
    )
    return particles_of(tracks, step_px2, max(round(_AWAY_S / diffusion.frame_interval_s), 1))


def effective_number(weight: FloatArray) -> float:
    """Return the effective number of tracks with these weights: equally weighted tracks with the same information.

    Source: Kish, Survey Sampling (1965), sec. 11.7.
    """
    return float(weight.sum() ** 2 / (weight**2).sum())


def _not_hidden(diffusion: DiffusionEstimates, detection: Detection | None) -> FloatArray | float:
    if detection is None:
        return 1.0
    light = diffusion.intensity.astype(np.float64)
    share = detection.not_hidden(light)
    return np.where(np.isfinite(share), np.maximum(share, 1 / _STANDS_FOR_MOST), 1.0)


def _with_too_short(diffusion: DiffusionEstimates, used: BoolArray) -> FloatArray:
    frames = diffusion.n_points.astype(np.float64)
    too_short = diffusion.flagged(TrackFlag.TOO_SHORT) & (diffusion.n_points >= 2) & ~used
    light = diffusion.intensity.astype(np.float64)
    known = (used | too_short) & np.isfinite(light)
    if not (used & known).any():
        return frames
    n_classes = int(np.clip((used & known).sum() // _LEAST_OF_LIGHT, 1, _LIGHT_CLASSES))
    edges = np.quantile(light[used & known], np.arange(1, n_classes) / n_classes)
    of_light = np.searchsorted(edges, light)
    sized = np.bincount(of_light[used & known], frames[used & known], n_classes)
    unsized = np.bincount(of_light[too_short & known], frames[too_short & known], n_classes)
    stands_for = np.minimum(1 + unsized / np.maximum(sized, 1.0), _STANDS_FOR_MOST)
    return np.asarray(np.where(known, frames * stands_for[np.minimum(of_light, n_classes - 1)], frames))


def approximate_log_likelihood(
    log_d: FloatArray, estimate_um2_s: FloatArray, std_err_um2_s: FloatArray
) -> FloatArray:
    """Log-likelihood of D from estimate and standard error alone, at values of ln D: (n_tracks, n_values).

    The estimate is taken as Gamma distributed about D with shape n = (estimate / standard error)^2, as it is for n
    free two-dimensional steps. Used where only a table of estimates is available.
    """
    shape = np.clip((estimate_um2_s / std_err_um2_s) ** 2, 0.1, 1e5)[:, None]
    ratio = np.log(estimate_um2_s)[:, None] - log_d
    return np.asarray(shape * (ratio - np.exp(np.minimum(ratio, 50.0))))
