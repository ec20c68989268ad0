"""Learning from the first frames of a recording, before the search: read `learn` from top to bottom.

`first_look` needs no spot: background, stripes, noise, contrast. `rounds` find spots: width, noise under them, clutter. Here
follow the least distance of two spots, and whether discs and rings are worth a search.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from nta.columns import FloatArray
from nta.errors import RecordingError
from nta.frames import CameraState, Frame, Image, refuse_no_image
from nta.spots.apart import least_apart
from nta.spots.columns import FLAGS, X, Y
from nta.spots.excess import halved, with_excess
from nta.spots.first_look import (
    PAIRS,
    FirstLook,
    correlation_width,
    first_look,
    full_scale,
    highpass_of,
    is_dark,
    sample_of,
)
from nta.spots.learned import Layer, Learned
from nta.spots.pattern import FEWEST_FOR_PATTERN, fixed_pattern
from nta.spots.rounds import LEAST_SIDE, Pairs, SignedPair, first_layer, refined_from
from nta.spots.settings import DetectionSettings
from nta.spots.table import SpotFlag

PRIME_FRAMES = 64  # frames used for learning before detection starts
ENOUGH_SPOTS = 2000  # spots that suffice to tell whether close pairs are more frequent than by chance
STRIDE = 8  # spacing of the frames in which these spots are searched for
MOST_LAYERS = 4
NEW_PLACE = 0.5  # least distance, in widths, of a new disc from every spot of the first layer
DISC_SHARE = 0.05  # share of discs among the spots from which on discs are searched for in all frames
DISC_CLEAR_SD = 2.0  # distance from that share, in standard deviations of counting, that decides early


def learn(frames: Sequence[Frame], settings: DetectionSettings, camera: CameraState | None) -> Learned:
    """Learn from the first frames of a recording."""
    first = _first(frames)
    bit_depth = camera.bit_depth if camera is not None else 8 * first.dtype.itemsize
    check_alike(frames, first)
    even = first.shape[1] // 2 * 2  # pixels are read in pairs
    sample = sample_of(frames)[..., :even]
    remove_fixed = settings.remove_fixed_pattern and len(sample) >= FEWEST_FOR_PATTERN
    look = first_look(sample, camera, remove_fixed)
    highpass = highpass_of(look.frames)
    dark = is_dark(highpass, look) if settings.contrast == "auto" else settings.contrast == "dark"
    finest = _finest(look, -1 if dark else 1, full_scale(sample, bit_depth), remove_fixed)
    guess = settings.spot_width_px or correlation_width(highpass)
    skipped, layer = first_layer(finest, guess)
    learned = Learned(
        width_px=first.shape[1],
        height_px=first.shape[0],
        bit_depth=bit_depth,
        dark=dark,
        camera=look.camera,
        background=np.pad(look.background, [(0, 0), (0, first.shape[1] - even)], mode="edge"),
        example_image=first.copy(),
        layers=(layer,),
        skipped=skipped,
    )
    pairs = _pairs(frames)
    told = look.camera.source != "estimated"
    learned, without_spots = refined_from(guess, learned, pairs, settings, told)
    learned = _with_apart(learned, frames, settings)
    with_coarser = _with_coarser(learned, without_spots)
    return with_coarser if _has_discs(with_coarser, pairs, settings) else learned


def _finest(look: FirstLook, sign: int, full_scale: int, remove_fixed: bool) -> Layer:
    """Return the layer of the camera's own frames, with the fixed pattern if it is to be removed."""
    pattern = np.empty((0, 0), np.float32)
    if remove_fixed:
        pattern = sign * fixed_pattern(look.frames, look.even, look.noise)
    return Layer.of_camera(
        full_scale=full_scale,
        camera=look.camera,
        noise=look.noise,
        background=look.even,
        pattern=pattern,
        stripes=sign * look.stripes,
        wavering=look.wavering,
    )


def _pairs(frames: Sequence[Frame]) -> Pairs:
    """Return pairs of consecutive frames, spread over the first frames."""
    starts = np.unique(np.linspace(0, len(frames) - 2, PAIRS).astype(int))
    return [(frames[i].image, frames[i + 1].image) for i in starts]


def _with_apart(learned: Learned, frames: Sequence[Frame], settings: DetectionSettings) -> Learned:
    """Return the result with the least distance of two spots, from spots of frames spread over the first frames."""
    from nta.spots.fast import FrameSearch

    (first,) = learned.layers
    search = FrameSearch(learned, settings)
    places: list[FloatArray] = []
    for frame in (frame for start in range(STRIDE) for frame in frames[start::STRIDE]):
        places.append(search.search(frame.image, lone_discs=False)[:, [X, Y]])
        if sum(map(len, places)) >= ENOUGH_SPOTS:
            break
    apart = least_apart(places, learned.spot_width_px, first.background.size * first.step**2)
    return replace(learned, layers=(replace(first, apart=apart),))


def _with_coarser(learned: Learned, without_spots: list[SignedPair]) -> Learned:
    """Return the result with coarser layers added, with their excess and clutter."""
    (first,) = learned.layers
    layers = [first]
    while len(layers) < MOST_LAYERS and min(layers[-1].background.shape) >= 2 * LEAST_SIDE:
        layers.append(layers[-1].halved(first.width_px))
    measured = with_excess(layers[1:], halved(without_spots, first), learned.sign)
    return replace(learned, layers=(first, *measured))


def _has_discs(learned: Learned, pairs: Pairs, settings: DetectionSettings) -> bool:
    """Whether coarser layers are worth searching: they contain discs where the first layer has no spot."""
    from nta.spots.fast import FrameSearch

    with_discs = FrameSearch(learned, settings)
    without = FrameSearch(replace(learned, layers=learned.layers[:1]), settings)
    n_new = n_spots = 0
    for image, _ in pairs:
        rows, plain = with_discs.search(image), without.search(image, lone_discs=False)
        discs = rows[rows[:, FLAGS].astype(int) & int(SpotFlag.OUT_OF_FOCUS) != 0]
        distance = np.hypot(*(discs[:, None, [X, Y]] - plain[None, :, [X, Y]]).transpose(2, 0, 1))
        n_new += int((distance.min(axis=1, initial=np.inf) > NEW_PLACE * learned.spot_width_px).sum())
        n_spots += len(rows)
        if abs(n_new - DISC_SHARE * n_spots) > DISC_CLEAR_SD * math.sqrt(DISC_SHARE * n_spots):
            break  # further frames would hardly change the decision
    return n_new > DISC_SHARE * n_spots


def _first(frames: Sequence[Frame]) -> Image:
    if not frames:
        raise RecordingError("no frames to search for spots: the recording is empty")
    image = frames[0].image
    refuse_no_image(image)
    if min(image.shape) < LEAST_SIDE:
        raise RecordingError(
            f"frames of {image.shape[1]}x{image.shape[0]} px are too small: at least {LEAST_SIDE}x{LEAST_SIDE} px are "
            "needed"
        )
    if len(frames) == 1:
        raise RecordingError("one frame shows neither motion nor noise: a recording needs at least two")
    return image


def check_alike(frames: Sequence[Frame], first: Image) -> None:
    """Refuse frames of another size or another kind of pixels than the first."""
    for frame in frames:
        if frame.image.shape != first.shape or frame.image.dtype != first.dtype:
            raise RecordingError(
                f"frame {frame.index} is {_looks(frame.image)}, the recording began with {_looks(first)}"
            )


def _looks(image: Image) -> str:
    size = f"{image.shape[1]}x{image.shape[0]} px" if image.ndim == 2 else f"an array of shape {image.shape}"
    return f"{size} of {image.dtype}" + ("" if image.dtype.isnative else " in the other byte order")
