"""Discs and rings: what a particle out of focus looks like is symmetric about its centre, whatever its profile.

The centre is fitted together with the radial profile, which is taken from the pixels themselves: no model of the optics is
needed, and the Fisher information of the profile's slope gives the error of the centre. Pixels far from the profile
(neighbours) are clipped. How much of the light's variation the profile explains tells a ring from a group of spots.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from nta.columns import Float32Array, FloatArray, IntArray
from nta.frames import Image
from nta.spots.columns import CHI2, ERROR, FLAGS, N_TABLE, SNR, B, N, S, X, Y
from nta.spots.fitting import LONGEST_STEP_PX
from nta.spots.kernels.flags import EDGE, OUT_OF_FOCUS, POOR_FIT, SATURATED
from nta.spots.kernels.options import compiled, inlined

ITERATIONS = 10
FIRST_ITERATIONS = 2  # of what is probably no disc
CLIP_SD = 3.0  # of the residuals: what is further from the profile is a neighbour's
N_BINS = 40  # px from the centre, at most
HALF_OF_GAUSSIAN = 1.1774  # radius that holds half the light of a Gaussian, in standard deviations
EXTENT, PEAK, SYMMETRY = N_TABLE, N_TABLE + 1, N_TABLE + 2  # columns of a disc behind those of a spot
N_DISC = N_TABLE + 3
# share of the variation that is symmetric: a lone disc has 0.8 or more, two equal spots at most 0.4
SYMMETRIC = 0.6
WIDE = 1.6  # widths of a spot in focus from which on light is a disc
SIGNIFICANT = 1.5  # thresholds: a disc has many pixels in which to be seen
# of that width, by medians about a place that is not fitted yet: rather too wide than too narrow
SURELY_NARROW = 0.8
REACHES = 0.75  # share of the window's radius that holds nine tenths of the light: there may be more beyond
INSIDE = 1.15  # extents within which a faint spot belongs to the disc
OUTSHINES = 2.0  # times the disc's peak: a spot of its own in front of the disc
EXPLAINED = 0.6  # share of a disc's light that a few well-fitted spots may not hold, or it is they
FEW = 3
CONCENTRIC = 0.5  # extents within which two discs are one
BEYOND_PX = 1.0  # a disc that reaches beyond the frame by more is flagged
LEAST_WEIGHT = 0.1  # pixels: where there are fewer, the profile stays as it is (design choice)
LEAST_RADIUS_PX = 0.3  # nearer to the centre, slopes have no direction
# times the variance: for the centre, pixels are clipped later than for the profile (design choice)
CLIP_WIDENED = 4
UNCLIPPED = 100  # times the variance: a disc is described with all that is there
LEAST_NOISE_SHARE = 0.5  # of the noise that is expected: residuals are taken to have so much (design choice)
DEGENERATE = 1e-12  # determinant over squared trace of the Fisher matrix: without a slope there is no centre
STRAY_SHARE = 0.4  # of the window's radius that the centre may move away by (design choice)
SETTLED_PX = 0.01  # step that ends the fit (design choice)
EXTENT_SHARE = 0.9  # of the light that a disc holds within its extent
DESCRIBED = 1.2  # extents within which a disc is told from a group of spots (design choice)
MOST_IN_RING = 8 * N_BINS  # pixels at one radius: the widest ring has 2 pi N_BINS
# Sums over the pixels of a disc: Fisher matrix and gradient of the centre, residuals over their noise and as they are, light
# about the background, and noise
XX, XY, YY, TO_X, TO_Y, OVER_NOISE, RESIDUAL, VARIATION, NOISE, N_SUMS = range(10)


class GreyNoise(NamedTuple):
    """Variance of a pixel at a signed grey value: var0 + slope * value, at least `floor`."""

    var0: float
    slope: float
    floor: float


class DiscRules(NamedTuple):
    """How discs are fitted, in px and grey values of the frame they are fitted in.

    radius : of the window; up to `widest` it grows where the light reaches its border.
    width : of a spot in focus. threshold : least signal over noise.
    """

    radius: int
    widest: int
    noise: GreyNoise
    width: float
    threshold: float


class Scale(NamedTuple):
    """How lengths and grey values of three frames go together: candidates, the one in which discs are fitted, the report.

    zoom : px of the fit in one of the candidates. step : px of the report in one of the fit. grey : grey values of the
    report in one of the fit.
    """

    zoom: int
    step: int
    grey: float


class DiscWorkspace(NamedTuple):
    """Scratch arrays for one disc.

    profile : of the light. new, weight : the next one. values, filled : pixels of each ring, and how many there are.
    sums : see `XX`. out : what was fitted, as a row of `find_discs`; wider : the same in a wider window.
    """

    profile: FloatArray
    new: FloatArray
    weight: FloatArray
    values: FloatArray
    filled: IntArray
    sums: FloatArray
    out: FloatArray
    wider: FloatArray


@inlined
def _new_workspace() -> DiscWorkspace:
    """Return an empty workspace."""
    return DiscWorkspace(
        np.zeros(N_BINS + 2), np.zeros(N_BINS + 2), np.zeros(N_BINS + 2), np.zeros((N_BINS + 1, MOST_IN_RING)),
        np.zeros(N_BINS + 1, np.int64), np.zeros(N_SUMS), np.zeros(N_DISC), np.zeros(N_DISC),
    )  # fmt: skip


@inlined
def _medians(
    image: Image | Float32Array, sign: np.float32, cy: float, cx: float, radius: int, space: DiscWorkspace
) -> bool:
    """Median of the pixels in each ring of one pixel: a first profile that neighbours do not disturb."""
    profile, values, filled = space.profile, space.values, space.filled
    h, w = image.shape
    filled[:] = 0
    for y in range(max(0, int(cy) - radius), min(h, int(cy) + radius + 2)):
        for x in range(max(0, int(cx) - radius), min(w, int(cx) + radius + 2)):
            k = int(math.sqrt((x - cx) ** 2 + (y - cy) ** 2) + 0.5)
            if k <= radius and filled[k] < values.shape[1]:
                values[k, filled[k]] = sign * float(image[y, x])
                filled[k] += 1
    for k in range(radius + 1):
        if filled[k] == 0:
            if k == 0:
                continue
            return False
        profile[k] = np.median(values[k, : filled[k]])
    if filled[0] == 0:
        profile[0] = profile[1]
    profile[radius + 1] = profile[radius]
    return True


@inlined
def _mean_profile(
    image: Image | Float32Array, sign: np.float32, cy: float, cx: float, radius: int, spread2: float, space: DiscWorkspace
) -> None:  # fmt: skip
    """Mean profile, linear between whole pixels, of pixels clipped to the profile so far."""
    profile, new, weight = space.profile, space.new, space.weight
    h, w = image.shape
    new[:] = 0.0
    weight[:] = 1e-9
    for y in range(max(0, int(cy) - radius), min(h, int(cy) + radius + 2)):
        for x in range(max(0, int(cx) - radius), min(w, int(cx) + radius + 2)):
            r = math.sqrt((x - cx) ** 2 + (y - cy) ** 2)
            k = int(r)
            if k > radius:
                continue
            f = r - k
            mu = (1 - f) * profile[k] + f * profile[k + 1]
            limit = CLIP_SD * math.sqrt(spread2)
            v = mu + min(max(sign * float(image[y, x]) - mu, -limit), limit)
            new[k] += (1 - f) * v
            weight[k] += 1 - f
            new[k + 1] += f * v
            weight[k + 1] += f
    for k in range(radius + 1):
        if weight[k] > LEAST_WEIGHT:
            profile[k] = new[k] / weight[k]
    profile[radius + 1] = profile[radius]


@inlined
def _moments(
    image: Image | Float32Array, sign: np.float32, cy: float, cx: float, radius: int, within: int, background: float,
    noise: GreyNoise, spread2: float, space: DiscWorkspace,
) -> int:  # fmt: skip
    """Fisher matrix and gradient of the centre, misfit and variation; returns the number of pixels."""
    profile, sums = space.profile, space.sums
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
def _around(profile: FloatArray, radius: int) -> float:
    """Background of a profile."""
    background: float = 0.5 * (profile[radius] + profile[radius - 1])
    return background


@inlined
def _ring_light(profile: FloatArray, radius: int, k: int) -> float:
    """Light in the k-th ring of one pixel."""
    area = 2 * math.pi * k if k else 0.25 * math.pi
    light: float = area * max(profile[k] - _around(profile, radius), 0.0)
    return light


@inlined
def _light(profile: FloatArray, radius: int) -> float:
    """Light of a profile."""
    total = 0.0
    for k in range(radius):
        total += _ring_light(profile, radius, k)
    return total


@inlined
def _half_light(profile: FloatArray, radius: int, half: float) -> float:
    """Radius that holds the light `half`; -1 where there is none."""
    light = 0.0
    for k in range(radius):
        more = _ring_light(profile, radius, k)
        if more > 0 and light + more >= half:
            return k - 0.5 + (half - light) / more
        light += more
    return -1.0


@inlined
def _fit_disc(
    image: Image | Float32Array, sign: np.float32, cy: float, cx: float, radius: int, iterations: int, rules: DiscRules,
    space: DiscWorkspace, out: FloatArray,
) -> bool:  # fmt: skip
    """Fit centre and profile; False where there is no light or the centre runs away. `out` as a row of `find_discs`."""
    noise, profile, sums = rules.noise, space.profile, space.sums
    if not _medians(image, sign, cy, cx, radius, space):
        return False
    half = _half_light(profile, radius, 0.5 * _light(profile, radius))
    if half < SURELY_NARROW * HALF_OF_GAUSSIAN * (WIDE * rules.width):
        return False
    y0, x0 = cy, cx
    spread2 = max(noise.var0 + noise.slope * profile[0], noise.floor)
    n = 0
    for _ in range(iterations):
        _mean_profile(image, sign, cy, cx, radius, spread2, space)
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
    profile, sums = space.profile, space.sums
    background = _around(profile, radius)
    total = _light(profile, radius)
    if not total > 0:
        return False
    half = _half_light(profile, radius, 0.5 * total)
    peak, light, extent = 0.0, 0.0, float(radius)
    for k in range(radius):
        peak = max(peak, profile[k] - background)
    for k in range(radius):
        light += _ring_light(profile, radius, k)
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
def _fit_lone(
    image: Image | Float32Array, sign: np.float32, cy: float, cx: float, rules: DiscRules, space: DiscWorkspace
) -> bool:  # fmt: skip
    """Fit a disc in a window that grows where the light reaches its border, into `space.out`.

    Most places where a Gaussian was too narrow are pairs and streaks: a few steps tell that they are not symmetric.
    """
    out = space.out
    y, x, iterations, window = cy, cx, FIRST_ITERATIONS, rules.radius
    while _fit_disc(image, sign, y, x, window, iterations, rules, space, space.wider):
        out[:] = space.wider
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
    """Fit a disc at each of the places in `image`; append what is one to the m `discs` there are.

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
        if rules.widest > rules.radius:
            fitted = _fit_lone(image, sign, cy, cx, rules, space)
        else:
            fitted = _fit_disc(image, sign, cy, cx, rules.radius, ITERATIONS, rules, space, out)
        if not fitted:
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
    """Write a disc in px and grey values of the report; width : of a spot in focus, px of the fit."""
    step, grey = scale.step, scale.grey
    for k in (X, Y):
        out[k] = step * out[k] + 0.5 * (step - 1)
    for k in (S, ERROR, EXTENT):
        out[k] *= step
    for k in (B, PEAK):
        out[k] *= grey / (step * step)
    out[PEAK] *= 1 + 1 / (6 * width * width)  # a px as coarse as a spot is wide lowers its peak
    out[N] *= grey
    disc[:] = out


@inlined
def _are_spots(rows: FloatArray, n: int, disc: FloatArray, gain: float) -> bool:
    """Whether the disc's light is that of a few spots, each of which fits."""
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
    """Put each disc once into the n spots of a frame and take out the spots that are part of it.

    gain, offset : from adu to the electrons of `rows`. height, width : of the frame.

    Returns
    -------
    Number of spots.
    """
    order = np.argsort(-discs[:m, SNR])
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
            rows[left] = rows[i]
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
