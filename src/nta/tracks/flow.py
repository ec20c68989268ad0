"""Compiled prediction of the common motion from one frame to the next, so that flow does not break tracks.

The flow is followed by a Kalman filter (Kalman, J. Basic Eng. 82, 35 (1960)): it may change by a twentieth of a Brownian
step per frame, and is seen through the mean step of the frame's links. Where it leaps (a knock, a valve) and the links
fail, the displacement that most pairs of spots agree on is sought without links (`consensus`). It only says where to look:
what is subtracted from the tracks in the end is found anew by `nta.tracks.drift`.
"""

from __future__ import annotations

import numpy as np

from nta.columns import FloatArray, IntArray
from nta.tracks.candidates import MISSED, Y, X
from nta.tracks.kernel_types import compiled

FLOW_Y, FLOW_X, FLOW_VARIANCE = 0, 1, 2
N_FLOW = 3
CHANGE_SD = 0.05  # of a Brownian step: what the flow may change from one frame to the next
STILL_SD = 0.25  # of a Brownian step: slower flow does not matter to the search, and is not predicted
CONSENSUS_PX = 64  # displacements looked through when the links fail
LEAST_VOTES = 4


@compiled
def predict(sources: FloatArray, n_sources: int, flow: FloatArray, step_variance: float, frames: int) -> None:
    """Move the places where the tracks are expected by the flow of some frames."""
    if flow[FLOW_Y] ** 2 + flow[FLOW_X] ** 2 > STILL_SD**2 * step_variance:
        for i in range(n_sources):
            sources[i, Y] += frames * flow[FLOW_Y]
            sources[i, X] += frames * flow[FLOW_X]


@compiled
def follow(
    y: FloatArray, x: FloatArray, sources: FloatArray, labels: IntArray, n_sources: int, spot_of: IntArray,
    flow: FloatArray, step_variance: float,
) -> int:  # fmt: skip
    """Correct the flow by the mean deviation of this frame's links from where they were expected; returns their number."""
    n, dy, dx = 0, 0.0, 0.0
    for i in range(n_sources):
        j = spot_of[i]
        if j >= 0 and labels[i, MISSED] == 0:
            n += 1
            dy += y[j] - sources[i, Y]
            dx += x[j] - sources[i, X]
    flow[FLOW_VARIANCE] += CHANGE_SD**2 * step_variance
    if n:
        still = flow[FLOW_Y] ** 2 + flow[FLOW_X] ** 2 <= STILL_SD**2 * step_variance
        gain = flow[FLOW_VARIANCE] / (flow[FLOW_VARIANCE] + step_variance / n)
        flow[FLOW_Y] += gain * (dy / n - (flow[FLOW_Y] if still else 0.0))  # when still, nothing had been predicted
        flow[FLOW_X] += gain * (dx / n - (flow[FLOW_X] if still else 0.0))
        flow[FLOW_VARIANCE] *= 1 - gain
    return n


@compiled
def count_displacements(y1: FloatArray, x1: FloatArray, y2: FloatArray, x2: FloatArray, side_px: float, votes: FloatArray) -> None:
    """Add the displacements of all pairs (1 to 2) to a square histogram centred on zero, cells of the given side."""
    half = votes.shape[0] // 2
    reach = half * side_px
    for i in range(y1.size):
        for j in range(y2.size):
            dy, dx = y2[j] - y1[i], x2[j] - x1[i]
            if abs(dy) < reach and abs(dx) < reach:
                votes[int(np.floor(dy / side_px + 0.5)) + half, int(np.floor(dx / side_px + 0.5)) + half] += 1.0


@compiled
def most_agreed(votes: FloatArray, side_px: float) -> tuple[float, float, float, float]:
    """Return the displacement (y, x) that most pairs agree on, their votes (3 by 3 cells) and those expected by chance."""
    half = votes.shape[0] // 2
    best, best_row, best_column = -1.0, half, half
    for row in range(1, votes.shape[0] - 1):
        for column in range(1, votes.shape[1] - 1):
            total = votes[row - 1 : row + 2, column - 1 : column + 2].sum()
            if total > best:
                best, best_row, best_column = total, row, column
    weight, row_mean, column_mean = 1e-12, 0.0, 0.0
    for row in range(best_row - 1, best_row + 2):
        for column in range(best_column - 1, best_column + 2):
            weight += votes[row, column]
            row_mean += votes[row, column] * (row - half)
            column_mean += votes[row, column] * (column - half)
    return row_mean / weight * side_px, column_mean / weight * side_px, best, 9 * votes.mean()


@compiled
def pair_distances(
    y: FloatArray, x: FloatArray, first_row: IntArray, successive: BoolArray, flow_y: float, flow_x: float,
    per_root_px: float, reach_px: float, counts: FloatArray,
) -> None:  # fmt: skip
    """Histogram of the distances between the spots of successive frames; bin = sqrt(distance) * per_root_px."""
    limit = reach_px * reach_px
    for f in range(successive.size):
        if successive[f]:
            for i in range(first_row[f], first_row[f + 1]):
                for j in range(first_row[f + 1], first_row[f + 2]):
                    dy, dx = y[j] - y[i] - flow_y, x[j] - x[i] - flow_x
                    squared = dy * dy + dx * dx
                    if squared < limit:
                        counts[int(np.sqrt(np.sqrt(squared)) * per_root_px)] += 1.0


@compiled
def same_frame_distances(
    y: FloatArray, x: FloatArray, first_row: IntArray, per_root_px: float, reach_px: float, counts: FloatArray
) -> None:
    """Histogram of the distances between the spots of one frame, each pair once."""
    limit = reach_px * reach_px
    for f in range(first_row.size - 1):
        for i in range(first_row[f], first_row[f + 1]):
            for j in range(i + 1, first_row[f + 1]):
                dy, dx = y[j] - y[i], x[j] - x[i]
                squared = dy * dy + dx * dx
                if squared < limit:
                    counts[int(np.sqrt(np.sqrt(squared)) * per_root_px)] += 1.0
