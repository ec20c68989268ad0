"""Does a track move, or does it only shiver? Diffusion weighed against standing still."""

from __future__ import annotations

import numpy as np

from nta.columns import FloatArray
from nta.diffusion.gaussian import stillness_of_tracks
from nta.diffusion.steps import Steps

_LEAST_ERROR_PX = 1e-3  # burnt-in text does not move at all
_MOST_ERROR_PX = (
    0.5  # a spot that stands still is found within half a pixel, whatever the detector says of itself
)


def mobile_evidence(steps: Steps, log_likelihood: FloatArray) -> FloatArray:
    """Log-likelihood of "diffuses, errors as the noise model says" less that of "stands still, errors of any size".

    log_likelihood : of each track at its most likely D.

    Standing still is tried twice: in the image (stuck to the window, burnt-in text, hot pixels, which drift correction
    sets moving) and in the drifting frame (the whole stage moves), where the drift's own error makes a particle at rest
    creep. Leaving the size of the error free costs the test little, since errors undo each other from one displacement
    to the next and steps of diffusion do not.
    """
    floor = (_LEAST_ERROR_PX * steps.pixel_size_um) ** 2
    reported = np.median(steps.error_variance_um2) if steps.error_variance_um2.size else 0.0
    ceiling = max((_MOST_ERROR_PX * steps.pixel_size_um) ** 2, 9 * float(reported))
    creep = steps.drift_variance_um2 / (2 * steps.frame_interval_s)
    y, x = steps.y_um + steps.drift_y_um, steps.x_um + steps.drift_x_um
    args = (steps.frame, steps.start, steps.frame_interval_s)
    in_image = stillness_of_tracks(y, x, *args, 0.0, floor, ceiling)
    drifting = stillness_of_tracks(steps.y_um, steps.x_um, *args, creep, floor, ceiling)
    return np.asarray(log_likelihood - np.fmax(in_image, drifting))
