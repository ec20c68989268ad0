"""Does a track move, or does it only shiver? Diffusion weighed against standing still."""

from __future__ import annotations

import numpy as np

from nta.columns import BoolArray, FloatArray
from nta.diffusion.gaussian import Displacements, stillness_of_tracks
from nta.diffusion.intervals import credible_intervals
from nta.diffusion.noise import NoiseModel
from nta.diffusion.steps import Steps

_LEAST_ERROR_PX = 1e-3  # burnt-in text does not move at all
# a spot that stands still is found within half a pixel, whatever the detector says of itself
_MOST_ERROR_PX = 0.5
_VARIANCE_SPREAD = np.log(4.0)  # standard deviation of ln(variance) of single spots about the noise model
_SLOW_SHARE = 0.1  # quantile of D, among the tracks that move, that stands for their slow end
_DOUBT_CONFIDENCE = 0.95


def mobile_evidence(steps: Steps, noise: NoiseModel, log_likelihood: FloatArray) -> FloatArray:
    """Log-likelihood of "diffuses, errors as the noise model says" less that of "stands still, errors of its own size".

    log_likelihood : of each track at its most likely D.

    Standing still is tried twice: in the image (stuck to the window, burnt-in text, hot pixels, all of which drift
    correction sets moving) and in the drifting frame (the whole stage moves), where the drift's own error makes a
    particle at rest creep. Its error may have any size, at a price that grows with its distance from the noise model.
    That costs the test little, since errors undo each other from one displacement to the next and steps of diffusion
    do not.
    """
    expected = np.bincount(steps.track, noise.variance_um2(steps), minlength=steps.n_tracks) / steps.n_points
    floor = (_LEAST_ERROR_PX * steps.pixel_size_um) ** 2
    ceiling = max(
        (_MOST_ERROR_PX * steps.pixel_size_um) ** 2, 4 * float(np.median(expected)) if expected.size else 0.0
    )
    best = np.full(steps.n_tracks, -np.inf)
    for y, x, creep in steps.frames_of_rest():
        still, variance = stillness_of_tracks(Displacements.at_rest(steps, y, x), creep, floor, ceiling)
        best = np.fmax(best, still - 0.5 * (np.log(variance / expected) / _VARIANCE_SPREAD) ** 2)
    return np.asarray(log_likelihood - best)


def may_move(
    steps: Steps,
    noise: NoiseModel,
    diffusion_um2_s: FloatArray,
    information: FloatArray,
    mobile: BoolArray,
    long_enough: BoolArray,
) -> BoolArray:
    """Tracks that have the benefit of the doubt: most tracks move, and these may be as fast as the slow ones of those.

    diffusion_um2_s, information : most likely D of each track, and how well it is known. mobile : tracks that evidently
    move, of those `long_enough` to tell.

    A handful of positions cannot prove motion. To call them stuck would be wrong of nearly all, and would leave out just
    those that happened to move little.
    """
    doubtful = np.flatnonzero(long_enough & ~mobile & (diffusion_um2_s > 0))
    found = np.zeros(steps.n_tracks, dtype=bool)
    if doubtful.size and 2 * np.count_nonzero(mobile) > np.count_nonzero(long_enough):
        of_each = diffusion_um2_s[doubtful], information[doubtful]
        high = credible_intervals(steps.select(doubtful), noise, *of_each, _DOUBT_CONFIDENCE)[1]
        found[doubtful] = high >= np.quantile(diffusion_um2_s[mobile], _SLOW_SHARE)
    return found
