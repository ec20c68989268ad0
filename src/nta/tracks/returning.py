"""Identify tracks that probably belong to one particle, which left the light or was lost for a while and came back.

A particle may cross the light sheet several times, and leaves a track each time. These tracks are not independent: a
bootstrap must resample particles. For each beginning of a track, the earlier end is found from which a diffusing particle
would most probably have come; each end is used only once. A wrong assignment makes two unrelated particles be resampled
together, which does not change the width of intervals on average.
"""

from __future__ import annotations

import numpy as np

from nta.columns import FloatArray, IntArray
from nta.compiled import compiled
from nta.tracks.table import Tracks

_REACH2 = 9.0  # squared distance over variance per axis; 1.1 % of returns are beyond
_BEST = 4  # number of most probable ends that are kept for every beginning


def particles_of(tracks: Tracks, step_variance_px2: FloatArray, longest_frames: int) -> IntArray:
    """Return the number of the particle of each track, (n_tracks,), from 0 on.

    Parameters
    ----------
    step_variance_px2
        Variance of a step of one frame per axis, by track.
    longest_frames
        Longest gap, in frames, after which a particle may be recognised.
    """
    first, last = tracks.first_row[:-1], tracks.first_row[1:] - 1
    begin, end = tracks.frame[first].astype(np.int64), tracks.frame[last].astype(np.int64)
    by_end = np.argsort(end, kind="stable")
    start_px, stop_px = (np.stack([tracks.y_px[row], tracks.x_px[row]], axis=1) for row in (first, last))
    cost, went = _likeliest(
        begin, end, by_end, end[by_end], start_px, stop_px, step_variance_px2, longest_frames
    )
    came, place = np.nonzero(np.isfinite(cost))
    order = np.argsort(cost[came, place], kind="stable")
    before = _matched(came[order], went[came, place][order], begin.size)
    return np.asarray(_numbered(before, np.argsort(begin, kind="stable")))


@compiled(outer=True)
def _likeliest(
    begin: IntArray, end: IntArray, by_end: IntArray, sorted_end: IntArray, start_px: FloatArray, stop_px: FloatArray,
    variance_px2: FloatArray, longest: int,
) -> tuple[FloatArray, IntArray]:  # fmt: skip
    """Return cost and track of the `_BEST` most probable ends for each beginning; the cost is infinite if there are fewer.

    Cost: minus the logarithm of the density of returning after g frames at a distance r. The density of times between
    crossings of a plane falls as g^(-3/2) (Redner, A Guide to First-Passage Processes (2001), sec. 1.3).
    """
    cost = np.full((begin.size, _BEST), np.inf)
    went = np.zeros((begin.size, _BEST), np.int64)
    for came in range(begin.size):
        low, high = (
            np.searchsorted(sorted_end, begin[came] - longest),
            np.searchsorted(sorted_end, begin[came]),
        )
        for track in by_end[low:high]:
            gap = begin[came] - end[track]
            variance = 0.5 * (variance_px2[came] + variance_px2[track]) * gap
            dy, dx = start_px[came, 0] - stop_px[track, 0], start_px[came, 1] - stop_px[track, 1]
            distance2 = dy * dy + dx * dx
            if distance2 >= _REACH2 * variance:
                continue
            this = distance2 / (2 * variance) + np.log(variance) + 1.5 * np.log(gap)
            worst = np.argmax(cost[came])
            if this < cost[came, worst]:
                cost[came, worst], went[came, worst] = this, track
    return cost, went


@compiled(outer=True)
def _matched(came: IntArray, went: IntArray, n: int) -> IntArray:
    """Return the previous track of every track, -1 if there is none: pairs are taken in order, each end only once."""
    before = np.full(n, -1)
    taken = np.zeros(n, np.bool_)
    for k in range(came.size):
        if before[came[k]] < 0 and not taken[went[k]]:
            before[came[k]] = went[k]
            taken[went[k]] = True
    return before


@compiled(outer=True)
def _numbered(before: IntArray, in_time: IntArray) -> IntArray:
    """Return the number of each track's chain."""
    number = np.empty(before.size, np.int64)
    n = 0
    for track in in_time:
        if before[track] < 0:
            number[track] = n
            n += 1
        else:
            number[track] = number[before[track]]
    return number
