"""Compiled statistics of pairs of spots, from which the motion is learned before linking."""

from __future__ import annotations

import numpy as np

from nta.columns import BoolArray, FloatArray, IntArray
from nta.tracks.kernels.types import compiled, inner, outer


@outer
def vote_on_flow(
    y: FloatArray, x: FloatArray, first_row: IntArray, usable: BoolArray, stride: int, cell_px: float, votes: FloatArray
) -> None:  # fmt: skip
    """Count the displacements from every `stride`-th spot of the usable frames to those of the next; see `vote`.

    Here and below, the spots of each frame are sorted by y; only spots within reach along y are examined.
    """
    reach = (votes.shape[0] // 2 + 0.5) * cell_px
    for f in range(first_row.size - 2):
        if usable[f]:
            first, last = first_row[f + 1], first_row[f + 1]
            end = first_row[f + 2]
            for i in range(first_row[f], first_row[f + 1], stride):
                first, last = _window(y, first, last, end, y[i], reach)
                vote(y[first:last], x[first:last], y[i], x[i], cell_px, votes)


@outer
def count_distances(
    y: FloatArray, x: FloatArray, first_row: IntArray, usable: BoolArray, lag: int, stride: int, reach: float,
    flow_y: float, flow_x: float, counts: FloatArray,
) -> None:  # fmt: skip
    """Count the distances below reach of pairs of spots `lag` frames apart (0: within a frame, each pair once).

    The bins have equal width in the square root of the distance. Only every `stride`-th spot starts pairs.
    """
    scale = counts.size / np.sqrt(reach)
    for f in range(first_row.size - 1 - lag):
        if usable[f]:
            first, last = first_row[f + lag], first_row[f + lag]
            end = first_row[f + lag + 1]
            for i in range(first_row[f], first_row[f + 1], stride):
                at_y, at_x = y[i] + flow_y, x[i] + flow_x
                first, last = _window(y, first, last, end, at_y, reach)
                for j in range(first if lag else i + 1, last):
                    squared = (y[j] - at_y) ** 2 + (x[j] - at_x) ** 2
                    if squared < reach * reach:
                        counts[int(np.sqrt(np.sqrt(squared)) * scale)] += 1.0


@inner
def _window(y: FloatArray, first: int, last: int, end: int, at_y: float, reach: float) -> tuple[int, int]:
    """Advance the window over the sorted spots to the spots within reach of the next position."""
    while first < end and y[first] <= at_y - reach:
        first += 1
    last = max(first, last)
    while last < end and y[last] < at_y + reach:
        last += 1
    return first, last


@inner
def vote(y: FloatArray, x: FloatArray, at_y: float, at_x: float, cell_px: float, votes: FloatArray) -> None:
    """Count displacements from a position in the square cells of a histogram whose middle cell is centred on zero."""
    half = votes.shape[0] // 2
    reach = (half + 0.5) * cell_px
    for k in range(y.size):
        dy, dx = y[k] - at_y, x[k] - at_x
        if abs(dy) < reach and abs(dx) < reach:
            votes[int(dy / cell_px + half + 0.5), int(dx / cell_px + half + 0.5)] += 1.0


@compiled
def most_agreed(votes: FloatArray, cell_px: float) -> tuple[float, float, float, float]:
    """Return the displacement (y, x) with most votes, its votes (3 by 3 cells) and the votes expected by chance."""
    half = votes.shape[0] // 2
    most, best_row, best_column, every = -1.0, half, half, 0.0
    for row in range(1, votes.shape[0] - 1):
        for column in range(1, votes.shape[1] - 1):
            total = 0.0
            every += votes[row, column]
            for r in range(row - 1, row + 2):
                for c in range(column - 1, column + 2):
                    total += votes[r, c]
            if total > most:
                most, best_row, best_column = total, row, column
    y, x = 0.0, 0.0
    for r in range(best_row - 1, best_row + 2):
        for c in range(best_column - 1, best_column + 2):
            y += votes[r, c] * (r - half) * cell_px
            x += votes[r, c] * (c - half) * cell_px
    return y / max(most, 1.0), x / max(most, 1.0), most, 9 * every / ((2 * half - 1) ** 2)


@outer
def fit_weights(
    counts: FloatArray, steps: FloatArray, spread: FloatArray, n_starts: float, n_pairs: float, rounds: int,
    weight: FloatArray,
) -> None:  # fmt: skip
    """Improve the weights of the first weight.size classes of steps towards maximum likelihood, by expectation maximisation.

    Poisson counts with mean n_starts * steps @ weight + strangers * spread, where strangers are pairs of different
    particles. Source: Dempster, Laird and Rubin, J. R. Stat. Soc. B 39, 1 (1977).
    """
    within, growth = np.zeros(weight.size), np.zeros(weight.size)
    for b in range(counts.size):
        for k in range(weight.size):
            within[k] += steps[b, k]
    for _ in range(rounds):
        seen_again = 0.0
        for k in range(weight.size):
            seen_again += weight[k]
            growth[k] = 0.0
        strangers = n_pairs - n_starts * min(seen_again, 1.0)
        for b in range(counts.size):
            if counts[b] > 0:
                expected = strangers * spread[b]
                for k in range(weight.size):
                    expected += n_starts * steps[b, k] * weight[k]
                ratio = counts[b] / max(expected, 1e-300)
                for k in range(weight.size):
                    growth[k] += ratio * steps[b, k]
        for k in range(weight.size):
            weight[k] *= growth[k] / max(within[k], 1e-300)
