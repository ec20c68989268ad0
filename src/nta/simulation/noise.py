"""From expected photo-electrons to grey values: shot noise, read noise, full well, gain, offset, converter.

A pixel costs two random words. Shot noise is exact below 64 electrons: the mean is cut into a multiple of 1/16, drawn
from an alias table (Walker 1977), and a rest below 1/16, drawn by inversion; two Poisson numbers add to one. From 64
electrons on it is a normal number with the skewness of the Poisson distribution (Cornish-Fisher), rounded.
"""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np
from numba import int64, njit, uint64
from numpy.typing import NDArray

from nta.columns import FloatArray, IntArray

_PER_ELECTRON = 16
_TABLES = 64 * _PER_ELECTRON  # means up to 64 electrons
_OUTCOMES = 128  # 64 + 8 standard deviations

_LAYERS = 128
_TAIL = 3.442619855899
_AREA = 9.91256303526217e-3


@lru_cache(maxsize=1)
def tables() -> tuple[NDArray[np.uint64], FloatArray, IntArray, FloatArray]:
    """Return what the kernel looks up: alias tables; the ziggurat's edges, inner widths and units.

    An entry of an alias table holds a threshold of 32 bits above the alias. Ziggurat: Marsaglia and Tsang,
    J. Stat. Softw. 5 (8) (2000), in the form of Doornik (2005).
    """
    means = np.arange(_TABLES)[:, None] / _PER_ELECTRON
    counts = np.arange(_OUTCOMES)[None, :]
    log_factorial = np.cumsum(np.log(np.maximum(counts, 1)), axis=1)
    with np.errstate(divide="ignore", invalid="ignore"):
        chance = np.exp(np.where(counts == 0, 0.0, counts * np.log(means)) - means - log_factorial)
    chance *= _OUTCOMES / chance.sum(axis=1, keepdims=True)
    packed = np.empty(chance.shape, dtype=np.uint64)
    _fill_alias_tables(chance, packed)
    edges = np.zeros(_LAYERS + 1)
    f = math.exp(-0.5 * _TAIL**2)
    edges[0], edges[1] = _AREA / f, _TAIL
    for i in range(2, _LAYERS):
        edges[i] = math.sqrt(-2 * math.log(_AREA / edges[i - 1] + f))
        f = math.exp(-0.5 * edges[i] ** 2)
    inner = (edges[1:] / edges[:-1] * 2.0**56).astype(np.int64)
    return packed, edges, inner, edges[:-1] / 2.0**56


@njit(cache=True)
def _fill_alias_tables(chance, packed):  # type: ignore[no-untyped-def]
    """Vose's construction, IEEE Trans. Softw. Eng. 17, 972 (1991), one row per distribution; `chance` is used up."""
    rows, outcomes = chance.shape
    small = np.empty(outcomes, np.int64)
    large = np.empty(outcomes, np.int64)
    for row in range(rows):
        p = chance[row]
        n_small = n_large = 0
        for i in range(outcomes):
            packed[row, i] = uint64(0xFFFFFFFF00000000) | uint64(i)
            if p[i] < 1.0:
                small[n_small] = i
                n_small += 1
            else:
                large[n_large] = i
                n_large += 1
        while n_small > 0 and n_large > 0:
            n_small -= 1
            i = small[n_small]
            j = large[n_large - 1]
            packed[row, i] = (uint64(p[i] * 4294967295.0) << uint64(32)) | uint64(j)
            p[j] -= 1.0 - p[i]
            if p[j] < 1.0:
                n_large -= 1
                small[n_small] = j
                n_small += 1


def frame_state(seed: int, index: int) -> int:
    """Return the state from which the noise of one frame is drawn: any frame can be made again without the others."""
    return int(np.random.SeedSequence([seed, 1, index]).generate_state(1, np.uint64)[0])


@njit(inline="always")
def _next(state):  # type: ignore[no-untyped-def]
    """SplitMix64: Steele, Lea and Flood, OOPSLA 2014."""
    state = state + uint64(0x9E3779B97F4A7C15)
    z = state
    z = (z ^ (z >> uint64(30))) * uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> uint64(27))) * uint64(0x94D049BB133111EB)
    return state, z ^ (z >> uint64(31))


@njit(inline="always")
def _uniform(word):  # type: ignore[no-untyped-def]
    """Turn a word into a number in (0, 1)."""
    return (float(int64(word >> uint64(11))) + 0.5) * (1.0 / 9007199254740992.0)


@njit
def _normals(state, edges, inner, unit, out):  # type: ignore[no-untyped-def]
    """Fill with standard normal numbers; 7 bits choose the layer, the other 57, signed, the place in it."""
    for i in range(out.size):
        state, word = _next(state)
        layer = word & uint64(127)
        place = int64(word) >> 7
        if abs(place) < inner[layer]:
            out[i] = place * unit[layer]
        else:
            state, out[i] = _normal_rare(state, layer, place, edges, inner, unit)
    return state


@njit
def _normal_rare(state, layer, place, edges, inner, unit):  # type: ignore[no-untyped-def]
    """Handle the one draw in eighty that falls outside the ziggurat's inner rectangles."""
    while True:
        if abs(place) < inner[layer]:
            return state, place * unit[layer]
        if layer == uint64(0):
            return _normal_tail(state, place < 0)
        x = place * unit[layer]
        outer, inside = edges[layer], edges[layer + uint64(1)]
        f0 = math.exp(-0.5 * (outer * outer - x * x))
        f1 = math.exp(-0.5 * (inside * inside - x * x))
        state, word = _next(state)
        if f1 + _uniform(word) * (f0 - f1) < 1.0:
            return state, x
        state, word = _next(state)
        layer = word & uint64(127)
        place = int64(word) >> 7


@njit
def _normal_tail(state, negative):  # type: ignore[no-untyped-def]
    """Draw from beyond the outermost edge: Marsaglia, Technometrics 6, 101 (1964)."""
    while True:
        state, word = _next(state)
        x = math.log(_uniform(word)) / _TAIL
        state, word = _next(state)
        if -2.0 * math.log(_uniform(word)) >= x * x:
            return state, (x - _TAIL if negative else _TAIL - x)


@njit
def _rest(u, mean):  # type: ignore[no-untyped-def]
    """Poisson number of a mean below 1/16, by inversion."""
    chance = math.exp(-mean)
    total = chance
    count = 0
    while u > total and count < 30:
        count += 1
        chance *= mean / count
        total += chance
    return count


@njit
def _poissons(state, mean, packed, edges, inner, unit, out):  # type: ignore[no-untyped-def]
    """Fill with Poisson numbers. The bright pixels, few as a rule, go last: the loop over the dim ones stays tight."""
    bright = 0
    for i in range(mean.size):
        m = float(mean[i])
        if m < 63.99:
            table = int(m * 16.0)
            state, word = _next(state)
            entry = packed[uint64(table), word & uint64(127)]
            # both sides are computed, so that the processor need not guess
            kept = (word >> uint64(32)) < (entry >> uint64(32))
            count = float(int64((word if kept else entry) & uint64(127)))
            rest = m - float(table) * 0.0625
            u = float(int64((word >> uint64(7)) & uint64(0x1FFFFFF))) * (1.0 / 33554432.0)
            if u > 1.0 - rest:  # else zero for certain, as exp(-m) > 1 - m
                count += _rest(u, rest)
            out[i] = count
        else:
            bright += 1
    if bright == 0:
        return state
    for i in range(mean.size):
        m = float(mean[i])
        if m >= 63.99:
            state, word = _next(state)
            state, z = _normal_rare(state, word & uint64(127), int64(word) >> 7, edges, inner, unit)
            out[i] = max(math.floor(m + math.sqrt(m) * z + (z * z - 1.0) / 6.0 + 0.5), 0.0)
    return state


@njit(cache=True, nogil=True)
def expose(  # type: ignore[no-untyped-def]
    expected,
    packed,
    edges,
    inner,
    unit,
    state,
    read_noise_e,
    full_well_e,
    gain_e_per_adu,
    offset_adu,
    full_scale,
    image,
):
    """Fill `image` with grey values of a frame whose expected electrons are `expected`."""
    height, width = expected.shape
    state = uint64(state)
    per_e = 1.0 / gain_e_per_adu
    electrons = np.empty(width)
    read = np.zeros(width)
    for y in range(height):
        state = _poissons(state, expected[y], packed, edges, inner, unit, electrons)
        if read_noise_e > 0.0:
            state = _normals(state, edges, inner, unit, read)
        out = image[y]
        for x in range(width):
            held = electrons[x] if electrons[x] < full_well_e else full_well_e
            value = math.floor((held + read_noise_e * read[x]) * per_e + offset_adu + 0.5)
            value = value if value > 0.0 else 0.0
            out[x] = value if value < full_scale else full_scale
