"""Where spots may be: proposed at half resolution, looked at again at full resolution, one band of rows after the other."""

from __future__ import annotations

import numpy as np
from numba import njit

from nta.spots.kernels.lanes import LANES
from nta.spots.kernels.options import INLINED, OPTIONS
from nta.spots.kernels.patch import load_patch
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
BAND = 16  # rows of the half-resolution pass after which its proposals are looked at: the frame is still in the cache there


@njit(**OPTIONS)
def candidates(  # type: ignore[no-untyped-def]
    image, pairs, is_words, sign, pattern, pattern2, limit, taps2, noise2, threshold2, curved, taps, noise, threshold,
    spot_curvature, lines, found,
):  # fmt: skip
    """Find what the matched filter takes for spots: proposed at half resolution, kept at full resolution.

    Parameters
    ----------
    image, pairs : the frame, and the same viewed as pairs of pixels
    pattern, pattern2 : fixed pattern of the frame and of its 2x2 sums
    limit, curved, lines : as in `search.Half`
    taps2, taps : of the filter at half and at full resolution
    noise2, noise : (var0, slope), variance of the response at a level of 0 and what it grows with the level
    threshold2, threshold : standard deviations of noise
    spot_curvature : of the response to a lone spot over the response
    found : (m, N_FOUND) receives x, y (px), response, level per px and whether it is a shoulder

    Returns
    -------
    Number found.
    """
    t2 = threshold2 * threshold2
    half = Half(
        pairs, is_words, sign, pattern2, limit, (taps2[0], taps2[1], taps2[2], taps2[3]),
        f4(t2 * noise2[0]), f4(t2 * noise2[1]), curved, lines,
    )  # fmt: skip
    begin(half)
    kept = 0
    height = pairs.shape[0] // 2
    for y in range(0, height, BAND):
        n = propose(half, y, min(y + BAND, height), kept, found)
        kept = _check(image, sign, pattern, taps, noise, threshold, spot_curvature, kept, n, found)
    return kept


@njit(**OPTIONS)
def _check(image, sign, pattern, taps, noise, threshold, spot_curvature, first, n, found):  # type: ignore[no-untyped-def]
    """Keep what the full-resolution matched filter keeps: 5x5 responses around each proposal from the first to the n-th.

    Rewrites `found` with the interpolated full-resolution peak, its response and level per pixel; drops doubles.
    `taps` are the six weights from the centre outwards. Shoulders stay where the response is curved most; theirs is that of
    a lone spot with this curvature, `spot_curvature` times the response.
    """
    radius = CHECK + 2
    pixels, down, filtered = (
        np.zeros((2 * radius + 1) * LANES, f4),
        np.zeros(6 * LANES, f4),
        np.zeros(5 * LANES, f4),
    )
    patch, peak = pixels.reshape(2 * radius + 1, LANES), filtered.reshape(5, LANES)
    t2 = threshold * threshold
    kept = first
    for i in range(first, n):
        cx = int(found[i, FOUND_X] + 0.5)
        cy = int(found[i, FOUND_Y] + 0.5)
        load_patch(image, sign, pattern, cy, cx, radius, pixels, patch)
        _filter(pixels, taps, down, filtered)
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
            response = most / spot_curvature
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
        clear = response > 0 and response * response > t2 * (noise[0] + noise[1] * level)
        if clear and not _is_double(found, kept, x, y, beside, 1.5):
            found[kept, FOUND_X] = x
            found[kept, FOUND_Y] = y
            found[kept, FOUND_RESPONSE] = response
            found[kept, FOUND_LEVEL] = level
            found[kept, FOUND_BESIDE] = beside
            kept += 1
    return kept


@njit(**INLINED)
def _filter(patch, taps, down, peak):  # type: ignore[no-untyped-def]
    """Filter a patch of 15 rows of LANES, one behind the other, to 5 rows whose first 5 elements are its middle.

    Row ends are filtered into the next row as well: one long loop is faster, and nobody looks there.
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


@njit(**INLINED)
def _is_double(found, n, x, y, beside, distance2):  # type: ignore[no-untyped-def]
    """Whether one of the first n, which are sorted by y but for a few px, lies closer than the root of `distance2`.

    A shoulder takes no maximum's place.
    """
    j = n - 1
    while j >= 0 and found[j, FOUND_Y] > y - 6:
        near = (found[j, FOUND_X] - x) ** 2 + (found[j, FOUND_Y] - y) ** 2 < distance2
        if near and found[j, FOUND_BESIDE] <= beside:
            return True
        j -= 1
    return False
