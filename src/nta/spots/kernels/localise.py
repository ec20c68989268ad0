"""Localise all candidates of a frame: fit, fit again beside the known neighbours, split blends, drop doubles, flag."""

from __future__ import annotations

import math

import numpy as np
from numba import njit

from nta.spots.kernels.algebra import axis
from nta.spots.kernels.fit import (
    CENTRE_X,
    CENTRE_Y,
    CHI2,
    ERROR,
    FLAGS,
    LANES,
    LEVEL,
    N_COLUMNS,
    SIDE,
    WORK,
    B,
    N,
    S,
    X,
    Y,
    f4,
    fit_one,
)
from nta.spots.kernels.flags import EDGE, OUT_OF_FOCUS, OVERLAPPING, POOR_FIT, SATURATED
from nta.spots.kernels.options import OPTIONS
from nta.spots.kernels.pair import fit_two
from nta.spots.kernels.search import load_patch

STRAY = 2.5  # px a fit may move away from its candidate
SPLIT_CHI2 = 1.4  # reduced chi-square (121 px: 3 sd) above which two spots are tried
SPLIT_SHARE = (
    0.5  # of the excess of chi-square that two spots must explain: a spot of another shape is not two
)
NEAR = 11.0  # px beyond which a neighbour's light does not matter


@njit(**OPTIONS)
def _load_electrons(image, sign, pattern, cy, cx, radius, offset, gain, full_scale, patch, mask):  # type: ignore[no-untyped-def]
    """Load the patch in electrons and mask its saturated pixels; returns how many these are."""
    side = 2 * radius + 1
    load_patch(image, sign, pattern, cy, cx, radius, patch)
    top = 0
    for j in range(side):
        row = image[cy - radius + j, cx - radius : cx + radius + 1]
        for i in range(side):
            top = row[i] if row[i] > top else top
    for j in range(side):
        for i in range(side):
            patch[j, i] = (patch[j, i] - offset) * gain
            mask[j, i] = f4(1)
    saturated = 0
    if top >= full_scale:
        for j in range(side):
            row = image[cy - radius + j, cx - radius : cx + radius + 1]
            for i in range(side):
                if row[i] >= full_scale:
                    mask[j, i] = f4(0)
                    saturated += 1
    return saturated


@njit(**OPTIONS)
def _neighbour_light(rows, n, i, qx, qy, side, light, ax, ay):  # type: ignore[no-untyped-def]
    """Sum the light of the other fitted spots on the patch whose first pixel is (qx, qy); False where there is none."""
    some = False
    for direction in (-1, 1):
        j = i + direction
        while 0 <= j < n and abs(rows[j, CENTRE_Y] - rows[i, CENTRE_Y]) < NEAR + 6:
            if rows[j, N] > 0 and abs(rows[j, X] - rows[i, X]) < NEAR and abs(rows[j, Y] - rows[i, Y]) < NEAR:
                if not some:
                    some = True
                    light[:, :] = f4(0)
                axis(rows[j, X] - qx, rows[j, S], side, ax[0], ax[1], ax[2])
                axis(rows[j, Y] - qy, rows[j, S], side, ay[0], ay[1], ay[2])
                for y in range(side):
                    e = rows[j, N] * ay[0, y]
                    for x in range(side):
                        light[y, x] += f4(e * ax[0, x])
            j += direction
    return some


@njit(**OPTIONS)
def _store(rows, i, out, qx, qy):  # type: ignore[no-untyped-def]
    """Write a fit in frame coordinates."""
    rows[i, X] = out[X] + qx
    rows[i, Y] = out[Y] + qy
    for k in (N, B, S, ERROR, CHI2):
        rows[i, k] = out[k]


@njit(**OPTIONS)
def _snr(n, b, s, noise):  # type: ignore[no-untyped-def]
    """Matched-filter signal over background noise: N / sqrt(4 pi s^2 v), v the background's variance per pixel."""
    v = max(noise[0] * b + noise[1], noise[2])
    return n / math.sqrt(4.0 * math.pi * (s * s + 1.0 / 12.0) * v)


@njit(**OPTIONS)
def localise(  # type: ignore[no-untyped-def]
    image,
    sign,
    pattern,
    n,
    found,
    radius,
    width,
    response_to_n,
    camera,
    noise,
    limits,
    threshold,
    split_gain,
    apart,
    rows,
):
    """Fit the n candidates in `found` (x, y, response, level) and write one row per spot.

    camera : (signed offset adu, gain e/adu, full scale adu); e = gain * (sign * image - signed offset)
    noise, limits : as in `fit_one`
    response_to_n : electrons per adu of matched-filter response
    threshold : least matched-filter signal over noise of the fitted spot
    split_gain : drop of chi-square from which on two spots are better than one; 0 where none is to be split
    apart : widths that two must lie apart
    rows : (m, N_COLUMNS); columns by the constants of `kernels.fit`, FLAGS as bits, LEVEL receives the signal over noise

    Returns
    -------
    Number of spots.
    """
    h, w = image.shape
    side = 2 * radius + 1
    offset, gain, full_scale = f4(camera[0]), f4(camera[1]), camera[2]
    patch = np.zeros((SIDE, LANES), f4)
    light = np.zeros((SIDE, LANES), f4)
    dark = np.zeros((SIDE, LANES), f4)
    mask = np.zeros((SIDE, LANES), f4)
    work = np.zeros(WORK, f4)
    ax = np.zeros((3, LANES))
    ay = np.zeros((3, LANES))
    a = np.empty((8, 8))
    g = np.empty(8)
    start = np.empty(5)
    out = np.empty(N_COLUMNS)
    out2 = np.empty(N_COLUMNS)
    ok = np.zeros(rows.shape[0], np.uint8)
    for i in range(n):
        cx = min(max(int(found[i, 0] + 0.5), radius), w - 1 - radius)
        cy = min(max(int(found[i, 1] + 0.5), radius), h - 1 - radius)
        rows[i, CENTRE_X] = cx
        rows[i, CENTRE_Y] = cy
        rows[i, FLAGS] = 0.0
        if _load_electrons(image, sign, pattern, cy, cx, radius, offset, gain, full_scale, patch, mask) > 0:
            rows[i, FLAGS] = SATURATED
        start[0] = found[i, 0] - (cx - radius)
        start[1] = found[i, 1] - (cy - radius)
        start[2] = found[i, 2] * response_to_n
        start[3] = (found[i, 3] - offset) * gain
        start[4] = width
        if fit_one(patch, dark, mask, side, noise, limits, start, work, ay, a, g, out):
            _store(rows, i, out, cx - radius, cy - radius)
            if abs(rows[i, X] - found[i, 0]) < STRAY and abs(rows[i, Y] - found[i, 1]) < STRAY:
                ok[i] = 1
        if not ok[i]:  # keeps its place, so that neighbours know of it
            rows[i, X] = found[i, 0]
            rows[i, Y] = found[i, 1]
            rows[i, N] = 0.0
            rows[i, B] = start[3]
            rows[i, S] = width
            rows[i, CHI2] = 9.0
    for i in range(n):
        qx = int(rows[i, CENTRE_X]) - radius
        qy = int(rows[i, CENTRE_Y]) - radius
        if _neighbour_light(rows, n, i, qx, qy, side, light, ax, ay):
            _load_electrons(
                image, sign, pattern, qy + radius, qx + radius, radius, offset, gain, full_scale, patch, mask
            )
            start[0] = rows[i, X] - qx
            start[1] = rows[i, Y] - qy
            start[2] = rows[i, N] if ok[i] else found[i, 2] * response_to_n
            start[3] = rows[i, B]
            start[4] = rows[i, S]
            fitted = fit_one(patch, light, mask, side, noise, limits, start, work, ay, a, g, out)
            if fitted and abs(out[X] + qx - found[i, 0]) < STRAY and abs(out[Y] + qy - found[i, 1]) < STRAY:
                ok[i] = 1
                _store(rows, i, out, qx, qy)
                rows[i, FLAGS] = int(rows[i, FLAGS]) | OVERLAPPING
    extra = 0
    if split_gain > 0:
        for i in range(n):
            saturated = int(rows[i, FLAGS]) & SATURATED  # a flat top is not two spots
            if rows[i, CHI2] > SPLIT_CHI2 and not saturated and n + extra < rows.shape[0]:
                qx = int(rows[i, CENTRE_X]) - radius
                qy = int(rows[i, CENTRE_Y]) - radius
                _load_electrons(
                    image,
                    sign,
                    pattern,
                    qy + radius,
                    qx + radius,
                    radius,
                    offset,
                    gain,
                    full_scale,
                    patch,
                    mask,
                )
                if not ok[i]:
                    rows[i, N] = found[i, 2] * response_to_n
                for k in (N, B, S):
                    start_k = rows[i, k]
                    out[k] = start_k
                out[X] = rows[i, X] - qx
                out[Y] = rows[i, Y] - qy
                some = _neighbour_light(rows, n, i, qx, qy, side, light, ax, ay)
                if not some:
                    light[:, :] = f4(0)
                one = out.copy()
                gained = fit_two(patch, light, side, noise, limits, one, width, apart, out, out2)
                excess = (one[CHI2] - 1.0) * (side * side - 5)
                if (
                    gained > max(split_gain, SPLIT_SHARE * excess)
                    and abs(out[X] - one[X]) < 2 * STRAY
                    and abs(out[Y] - one[Y]) < 2 * STRAY
                ):
                    ok[i] = 1
                    _store(rows, i, out, qx, qy)
                    _store(rows, n + extra, out2, qx, qy)
                    rows[i, FLAGS] = int(rows[i, FLAGS]) | OVERLAPPING
                    for k in (FLAGS, CENTRE_X, CENTRE_Y):
                        rows[n + extra, k] = rows[i, k]
                    ok[n + extra] = 1
                    extra += 1
    return _keep(rows, n, extra, ok, h, w, radius, width, noise, limits, threshold)


@njit(**OPTIONS)
def _keep(rows, n, extra, ok, h, w, radius, width, noise, limits, threshold):  # type: ignore[no-untyped-def]
    """Drop what is too faint, outside or found twice; set the flags; returns the number kept."""
    poor = 1.0 + 6.0 * math.sqrt(2.0 / ((2 * radius + 1) ** 2 - 5))
    m = 0
    for i in range(n + extra):
        if not ok[i]:
            continue
        snr = _snr(rows[i, N], rows[i, B], rows[i, S], noise)
        inside = -0.5 < rows[i, X] < w - 0.5 and -0.5 < rows[i, Y] < h - 0.5
        if not (
            snr > threshold and inside and rows[i, S] > 1.001 * limits[0] and rows[i, S] < 0.999 * limits[1]
        ):
            continue
        twice = False
        j = m - 1
        while j >= 0 and (i >= n or rows[j, Y] > rows[i, Y] - 8):
            if (rows[j, X] - rows[i, X]) ** 2 + (rows[j, Y] - rows[i, Y]) ** 2 < 2.0:
                twice = True
                break
            j -= 1
        if twice:
            continue
        flags = int(rows[i, FLAGS])
        x, y = rows[i, X], rows[i, Y]
        if x < radius - 0.5 or y < radius - 0.5 or x > w - radius - 0.5 or y > h - radius - 0.5:
            flags |= EDGE
        if (
            rows[i, CHI2] > poor
        ):  # another shape, or unseen neighbours: the place is as doubtful as the fit is bad
            flags |= POOR_FIT
            rows[i, ERROR] *= math.sqrt(rows[i, CHI2])
        if rows[i, S] > 1.8 * width:
            flags |= OUT_OF_FOCUS
        for k in range(CENTRE_X):
            rows[m, k] = rows[i, k]
        rows[m, FLAGS] = flags
        rows[m, LEVEL] = snr
        m += 1
    return m
