"""How far the particles of a recording move between frames, learned from the spots before anything is linked.

Every pair of spots in two successive frames has a distance. Pairs of one particle have the distance of a Brownian step;
pairs of strangers are spread over the image. The histogram of all distances is therefore

    counts(r) = n_starts * [sum_k weight_k Rayleigh(r; variance_k)] + n_strangers * spread(r),

and the weights follow from it without linking, however crowded the recording is. The idea is particle image correlation
spectroscopy (Semrau and Schmidt, Biophys. J. 92, 613 (2007)); here the weights on a grid of variances are found by maximum
likelihood of the counts (expectation maximisation), so that a small share of fast particles is seen too. How strangers are
spread is seen from the pairs within a frame, all of which are strangers: spots need not fill the image evenly.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from nta.columns import FloatArray, IntArray

REACH_PX = 64.0  # pairs further apart are not looked at: four standard steps of 16 px
N_BINS = 96
CLASS_SD_PX = 0.1 * 2.0 ** (0.5 * np.arange(15))  # apparent step per axis: from a stuck bright spot to 12.8 px
SD_IN_RANGE = 5.0  # a Rayleigh step exceeds 5 sd with probability exp(-12.5) = 4e-6: nothing is cut off
LEAST_WEIGHT = 0.005  # a mobility that fewer spots show than this does not widen the range
CERTAIN_SD = 4.0  # nor does one that the scatter of the pairs of strangers explains
STRANGERS_KEPT = 0.15
SD_KEPT = 3.5  # cuts exp(-6.1) = 0.2 % of a typical particle's steps
FLOW_CELL_PX = 2.0
BLENDED_PX = 10.0
N_ITERATIONS = 200


@dataclass(frozen=True, kw_only=True, eq=False)
class Motion:
    """Steps per axis and frame (localization error included), as classes of a variance each, about a common flow.

    weight : share of the spots that are seen again in the next frame with a step of this class.
    density_per_px2 : spots of a frame over the area of the image.
    """

    variance_px2: FloatArray
    weight: FloatArray
    fastest_px: float  # standard step of the fastest class that is certainly there; 0 where none is
    density_per_px2: float
    flow_y_px: float
    flow_x_px: float

    def search_range_px(self, ambiguous: str) -> float:
        """Return the range that holds every step of every class.

        Where ambiguous links are kept, every stranger within range is a possible wrong link: the range then ends where one
        source in seven has a stranger in it, but not below what a typical particle needs.
        """
        whole = SD_IN_RANGE * self.fastest_px
        if ambiguous == "cut" or not self.density_per_px2:
            return whole
        crowded = math.sqrt(STRANGERS_KEPT / (math.pi * self.density_per_px2))
        return min(whole, max(crowded, SD_KEPT * math.sqrt(self.typical_variance_px2)))

    @property
    def typical_variance_px2(self) -> float:
        """Step variance per axis of the particle in the middle (by weight)."""
        if not self.weight.any():
            return 0.0
        share = np.cumsum(self.weight) / self.weight.sum()
        return float(self.variance_px2[np.searchsorted(share, 0.5)])

    def log_variance_moments(self) -> tuple[float, float]:
        """Mean and variance of ln(step variance) over the spots."""
        weight = self.weight / self.weight.sum()
        log_variance = np.log(self.variance_px2)
        mean = float(weight @ log_variance)
        return mean, float(weight @ (log_variance - mean) ** 2)


def learn_motion(y_px: FloatArray, x_px: FloatArray, frame: IntArray, height_px: int, width_px: int) -> Motion:
    """Learn the classes of motion from the spots of some tens of frames, sorted by frame."""
    from nta.tracks.flow import pair_distances, same_frame_distances

    first_row = np.concatenate([[0], np.flatnonzero(np.diff(frame)) + 1, [frame.size]]).astype(np.int64)
    spots = np.diff(first_row)
    successive = np.diff(frame[first_row[:-1]]) == 1
    n_starts, n_pairs = int(spots[:-1][successive].sum()), int((spots[:-1] * spots[1:])[successive].sum())
    density = frame.size / max(spots.size, 1) / (height_px * width_px)

    reach = min(REACH_PX, 0.25 * min(height_px, width_px))
    variance = CLASS_SD_PX[CLASS_SD_PX <= reach / 4] ** 2
    weight, fastest, flow = np.zeros(variance.size), 0.0, (0.0, 0.0)
    if n_starts:
        flow = _common_displacement(y_px, x_px, first_row, successive, reach)
        edges = reach * (np.arange(N_BINS + 1) / N_BINS) ** 2  # finer where slow particles are
        per_root = N_BINS / math.sqrt(reach)
        across, within = np.zeros(N_BINS), np.zeros(N_BINS)
        pair_distances(y_px, x_px, first_row, successive, *flow, per_root, reach, across)
        same_frame_distances(y_px, x_px, first_row, per_root, reach, within)
        spread = np.diff(_evenly_spread(edges, height_px, width_px))
        spread = spread * _crowding(within, float((spots * (spots - 1.0)).sum() / 2) * spread, edges)
        steps = np.exp(-0.5 * edges[:-1, None] ** 2 / variance) - np.exp(-0.5 * edges[1:, None] ** 2 / variance)
        weight = _mixture_weights(across, steps, spread, n_starts, n_pairs)
        fastest = _fastest(variance, weight, n_starts, n_pairs / (height_px * width_px))
        weight = np.where(np.sqrt(variance) <= fastest, weight, 0.0)
    return Motion(
        variance_px2=variance,
        weight=weight,
        fastest_px=fastest,
        density_per_px2=density,
        flow_y_px=flow[0],
        flow_x_px=flow[1],
    )


def _common_displacement(
    y_px: FloatArray, x_px: FloatArray, first_row: IntArray, successive: FloatArray, reach: float
) -> tuple[float, float]:
    """Return the displacement (y, x) per frame that most pairs of spots in successive frames agree on."""
    from nta.tracks.flow import count_displacements, most_agreed

    n_cells = 2 * int(reach / FLOW_CELL_PX) + 1
    votes = np.zeros((n_cells, n_cells))
    for f in np.flatnonzero(successive):
        one, two = slice(*first_row[f : f + 2]), slice(*first_row[f + 1 : f + 3])
        count_displacements(y_px[one], x_px[one], y_px[two], x_px[two], FLOW_CELL_PX, votes)
    y, x, agreed, by_chance = most_agreed(votes, FLOW_CELL_PX)
    return (y, x) if agreed > by_chance + CERTAIN_SD * math.sqrt(by_chance) + CERTAIN_SD else (0.0, 0.0)


def _evenly_spread(r: FloatArray, height: float, width: float) -> FloatArray:
    """Probability that two independent points in the image are closer than r (r below both sides).

    Source: integral of the isotropised set covariance of a rectangle; Stoyan, Kendall and Mecke, Stochastic Geometry and
    its Applications (1995).
    """
    area = height * width
    return np.asarray((math.pi * r**2 - 4 / 3 * (height + width) / area * r**3 + 0.5 * r**4 / area) / area)


def _crowding(counts: FloatArray, expected: FloatArray, edges: FloatArray) -> FloatArray:
    """How much denser strangers are at each distance than evenly spread ones: a + b r**2, fitted to pairs within frames.

    Pairs closer than a spot's width are seen as one, so that the fit leaves out short distances and bridges them.
    """
    middle = 0.5 * (edges[1:] + edges[:-1])
    apart = (middle > BLENDED_PX) & (expected > 0)
    if counts[apart].sum() < 100:
        return np.ones(counts.size)
    powers = np.stack([np.ones(middle.size), (middle / edges[-1]) ** 2])
    design = powers[:, apart] * np.sqrt(expected[apart])
    a, b = np.linalg.solve(design @ design.T, powers[:, apart] @ counts[apart])
    return np.asarray(np.maximum(a * powers[0] + b * powers[1], 0.1))


def _mixture_weights(
    counts: FloatArray, steps: FloatArray, spread: FloatArray, n_starts: int, n_pairs: int
) -> FloatArray:
    """Maximum-likelihood weights of the classes of steps, by expectation maximisation.

    Poisson counts of mean n_starts * steps @ weight + strangers * spread, where the strangers are the pairs that are not of
    one particle. Dempster, Laird and Rubin, J. R. Stat. Soc. B 39, 1 (1977).
    """
    within = steps.sum(axis=0)
    weight = np.full(steps.shape[1], 0.5 / steps.shape[1])
    for _ in range(N_ITERATIONS):
        strangers = n_pairs - n_starts * min(weight.sum(), 1.0)
        expected = n_starts * (steps @ weight) + strangers * spread
        weight = weight * ((counts / np.maximum(expected, 1e-300)) @ steps) / within
    return weight


def _fastest(variance: FloatArray, weight: FloatArray, n_starts: int, strangers_per_px2: float) -> float:
    """Return the standard step of the fastest class that enough spots show, beyond what strangers look like by chance."""
    share = np.cumsum(weight[::-1])[::-1]
    by_chance = strangers_per_px2 * math.pi * SD_IN_RANGE**2 * variance
    there = (share >= LEAST_WEIGHT * weight.sum()) & (share * n_starts > CERTAIN_SD * np.sqrt(by_chance))
    return float(np.sqrt(variance[there].max())) if there.any() else 0.0
