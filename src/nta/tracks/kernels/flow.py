"""Compiled prediction of the common motion from one frame to the next, so that flow does not break tracks.

The flow is followed by a Kalman filter (Kalman, J. Basic Eng. 82, 35 (1960)): it may change by a twentieth of a Brownian
step per frame, and is observed as the mean step of the frame's links. If it leaps (a knock, a valve) and the links fail, the
displacement that most pairs of spots agree on is found without links. The flow only tells the linker where to search; the
drift that is subtracted from the tracks is estimated afresh by `nta.tracks.drift`.
"""

from __future__ import annotations

import numpy as np

from nta.columns import FloatArray, IntArray
from nta.tracks.kernels.pairs import most_agreed, vote
from nta.tracks.kernels.types import MISSED, FrameSpots, Open, X, Y, inner

FLOW_Y, FLOW_X, FLOW_VARIANCE, LEAP_Y, LEAP_X = 0, 1, 2, 3, 4
N_FLOW = 5
CHANGE_SD = 0.05  # change of the flow from one frame to the next, over a Brownian step
STILL_SD = 0.25  # flow below this share of a Brownian step is not predicted: it does not matter to the search
LEAP_PX = 64.0  # largest displacement tried when the links fail
LEAST_VOTES = 4
SAME_LEAP_SD = 3.0  # two successive leaps that differ by no more than this count as flow


@inner
def predict(tracks: Open, n_open: int, flow: FloatArray, step_variance: float, frames: int) -> None:
    """Move the expected positions of the tracks by the flow over some frames."""
    if not _still(flow, step_variance):
        shift(tracks, n_open, frames * flow[FLOW_Y], frames * flow[FLOW_X])


@inner
def _still(flow: FloatArray, step_variance: float) -> bool:
    return bool(flow[FLOW_Y] ** 2 + flow[FLOW_X] ** 2 <= STILL_SD**2 * step_variance)


@inner
def shift(tracks: Open, n_open: int, dy: float, dx: float) -> None:
    """Move the expected positions of the tracks."""
    for i in range(n_open):
        tracks.shown[i, Y] += dy
        tracks.shown[i, X] += dx


@inner
def follow(
    seen: FrameSpots, tracks: Open, n_open: int, spot_of: IntArray, flow: FloatArray, step_variance: float
) -> None:
    """Correct the flow by the mean deviation of this frame's links from the expected positions."""
    n, dy, dx = 0, 0.0, 0.0
    for i in range(n_open):
        j = spot_of[i]
        if j >= 0 and tracks.label[i, MISSED] == 0:
            n += 1
            dy += seen.y[j] - tracks.shown[i, Y]
            dx += seen.x[j] - tracks.shown[i, X]
    flow[FLOW_VARIANCE] += CHANGE_SD**2 * step_variance
    if n:
        gain = flow[FLOW_VARIANCE] / (flow[FLOW_VARIANCE] + step_variance / n)
        still = _still(flow, step_variance)  # then nothing had been predicted
        flow[FLOW_Y] += gain * (dy / n - (flow[FLOW_Y] if still else 0.0))
        flow[FLOW_X] += gain * (dx / n - (flow[FLOW_X] if still else 0.0))
        flow[FLOW_VARIANCE] *= 1 - gain


@inner
def leap(
    seen: FrameSpots, tracks: Open, n_open: int, spot_of: IntArray, flow: FloatArray, step_variance: float
) -> bool:
    """If fewer than half of the tracks continued, find the displacement that most pairs agree on, and apply it.

    A leap that repeats in the next frame counts as flow. Returns whether the expected positions were moved.
    """
    open_now, linked = 0, 0
    for i in range(n_open):
        if tracks.label[i, MISSED] == 0:
            open_now += 1
            linked += spot_of[i] >= 0
    last_y, last_x = flow[LEAP_Y], flow[LEAP_X]
    flow[LEAP_Y], flow[LEAP_X] = 0.0, 0.0
    if open_now < LEAST_VOTES or seen.y.size < LEAST_VOTES or 2 * linked >= open_now:
        return False
    cell_px = max(1.0, 1.5 * np.sqrt(step_variance))  # 3 by 3 cells hold nearly all of the Brownian cloud
    half = int(LEAP_PX / cell_px)
    votes = np.zeros((2 * half + 1, 2 * half + 1))
    for i in range(n_open):
        if tracks.label[i, MISSED] == 0:
            vote(seen.y, seen.x, tracks.shown[i, Y], tracks.shown[i, X], cell_px, votes)
    dy, dx, agreed, by_chance = most_agreed(votes, cell_px)
    if agreed - by_chance < max(0.5 * open_now, LEAST_VOTES) or agreed < 1.5 * linked:
        return False
    shift(tracks, n_open, dy, dx)
    flow[LEAP_Y], flow[LEAP_X] = dy, dx
    if (
        last_y**2 + last_x**2 > 0
        and (dy - last_y) ** 2 + (dx - last_x) ** 2 < SAME_LEAP_SD**2 * step_variance
    ):
        flow[FLOW_Y] += dy
        flow[FLOW_X] += dx
        flow[LEAP_Y], flow[LEAP_X] = 0.0, 0.0
    return True
