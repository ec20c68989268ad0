"""What the first frames show before any spot is found: background, stripes, noise, contrast and a guess of the width."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from nta.columns import Float32Array
from nta.frames import CameraState, Frame
from nta.spots.excess import box_mean, spread_below
from nta.spots.learned import WIDTH_UNKNOWN_PX, Wavering
from nta.spots.median import median_of
from nta.spots.noise import PixelNoise, noise_and_camera
from nta.spots.stripes import FrameStripes, fixed_stripes, wavering_of
from nta.spots.table import CameraModel

PRIME_BYTES = 32 * 2**20  # most image data, as floats, used for learning
MOST_PRIMED = 24  # most frames whose median is the background
PAIRS = 4  # pairs of consecutive frames in which spots are searched for; as many frames give contrast and guessed width
CLEAR_CONTRAST = 2.0  # ratio of bright to dark light, or dark to bright, that decides (design choice)
WIDE_BOX = 42  # px; side of the local mean taken for background in first estimates of contrast and width


class FirstLook(NamedTuple):
    """Background and noise.

    frames : some of the first frames, without stripes. background : median of the original frames. even : background
    without stripes. level : median of `even`. stripes : grey values of whole columns and rows, or empty. wavering : which
    stripes change from frame to frame. noise, camera : noise and camera model of the frames without stripes.
    """

    frames: Float32Array
    background: Float32Array
    even: Float32Array
    level: float
    stripes: Float32Array
    wavering: Wavering
    noise: PixelNoise
    camera: CameraModel


def first_look(sample: NDArray[Any], camera: CameraState | None, remove_fixed: bool) -> FirstLook:
    """Learn background and noise, and stripes if they are to be removed."""
    frames: Float32Array = sample.astype(np.float32)
    background = median_of(sample[: max(2 * (len(sample) // 2) - 1, 1)])
    level = float(np.median(background))
    noise, model = noise_and_camera(camera, frames, level)
    look = FirstLook(
        frames, background, background, level, np.empty((0, 0), np.float32), Wavering(), noise, model
    )
    if not remove_fixed:
        return look
    stripes, wavering = _stripes(frames, background, noise)
    if not (stripes.size or any(wavering)):
        return look
    even = background - (stripes if stripes.size else np.float32(0))
    level = float(np.median(even))
    noise, model = noise_and_camera(camera, frames, level)  # the first estimate included the stripes
    return FirstLook(frames, background, even, level, stripes, wavering, noise, model)


def _stripes(
    stack: Float32Array, background: Float32Array, noise: PixelNoise
) -> tuple[Float32Array, Wavering]:
    """Return fixed stripes and whether stripes change from frame to frame; subtract both from the frames in place.

    Stripes are compared with the actual change from frame to frame: compared with noise that a codec has frozen, any stripe
    would seem strong.
    """
    changes = stack[len(stack) // 2, ::2, ::2] - background[::2, ::2]
    level = np.median(background)
    sd = max(spread_below(changes), math.sqrt(noise.variance(np.array(level))))
    fixed = fixed_stripes(background, sd)
    even = background - fixed if fixed.size else background
    if fixed.size:
        stack -= fixed
    wavering = wavering_of(list(stack), even, sd)
    if any(wavering):
        stripes = FrameStripes(even, np.empty((0, 0), np.float32), 1, sd, wavering)
        for frame in stack:
            stripes.look(frame)
            frame -= stripes.values
    return fixed, wavering


def sample_of(frames: Sequence[Frame]) -> NDArray[Any]:
    """Return pairs of consecutive frames, spread over the first frames, as one array."""
    most = int(np.clip(PRIME_BYTES // (4 * frames[0].image.size), 8, MOST_PRIMED))
    if len(frames) <= most:
        return np.stack([f.image for f in frames])
    start = np.linspace(0, len(frames) - 2, most // 2).astype(int)
    chosen = [frames[i + half].image for i in start for half in (0, 1)]
    return np.stack(chosen)


def full_scale(sample: NDArray[Any], bit_depth: int) -> int:
    """Return the highest grey value; if 12 bits are shifted to the top of 16, the lowest four bits are always 0."""
    bits = int(np.bitwise_or.reduce(sample[:: max(1, len(sample) - 1)], axis=None))
    smallest_step = bits & -bits or 1
    return int((2**bit_depth - 1) // smallest_step * smallest_step)


def highpass_of(frames: Float32Array) -> Float32Array:
    """Return some of the frames without wide structure."""
    return np.stack([frame - box_mean(frame, WIDE_BOX) for frame in frames[:: max(1, len(frames) // PAIRS)]])


def is_dark(highpass: Float32Array, look: FirstLook) -> bool:
    """Whether spots are darker than their background; only moving spots decide, because dirt may be bright or dark.

    Slow particles leave as much bright as dark light after subtraction of the background; they are judged with the rest.
    """
    variance = float(look.noise.variance(np.array(look.level)))
    still = look.even - box_mean(look.even, WIDE_BOX)
    for picture in (highpass - still, highpass):
        z = _smoothed(picture) / (3 * math.sqrt(variance))
        bright, dark = (float((beyond * beyond * beyond).sum()) for beyond in (z[z > 6], -z[z < -6]))
        if max(bright, dark) > CLEAR_CONTRAST * min(bright, dark):
            break
    return dark > bright


def _smoothed(images: Float32Array) -> Float32Array:
    """Sum over 3 x 3 px."""
    rows = images[..., :-2, :] + images[..., 1:-1, :] + images[..., 2:, :]
    summed: Float32Array = rows[..., :-2] + rows[..., 1:-1] + rows[..., 2:]
    return summed


def correlation_width(highpass: Float32Array) -> float:
    """Return the standard deviation of the spots from the mean spatial autocorrelation.

    Gaussian spots of standard deviation s give an autocorrelation exp(-r^2 / (4 s^2)); its value at lag 0 includes the
    noise and is left out.
    """
    h, w = highpass.shape[1:]
    power = np.zeros((h, w // 2 + 1))
    for image in highpass:
        power += np.abs(np.fft.rfft2(image)) ** 2
    correlation = np.fft.irfft2(power, s=(h, w))
    line = 0.5 * (correlation[0, :16] + correlation[:16, 0])
    line = line - np.median(correlation)
    top = line[1]
    chance = correlation[0, 0] / math.sqrt(h * w * len(highpass))  # correlation of white noise with itself
    if not top > 6 * chance:
        return WIDTH_UNKNOWN_PX
    below = np.flatnonzero(line[1:] < 0.4 * top)
    end = int(below[0]) + 1 if below.size else 15
    lags = np.arange(1, max(end, 3) + 1)
    values = np.maximum(line[lags], 1e-3 * top)
    slope = np.polyfit(lags.astype(float) ** 2, np.log(values), 1, w=values)[0]
    return float(np.clip(math.sqrt(max(-1 / (4 * slope), 0.25)) if slope < 0 else WIDTH_UNKNOWN_PX, 0.7, 8.0))
