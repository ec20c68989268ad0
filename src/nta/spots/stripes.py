"""Stripes: offsets of whole columns and rows, from amplifiers, converters or an unstable supply.

A faint stripe disturbs a matched filter strongly, because it does not average out along its length: a stripe of two fifths
of a pixel's noise contributes as much as all of that noise. Fixed stripes are learned from the median frame, each half of
the sensor separately, because it may have converters of its own. Stripes that change from frame to frame are measured in
each frame, if the recording has any.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from nta.columns import Float32Array
from nta.frames import Image
from nta.spots.excess import box_mean
from nta.spots.filters import BOX
from nta.spots.kernels.lines import add_lines, less_smooth, line_offsets
from nta.spots.learned import Layer, Wavering

LEAST_SD = 0.1  # rms of stripes over the noise of a pixel: weaker ones raise the threshold by 3 % at most
STRIP = 4  # px; width of the strips between which a step is looked for
CLEAR = 5.0  # standard deviations of chance
REACH_SD = 3.0  # standard deviations of a pixel's noise; pixels further from the stripe's median are left out
LOOKED_AT = 4  # frames examined for stripes that change from frame to frame
PASSES = 2  # repeated, because at first the smooth background contains a share of strong stripes
LAPS = 2  # columns and rows are estimated in turn


def fixed_stripes(background: Float32Array, sd: float) -> Float32Array:
    """Return the stripes of a median frame, in grey values; an empty array if there are none.

    sd : standard deviation of a pixel from frame to frame.
    """
    rest = background.copy()
    stripes: Float32Array = np.zeros_like(rest)
    for part, out in zip(_parts(rest), _parts(stripes), strict=True):
        step = _step(part, sd)
        part -= step
        out += step
    for _ in range(PASSES):
        found = _sharp_stripes(rest, sd)
        if found is None:
            break
        rest -= found
        stripes += found
    return stripes if stripes.any() else np.empty((0, 0), np.float32)


def _sharp_stripes(background: Float32Array, sd: float) -> Float32Array | None:
    """Return offsets of whole columns and rows from the smooth background; None if there are none."""
    side = 2 * BOX
    rest = background - box_mean(box_mean(background, side), side)
    flat = np.clip(rest, -REACH_SD * sd, REACH_SD * sd)
    if not any(_alike(_means(part), sd) for part in _parts(flat)):
        return None
    stripes = np.zeros_like(rest)
    parts = _parts(rest)
    offsets = [np.zeros(part.shape[1], np.float32) for part in parts]
    for _ in range(LAPS):
        for part, offset in zip(parts, offsets, strict=True):
            change = _offsets(part, sd)
            part -= change
            offset += change
    for part, offset, out in zip(parts, offsets, _parts(stripes), strict=True):
        if _alike([offset + _offsets(half, sd) for half in _halves(part)], sd):
            out += offset
    return stripes


def wavering_of(frames: Sequence[Float32Array], background: Float32Array, sd: float) -> Wavering:
    """Return whether frames have stripes that their median has not; frames and background are without fixed stripes."""
    chosen = frames[:: max(1, len(frames) // LOOKED_AT)]
    rests = [frame - background for frame in chosen]
    rests = [rest - np.float32(np.median(rest[::7, ::7])) for rest in rests]
    flat = [np.clip(rest, -REACH_SD * sd, REACH_SD * sd, out=rest) for rest in rests]
    rows, columns = (_waver([view(rest) for rest in flat], sd) for view in (np.transpose, np.asarray))
    return Wavering(rows=rows, columns=columns)


class FrameStripes:
    """Fixed and new stripes of the current frame, in px of a layer; not to be shared by threads.

    values, sums : offsets to subtract from the signed grey values, and from their 2x2 sums.
    """

    def __init__(
        self, expected: Float32Array, fixed: Float32Array, sign: int, sd: float, wavering: Wavering
    ) -> None:
        height, width = expected.shape
        self._expected, self._fixed = expected, fixed
        self._sign, self._wavering = np.float32(sign), wavering
        self._reach = np.float32(REACH_SD * sd)
        self._rows, self._columns = np.zeros(height, np.float32), np.zeros(width, np.float32)
        self.values = np.zeros((height, width), np.float32)
        self.sums = np.zeros((height // 2, width // 2), np.float32)

    @classmethod
    def of(cls, layer: Layer, sign: int, fixed: Float32Array) -> FrameStripes:
        """Make an instance for the frames of a layer; `fixed` (may be empty) is subtracted as well."""
        sd = float(np.sqrt(layer.noise.variance(np.array(np.median(layer.background)))))
        return cls(layer.expected(sign), fixed, sign, sd, layer.wavering)

    def look(self, image: Image | Float32Array) -> None:
        """Fill `values` and `sums` for this frame."""
        h, w = self.values.shape
        image, expected = image[:h, :w], self._expected
        if self._wavering.rows:
            line_offsets(image, self._sign, expected, self._reach, self._rows)
        if self._wavering.columns:
            line_offsets(image.T, self._sign, expected.T, self._reach, self._columns)
        add_lines(self._fixed, self._rows, self._columns, self.values, self.sums)


def _halves(image: Float32Array) -> list[Float32Array]:
    """Return views of the upper and of the lower half."""
    middle = len(image) // 2
    return [image[:middle], image[middle:]]


def _parts(image: Float32Array) -> list[Float32Array]:
    """Return views of the halves whose columns may be striped, and, transposed, of the halves whose rows may be."""
    return [*_halves(image), *_halves(image.T)]


def _step(part: Float32Array, sd: float) -> Float32Array:
    """Return the step in the middle of the rows, half below 0 and half above: a sensor that is read out from two sides.

    Measured from strips left and right of the middle, with the slope of strips further out subtracted; 0 if the upper and
    the lower half do not agree.
    """
    middle = part.shape[1] // 2
    strips = part[:, middle - 2 * STRIP : middle + 2 * STRIP].reshape(len(part), 4, STRIP).mean(axis=2)
    steps = strips @ np.array([0.5, -1.5, 1.5, -0.5], np.float32)
    one, other = (float(np.median(half)) for half in _halves(steps))
    chance = CLEAR * float(np.std(steps)) / math.sqrt(len(steps))
    step = (
        0.5 * (one + other)
        if min(one, other) > max(LEAST_SD * sd, chance) or max(one, other) < -max(LEAST_SD * sd, chance)
        else 0.0
    )
    return np.where(np.arange(part.shape[1]) < middle, np.float32(-0.5 * step), np.float32(0.5 * step))


def _means(image: Float32Array) -> list[Float32Array]:
    """Mean of every column of the upper and of the lower half."""
    return [np.asarray(half.mean(axis=0)) for half in _halves(image)]


def _offsets(part: Float32Array, sd: float) -> Float32Array:
    """Mean of every column minus that of all columns, without pixels far from the median (text, resting particles)."""
    middle = np.median(part[:: max(1, len(part) // 64)], axis=0)
    away = part - middle
    near = np.abs(away) <= REACH_SD * sd
    means = middle + (near * away).sum(axis=0) / np.maximum(near.sum(axis=0), 1)
    return np.asarray(means - means.mean(), np.float32)


def _waver(rests: Sequence[Float32Array], sd: float) -> bool:
    """Whether columns of these frames have offsets that the upper half shares with the lower."""
    one, other = (np.empty((len(rests), rests[0].shape[1]), np.float32) for _ in range(2))
    for k, rest in enumerate(rests):
        for lines, means in zip((one, other), _means(rest), strict=True):
            less_smooth(means, lines[k])
    return _alike([one, other], sd)


def _alike(halves: Sequence[Float32Array], sd: float) -> bool:
    """Whether both halves share significant offsets; dirt and particles affect only one half.

    Columns near the border are not used: uneven light there cannot be separated from stripes.
    """
    border = min(2 * BOX, halves[0].shape[-1] // 4)
    one, other = (half[..., border:-border] for half in halves)
    chance = CLEAR * 0.5 * float(np.var(one - other)) / math.sqrt(one.size)
    common = float(np.mean(one * other) - np.mean(one) * np.mean(other))
    return common > max((LEAST_SD * sd) ** 2, chance)
