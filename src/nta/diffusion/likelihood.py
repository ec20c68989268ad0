"""Likelihood of the diffusion coefficient of every track, on a grid, for inference over many tracks."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from nta.columns import FloatArray, IntArray
from nta.diffusion.gaussian import Displacements, likelihood_table
from nta.diffusion.steps import Steps
from nta.diffusion.table import DiffusionEstimates
from nta.errors import SettingError
from nta.tracks.table import Tracks


@dataclass(frozen=True, kw_only=True, eq=False)
class DiffusionLikelihood:
    """Log-likelihood of D, track by track.

    grid_um2_s : (n_grid,) diffusion coefficients.
    log_likelihood : (n_rows, n_grid) float32, minus the maximum of each row, so that the largest value is 0.
    peak : (n_rows,) the subtracted maximum, for positions in um.
    track : (n_rows,) track of each row.
    """

    grid_um2_s: FloatArray
    log_likelihood: NDArray[np.float32]
    peak: FloatArray
    track: IntArray


def diffusion_likelihood(
    tracks: Tracks,
    diffusion: DiffusionEstimates,
    grid_um2_s: ArrayLike | None = None,
    *,
    which: ArrayLike | None = None,
) -> DiffusionLikelihood:
    """Exact Gaussian log-likelihood of D for each track: localization errors, blur and missing frames included.

    Parameters
    ----------
    tracks
        The tracks to which the estimates belong.
    diffusion
        The estimates; pixel size, frame interval and noise model are taken from here.
    grid_um2_s
        Diffusion coefficients > 0; None: 200 values, even in ln D, from a fifth of the smallest lower end of an interval to
        five times the largest upper end.
    which
        Track numbers (or a mask over tracks); None: the tracks that may be given a size.
    """
    if len(diffusion) != tracks.n_tracks:
        raise SettingError(f"{len(diffusion)} estimates do not belong to {tracks.n_tracks} tracks")
    chosen = np.asarray(diffusion.has_size if which is None else which)
    rows = np.flatnonzero(chosen) if chosen.dtype == np.bool_ else chosen.astype(np.int64)
    grid = _default_grid(diffusion, rows) if grid_um2_s is None else np.array(grid_um2_s, dtype=np.float64)
    if grid.ndim != 1 or grid.size == 0 or not np.all(np.isfinite(grid) & (grid > 0)):
        raise SettingError("grid_um2_s must be one row of diffusion coefficients > 0 um2/s")
    lag = diffusion.noise.lag_frames
    steps = estimated_steps(tracks, diffusion).apart(lag)
    table = np.empty((rows.size, grid.size), dtype=np.float32)
    peak = np.empty(rows.size)
    likelihood_table(Displacements.of(steps, diffusion.noise), rows, grid, np.zeros(grid.size), table, peak)
    if lag > 1:  # the chains describe the same motion
        table, peak = table / np.float32(lag), peak / lag
    return DiffusionLikelihood(grid_um2_s=grid, log_likelihood=table, peak=peak, track=rows)


def estimated_steps(tracks: Tracks, diffusion: DiffusionEstimates) -> Steps:
    """Return the steps of the estimates, with the correction for motion that was not seen."""
    return Steps.of(
        tracks, diffusion.pixel_size_um, diffusion.frame_interval_s, kept_share=diffusion.kept_share
    )


def _default_grid(diffusion: DiffusionEstimates, rows: IntArray) -> FloatArray:
    low, high = diffusion.low_um2_s[rows], diffusion.high_um2_s[rows]
    low, high = low[low > 0], high[high > 0]
    if low.size == 0 or high.size == 0:
        return np.geomspace(1e-3, 1e2, 200)
    return np.geomspace(float(low.min()) / 5, float(high.max()) * 5, 200)
