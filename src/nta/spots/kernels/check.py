"""Look at proposals again at full resolution: a matched filter decides, and says where."""

from __future__ import annotations

import numpy as np
from numba import njit

from nta.spots.kernels.options import OPTIONS
from nta.spots.kernels.patch import load_patch
from nta.spots.kernels.rows import f4
from nta.spots.kernels.search import FOUND_BESIDE, FOUND_LEVEL, FOUND_RESPONSE, FOUND_X, FOUND_Y, curvature

CHECK = 5  # radius of the full-resolution filter


@njit(**OPTIONS)
def check(image, sign, pattern, taps, var0, slope, threshold, spot_curvature, n, found):  # type: ignore[no-untyped-def]
    """Keep what the full-resolution matched filter keeps: 5x5 responses around each proposal.

    Rewrites `found` with the interpolated full-resolution peak, its response and level per pixel; drops doubles.
    `taps` are the six weights from the centre outwards; `var0`, `slope` as in `propose`, per pixel. Shoulders stay where the
    response is curved most; theirs is that of a lone spot with this curvature, `spot_curvature` times the response.
    """
    radius = CHECK + 2
    side = 2 * radius + 1
    patch = np.empty((side, 16), f4)
    vertical = np.empty((5, 16), f4)
    peak = np.empty((5, 5), f4)
    t2 = threshold * threshold
    kept = 0
    for i in range(n):
        cx = int(found[i, FOUND_X] + 0.5)
        cy = int(found[i, FOUND_Y] + 0.5)
        load_patch(image, sign, pattern, cy, cx, radius, patch)
        for r in range(5):
            out = vertical[r]
            for k in range(side):
                out[k] = taps[0] * patch[r + CHECK, k]
            for q in range(CHECK):
                upper = patch[r + q]
                lower = patch[r + 2 * CHECK - q]
                t = taps[CHECK - q]
                for k in range(side):
                    out[k] += t * (upper[k] + lower[k])
        for r in range(5):
            for c in range(5):
                s = taps[0] * vertical[r, c + CHECK]
                for q in range(CHECK):
                    s += taps[CHECK - q] * (vertical[r, c + q] + vertical[r, c + 2 * CHECK - q])
                peak[r, c] = s
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
        clear = response > 0 and response * response > t2 * (var0 + slope * level)
        if clear and not _is_double(found, kept, x, y, beside, 1.5):
            found[kept, FOUND_X] = x
            found[kept, FOUND_Y] = y
            found[kept, FOUND_RESPONSE] = response
            found[kept, FOUND_LEVEL] = level
            found[kept, FOUND_BESIDE] = beside
            kept += 1
    return kept


@njit(**OPTIONS)
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
