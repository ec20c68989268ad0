"""Weights and norms of the matched filters at full and at half resolution."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nta.spots.fitting import PIXEL_VARIANCE

BOX = 11  # side of the local mean at half resolution
MEAN_CLIP_SD = 3.0  # standard deviations of noise above the background at which the local mean is clipped


@dataclass(frozen=True, kw_only=True, eq=False)
class Filters:
    """Six full-resolution and four half-resolution weights (centre outwards, unit sum) with the norms of the filters.

    A norm is the standard deviation of the response to unit white noise of one sample (pixel or 2x2 sum), with the local
    mean subtracted. `response` is the full-resolution response to a spot of unit volume, including its share in the mean.

    Curvature is four times the response at a pixel minus the responses at its four neighbours; a spot on the slope of a
    brighter spot still shows it. `half_curved` is its norm at half resolution, `curvature` the curvature of a spot at full
    resolution over its response.
    """

    full: NDArray[np.float32]
    half: NDArray[np.float32]
    full_norm: float
    half_norm: float
    half_curved: float
    response: float
    curvature: float


def filters_for(width_px: float) -> Filters:
    """Return the filters matched to Gaussian spots of standard deviation `width_px`."""
    full = _weights(width_px, 6)
    # a 2x2 sum already blurs by a variance of 1/4 px^2; the rest is divided by four in half-resolution px
    half = _weights(np.sqrt(max(width_px**2 - 0.25, 0.5) / 4), 4)
    side = 2 * BOX
    return Filters(
        full=full,
        half=half,
        full_norm=_norm(full, side),
        half_norm=_norm(half, BOX),
        half_curved=_curved_norm(half),
        response=_response(full, width_px),
        curvature=float(4 - 4 * np.exp(-1 / (4 * width_px**2))),
    )


def _weights(sigma: float, n: int) -> NDArray[np.float32]:
    k: NDArray[np.float64] = np.exp(-0.5 * (np.arange(n) / sigma) ** 2)
    weights: NDArray[np.float32] = (k / (k[0] + 2 * k[1:].sum())).astype(np.float32)
    return weights


def _square(weights: NDArray[np.float32], side: int) -> NDArray[np.float64]:
    line = np.concatenate([weights[:0:-1], weights]).astype(float)
    before = (side - line.size) // 2
    line = np.pad(line, (before, side - line.size - before))
    return np.outer(line, line)


def _norm(weights: NDArray[np.float32], side: int) -> float:
    return float(np.sqrt(((_square(weights, side) - 1 / side**2) ** 2).sum()))


def _curved_norm(weights: NDArray[np.float32]) -> float:
    square = np.pad(_square(weights, 2 * weights.size - 1), 2)
    around = [np.roll(square, step, axis) for axis in (0, 1) for step in (-1, 1)]
    return float(np.sqrt(((4 * square - sum(around)) ** 2).sum()))


def _response(weights: NDArray[np.float32], width_px: float) -> float:
    x = np.arange(1 - weights.size, weights.size)
    variance = width_px**2 + PIXEL_VARIANCE
    spot = np.exp(-0.5 * x**2 / variance) / np.sqrt(2 * np.pi * variance)
    line = np.concatenate([weights[:0:-1], weights]).astype(float)
    return float((line * spot).sum() ** 2)
