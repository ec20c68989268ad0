"""Localise all candidates of a frame: fit, fit again beside known neighbours, split blends, drop duplicates, set flags."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from nta.columns import Float32Array, FloatArray
from nta.spots.apart import SPARROW
from nta.spots.columns import CENTRE_X, CENTRE_Y, CHI2, ERROR, FLAGS, FREEDOM, SNR, B, N, S, X, Y
from nta.spots.fitting import (
    ERROR_GROWTH,
    MOST_ERROR,
    N_PARAMETERS,
    PIXEL_VARIANCE,
    POOR_SD,
    STRAY_PX,
    chi2_beyond,
)
from nta.spots.kernels.algebra import variance_of
from nta.spots.kernels.candidates import FramePixels
from nta.spots.kernels.fit import Limits, Noise, fit_one
from nta.spots.kernels.flags import EDGE, OUT_OF_FOCUS, OVERLAPPING, POOR_FIT, SATURATED
from nta.spots.kernels.lanes import LANES
from nta.spots.kernels.options import inlined
from nta.spots.kernels.pair import PairWorkspace, fit_two, join
from nta.spots.kernels.patch import (
    NEAR,
    UNSORTED_PX,
    FrameElectrons,
    Workspace,
    is_near,
    load_electrons,
    neighbour_light,
)
from nta.spots.kernels.rows import f4
from nta.spots.kernels.search import FOUND_BESIDE, FOUND_LEVEL, FOUND_RESPONSE, FOUND_X, FOUND_Y

SPLIT_SD = 3.0  # standard deviations of chi-square beyond which two spots are tried
# share of the excess chi-square that two spots must explain: otherwise it is a single spot of another shape
SPLIT_SHARE = 0.5
NOT_FITTED = 9.0  # chi-square assigned after a failed fit: two spots are tried
BRIGHT = 1.5  # signal over threshold from which on spots too wide for the window are fitted as discs
NO_SPOT = 0.0  # chi-square assigned to shoulders that are not spots: two spots are not tried
AT_LIMIT = 0.001  # relative distance from the least and largest width within which a fit is at the limit
TWICE_PX2 = 2.0  # squared distance below which two fits count as the same spot
ROWS_BACK = UNSORTED_PX + 2  # px; spots further back in the rows cannot be that close
N_WIDE = 2  # columns of the places too wide for the window: X and Y
OUT_OF_FOCUS_WIDTHS = 1.8  # width over the width in focus from which on a spot is flagged (design choice)

_chi2_beyond = inlined(chi2_beyond)  # the same function as in the plain engine, as a kernel


class FitRules(NamedTuple):
    """Rules of the fits.

    radius : radius of the window, px. width : width of a spot in focus, px. response_to_n : electrons per adu of
    matched-filter response. offset, gain, full_scale : of the camera; e = gain * (sign * image - offset), offset and full
    scale in adu.
    threshold : least matched-filter signal over noise of the fitted spot.
    split_gain : drop of chi-square from which on two spots are accepted; 0: spots are not split.
    apart : least distance of two spots in widths.
    """

    radius: int
    width: float
    response_to_n: float
    offset: float
    gain: float
    full_scale: float
    noise: Noise
    limits: Limits
    threshold: float
    split_gain: float
    apart: float


@inlined
def localise(
    frame: FramePixels, n: int, found: FloatArray, rules: FitRules, rows: FloatArray, wide: FloatArray,
    ok: NDArray[np.uint8], space: Workspace, pair: PairWorkspace,
) -> tuple[int, int]:  # fmt: skip
    """Fit the n candidates in `found` (`search.N_FOUND` columns) and write one row per spot.

    rows : (m, N_COLUMNS), see `nta.spots.columns`. wide : (m, N_WIDE), receives the positions of bright spots that are too
    wide for the window. ok : scratch, 0 for every row; space, pair : scratch.

    Returns
    -------
    Number of spots, and number of positions in `wide`.
    """
    electrons = FrameElectrons(
        frame.image,
        frame.sign,
        frame.pattern,
        rules.radius,
        f4(rules.offset),
        f4(rules.gain),
        rules.full_scale,
    )
    _fit_alone(electrons, space, n, found, rules, rows, ok)
    _fit_shoulders(electrons, space, n, found, rules, rows, ok)
    _fit_beside(electrons, space, n, found, rules, rows, ok)
    extra = 0
    if rules.split_gain > 0:
        extra = _split(electrons, space, pair, n, found, rules, rows, ok)
    if rules.apart > SPARROW:
        _join_halves(rows, n, rules, ok)
    h, w = frame.image.shape
    return _keep(rows, n, extra, ok, h, w, rules, wide)


@inlined
def _fit_alone(
    electrons: FrameElectrons, space: Workspace, n: int, found: FloatArray, rules: FitRules, rows: FloatArray,
    ok: NDArray[np.uint8],
) -> None:  # fmt: skip
    """Fit every maximum as if it were alone; shoulders and failed fits keep their position, with no light."""
    h, w = electrons.image.shape
    radius = electrons.radius
    start = space.start
    for i in range(n):
        cx = min(max(int(found[i, FOUND_X] + 0.5), radius), w - 1 - radius)
        cy = min(max(int(found[i, FOUND_Y] + 0.5), radius), h - 1 - radius)
        rows[i, CENTRE_X] = cx
        rows[i, CENTRE_Y] = cy
        rows[i, FLAGS] = 0.0
        start[X] = found[i, FOUND_X] - (cx - radius)
        start[Y] = found[i, FOUND_Y] - (cy - radius)
        start[N] = found[i, FOUND_RESPONSE] * rules.response_to_n
        start[B] = (found[i, FOUND_LEVEL] - electrons.offset) * electrons.gain
        start[S] = rules.width
        if not found[
            i, FOUND_BESIDE
        ]:  # shoulders are fitted later, when the light of brighter spots is known
            saturated = load_electrons(electrons, cy, cx, space)
            if saturated > 0:
                rows[i, FLAGS] = SATURATED
            if _fit(electrons, space, space.dark, saturated, rules):
                ok[i] = _stays(space.out, cx - radius, cy - radius, found, i)
        if ok[i]:
            _store(rows, i, space.out, cx - radius, cy - radius)
        else:
            rows[i, X] = found[i, FOUND_X]
            rows[i, Y] = found[i, FOUND_Y]
            rows[i, N] = 0.0
            rows[i, B] = start[B]
            rows[i, S] = rules.width
            rows[i, CHI2] = NOT_FITTED


@inlined
def _fit_shoulders(
    electrons: FrameElectrons, space: Workspace, n: int, found: FloatArray, rules: FitRules, rows: FloatArray,
    ok: NDArray[np.uint8],
) -> None:  # fmt: skip
    """Fit the shoulders of brighter spots, given the light of these spots.

    A shoulder is a spot if its light is significant and explains more chi-square than it leaves unexplained, which part of
    a ring does not. A shoulder too close to the brighter spot is part of a streak.
    """
    no_mask: Any = np.int64(0)  # not a literal, see `candidates`
    for i in range(n):
        if not found[i, FOUND_BESIDE]:
            continue
        rows[i, CHI2] = NO_SPOT
        if (
            not is_near(rows, n, i, rules.apart)
            and _load_beside(electrons, space, n, i, found, rules, rows, ok) == 0
            and _fit(electrons, space, space.light, no_mask, rules)
            and _significance2(space) > max(rules.threshold**2, _unexplained(space.out))
        ):
            _store_beside(electrons, space, i, found, rows, ok)


@inlined
def _fit_beside(
    electrons: FrameElectrons, space: Workspace, n: int, found: FloatArray, rules: FitRules, rows: FloatArray,
    ok: NDArray[np.uint8],
) -> None:  # fmt: skip
    """Fit all spots with neighbours again, given the light of the neighbours."""
    for i in range(n):
        if found[i, FOUND_BESIDE] and not ok[i]:
            continue
        saturated = _load_beside(electrons, space, n, i, found, rules, rows, ok)
        if saturated >= 0 and _fit(electrons, space, space.light, saturated, rules):
            _store_beside(electrons, space, i, found, rows, ok)


@inlined
def _split(
    electrons: FrameElectrons, space: Workspace, pair: PairWorkspace, n: int, found: FloatArray, rules: FitRules,
    rows: FloatArray, ok: NDArray[np.uint8],
) -> int:  # fmt: skip
    """Try two spots where one does not fit; append the second of each pair after the first n rows; return their number."""
    side = 2 * electrons.radius + 1
    out, out2, one = space.out, space.out2, space.one
    enough = _chi2_beyond(SPLIT_SD, side * side - N_PARAMETERS)
    extra = 0
    for i in range(n):
        saturated = int(rows[i, FLAGS]) & SATURATED  # a saturated, flat top does not prove two spots
        if not rows[i, CHI2] > enough or saturated or n + extra == rows.shape[0]:
            continue
        qx, qy = _corner(electrons, rows, i)
        load_electrons(electrons, qy + electrons.radius, qx + electrons.radius, space)
        if not neighbour_light(rows, n, i, qx, qy, side, space):
            space.light[:, :] = f4(0)
        if not ok[i]:
            rows[i, N] = found[i, FOUND_RESPONSE] * rules.response_to_n
        for k in (N, B, S):
            one[k] = rows[i, k]
        one[X] = rows[i, X] - qx
        one[Y] = rows[i, Y] - qy
        gained = fit_two(
            space.patch, space.light, space.square[:LANES], side, rules.noise, rules.limits, one, rules.width,
            rules.apart, pair, out, out2,
        )  # fmt: skip
        if (
            gained > max(rules.split_gain, SPLIT_SHARE * _unexplained(one))
            and abs(out[X] - one[X]) < 2 * STRAY_PX
            and abs(out[Y] - one[Y]) < 2 * STRAY_PX
        ):
            _store(rows, i, out, qx, qy)
            ok[i] = 1
            if out2[N] == 0.0:
                # it has not the shape of a spot: it is a streak, or part of a ring
                if one[CHI2] > _chi2_beyond(POOR_SD, one[FREEDOM]):
                    rows[i, FLAGS] = int(rows[i, FLAGS]) | POOR_FIT
                continue
            _store(rows, n + extra, out2, qx, qy)
            rows[i, FLAGS] = int(rows[i, FLAGS]) | OVERLAPPING
            for k in (FLAGS, CENTRE_X, CENTRE_Y):
                rows[n + extra, k] = rows[i, k]
            ok[n + extra] = 1
            extra += 1
    return extra


@inlined
def _join_halves(rows: FloatArray, n: int, rules: FitRules, ok: NDArray[np.uint8]) -> None:
    """Join spots that were found apart but lie nearer than two particles do in this recording: the ends of a streak."""
    reach = rules.apart * rules.width
    for i in range(n):
        j = i - 1
        while j >= 0 and rows[j, CENTRE_Y] > rows[i, CENTRE_Y] - NEAR - UNSORTED_PX:
            if (
                ok[i]
                and ok[j]
                and (rows[j, X] - rows[i, X]) ** 2 + (rows[j, Y] - rows[i, Y]) ** 2 < reach * reach
            ):
                join(rows[i], rows[j])
                rows[i, FLAGS] = (int(rows[i, FLAGS]) | int(rows[j, FLAGS]) | POOR_FIT) & ~OVERLAPPING
                ok[j] = 0
            j -= 1


@inlined
def _corner(electrons: FrameElectrons, rows: FloatArray, i: int) -> tuple[int, int]:
    """Return the first pixel (x, y) of the patch of spot i."""
    return int(rows[i, CENTRE_X]) - electrons.radius, int(rows[i, CENTRE_Y]) - electrons.radius


@inlined
def _load_beside(
    electrons: FrameElectrons, space: Workspace, n: int, i: int, found: FloatArray, rules: FitRules, rows: FloatArray,
    ok: NDArray[np.uint8],
) -> int:  # fmt: skip
    """Load the patch of spot i, its neighbours' light, and the start values of its fit.

    Returns the number of saturated pixels; -1 if it has no neighbours.
    """
    qx, qy = _corner(electrons, rows, i)
    if not neighbour_light(rows, n, i, qx, qy, 2 * electrons.radius + 1, space):
        return -1
    saturated = load_electrons(electrons, qy + electrons.radius, qx + electrons.radius, space)
    space.start[X] = rows[i, X] - qx
    space.start[Y] = rows[i, Y] - qy
    space.start[N] = rows[i, N] if ok[i] else found[i, FOUND_RESPONSE] * rules.response_to_n
    space.start[B] = rows[i, B]
    space.start[S] = rows[i, S]
    return saturated


@inlined
def _fit(
    electrons: FrameElectrons, space: Workspace, light: Float32Array, n_masked: int, rules: FitRules
) -> bool:
    return fit_one(
        space.patch, light, space.mask, n_masked, 2 * electrons.radius + 1, rules.noise, rules.limits, space.start,
        space.work, space.ay, space.a, space.g, space.out,
    )  # fmt: skip


@inlined
def _significance2(space: Workspace) -> float:
    """Square of the fitted light over its error: the increase of chi-square without the spot."""
    gained: float = space.out[N] ** 2 / variance_of(space.a, N_PARAMETERS, N, space.g)
    return gained


@inlined
def _unexplained(out: FloatArray) -> float:
    """Chi-square of a fit minus its expectation for noise."""
    beyond: float = (out[CHI2] - 1.0) * out[FREEDOM]
    return beyond


@inlined
def _store_beside(
    electrons: FrameElectrons, space: Workspace, i: int, found: FloatArray, rows: FloatArray, ok: NDArray[np.uint8]
) -> None:  # fmt: skip
    """Store the fit beside neighbours, unless it strayed."""
    qx, qy = _corner(electrons, rows, i)
    if _stays(space.out, qx, qy, found, i):
        _store(rows, i, space.out, qx, qy)
        rows[i, FLAGS] = int(rows[i, FLAGS]) | OVERLAPPING
        ok[i] = 1


@inlined
def _stays(out: FloatArray, qx: int, qy: int, found: FloatArray, i: int) -> bool:
    """Whether the fit stayed close to the candidate's position."""
    return bool(
        abs(out[X] + qx - found[i, FOUND_X]) < STRAY_PX and abs(out[Y] + qy - found[i, FOUND_Y]) < STRAY_PX
    )


@inlined
def _store(rows: FloatArray, i: int, out: FloatArray, qx: int, qy: int) -> None:
    """Write a fit in frame coordinates."""
    rows[i, X] = out[X] + qx
    rows[i, Y] = out[Y] + qy
    for k in (N, B, S, ERROR, CHI2, FREEDOM):
        rows[i, k] = out[k]


@inlined
def _snr(n: float, b: float, s: float, noise: Noise) -> float:
    """Matched-filter signal over background noise: N / sqrt(4 pi s^2 v), v the background's variance per pixel."""
    v = max(noise.sign * b + noise.read, noise.floor)
    return n / math.sqrt(4.0 * math.pi * (s * s + PIXEL_VARIANCE) * v)


@inlined
def _keep(
    rows: FloatArray,
    n: int,
    extra: int,
    ok: NDArray[np.uint8],
    h: int,
    w: int,
    rules: FitRules,
    wide: FloatArray,
) -> tuple[int, int]:
    """Drop spots that are too faint, outside or duplicates; set the flags; return the numbers that `localise` returns."""
    radius, limits = rules.radius, rules.limits
    narrowest, widest = (1 + AT_LIMIT) * limits.narrowest, (1 - AT_LIMIT) * limits.widest
    m = n_wide = 0
    for i in range(n + extra):
        if not ok[i]:
            continue
        snr = _snr(rows[i, N], rows[i, B], rows[i, S], rules.noise)
        inside = -0.5 < rows[i, X] < w - 0.5 and -0.5 < rows[i, Y] < h - 0.5
        if inside and snr > BRIGHT * rules.threshold and rows[i, S] >= widest:
            wide[n_wide, X], wide[n_wide, Y] = rows[i, X], rows[i, Y]
            n_wide += 1
        if not (snr > rules.threshold and inside and narrowest < rows[i, S] < widest):
            continue
        twice = False
        j = m - 1
        while j >= 0 and (i >= n or rows[j, Y] > rows[i, Y] - ROWS_BACK):
            if (rows[j, X] - rows[i, X]) ** 2 + (rows[j, Y] - rows[i, Y]) ** 2 < TWICE_PX2:
                twice = True
                break
            j -= 1
        if twice:
            continue
        flags = int(rows[i, FLAGS])
        x, y = rows[i, X], rows[i, Y]
        if x < radius - 0.5 or y < radius - 0.5 or x > w - radius - 0.5 or y > h - radius - 0.5:
            flags |= EDGE
        if rows[i, CHI2] > _chi2_beyond(POOR_SD, rows[i, FREEDOM]):
            flags |= POOR_FIT
            rows[i, ERROR] *= rows[i, CHI2] ** ERROR_GROWTH
        rows[i, ERROR] = min(rows[i, ERROR], MOST_ERROR * rows[i, S])
        if rows[i, S] > OUT_OF_FOCUS_WIDTHS * rules.width:
            flags |= OUT_OF_FOCUS
        for k in range(FLAGS):
            rows[m, k] = rows[i, k]
        rows[m, FLAGS] = flags
        rows[m, SNR] = snr
        m += 1
    return m, n_wide
