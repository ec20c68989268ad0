"""Diffraction patterns on pixels: looked up by radius and defocus, motion within a piece by two points around its mean."""

from __future__ import annotations

import math

import numpy as np
from numba import njit

from nta.simulation.gaussian import information

_FAINTEST_E = 0.03  # per pixel; a pattern is cut where all of it beyond is fainter


@njit
def _reach_px(envelope, step_px, electrons):  # type: ignore[no-untyped-def]
    """Radius beyond which no pixel gets as much as `_FAINTEST_E`; the envelope falls."""
    low, high = 0, envelope.size
    while low < high:
        middle = (low + high) // 2
        if envelope[middle] * electrons > _FAINTEST_E:
            low = middle + 1
        else:
            high = middle
    return (low + 1) * step_px


@njit
def _add_pattern(target, y0, x0, profile, step_px, y, x, light, reach):  # type: ignore[no-untyped-def]
    """Add one pattern centred at (y, x); target[0] takes light, target[1:], if there, slopes in y and x."""
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


@njit
def _add_piece(  # type: ignore[no-untyped-def]
    target, y0, x0, share, envelope, step_px, profile, turn, y, x, spread_y, spread_x, depth, electrons
):
    row = int(depth)
    weight = depth - row
    reach = max(
        _reach_px(envelope[row], step_px, electrons), _reach_px(envelope[row + 1], step_px, electrons)
    )
    reach = min(reach, (profile.size - 1) * step_px)
    for i in range(min(profile.size, int(reach / step_px) + 2)):
        profile[i] = share[row, i] * (1.0 - weight) + share[row + 1, i] * weight
    # two points at one standard deviation to both sides have mean and variance of the path; the diagonals take turns from
    # piece to piece, so that their covariances cancel
    for side in (-1.0, 1.0):
        at_y = y + side * spread_y
        at_x = x + side * (spread_x if turn else -spread_x)
        _add_pattern(target, y0, x0, profile, step_px, at_y, at_x, 0.5 * electrons, reach)


@njit(cache=True, nogil=True)
def add_patterns(picture, share, envelope, step_px, y, x, spread_y, spread_x, depth, electrons):  # type: ignore[no-untyped-def]
    """Add images to a picture of expected electrons; places, depths and light are (images, pieces of the exposure)."""
    profile = np.zeros(share.shape[1])
    target = picture.reshape((1, picture.shape[0], picture.shape[1]))
    for i in range(y.shape[0]):
        for k in range(y.shape[1]):
            _add_piece(
                target, 0, 0, share, envelope, step_px, profile, k % 2 == 0,
                y[i, k], x[i, k], spread_y[i, k], spread_x[i, k], depth[i, k], electrons[i, k],
            )  # fmt: skip


@njit(cache=True, nogil=True)
def pattern_visibility(  # type: ignore[no-untyped-def]
    picture,
    empty,
    read_noise_e,
    share,
    envelope,
    step_px,
    y,
    x,
    spread_y,
    spread_x,
    depth,
    electrons,
    snr,
    crlb,
):
    """Signal-to-noise ratio and Cramer-Rao bound of every image, as `gaussian.gaussian_visibility`."""
    height, width = picture.shape
    read = read_noise_e * read_noise_e
    profile = np.zeros(share.shape[1])
    for i in range(y.shape[0]):
        reach = 0.0
        for k in range(y.shape[1]):
            row = int(depth[i, k])
            reach = max(reach, _reach_px(envelope[row], step_px, electrons[i, k]))
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
            _add_piece(
                spot, y0, x0, share, envelope, step_px, profile, k % 2 == 0,
                y[i, k], x[i, k], spread_y[i, k], spread_x[i, k], depth[i, k], electrons[i, k],
            )  # fmt: skip
        snr[i], crlb[i] = information(spot, picture, empty, read, y0, x0)
