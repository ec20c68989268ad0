"""Detect missing frames that left no gap in the numbering: all particles then move further than one interval allows.

A camera or a frame grabber may drop a frame and number the next ones as if nothing were missing. Over a missing frame every
particle diffuses for twice the time. The squared steps of all particles between two images, each divided by its expectation,
sum to a chi-square distribution that is scaled by 1 if no frame is missing, and by nearly 2, 3 and 4 if one, two or three
are. The shares of these four cases are estimated by maximum likelihood (expectation-maximisation: Dempster, Laird and Rubin,
J. R. Stat. Soc. B 39, 1 (1977)). The scatter between pairs of images is measured below the median, where missing frames do
not widen it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from nta.columns import FloatArray, IntArray
from nta.diffusion.likelihood import estimated_steps
from nta.diffusion.steps import Steps
from nta.diffusion.table import DiffusionEstimates
from nta.diffusion.track_anomalies import whitened
from nta.tracks.table import Tracks

_MOST_MISSING = 3
_LEAST_STEPS, _LEAST_PAIRS = 3, 30
_ROUNDS = 200
# cap that one step in a thousand exceeds: a single particle makes no pair of frames conspicuous
_MOST_SQUARED = 13.8
_SIGNIFICANT = 12.0  # gain of log-likelihood that proves missing frames; they add three shares to the model
_LOWER = 0.1587  # quantile one standard deviation below the median


@dataclass(frozen=True, kw_only=True)
class MissingFrames:
    """Share of missing frames, estimated from the steps of the particles.

    missing : missing frames over all frames there should be; 0 if the steps prove none.
    n_pairs : number of pairs of successive frames that were examined.
    """

    missing: float
    n_pairs: int


def missing_frames(tracks: Tracks, diffusion: DiffusionEstimates) -> MissingFrames | None:
    """Estimate the share of missing frames from the steps of all tracks with a size; None if there are too few steps."""
    if (
        diffusion.noise.lag_frames > 1
    ):  # positions are smoothed in time: neighbouring steps are not independent
        return None
    sized = np.flatnonzero(diffusion.has_size)
    steps = estimated_steps(tracks, diffusion).select(sized)
    d = diffusion.diffusion_um2_s[sized]
    white = whitened(steps, diffusion.noise, d)
    row = steps.row_of_step
    use = np.isfinite(white).all(axis=1) & (steps.wait_frames[row] == 1)
    if not use.any():
        return None
    frame = steps.frame[row[use]] - int(steps.frame.min())
    squared = np.bincount(frame, np.minimum((white[use] ** 2).sum(axis=1), _MOST_SQUARED))
    n = np.bincount(frame)
    told = n >= _LEAST_STEPS
    if told.sum() < _LEAST_PAIRS:
        return None
    freedom = 2 * n[told].astype(np.float64)
    shares = _shares(squared[told] / freedom, freedom, _moving_share(steps, diffusion, d, row[use]))
    lost = float(shares @ np.arange(shares.size))
    return MissingFrames(missing=lost / (1 + lost), n_pairs=int(told.sum()))


def _moving_share(steps: Steps, diffusion: DiffusionEstimates, d: FloatArray, row: IntArray) -> float:
    """Return the share of diffusion in the variance of a step: only this share grows with time."""
    moved = 2 * d[steps.track[row]] * steps.frame_interval_s
    variance = diffusion.noise.variance_um2(steps)
    return float(np.mean(moved / (moved + variance[row] + variance[row + 1])))


def _shares(ratio: FloatArray, freedom: FloatArray, moving: float) -> FloatArray:
    """Shares of pairs with 0, 1, ... missing frames; 1, 0, ... if missing frames are not significant.

    ratio : mean of squared step over expectation in each pair. freedom : degrees of freedom of that mean.
    """
    shape = freedom / (2 * _spread(ratio, freedom) ** 2)
    scale = _capped(1 + moving * np.arange(_MOST_MISSING + 1, dtype=np.float64))
    none = np.eye(scale.size)[0]
    some = np.full(scale.size, 0.05)
    some[0] = 1 - some[1:].sum()
    without, _ = _climbed(ratio, shape, scale, none)
    found, shares = _climbed(ratio, shape, scale, some)
    return shares if found - without > _SIGNIFICANT else none


def _capped(scale: FloatArray) -> FloatArray:
    """Mean of chi-square with two degrees of freedom, scaled and capped at `_MOST_SQUARED`, over the mean at scale 1."""
    return np.asarray(scale * (1 - np.exp(-_MOST_SQUARED / (2 * scale))) / (1 - np.exp(-_MOST_SQUARED / 2)))


def _spread(ratio: FloatArray, freedom: FloatArray) -> float:
    """Return the scatter below the median over the scatter of chi-square, at least 1.

    The cube root of chi-square is nearly normal: Wilson and Hilferty, Proc. Natl. Acad. Sci. 17, 684 (1931).
    """
    sd = np.sqrt(2 / (9 * freedom))
    root = np.cbrt(ratio)
    middle = np.median(root / (1 - sd**2))
    below = (root / middle - (1 - sd**2)) / sd
    return max(-float(np.quantile(below, _LOWER)), 1.0)


def _climbed(
    ratio: FloatArray, shape: FloatArray, scale: FloatArray, shares: FloatArray
) -> tuple[float, FloatArray]:
    """Fit a mixture of gamma distributions of these scales; return its log-likelihood, up to a constant, and its shares."""
    usual = float(np.average(ratio, weights=shape))
    with np.errstate(divide="ignore"):
        for _ in range(_ROUNDS):
            mean = usual * scale
            each = np.log(shares) - shape[:, None] * (np.log(mean) + ratio[:, None] / mean)
            top = each.max(axis=1, keepdims=True)
            weight = np.exp(each - top)
            total = weight.sum(axis=1, keepdims=True)
            weight /= total
            shares = weight.mean(axis=0)
            usual = float((weight / scale * (shape * ratio)[:, None]).sum() / shape.sum())
    return float((top + np.log(total)).sum()), shares
