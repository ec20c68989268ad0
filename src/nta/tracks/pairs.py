"""Compiled statistics of pairs of spots, from which the motion is learned before anything is linked."""

from __future__ import annotations

import numpy as np

from nta.columns import BoolArray, FloatArray, IntArray
from nta.tracks.kernel_types import compiled


@compiled
def collect_pairs(
    y: FloatArray, x: FloatArray, first_row: IntArray, usable: BoolArray, lag: int, stride: int, reach: float,
    dy: FloatArray, dx: FloatArray,
) -> int:  # fmt: skip
    """Write the displacements of pairs of spots `lag` frames apart (0: within a frame, each pair once), both axes < reach.

    Only every `stride`-th spot starts pairs. Returns how many there are, or -1 where dy and dx have no room for them.
    """
    n = 0
    for f in range(first_row.size - 1 - lag):
        if usable[f]:
            for i in range(first_row[f], first_row[f + 1], stride):
                first, last = first_row[f + lag] if lag else i + 1, first_row[f + lag + 1]
                if n + last - first > dy.size:
                    return -1
                at_y, at_x = y[i], x[i]
                for j in range(first, last):
                    step_y, step_x = y[j] - at_y, x[j] - at_x
                    dy[n], dx[n] = step_y, step_x  # written always, kept if near: no branch to mispredict
                    n += (abs(step_y) < reach) & (abs(step_x) < reach)
    return n


@compiled
def vote(dy: FloatArray, dx: FloatArray, cell_px: float, votes: FloatArray) -> None:
    """Count displacements in the square cells of a histogram whose middle cell is centred on zero."""
    half = votes.shape[0] // 2
    for k in range(dy.size):
        row, column = int(np.floor(dy[k] / cell_px + 0.5)) + half, int(np.floor(dx[k] / cell_px + 0.5)) + half
        if 0 <= row < votes.shape[0] and 0 <= column < votes.shape[1]:
            votes[row, column] += 1.0


@compiled
def most_agreed(votes: FloatArray, cell_px: float) -> tuple[float, float, float, float]:
    """Return the displacement (y, x) that most pairs agree on, their votes (3 by 3 cells) and those expected by chance."""
    half = votes.shape[0] // 2
    most, best_row, best_column = -1.0, half, half
    for row in range(1, votes.shape[0] - 1):
        for column in range(1, votes.shape[1] - 1):
            total = 0.0
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
    return y / max(most, 1.0), x / max(most, 1.0), most, 9 * votes.sum() / votes.size


@compiled
def fit_weights(
    counts: FloatArray, steps: FloatArray, spread: FloatArray, n_starts: float, n_pairs: float, rounds: int
) -> FloatArray:
    """Maximum-likelihood weights of the classes of steps, by expectation maximisation.

    Poisson counts with mean n_starts * steps @ weight + strangers * spread, where the strangers are the pairs that are not
    of one particle. Source: Dempster, Laird and Rubin, J. R. Stat. Soc. B 39, 1 (1977).
    """
    n_bins, n_classes = steps.shape
    within = np.maximum(steps.sum(axis=0), 1e-300)
    weight = np.full(n_classes, 0.5 / n_classes)
    for _ in range(rounds):
        strangers = n_pairs - n_starts * min(weight.sum(), 1.0)
        growth = np.zeros(n_classes)
        for b in range(n_bins):
            if counts[b] > 0:
                expected = strangers * spread[b]
                for k in range(n_classes):
                    expected += n_starts * steps[b, k] * weight[k]
                ratio = counts[b] / max(expected, 1e-300)
                for k in range(n_classes):
                    growth[k] += ratio * steps[b, k]
        for k in range(n_classes):
            weight[k] *= growth[k] / within[k]
    return weight
