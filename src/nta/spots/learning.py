"""What the first frames say about a recording: contrast, spot width, noise, background, fixed pattern."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nta.errors import RecordingError
from nta.frames import CameraState, Frame, Image
from nta.spots.filters import Filters, filters_for
from nta.spots.noise import PixelNoise, estimated_camera, estimated_noise, told_noise
from nta.spots.settings import DetectionSettings
from nta.spots.table import CameraModel

PRIME_FRAMES = 64  # frames looked at before detection starts
PRIME_BYTES = 128 * 2**20  # at most this much image data is looked at


@dataclass(frozen=True, kw_only=True, eq=False)
class Learned:
    """What the detector knows of a recording before it searches its frames; nothing here changes afterwards.

    Lengths are in px of the working frames, which are the camera's frames summed over `binning` x `binning` px.
    """

    width_px: int
    height_px: int
    bit_depth: int
    dark: bool
    binning: int
    spot_width_px: float
    camera: CameraModel
    noise: PixelNoise
    filters: Filters
    background: NDArray[np.float32]  # (height, width) adu
    pattern: NDArray[np.float32]  # signed adu, empty where there is none
    example_image: Image

    @property
    def sign(self) -> int:
        """-1 where spots are dark."""
        return -1 if self.dark else 1

    @property
    def fit_radius(self) -> int:
        """Half side of the fit window: 2.7 sigma or more of a spot in focus."""
        return 5 if self.spot_width_px < 1.9 else 7


def learn(frames: Sequence[Frame], settings: DetectionSettings, camera: CameraState | None) -> Learned:
    """Learn from the first frames of a recording."""
    first = _first(frames)
    height, width = first.shape
    bit_depth = camera.bit_depth if camera is not None else 8 * first.dtype.itemsize
    stack = _sample(frames)
    noise_of = told_noise(camera)
    noise = noise_of[0] if noise_of else estimated_noise(stack)
    background = np.median(stack, axis=0).astype(np.float32)
    level = float(np.median(background))
    model = noise_of[1] if noise_of else estimated_camera(noise, level)
    highpass = np.stack([_without_background(f) for f in stack[:: max(1, len(stack) // 8)]])
    dark = (
        _is_dark(highpass, noise.variance(np.array(level)))
        if settings.contrast == "auto"
        else settings.contrast == "dark"
    )
    guess = settings.spot_width_px or _correlation_width(highpass)
    spot_width = float(guess)
    return Learned(
        width_px=width,
        height_px=height,
        bit_depth=bit_depth,
        dark=dark,
        binning=1,
        spot_width_px=spot_width,
        camera=model,
        noise=noise,
        filters=filters_for(spot_width),
        background=background,
        pattern=np.empty((0, 0), np.float32),
        example_image=first.copy(),
    )


def _first(frames: Sequence[Frame]) -> Image:
    if not frames:
        raise RecordingError("no frames to search for spots: the recording is empty")
    image = frames[0].image
    if image.ndim != 2 or image.dtype not in (np.uint8, np.uint16):
        raise RecordingError(
            f"a frame must be (height, width) of uint8 or uint16, got {image.shape} of {image.dtype}"
        )
    if min(image.shape) < 32:
        raise RecordingError(
            f"frames of {image.shape[1]}x{image.shape[0]} px are too small: at least 32x32 px are needed"
        )
    return image


def _sample(frames: Sequence[Frame]) -> NDArray[np.float32]:
    most = int(np.clip(PRIME_BYTES // (4 * frames[0].image.size), 8, PRIME_FRAMES))
    return np.stack([f.image for f in frames[:most]]).astype(np.float32)


def _without_background(image: NDArray[np.float32], radius: int = 20) -> NDArray[np.float32]:
    """Subtract the mean over a wide box."""
    side = 2 * radius + 1
    padded = np.pad(image.astype(np.float64), radius + 1, mode="reflect")[:-1, :-1]
    total = padded.cumsum(0).cumsum(1)
    box = total[side:, side:] - total[:-side, side:] - total[side:, :-side] + total[:-side, :-side]
    above: NDArray[np.float32] = (image - box[: image.shape[0], : image.shape[1]] / side**2).astype(
        np.float32
    )
    return above


def _smoothed(images: NDArray[np.float32]) -> NDArray[np.float32]:
    """Sum over 3 x 3 px."""
    rows = images[..., :-2, :] + images[..., 1:-1, :] + images[..., 2:, :]
    summed: NDArray[np.float32] = rows[..., :-2] + rows[..., 1:-1] + rows[..., 2:]
    return summed


def _is_dark(highpass: NDArray[np.float32], variance: NDArray[np.float64] | float) -> bool:
    """Whether the light that stands out of the noise is missing light."""
    z = _smoothed(highpass) / (3 * math.sqrt(float(variance)))
    bright = float((z[z > 6] ** 3).sum())
    dark = float((-(z[z < -6] ** 3)).sum())
    return dark > bright


def _correlation_width(highpass: NDArray[np.float32]) -> float:
    """Return the standard deviation of the spots from the mean spatial autocorrelation.

    Gaussian spots of standard deviation s give an autocorrelation exp(-r^2 / (4 s^2)); its value at lag 0 holds the noise
    and is left out.
    """
    h, w = highpass.shape[1:]
    power = np.zeros((h, w // 2 + 1))
    for image in highpass:
        power += np.abs(np.fft.rfft2(image)) ** 2
    correlation = np.fft.irfft2(power, s=(h, w))
    line = 0.5 * (correlation[0, :16] + correlation[:16, 0])
    line = line - np.median(correlation)
    top = line[1]
    if top <= 0:
        return 1.5
    below = np.flatnonzero(line[1:] < 0.4 * top)
    end = int(below[0]) + 1 if below.size else 15
    lags = np.arange(1, max(end, 3) + 1)
    values = np.maximum(line[lags], 1e-3 * top)
    slope = np.polyfit(lags.astype(float) ** 2, np.log(values), 1, w=values)[0]
    return float(np.clip(math.sqrt(max(-1 / (4 * slope), 0.25)) if slope < 0 else 1.5, 0.7, 8.0))
