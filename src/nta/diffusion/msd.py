"""Mean squared displacement against lag: of every track, and of all tracks together with standard errors."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nta.columns import Brief, FloatArray, IntArray
from nta.compiled import compiled
from nta.diffusion.ensemble import EnsembleMotion, ensemble_motion
from nta.diffusion.likelihood import estimated_steps
from nta.diffusion.regression import msd_sums
from nta.diffusion.table import DiffusionEstimates
from nta.quantity import Z_95, Quantity, unknown
from nta.tracks.table import Tracks


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class MeanSquaredDisplacement(Brief):
    """Squared displacement in the plane (both axes added) against lag, and the line through it.

    lag_frames, lag_s : (n_lags,).
    track_um2, track_pairs : (n_tracks, n_lags) mean and number of pairs of each track; NaN and 0 if there is no pair.
    ensemble_um2, std_err_um2 : (n_lags,) mean over the tracks that may be given a size, weighted by their pairs, and
        its standard error from the spread between tracks; NaN for fewer than two tracks.
    n_tracks : (n_lags,) number of tracks in each mean.
    diffusion_um2_s, intercept_um2 : line 4 D lag + intercept through the first lags of the ensemble, weighted by
        1 / std_err²; an illustration of the data, not the estimate for the sizes. NaN if there is no line.
    fit_lags : number of lags in the line.
    first_fit_lag : first lag in the line; above 1 if positions are smoothed over frames.
    motion : exponent and isotropy of the ensemble; None in results older than this field.
    """

    lag_frames: IntArray
    lag_s: FloatArray
    track_um2: NDArray[np.float32]
    track_pairs: NDArray[np.int32]
    ensemble_um2: FloatArray
    std_err_um2: FloatArray
    n_tracks: IntArray
    diffusion_um2_s: float
    diffusion_std_err_um2_s: float
    intercept_um2: float
    fit_lags: int
    motion: EnsembleMotion | None = None
    first_fit_lag: int = 1

    @property
    def diffusion(self) -> Quantity:
        """Slope of the line as a diffusion coefficient."""
        if not np.isfinite(self.diffusion_um2_s):
            return unknown("line through the ensemble's mean squared displacement", "um2/s")
        half = Z_95 * self.diffusion_std_err_um2_s
        return Quantity(
            self.diffusion_um2_s,
            self.diffusion_um2_s - half,
            self.diffusion_um2_s + half,
            "um2/s",
            f"line through {self.fit_lags} lags of the ensemble's mean squared displacement, from {self.first_fit_lag} "
            "on, 95 %",
        )


def mean_squared_displacement(
    tracks: Tracks, diffusion: DiffusionEstimates, *, max_lag: int = 10, fit_lags: int = 4
) -> MeanSquaredDisplacement:
    """Mean squared displacements up to `max_lag` frames; the ensemble contains the tracks that may be given a size.

    All pairs of a track's positions are used, so that neighbouring lags are correlated. At long lags only particles
    that stay in view remain, which are the slow ones: trust the first lags.
    """
    steps = estimated_steps(tracks, diffusion)
    sums, pairs = _sums(steps.y_um, steps.x_um, steps.frame, steps.start, max_lag)
    with np.errstate(invalid="ignore", divide="ignore"):
        per_track = sums / pairs
    chosen = diffusion.has_size
    mean, std_err, n_tracks = _ensemble(per_track[chosen], pairs[chosen].astype(np.float64))
    lag_frames = np.arange(1, max_lag + 1)
    lag_s = np.asarray(lag_frames * steps.frame_interval_s, dtype=np.float64)
    first = diffusion.noise.lag_frames
    fitted = slice(first - 1, first - 1 + fit_lags)
    used = np.isfinite(mean[fitted]) & (np.nan_to_num(std_err[fitted]) > 0)
    slope, slope_err, intercept = _line(lag_s[fitted][used], mean[fitted][used], std_err[fitted][used])
    return MeanSquaredDisplacement(
        lag_frames=lag_frames,
        lag_s=lag_s,
        track_um2=per_track.astype(np.float32),
        track_pairs=pairs,
        ensemble_um2=mean,
        std_err_um2=std_err,
        n_tracks=n_tracks,
        diffusion_um2_s=slope / 4,
        diffusion_std_err_um2_s=slope_err / 4,
        intercept_um2=intercept,
        fit_lags=int(used.sum()),
        motion=ensemble_motion(tracks, diffusion),
        first_fit_lag=first,
    )


def _ensemble(per_track: FloatArray, pairs: FloatArray) -> tuple[FloatArray, FloatArray, IntArray]:
    """Mean weighted by pairs, standard error of a weighted mean, and number of tracks, per lag."""
    values = np.where(pairs > 0, per_track, 0.0)
    n_tracks = (pairs > 0).sum(axis=0)
    with np.errstate(invalid="ignore", divide="ignore"):
        weight = pairs / pairs.sum(axis=0)
        mean = np.where(n_tracks > 0, (weight * values).sum(axis=0), np.nan)
        # unbiased variance of a weighted mean with reliability weights
        spread = (weight**2 * (values - mean) ** 2).sum(axis=0) / (1 - (weight**2).sum(axis=0))
        std_err = np.where(n_tracks > 1, np.sqrt(spread), np.nan)
    return mean, std_err, n_tracks.astype(np.int64)


def _line(t: FloatArray, value: FloatArray, std_err: FloatArray) -> tuple[float, float, float]:
    """Weighted line: slope, its standard error, intercept.

    The means at different lags come from the same tracks and vary together; they are taken to share a common factor, so
    that the relative error of the slope is at least that of the first lag.
    """
    if t.size < 2:
        return np.nan, np.nan, np.nan
    w = 1 / std_err**2
    centre = np.sum(w * t) / w.sum()
    spread = np.sum(w * (t - centre) ** 2)
    slope = float(np.sum(w * (t - centre) * value) / spread)
    intercept = float(np.sum(w * value) / w.sum() - slope * centre)
    common = float(std_err[0] / value[0]) * abs(slope)
    return slope, max(common, float(np.sqrt(1 / spread))), intercept


@compiled(outer=True)
def _sums(
    y: FloatArray, x: FloatArray, frame: IntArray, start: IntArray, max_lag: int
) -> tuple[FloatArray, NDArray[np.int32]]:
    """Return sums of squared displacements and numbers of pairs, (tracks, lags 1..max_lag)."""
    n = start.size - 1
    sums = np.zeros((n, max_lag))
    pairs = np.zeros((n, max_lag), dtype=np.int32)
    for k in range(n):
        rows = slice(start[k], start[k + 1])
        of_track, counts = msd_sums(frame[rows], y[rows], x[rows], max_lag)
        for lag in range(max_lag):  # assigning whole rows would compile numba's strings, for a message
            sums[k, lag], pairs[k, lag] = of_track[lag + 1], counts[lag + 1]
    return sums, pairs
