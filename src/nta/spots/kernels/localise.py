"""Localise all candidates of a frame: fit, fit again beside the known neighbours, split blends, drop doubles, flag."""

from __future__ import annotations

import math

import numpy as np
from numba import njit

from nta.spots.columns import CENTRE_X, CENTRE_Y, CHI2, ERROR, FLAGS, SNR, B, N, S, X, Y
from nta.spots.kernels.algebra import variance_of
from nta.spots.kernels.fit import f4, fit_one
from nta.spots.kernels.flags import EDGE, OUT_OF_FOCUS, OVERLAPPING, POOR_FIT, SATURATED
from nta.spots.kernels.options import INLINED, OPTIONS
from nta.spots.kernels.pair import fit_two
from nta.spots.kernels.patch import View, is_near, load_electrons, neighbour_light, new_desk
from nta.spots.kernels.search import FOUND_BESIDE, FOUND_LEVEL, FOUND_RESPONSE, FOUND_X, FOUND_Y

STRAY = 2.5  # px a fit may move away from its candidate
SPLIT_CHI2 = 1.4  # reduced chi-square (121 px: 3 sd) above which two spots are tried
SPLIT_SHARE = (
    0.5  # of the excess of chi-square that two spots must explain: a spot of another shape is not two
)
# Another shape, or unseen neighbours, make the place doubtful, but a streak has its middle where it seems to have it: the
# variance about the true place grows as the root of chi-square (simulated streaks and crowds, chi-square from 2 to 100)
ERROR_GROWTH = 0.25
MOST_ERROR = 0.5  # widths: light is where it is, whatever the bound of a pair that can hardly be told apart
NOT_FITTED = 9.0  # chi-square of what could not be fitted: two spots may do
NO_SPOT = 0.0  # the same of what is none


@njit(**OPTIONS)
def localise(  # type: ignore[no-untyped-def]
    image, sign, pattern, n, found, radius, width, response_to_n, camera, noise, limits, threshold, split_gain, apart, rows
):  # fmt: skip
    """Fit the n candidates in `found` (`search.N_FOUND` columns) and write one row per spot.

    camera : (signed offset adu, gain e/adu, full scale adu); e = gain * (sign * image - signed offset)
    noise, limits : as in `fit_one`
    response_to_n : electrons per adu of matched-filter response
    threshold : least matched-filter signal over noise of the fitted spot
    split_gain : drop of chi-square from which on two spots are better than one; 0 where none is to be split
    apart : widths that two must lie apart
    rows : (m, N_COLUMNS), see `nta.spots.columns`

    Returns
    -------
    Number of spots.
    """
    view = View(image, sign, pattern, radius, f4(camera[0]), f4(camera[1]), camera[2])
    desk = new_desk(radius)
    ok = np.zeros(rows.shape[0], np.uint8)
    _fit_alone(view, desk, n, found, width, response_to_n, noise, limits, rows, ok)
    _fit_shoulders(view, desk, n, found, response_to_n, noise, limits, threshold, apart, rows, ok)
    _fit_beside(view, desk, n, found, response_to_n, noise, limits, rows, ok)
    extra = 0
    if split_gain > 0:
        extra = _split(view, desk, n, found, width, response_to_n, noise, limits, split_gain, apart, rows, ok)
    h, w = image.shape
    return _keep(rows, n, extra, ok, h, w, radius, width, noise, limits, threshold)


@njit(**OPTIONS)
def _fit_alone(view, desk, n, found, width, response_to_n, noise, limits, rows, ok):  # type: ignore[no-untyped-def]
    """Fit every maximum as if it were alone; what fails, or waits, keeps its place without light."""
    h, w = view.image.shape
    radius = view.radius
    start = desk.start
    for i in range(n):
        cx = min(max(int(found[i, FOUND_X] + 0.5), radius), w - 1 - radius)
        cy = min(max(int(found[i, FOUND_Y] + 0.5), radius), h - 1 - radius)
        rows[i, CENTRE_X] = cx
        rows[i, CENTRE_Y] = cy
        rows[i, FLAGS] = 0.0
        start[X] = found[i, FOUND_X] - (cx - radius)
        start[Y] = found[i, FOUND_Y] - (cy - radius)
        start[N] = found[i, FOUND_RESPONSE] * response_to_n
        start[B] = (found[i, FOUND_LEVEL] - view.offset) * view.gain
        start[S] = width
        if not found[i, FOUND_BESIDE]:  # shoulders wait until the light of the brighter ones is known
            if load_electrons(view, cy, cx, desk) > 0:
                rows[i, FLAGS] = SATURATED
            if _fit(view, desk, desk.dark, noise, limits):
                ok[i] = _stays(desk.out, cx - radius, cy - radius, found, i)
        if ok[i]:
            _store(rows, i, desk.out, cx - radius, cy - radius)
        else:
            rows[i, X] = found[i, FOUND_X]
            rows[i, Y] = found[i, FOUND_Y]
            rows[i, N] = 0.0
            rows[i, B] = start[B]
            rows[i, S] = width
            rows[i, CHI2] = NOT_FITTED


@njit(**OPTIONS)
def _fit_shoulders(view, desk, n, found, response_to_n, noise, limits, threshold, apart, rows, ok):  # type: ignore[no-untyped-def]
    """Fit the shoulders of brighter spots beside the light of these.

    A shoulder is a spot if its light is significant and explains more than it leaves unexplained: part of a ring does not,
    and what is too near is part of a streak.
    """
    freedom = (2 * view.radius + 1) ** 2 - 5
    for i in range(n):
        if not found[i, FOUND_BESIDE]:
            continue
        rows[i, CHI2] = NO_SPOT
        if (
            not is_near(rows, n, i, apart)
            and _load_beside(view, desk, n, i, found, response_to_n, rows, ok) == 0
            and _fit(view, desk, desk.light, noise, limits)
            and _significance2(desk) > max(threshold**2, (desk.out[CHI2] - 1.0) * freedom)
        ):
            _store_beside(view, desk, i, found, rows, ok)


@njit(**OPTIONS)
def _fit_beside(view, desk, n, found, response_to_n, noise, limits, rows, ok):  # type: ignore[no-untyped-def]
    """Fit all that have neighbours again, beside the light of these."""
    for i in range(n):
        if (
            (ok[i] or not found[i, FOUND_BESIDE])
            and _load_beside(view, desk, n, i, found, response_to_n, rows, ok) >= 0
            and _fit(view, desk, desk.light, noise, limits)
        ):
            _store_beside(view, desk, i, found, rows, ok)


@njit(**OPTIONS)
def _split(view, desk, n, found, width, response_to_n, noise, limits, split_gain, apart, rows, ok):  # type: ignore[no-untyped-def]
    """Try two spots where one does not fit; the second of each pair goes behind the n there are. Returns how many."""
    side = 2 * view.radius + 1
    out, out2 = desk.out, desk.out2
    extra = 0
    for i in range(n):
        saturated = int(rows[i, FLAGS]) & SATURATED  # a flat top is not two spots
        if not rows[i, CHI2] > SPLIT_CHI2 or saturated or n + extra == rows.shape[0]:
            continue
        qx, qy = _corner(view, rows, i)
        load_electrons(view, qy + view.radius, qx + view.radius, desk)
        if not neighbour_light(rows, n, i, qx, qy, side, desk):
            desk.light[:, :] = f4(0)
        if not ok[i]:
            rows[i, N] = found[i, FOUND_RESPONSE] * response_to_n
        for k in (N, B, S):
            out[k] = rows[i, k]
        out[X] = rows[i, X] - qx
        out[Y] = rows[i, Y] - qy
        one = out.copy()
        gained = fit_two(desk.patch, desk.light, side, noise, limits, one, width, apart, out, out2)
        excess = (one[CHI2] - 1.0) * (side * side - 5)
        if (
            gained > max(split_gain, SPLIT_SHARE * excess)
            and abs(out[X] - one[X]) < 2 * STRAY
            and abs(out[Y] - one[Y]) < 2 * STRAY
        ):
            _store(rows, i, out, qx, qy)
            _store(rows, n + extra, out2, qx, qy)
            rows[i, FLAGS] = int(rows[i, FLAGS]) | OVERLAPPING
            for k in (FLAGS, CENTRE_X, CENTRE_Y):
                rows[n + extra, k] = rows[i, k]
            ok[i] = 1
            ok[n + extra] = 1
            extra += 1
    return extra


@njit(**INLINED)
def _corner(view, rows, i):  # type: ignore[no-untyped-def]
    """Return the first pixel (x, y) of the patch of spot i."""
    return int(rows[i, CENTRE_X]) - view.radius, int(rows[i, CENTRE_Y]) - view.radius


@njit(**INLINED)
def _load_beside(view, desk, n, i, found, response_to_n, rows, ok):  # type: ignore[no-untyped-def]
    """Load the patch of spot i, its neighbours' light, and where its fit starts.

    Returns how many of its pixels are saturated, -1 where it has no neighbours.
    """
    qx, qy = _corner(view, rows, i)
    if not neighbour_light(rows, n, i, qx, qy, 2 * view.radius + 1, desk):
        return -1
    saturated = load_electrons(view, qy + view.radius, qx + view.radius, desk)
    desk.start[X] = rows[i, X] - qx
    desk.start[Y] = rows[i, Y] - qy
    desk.start[N] = rows[i, N] if ok[i] else found[i, FOUND_RESPONSE] * response_to_n
    desk.start[B] = rows[i, B]
    desk.start[S] = rows[i, S]
    return saturated


@njit(**INLINED)
def _fit(view, desk, light, noise, limits):  # type: ignore[no-untyped-def]
    return fit_one(
        desk.patch, light, desk.mask, 2 * view.radius + 1, noise, limits, desk.start, desk.work, desk.ay, desk.a, desk.g,
        desk.out,
    )  # fmt: skip


@njit(**OPTIONS)
def _significance2(desk):  # type: ignore[no-untyped-def]
    """Square of the fitted light over its error: what chi-square grows by without the spot."""
    return desk.out[N] ** 2 / variance_of(desk.a, 5, 2, desk.g)


@njit(**OPTIONS)
def _store_beside(view, desk, i, found, rows, ok):  # type: ignore[no-untyped-def]
    """Keep the fit beside neighbours, unless it strayed."""
    qx, qy = _corner(view, rows, i)
    if _stays(desk.out, qx, qy, found, i):
        _store(rows, i, desk.out, qx, qy)
        rows[i, FLAGS] = int(rows[i, FLAGS]) | OVERLAPPING
        ok[i] = 1


@njit(**INLINED)
def _stays(out, qx, qy, found, i):  # type: ignore[no-untyped-def]
    """Whether a spot was fitted where it had been found."""
    return abs(out[X] + qx - found[i, FOUND_X]) < STRAY and abs(out[Y] + qy - found[i, FOUND_Y]) < STRAY


@njit(**INLINED)
def _store(rows, i, out, qx, qy):  # type: ignore[no-untyped-def]
    """Write a fit in frame coordinates."""
    rows[i, X] = out[X] + qx
    rows[i, Y] = out[Y] + qy
    for k in (N, B, S, ERROR, CHI2):
        rows[i, k] = out[k]


@njit(**INLINED)
def _snr(n, b, s, noise):  # type: ignore[no-untyped-def]
    """Matched-filter signal over background noise: N / sqrt(4 pi s^2 v), v the background's variance per pixel."""
    v = max(noise[0] * b + noise[1], noise[2])
    return n / math.sqrt(4.0 * math.pi * (s * s + 1.0 / 12.0) * v)


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
        if rows[i, CHI2] > poor:
            flags |= POOR_FIT
            rows[i, ERROR] *= rows[i, CHI2] ** ERROR_GROWTH
        rows[i, ERROR] = min(rows[i, ERROR], MOST_ERROR * rows[i, S])
        if rows[i, S] > 1.8 * width:
            flags |= OUT_OF_FOCUS
        for k in range(FLAGS):
            rows[m, k] = rows[i, k]
        rows[m, FLAGS] = flags
        rows[m, SNR] = snr
        m += 1
    return m
