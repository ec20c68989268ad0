"""Candidates for spots: proposed at half resolution, checked at full resolution, one band of rows after the other."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from nta.columns import Float32Array, FloatArray
from nta.spots.kernels.lanes import LANES
from nta.spots.kernels.options import inlined, inlined_making
from nta.spots.kernels.patch import UNSORTED_PX, Pattern, load_patch
from nta.spots.kernels.rows import f4
from nta.spots.kernels.search import (
    FOUND_BESIDE,
    FOUND_LEVEL,
    FOUND_RESPONSE,
    FOUND_X,
    FOUND_Y,
    Half,
    begin,
    curvature,
    propose,
)

CHECK = 5  # radius of the full-resolution filter
DOUBLE_PX2 = 1.5  # squared distance below which two proposals count as one
BAND = 16  # rows of the half-resolution pass between checks, while the frame is still in the cache


class FramePixels(NamedTuple):
    """A frame as the search reads it: its uint16 pixels, and the same memory viewed as uint32 pairs of pixels."""

    image: NDArray[np.uint16]
    pairs: NDArray[np.uint32]
    sign: np.float32
    pattern: Pattern


class ResponseNoise(NamedTuple):
    """Variance of a filter's response at a signed level of 0, and its growth with the level."""

    var0: float
    slope: float


class Proposal(NamedTuple):
    """Parameters of the search: the matched filters at half resolution (names ending in 2) and at full resolution.

    pattern2 : fixed pattern of the 2x2 sums. limit, curved, lines : as in `search.Half`.
    taps2, taps : weights of the filter, from its middle outwards. threshold2, threshold : standard deviations of noise.
    spot_curvature : curvature of the response to a lone spot over the response.
    found : (m, N_FOUND) receives x, y (px), response, level per px and whether it is a shoulder.
    """

    pattern2: Pattern
    limit: Float32Array
    taps2: Float32Array
    noise2: ResponseNoise
    threshold2: float
    curved: float
    taps: Float32Array
    noise: ResponseNoise
    threshold: float
    spot_curvature: float
    lines: Float32Array
    found: FloatArray


class CheckWorkspace(NamedTuple):
    """Scratch arrays of the check: the pixels around a proposal, filtered along columns, filtered; two of them as rows."""

    pixels: Float32Array
    down: Float32Array
    filtered: Float32Array
    patch: Float32Array
    peak: Float32Array


@inlined_making
def new_check_workspace() -> CheckWorkspace:
    """Return an empty workspace."""
    side = 2 * (CHECK + 2) + 1
    pixels, down, filtered = np.zeros(side * LANES, f4), np.zeros(6 * LANES, f4), np.zeros(5 * LANES, f4)
    return CheckWorkspace(pixels, down, filtered, pixels.reshape(side, LANES), filtered.reshape(5, LANES))


@inlined
def candidates(frame: FramePixels, proposal: Proposal, space: CheckWorkspace) -> int:
    """Find candidates with the matched filter: proposed at half resolution, kept if confirmed at full resolution.

    Fills `proposal.found`; returns the number of candidates.
    """
    t2 = proposal.threshold2 * proposal.threshold2
    taps2, noise2 = proposal.taps2, proposal.noise2
    half = Half(
        frame.pairs, frame.sign, proposal.pattern2, proposal.limit,
        (taps2[0], taps2[1], taps2[2], taps2[3]), f4(t2 * noise2.var0), f4(t2 * noise2.slope), proposal.curved,
        proposal.lines,
    )  # fmt: skip
    begin(half)
    # a literal would make a type of its own, for which all below is compiled once more
    kept: Any = np.int64(0)
    height = frame.pairs.shape[0] // 2
    for y in range(0, height, BAND):
        n = propose(half, y, min(y + BAND, height), kept, proposal.found)
        kept = _check(frame, proposal, kept, n, space)
    return int(kept)


@inlined
def _check(frame: FramePixels, proposal: Proposal, first: int, n: int, space: CheckWorkspace) -> int:
    """Confirm proposals first to n with the full-resolution matched filter, on 5x5 responses around each.

    Rewrites `found` with the interpolated full-resolution peak, its response and level per pixel; drops duplicates.
    A shoulder is placed where the curvature is largest; its response is that of a lone spot of this curvature.
    """
    image, sign, pattern = frame.image, frame.sign, frame.pattern
    taps, noise, threshold, found = proposal.taps, proposal.noise, proposal.threshold, proposal.found
    radius = CHECK + 2
    pixels, peak = space.pixels, space.peak
    t2 = threshold * threshold
    kept = first
    for i in range(first, n):
        cx = int(found[i, FOUND_X] + 0.5)
        cy = int(found[i, FOUND_Y] + 0.5)
        load_patch(image, sign, pattern, cy, cx, radius, pixels, space.patch)
        _filter(pixels, taps, space.down, space.filtered)
        level = 0.25 * found[i, FOUND_LEVEL]
        beside = found[i, FOUND_BESIDE]
        r0 = 1
        c0 = 1
        if beside:
            most = f4(0)
            for r in range(1, 4):
                for c in range(1, 4):
                    curved = curvature(peak[r - 1], peak[r], peak[r + 1], c)
                    if curved > most:
                        most, r0, c0 = curved, r, c
            x = float(cx - 2 + c0)
            y = float(cy - 2 + r0)
            response = most / proposal.spot_curvature
        else:
            for r in range(1, 4):
                for c in range(1, 4):
                    if peak[r, c] > peak[r0, c0]:
                        r0 = r
                        c0 = c
            v = peak[r0, c0]
            gx = 0.5 * (peak[r0, c0 - 1] - peak[r0, c0 + 1])
            gy = 0.5 * (peak[r0 - 1, c0] - peak[r0 + 1, c0])
            hx = peak[r0, c0 - 1] - 2 * v + peak[r0, c0 + 1]
            hy = peak[r0 - 1, c0] - 2 * v + peak[r0 + 1, c0]
            dx = min(max(gx / hx, -1.0), 1.0) if hx < 0 else 0.0
            dy = min(max(gy / hy, -1.0), 1.0) if hy < 0 else 0.0
            x = cx - 2 + c0 + dx
            y = cy - 2 + r0 + dy
            response = v - level
        clear = response > 0 and response * response > t2 * (noise.var0 + noise.slope * level)
        if clear and not _is_double(found, kept, x, y, beside, DOUBLE_PX2):
            found[kept, FOUND_X] = x
            found[kept, FOUND_Y] = y
            found[kept, FOUND_RESPONSE] = response
            found[kept, FOUND_LEVEL] = level
            found[kept, FOUND_BESIDE] = beside
            kept += 1
    return kept


@inlined
def _filter(patch: Float32Array, taps: Float32Array, down: Float32Array, peak: Float32Array) -> None:
    """Filter a patch of 15 consecutive rows of LANES to 5 rows whose first 5 elements are its middle.

    The filter also runs across row ends: one long loop is faster, and those elements are not used.
    """
    t0, t1, t2, t3, t4, t5 = taps[0], taps[1], taps[2], taps[3], taps[4], taps[5]
    row = LANES
    for k in range(5 * LANES):
        down[k] = (
            t0 * patch[k + 5 * row]
            + t1 * (patch[k + 4 * row] + patch[k + 6 * row])
            + t2 * (patch[k + 3 * row] + patch[k + 7 * row])
            + t3 * (patch[k + 2 * row] + patch[k + 8 * row])
            + t4 * (patch[k + row] + patch[k + 9 * row])
            + t5 * (patch[k] + patch[k + 10 * row])
        )
    for k in range(5 * LANES):
        peak[k] = (
            t0 * down[k + 5]
            + t1 * (down[k + 4] + down[k + 6])
            + t2 * (down[k + 3] + down[k + 7])
            + t3 * (down[k + 2] + down[k + 8])
            + t4 * (down[k + 1] + down[k + 9])
            + t5 * (down[k] + down[k + 10])
        )


@inlined
def _is_double(found: FloatArray, n: int, x: float, y: float, beside: float, distance2: float) -> bool:
    """Whether one of the first n candidates, sorted by y within a few px, is closer than the root of `distance2`.

    A shoulder does not suppress a maximum.
    """
    j = n - 1
    while j >= 0 and found[j, FOUND_Y] > y - UNSORTED_PX:
        near = (found[j, FOUND_X] - x) ** 2 + (found[j, FOUND_Y] - y) ** 2 < distance2
        if near and found[j, FOUND_BESIDE] <= beside:
            return True
        j -= 1
    return False
