"""Fixed pattern: structure that is the same in every frame and sharper than the optics allow: hot pixels, burnt-in text.

A resting particle is as wide as the optics make it and is not part of the pattern; later stages decide whether it moves.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from nta.spots.median import median_of
from nta.spots.noise import PixelNoise

FEWEST_FOR_PATTERN = 8  # frames; with fewer, particles remain in the median
CLEAR_SD = 3.0  # standard deviations of one frame's noise; a lone pixel is detected as a spot from 10 on
SHARP = 3.0  # ratio to the mean of the neighbours; a Gaussian of 0.6 px has a ratio of 2.7
MOST_SHARP = 0.02  # share of all pixels; more is the grain of a codec
CALM = 0.1  # share of the expected variance; a pixel with less noise was not recorded by the camera


def fixed_pattern(
    frames: NDArray[np.float32], background: NDArray[np.float32], noise: PixelNoise
) -> NDArray[np.float32]:
    """Return the pattern to subtract, in grey values; an empty array if there is none.

    frames : (n, height, width). background : (height, width) median of the frames over time.
    """
    none: NDArray[np.float32] = np.empty((0, 0), np.float32)
    smooth = _median_around(background)
    above = background - smooth
    variance = noise.variance(smooth)
    clear = np.abs(above) > CLEAR_SD * np.sqrt(variance)
    if not clear.any():
        return none
    around = (_box_sum(above) - above) / 8
    sharp = clear & (np.abs(above) > SHARP * np.abs(around))
    sharp &= sharp.mean() < MOST_SHARP
    y, x = np.nonzero(clear)
    calm = np.zeros_like(clear)
    calm[y, x] = frames[:, y, x].var(axis=0) < CALM * variance[y, x]
    calm &= _moving(frames, noise, smooth)
    fixed = clear & (sharp | calm)
    if not fixed.any():
        return none
    return np.where(fixed, above, np.float32(0)).astype(np.float32)


def _moving(frames: NDArray[np.float32], noise: PixelNoise, level: NDArray[np.float32]) -> bool:
    """Whether pixels in general have the expected noise; if a codec has frozen them, lack of noise is not conclusive."""
    part = frames[:, ::7, ::7]
    expected = noise.variance(level[::7, ::7].astype(float))
    return bool(np.median(part.var(axis=0) / expected) > 0.5)


def _box_sum(image: NDArray[np.float32]) -> NDArray[np.float32]:
    p = np.pad(image, 1, mode="reflect")
    rows = p[:-2] + p[1:-1] + p[2:]
    total: NDArray[np.float32] = rows[:, :-2] + rows[:, 1:-1] + rows[:, 2:]
    return total


def _median_around(image: NDArray[np.float32]) -> NDArray[np.float32]:
    """Median of the eight pixels on a square of side 7 around each: text and hot pixels are thinner."""
    p = np.pad(image, 3, mode="reflect")
    h, w = image.shape
    steps = [(dy, dx) for dy in (0, 3, 6) for dx in (0, 3, 6) if (dy, dx) != (3, 3)]
    ring = np.stack([p[dy : dy + h, dx : dx + w] for dy, dx in steps])
    return median_of(ring)
