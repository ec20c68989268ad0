"""Search a frame: a fused pass at half resolution proposes where spots may be; `check` looks there at full resolution."""

from __future__ import annotations

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
    36,
    40,
    44,
)
# Columns of what is found: place px, response, level, and 1 where it is a shoulder of a brighter maximum
FOUND_X, FOUND_Y, FOUND_RESPONSE, FOUND_LEVEL, FOUND_BESIDE, N_FOUND = 0, 1, 2, 3, 4, 5
BLOCK = 64  # columns that are tested for any excess at once


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
def propose(pairs, is_words, sign, pattern, limit, taps, var0, slope, threshold, curved, lines, found):  # type: ignore[no-untyped-def]
    """Find maxima of the half-resolution matched filter above `threshold` standard deviations of their noise.

    The response is ``taps * taps' * I2 - box11(min(I2, limit))`` of the 2x2 sums I2: matched filter minus local mean, where
    the clip at `limit` keeps bright neighbours out of the mean. The threshold compares squares with
    ``var0 + slope * level``, both already multiplied with the filter's squared norm.

    Parameters
    ----------
    pairs : frame viewed as pairs of pixels, (height, width // 2), uint16 for 8-bit and uint32 for 16-bit frames
    pattern : (height // 2, width // 2) fixed pattern of the 2x2 sums, or an empty array
    limit : (height // 2, width // 2) clip of the local mean
    curved : variance of the curvature of the response over that of the response, for shoulders; 0 where none are wanted
    found : (n, N_FOUND) receives x, y (full-resolution px), response, level and whether it is a shoulder

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
        response = lines[RESPONSE + (y & 7), :w]
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
        if y >= 3:  # two rows later: curvature is compared with that of the next row
            n = _maxima(lines, y - 2, w, curved if y >= 4 else 0.0, limit0, limit1, n, found)
    return _maxima(lines, h - 2, w, 0.0, limit0, limit1, n, found)


@njit(**OPTIONS)
def _maxima(lines, y, w, curved, limit0, limit1, n, found):  # type: ignore[no-untyped-def]
    """Append the 3x3 maxima of row y that exceed the threshold, with their peak interpolated by parabolas, and shoulders."""
    top, above, here = (
        lines[RESPONSE + ((y - 2) & 7)],
        lines[RESPONSE + ((y - 1) & 7)],
        lines[RESPONSE + (y & 7)],
    )
    below, bottom = lines[RESPONSE + ((y + 1) & 7)], lines[RESPONSE + ((y + 2) & 7)]
    over = lines[EXCESS + (y & 3)]
    level = lines[LEVEL + (y & 3)]
    curved0, curved1 = f4(curved) * limit0, f4(curved) * limit1
    x0 = 1
    while x0 < w - 1:
        x1 = min(x0 + BLOCK, w - 1)
        if any_positive(over[x0:x1]):
            for x in range(x0, x1):
                if not over[x] > 0 or n == found.shape[0]:
                    continue
                v = here[x]
                if (
                    v > here[x - 1]
                    and v >= here[x + 1]
                    and v > above[x - 1]
                    and v > above[x]
                    and v > above[x + 1]
                    and v >= below[x - 1]
                    and v >= below[x]
                    and v >= below[x + 1]
                ):
                    dx = 0.5 * (here[x - 1] - here[x + 1]) / (here[x - 1] - 2 * v + here[x + 1])
                    dy = 0.5 * (above[x] - below[x]) / (above[x] - 2 * v + below[x])
                    found[n, FOUND_X] = 2 * (x + dx) + 0.5
                    found[n, FOUND_Y] = 2 * (y + dy) + 0.5
                    found[n, FOUND_BESIDE] = 0.0
                else:
                    c = curvature(above, here, below, x)
                    clear = c > 0 and c * c > curved0 + curved1 * (level[x] + v)
                    if not (
                        clear
                        and curved > 0
                        and 2 <= x < w - 2
                        and _most_curved(top, above, here, below, bottom, x, c)
                    ):
                        continue
                    found[n, FOUND_X] = 2 * x + 0.5
                    found[n, FOUND_Y] = 2 * y + 0.5
                    found[n, FOUND_BESIDE] = 1.0
                found[n, FOUND_RESPONSE] = v
                found[n, FOUND_LEVEL] = level[x]
                n += 1
        x0 = x1
    return n


@njit(**OPTIONS)
def _most_curved(top, above, here, below, bottom, x, c):  # type: ignore[no-untyped-def]
    """Whether the response is curved by c, more than at the eight pixels around: a spot on the slope of a brighter one."""
    if curvature(above, here, below, x - 1) >= c or curvature(above, here, below, x + 1) > c:
        return False
    for k in range(x - 1, x + 2):
        if curvature(top, above, here, k) >= c or curvature(here, below, bottom, k) > c:
            return False
    return True


@njit(**OPTIONS)
def curvature(above, here, below, x):  # type: ignore[no-untyped-def]
    """Return four times the response at x less the four around it."""
    return f4(4) * here[x] - here[x - 1] - here[x + 1] - above[x] - below[x]
