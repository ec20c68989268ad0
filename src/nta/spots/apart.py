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

    frames : (n, 2) places of the spots of some frames, px, in either order of axes; width_px : of a spot.
    """
    seen, by_chance = np.zeros(EDGES.size - 1), 0.0
    for places in frames:
        seen += np.histogram(_distances(places, EDGES[-1] * width_px) / width_px, EDGES)[0]
        by_chance += len(places) * (len(places) - 1) / 2
    expected = by_chance * np.pi * width_px**2 * np.diff(EDGES**2) / area_px2
    if seen[0] - expected[0] <= CLEAR_SD * np.sqrt(expected[0] + 1):
        return SPARROW
    return float(EDGES[np.argmin(np.append(seen > TOO_MANY * expected, False))])


def _distances(places: FloatArray, reach: float) -> FloatArray:
    """Return the distances of all pairs, but for those farther than `reach` along the first axis."""
    places = places[np.argsort(places[:, 0])]
    found = [np.empty(0)]
    for lag in range(1, len(places)):
        away = places[lag:] - places[:-lag]
        near = away[:, 0] < reach
        if not near.any():
            break
        found.append(np.hypot(*away[near].T))
    return np.concatenate(found)
