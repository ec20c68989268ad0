"""Discs and spots of a frame put together: each disc once, without the spots that are part of it."""

from __future__ import annotations

import math

import numpy as np

from nta.columns import FloatArray, IntArray
from nta.spots.columns import FLAGS, SNR, B, N, S, X, Y
from nta.spots.kernels.discs import EXTENT, PEAK, copy_row
from nta.spots.kernels.flags import EDGE, POOR_FIT, SATURATED
from nta.spots.kernels.options import compiled, inlined

INSIDE = 1.15  # radius, in extents, within which a faint spot is part of the disc
OUTSHINES = 2.0  # brightness over the disc's peak from which on a spot is a particle in front of the disc
EXPLAINED = 0.6  # share of the light from which on a few well-fitted spots explain the disc
FEW = 3
CONCENTRIC = 0.5  # distance, in extents, below which two discs count as one
BEYOND_PX = 1.0  # a disc that reaches beyond the frame by more is flagged


@inlined
def _sort_brightest_first(discs: FloatArray, order: IntArray) -> None:
    """Fill `order` with the order of as many discs by falling signal over noise."""
    for i in range(order.size):
        k = i
        while k > 0 and discs[order[k - 1], SNR] < discs[i, SNR]:
            order[k] = order[k - 1]
            k -= 1
        order[k] = i


@inlined
def _are_spots(rows: FloatArray, n: int, disc: FloatArray, gain: float) -> bool:
    """Whether a few well-fitted spots explain the disc's light."""
    count, light = 0, 0.0
    for i in range(n):
        if math.hypot(rows[i, X] - disc[X], rows[i, Y] - disc[Y]) < disc[EXTENT] and not (
            int(rows[i, FLAGS]) & POOR_FIT
        ):
            count += 1
            light += rows[i, N]
    return count <= FEW and light > EXPLAINED * gain * disc[N]


@compiled
def merge(
    rows: FloatArray, n: int, discs: FloatArray, m: int, gain: float, offset: float, height: int, width: int
) -> int:  # fmt: skip
    """Add each disc once to the n spots of a frame, and remove the spots that are part of a disc.

    gain, offset : conversion from adu to the electrons of `rows`. height, width : size of the frame.

    Returns
    -------
    Number of spots.
    """
    order = np.empty(m, np.int64)
    _sort_brightest_first(discs, order)
    kept = np.zeros(m, np.bool_)
    for a in range(m):
        i = order[a]
        kept[i] = not _are_spots(rows, n, discs[i], gain)
        for b in range(a):
            j = order[b]
            reach = CONCENTRIC * max(discs[i, EXTENT], discs[j, EXTENT])
            if kept[j] and math.hypot(discs[i, X] - discs[j, X], discs[i, Y] - discs[j, Y]) < reach:
                kept[i] = False
                break
    left = 0
    for i in range(n):
        part = False
        for j in range(m):
            if not kept[j]:
                continue
            distance = math.hypot(rows[i, X] - discs[j, X], rows[i, Y] - discs[j, Y])
            if distance < INSIDE * discs[j, EXTENT]:
                peak = rows[i, N] / (2 * math.pi * rows[i, S] ** 2)
                if peak < OUTSHINES * gain * discs[j, PEAK]:
                    part = True
                    discs[j, FLAGS] = int(discs[j, FLAGS]) | (int(rows[i, FLAGS]) & SATURATED)
                    break
        if not part:
            copy_row(rows[i], rows[left])
            left += 1
    for j in range(m):
        if kept[j] and left < rows.shape[0]:
            for k in range(FLAGS):
                rows[left, k] = discs[j, k]
            rows[left, N] = gain * discs[j, N]
            rows[left, B] = gain * (discs[j, B] - offset)
            x, y, reach = discs[j, X], discs[j, Y], discs[j, EXTENT] - BEYOND_PX
            beyond = x < reach or y < reach or x > width - 1 - reach or y > height - 1 - reach
            rows[left, FLAGS] = int(discs[j, FLAGS]) | (EDGE if beyond else 0)
            rows[left, SNR] = discs[j, SNR]
            left += 1
    return left
