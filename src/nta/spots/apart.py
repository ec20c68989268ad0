"""Least distance of two spots: a particle that moves far during the exposure looks like two particles side by side.

Two Gaussians nearer than two widths have a single peak and are never separated. Beyond that, a streak may still be fitted
best by two spots, more often the farther particles move during an exposure. Independent particles at random positions have
a known number of neighbours at a given distance. At distances where the number of pairs is significantly larger, and more
than twice the expected number, most pairs are halves of streaks.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from nta.columns import FloatArray

SPARROW = 2.0  # widths; two Gaussians nearer than this have a single peak
EDGES = np.array([SPARROW, 2.5, 3.0, 3.5, 4.0])  # widths
TOO_MANY = 2.0  # times the number of pairs expected by chance
CLEAR_SD = 3.0  # standard deviations of counting for a significant excess


def least_apart(frames: Sequence[FloatArray], width_px: float, area_px2: float) -> float:
    """Return the distance, in widths, from which on pairs of spots are no more frequent than by chance.

    frames : (n, 2) positions of the spots of some frames, px, in either order of axes. width_px : width of a spot.
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
    """Return the distances of all pairs, except pairs farther apart than `reach` along the first axis."""
    places = places[np.argsort(places[:, 0])]
    found = [np.empty(0)]
    for lag in range(1, len(places)):
        away = places[lag:] - places[:-lag]
        near = away[:, 0] < reach
        if not near.any():
            break
        found.append(np.hypot(*away[near].T))
    return np.concatenate(found)
