"""Backgrounds that grow brighter than they were when they were learned: haze that moves in, a lamp that warms up.

The local mean is clipped a little above the learned background, so that bright spots do not raise it. Where the background
itself has risen beyond that, the clip would make spots of its noise. So it is looked at in every frame, by few pixels.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from nta.columns import BoolArray, Float32Array, FloatArray
from nta.frames import Image
from nta.spots.filters import MEAN_CLIP_SD
from nta.spots.kernels.options import inlined
from nta.spots.kernels.rows import f4

STRIDE = 8  # px from one pixel that is looked at to the next
WATCHED = (slice(STRIDE // 2, None, STRIDE),) * 2  # these pixels
TILE = 8  # of these make the side of a tile
CLIP_OF_SUMS_SD = MEAN_CLIP_SD / 2  # of a pixel's noise: the mean of 2x2 px has half of it
# half of the clipped range: pixels above it have risen
ABOVE_SD = CLIP_OF_SUMS_SD / 2
# share of a tile's pixels that have risen; of noise alone it is 23 %, with a standard error of 5 %
RISEN = 0.6
HIGH = 0.8  # quantile of the rise of its pixels that lifts a tile: haze has slopes


class Background(NamedTuple):
    """What is known of the background of a recording, and the clip as it is for the frame at hand.

    level, sd : signed grey value that was learned and noise at the pixels that are looked at. growth : of the variance with
        the signed level.
    learned, limit : clip of 2x2 sums as it was learned, and of this frame.
    lift : how far each tile has risen. lifted : one flag, whether `limit` differs from `learned`.
    """

    level: Float32Array
    sd: Float32Array
    growth: np.float32
    learned: Float32Array
    limit: Float32Array
    lift: Float32Array
    lifted: BoolArray

    @classmethod
    def of(cls, level: Float32Array, sd: FloatArray, growth: float, learned: Float32Array) -> Background:
        """Make it from level and noise of the pixels that are `WATCHED`."""
        ty, tx = (max(n // TILE, 1) for n in level.shape)
        return cls(
            level,
            sd.astype(np.float32),
            np.float32(growth),
            learned,
            learned.copy(),
            np.zeros((ty, tx), np.float32),
            np.zeros(1, np.bool_),
        )


@inlined
def follow(image: Image, sign: np.float32, background: Background) -> None:
    """Fill `background.limit` for this frame: as it was learned, and higher in and around tiles that have risen."""
    level, lift = background.level, background.lift
    ny, nx = level.shape
    ty, tx = lift.shape
    risen = False
    for j in range(ty):
        y1 = ny if j == ty - 1 else (j + 1) * TILE
        for i in range(tx):
            x1 = nx if i == tx - 1 else (i + 1) * TILE
            lift[j, i] = _risen_by(image, sign, background, j * TILE, y1, i * TILE, x1)
            risen |= lift[j, i] > 0
    if not risen:
        if background.lifted[0]:
            background.limit[:, :] = background.learned
        background.lifted[0] = False
        return
    background.lifted[0] = True
    side = TILE * STRIDE // 2
    for y in range(background.limit.shape[0]):
        j = min(y // side, ty - 1)
        for x in range(background.limit.shape[1]):
            i = min(x // side, tx - 1)
            most = f4(0)
            for k in range(max(j - 1, 0), min(j + 2, ty)):
                for m in range(max(i - 1, 0), min(i + 2, tx)):
                    most = max(most, lift[k, m])
            background.limit[y, x] = background.learned[y, x] + f4(4) * most


@inlined
def _risen_by(
    image: Image, sign: np.float32, background: Background, y0: int, y1: int, x0: int, x1: int
) -> np.float32:
    """Return how far a tile's clip must rise; 0 where few of its pixels are above what noise does.

    As far as the tile has risen where it has risen most, and by what the clip lies higher above the noisier background.
    """
    level, sd = background.level, background.sd
    above, n = 0, (y1 - y0) * (x1 - x0)
    for j in range(y0, y1):
        for i in range(x0, x1):
            value = sign * f4(image[STRIDE * j + STRIDE // 2, STRIDE * i + STRIDE // 2])
            above += value - level[j, i] > f4(ABOVE_SD) * sd[j, i]
    if above <= RISEN * n:
        return f4(0)
    rise = np.empty(n, f4)
    for j in range(y0, y1):
        for i in range(x0, x1):
            value = sign * f4(image[STRIDE * j + STRIDE // 2, STRIDE * i + STRIDE // 2])
            rise[(j - y0) * (x1 - x0) + i - x0] = value - level[j, i]
    risen = np.sort(rise)[int(HIGH * n)]
    usual = sd[(y0 + y1) // 2, (x0 + x1) // 2]
    noise = np.sqrt(max(usual * usual + background.growth * risen, usual * usual))
    return f4(risen + CLIP_OF_SUMS_SD * (noise - usual))
