"""The square of pixels that a spot is fitted on: its electrons, its mask, and the light of the spots beside it."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from nta.spots.kernels.algebra import axis
from nta.spots.kernels.fit import CENTRE_Y, LANES, N_COLUMNS, SIDE, WORK, N, S, X, Y, f4
from nta.spots.kernels.options import OPTIONS

NEAR = 11.0  # px beyond which a neighbour's light does not matter


class View(NamedTuple):
    """A frame and how its grey values become electrons: gain * (sign * image - pattern - offset)."""

    image: NDArray[np.generic]
    sign: np.float32
    pattern: NDArray[np.float32]
    radius: int
    offset: np.float32
    gain: np.float32
    full_scale: float


class Desk(NamedTuple):
    """Room to work on one spot: patch, light of its neighbours and none, mask, and the workspaces of the fits."""

    patch: NDArray[np.float32]
    light: NDArray[np.float32]
    dark: NDArray[np.float32]
    mask: NDArray[np.float32]
    work: NDArray[np.float32]
    ax: NDArray[np.float64]
    ay: NDArray[np.float64]
    a: NDArray[np.float64]
    g: NDArray[np.float64]
    start: NDArray[np.float64]
    out: NDArray[np.float64]
    out2: NDArray[np.float64]


@njit(**OPTIONS)
def new_desk():  # type: ignore[no-untyped-def]
    """Return an empty desk."""
    return Desk(
        np.zeros((SIDE, LANES), f4), np.zeros((SIDE, LANES), f4), np.zeros((SIDE, LANES), f4), np.zeros((SIDE, LANES), f4),
        np.zeros(WORK, f4), np.zeros((3, LANES)), np.zeros((3, LANES)), np.empty((8, 8)), np.empty(8), np.empty(5),
        np.empty(N_COLUMNS), np.empty(N_COLUMNS),
    )  # fmt: skip


@njit(**OPTIONS)
def load_patch(image, sign, pattern, cy, cx, radius, out):  # type: ignore[no-untyped-def]
    """Copy the square of `radius` around (cy, cx) as ``sign * image - pattern``, reflected at the frame's border."""
    h, w = image.shape
    n = 2 * radius + 1
    inside = cx >= radius and cy >= radius and cx < w - radius and cy < h - radius
    for j in range(n):
        y = cy - radius + j
        if y < 0:
            y = -y
        if y >= h:
            y = 2 * h - 2 - y
        if inside:
            row = image[y, cx - radius : cx + radius + 1]
            for i in range(n):
                out[j, i] = sign * f4(row[i])
        else:
            for i in range(n):
                x = abs(cx - radius + i)
                if x >= w:
                    x = 2 * w - 2 - x
                out[j, i] = sign * f4(image[y, x])
        if pattern.size > 0:
            for i in range(n):
                x = abs(cx - radius + i)
                if x >= w:
                    x = 2 * w - 2 - x
                out[j, i] -= pattern[y, x]


@njit(**OPTIONS)
def load_electrons(view, cy, cx, desk):  # type: ignore[no-untyped-def]
    """Load the patch around (cy, cx) in electrons and mask its saturated pixels; returns how many these are."""
    radius, patch, mask = view.radius, desk.patch, desk.mask
    side = 2 * radius + 1
    load_patch(view.image, view.sign, view.pattern, cy, cx, radius, patch)
    top = 0
    for j in range(side):
        row = view.image[cy - radius + j, cx - radius : cx + radius + 1]
        for i in range(side):
            top = row[i] if row[i] > top else top
    for j in range(side):
        for i in range(side):
            patch[j, i] = (patch[j, i] - view.offset) * view.gain
            mask[j, i] = f4(1)
    saturated = 0
    if top >= view.full_scale:
        for j in range(side):
            row = view.image[cy - radius + j, cx - radius : cx + radius + 1]
            for i in range(side):
                if row[i] >= view.full_scale:
                    mask[j, i] = f4(0)
                    saturated += 1
    return saturated


@njit(**OPTIONS)
def neighbour_light(rows, n, i, qx, qy, side, desk):  # type: ignore[no-untyped-def]
    """Sum the light of the other fitted spots on the patch whose first pixel is (qx, qy); False where there is none."""
    light, ax, ay = desk.light, desk.ax, desk.ay
    some = False
    for direction in (-1, 1):
        j = i + direction
        while 0 <= j < n and abs(rows[j, CENTRE_Y] - rows[i, CENTRE_Y]) < NEAR + 6:
            if rows[j, N] > 0 and abs(rows[j, X] - rows[i, X]) < NEAR and abs(rows[j, Y] - rows[i, Y]) < NEAR:
                if not some:
                    some = True
                    light[:, :] = f4(0)
                axis(rows[j, X] - qx, rows[j, S], side, ax[0], ax[1], ax[2])
                axis(rows[j, Y] - qy, rows[j, S], side, ay[0], ay[1], ay[2])
                for y in range(side):
                    e = rows[j, N] * ay[0, y]
                    for x in range(side):
                        light[y, x] += f4(e * ax[0, x])
            j += direction
    return some


@njit(**OPTIONS)
def is_near(rows, n, i, apart):  # type: ignore[no-untyped-def]
    """Whether a fitted spot lies nearer than `apart` of its widths."""
    for direction in (-1, 1):
        j = i + direction
        while 0 <= j < n and abs(rows[j, CENTRE_Y] - rows[i, CENTRE_Y]) < NEAR + 6:
            if rows[j, N] > 0:
                d2 = (rows[j, X] - rows[i, X]) ** 2 + (rows[j, Y] - rows[i, Y]) ** 2
                if d2 < (apart * rows[j, S]) ** 2:
                    return True
            j += direction
    return False
