"""The square of pixels that a spot is fitted on: its electrons, its mask, and the light of the spots beside it."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from nta.columns import BoolArray, Float32Array, FloatArray
from nta.frames import Image
from nta.spots.columns import CENTRE_Y, N_COLUMNS, N, S, X, Y
from nta.spots.kernels.algebra import axis
from nta.spots.kernels.fit import SIDE, WORK
from nta.spots.kernels.lanes import LANES, load_lanes
from nta.spots.kernels.options import inlined, inlined_making
from nta.spots.kernels.rows import f4, reflected

NEAR = 11.0  # px beyond which a neighbour's light is neglected
# spots are sorted by y only within this: two rows of 2x2 sums, plus the shift by refinement
UNSORTED_PX = 6


class Pattern(NamedTuple):
    """Fixed pattern of a frame in signed grey values, and the rows that contain any of it, mostly few."""

    values: Float32Array
    marked: BoolArray

    @classmethod
    def of(cls, values: Float32Array, height: int) -> Pattern:
        """Make a pattern from these values, which may be empty."""
        marked = np.zeros(height, np.bool_)
        if values.size:
            np.any(values, axis=1, out=marked)
        return cls(values, marked)


class FrameElectrons(NamedTuple):
    """A frame and how its grey values are converted to electrons: gain * (sign * image - pattern - offset)."""

    image: Image
    sign: np.float32
    pattern: Pattern
    radius: int
    offset: np.float32
    gain: np.float32
    full_scale: float


class Workspace(NamedTuple):
    """Scratch arrays for one spot: patch, light of its neighbours, a patch without light, mask, and those of the fits.

    `pixels` and `marks` are `patch` and `mask` as one long row: one long loop is faster. `square` is the mask of a patch
    without saturated pixels.
    """

    patch: Float32Array
    pixels: Float32Array
    light: Float32Array
    dark: Float32Array
    mask: Float32Array
    marks: Float32Array
    square: Float32Array
    work: Float32Array
    ax: Float32Array
    ay: Float32Array
    a: FloatArray
    g: FloatArray
    start: FloatArray
    out: FloatArray
    out2: FloatArray
    one: FloatArray


@inlined_making
def new_workspace(radius: int) -> Workspace:
    """Return an empty workspace for patches of this radius."""
    side = 2 * radius + 1
    pixels, marks, square = np.zeros(SIDE * LANES, f4), np.zeros(SIDE * LANES, f4), np.zeros(SIDE * LANES, f4)
    for j in range(side):
        square[j * LANES : j * LANES + side] = f4(1)
    return Workspace(
        pixels.reshape(SIDE, LANES), pixels, np.zeros((SIDE, LANES), f4), np.zeros((SIDE, LANES), f4),
        marks.reshape(SIDE, LANES), marks, square, np.zeros(WORK, f4), np.zeros((3, LANES), f4), np.zeros((3, LANES), f4),
        np.empty((8, 8)), np.empty(8), np.empty(5), np.empty(N_COLUMNS), np.empty(N_COLUMNS),
        np.empty(N_COLUMNS),
    )  # fmt: skip


@inlined
def load_patch(
    image: Image, sign: np.float32, pattern: Pattern, cy: int, cx: int, radius: int, pixels: Float32Array,
    patch: Float32Array,
) -> None:  # fmt: skip
    """Copy the square of `radius` around (cy, cx) as ``sign * image - pattern``, reflected at the frame's border.

    `pixels` is the patch as one long row.
    """
    _load_pixels(image, cy, cx, radius, patch)
    for k in range(pixels.size):
        pixels[k] *= sign
    _subtract_pattern(pattern, cy, cx, radius, f4(1), patch)


@inlined
def load_electrons(electrons: FrameElectrons, cy: int, cx: int, space: Workspace) -> int:
    """Load the patch around (cy, cx) in electrons and mask its saturated pixels; return the number of saturated pixels."""
    radius, pixels, marks, square = electrons.radius, space.pixels, space.marks, space.square
    side = 2 * radius + 1
    _load_pixels(electrons.image, cy, cx, radius, space.patch)
    full_scale = f4(electrons.full_scale)
    saturated = np.int32(0)
    for k in range(side * LANES):
        full = f4(pixels[k] >= full_scale)
        marks[k] = square[k] - square[k] * full
        saturated += np.int32(square[k] * full)
    scale, shift = electrons.sign * electrons.gain, electrons.offset * electrons.gain
    for k in range(side * LANES):
        pixels[k] = scale * pixels[k] - shift
    _subtract_pattern(electrons.pattern, cy, cx, radius, electrons.gain, space.patch)
    return int(saturated)


@inlined
def _load_pixels(image: Image, cy: int, cx: int, radius: int, out: Float32Array) -> None:
    """Copy the square of `radius` around (cy, cx), reflected at the frame's border.

    Away from the border whole rows of LANES are copied; pixels right of the square are not part of it.
    """
    h, w = image.shape
    left = cx - radius
    inside = left >= 0 and left + LANES <= w
    for j in range(2 * radius + 1):
        y = reflected(cy - radius + j, h)
        if inside:
            load_lanes(image[y, left : left + LANES], out[j])  # type: ignore[call-arg]
        else:
            for i in range(2 * radius + 1):
                out[j, i] = image[y, reflected(left + i, w)]


@inlined
def _subtract_pattern(
    pattern: Pattern, cy: int, cx: int, radius: int, scale: np.float32, out: Float32Array
) -> None:
    h = pattern.marked.size
    for j in range(2 * radius + 1):
        y = reflected(cy - radius + j, h)
        if pattern.marked[y]:
            for i in range(2 * radius + 1):
                out[j, i] -= scale * pattern.values[y, reflected(cx - radius + i, pattern.values.shape[1])]


@inlined
def neighbour_light(rows: FloatArray, n: int, i: int, qx: int, qy: int, side: int, space: Workspace) -> bool:
    """Sum the light of the other fitted spots on the patch whose first pixel is (qx, qy); False if there are none."""
    light, ax, ay = space.light, space.ax, space.ay
    some = False
    for direction in (-1, 1):
        j = i + direction
        while 0 <= j < n and abs(rows[j, CENTRE_Y] - rows[i, CENTRE_Y]) < NEAR + UNSORTED_PX:
            if rows[j, N] > 0 and abs(rows[j, X] - rows[i, X]) < NEAR and abs(rows[j, Y] - rows[i, Y]) < NEAR:
                if not some:
                    some = True
                    light[:, :] = f4(0)
                axis(rows[j, X] - qx, rows[j, S], ax[0], ax[1], ax[2])
                axis(rows[j, Y] - qy, rows[j, S], ay[0], ay[1], ay[2])
                for y in range(side):
                    e = f4(rows[j, N]) * ay[0, y]
                    for x in range(LANES):
                        light[y, x] += e * ax[0, x]
            j += direction
    return some


@inlined
def is_near(rows: FloatArray, n: int, i: int, apart: float) -> bool:
    """Whether a fitted spot lies nearer than `apart` of its widths."""
    for direction in (-1, 1):
        j = i + direction
        while 0 <= j < n and abs(rows[j, CENTRE_Y] - rows[i, CENTRE_Y]) < NEAR + UNSORTED_PX:
            if rows[j, N] > 0:
                d2 = (rows[j, X] - rows[i, X]) ** 2 + (rows[j, Y] - rows[i, Y]) ** 2
                if d2 < (apart * rows[j, S]) ** 2:
                    return True
            j += direction
    return False
