"""Where the likelihoods of diameter come from: the tracks themselves, or a table of estimates alone."""

from __future__ import annotations

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from nta.columns import BoolArray, FloatArray
from nta.diffusion.table import DiffusionEstimates
from nta.sizes.evidence import Evidence, Grid, gather_evidence


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
    grid: Grid, diffusion: DiffusionEstimates, used: BoolArray, scale_nm_um2_s: float, likelihood: Likelihood
) -> Evidence:
    """Gather given likelihoods of the used tracks."""
    rows = np.asarray(likelihood.track)
    keep = used[rows]
    node = np.log(scale_nm_um2_s / likelihood.grid_um2_s)
    order = np.argsort(node)
    n_points = diffusion.n_points[rows[keep]].astype(np.float64)
    return gather_evidence(grid, node[order], likelihood.log_likelihood[keep][:, order], n_points)


def evidence_from_estimates(
    grid: Grid, diffusion: DiffusionEstimates, used: BoolArray, scale_nm_um2_s: float
) -> Evidence:
    """Gather likelihoods approximated from per-track estimates."""
    node = grid.nodes()
    rows = np.flatnonzero(used & diffusion.has_size)
    log_likelihood = approximate_log_likelihood(
        np.log(scale_nm_um2_s) - node, diffusion.diffusion_um2_s[rows], diffusion.std_err_um2_s[rows]
    )
    return gather_evidence(grid, node, log_likelihood, diffusion.n_points[rows].astype(np.float64))


def approximate_log_likelihood(
    log_d: FloatArray, estimate_um2_s: FloatArray, std_err_um2_s: FloatArray
) -> FloatArray:
    """Log-likelihood of D from estimate and standard error alone, at values of ln D: (n_tracks, n_values).

    The estimate is taken as Gamma distributed about D with shape n = (estimate / standard error)^2, as it is for n
    free two-dimensional steps. For tracks of which only a table of estimates is left.
    """
    shape = np.clip((estimate_um2_s / std_err_um2_s) ** 2, 0.1, 1e5)[:, None]
    ratio = np.log(estimate_um2_s)[:, None] - log_d
    return np.asarray(shape * (ratio - np.exp(np.minimum(ratio, 50.0))))
