"""Does a track move, or does it only shiver? Diffusion weighed against standing still."""

from __future__ import annotations

import numpy as np

from nta.columns import FloatArray
from nta.diffusion.gaussian import stillness_of_tracks
from nta.diffusion.noise import NoiseModel
from nta.diffusion.steps import Steps

_LEAST_ERROR_PX = 1e-3  # burnt-in text does not move at all
_MOST_ERROR_PX = (
    0.5  # a spot that stands still is found within half a pixel, whatever the detector says of itself
)
_VARIANCE_SPREAD = np.log(4.0)  # standard deviation of ln(variance) of single spots about the noise model


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
        still, variance = stillness_of_tracks(
            y, x, steps.wait_frames, steps.start, steps.frame_interval_s, creep, floor, ceiling
        )
        best = np.fmax(best, still - 0.5 * (np.log(variance / expected) / _VARIANCE_SPREAD) ** 2)
    return np.asarray(log_likelihood - best)
