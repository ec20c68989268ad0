"""Compiled passes over the steps of tracks (rows sorted by track, then frame)."""

from __future__ import annotations

import numpy as np

from nta.columns import BoolArray, FloatArray, IntArray
from nta.tracks.kernels.types import outer


@outer
def order_by_track(track: IntArray, kept: BoolArray) -> tuple[IntArray, IntArray]:
    """Renumber the kept tracks from 0 in their order and sort their rows by track (counting sort, stable).

    Returns the new number and the old row of each row of the sorted table.
    """
    place = np.zeros(kept.size + 1, np.int64)
    for name in track:
        if kept[name]:
            place[name + 1] += 1
    number = np.empty(kept.size, np.int64)
    n = 0
    for name in range(kept.size):
        place[name + 1] += place[name]
        number[name] = n
        n += kept[name]
    numbers, rows = np.empty(place[-1], np.int64), np.empty(place[-1], np.int64)
    for row in range(track.size):
        name = track[row]
        if kept[name]:
            numbers[place[name]], rows[place[name]] = number[name], row
            place[name] += 1
    return numbers, rows


@outer
def ratio_of_steps_to_spread(first_row: IntArray, y: FloatArray, x: FloatArray) -> FloatArray:
    """Return, per track, the sum of squared steps over the sum of squared deviations from the mean position.

    About 2 for independent positions, about 6 / n for a random walk of n spots. Source: von Neumann, Ann. Math. Stat. 12,
    367 (1941).
    """
    ratio = np.zeros(first_row.size - 1)
    for t in range(ratio.size):
        a, b = first_row[t], first_row[t + 1]
        steps, mean_y, mean_x = 0.0, 0.0, 0.0
        for k in range(a, b):
            mean_y += y[k] / (b - a)
            mean_x += x[k] / (b - a)
            if k > a:
                steps += (y[k] - y[k - 1]) ** 2 + (x[k] - x[k - 1]) ** 2
        spread = 0.0
        for k in range(a, b):
            spread += (y[k] - mean_y) ** 2 + (x[k] - mean_x) ** 2
        ratio[t] = steps / spread if spread > 0 else 2.0
    return ratio


@outer
def pull_of_steps(
    first_row: IntArray, frame: IntArray, y: FloatArray, x: FloatArray, start: int, common: FloatArray,
    step_weight: FloatArray, clip_sd: float,
) -> tuple[FloatArray, FloatArray, int]:  # fmt: skip
    """Sum, per frame-to-frame slot, the weights of the steps and the weighted steps about the common one, (2, slots).

    step_weight : per track, inverse variance of its steps per axis; tracks of weight 0 are left out. Steps are clipped at
    clip_sd of their track's standard deviations from the common step. Also returns the number of steps.
    """
    weight, pull, n = np.zeros(common.shape[1]), np.zeros(common.shape), 0
    for t in range(first_row.size - 1):
        if step_weight[t] > 0:
            limit = clip_sd / np.sqrt(step_weight[t])
            for k in range(first_row[t], first_row[t + 1] - 1):
                if frame[k + 1] == frame[k] + 1:
                    slot = frame[k] - start
                    dy, dx = y[k + 1] - y[k] - common[0, slot], x[k + 1] - x[k] - common[1, slot]
                    weight[slot] += step_weight[t]
                    pull[0, slot] += step_weight[t] * min(max(dy, -limit), limit)
                    pull[1, slot] += step_weight[t] * min(max(dx, -limit), limit)
                    n += 1
    return weight, pull, n


@outer
def squared_steps(
    first_row: IntArray, frame: IntArray, y: FloatArray, x: FloatArray, start: int, common: FloatArray,
    step_weight: FloatArray, slot_weight: FloatArray,
) -> tuple[FloatArray, FloatArray]:  # fmt: skip
    """Sum, per track, the squared steps about the common step (both axes), and their degrees of freedom.

    slot_weight : summed weight of the steps averaged in each slot to give the common step, which takes step_weight /
    slot_weight of a degree of freedom from each step and axis; infinity if the common step was not averaged slot by slot.
    """
    squared, freedom = np.zeros(first_row.size - 1), np.zeros(first_row.size - 1)
    for t in range(squared.size):
        for k in range(first_row[t], first_row[t + 1] - 1):
            if frame[k + 1] == frame[k] + 1:
                slot = frame[k] - start
                dy, dx = y[k + 1] - y[k] - common[0, slot], x[k + 1] - x[k] - common[1, slot]
                squared[t] += dy * dy + dx * dx
                freedom[t] += 2.0 * (1.0 - step_weight[t] / slot_weight[slot])
    return squared, freedom
