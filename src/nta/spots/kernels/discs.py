"""Discs and rings: the image of a particle out of focus is symmetric about its centre, whatever its profile.

The centre is fitted together with the radial profile, which is measured from the pixels themselves: no model of the optics
is needed, and the Fisher information of the profile's slope gives the error of the centre. Pixels far from the profile
(neighbours) are clipped. The share of the light's variation that the profile explains distinguishes a ring from a group of
spots.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from nta.columns import Float32Array, FloatArray
from nta.frames import Image
from nta.spots.columns import CHI2, ERROR, FLAGS, N_TABLE, SNR, B, N, S, X, Y
from nta.spots.fitting import LONGEST_STEP_PX
from nta.spots.kernels.flags import OUT_OF_FOCUS
from nta.spots.kernels.options import compiled, inlined, inlined_making
from nta.spots.kernels.profile import (
    CLIP_SD,
    Profile,
    around,
    half_light,
    light_of,
    measure_means,
    measure_medians,
    new_profile,
    ring_light,
)

ITERATIONS = 10
FIRST_ITERATIONS = 2  # iterations to see whether a candidate is a disc at all
HALF_OF_GAUSSIAN = 1.1774  # radius that holds half the light of a Gaussian, in standard deviations
EXTENT, PEAK, SYMMETRY = N_TABLE, N_TABLE + 1, N_TABLE + 2  # columns of a disc behind those of a spot
N_DISC = N_TABLE + 3
# share of the variation that is symmetric: a lone disc has 0.8 or more, two equal spots at most 0.4
SYMMETRIC = 0.6
WIDE = 1.6  # least width of a disc over the width of a spot in focus
SIGNIFICANT = 1.5  # threshold of a disc over that of a spot: a disc has more pixels
# share of `WIDE` below which a disc is ruled out before the fit: medians about an unfitted centre overestimate the width
SURELY_NARROW = 0.8
REACHES = 0.75  # extent over the window's radius from which on light may continue beyond the window
LEAST_RADIUS_PX = 0.3  # nearer to the centre, the radial slope has no direction
# factor on the clip variance for the fit of the centre, relative to that of the profile (design choice)
CLIP_WIDENED = 4
UNCLIPPED = 100  # the same factor for the description of a disc: practically no clipping
LEAST_NOISE_SHARE = 0.5  # lower limit of the residual noise, as a share of the expected noise (design choice)
DEGENERATE = 1e-12  # determinant over squared trace of the Fisher matrix: without a slope there is no centre
STRAY_SHARE = 0.4  # largest shift of the centre, as a share of the window's radius (design choice)
SETTLED_PX = 0.01  # step that ends the fit (design choice)
EXTENT_SHARE = 0.9  # share of the light within the extent of a disc
DESCRIBED = 1.2  # radius, in extents, within which symmetry is measured (design choice)
# Sums over the pixels of a disc: Fisher matrix and gradient of the centre; squared residuals, over the noise and absolute;
# squared light about the background; noise variance
XX, XY, YY, TO_X, TO_Y, OVER_NOISE, RESIDUAL, VARIATION, NOISE, N_SUMS = range(10)


class GreyNoise(NamedTuple):
    """Variance of a pixel at a signed grey value: var0 + slope * value, at least `floor`."""

    var0: float
    slope: float
    floor: float


class DiscRules(NamedTuple):
    """Rules of the disc fit, in px and grey values of the frame in which discs are fitted.

    radius : radius of the window; it grows up to `widest` if the light reaches its border.
    width : width of a spot in focus. threshold : least signal over noise.
    """

    radius: int
    widest: int
    noise: GreyNoise
    width: float
    threshold: float


class Scale(NamedTuple):
    """Ratios of lengths and grey values between the layers of the candidates, of the fit and of the report.

    zoom : px of the fit per px of the candidates. step : px of the report per px of the fit. grey : grey values of the
    report per grey value of the fit.
    """

    zoom: int
    step: int
    grey: float


class DiscWorkspace(NamedTuple):
    """Scratch arrays for one disc.

    sums : see `XX`. out : fitted disc, as a row of `find_discs`; wider : the disc fitted in a wider window.
    """

    profile: Profile
    sums: FloatArray
    out: FloatArray
    wider: FloatArray


@inlined_making
def _new_workspace() -> DiscWorkspace:
    """Return an empty workspace."""
    return DiscWorkspace(new_profile(), np.zeros(N_SUMS), np.zeros(N_DISC), np.zeros(N_DISC))


@inlined
def _moments(
    image: Image | Float32Array, sign: np.float32, cy: float, cx: float, radius: int, within: int, background: float,
    noise: GreyNoise, spread2: float, space: DiscWorkspace,
) -> int:  # fmt: skip
    """Fisher matrix and gradient of the centre, misfit and variation; returns the number of pixels."""
    profile, sums = space.profile.values, space.sums
    h, w = image.shape
    sums[:] = 0.0
    n = 0
    for y in range(max(0, int(cy) - radius), min(h, int(cy) + radius + 2)):
        for x in range(max(0, int(cx) - radius), min(w, int(cx) + radius + 2)):
            dx, dy = x - cx, y - cy
            r = math.sqrt(dx * dx + dy * dy)
            k = int(r)
            if k > within:
                continue
            f = r - k
            mu = (1 - f) * profile[k] + f * profile[k + 1]
            v = max(noise.var0 + noise.slope * mu, noise.floor)
            limit = CLIP_SD * math.sqrt(spread2)
            left = min(max(sign * float(image[y, x]) - mu, -limit), limit)
            grade = (profile[k] - profile[k + 1]) / max(r, LEAST_RADIUS_PX)
            jx, jy = grade * dx, grade * dy
            sums[XX] += jx * jx / v
            sums[XY] += jx * jy / v
            sums[YY] += jy * jy / v
            sums[TO_X] += jx * left / v
            sums[TO_Y] += jy * left / v
            sums[OVER_NOISE] += left * left / v
            sums[RESIDUAL] += left * left
            sums[VARIATION] += (mu - background) ** 2
            sums[NOISE] += v
            n += 1
    return n


@inlined
def _fit_disc(
    image: Image | Float32Array, sign: np.float32, cy: float, cx: float, radius: int, iterations: int, rules: DiscRules,
    space: DiscWorkspace, out: FloatArray,
) -> bool:  # fmt: skip
    """Fit centre and profile into `out`, a row of `find_discs`; False if there is no light or the centre strays."""
    noise, profile, sums = rules.noise, space.profile.values, space.sums
    if not measure_medians(image, sign, cy, cx, radius, space.profile):
        return False
    half = half_light(profile, radius, 0.5 * light_of(profile, radius))
    if half < SURELY_NARROW * HALF_OF_GAUSSIAN * (WIDE * rules.width):
        return False
    y0, x0 = cy, cx
    spread2 = max(noise.var0 + noise.slope * profile[0], noise.floor)
    n = 0
    for _ in range(iterations):
        measure_means(image, sign, cy, cx, radius, spread2, space.profile)
        n = _moments(image, sign, cy, cx, radius, radius, 0.0, noise, CLIP_WIDENED * spread2, space)
        spread2 = max(sums[RESIDUAL], sums[NOISE] * LEAST_NOISE_SHARE) / n
        determinant = sums[XX] * sums[YY] - sums[XY] ** 2
        if not determinant > DEGENERATE * (sums[XX] + sums[YY]) ** 2:
            return False
        sx = (sums[YY] * sums[TO_X] - sums[XY] * sums[TO_Y]) / determinant
        sy = (sums[XX] * sums[TO_Y] - sums[XY] * sums[TO_X]) / determinant
        cx += min(max(sx, -LONGEST_STEP_PX), LONGEST_STEP_PX)
        cy += min(max(sy, -LONGEST_STEP_PX), LONGEST_STEP_PX)
        if math.hypot(cx - x0, cy - y0) > STRAY_SHARE * radius:
            return False
        if abs(sx) < SETTLED_PX and abs(sy) < SETTLED_PX:
            break
    return _describe(image, sign, cy, cx, radius, noise, spread2, space, out)


@inlined
def _describe(
    image: Image | Float32Array, sign: np.float32, cy: float, cx: float, radius: int, noise: GreyNoise, spread2: float,
    space: DiscWorkspace, out: FloatArray,
) -> bool:  # fmt: skip
    """Light, extent, symmetry and errors of a fitted disc."""
    profile, sums = space.profile.values, space.sums
    background = around(profile, radius)
    total = light_of(profile, radius)
    if not total > 0:
        return False
    half = half_light(profile, radius, 0.5 * total)
    peak, light, extent = 0.0, 0.0, float(radius)
    for k in range(radius):
        peak = max(peak, profile[k] - background)
    for k in range(radius):
        light += ring_light(profile, radius, k)
        if light >= EXTENT_SHARE * total:
            extent = k + 0.5
            break
    within = min(int(DESCRIBED * extent + 1.0), radius)
    n = _moments(image, sign, cy, cx, radius, within, background, noise, UNCLIPPED * spread2, space)
    left = max(sums[RESIDUAL] - sums[NOISE], 0.0)
    determinant = sums[XX] * sums[YY] - sums[XY] ** 2
    if not determinant > 0:
        return False
    chi2 = sums[OVER_NOISE] / n
    out[X], out[Y] = cx, cy
    out[N], out[B] = total, background
    out[S] = half / HALF_OF_GAUSSIAN
    out[ERROR] = math.sqrt(max(chi2, 1.0) * 0.5 * (sums[XX] + sums[YY]) / determinant)
    out[CHI2] = chi2
    out[EXTENT] = extent
    out[PEAK] = peak
    out[SYMMETRY] = sums[VARIATION] / (sums[VARIATION] + left)
    out[SNR] = math.sqrt(sums[VARIATION] / (sums[NOISE] / n))
    out[FLAGS] = OUT_OF_FOCUS
    return True


@inlined
def _fit_window(
    image: Image | Float32Array, sign: np.float32, cy: float, cx: float, rules: DiscRules, space: DiscWorkspace
) -> bool:  # fmt: skip
    """Fit a disc into `space.out`, in a window that may grow if the light reaches its border.

    Where it may grow, a Gaussian was too narrow. Most such places are pairs and streaks: after a few steps they prove not to
    be symmetric.
    """
    out = space.out
    out[SYMMETRY] = 0.0
    y, x, window = cy, cx, rules.radius
    iterations = FIRST_ITERATIONS if rules.widest > rules.radius else ITERATIONS
    while _fit_disc(image, sign, y, x, window, iterations, rules, space, space.wider):
        copy_row(space.wider, out)
        symmetric = out[SYMMETRY] > SYMMETRIC and out[SNR] > rules.threshold
        if iterations == FIRST_ITERATIONS and symmetric:
            iterations = ITERATIONS
        elif symmetric and window < rules.widest and out[EXTENT] > REACHES * window:
            y, x, window = out[Y], out[X], min(2 * window, rules.widest)
        else:
            return bool(symmetric)
    return iterations > FIRST_ITERATIONS and out[SYMMETRY] > SYMMETRIC


@compiled
def find_discs(
    image: Image | Float32Array, sign: np.float32, places: FloatArray, scale: Scale, rules: DiscRules, discs: FloatArray,
    m: int,
) -> int:  # fmt: skip
    """Fit a disc at each of the places in `image`; append the discs found to the first m rows of `discs`.

    places : rows (x, y, ...), px of the candidates
    discs : rows (X, Y, N in adu, B in adu, S, ERROR, CHI2, FLAGS, SNR, EXTENT, PEAK in adu, SYMMETRY), px of the report

    Returns
    -------
    Number of discs.
    """
    space = _new_workspace()
    out = space.out
    for i in range(places.shape[0]):
        if m == discs.shape[0]:
            break
        cx = scale.zoom * places[i, X] + 0.5 * (scale.zoom - 1)
        cy = scale.zoom * places[i, Y] + 0.5 * (scale.zoom - 1)
        if not _fit_window(image, sign, cy, cx, rules, space):
            continue
        inside = 0 <= out[X] <= image.shape[1] - 1 and 0 <= out[Y] <= image.shape[0] - 1
        if (
            inside
            and out[SYMMETRY] > SYMMETRIC
            and out[SNR] > rules.threshold
            and out[S] > WIDE * rules.width
        ):
            _report(out, scale, rules.width, discs[m])
            m += 1
    return m


@inlined
def _report(out: FloatArray, scale: Scale, width: float, disc: FloatArray) -> None:
    """Write a disc in px and grey values of the report; width : width of a spot in focus, px of the fit."""
    step, grey = scale.step, scale.grey
    for k in (X, Y):
        out[k] = step * out[k] + 0.5 * (step - 1)
    for k in (S, ERROR, EXTENT):
        out[k] *= step
    for k in (B, PEAK):
        out[k] *= grey / (step * step)
    out[PEAK] *= 1 + 1 / (6 * width * width)  # px as coarse as a spot is wide lower its peak
    out[N] *= grey
    copy_row(out, disc)


@inlined
def copy_row(one: FloatArray, other: FloatArray) -> None:
    """Copy a row of a table."""
    for k in range(one.size):
        other[k] = one[k]
