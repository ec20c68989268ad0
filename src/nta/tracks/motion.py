"""How far the particles of a recording move between frames, learned from the spots before anything is linked.

Every pair of spots in two successive frames has a distance. Pairs of one particle have the distance of a Brownian step;
pairs of two particles are spread evenly over the image. The histogram of all distances is therefore

    counts(r) = n_spots * [sum_k weight_k Rayleigh(r; variance_k)] + foreign * evenly spread(r),

and the weights follow from it without linking, however crowded the recording is. The idea is particle image correlation
spectroscopy (Semrau and Schmidt, Biophys. J. 92, 613 (2007)); here the weights on a grid of variances are found by
maximum likelihood of the counts (expectation maximisation), so that a small share of fast particles is seen too.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from nta.columns import FloatArray, IntArray

REACH_PX = 64.0  # pairs further apart are not looked at: four standard steps of 16 px
N_BINS = 128
CLASS_SD_PX = 0.1 * 2.0 ** (
    0.5 * np.arange(15)
)  # apparent step per axis: from a stuck bright spot to 12.8 px
SD_IN_RANGE = 5.0  # a Rayleigh step exceeds 5 sd with probability exp(-12.5) = 4e-6: nothing is cut off
LEAST_WEIGHT = 0.005  # a mobility that fewer spots show than this does not widen the range


@dataclass(frozen=True, kw_only=True, eq=False)
class Motion:
    """Steps per axis and frame (localization error included), as classes of a variance each.

    weight : share of the spots that are seen again in the next frame with a step of this class.
    density_per_px2 : spots of a frame over the area of the image.
    """

    variance_px2: FloatArray
    weight: FloatArray
    density_per_px2: float

    @property
    def fastest_px(self) -> float:
        """Standard step of the fastest class that is really there; the median class where none is certain."""
        share = np.cumsum(self.weight[::-1])[::-1]
        there = np.flatnonzero(share >= LEAST_WEIGHT)
        return float(np.sqrt(self.variance_px2[there[-1]])) if there.size else 0.0

    def search_range_px(self) -> float:
        """Range that holds every step of every class."""
        return SD_IN_RANGE * self.fastest_px


def learn_motion(
    y_px: FloatArray, x_px: FloatArray, frame: IntArray, height_px: int, width_px: int
) -> Motion:
    """Learn the classes of motion from the spots of some tens of frames, sorted by frame."""
    reach = min(REACH_PX, 0.25 * min(height_px, width_px))
    edges = reach * (np.arange(N_BINS + 1) / N_BINS) ** 2  # finer where slow particles are
    counts, n_starts, n_foreign = _pair_distance_counts(y_px, x_px, frame, edges)
    variance = CLASS_SD_PX[CLASS_SD_PX <= reach / 4] ** 2
    n_frames = max(np.unique(frame).size, 1)
    density = frame.size / n_frames / (height_px * width_px)
    if not n_starts:
        return Motion(variance_px2=variance, weight=np.zeros(variance.size), density_per_px2=density)
    shape = np.exp(-0.5 * edges[:-1, None] ** 2 / variance) - np.exp(-0.5 * edges[1:, None] ** 2 / variance)
    spread = np.diff(_evenly_spread(edges, height_px, width_px))
    weight = _mixture_weights(counts, np.column_stack([shape, spread]), n_starts, n_foreign)
    return Motion(variance_px2=variance, weight=weight[:-1], density_per_px2=density)


def _pair_distance_counts(
    y_px: FloatArray, x_px: FloatArray, frame: IntArray, edges: FloatArray
) -> tuple[FloatArray, int, int]:
    """Count the pairs of spots in successive frames by distance; also the spots that start one, and all their pairs."""
    from nta.tracks.chaining import pair_distances

    first_row = np.concatenate([[0], np.flatnonzero(np.diff(frame)) + 1, [frame.size]]).astype(np.int64)
    spots = np.diff(first_row)
    successive = np.diff(frame[first_row[:-1]]) == 1
    counts = np.zeros(edges.size - 1)
    pair_distances(
        y_px, x_px, first_row, successive, (edges.size - 1) / np.sqrt(edges[-1]), edges[-1], counts
    )
    return counts, int(spots[:-1][successive].sum()), int((spots[:-1] * spots[1:])[successive].sum())


def _evenly_spread(r: FloatArray, height: float, width: float) -> FloatArray:
    """Probability that two independent points in the image are closer than r (r below both sides).

    Source: integral of the isotropised set covariance of a rectangle, Stoyan, Kendall, Mecke, Stochastic Geometry (1995).
    """
    area = height * width
    return (math.pi * r**2 - 4 / 3 * (height + width) / area * r**3 + 0.5 * r**4 / area) / area


def _mixture_weights(counts: FloatArray, shapes: FloatArray, n_starts: float, n_foreign: float) -> FloatArray:
    """Maximum-likelihood weights of the classes and, last, of the foreign pairs, by expectation maximisation.

    Poisson counts with mean total @ weight; Dempster, Laird, Rubin, J. R. Stat. Soc. B 39, 1 (1977).
    """
    total = np.concatenate([np.full(shapes.shape[1] - 1, n_starts), [max(n_foreign, 1.0)]])
    within = shapes.sum(axis=0)
    weight = np.full(shapes.shape[1], 0.5 / (shapes.shape[1] - 1))
    weight[-1] = 1.0
    for _ in range(300):
        expected = shapes @ (total * weight)
        ratio = np.divide(counts, expected, out=np.zeros_like(counts), where=expected > 0)
        weight = weight * (shapes.T @ ratio) / within
    return weight
