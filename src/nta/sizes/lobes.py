"""Components (lobes) of a distribution in view, and their shapes behind a filter such as the visible volume."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nta.columns import FloatArray
from nta.sizes.evidence import Grid
from nta.sizes.mixture import SMALLEST_SD, Mixture, component_bins
from nta.sizes.weighting import tilted_to

_REACH_SD = 8.0  # standard deviations from the mean beyond which a lobe is 0
_ROWS_AT_ONCE = 50  # bounds memory: 50 draws x a few lobes x bins
_NONE = 1e-9  # lobes with a smaller share count as absent


@dataclass(frozen=True, eq=False)
class Lobes:
    """Shares of the particles in view with mean and standard deviation of ln(diameter / nm): (n, n_lobes) each.

    A row is a distribution, or a draw of a distribution; rows with fewer lobes are padded with lobes of share 0.
    """

    share: FloatArray
    mean: FloatArray
    sd: FloatArray

    @classmethod
    def empty(cls, n: int, n_lobes: int) -> Lobes:
        """Return n rows without lobes."""
        return cls(np.zeros((n, n_lobes)), np.zeros((n, n_lobes)), np.ones((n, n_lobes)))

    def put(self, rows: NDArray[np.int64], lobes: Lobes) -> None:
        """Write `lobes` into these rows."""
        filled = slice(lobes.share.shape[1])
        self.share[rows, filled], self.mean[rows, filled], self.sd[rows, filled] = (
            lobes.share,
            lobes.mean,
            lobes.sd,
        )

    def through(self, x: FloatArray, log_filter: FloatArray) -> FloatArray:
        """Distributions (n, n_bins) over x = ln(diameter / nm) whose lobes are log-normals behind a filter.

        log_filter : (n, n_bins), up to a constant of each row; for example the visible volume. Each lobe keeps its share,
            mean and standard deviation. A log-normal times a filter belongs to the exponential family of x and its square;
            the maximum-likelihood member has the mean and the variance observed behind the filter (Barndorff-Nielsen,
            Information and Exponential Families (1978), ch. 9). Lobes beyond the bins, of stray tracks, are left out.
        """
        seen = np.zeros(log_filter.shape)
        within = (self.mean + _REACH_SD * self.sd > x[0]) & (self.mean - _REACH_SD * self.sd < x[-1])
        row, lobe = np.nonzero(self.share * within)
        for first in range(0, row.size, _ROWS_AT_ONCE):
            of, at = row[first : first + _ROWS_AT_ONCE], lobe[first : first + _ROWS_AT_ONCE]
            u = (x - self.mean[of, at, None]) / self.sd[of, at, None]
            log_base = np.where(np.abs(u) < _REACH_SD, log_filter[of] - u * u / 2, -np.inf)
            base = np.exp(log_base - log_base.max(axis=1, keepdims=True))
            base /= base.sum(axis=1, keepdims=True)
            shaped = tilted_to(base, u, np.tile([0.0, 1.0], (of.size, 1)), np.full(of.size, 2))
            np.add.at(seen, of, self.share[of, at, None] * shaped)
        return seen


def lobes_in_view(grid: Grid, mixture: Mixture, tracks: FloatArray, in_view: FloatArray) -> Lobes:
    """Convert the components of the distribution of tracks to components of the distribution in view.

    tracks, in_view : (n, n_bins) both distributions.
    """
    by_track = np.divide(in_view, tracks, out=np.zeros_like(in_view), where=tracks > 0)
    bins = component_bins(grid, mixture.mean, mixture.variance) * by_track[:, None]
    total = np.maximum(bins.sum(axis=2), _NONE)
    share = mixture.share * total
    mean = bins @ grid.x / total
    variance = bins @ grid.x**2 / total - mean**2
    some = bins.sum(axis=2) > _NONE
    return Lobes(
        share=np.where(some, share, 0.0) / np.where(some, share, 0.0).sum(axis=1, keepdims=True),
        mean=np.where(some, mean, mixture.mean),
        sd=np.sqrt(np.maximum(np.where(some, variance, mixture.variance), SMALLEST_SD**2)),
    )
