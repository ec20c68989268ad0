"""Photon transfer: growth of a pixel's noise with its grey level, learned from the recording itself.

The variance of a linear camera is var0 + slope * level (Janesick, Photon Transfer, SPIE 2007): slope = 1 / gain, and var0
combines offset and read noise. Detection needs no dark frame. Offset and read noise cannot be separated in a recording, so
an estimated camera has no read noise and the offset at which its variance would vanish: photo-electrons are then correct up
to a constant background.
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
TILE = 8  # px; side of a tile, which has a single grey level
ROUNDING_VARIANCE = 1 / 12  # adu^2, variance due to rounding to whole grey values
LEAST_GROWTH = 1e-3  # least share of light in the variance: with less, the noise does not determine the gain
MOST_TILES = 16_384  # most tiles used: together they determine the variance to 0.2 %


@dataclass(frozen=True, kw_only=True)
class PixelNoise:
    """Variance of a pixel in adu^2 at a grey level in adu: var0 + slope * level, at least `floor`."""

    var0: float
    slope: float
    floor: float

    def variance(self, level: NDArray[Floats]) -> NDArray[Floats]:
        """Variance at a grey level, in the level's floating-point precision."""
        variance: NDArray[Floats] = np.maximum(self.var0 + self.slope * level, self.floor)
        return variance

    def of_camera(self, step: int, part: float) -> PixelNoise:
        """Return the noise of a camera px if this is the noise of sums of `step` x `step` px divided by `part`."""
        share = (part / step) ** 2
        return PixelNoise(var0=share * self.var0, slope=part * self.slope, floor=share * self.floor)

    def times(self, factor: float) -> PixelNoise:
        """Return the noise with its variance multiplied by `factor`."""
        return PixelNoise(var0=factor * self.var0, slope=factor * self.slope, floor=factor * self.floor)


def told_noise(camera: CameraState | None) -> tuple[PixelNoise, CameraModel] | None:
    """Return the noise of a camera whose gain, offset and read noise are stated; None if any is not stated."""
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
    """Return the noise of a pixel and the camera model: as stated, with missing values estimated from the frames.

    level : grey value of the background.
    """
    told = told_noise(camera)
    if told is not None:
        return told
    noise = estimated_noise(frames)
    # without a gain, offset and read noise cannot be converted to electrons
    if camera is None or camera.gain_e_per_adu is None:
        return noise, estimated_camera(noise, level)
    return _with_gain(camera.gain_e_per_adu, camera, float(noise.variance(np.array(level))), level)


def _with_gain(
    gain: float, camera: CameraState, variance: float, level: float
) -> tuple[PixelNoise, CameraModel]:
    """Return the camera of this gain, with offset or read noise chosen to match the observed variance of the background."""
    var0 = variance - level / gain
    if camera.offset_adu is not None:
        offset = camera.offset_adu
        read = gain * math.sqrt(max(var0 + offset / gain - ROUNDING_VARIANCE, 0.0))
    else:
        read = camera.read_noise_e or 0.0
        if (read / gain) ** 2 + ROUNDING_VARIANCE > variance:
            read = 0.0  # the stated noise exceeds the observed noise: it is for another mode, or the frames were smoothed
        offset = gain * ((read / gain) ** 2 + ROUNDING_VARIANCE - var0)
    floor = (read / gain) ** 2 + ROUNDING_VARIANCE
    noise = PixelNoise(var0=floor - offset / gain, slope=1 / gain, floor=floor)
    return noise, CameraModel(gain_e_per_adu=gain, offset_adu=offset, read_noise_e=read, source="gain stated")


def tile_statistics(frames: NDArray[np.float32]) -> tuple[FloatArray, FloatArray]:
    """Return the grey level and the variance of every tile of pairs of consecutive frames.

    The variance is half that of the difference of two frames, in which fixed structure cancels. The mean difference of a
    tile is subtracted first, because flicker of the light source is not pixel noise.
    """
    _, h, w = frames.shape
    ty, tx = h // TILE, w // TILE
    cut = frames[:, : ty * TILE, : tx * TILE]
    levels, variances = [], []
    step = max(1, round((len(cut) - 1) * ty * tx / MOST_TILES))
    for first, second in zip(cut[:-1:step], cut[1::step], strict=True):
        change = _tiles(second - first)
        levels.append(median_of(_tiles(first)).ravel())
        variances.append(0.5 * change.var(axis=0, ddof=1).ravel())
    return np.concatenate(levels).astype(float), np.concatenate(variances).astype(float)


def _tiles(image: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the px of every tile, (px, rows of tiles, columns of tiles)."""
    h, w = image.shape
    tiles = image.reshape(h // TILE, TILE, w // TILE, TILE).transpose(1, 3, 0, 2)
    return tiles.reshape(TILE * TILE, h // TILE, w // TILE)


def estimated_noise(frames: NDArray[np.float32]) -> PixelNoise:
    """Fit variance against level over the quiet tiles of consecutive frames."""
    level, variance = tile_statistics(frames)
    n_bins = int(np.clip(level.size // 400, 1, 40))
    end = np.linspace(0, level.size, n_bins + 1).astype(int)
    order = np.argsort(level)
    x = level[order][(end[:-1] + end[1:]) // 2]
    part = np.empty(level.size, int)
    part[order] = np.repeat(np.arange(n_bins), np.diff(end))
    # lower quartile of tile variances, corrected to the mean for chi-square with TILE^2 - 1 degrees of freedom
    short = 1 - 0.6745 * math.sqrt(2 / (TILE * TILE - 1))
    y = variance[np.lexsort((variance, part))][end[:-1] + np.diff(end) // 4] / short
    floor = ROUNDING_VARIANCE
    y = np.maximum(y, floor)
    slope, var0 = 0.0, float(np.median(y))
    if n_bins >= 4:
        least = 0.02 * max(abs(float(x.mean())), 1.0)  # least range of levels that determines a slope
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
    """Return the camera with this noise; if the noise does not grow with the level, an offset of 0 is assumed."""
    slope, variance = noise.slope, float(noise.variance(np.array(level)))
    if slope * max(level, 1.0) < LEAST_GROWTH * variance:
        slope = variance / max(level, 1.0)
        return CameraModel(gain_e_per_adu=1 / slope, offset_adu=0.0, read_noise_e=0.0, source="estimated")
    return CameraModel(
        gain_e_per_adu=1 / slope, offset_adu=-noise.var0 / slope, read_noise_e=0.0, source="estimated"
    )
