"""What the first frames say about a recording: contrast, spot width, noise, background, fixed pattern, discs and rings."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from nta.errors import RecordingError
from nta.frames import CameraState, Frame, Image
from nta.spots.excess import Pair, with_excess
from nta.spots.filters import filters_for
from nta.spots.learned import Layer, Learned
from nta.spots.noise import estimated_camera, estimated_noise, told_noise
from nta.spots.pattern import fixed_pattern
from nta.spots.settings import DetectionSettings
from nta.spots.table import SpotFlag

PRIME_FRAMES = 64  # frames looked at before detection starts
PRIME_BYTES = 32 * 2**20  # at most this much image data, as floats, is looked at
MOST_PRIMED = 24  # frames whose median is the background
PAIRS = 4  # of consecutive frames in which the noise of the filter's response is measured
TRIALS = 6  # frames in which spots are looked for to learn their width

WIDTH_UNKNOWN_PX = 1.6  # where there is nothing to learn it from; 0.25 um/px, 500 nm, NA 0.3
NARROWEST_BINNED_PX = 1.25  # sampled any coarser, a Gaussian loses information on its place
NARROWEST_TO_BIN_PX = 2.6
MOST_LAYERS = 4
FEWEST_DISCS = 2  # in all trial frames: fewer are chance


def learn(frames: Sequence[Frame], settings: DetectionSettings, camera: CameraState | None) -> Learned:
    """Learn from the first frames of a recording."""
    first = _first(frames)
    bit_depth = camera.bit_depth if camera is not None else 8 * first.dtype.itemsize
    stack = _sample(frames)
    noise_of = told_noise(camera)
    noise = noise_of[0] if noise_of else estimated_noise(stack)
    background = np.median(stack[: 2 * (len(stack) // 2) - 1], axis=0).astype(np.float32)
    level = float(np.median(background))
    model = noise_of[1] if noise_of else estimated_camera(noise, level)
    highpass = np.stack([_without_background(f) for f in stack[:: max(1, len(stack) // TRIALS)]])
    dark = settings.contrast == "dark"
    if settings.contrast == "auto":
        dark = _is_dark(highpass, noise.variance(np.array(level)))
    pattern = np.empty((0, 0), np.float32)
    if settings.remove_fixed_pattern:
        pattern = (-1 if dark else 1) * fixed_pattern(stack, background, noise)
    camera_layer = Layer.of_camera(
        bit_depth=bit_depth, camera=model, noise=noise, background=background, pattern=pattern
    )
    step = max(1, math.ceil(len(frames) / PAIRS))
    trials = [f.image for f in frames[:: max(1, math.ceil(len(frames) / TRIALS))]]
    pairs = [(a.image, b.image) for a, b in zip(frames[:-1:step], frames[1::step], strict=False)][:PAIRS]
    width = settings.spot_width_px or _correlation_width(highpass)
    learned = Learned(
        width_px=first.shape[1],
        height_px=first.shape[0],
        bit_depth=bit_depth,
        dark=dark,
        camera=model,
        background=background,
        example_image=first.copy(),
        **_layers(camera_layer, width, pairs, dark),
    )
    if settings.spot_width_px is None:
        learned = _of_fitted_width(learned, camera_layer, trials, pairs, settings)
    return learned if _has_discs(learned, trials, settings) else replace(learned, layers=learned.layers[:1])


def _layers(
    camera_layer: Layer, width_px: float, pairs: Sequence[Pair], dark: bool
) -> dict[str, tuple[Layer, ...]]:
    """Return the layers for spots of this width, camera px."""
    skipped: list[Layer] = []
    layer = replace(camera_layer, width_px=width_px, filters=filters_for(width_px))
    while layer.width_px > NARROWEST_TO_BIN_PX and layer.width_px / 2 >= NARROWEST_BINNED_PX:
        skipped.append(layer)
        layer = layer.halved(layer.width_px / 2)
    layers = [layer]
    while len(layers) < MOST_LAYERS and min(layers[-1].background.shape) >= 64:
        layers.append(layers[-1].halved(layer.width_px))
    measured = with_excess([*skipped, *layers], pairs, -1 if dark else 1)
    return {"layers": tuple(measured[len(skipped) :]), "skipped": tuple(measured[: len(skipped)])}


def _of_fitted_width(
    learned: Learned,
    camera_layer: Layer,
    trials: Sequence[Image],
    pairs: Sequence[Pair],
    settings: DetectionSettings,
) -> Learned:
    """Return what was learned with the width at which clear spots of the trial frames are fitted."""
    for _ in range(3):
        rows = _found(replace(learned, layers=learned.layers[:1]), trials, settings)
        flags, snr = rows[:, 7].astype(int), rows[:, 8]
        clear = (flags & int(SpotFlag.EDGE | SpotFlag.OVERLAPPING | SpotFlag.POOR_FIT) == 0) & (snr > 8)
        if clear.sum() < 10:
            return learned
        before = learned.spot_width_px
        width = float(
            np.clip(_weighted_median(rows[clear, 4], np.minimum(snr[clear], 30)), 0.6 * before, 1.6 * before)
        )
        if abs(width / before - 1) < 0.02:
            return learned
        learned = replace(learned, **_layers(camera_layer, max(width, 0.6), pairs, learned.dark))
    return learned


def _found(learned: Learned, trials: Iterable[Image], settings: DetectionSettings) -> NDArray[np.float64]:
    """Rows of the spots in the trial frames."""
    from nta.spots.fast import FrameSearch

    search = FrameSearch(learned, settings)
    return np.concatenate([search.search(image) for image in trials])


def _has_discs(learned: Learned, trials: Sequence[Image], settings: DetectionSettings) -> bool:
    """Whether coarser layers are worth their time: there are discs in the trial frames."""
    flags = _found(learned, trials, settings)[:, 7].astype(int)
    without = _found(replace(learned, layers=learned.layers[:1]), trials, settings)[:, 7].astype(int)
    wide = int(SpotFlag.OUT_OF_FOCUS)
    return bool((flags & wide != 0).sum() >= max(FEWEST_DISCS, (without & wide != 0).sum()))


def _weighted_median(values: NDArray[np.float64], weights: NDArray[np.float64]) -> float:
    order = np.argsort(values)
    total = np.cumsum(weights[order])
    return float(values[order][np.searchsorted(total, 0.5 * total[-1])])


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
    """Pairs of consecutive frames from all over the first ones."""
    most = int(np.clip(PRIME_BYTES // (4 * frames[0].image.size), 8, MOST_PRIMED))
    if len(frames) <= most:
        return np.stack([f.image for f in frames]).astype(np.float32)
    start = np.linspace(0, len(frames) - 2, most // 2).astype(int)
    chosen = [frames[i + half].image for i in start for half in (0, 1)]
    return np.stack(chosen).astype(np.float32)


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
    chance = correlation[0, 0] / math.sqrt(h * w * len(highpass))  # correlation of white noise with itself
    if top < 6 * chance:
        return WIDTH_UNKNOWN_PX
    below = np.flatnonzero(line[1:] < 0.4 * top)
    end = int(below[0]) + 1 if below.size else 15
    lags = np.arange(1, max(end, 3) + 1)
    values = np.maximum(line[lags], 1e-3 * top)
    slope = np.polyfit(lags.astype(float) ** 2, np.log(values), 1, w=values)[0]
    return float(np.clip(math.sqrt(max(-1 / (4 * slope), 0.25)) if slope < 0 else WIDTH_UNKNOWN_PX, 0.7, 8.0))
