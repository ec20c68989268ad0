"""Drift: the motion that all particles share, estimated from their steps and subtracted from the tracks.

The mean step of the N particles in view is the drift plus the mean of N Brownian steps. Subtracting it frame by frame would
also remove 1/N of the Brownian variance, and sizes would be too large by N/(N - 1). Three kinds of common motion can be
distinguished from Brownian motion, and only these are subtracted:

- Flow is smooth: the weighted mean step is described by the few cosines over the recording that exceed the noise
  (`nta.tracks.cosines`).
- A knock is a single step in which everything jumps, too far to be noise in any of the frames (level FALSE_ALARM again).
- Vibration makes the mean step vary more than N Brownian steps do. Its variance tau**2 is the excess over the expected
  s**2 = 1 / sum(1 / variance). If it is significant, tau**2 / (tau**2 + s**2) of each mean step is subtracted
  (James-Stein shrinkage; Efron and Morris, J. Am. Stat. Assoc. 68, 117 (1973)).

Each subtraction also removes a known share of the Brownian variance: one step's worth per cosine and per knock, the
shrinkage factor per vibrating frame, over the number of steps. It is reported (`brownian_share`); D / (1 - share) corrects
for it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nta.columns import BoolArray, FloatArray, IntArray
from nta.tracks.cosines import FALSE_ALARM, significant_cosines

PRIOR_STEPS = 4.0  # number of steps from which on a track's own step variance outweighs the prior
CLIP_SD = 4.0  # steps are clipped here: longer ones are more likely wrong links than not
WHITE_RATIO = 1.3  # between 2 (a stuck spot: positions are independent) and 0 (free diffusion)
LEAST_SPOTS_FOR_STUCK = 8
LEAST_STEPS_FOR_KNOCK = 3
VIBRATION_SD = 5.0  # least excess variance of a vibration, in its standard errors
VIBRATION_EXCESS = 0.2  # least excess over the expected variance, which is known only to some per cent


@dataclass(frozen=True, kw_only=True, eq=False)
class Drift:
    """Common motion at successive frames: position (0 at the first) and standard error of one step, per axis.

    vibration_px : standard deviation per axis of the common frame-to-frame jitter beyond flow; 0 if not significant.
    brownian_share : share of the particles' own step variance that was subtracted with the drift.
    """

    first_frame: int
    y_px: FloatArray
    x_px: FloatArray
    step_std_err_px: FloatArray
    vibration_px: float = 0.0
    brownian_share: float = 0.0

    def at(self, frame: NDArray[Any]) -> tuple[FloatArray, FloatArray]:
        """Return (y, x) of the drift at the given frames; it is constant before the first and after the last frame."""
        index = np.clip(np.asarray(frame) - self.first_frame, 0, self.y_px.size - 1)
        return self.y_px[index], self.x_px[index]

    def subtracted(
        self, frame: NDArray[Any], y_px: FloatArray, x_px: FloatArray
    ) -> tuple[FloatArray, FloatArray]:
        """Return (y, x) of spots seen in these frames minus the drift."""
        if self.y_px.size == 1:  # no drift is subtracted
            return y_px, x_px
        y, x = self.at(frame)
        return y_px - y, x_px - x

    def std_err_at(self, frame: IntArray) -> FloatArray:
        """Return the standard error of the drift step that starts at the given frames."""
        if not self.step_std_err_px.size:
            return np.zeros(np.asarray(frame).size)
        return self.step_std_err_px[
            np.clip(np.asarray(frame) - self.first_frame, 0, self.step_std_err_px.size - 1)
        ]


def no_drift(first_frame: int = 0) -> Drift:
    """Return a drift of zero, for recordings without drift subtraction."""
    return Drift(first_frame=first_frame, y_px=np.zeros(1), x_px=np.zeros(1), step_std_err_px=np.zeros(0))


def find_drift(first_row: IntArray, frame: IntArray, y_px: FloatArray, x_px: FloatArray) -> Drift:
    """Find the common motion of tracks; track i is rows first_row[i]:first_row[i + 1], sorted by frame.

    Spots that rest (stuck particles, hot pixels, text in the image) do not follow the liquid and are left out.
    """
    steps = _Steps(first_row, frame, y_px, x_px)
    if not steps.n:
        return no_drift(int(frame[0]) if frame.size else 0)
    middle = steps.middle()
    weight = steps.weights(middle)
    if not weight.any():  # no moving particle was seen in two successive frames
        return no_drift(steps.start)
    jump = _knocks(steps, middle, weight)
    calm = np.logical_not(jump.any(axis=0))
    smooth = middle
    for _ in range(2):  # the variance of the steps is more precise once the drift is known
        weight = steps.weights(smooth + jump)
        slot_weight, pull, n = steps.pull(smooth + jump, weight)
        chosen, smooth, variance = significant_cosines(
            calm * slot_weight, calm * (pull + slot_weight * smooth), n
        )
    common = smooth + jump
    rest = _Rest.of(steps, common, weight, calm)
    common = common + rest.step
    y, x = np.concatenate([np.zeros((2, 1)), np.cumsum(common, axis=1)], axis=1)
    return Drift(
        first_frame=steps.start,
        y_px=y,
        x_px=x,
        step_std_err_px=np.sqrt(variance + rest.variance),
        vibration_px=rest.vibration_px,
        brownian_share=(len(chosen) + rest.freedom) / n,
    )


class _Steps:
    """The steps between neighbouring frames of all tracks, in slots: slot s leads from frame start + s to the next."""

    def __init__(self, first_row: IntArray, frame: IntArray, y_px: FloatArray, x_px: FloatArray) -> None:
        self.columns = (first_row, frame, y_px, x_px)
        self.start = int(frame.min()) if frame.size else 0
        self.n_slots = int(frame.max()) - self.start if frame.size else 0
        inside = np.ones(max(frame.size - 1, 0), dtype=bool)
        inside[first_row[1:-1] - 1] = False
        self._rows = np.flatnonzero(inside & (np.diff(frame) == 1))
        self.n = self._rows.size
        self._moving = ~_stuck(first_row, y_px, x_px)

    def middle(self) -> FloatArray:
        """Return the median step, (2, slots)."""
        median = self._median(self._rows[:: 1 + self.n // 10_000])
        return np.repeat(median[:, None], self.n_slots, axis=1)

    def middle_of(self, slots: IntArray) -> FloatArray:
        """Return the median step of each of some slots, (2, slots)."""
        _, frame, _, _ = self.columns
        slot = frame[self._rows] - self.start
        return np.stack([self._median(self._rows[slot == one]) for one in slots], axis=1)

    def count(self) -> IntArray:
        """Return the number of steps in each slot."""
        return np.bincount(self.columns[1][self._rows] - self.start, minlength=self.n_slots)

    def _median(self, rows: IntArray) -> FloatArray:
        _, _, y, x = self.columns
        return np.array([np.median(column[rows + 1] - column[rows]) for column in (y, x)])

    def weights(
        self, common: FloatArray, slot_weight: FloatArray | None = None, weight: FloatArray | None = None
    ) -> FloatArray:
        """Return, per track, the inverse step variance per axis, shrunk towards that of all tracks if it has few steps."""
        from nta.tracks.kernels.steps import squared_steps

        first_row = self.columns[0]
        nothing = np.zeros(first_row.size - 1) if weight is None else weight
        lost = (
            np.full(self.n_slots, np.inf)
            if slot_weight is None
            else np.where(slot_weight > 0, slot_weight, np.inf)
        )
        squared, freedom = squared_steps(*self.columns, self.start, common, nothing, lost)
        moving = self._moving & (freedom > 0.1)
        if not moving.any():
            return nothing
        typical = float(np.median(squared[moving] / freedom[moving]))
        variance = (squared + 2 * PRIOR_STEPS * typical) / (freedom + 2 * PRIOR_STEPS)
        floor = 1e-3 * max(typical, 1e-12)  # a track that repeats its position must not dominate
        return np.where(self._moving, 1 / np.maximum(variance, floor), 0.0)

    def pull(self, common: FloatArray, weight: FloatArray) -> tuple[FloatArray, FloatArray, int]:
        """Return, per slot, the summed weight and the weighted sum of steps about the common step; and their number."""
        from nta.tracks.kernels.steps import pull_of_steps

        return pull_of_steps(*self.columns, self.start, common, weight, CLIP_SD)


def _stuck(first_row: IntArray, y_px: FloatArray, x_px: FloatArray) -> BoolArray:
    """Whether the positions of each track scatter independently about one place, as those of a stuck spot do.

    If most tracks look stuck (the whole image shakes, or particles hardly move between frames), the ratio of steps to
    spread is not conclusive, and no track is called stuck.
    """
    from nta.tracks.kernels.steps import ratio_of_steps_to_spread

    n = np.diff(first_row)
    stuck = (n >= LEAST_SPOTS_FOR_STUCK) & (ratio_of_steps_to_spread(first_row, y_px, x_px) > WHITE_RATIO)
    return stuck if n[stuck].sum() < 0.5 * n.sum() else np.zeros(n.size, dtype=bool)


def _knocks(steps: _Steps, common: FloatArray, weight: FloatArray) -> FloatArray:
    """Return the jump beyond the common step in the few slots where everything jumps, and 0 in all others: (2, slots).

    One or two particles that move far are not a knock. The jump is the median step, because a knock may exceed CLIP_SD.
    """
    jump = np.zeros_like(common)
    slot_weight, pull, _ = steps.pull(common, weight)
    seen = (slot_weight > 0) & (steps.count() >= LEAST_STEPS_FOR_KNOCK)
    if seen.any():
        # exponential, mean 1, for Brownian motion
        score = (pull**2).sum(axis=0)[seen] / (2 * slot_weight[seen])
        usual = max(1.0, float(np.median(score)) / math.log(2))
        slots = np.flatnonzero(seen)[score > usual * math.log(score.size / FALSE_ALARM)]
        if slots.size:
            jump[:, slots] = steps.middle_of(slots) - common[:, slots]
    return jump


@dataclass(frozen=True, kw_only=True, eq=False)
class _Rest:
    """Common steps beyond smooth drift and the jumps of knocks: the rest of each knock in full, vibration in part."""

    step: FloatArray  # (2, slots) to subtract
    variance: FloatArray  # variance of this step, per axis
    vibration_px: float
    freedom: float  # Brownian variance that is subtracted along, in units of steps

    @classmethod
    def of(cls, steps: _Steps, common: FloatArray, weight: FloatArray, calm: BoolArray) -> _Rest:
        slot_weight, pull, _ = steps.pull(common, weight)
        seen = slot_weight > 0
        mean = np.divide(pull, slot_weight, out=np.zeros_like(pull), where=seen)
        # vibration is in every step, so the Brownian scatter is measured about the mean of each frame
        weight = steps.weights(common + mean, slot_weight, weight)
        slot_weight, pull, _ = steps.pull(common, weight)
        seen = slot_weight > 0
        mean = np.divide(pull, slot_weight, out=np.zeros_like(pull), where=seen)
        expected = np.divide(1.0, slot_weight, out=np.full(seen.size, np.inf), where=seen)
        score = (mean**2).sum(axis=0) / (2 * expected)  # its mean is 1 for Brownian motion alone
        vibration = _vibration_variance(score[calm & seen], expected[calm & seen])
        part = np.where(calm, vibration / (vibration + expected) if vibration > 0 else 0.0, 1.0)
        return cls(
            step=part * mean,
            variance=part * np.where(seen, expected, 0.0),
            vibration_px=math.sqrt(vibration),
            freedom=float(part.sum()),
        )


def _vibration_variance(score: FloatArray, expected: FloatArray) -> float:
    """Return the variance per axis of common steps beyond that expected from Brownian motion; 0 if not significant.

    score : squared mean step over twice the expected variance, whose mean is 1 + vibration / expected.
    """
    if not score.size:
        return 0.0
    excess = float(score.mean()) - 1.0
    if excess < VIBRATION_EXCESS or excess * math.sqrt(score.size) < VIBRATION_SD:
        return 0.0
    return max(float(((score - 1.0) * expected).mean()), 0.0)
