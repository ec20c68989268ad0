"""Do spots look like the Gaussians that the visible volume is simulated with?

The image of a particle out of focus has rings, and a Gaussian fit catches 0.9 to 0.4 of its light. Then the law of
brightness comes out too low, the volume too small, and the concentration too large. In focus the same optics shows in
bright spots that no Gaussian explains.
"""

from __future__ import annotations

import numpy as np

from nta.spots.table import SpotFlag
from nta.tracks import Tracks

_BRIGHT_SNR = 15.0
_IN_FOCUS = (0.8, 1.2)  # widths
_FEWEST = 50  # spots whose share is known
_BY_SHAPE, _MOST = 0.7, 0.3
"""Relative error of the concentration over the share of bright spots that are no Gaussians: ten simulated recordings with
rings of a real objective (share 0.30 to 0.37) came out 5 to 49 % too large, a quarter on average; others are below 0.12."""


def share_not_gaussian(tracks: Tracks) -> float | None:
    """Share of the bright, lone spots in focus that no Gaussian explains; None where there are too few."""
    width = tracks.width_px / tracks.scene.spot_width_px
    doubtful = int(SpotFlag.SATURATED | SpotFlag.EDGE | SpotFlag.OVERLAPPING)
    low, high = _IN_FOCUS
    looked_at = (tracks.snr > _BRIGHT_SNR) & (width > low) & (width < high) & (tracks.flags & doubtful == 0)
    if looked_at.sum() < _FEWEST:
        return None
    return float(np.mean(tracks.flags[looked_at] & int(SpotFlag.POOR_FIT) != 0))


def rel_std_by_shape(tracks: Tracks) -> float:
    """Relative standard uncertainty of a concentration by the shape of the spots, where no beads were to anchor it."""
    return min(_BY_SHAPE * (share_not_gaussian(tracks) or 0.0), _MOST)
