"""Diffraction patterns on pixels, tabulated by radius and defocus; motion within a piece is two points about its mean."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from nta.columns import Float32Array, FloatArray
from nta.compiled import compiled
from nta.simulation.gaussian import Pictures, information

_FAINTEST_E = 0.03  # electrons per pixel; a pattern is cut at the radius beyond which all of it is fainter


class Pattern(NamedTuple):
    """Diffraction pattern of unit light by defocus and radius, (depths, radii), radii `step_px` apart.

    share : of a pixel there. envelope : the largest share from there outwards.
    """

    share: Float32Array
    envelope: Float32Array
    step_px: float


class Pieces(NamedTuple):
    """Images in pieces of the exposure, (images, pieces): position and its standard deviation in px, depth, light.

    depth : row of the pattern; fractions interpolate between rows.
    """

    y: FloatArray
    x: FloatArray
    spread_y: FloatArray
    spread_x: FloatArray
    depth: FloatArray
    electrons: FloatArray


@compiled(inner=True)
def _reach_px(envelope: Float32Array, step_px: float, electrons: float) -> float:
    """Radius beyond which every pixel gets less than `_FAINTEST_E`; the envelope decreases with radius."""
    low, high = 0, envelope.size
    while low < high:
        middle = (low + high) // 2
        if envelope[middle] * electrons > _FAINTEST_E:
            low = middle + 1
        else:
            high = middle
    return (low + 1) * step_px


@compiled(inner=True)
def _add_pattern(
    target: NDArray[np.floating], y0: int, x0: int, profile: FloatArray, step_px: float, y: float, x: float, light: float,
    reach: float,
) -> None:  # fmt: skip
    """Add one pattern centred at (y, x): light to target[0], and slopes in y and x to target[1:] if present."""
    slopes = target.shape[0] == 3
    last = profile.size - 2
    per_px = 1.0 / step_px
    top = max(0, math.ceil(y - reach - y0))
    bottom = min(target.shape[1] - 1, math.floor(y + reach - y0))
    for r in range(top, bottom + 1):
        dy = r + y0 - y
        half = math.sqrt(max(reach * reach - dy * dy, 0.0))
        left = max(0, math.ceil(x - half - x0))
        right = min(target.shape[2] - 1, math.floor(x + half - x0))
        for c in range(left, right + 1):
            dx = c + x0 - x
            radius = math.sqrt(dy * dy + dx * dx)
            i = min(int(radius * per_px), last)
            part = radius * per_px - i
            fall = profile[i] - profile[i + 1]
            target[0, r, c] += light * (profile[i] - part * fall)
            if slopes and radius > 0.0:
                target[1, r, c] += light * fall * per_px / radius * dy
                target[2, r, c] += light * fall * per_px / radius * dx


@compiled(inner=True)
def _add_piece(
    target: NDArray[np.floating], y0: int, x0: int, pattern: Pattern, profile: FloatArray, pieces: Pieces, i: int, k: int
) -> None:  # fmt: skip
    """Add the k-th piece of the i-th image to a target whose first pixel is (y0, x0); `profile` is scratch."""
    share, envelope, step_px = pattern.share, pattern.envelope, pattern.step_px
    depth, electrons = pieces.depth[i, k], pieces.electrons[i, k]
    row = int(depth)
    weight = depth - row
    reach = max(
        _reach_px(envelope[row], step_px, electrons), _reach_px(envelope[row + 1], step_px, electrons)
    )
    reach = min(reach, (profile.size - 1) * step_px)
    for r in range(min(profile.size, int(reach / step_px) + 2)):
        profile[r] = share[row, r] * (1.0 - weight) + share[row + 1, r] * weight
    # two points at plus and minus one standard deviation have the mean and variance of the path; they alternate between the
    # two diagonals from piece to piece, so that the covariances of y and x cancel
    spread_x = pieces.spread_x[i, k] if k % 2 == 0 else -pieces.spread_x[i, k]
    for side in (-1.0, 1.0):
        at_y = pieces.y[i, k] + side * pieces.spread_y[i, k]
        at_x = pieces.x[i, k] + side * spread_x
        _add_pattern(target, y0, x0, profile, step_px, at_y, at_x, 0.5 * electrons, reach)


@compiled(outer=True)
def add_patterns(picture: Float32Array, pattern: Pattern, pieces: Pieces) -> None:
    """Add images to a picture of expected electrons."""
    profile = np.zeros(pattern.share.shape[1])
    target = picture.reshape((1, picture.shape[0], picture.shape[1]))
    for i in range(pieces.y.shape[0]):
        for k in range(pieces.y.shape[1]):
            _add_piece(target, 0, 0, pattern, profile, pieces, i, k)


@compiled(outer=True)
def pattern_visibility(
    pictures: Pictures, pattern: Pattern, pieces: Pieces, snr: FloatArray, crlb: FloatArray
) -> None:
    """Signal-to-noise ratio and Cramer-Rao bound of every image, as `gaussian.gaussian_visibility`."""
    height, width = pictures.full.shape
    y, x = pieces.y, pieces.x
    profile = np.zeros(pattern.share.shape[1])
    for i in range(y.shape[0]):
        reach = 0.0
        for k in range(y.shape[1]):
            envelope = pattern.envelope[int(pieces.depth[i, k])]
            reach = max(reach, _reach_px(envelope, pattern.step_px, pieces.electrons[i, k]))
        reach += 2.0
        y0 = max(0, math.floor(y[i].min() - reach))
        y1 = min(height - 1, math.ceil(y[i].max() + reach))
        x0 = max(0, math.floor(x[i].min() - reach))
        x1 = min(width - 1, math.ceil(x[i].max() + reach))
        if y1 < y0 or x1 < x0:
            snr[i], crlb[i] = 0.0, np.inf
            continue
        spot = np.zeros((3, y1 - y0 + 1, x1 - x0 + 1))
        for k in range(y.shape[1]):
            _add_piece(spot, y0, x0, pattern, profile, pieces, i, k)
        snr[i], crlb[i] = information(spot, pictures, y0, x0)
