"""Follow a background that becomes brighter than it was when learned: haze that moves in, a lamp that warms up.

The local mean is clipped a little above the learned background, so that bright spots do not raise it. If the background
itself rises above the clip, its noise would be detected as spots. So a few pixels of every frame are compared with it.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from nta.columns import BoolArray, Float32Array, FloatArray
from nta.frames import Image
from nta.spots.filters import MEAN_CLIP_SD
from nta.spots.kernels.options import inlined
from nta.spots.kernels.order import nth
from nta.spots.kernels.rows import f4

STRIDE = 8  # px between watched pixels
WATCHED = (slice(STRIDE // 2, None, STRIDE),) * 2  # indices of the watched pixels
TILE = 8  # side of a tile, in watched pixels
CLIP_OF_SUMS_SD = MEAN_CLIP_SD / 2  # clip in units of a pixel's noise: the mean of 2x2 px has half of it
# half of the clipped range: pixels above it have risen
ABOVE_SD = CLIP_OF_SUMS_SD / 2
# share of a tile's pixels that have risen; of noise alone it is 23 %, with a standard error of 5 %
RISEN = 0.6
HIGH = 0.8  # quantile of the rise of a tile's pixels that counts as its rise: haze has slopes


class Background(NamedTuple):
    """Learned background of a recording, and the clip for the current frame.

    level, sd : learned signed grey value and noise at the watched pixels. growth : growth of the variance with the signed
        level.
    learned, limit : clip of 2x2 sums, as learned and for the current frame.
    lift : rise of the clip in each tile. lifted : one flag, whether `limit` differs from `learned`. rises : scratch, the
        rises of a tile's pixels.
    """

    level: Float32Array
    sd: Float32Array
    growth: np.float32
    learned: Float32Array
    limit: Float32Array
    lift: Float32Array
    lifted: BoolArray
    rises: Float32Array

    @classmethod
    def of(cls, level: Float32Array, sd: FloatArray, growth: float, learned: Float32Array) -> Background:
        """Make a background from level and noise of the `WATCHED` pixels."""
        ty, tx = (max(n // TILE, 1) for n in level.shape)
        return cls(
            level,
            sd.astype(np.float32),
            np.float32(growth),
            learned,
            learned.copy(),
            np.zeros((ty, tx), np.float32),
            np.zeros(1, np.bool_),
            np.empty((2 * TILE) ** 2, np.float32),  # the last tile of a row or column is up to twice as long
        )


@inlined
def follow(image: Image, sign: np.float32, background: Background) -> None:
    """Fill `background.limit` for this frame: as learned, but higher in and around tiles that have risen."""
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
            for y in range(background.limit.shape[0]):
                for x in range(background.limit.shape[1]):
                    background.limit[y, x] = background.learned[y, x]
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
    """Return by how much a tile's clip must rise; 0 if no more of its pixels are high than noise explains.

    This is the tile's rise where it has risen most, plus the growth of the clip's distance with the higher noise.
    """
    level, sd = background.level, background.sd
    above, n = 0, (y1 - y0) * (x1 - x0)
    for j in range(y0, y1):
        for i in range(x0, x1):
            value = sign * f4(image[STRIDE * j + STRIDE // 2, STRIDE * i + STRIDE // 2])
            above += value - level[j, i] > f4(ABOVE_SD) * sd[j, i]
    if above <= RISEN * n:
        return f4(0)
    rise = background.rises
    for j in range(y0, y1):
        for i in range(x0, x1):
            value = sign * f4(image[STRIDE * j + STRIDE // 2, STRIDE * i + STRIDE // 2])
            rise[(j - y0) * (x1 - x0) + i - x0] = value - level[j, i]
    risen = nth(rise, n, int(HIGH * n))
    usual = sd[(y0 + y1) // 2, (x0 + x1) // 2]
    noise = np.sqrt(max(usual * usual + background.growth * risen, usual * usual))
    return f4(risen + CLIP_OF_SUMS_SD * (noise - usual))
