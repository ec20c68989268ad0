"""Mixtures of log-normal populations, fitted to the likelihoods of all tracks.

A log-normal has a width of its own, down to almost none: a monodisperse sample is one narrow component, a
vesicle sample one broad one or a few. Tracks hardly constrain widths far below the blur of a single track. There a
prior takes over, centred on the width of bead standards (`BEAD_SD`, `BELIEF_SD`). With free widths it only keeps
components from becoming much narrower than beads; with one common width, which is meant for beads, it acts on both
sides.
All arrays carry a leading axis of fits, so that starts and bootstrap repeats are worked on together.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from nta.columns import BoolArray, Float32Array, FloatArray
from nta.sizes.evidence import Evidence, Grid

Widths = Literal["free", "beads"]
"""Standard deviations of ln d: "free", one for each component; "beads", one common to all components."""

BEAD_SD, BELIEF_SD = 0.04, 0.7
"""Prior on the standard deviation of ln d of beads: its median, and the standard deviation of its logarithm, so that
two thirds have 2 to 8 %, and 19 of 20 have 1 to 16 % (design choice: certificates of polystyrene typically state 2 to 3 %
at 200 nm, 8 % at 100 nm and up to 15 % below)."""

# standard deviation of ln d from which on a component is no bead peak, and may not be log-normal
BROAD_SD = 0.1
SMALLEST_SD = 0.008
LARGEST_SD = 1.0
_TINY = 1e-30
_LEAST_EXPONENT = -700.0


@dataclass(frozen=True, kw_only=True, eq=False)
class Mixture:
    """Log-normal mixtures, one per fit: arrays of shape (n_fits, n_components).

    share : of the particles, sums to 1 over the components; mean, variance : of ln(diameter / nm).
    log_likelihood : (n_fits,), including the prior on widths.
    widths : whether widths were free or common in the fit.
    """

    share: FloatArray
    mean: FloatArray
    variance: FloatArray
    log_likelihood: FloatArray
    widths: Widths = "free"

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
            widths=self.widths,
        )

    @property
    def n_free(self) -> int:
        """Number of free parameters; the common width of beads, which has a prior, is not counted."""
        return 2 * self.n_components - 1 + (self.n_components if self.widths == "free" else 0)

    @property
    def is_broad(self) -> BoolArray:
        """Fits with a component broader than beads: (n_fits,)."""
        return np.asarray(self.variance.max(axis=1) >= BROAD_SD**2)

    def on_bins(self, grid: Grid) -> FloatArray:
        """Probability of every bin: (n_fits, n_bins)."""
        bins = component_bins(grid, self.mean, self.variance)
        return np.asarray(np.einsum("bk,bkg->bg", self.share, bins))


def component_bins(grid: Grid, mean: FloatArray, variance: FloatArray) -> FloatArray:
    """Return the probability of every bin under each component."""
    from scipy.special import ndtr

    return np.diff(ndtr((grid.edges - mean[..., None]) / np.sqrt(variance)[..., None]), axis=-1)


def _bins_and_slopes(grid: Grid, mean: FloatArray, variance: FloatArray) -> Float32Array:
    """Return the probability of every bin under each component, and its derivatives by mean and variance: (3, ...)."""
    from scipy.special import ndtr

    sd = np.sqrt(variance)[..., None]
    z = (grid.edges - mean[..., None]) / sd
    below = ndtr(z)
    # far out it is 0 in single precision either way; numbers below the least normal one take many times as long
    phi = np.exp(np.maximum(-0.5 * z * z, _LEAST_EXPONENT)) / np.sqrt(2 * np.pi)
    z *= phi
    found = np.empty((3, *mean.shape, grid.edges.size - 1), dtype=np.float32)
    np.subtract(below[..., 1:], below[..., :-1], out=found[0], casting="same_kind")
    np.divide(phi[..., :-1] - phi[..., 1:], sd, out=found[1], casting="same_kind")
    np.divide(z[..., :-1] - z[..., 1:], 2 * sd * sd, out=found[2], casting="same_kind")
    return found


@dataclass(frozen=True, eq=False)
class _State:
    """Log-likelihood of each fit, its gradient and information (sum of outer products of scores)."""

    log_likelihood: FloatArray
    gradient: FloatArray
    information: FloatArray


def _evaluate(
    evidence: Evidence,
    weight: FloatArray,
    share: FloatArray,
    mean: FloatArray,
    variance: FloatArray,
    widths: Widths,
) -> _State:
    """Evaluate fits without the prior, at weights per cell (n_fits, n_cells)."""
    n_fits, k = share.shape
    n_cells, n_bins = evidence.likelihood.shape
    bins = _bins_and_slopes(evidence.grid, mean, variance)  # (3, fits, components, bins)
    values = (evidence.likelihood @ bins.reshape(-1, n_bins).T).reshape(n_cells, 3, n_fits, k)
    share32 = share.astype(np.float32)
    f = np.maximum(np.einsum("cbk,bk->cb", values[:, 0], share32), np.float32(_TINY))
    scores = values * (share32 / f[:, :, None])[:, None]
    scores[:, 0] -= share32  # by the logit of the share
    scores = np.ascontiguousarray(scores.transpose(2, 0, 1, 3)).reshape(n_fits, n_cells, 3 * k)
    weighted = scores * weight.astype(np.float32)[:, :, None]
    gradient = weighted.sum(axis=1, dtype=np.float64)
    information = np.matmul(weighted.transpose(0, 2, 1), scores).astype(np.float64)
    log_likelihood = np.einsum("bc,cb->b", weight, np.log(f, dtype=np.float64))
    if widths == "beads":
        _tie_widths(gradient, information, k)
    return _State(log_likelihood, gradient, information)


def _tie_widths(gradient: FloatArray, information: FloatArray, k: int) -> None:
    """Sum gradient and information over the widths, which are one parameter, into the first width; works in place."""
    gradient[:, 2 * k] = gradient[:, 2 * k :].sum(axis=1)
    information[:, :, 2 * k] = information[:, :, 2 * k :].sum(axis=2)
    information[:, 2 * k] = information[:, 2 * k :].sum(axis=1)


def _believed(state: _State, variance: FloatArray, widths: Widths, bead_sd: FloatArray) -> _State:
    """Apply the prior on widths; with free widths it penalises only widths below that of beads."""
    k = variance.shape[1]
    own = variance if widths == "free" else variance[:, :1]
    off = (0.5 * np.log(own) - np.log(bead_sd)[:, None]) / BELIEF_SD
    if widths == "free":
        off = np.minimum(off, 0.0)
    by_variance = 1 / (2 * own * BELIEF_SD)
    on = np.arange(2 * k, 2 * k + own.shape[1])
    gradient, information = state.gradient.copy(), state.information.copy()
    gradient[:, on] -= off * by_variance
    information[:, on, on] += np.where((off < 0) | (widths == "beads"), by_variance**2, 0.0)
    return _State(state.log_likelihood - 0.5 * (off**2).sum(axis=1), gradient, information)


def known_of_width(evidence: Evidence, weight: FloatArray, mixture: Mixture) -> FloatArray:
    """Fisher information of the tracks about ln(common width), with shares and means unknown: (n_fits,)."""
    k = mixture.n_components
    place = mixture.share, mixture.mean, mixture.variance
    information = _evaluate(evidence, weight, *place, mixture.widths).information
    rest = information[:, 1 : 2 * k, 1 : 2 * k]  # shares sum to 1: one of them is redundant
    diagonal = np.einsum("bii->bi", rest)
    rest = rest + np.eye(2 * k - 1) * (1e-9 * diagonal.max(axis=1) + 1e-12)[:, None, None]
    shared = information[:, 1 : 2 * k, 2 * k]
    alone = information[:, 2 * k, 2 * k] - (shared * np.linalg.solve(rest, shared[:, :, None])[:, :, 0]).sum(
        axis=1
    )
    by_log = 2 * mixture.variance[:, 0]  # derivative of the variance by ln sd
    return np.asarray(np.maximum(alone, 0.0) * by_log**2)


def fit(
    evidence: Evidence,
    weight: FloatArray,
    start: Mixture,
    *,
    iterations: int,
    tolerance: float = 1e-3,
    bead_sd: FloatArray | None = None,
) -> Mixture:
    """Climb to the maximum of the weighted likelihood times the prior on widths, from each start.

    bead_sd : (n_fits,) median of the prior; None: `BEAD_SD`.

    Damped scoring with the empirical information (Berndt, Hall, Hall and Hausman, Ann. Econ. Soc. Meas. 3,
    653 (1974)): near a maximum as fast as Newton, and quick where EM crawls, at components much narrower than
    the likelihoods. The variance is kept within its bounds by projection.
    """
    place = [start.share.copy(), start.mean.copy(), start.variance.copy()]
    centre = np.full(len(place[0]), BEAD_SD) if bead_sd is None else bead_sd

    def evaluated(share: FloatArray, mean: FloatArray, variance: FloatArray) -> _State:
        of_tracks = _evaluate(evidence, weight, share, mean, variance, start.widths)
        return _believed(of_tracks, variance, start.widths, centre)

    state = evaluated(*place)
    damping = np.full(len(place[0]), 1e-2)
    for _ in range(iterations):
        new = _step(evidence.grid, state, damping, place[0], place[1], place[2], start.widths)
        trial = evaluated(*new)
        gain = trial.log_likelihood - state.log_likelihood
        better = gain >= 0
        for old, fresh in zip([*place, *vars(state).values()], [*new, *vars(trial).values()], strict=True):
            old[better] = fresh[better]
        damping = np.where(better, np.maximum(damping / 4, 1e-6), damping * 8)
        if np.all((better & (gain < tolerance)) | (damping > 1e6)):
            break
    return Mixture(
        share=place[0],
        mean=place[1],
        variance=place[2],
        log_likelihood=state.log_likelihood,
        widths=start.widths,
    )


def _step(
    grid: Grid,
    state: _State,
    damping: FloatArray,
    share: FloatArray,
    mean: FloatArray,
    variance: FloatArray,
    widths: Widths,
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Make one damped scoring step within the bounds."""
    k = share.shape[1]
    gradient, information = state.gradient.copy(), state.information.copy()
    fixed = np.zeros(gradient.shape, dtype=bool)
    low, high = SMALLEST_SD**2, LARGEST_SD**2
    push = gradient[:, 2 * k :]
    fixed[:, 2 * k :] = ((variance <= low) & (push < 0)) | ((variance >= high) & (push > 0))
    if widths == "beads":
        fixed[:, 2 * k + 1 :] = True
    gradient[fixed] = 0
    information[fixed[:, :, None] | fixed[:, None, :]] = 0
    diagonal = np.einsum("bii->bi", information)  # a view
    diagonal += damping[:, None] * diagonal + 1e-6 * diagonal.max(axis=1, keepdims=True) + 1e-12
    diagonal[fixed] += 1.0
    move = np.linalg.solve(information, gradient[:, :, None])[:, :, 0]
    if widths == "beads":
        move[:, 2 * k :] = move[:, 2 * k : 2 * k + 1]

    logit = np.log(np.maximum(share, 1e-12)) + np.clip(move[:, :k], -2.0, 2.0)
    new_share = np.exp(logit - logit.max(axis=1, keepdims=True))
    new_share /= new_share.sum(axis=1, keepdims=True)
    reach = np.maximum(2 * np.sqrt(variance), 0.1)
    new_mean = np.clip(mean + np.clip(move[:, k : 2 * k], -reach, reach), grid.edges[0], grid.edges[-1])
    grown = np.clip(variance + move[:, 2 * k :], variance / 8, variance * 8)
    return new_share, new_mean, np.clip(grown, low, high)
