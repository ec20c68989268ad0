"""Variance of the matched filter's response beyond the noise of the camera: excess noise and clutter.

Excess: a codec leaves noise that is correlated between neighbouring pixels, which a filter does not average away. It is
measured in the response to the difference of two frames, where nothing moves, and enters the noise of every fit.
Clutter: rings and haze of particles far from focus are structure but not spots. They are measured in the response itself,
by its spread below the median, which spots (above the median) do not affect; they raise the threshold.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from nta.spots.filters import BOX, MEAN_CLIP_SD
from nta.spots.learned import Layer, summed

BELOW = 15.8655  # percentile one standard deviation below the median
TILE = 10  # px; side of a tile: in the calmest tiles nothing moves
CALM = 0.15  # share of tiles that count as calm
FEWEST_TILES = 40

SIDE = 320  # px; side of the part of a frame that is measured

Part = tuple[slice, slice]
Signed = NDArray[np.float32]  # signed grey values of a frame without its spots


def with_excess(layers: Sequence[Layer], pairs: Sequence[tuple[Signed, Signed]], sign: int) -> list[Layer]:
    """Return the layers, each at half the resolution of the one before, with their excess and clutter measured.

    pairs : consecutive frames at the first layer, signed grey values without stripes and without the light of spots.
    """
    measured: list[Layer] = []
    for layer in layers:
        if measured:
            pairs = halved(pairs, measured[-1])
        h, w = layer.background.shape
        pairs = [(a[:h, :w], b[:h, :w]) for a, b in pairs]
        part = _middle(h, w)
        limit = _clip(layer, sign, part)
        pattern = layer.pattern[part] if layer.pattern.size else np.float32(0)
        responses = [
            [_response(value[part] - pattern, layer, sign, limit) for value in pair] for pair in pairs
        ]
        clutter = float(np.median([spread_below(pair[0]) ** 2 for pair in responses]))
        noise = _calm_variance(
            [_filtered(white_noise(*responses[0][0].shape), layer) / layer.filters.full_norm]
        )
        calm = _calm_variance([np.float32(0.5**0.5) * (b - a) for a, b in responses])
        excess = max(1.0, calm / noise) if noise > 0 else 1.0
        measured.append(replace(layer, excess=excess, clutter=max(excess, clutter)))
    return measured


def halved(pairs: Sequence[tuple[Signed, Signed]], layer: Layer) -> list[tuple[Signed, Signed]]:
    """Return the pairs of frames of this layer at half its resolution."""
    divisor = np.float32(2.0**layer.shift)
    return [(summed(a) / divisor, summed(b) / divisor) for a, b in pairs]


@lru_cache(maxsize=8)
def white_noise(height: int, width: int) -> Signed:
    """White noise of unit variance, always the same: its response in the calmest tiles is measured, not derived."""
    noise: Signed = np.random.default_rng(0).standard_normal((height, width), dtype=np.float32)
    return noise


def _middle(height: int, width: int) -> Part:
    """Return the slices of the middle of a frame, large enough for the statistics."""
    y, x = (max(0, (n - SIDE) // 2) for n in (height, width))
    return slice(y, y + SIDE), slice(x, x + SIDE)


def _response(value: Signed, layer: Layer, sign: int, limit: Signed) -> Signed:
    """Response of the matched filter over the standard deviation of its response to white noise.

    limit : upper clip of the local mean.
    """
    mean = box_mean(np.minimum(value, limit), 2 * BOX)
    expected = np.float32(layer.filters.full_norm) * np.sqrt(layer.noise.variance(sign * mean))
    return np.asarray((_filtered(value, layer) - mean) / expected, np.float32)


def _clip(layer: Layer, sign: int, part: Part) -> Signed:
    """Return the upper clip of the local mean, in signed grey values."""
    background = layer.background[part]
    sd = np.sqrt(layer.noise.variance(background.astype(float)))
    return np.asarray(sign * background + MEAN_CLIP_SD * sd, np.float32)


def _filtered(image: NDArray[np.float32], layer: Layer) -> NDArray[np.float32]:
    from nta.spots.kernels.means import filtered

    out = np.empty(image.shape, np.float32)
    filtered(np.ascontiguousarray(image), layer.filters.full, out)
    return out


def spread_below(response: NDArray[np.float32]) -> float:
    """Return the distance from the median down to the 16th percentile, the standard deviation of a normal distribution."""
    h, w = response.shape
    middle, low = np.percentile(response[:: max(1, h // 160), :: max(1, w // 160)], [50, BELOW])
    return float(middle - low)


def _calm_variance(differences: Sequence[NDArray[np.float32]]) -> float:
    """Mean square in the calmest tiles; 0 if a codec froze them or there are too few."""
    variances = np.concatenate([_tile_squares(d).ravel() for d in differences])
    if variances.size < FEWEST_TILES:
        return 0.0
    return float(np.quantile(variances, CALM))


def _tile_squares(image: NDArray[np.float32]) -> NDArray[np.float32]:
    h, w = image.shape[0] // TILE * TILE, image.shape[1] // TILE * TILE
    squares = np.square(image[:h, :w]).reshape(h // TILE, TILE, w).sum(axis=1)
    means: NDArray[np.float32] = squares.reshape(h // TILE, w // TILE, TILE).sum(axis=2) / np.float32(
        TILE * TILE
    )
    return means


def box_mean(image: Signed, side: int) -> Signed:
    """Mean over a square around each 2x2 px, `side` twice an odd number; reflected at the borders."""
    from nta.spots.kernels.means import box_means

    mean = np.empty(image.shape, np.float32)
    box_means(np.ascontiguousarray(image, np.float32), side // 2, mean)
    return mean
