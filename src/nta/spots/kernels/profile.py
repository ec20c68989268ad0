"""Radial profile of a disc about its centre, measured from the pixels themselves: robust against neighbours."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from nta.columns import Float32Array, FloatArray, IntArray
from nta.frames import Image
from nta.spots.kernels.options import inlined, inlined_making
from nta.spots.kernels.order import median

N_BINS = 40  # largest radius of a profile, px
CLIP_SD = 3.0  # clip of the residuals from the profile, in standard deviations: excludes neighbours
LEAST_WEIGHT = 0.1  # pixels; bins of the profile with fewer are not updated (design choice)
MOST_IN_RING = 8 * N_BINS  # room for the pixels at one radius; the widest ring has 2 pi N_BINS


class Profile(NamedTuple):
    """Radial profile, and the scratch arrays to measure it.

    values : signed grey value at each whole radius, px. new, weight : the next profile and its weights. rings, filled :
    pixels of each ring, and their number.
    """

    values: FloatArray
    new: FloatArray
    weight: FloatArray
    rings: FloatArray
    filled: IntArray


@inlined_making
def new_profile() -> Profile:
    """Return an empty profile."""
    return Profile(
        np.zeros(N_BINS + 2), np.zeros(N_BINS + 2), np.zeros(N_BINS + 2), np.zeros((N_BINS + 1, MOST_IN_RING)),
        np.zeros(N_BINS + 1, np.int64),
    )  # fmt: skip


@inlined
def measure_medians(
    image: Image | Float32Array, sign: np.float32, cy: float, cx: float, radius: int, profile: Profile
) -> bool:
    """Take the median of each ring of pixels, a first estimate; return whether every ring has pixels."""
    values, rings, filled = profile.values, profile.rings, profile.filled
    h, w = image.shape
    filled[:] = 0
    for y in range(max(0, int(cy) - radius), min(h, int(cy) + radius + 2)):
        for x in range(max(0, int(cx) - radius), min(w, int(cx) + radius + 2)):
            k = int(math.sqrt((x - cx) ** 2 + (y - cy) ** 2) + 0.5)
            if k <= radius and filled[k] < rings.shape[1]:
                rings[k, filled[k]] = sign * float(image[y, x])
                filled[k] += 1
    for k in range(radius + 1):
        if filled[k] == 0:
            if k == 0:
                continue
            return False
        values[k] = median(rings[k], filled[k])
    if filled[0] == 0:
        values[0] = values[1]
    values[radius + 1] = values[radius]
    return True


@inlined
def measure_means(
    image: Image | Float32Array, sign: np.float32, cy: float, cx: float, radius: int, spread2: float, profile: Profile
) -> None:  # fmt: skip
    """Update the profile: mean of the pixels, clipped about the previous profile; linear between whole pixels."""
    values, new, weight = profile.values, profile.new, profile.weight
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
            mu = (1 - f) * values[k] + f * values[k + 1]
            limit = CLIP_SD * math.sqrt(spread2)
            v = mu + min(max(sign * float(image[y, x]) - mu, -limit), limit)
            new[k] += (1 - f) * v
            weight[k] += 1 - f
            new[k + 1] += f * v
            weight[k + 1] += f
    for k in range(radius + 1):
        if weight[k] > LEAST_WEIGHT:
            values[k] = new[k] / weight[k]
    values[radius + 1] = values[radius]


@inlined
def around(profile: FloatArray, radius: int) -> float:
    """Background of a profile."""
    background: float = 0.5 * (profile[radius] + profile[radius - 1])
    return background


@inlined
def ring_light(profile: FloatArray, radius: int, k: int) -> float:
    """Light in the k-th ring of one pixel."""
    area = 2 * math.pi * k if k else 0.25 * math.pi
    light: float = area * max(profile[k] - around(profile, radius), 0.0)
    return light


@inlined
def light_of(profile: FloatArray, radius: int) -> float:
    """Light of a profile."""
    total = 0.0
    for k in range(radius):
        total += ring_light(profile, radius, k)
    return total


@inlined
def half_light(profile: FloatArray, radius: int, half: float) -> float:
    """Radius that encloses the light `half`; -1 if there is none."""
    light = 0.0
    for k in range(radius):
        more = ring_light(profile, radius, k)
        if more > 0 and light + more >= half:
            return k - 0.5 + (half - light) / more
        light += more
    return -1.0
