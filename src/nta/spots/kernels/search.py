"""Search a frame: a fused pass at half resolution proposes, a full-resolution matched filter decides."""

from __future__ import annotations

import numpy as np
from numba import njit

from nta.spots.kernels.options import OPTIONS
from nta.spots.kernels.rows import (
    PAD,
    across_rows,
    add_shifted,
    along_row,
    any_positive,
    bin_bytes,
    bin_words,
    box_mean,
    excess,
    f4,
    lower_of,
    reflect,
    slide,
    subtract,
)

# Rows of the line workspace
RESPONSE_H, CLIPPED, RAW, COLUMN, SUM2, SUM4, RESPONSE, EXCESS, LEVEL, N_LINES = (
    0,
    8,
    24,
    25,
    26,
    27,
    28,
    32,
    36,
    40,
)
BLOCK = 64  # columns that are tested for any excess at once
CHECK = 5  # radius of the full-resolution filter


@njit(**OPTIONS)
def _load_row(pairs, is_words, y, sign, pattern, limit, lines, clipped, filtered, width, k0, k1, k2, k3):  # type: ignore[no-untyped-def]
    """Bin two image rows, keep a copy clipped at `limit`, and filter along the row."""
    raw = lines[RAW]
    if is_words:
        bin_words(pairs[2 * y], pairs[2 * y + 1], sign, raw[PAD : PAD + width])
    else:
        bin_bytes(pairs[2 * y], pairs[2 * y + 1], sign, raw[PAD : PAD + width])
    if pattern.size > 0:
        subtract(raw[PAD : PAD + width], pattern[y])
    reflect(raw, width)
    low = lines[clipped]
    lower_of(raw[PAD : PAD + width], limit[y], low[PAD : PAD + width])
    reflect(low, width)
    along_row(raw[PAD - 3 : PAD + width + 3], lines[filtered][:width], k0, k1, k2, k3)


@njit(**OPTIONS)
def propose(pairs, is_words, sign, pattern, limit, taps, var0, slope, threshold, lines, found):  # type: ignore[no-untyped-def]
    """Find maxima of the half-resolution matched filter above `threshold` standard deviations of their noise.

    The response is ``taps * taps' * I2 - box11(min(I2, limit))`` of the 2x2 sums I2: matched filter minus local mean, where
    the clip at `limit` keeps bright neighbours out of the mean. The threshold compares squares with
    ``var0 + slope * level``, both already multiplied with the filter's squared norm.

    Parameters
    ----------
    pairs : frame viewed as pairs of pixels, (height, width // 2), uint16 for 8-bit and uint32 for 16-bit frames
    pattern : (height // 2, width // 2) fixed pattern of the 2x2 sums, or an empty array
    limit : (height // 2, width // 2) clip of the local mean
    found : (n, 4) receives x, y (full-resolution px), response, level

    Returns
    -------
    Number found.
    """
    h = pairs.shape[0] // 2
    w = pairs.shape[1]
    k0, k1, k2, k3 = taps[0], taps[1], taps[2], taps[3]
    t2 = threshold * threshold
    limit0 = f4(t2 * var0)
    limit1 = f4(t2 * slope)
    end = w + 2 * PAD
    last = 2 * h - 2
    column = lines[COLUMN, :end]
    near = lines[COLUMN, PAD - 5 : PAD + w + 5]
    sum2 = lines[SUM2, : w + 9]
    sum4 = lines[SUM4, : w + 7]
    n = 0
    for y in range(6):
        _load_row(
            pairs, is_words, y, sign, pattern, limit, lines, CLIPPED + y, RESPONSE_H + y, w, k0, k1, k2, k3
        )
    for x in range(end):
        s = lines[CLIPPED, x]
        for y in range(1, 6):
            s += f4(2.0) * lines[CLIPPED + y, x]
        column[x] = s
    for y in range(h):
        above = (abs(y - 3) & 7, abs(y - 2) & 7, abs(y - 1) & 7)
        b1, b2, b3 = y + 1, y + 2, y + 3
        if b1 >= h:
            b1 = last - b1
        if b2 >= h:
            b2 = last - b2
        if b3 >= h:
            b3 = last - b3
        response = lines[RESPONSE + (y & 3), :w]
        level = lines[LEVEL + (y & 3), :w]
        add_shifted(near, sum2, 1)
        add_shifted(sum2, sum4, 2)
        box_mean(sum4, sum2, near, level)
        across_rows(
            lines[above[0]], lines[above[1]], lines[above[2]], lines[y & 7], lines[b1 & 7], lines[b2 & 7], lines[b3 & 7],
            k0, k1, k2, k3, response,
        )  # fmt: skip
        subtract(response, level)
        excess(response, level, lines[EXCESS + (y & 3), :w], limit0, limit1)
        entering = y + 6
        if entering < h:
            _load_row(
                pairs, is_words, entering, sign, pattern, limit, lines,
                CLIPPED + (entering & 15), RESPONSE_H + (entering & 7), w, k0, k1, k2, k3,
            )  # fmt: skip
        else:
            entering = last - entering
        slide(column, lines[CLIPPED + (entering & 15), :end], lines[CLIPPED + (abs(y - 5) & 15), :end])
        if y >= 2:
            n = _maxima(lines, y - 1, w, n, found)
    return n


@njit(**OPTIONS)
def _maxima(lines, y, w, n, found):  # type: ignore[no-untyped-def]
    """Append the 3x3 maxima of row y that exceed the threshold, with their peak interpolated by parabolas."""
    above = lines[RESPONSE + ((y - 1) & 3)]
    here = lines[RESPONSE + (y & 3)]
    below = lines[RESPONSE + ((y + 1) & 3)]
    over = lines[EXCESS + (y & 3)]
    level = lines[LEVEL + (y & 3)]
    x0 = 1
    while x0 < w - 1:
        x1 = min(x0 + BLOCK, w - 1)
        if any_positive(over[x0:x1]):
            for x in range(x0, x1):
                v = here[x]
                if (
                    over[x] > 0
                    and v > here[x - 1]
                    and v >= here[x + 1]
                    and v > above[x - 1]
                    and v > above[x]
                    and v > above[x + 1]
                    and v >= below[x - 1]
                    and v >= below[x]
                    and v >= below[x + 1]
                    and n < found.shape[0]
                ):
                    dx = 0.5 * (here[x - 1] - here[x + 1]) / (here[x - 1] - 2 * v + here[x + 1])
                    dy = 0.5 * (above[x] - below[x]) / (above[x] - 2 * v + below[x])
                    found[n, 0] = 2 * (x + dx) + 0.5
                    found[n, 1] = 2 * (y + dy) + 0.5
                    found[n, 2] = v
                    found[n, 3] = level[x]
                    n += 1
        x0 = x1
    return n


@njit(**OPTIONS)
def load_patch(image, sign, pattern, cy, cx, radius, out):  # type: ignore[no-untyped-def]
    """Copy the square of `radius` around (cy, cx) as ``sign * image - pattern``, reflected at the frame's border."""
    h, w = image.shape
    n = 2 * radius + 1
    inside = cx >= radius and cy >= radius and cx < w - radius and cy < h - radius
    for j in range(n):
        y = cy - radius + j
        if y < 0:
            y = -y
        if y >= h:
            y = 2 * h - 2 - y
        if inside:
            row = image[y, cx - radius : cx + radius + 1]
            for i in range(n):
                out[j, i] = sign * f4(row[i])
        else:
            for i in range(n):
                x = abs(cx - radius + i)
                if x >= w:
                    x = 2 * w - 2 - x
                out[j, i] = sign * f4(image[y, x])
        if pattern.size > 0:
            for i in range(n):
                x = abs(cx - radius + i)
                if x >= w:
                    x = 2 * w - 2 - x
                out[j, i] -= pattern[y, x]


@njit(**OPTIONS)
def check(image, sign, pattern, taps, var0, slope, threshold, n, found):  # type: ignore[no-untyped-def]
    """Keep what the full-resolution matched filter keeps: 5x5 responses around each proposal.

    Rewrites `found` with the interpolated full-resolution peak, its response and level per pixel; drops doubles.
    `taps` are the six weights from the centre outwards; `var0`, `slope` as in `propose`, per pixel.
    """
    radius = CHECK + 2
    side = 2 * radius + 1
    patch = np.empty((side, 16), f4)
    vertical = np.empty((5, 16), f4)
    peak = np.empty((5, 5), f4)
    t2 = threshold * threshold
    kept = 0
    for i in range(n):
        cx = int(found[i, 0] + 0.5)
        cy = int(found[i, 1] + 0.5)
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
        r0 = 1
        c0 = 1
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
        level = 0.25 * found[i, 3]
        response = v - level
        if response > 0 and response * response > t2 * (var0 + slope * level):
            x = cx - 2 + c0 + dx
            y = cy - 2 + r0 + dy
            if not _is_double(found, kept, x, y, 1.5):
                found[kept, 0] = x
                found[kept, 1] = y
                found[kept, 2] = response
                found[kept, 3] = level
                kept += 1
    return kept


@njit(**OPTIONS)
def _is_double(found, n, x, y, distance2):  # type: ignore[no-untyped-def]
    """Whether one of the first n, which are sorted by y but for a few px, lies closer than the root of `distance2`."""
    j = n - 1
    while j >= 0 and found[j, 1] > y - 6:
        if (found[j, 0] - x) ** 2 + (found[j, 1] - y) ** 2 < distance2:
            return True
        j -= 1
    return False
