"""Photon transfer: how the noise of a pixel grows with its grey level, learned from the recording itself.

The variance of a linear camera is var0 + slope * level (Janesick, Photon Transfer, SPIE 2007): slope = 1 / gain, and var0
holds offset and read noise together. Neither needs a dark frame for detection; offset and read noise cannot be told apart
from a recording, so an estimated camera has the offset where its variance would vanish and no read noise: photo-electrons
are then right up to a constant background.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from nta.columns import FloatArray
from nta.frames import CameraState
from nta.spots.median import median_of
from nta.spots.table import CameraModel

Floats = TypeVar("Floats", bound=np.floating)
TILE = 8  # px; a tile is taken as one grey level
ROUNDING_VARIANCE = 1 / 12  # adu^2, of a value that was rounded to the next whole grey value
LEAST_GROWTH = 1e-3  # of the variance: where light makes less of it, the noise does not show the gain
MOST_TILES = 16_384  # their variances are known to 0.2 % together


@dataclass(frozen=True, kw_only=True)
class PixelNoise:
    """Variance of a pixel in adu^2 at a grey level in adu: var0 + slope * level, at least `floor`."""

    var0: float
    slope: float
    floor: float

    def variance(self, level: NDArray[Floats]) -> NDArray[Floats]:
        """Variance at a grey level, in its precision."""
        variance: NDArray[Floats] = np.maximum(self.var0 + self.slope * level, self.floor)
        return variance

    def of_camera(self, step: int, part: float) -> PixelNoise:
        """Return the noise of a camera px, where this is that of sums of `step` x `step` px divided by `part`."""
        share = (part / step) ** 2
        return PixelNoise(var0=share * self.var0, slope=part * self.slope, floor=share * self.floor)

    def times(self, factor: float) -> PixelNoise:
        """Return the noise of so many times the variance."""
        return PixelNoise(var0=factor * self.var0, slope=factor * self.slope, floor=factor * self.floor)


def told_noise(camera: CameraState | None) -> tuple[PixelNoise, CameraModel] | None:
    """Return the noise of a camera whose gain, offset and read noise are stated; None where one of them is not."""
    if (
        camera is None
        or camera.gain_e_per_adu is None
        or camera.offset_adu is None
        or camera.read_noise_e is None
    ):
        return None
    gain, offset, read = camera.gain_e_per_adu, camera.offset_adu, camera.read_noise_e
    floor = (read / gain) ** 2 + ROUNDING_VARIANCE
    noise = PixelNoise(var0=floor - offset / gain, slope=1 / gain, floor=floor)
    return noise, CameraModel(gain_e_per_adu=gain, offset_adu=offset, read_noise_e=read, source="stated")


def noise_and_camera(
    camera: CameraState | None, frames: NDArray[np.float32], level: float
) -> tuple[PixelNoise, CameraModel]:
    """Return the noise of a pixel and the camera model: what is stated of the camera, the rest from the frames.

    level : grey value of the background.
    """
    told = told_noise(camera)
    if told is not None:
        return told
    noise = estimated_noise(frames)
    # without a gain, offset and read noise say nothing of electrons
    if camera is None or camera.gain_e_per_adu is None:
        return noise, estimated_camera(noise, level)
    return _with_gain(camera.gain_e_per_adu, camera, float(noise.variance(np.array(level))), level)


def _with_gain(
    gain: float, camera: CameraState, variance: float, level: float
) -> tuple[PixelNoise, CameraModel]:
    """Return the camera of this gain whose background has the variance that is seen, by its offset or its read noise."""
    var0 = variance - level / gain
    if camera.offset_adu is not None:
        offset = camera.offset_adu
        read = gain * math.sqrt(max(var0 + offset / gain - ROUNDING_VARIANCE, 0.0))
    else:
        read = camera.read_noise_e or 0.0
        if (read / gain) ** 2 + ROUNDING_VARIANCE > variance:
            read = 0.0  # it is more than there is: that of another mode, or smoothed away
        offset = gain * ((read / gain) ** 2 + ROUNDING_VARIANCE - var0)
    floor = (read / gain) ** 2 + ROUNDING_VARIANCE
    noise = PixelNoise(var0=floor - offset / gain, slope=1 / gain, floor=floor)
    return noise, CameraModel(gain_e_per_adu=gain, offset_adu=offset, read_noise_e=read, source="gain stated")


def tile_statistics(frames: NDArray[np.float32]) -> tuple[FloatArray, FloatArray]:
    """Grey level and variance of every tile of pairs of consecutive frames.

    The variance is half that of the difference of two frames: fixed structure cancels. The mean difference of a tile is
    taken off first: flicker of the light source is not noise of a pixel.
    """
    _, h, w = frames.shape
    ty, tx = h // TILE, w // TILE
    cut = frames[:, : ty * TILE, : tx * TILE]
    levels, variances = [], []
    step = max(1, round((len(cut) - 1) * ty * tx / MOST_TILES))
    for first, second in zip(cut[:-1:step], cut[1::step], strict=True):
        d = _tiles(second - first)
        level = median_of(np.moveaxis(_tiles(first), -1, 0))
        d = d - d.mean(axis=-1, keepdims=True)
        levels.append(level.ravel())
        variances.append(0.5 * d.var(axis=-1, ddof=1).ravel())
    return np.concatenate(levels).astype(float), np.concatenate(variances).astype(float)


def _tiles(image: NDArray[np.float32]) -> NDArray[np.float32]:
    h, w = image.shape
    return (
        image.reshape(h // TILE, TILE, w // TILE, TILE)
        .swapaxes(1, 2)
        .reshape(h // TILE, w // TILE, TILE * TILE)
    )


def estimated_noise(frames: NDArray[np.float32]) -> PixelNoise:
    """Fit variance against level over the quiet tiles of consecutive frames."""
    level, variance = tile_statistics(frames)
    order = np.argsort(level)
    level, variance = level[order], variance[order]
    n_bins = int(np.clip(level.size // 400, 1, 40))
    x = np.array([np.median(part) for part in np.array_split(level, n_bins)])
    # lower quartile of tile variances, times what it is short of the mean for chi-square of TILE^2 - 1 degrees of freedom
    short = 1 - 0.6745 * math.sqrt(2 / (TILE * TILE - 1))
    y = np.array([np.quantile(part, 0.25) for part in np.array_split(variance, n_bins)]) / short
    floor = ROUNDING_VARIANCE
    y = np.maximum(y, floor)
    slope, var0 = 0.0, float(np.median(y))
    if n_bins >= 4:
        least = 0.02 * max(abs(float(x.mean())), 1.0)  # that levels must differ by to show a slope
        keep = np.ones(n_bins, bool)
        for _ in range(4):
            if np.ptp(x[keep]) <= least:
                break
            slope, var0 = np.polyfit(x[keep], y[keep], 1, w=1 / y[keep])
            deviation = (y - var0 - slope * x) / y
            scale = 1.4826 * np.median(np.abs(deviation[keep])) + 1e-6
            keep = deviation < 4 * scale
    if slope <= 0:
        slope = 0.0
        var0 = float(np.median(y))
    return PixelNoise(var0=float(var0), slope=float(slope), floor=max(floor, 0.3 * float(y.min())))


def estimated_camera(noise: PixelNoise, level: float) -> CameraModel:
    """Return the camera that has this noise; where the noise does not grow with the level, an offset of 0 is assumed."""
    slope, variance = noise.slope, float(noise.variance(np.array(level)))
    if slope * max(level, 1.0) < LEAST_GROWTH * variance:
        slope = variance / max(level, 1.0)
        return CameraModel(gain_e_per_adu=1 / slope, offset_adu=0.0, read_noise_e=0.0, source="estimated")
    return CameraModel(
        gain_e_per_adu=1 / slope, offset_adu=-noise.var0 / slope, read_noise_e=0.0, source="estimated"
    )
