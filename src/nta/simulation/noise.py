"""From expected photo-electrons to grey values: shot noise, read noise, full well, gain, offset, converter.

A pixel costs two random words. Shot noise is exact below 64 electrons: the mean is cut into a multiple of 1/4, drawn from
an alias table (Walker 1977), and a rest below 1/4, drawn by inversion; two Poisson numbers add to one. From 64 electrons
on it is a normal number with the skewness of the Poisson distribution (Cornish-Fisher), rounded.
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit, uint64
from numpy.typing import NDArray

from nta.columns import FloatArray

_STEP = 0.25
_TABLES = 256  # means up to 64 electrons
_OUTCOMES = 128  # 64 + 8 standard deviations

_LAYERS = 128
_TAIL = 3.442619855899
_AREA = 9.91256303526217e-3


def tables() -> tuple[NDArray[np.uint64], NDArray[np.uint8], FloatArray, FloatArray]:
    """Return what the kernel looks up: alias thresholds, aliases, and the ziggurat's edges and their ratios.

    Ziggurat: Marsaglia and Tsang, J. Stat. Softw. 5 (8) (2000), in the form of Doornik (2005).
    """
    threshold, alias = _alias_tables()
    edges = np.zeros(_LAYERS + 1)
    f = math.exp(-0.5 * _TAIL**2)
    edges[0], edges[1] = _AREA / f, _TAIL
    for i in range(2, _LAYERS):
        edges[i] = math.sqrt(-2 * math.log(_AREA / edges[i - 1] + f))
        f = math.exp(-0.5 * edges[i] ** 2)
    return threshold, alias, edges, edges[1:] / edges[:-1]


def _alias_tables() -> tuple[NDArray[np.uint64], NDArray[np.uint8]]:
    """Vose's alias tables of Poisson distributions with means 0, 1/4, 1/2, ..., one row each."""
    means = _STEP * np.arange(_TABLES)[:, None]
    counts = np.arange(_OUTCOMES)[None, :]
    log_factorial = np.cumsum(np.log(np.maximum(counts, 1)), axis=1)
    with np.errstate(divide="ignore", invalid="ignore"):
        chance = np.exp(np.where(counts == 0, 0.0, counts * np.log(means)) - means - log_factorial)
    chance *= _OUTCOMES / chance.sum(axis=1, keepdims=True)
    threshold = np.empty(chance.shape)
    alias = np.zeros(chance.shape, dtype=np.uint8)
    for row in range(_TABLES):
        p = chance[row].copy()
        small = [i for i in range(_OUTCOMES) if p[i] < 1]
        large = [i for i in range(_OUTCOMES) if p[i] >= 1]
        while small and large:
            i, j = small.pop(), large[-1]
            threshold[row, i], alias[row, i] = p[i], j
            p[j] -= 1 - p[i]
            if p[j] < 1:
                small.append(large.pop())
        for i in small + large:
            threshold[row, i], alias[row, i] = 1.0, i
    return np.minimum(threshold * 2.0**32, 2.0**32).astype(np.uint64), alias


def frame_state(seed: int, index: int) -> int:
    """Return the state from which the noise of one frame is drawn: any frame can be made again without the others."""
    return int(np.random.SeedSequence([seed, 1, index]).generate_state(1, np.uint64)[0])


@njit(inline="always")  # type: ignore[untyped-decorator]
def _next(state):  # type: ignore[no-untyped-def]
    """SplitMix64: Steele, Lea and Flood, OOPSLA 2014."""
    state = state + uint64(0x9E3779B97F4A7C15)
    z = state
    z = (z ^ (z >> uint64(30))) * uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> uint64(27))) * uint64(0x94D049BB133111EB)
    return state, z ^ (z >> uint64(31))


@njit(inline="always")  # type: ignore[untyped-decorator]
def _uniform(word):  # type: ignore[no-untyped-def]
    """A number in (0, 1)."""
    return (float(word >> uint64(11)) + 0.5) * (1.0 / 9007199254740992.0)


@njit  # type: ignore[untyped-decorator]
def _normal_rare(state, layer, u, edges):  # type: ignore[no-untyped-def]
    """Handle the one draw in eighty that falls outside the ziggurat's rectangles."""
    while True:
        if layer == 0:
            while True:
                state, word = _next(state)
                x = math.log(_uniform(word)) / _TAIL
                state, word = _next(state)
                y = math.log(_uniform(word))
                if -2 * y >= x * x:
                    break
            return state, (x - _TAIL) if u < 0 else (_TAIL - x)
        x = u * edges[layer]
        f0 = math.exp(-0.5 * (edges[layer] * edges[layer] - x * x))
        f1 = math.exp(-0.5 * (edges[layer + 1] * edges[layer + 1] - x * x))
        state, word = _next(state)
        if f1 + _uniform(word) * (f0 - f1) < 1.0:
            return state, x
        state, word = _next(state)
        layer = int(word & uint64(127))
        state, word = _next(state)
        u = 2.0 * _uniform(word) - 1.0
        if layer > 0 and abs(u) < edges[layer + 1] / edges[layer]:
            return state, u * edges[layer]
        if layer == 0 and abs(u) < edges[1] / edges[0]:
            return state, u * edges[0]


@njit(inline="always")  # type: ignore[untyped-decorator]
def _normal(state, edges, ratios):  # type: ignore[no-untyped-def]
    state, word = _next(state)
    layer = int(word & uint64(127))
    u = 2.0 * _uniform(word) - 1.0  # the layer's seven bits are not among the 53 used here
    if abs(u) < ratios[layer]:
        return state, u * edges[layer]
    return _normal_rare(state, layer, u, edges)


@njit  # type: ignore[untyped-decorator]
def _rest(u, mean):  # type: ignore[no-untyped-def]
    """Poisson number of a mean below 1/4, by inversion."""
    chance = math.exp(-mean)
    total = chance
    count = 0
    while u > total and count < 30:
        count += 1
        chance *= mean / count
        total += chance
    return count


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def expose(  # type: ignore[no-untyped-def]
    expected,
    threshold,
    alias,
    edges,
    ratios,
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
    for y in range(height):
        row = expected[y]
        out = image[y]
        for x in range(width):
            mean = float(row[x])
            if mean < 63.9:
                table = int(mean * 4.0)
                state, word = _next(state)
                outcome = int(word & uint64(127))
                if (word >> uint64(32)) >= threshold[table, outcome]:
                    outcome = int(alias[table, outcome])
                electrons = float(outcome)
                rest = mean - 0.25 * table
                u = float((word >> uint64(7)) & uint64(0x1FFFFFF)) * (1.0 / 33554432.0)
                if u > 1.0 - rest:  # else zero for certain, as exp(-m) > 1 - m
                    electrons += _rest(u, rest)
            else:
                state, z = _normal(state, edges, ratios)
                electrons = math.floor(mean + math.sqrt(mean) * z + (z * z - 1.0) / 6.0 + 0.5)
                electrons = max(electrons, 0.0)
            electrons = min(electrons, full_well_e)
            if read_noise_e > 0.0:
                state, z = _normal(state, edges, ratios)
                electrons += read_noise_e * z
            value = math.floor(electrons * per_e + offset_adu + 0.5)
            out[x] = min(max(value, 0.0), full_scale)
