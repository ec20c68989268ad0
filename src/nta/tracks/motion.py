"""Distribution of the particles' steps between frames, learned from the spots before linking.

Every pair of spots in two successive frames has a distance. For pairs of the same particle it is a Brownian step; pairs of
different particles (strangers) are spread over the image. The histogram of all distances is therefore

    counts(r) = n_starts * [sum_k weight_k Rayleigh(r; variance_k)] + n_strangers * spread(r),

and the weights follow from it without linking, however crowded the recording is. The idea is particle image correlation
spectroscopy (Semrau and Schmidt, Biophys. J. 92, 613 (2007)); here the weights on a grid of variances are found by maximum
likelihood of the counts, so that a small share of fast particles is found too. The spread of strangers is measured from
pairs within a frame, all of which are strangers: spots need not fill the image evenly.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from nta.columns import BoolArray, FloatArray, IntArray

REACH_PX = 64.0  # largest distance of pairs that are used: five standard steps of 12.8 px
N_BINS = 96
# apparent step per axis: from a stuck bright spot to 12.8 px
CLASS_SD_PX: FloatArray = np.geomspace(0.1, 12.8, 15)
SD_IN_RANGE = 5.0  # a Rayleigh step exceeds 5 sd with probability exp(-12.5) = 4e-6: nothing is cut off
LEAST_WEIGHT = 0.005  # classes with a smaller share of the spots do not widen the search range
TAIL = math.sqrt(2.0)  # the range extends one class beyond the fastest certain class
CERTAIN_SD = 3.0  # evidence a class needs beyond chance pairs of different particles
MOVING_SD = 5.0  # evidence needed that anything moves at all
STRANGERS_KEPT = 0.15  # other particles within the range of a track, where ambiguous links are kept
SD_KEPT = 3.5  # cuts exp(-6.1) = 0.2 % of a typical particle's steps
FLOW_CELL_PX = 2.0
FEW_PAIRS = 3.0  # number of pairs in a bin of the histogram that is no more than chance
BLENDED_PX = 10.0  # two particles closer than this within a frame may be detected as one
MOST_PAIRS = 4_000_000  # of spots anywhere in the image: enough for weights to a percent or two
EM_ROUNDS = 200


@dataclass(frozen=True, kw_only=True, eq=False)
class Motion:
    """Steps per axis and frame (localization error included), in classes of given variance, about a common flow.

    weight : share of the spots that are seen again in the next frame with a step of this class.
    fastest_px : standard step of the fastest class that is certainly present; 0 if there is none.
    """

    variance_px2: FloatArray
    weight: FloatArray
    fastest_px: float
    density_per_px2: float
    flow_y_px: float
    flow_x_px: float

    @property
    def anything_moves(self) -> bool:
        """Whether any spot was seen again."""
        return self.fastest_px > 0

    @property
    def typical_variance_px2(self) -> float:
        """Step variance per axis of the particle in the middle (by weight)."""
        if not self.anything_moves:
            return 0.0
        share = np.cumsum(self.weight) / self.weight.sum()
        return float(self.variance_px2[np.searchsorted(share, 0.5)])

    def search_range_px(self, ambiguous: str) -> float:
        """Return the search range that contains the steps of all classes.

        If ambiguous links are kept, every stranger within range is a possible wrong link. The range is then limited so that
        one track in seven has a stranger in it, but not below the range of a typical particle.
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


def unknown_motion(n_spots: int, n_frames: int, height_px: int, width_px: int) -> Motion:
    """Return the motion of a recording for which only the density is needed."""
    return Motion(
        variance_px2=np.ones(1),
        weight=np.zeros(1),
        fastest_px=0.0,
        density_per_px2=n_spots / max(n_frames, 1) / (height_px * width_px),
        flow_y_px=0.0,
        flow_x_px=0.0,
    )


def learn_motion(
    y_px: FloatArray, x_px: FloatArray, frame: IntArray, height_px: int, width_px: int
) -> Motion:
    """Learn the classes of motion from the spots of the first frames, sorted by frame."""
    spots = _Spots.of(y_px, x_px, frame)
    reach = min(REACH_PX, 0.25 * min(height_px, width_px))
    variance = np.asarray(CLASS_SD_PX[reach / SD_IN_RANGE >= CLASS_SD_PX] ** 2)
    weight, fastest, flow = np.zeros(variance.size), 0.0, (0.0, 0.0)
    n_starts, n_pairs = spots.pairs_across()
    if n_starts:
        flow = _common_displacement(spots.votes(reach))
        edges = reach * (np.arange(N_BINS + 1) / N_BINS) ** 2  # finer where slow particles are
        spread = np.diff(_evenly_spread(edges, height_px, width_px))
        spread = spread * _crowding(spots.distances(0, reach), spots.pairs_within() * spread, edges)
        fit = _Fit(spots.distances(1, reach, flow), spread, edges, variance, n_starts, n_pairs)
        fastest = math.sqrt(variance[fit.n_certain - 1]) if fit.n_certain else 0.0
        weight = fit.weights(fit.n_certain + 1) if fit.n_certain else weight
    return Motion(
        variance_px2=variance,
        weight=weight,
        fastest_px=fastest,
        density_per_px2=frame.size / max(spots.counts.size, 1) / (height_px * width_px),
        flow_y_px=flow[0],
        flow_x_px=flow[1],
    )


@dataclass(frozen=True, eq=False)
class _Spots:
    """Spots sorted by frame and y, and the selection of pairs if there are too many."""

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
        order = np.lexsort((y_px, frame))
        return cls(y_px[order], x_px[order], first_row, np.append(follows, False))

    @property
    def counts(self) -> IntArray:
        return np.diff(self.first_row)

    @property
    def stride(self) -> int:
        """Only every `stride`-th spot starts pairs."""
        return 1 + int((self.counts.astype(np.float64) ** 2).sum() // MOST_PAIRS)

    def pairs_across(self) -> tuple[int, int]:
        """Return how many spots start a pair into the next frame, and how many pairs there are."""
        starts = -(-self.counts // self.stride)
        n_next = np.append(self.counts[1:], 0)
        return int(starts[self.successive].sum()), int((starts * n_next)[self.successive].sum())

    def pairs_within(self) -> float:
        """Return the number of pairs of spots within a frame that are used."""
        return float((self.counts * (self.counts - 1.0) / 2).sum()) / self.stride

    def votes(self, reach: float) -> FloatArray:
        """Count the displacements of pairs in successive frames, in square cells about zero."""
        from nta.tracks.kernels.pairs import vote_on_flow

        votes = np.zeros((2 * int(reach / FLOW_CELL_PX) + 1,) * 2)
        vote_on_flow(self.y_px, self.x_px, self.first_row, self.successive, self.stride, FLOW_CELL_PX, votes)
        return votes

    def distances(self, lag: int, reach: float, flow: tuple[float, float] = (0.0, 0.0)) -> FloatArray:
        """Histogram of the distances of pairs `lag` frames apart, in bins of equal width in sqrt(distance)."""
        from nta.tracks.kernels.pairs import count_distances

        usable = self.successive if lag else np.ones(self.counts.size, dtype=bool)
        counts = np.zeros(N_BINS)
        count_distances(self.y_px, self.x_px, self.first_row, usable, lag, self.stride, reach, *flow, counts)
        return counts


def _common_displacement(votes: FloatArray) -> tuple[float, float]:
    """Return the displacement (y, x) that most pairs agree on; zero if they agree no more than by chance."""
    from nta.tracks.kernels.pairs import most_agreed

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
    """Density of strangers at each distance relative to evenly spread spots, from the pairs within frames.

    The observed density is shrunk towards a smooth law a + b r**2, with a prior weight of FEW_PAIRS pairs; large counts are
    followed, because slow neighbours stay neighbours for many frames and must not be taken for fast particles. Pairs closer
    than a spot's width may be detected as one; there a lack of pairs is ignored and the law is used.
    """
    middle = 0.5 * (edges[1:] + edges[:-1])
    apart = (middle > BLENDED_PX) & (expected > 0)
    law = np.ones(middle.size)
    if counts[apart].sum() >= 100:
        powers = np.stack([np.ones(middle.size), (middle / edges[-1]) ** 2])
        design = powers[:, apart] * np.sqrt(expected[apart])
        a, b = np.linalg.solve(design @ design.T, powers[:, apart] @ counts[apart])
        law = np.maximum(a * powers[0] + b * powers[1], 0.1)
    counted = (counts + FEW_PAIRS * law) / (expected + FEW_PAIRS)
    return np.asarray(np.where(apart, counted, np.maximum(counted, law)))


class _Fit:
    """Weights of the classes of steps, by maximum likelihood of the histogram of distances."""

    def __init__(
        self,
        counts: FloatArray,
        spread: FloatArray,
        edges: FloatArray,
        variance: FloatArray,
        n_starts: int,
        n_pairs: int,
    ) -> None:
        self._counts, self._spread = counts, spread
        self._n_starts, self._n_pairs = float(n_starts), float(n_pairs)
        inside = np.exp(-0.5 * edges[:, None] ** 2 / variance)
        self._steps = inside[:-1] - inside[1:]

    def weights(self, n_classes: int) -> FloatArray:
        """Return the weights with only the `n_classes` slowest classes present."""
        from nta.tracks.kernels.pairs import fit_weights

        weight = np.zeros(self._steps.shape[1])
        weight[:n_classes] = 0.5 / max(n_classes, 1)
        fit_weights(
            self._counts,
            self._steps,
            self._spread,
            self._n_starts,
            self._n_pairs,
            EM_ROUNDS,
            weight[:n_classes],
        )
        return weight

    def _log_likelihood(self, weight: FloatArray) -> float:
        strangers = self._n_pairs - self._n_starts * min(weight.sum(), 1.0)
        expected = np.maximum(strangers * self._spread + self._n_starts * self._steps @ weight, 1e-300)
        return float(self._counts @ np.log(expected) - expected.sum())

    @cached_property
    def n_certain(self) -> int:
        """Number of classes up to the fastest that is certainly present.

        Omitting that class lowers the likelihood by CERTAIN_SD or more. Classes with almost no spots are ignored.
        """
        weight = self.weights(self._steps.shape[1])
        likelihood = self._log_likelihood(weight)
        if likelihood - self._log_likelihood(np.zeros_like(weight)) < 0.5 * MOVING_SD**2:
            return 0
        share = np.cumsum(weight[::-1])[::-1]
        n = int((share >= LEAST_WEIGHT * weight.sum()).sum())
        while n:
            fewer = self.weights(n - 1)
            if likelihood - self._log_likelihood(fewer) > 0.5 * CERTAIN_SD**2:
                break
            n -= 1
        return n
