"""Particles that vanish from one frame to the next: do they blink?

A particle leaves the light sheet step by step, and is faint before it is lost. A bright spot after which there is none
within the reach of a step has gone out: the dye blinks, or the light does. Then particles are missing from the frames in
which they are dark, and their tracks are cut short.
"""

from __future__ import annotations

import numpy as np

from nta.sized_tracks import SizedTracks
from nta.spots import Spots

_BRIGHT = 4.0  # SNR over the threshold of the search; such a spot does not fade within a frame
_FEWEST = 300  # bright spots needed
_SURE_SD = 3.0  # standard errors above 0 from which on the share counts


def share_vanishing(sized: SizedTracks, spots: Spots) -> float | None:
    """Share of the bright spots of tracks after which the next frame has no spot in reach; None if too few can tell.

    0 if a few tracks or frames make it. Spots within the reach of the border are left out.
    """
    from scipy.spatial import cKDTree

    tracks, scene = sized.tracks, spots.scene
    if not (scene.has_borders and len(spots)):
        return None
    reach = tracks.linking.search_range_px
    rows = np.flatnonzero(sized.used[tracks.track] & (tracks.snr > _BRIGHT * scene.threshold_sd))
    spot = tracks.spot[rows]
    y, x = spots.y_px.astype(np.float64), spots.x_px.astype(np.float64)
    away = np.minimum.reduce([y, x, scene.height_px - 1 - y, scene.width_px - 1 - x])[spot]
    is_next = np.isin(spots.frame[spot] + 1, scene.frame_index)
    rows, spot = rows[(away > reach) & is_next], spot[(away > reach) & is_next]
    if rows.size < _FEWEST:
        return None
    apart = 1e3 * (scene.height_px + scene.width_px)  # of two frames: spots of another frame are out of reach
    tree = cKDTree(np.column_stack([apart * spots.frame, y, x]))
    there = np.column_stack([apart * (spots.frame[spot] + 1), y[spot], x[spot]])
    gone = np.isinf(tree.query(there, distance_upper_bound=reach)[0])
    share = float(gone.mean())
    # what one particle or one frame makes, such as a cut in the film, is no blinking
    of_one = (np.bincount(part, gone - share) for part in (tracks.track[rows], spots.frame[spot]))
    std_err = max(float(np.sqrt((total**2).sum())) for total in of_one) / rows.size
    return share if share > _SURE_SD * std_err else 0.0
