"""The odds that a link is right, learned from the recording itself.

A link of an open track i to a spot j is judged by the ratio of two probability densities: that the particle of i is seen
again, after a step d and with this light, and that it is not seen and j is a new particle:

    odds = seen(I_i) / (1 - seen(I_i)) * step density(d | steps of i so far) * light density(I_j | I_i)
           / density of new spots(I_j)

The step variance of a particle is drawn from an inverse-gamma distribution over the sample (its moments come from
`nta.tracks.motion`) and learned along the track; the density of the next step is then Student's t in two dimensions
(conjugate prior; Gelman et al., Bayesian Data Analysis, 3rd ed., sections 3.2 to 3.6). Its tails are heavy enough for a
particle faster than the others. The spots of a frame are assigned so that the product of the odds is greatest, and a link is
cut if an assignment without it is nearly as likely.

Does cutting bias D? Cutting links because their steps are long would. Here a link is judged against its rivals, and higher
odds are required of short steps than of long ones (`nta.tracks.kernels.frames`), so that the kept steps have the mean square
of all steps: measured against simulated truth by tests/benchmarks/bench_linking.py, tested by tests/tracks/test_crowding.py.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from nta.columns import FloatArray, IntArray
from nta.tracks.kernels.types import MOST_STEPS, Odds
from nta.tracks.motion import Motion

SHAPE_RANGE = (1.0, 20.0)  # shape of the inverse-gamma law: from "any mobility" to "all particles alike"
LIGHT_FLOOR = 0.05**2  # least variance of the change of ln intensity of a particle
N_LIGHT_CLASSES = 10
ABSURD = 1e-5  # steps less probable than this are not searched for: P(r**2 > x) = (1 + x / (2 scale))**-shape
LEAST_SPOTS = 5  # spots of a track that is used to learn changes of light


def learn_odds(
    motion: Motion,
    track: IntArray,
    frame: IntArray,
    log_light: FloatArray,
    light_noise: FloatArray,
    memory_frames: int,
    area_px2: float,
) -> Odds:
    """Learn the odds from provisional tracks (one number per spot, rows sorted by frame)."""
    from nta.tracks.kernels.steps import order_by_track

    shape, scale = _inverse_gamma(*motion.log_variance_moments())
    track, order = order_by_track(track, np.ones(int(track.max()) + 1, dtype=bool))
    tracks = _Provisional(track, frame[order], log_light[order], light_noise[order], memory_frames)
    darkest, per_log, light = tracks.light_classes()
    return Odds(
        shape=shape,
        scale_px2=scale,
        absurd=2 * (ABSURD ** (-1 / (shape + np.arange(MOST_STEPS + 1))) - 1),
        log_returns=tracks.log_odds_of_return(light),
        light_step_variance=tracks.light_step_variance(),
        darkest=darkest,
        classes_per_log=per_log,
        log_seen=tracks.log_odds_of_seeing(light),
        log_new=tracks.log_density_of_new(light) + math.log(per_log / area_px2),
    )


def _inverse_gamma(log_mean: float, log_variance: float) -> tuple[float, float]:
    """Return shape and scale of the inverse-gamma distribution with the given mean and variance of its logarithm.

    var ln V = trigamma(shape), mean ln V = ln(scale) - digamma(shape); asymptotic series, Abramowitz and Stegun 6.3.18 and
    6.4.12, better than 1 % from shape 1 on.
    """
    low, high = SHAPE_RANGE
    for _ in range(40):
        shape = 0.5 * (low + high)
        trigamma = 1 / shape + 1 / (2 * shape**2) + 1 / (6 * shape**3) - 1 / (30 * shape**5)
        low, high = (shape, high) if trigamma > log_variance else (low, shape)
    digamma = math.log(shape) - 1 / (2 * shape) - 1 / (12 * shape**2) + 1 / (120 * shape**4)
    return shape, math.exp(log_mean + digamma)


@dataclass(frozen=True, eq=False)
class _Provisional:
    """Provisional tracks, linked by distance alone, from which appearance, loss and change of spots are learned.

    Rows are sorted by (track, frame).
    """

    track: IntArray
    frame: IntArray
    log_light: FloatArray
    light_noise: FloatArray
    memory_frames: int

    @cached_property
    def waited(self) -> IntArray:
        """Frames until the next spot of the track; 0 if there is none."""
        inside = np.append(np.diff(self.track) == 0, False)
        return np.where(inside, np.append(np.diff(self.frame), 0), 0)

    def light_classes(self) -> tuple[float, float, IntArray]:
        """Return ln intensity of the first class, classes per unit of ln intensity, and the class of each spot."""
        known = self.log_light[np.isfinite(self.log_light)]
        low, high = np.percentile(known, [2, 98]) if known.size else (0.0, 0.0)
        per_log = (N_LIGHT_CLASSES - 1) / max(float(high - low), 1.0)
        place = np.where(np.isfinite(self.log_light), (self.log_light - low) * per_log + 0.5, 0.0)
        return float(low), per_log, np.clip(place, 0, N_LIGHT_CLASSES - 1).astype(np.int64)

    def log_odds_of_seeing(self, light: IntArray) -> FloatArray:
        """Ln odds, per class of light, that a particle seen in one frame is seen in the next."""
        could = self.frame < self.frame.max()
        again = np.bincount(light[could & (self.waited == 1)], minlength=N_LIGHT_CLASSES)
        lost = np.bincount(light[could & (self.waited != 1)], minlength=N_LIGHT_CLASSES)
        return np.asarray(np.log((again + 0.5) / (lost + 0.5)))

    def log_odds_of_return(self, light: IntArray) -> FloatArray:
        """Ln odds, per class of light, that a particle missed in one or more frames is seen in the next."""
        late = self.waited > 1
        gone = (self.waited == 0) & (self.frame < self.frame.max() - self.memory_frames)
        missed = self.memory_frames * gone + np.where(late, self.waited - 2, 0)
        chances = np.bincount(light, weights=missed, minlength=N_LIGHT_CLASSES)
        returns = np.bincount(light[late], minlength=N_LIGHT_CLASSES)
        return np.asarray(np.log((returns + 0.5) / (chances + 0.5)))

    def log_density_of_new(self, light: IntArray) -> FloatArray:
        """Ln of the number of new spots per frame and class of light, without the first frames, where all spots are new."""
        settled = self.frame.min() + self.memory_frames
        new = np.append(True, np.diff(self.track) != 0) & (self.frame > settled)
        count = np.bincount(light[new], minlength=N_LIGHT_CLASSES)
        return np.asarray(np.log((count + 0.5) / max(int(self.frame.max() - settled), 1)))

    def light_step_variance(self) -> float:
        """Variance of the change of ln intensity of one particle from frame to frame, beyond photon noise.

        Robust: half the distance between the 16 % and 84 % points is the standard deviation of a normal law.
        """
        rows = np.flatnonzero((self.waited == 1) & (np.bincount(self.track)[self.track] >= LEAST_SPOTS))
        change = self.log_light[rows + 1] - self.log_light[rows]
        noise = self.light_noise[rows + 1] + self.light_noise[rows]
        known = np.isfinite(change)
        if known.sum() < 10:
            return 1.0
        low, high = np.percentile(change[known], [15.87, 84.13])
        return max(0.25 * float(high - low) ** 2 - float(np.median(noise[known])), LIGHT_FLOOR)
