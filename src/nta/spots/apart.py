"""How far apart two spots must lie to be two: a particle that moves far while exposed looks like two near ones.

Two Gaussians nearer than two widths have one peak, and are never told apart. Beyond, a streak may still be explained best by
two spots, the oftener the farther particles move in an exposure. Particles do not know of each other: of spots at random
places a known number have a neighbour at a given distance. Where there are clearly more, and so long as there are more than
twice as many, most of them are halves.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from nta.columns import FloatArray

SPARROW = 2.0  # widths: nearer, two Gaussians have one peak
EDGES = np.array([SPARROW, 2.5, 3.0, 3.5, 4.0])  # widths
TOO_MANY = 2.0  # times the pairs that chance makes
CLEAR_SD = 3.0  # standard deviations of counting


def least_apart(frames: Sequence[FloatArray], width_px: float, area_px2: float) -> float:
    """Return the distance, in widths, from which on pairs of spots are no more than chance makes.

    frames : places (y, x) of the spots of some frames, px; width_px : of a spot.
    """
    from scipy.spatial import cKDTree

    pairs, by_chance = np.zeros(EDGES.size), 0.0
    for places in frames:
        if len(places) > 1:
            tree = cKDTree(places)
            pairs += (tree.count_neighbors(tree, EDGES * width_px) - len(places)) / 2
            by_chance += len(places) * (len(places) - 1) / 2
    seen = np.diff(pairs)
    expected = by_chance * np.pi * width_px**2 * np.diff(EDGES**2) / area_px2
    if seen[0] - expected[0] <= CLEAR_SD * np.sqrt(expected[0] + 1):
        return SPARROW
    return float(EDGES[np.argmin(np.append(seen > TOO_MANY * expected, False))])
