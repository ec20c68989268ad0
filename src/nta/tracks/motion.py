"""How far the particles of a recording move between frames, learned from the spots before anything is linked.

Every pair of spots in two successive frames has a distance. Pairs of one particle have the distance of a Brownian step;
pairs of strangers are spread over the image. The histogram of all distances is therefore

    counts(r) = n_starts * [sum_k weight_k Rayleigh(r; variance_k)] + n_strangers * spread(r),

and the weights follow from it without linking, however crowded the recording is. The idea is particle image correlation
spectroscopy (Semrau and Schmidt, Biophys. J. 92, 613 (2007)); here the weights on a grid of variances are found by maximum
likelihood of the counts, so that a small share of fast particles is seen too. How strangers are spread is seen from the
pairs within a frame, all of which are strangers: spots need not fill the image evenly.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from nta.columns import BoolArray, FloatArray, IntArray

REACH_PX = 64.0  # pairs further apart are not looked at: five standard steps of 12.8 px
N_BINS = 96
# apparent step per axis: from a stuck bright spot to 12.8 px
CLASS_SD_PX: FloatArray = np.geomspace(0.1, 12.8, 15)
SD_IN_RANGE = 5.0  # a Rayleigh step exceeds 5 sd with probability exp(-12.5) = 4e-6: nothing is cut off
LEAST_WEIGHT = 0.005  # a mobility that fewer spots show than this does not widen the range
TAIL = math.sqrt(2.0)  # a population reaches beyond its last certain class, by one class
CERTAIN_SD = 4.0  # nor does one that the scatter of the pairs of strangers explains
STRANGERS_KEPT = 0.15  # strangers within range of a track, where ambiguous links are kept
SD_KEPT = 3.5  # cuts exp(-6.1) = 0.2 % of a typical particle's steps
FLOW_CELL_PX = 2.0
BLENDED_PX = 10.0  # strangers closer than this within a frame may be seen as one
MOST_PAIRS = 800_000  # looked through: enough for weights to a percent or two
EM_ROUNDS = 200


@dataclass(frozen=True, kw_only=True, eq=False)
class Motion:
    """Steps per axis and frame (localization error included), as classes of a variance each, about a common flow.

    weight : share of the spots that are seen again in the next frame with a step of this class.
    fastest_px : standard step of the fastest class that is certainly there; 0 where none is.
    """

    variance_px2: FloatArray
    weight: FloatArray
    fastest_px: float
    density_per_px2: float
    flow_y_px: float
    flow_x_px: float

    @property
    def anything_moves(self) -> bool:
        """Whether spots were seen again at all."""
        return self.fastest_px > 0

    @property
    def typical_variance_px2(self) -> float:
        """Step variance per axis of the particle in the middle (by weight)."""
        if not self.anything_moves:
            return 0.0
        share = np.cumsum(self.weight) / self.weight.sum()
        return float(self.variance_px2[np.searchsorted(share, 0.5)])

    def search_range_px(self, ambiguous: str) -> float:
        """Return the range that holds every step of every class.

        Where ambiguous links are kept, every stranger within range is a possible wrong link: the range then ends where one
        source in seven has a stranger in it, but not below what a typical particle needs.
        """
        whole = SD_IN_RANGE * TAIL * self.fastest_px
        if ambiguous == "cut":
            return whole
        uncrowded = math.sqrt(STRANGERS_KEPT / (math.pi * max(self.density_per_px2, 1e-12)))
        return min(whole, max(uncrowded, SD_KEPT * math.sqrt(self.typical_variance_px2)))

    def log_variance_moments(self) -> tuple[float, float]:
        """Mean and variance of ln(step variance) over the spots."""
        weight = self.weight / self.weight.sum()
        log_variance = np.log(self.variance_px2)
        mean = float(weight @ log_variance)
        return mean, float(weight @ (log_variance - mean) ** 2)


def learn_motion(
    y_px: FloatArray, x_px: FloatArray, frame: IntArray, height_px: int, width_px: int
) -> Motion:
    """Learn the classes of motion from the spots of some tens of frames, sorted by frame."""
    spots = _Spots.of(y_px, x_px, frame)
    reach = min(REACH_PX, 0.25 * min(height_px, width_px))
    variance = np.square(CLASS_SD_PX[reach / SD_IN_RANGE >= CLASS_SD_PX], dtype=np.float64)
    weight, fastest, flow = np.zeros(variance.size), 0.0, (0.0, 0.0)
    n_starts, n_pairs = spots.pairs_across()
    if n_starts:
        dy, dx = spots.displacements(1, reach)
        flow = _common_displacement(dy, dx, reach)
        edges = reach * (np.arange(N_BINS + 1) / N_BINS) ** 2  # finer where slow particles are
        across = _distance_counts(dy - flow[0], dx - flow[1], reach)
        within = _distance_counts(*spots.displacements(0, reach), reach)
        spread = np.diff(_evenly_spread(edges, height_px, width_px))
        spread = spread * _crowding(within, spots.pairs_within() * spread, edges)
        steps = np.exp(-0.5 * edges[:-1, None] ** 2 / variance) - np.exp(
            -0.5 * edges[1:, None] ** 2 / variance
        )
        weight = _weights(across, steps, spread, n_starts, n_pairs)
        fastest = _fastest(variance, weight, n_starts, n_pairs / (height_px * width_px))
    return Motion(
        variance_px2=variance,
        weight=np.where(np.sqrt(variance) < 1.1 * TAIL * fastest, weight, 0.0),
        fastest_px=fastest,
        density_per_px2=frame.size / max(spots.counts.size, 1) / (height_px * width_px),
        flow_y_px=flow[0],
        flow_x_px=flow[1],
    )


@dataclass(frozen=True, eq=False)
class _Spots:
    """Spots by frame, and which of them are looked through where there are too many pairs."""

    y_px: FloatArray
    x_px: FloatArray
    first_row: IntArray
    successive: BoolArray  # frames that are directly followed by the next one

    @classmethod
    def of(cls, y_px: FloatArray, x_px: FloatArray, frame: IntArray) -> _Spots:
        starts = (
            np.append(0, np.flatnonzero(np.diff(frame)) + 1) if frame.size else np.zeros(1, dtype=np.int64)
        )
        first_row = np.append(starts, frame.size).astype(np.int64)
        follows = np.diff(frame[starts]) == 1 if frame.size else np.zeros(0, dtype=bool)
        return cls(y_px, x_px, first_row, np.append(follows, False))

    @property
    def counts(self) -> IntArray:
        return np.diff(self.first_row)

    @property
    def stride(self) -> int:
        """Every so many spots start pairs."""
        return 1 + int((self.counts.astype(np.float64) ** 2).sum() // MOST_PAIRS)

    def pairs_across(self) -> tuple[int, int]:
        """Return how many spots start a pair into the next frame, and how many pairs there are."""
        starts = -(-self.counts // self.stride)
        n_next = np.append(self.counts[1:], 0)
        return int(starts[self.successive].sum()), int((starts * n_next)[self.successive].sum())

    def pairs_within(self) -> float:
        """Return how many pairs of spots of one frame are looked at."""
        return float((self.counts * (self.counts - 1.0) / 2).sum()) / self.stride

    def displacements(self, lag: int, reach: float) -> tuple[FloatArray, FloatArray]:
        """Return the displacements (y, x) of pairs within reach, `lag` frames apart."""
        from nta.tracks.pairs import collect_pairs

        usable = self.successive if lag else np.ones(self.counts.size, dtype=bool)
        room = 4096 + 4 * self.y_px.size
        while True:
            dy, dx = np.empty(room), np.empty(room)
            n = collect_pairs(self.y_px, self.x_px, self.first_row, usable, lag, self.stride, reach, dy, dx)
            if n >= 0:
                return dy[:n], dx[:n]
            room *= 4


def _common_displacement(dy: FloatArray, dx: FloatArray, reach: float) -> tuple[float, float]:
    """Return the displacement (y, x) that most pairs agree on; zero where they agree no more than by chance."""
    from nta.tracks.pairs import most_agreed, vote

    votes = np.zeros((2 * int(reach / FLOW_CELL_PX) + 1,) * 2)
    vote(dy, dx, FLOW_CELL_PX, votes)
    y, x, agreed, by_chance = most_agreed(votes, FLOW_CELL_PX)
    return (y, x) if agreed > by_chance + CERTAIN_SD * math.sqrt(by_chance) + CERTAIN_SD else (0.0, 0.0)


def _distance_counts(dy: FloatArray, dx: FloatArray, reach: float) -> FloatArray:
    """Histogram of distances in bins that are even in sqrt(distance), i.e. finer where slow particles are."""
    place = np.sqrt(np.hypot(dy, dx) / reach) * N_BINS
    return np.bincount(place[place < N_BINS].astype(np.int64), minlength=N_BINS).astype(np.float64)


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


def _weights(
    counts: FloatArray, steps: FloatArray, spread: FloatArray, n_starts: int, n_pairs: int
) -> FloatArray:
    from nta.tracks.pairs import fit_weights

    return fit_weights(counts, steps, spread, float(n_starts), float(n_pairs), EM_ROUNDS)


def _fastest(variance: FloatArray, weight: FloatArray, n_starts: int, strangers_per_px2: float) -> float:
    """Return the standard step of the fastest class that enough spots show, beyond what strangers look like by chance."""
    share = np.cumsum(weight[::-1])[::-1]
    by_chance = strangers_per_px2 * math.pi * SD_IN_RANGE**2 * variance
    there = (share >= LEAST_WEIGHT * weight.sum()) & (share * n_starts > CERTAIN_SD * np.sqrt(by_chance))
    return float(np.sqrt(variance[there].max())) if there.any() else 0.0
