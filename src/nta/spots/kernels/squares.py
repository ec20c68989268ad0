"""Squares of 2x2 px under spots, and some of the unlit ones, in which pixel noise is measured."""

from __future__ import annotations

import numpy as np

from nta.columns import Float32Array, IntArray
from nta.compiled import compiled
from nta.spots.kernels.rows import f4


@compiled(outer=True)
def lit_squares(
    light: Float32Array, bad: Float32Array, pattern: Float32Array, least: np.float32, most_bad: np.float32, every: int,
    rows: IntArray, columns: IntArray, mean: Float32Array,
) -> int:  # fmt: skip
    """Fill row and column of the upper left px of squares, and their mean light; return the number of squares.

    Selected are all squares with more light than `least`, and in any case one in `every` of all squares. Squares with a px
    on the fixed pattern (may be empty), or with at least `most_bad` light of unreliable spots (`bad`), are left out.
    """
    height, width = light.shape
    fixed = pattern.size > 0
    n, next_one = 0, 0
    for y in range(height - 1):
        for x in range(width - 1):
            chosen = next_one == 0
            next_one = every - 1 if chosen else next_one - 1
            lit = f4(0.25) * (light[y, x] + light[y, x + 1] + light[y + 1, x] + light[y + 1, x + 1])
            if not (chosen or lit > least):
                continue
            usable = True
            for j in range(y, y + 2):
                for i in range(x, x + 2):
                    usable &= bad[j, i] < most_bad and not (fixed and pattern[j, i] != 0)
            if usable:
                rows[n], columns[n], mean[n] = y, x, lit
                n += 1
    return n
