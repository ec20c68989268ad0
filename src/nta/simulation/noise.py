"""From expected photo-electrons to grey values: shot noise, read noise, full well, gain, offset, converter.

A pixel takes two random words. Shot noise is exact below 64 electrons: the mean is divided into a multiple of 1/16, drawn
from an alias table (Walker 1977), and a remainder below 1/16, drawn by inversion; the sum of two Poisson numbers is a
Poisson number. From 64 electrons on it is a normal number with the skewness of the Poisson distribution (Cornish-Fisher),
rounded.
"""

from __future__ import annotations

import math
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from nta.columns import Float32Array, FloatArray, IntArray
from nta.compiled import compiled
from nta.frames import Image

_PER_ELECTRON = 16
_TABLES = 64 * _PER_ELECTRON  # means up to 64 electrons
_BRIGHT_E = _TABLES / _PER_ELECTRON - 0.01  # from here on normal numbers are used
_OUTCOME_BITS = 7
_OUTCOMES = 1 << _OUTCOME_BITS  # 64 + 8 standard deviations
# A word, as an entry of an alias table: an outcome below, a threshold above; the bits between draw the rest of the mean
_OUTCOME = np.uint64(_OUTCOMES - 1)
_THRESHOLD_BITS = 32
_THRESHOLD = np.uint64(_THRESHOLD_BITS)
_REST_BITS = _THRESHOLD_BITS - _OUTCOME_BITS
_REST = np.uint64((1 << _REST_BITS) - 1)

_LAYER_BITS = 7
_LAYERS = 1 << _LAYER_BITS
_LAYER = np.uint64(_LAYERS - 1)
_PLACES = 2.0 ** (63 - _LAYER_BITS)  # to either side: the other bits of a word, signed
_TAIL = 3.442619855899
_AREA = 9.91256303526217e-3


class Ziggurat(NamedTuple):
    """Layers of equal area under the normal density: their edges, inner widths and units."""

    edges: FloatArray
    inner: IntArray
    unit: FloatArray


class Tables(NamedTuple):
    """Tables for the kernel: alias tables, one row for each mean, and the ziggurat."""

    alias: NDArray[np.uint64]
    ziggurat: Ziggurat


class Reading(NamedTuple):
    """Conversion of electrons to grey values; the full well may be infinite."""

    read_noise_e: float
    full_well_e: float
    gain_e_per_adu: float
    offset_adu: float
    full_scale_adu: float


@lru_cache(maxsize=1)
def tables() -> Tables:
    """Return the tables for the kernel.

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
    inner = (edges[1:] / edges[:-1] * _PLACES).astype(np.int64)
    return Tables(packed, Ziggurat(edges, inner, edges[:-1] / _PLACES))


@compiled(outer=True)
def _fill_alias_tables(chance: FloatArray, packed: NDArray[np.uint64]) -> None:
    """Vose's construction, IEEE Trans. Softw. Eng. 17, 972 (1991), one row per distribution; `chance` is overwritten."""
    rows, outcomes = chance.shape
    small = np.empty(outcomes, np.int64)
    large = np.empty(outcomes, np.int64)
    for row in range(rows):
        p = chance[row]
        n_small = n_large = 0
        for i in range(outcomes):
            packed[row, i] = np.uint64(0xFFFFFFFF00000000) | np.uint64(i)
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
            packed[row, i] = (np.uint64(p[i] * 4294967295.0) << _THRESHOLD) | np.uint64(j)
            p[j] -= 1.0 - p[i]
            if p[j] < 1.0:
                n_large -= 1
                small[n_small] = j
                n_small += 1


def frame_state(seed: int, index: int) -> np.uint64:
    """Return the random state for the noise of one frame: any frame can be reproduced without the others."""
    state: np.uint64 = np.random.SeedSequence([seed, 1, index]).generate_state(1, np.uint64)[0]
    return state


@compiled(inline="always")
def _next(state: np.uint64) -> tuple[np.uint64, np.uint64]:
    """Return the next state and a random word. SplitMix64: Steele, Lea and Flood, OOPSLA 2014."""
    state = state + np.uint64(0x9E3779B97F4A7C15)
    z = state
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return state, z ^ (z >> np.uint64(31))


@compiled(inline="always")
def _uniform(word: np.uint64) -> float:
    """Turn a word into a number in (0, 1)."""
    return (float(np.int64(word >> np.uint64(11))) + 0.5) * (1.0 / 9007199254740992.0)


@compiled(inner=True)
def _normals(state: np.uint64, ziggurat: Ziggurat, out: FloatArray) -> np.uint64:
    """Fill with standard normal numbers; the low bits of a word choose the layer, the others, signed, the place in it."""
    _, inner, unit = ziggurat
    for i in range(out.size):
        state, word = _next(state)
        layer = word & _LAYER
        place = np.int64(word) >> _LAYER_BITS
        if abs(place) < inner[layer]:
            out[i] = place * unit[layer]
        else:
            state, out[i] = _normal_rare(state, layer, place, ziggurat)
    return state


@compiled(inner=True)
def _normal_rare(
    state: np.uint64, layer: np.uint64, place: np.int64, ziggurat: Ziggurat
) -> tuple[np.uint64, float]:
    """Handle the one draw in eighty that falls outside the ziggurat's inner rectangles."""
    edges, inner, unit = ziggurat
    while True:
        if abs(place) < inner[layer]:
            return state, place * unit[layer]
        if layer == np.uint64(0):
            return _normal_tail(state, bool(place < 0))
        x = place * unit[layer]
        outer, inside = edges[layer], edges[layer + np.uint64(1)]
        f0 = math.exp(-0.5 * (outer * outer - x * x))
        f1 = math.exp(-0.5 * (inside * inside - x * x))
        state, word = _next(state)
        if f1 + _uniform(word) * (f0 - f1) < 1.0:
            return state, x
        state, word = _next(state)
        layer = word & _LAYER
        place = np.int64(word) >> _LAYER_BITS


@compiled(inner=True)
def _normal_tail(state: np.uint64, negative: bool) -> tuple[np.uint64, float]:
    """Draw from beyond the outermost edge: Marsaglia, Technometrics 6, 101 (1964)."""
    while True:
        state, word = _next(state)
        x = math.log(_uniform(word)) / _TAIL
        state, word = _next(state)
        if -2.0 * math.log(_uniform(word)) >= x * x:
            return state, (x - _TAIL if negative else _TAIL - x)


@compiled(inner=True)
def _rest(u: float, mean: float) -> int:
    """Draw the Poisson number of a mean below 1/16, by inversion."""
    chance = math.exp(-mean)
    total = chance
    count = 0
    while u > total and count < 30:
        count += 1
        chance *= mean / count
        total += chance
    return count


@compiled(inner=True)
def _poissons(state: np.uint64, mean: Float32Array, lookup: Tables, out: FloatArray) -> np.uint64:
    """Fill with Poisson numbers. Bright pixels, usually few, come last, so that the loop over dim ones stays simple."""
    bright = 0
    for i in range(mean.size):
        m = float(mean[i])
        if m < _BRIGHT_E:
            table = int(m * _PER_ELECTRON)
            state, word = _next(state)
            entry = lookup.alias[np.uint64(table), word & _OUTCOME]
            # both sides are computed, so that the processor need not guess
            kept = (word >> _THRESHOLD) < (entry >> _THRESHOLD)
            count = float(np.int64((word if kept else entry) & _OUTCOME))
            rest = m - table / _PER_ELECTRON
            u = float(np.int64((word >> np.uint64(_OUTCOME_BITS)) & _REST)) * (1.0 / (1 << _REST_BITS))
            if u > 1.0 - rest:  # otherwise certainly zero, because exp(-m) > 1 - m
                count += _rest(u, rest)
            out[i] = count
        else:
            bright += 1
    if bright == 0:
        return state
    for i in range(mean.size):
        m = float(mean[i])
        if m >= _BRIGHT_E:
            state, word = _next(state)
            state, z = _normal_rare(state, word & _LAYER, np.int64(word) >> _LAYER_BITS, lookup.ziggurat)
            out[i] = max(math.floor(m + math.sqrt(m) * z + (z * z - 1.0) / 6.0 + 0.5), 0.0)
    return state


@compiled(outer=True)
def expose(expected: Float32Array, lookup: Tables, state: np.uint64, reading: Reading, image: Image) -> None:
    """Fill `image` with grey values of a frame whose expected electrons are `expected`."""
    height, width = expected.shape
    read_noise_e, full_well_e = reading.read_noise_e, reading.full_well_e
    offset_adu, full_scale_adu = reading.offset_adu, reading.full_scale_adu
    per_e = 1.0 / reading.gain_e_per_adu
    electrons = np.empty(width)
    read = np.zeros(width)
    for y in range(height):
        state = _poissons(state, expected[y], lookup, electrons)
        if read_noise_e > 0.0:
            state = _normals(state, lookup.ziggurat, read)
        out = image[y]
        for x in range(width):
            held = electrons[x] if electrons[x] < full_well_e else full_well_e
            value = math.floor((held + read_noise_e * read[x]) * per_e + offset_adu + 0.5)
            value = value if value > 0.0 else 0.0
            out[x] = value if value < full_scale_adu else full_scale_adu
