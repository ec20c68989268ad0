"""Learning from the first frames of a recording: contrast, spot width, noise, background, fixed pattern, discs and rings."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from nta.columns import BoolArray, Float32Array, FloatArray
from nta.errors import RecordingError
from nta.frames import CameraState, Frame, Image, refuse_no_image
from nta.spots.apart import least_apart
from nta.spots.columns import ERROR, FLAGS, SNR, S, X, Y
from nta.spots.excess import Signed, box_mean, halved, spread_below, with_excess
from nta.spots.filters import filters_for
from nta.spots.learned import WIDTH_UNKNOWN_PX, Layer, Learned, Wavering, summed
from nta.spots.median import median_of
from nta.spots.noise import PixelNoise, estimated_camera, noise_and_camera
from nta.spots.pattern import FEWEST_FOR_PATTERN, fixed_pattern
from nta.spots.settings import DetectionSettings
from nta.spots.stripes import FrameStripes, fixed_stripes, wavering_of
from nta.spots.table import CameraModel, SpotFlag
from nta.spots.transfer import SearchedFrame, transferred_noise

if TYPE_CHECKING:
    from nta.spots.fast import FrameSearch

PRIME_FRAMES = 64  # frames used for learning before detection starts
PRIME_BYTES = 32 * 2**20  # most image data, as floats, used for learning
MOST_PRIMED = 24  # most frames whose median is the background
# pairs of consecutive frames in which spots are searched for to learn their width, the noise and the clutter
PAIRS = 4
ROUNDS = 4
ENOUGH_SPOTS = 2000  # spots that suffice to tell whether close pairs are more frequent than by chance
STRIDE = 8  # spacing of the frames in which these spots are searched for

FURTHEST = 1.6  # largest change of the width in one round of fits, as a factor
CLEAR_CONTRAST = 2.0  # ratio of bright to dark light, or dark to bright, that decides (design choice)
CLEAR_SNR = 8.0
FEWEST_CLEAR = 10  # fewest clear spots from which the width is taken
STILL_SD = 3.0  # distance, in its standard errors, within which a spot has not moved
# px; side of the local mean that serves as background for first estimates of contrast and width
WIDE_BOX = 42
NARROWEST_BINNED_PX = 1.25  # sampled any coarser, a Gaussian loses information on its place
NARROWEST_TO_BIN_PX = 2.6
MOST_LAYERS = 4
LEAST_SIDE = 32  # px; least side of the frames of a layer; the search itself needs 12 rows
NEW_PLACE = 0.5  # least distance, in widths, of a new disc from every spot of the first layer
DISC_SHARE = 0.05  # share of discs among the spots from which on discs are searched for in all frames
DISC_CLEAR_SD = 2.0  # distance from that share, in standard deviations of counting, that decides early

Pairs = list[tuple[Image, Image]]
SignedPair = tuple[Signed, Signed]


class _Round(NamedTuple):
    """Result of a round of detection.

    without_spots : pairs of frames without spots, in signed grey values of the first layer. n_clear : number of clear spots
    from which the width may be taken. mostly_still : whether most clear spots stand still, and were left out of that number.
    """

    learned: Learned
    without_spots: list[SignedPair]
    n_clear: int
    mostly_still: bool


class _LearnedBackground(NamedTuple):
    """Background and noise, learned before any spot is found.

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


def learn(frames: Sequence[Frame], settings: DetectionSettings, camera: CameraState | None) -> Learned:
    """Learn from the first frames of a recording."""
    first = _first(frames)
    bit_depth = camera.bit_depth if camera is not None else 8 * first.dtype.itemsize
    check_alike(frames, first)
    even = first.shape[1] // 2 * 2  # pixels are read in pairs
    sample = _sample(frames)[..., :even]
    remove_fixed = settings.remove_fixed_pattern and len(sample) >= FEWEST_FOR_PATTERN
    ground = _learned_background(sample, camera, remove_fixed)
    highpass = _highpass(ground.frames)
    dark = _is_dark(highpass, ground) if settings.contrast == "auto" else settings.contrast == "dark"
    finest = _finest(ground, -1 if dark else 1, _full_scale(sample, bit_depth), remove_fixed)
    guess = settings.spot_width_px or _correlation_width(highpass)
    skipped, layer = _first_layer(finest, guess)
    learned = Learned(
        width_px=first.shape[1],
        height_px=first.shape[0],
        bit_depth=bit_depth,
        dark=dark,
        camera=ground.camera,
        background=np.pad(ground.background, [(0, 0), (0, first.shape[1] - even)], mode="edge"),
        example_image=first.copy(),
        layers=(layer,),
        skipped=skipped,
    )
    pairs = _pairs(frames)
    told = ground.camera.source != "estimated"
    learned, without_spots = _refined_from(guess, learned, pairs, settings, told)
    learned = _with_apart(learned, frames, settings)
    with_coarser = _with_coarser(learned, without_spots)
    return with_coarser if _has_discs(with_coarser, pairs, settings) else learned


def _learned_background(
    sample: NDArray[Any], camera: CameraState | None, remove_fixed: bool
) -> _LearnedBackground:
    """Learn background and noise, and stripes if they are to be removed."""
    frames: Float32Array = sample.astype(np.float32)
    background = median_of(sample[: max(2 * (len(sample) // 2) - 1, 1)])
    level = float(np.median(background))
    noise, model = noise_and_camera(camera, frames, level)
    ground = _LearnedBackground(
        frames, background, background, level, np.empty((0, 0), np.float32), Wavering(), noise, model
    )
    if not remove_fixed:
        return ground
    stripes, wavering = _stripes(frames, background, noise)
    if not (stripes.size or any(wavering)):
        return ground
    even = background - (stripes if stripes.size else np.float32(0))
    level = float(np.median(even))
    noise, model = noise_and_camera(camera, frames, level)  # the first estimate included the stripes
    return _LearnedBackground(frames, background, even, level, stripes, wavering, noise, model)


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


def _highpass(frames: Float32Array) -> Float32Array:
    """Return some of the frames without wide structure."""
    return np.stack([frame - box_mean(frame, WIDE_BOX) for frame in frames[:: max(1, len(frames) // PAIRS)]])


def _finest(ground: _LearnedBackground, sign: int, full_scale: int, remove_fixed: bool) -> Layer:
    """Return the layer of the camera's own frames, with the fixed pattern if it is to be removed."""
    pattern = np.empty((0, 0), np.float32)
    if remove_fixed:
        pattern = sign * fixed_pattern(ground.frames, ground.even, ground.noise)
    return Layer.of_camera(
        full_scale=full_scale,
        camera=ground.camera,
        noise=ground.noise,
        background=ground.even,
        pattern=pattern,
        stripes=sign * ground.stripes,
        wavering=ground.wavering,
    )


def _pairs(frames: Sequence[Frame]) -> Pairs:
    """Return pairs of consecutive frames, spread over the first frames."""
    starts = np.unique(np.linspace(0, len(frames) - 2, PAIRS).astype(int))
    return [(frames[i].image, frames[i + 1].image) for i in starts]


def _first_layer(finest: Layer, width_px: float) -> tuple[tuple[Layer, ...], Layer]:
    """Return the layers finer than needed for spots of this width (camera px), and the layer that is searched."""
    skipped: list[Layer] = []
    layer = replace(finest, width_px=width_px, filters=filters_for(width_px), excess=1.0, clutter=1.0)
    while (
        layer.width_px > NARROWEST_TO_BIN_PX
        and layer.width_px / 2 >= NARROWEST_BINNED_PX
        and min(layer.background.shape) >= 2 * LEAST_SIDE
    ):
        skipped.append(layer)
        layer = layer.halved(layer.width_px / 2)
    return tuple(skipped), layer


def _refined_from(
    guess: float, learned: Learned, pairs: Pairs, settings: DetectionSettings, told: bool
) -> tuple[Learned, list[SignedPair]]:
    """Return `_refined` from a guess of the width; if it gives no clear spots that move, from the usual width."""
    found = _refined(learned, pairs, settings, told)
    far = not 1 / FURTHEST < guess / WIDTH_UNKNOWN_PX < FURTHEST
    if settings.spot_width_px is None and found.n_clear < FEWEST_CLEAR and far:
        skipped, layer = _first_layer(learned.finest, WIDTH_UNKNOWN_PX)
        started = replace(learned, skipped=skipped, layers=(layer,))
        again = _refined(started, pairs, settings, told)
        # where little but dirt is seen, the guess is of the dirt
        if again.n_clear >= FEWEST_CLEAR or found.mostly_still:
            found = again
    return found.learned, found.without_spots


def _refined(learned: Learned, pairs: Pairs, settings: DetectionSettings, told: bool) -> _Round:
    """Refine width, noise and clutter in rounds of detection.

    The first round takes everything for clutter; the spots it finds nevertheless are removed for the next round.
    """
    few = pairs[::2]  # enough for all rounds but the last
    learned = _with_excess(learned, _signed_pairs(few, learned))
    for _ in range(ROUNDS - 1):
        before = learned
        learned = _looked_again(learned, few, settings, told).learned
        if _alike(learned.layers[0], before.layers[0]):
            break
    return _looked_again(learned, pairs, settings, told)


def _looked_again(learned: Learned, pairs: Pairs, settings: DetectionSettings, told: bool) -> _Round:
    """Do one round: find spots, and refine the result with them."""
    from nta.spots.fast import FrameSearch

    (layer,) = learned.layers
    search = FrameSearch(learned, settings)
    seen = [(_seen(a, search, learned), _seen(b, search, learned)) for a, b in pairs]
    finest, width = learned.finest, learned.spot_width_px
    if not told:
        finest = _with_noise_under_spots(learned, [frame for pair in seen for frame in pair])
    of_pair = [np.concatenate([a.rows, b.rows]) for a, b in seen]
    clear_of_pair = [rows[_are_clear(rows)] for rows in of_pair]
    clear = np.concatenate(clear_of_pair)
    is_still = _are_still(clear_of_pair, of_pair)
    mostly_still = 2 * int(is_still.sum()) > is_still.size
    if mostly_still:
        clear = clear[~is_still]
    if settings.spot_width_px is None and len(clear) >= FEWEST_CLEAR:
        width = _fitted_width(clear, layer) * layer.step
    skipped, found = _first_layer(finest, width)
    learned = replace(learned, skipped=skipped, layers=(found,), camera=finest.camera)
    same = found.step == layer.step
    without_spots = [(a.rest, b.rest) for a, b in seen] if same else _signed_pairs(pairs, learned)
    return _Round(_with_excess(learned, without_spots), without_spots, len(clear), mostly_still)


def _with_excess(learned: Learned, without_spots: list[SignedPair]) -> Learned:
    """Return the result with excess and clutter measured in pairs of frames without the spots found so far."""
    return replace(learned, layers=tuple(with_excess(learned.layers, without_spots, learned.sign)))


def _with_noise_under_spots(learned: Learned, seen: list[SearchedFrame]) -> Layer:
    """Return the finest layer with noise and camera measured in pixels under the spots, if possible."""
    (layer,), finest = learned.layers, learned.finest
    noise = transferred_noise(seen, layer, learned.sign)
    if noise is None:
        return finest
    noise = noise.of_camera(layer.step, layer.camera.gain_e_per_adu / finest.camera.gain_e_per_adu)
    return replace(finest, noise=noise, camera=estimated_camera(noise, float(np.median(finest.background))))


def _with_coarser(learned: Learned, without_spots: list[SignedPair]) -> Learned:
    """Return the result with coarser layers added, with their excess and clutter."""
    (first,) = learned.layers
    layers = [first]
    while len(layers) < MOST_LAYERS and min(layers[-1].background.shape) >= 2 * LEAST_SIDE:
        layers.append(layers[-1].halved(first.width_px))
    measured = with_excess(layers[1:], halved(without_spots, first), learned.sign)
    return replace(learned, layers=(first, *measured))


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


def _take_off_stripes(value: Signed, image: Image, layer: Layer, sign: int) -> None:
    """Subtract the stripes of a frame of this layer."""
    if any(layer.wavering):
        stripes = FrameStripes.of(layer, sign, layer.stripes)
        stripes.look(image)
        value -= stripes.values
    elif layer.stripes.size:
        value -= layer.stripes


def _signed(image: Image, learned: Learned) -> Signed:
    """Signed grey values of a frame at the first layer, without stripes."""
    h, w = learned.finest.background.shape
    value = learned.sign * image[:h, :w].astype(np.float32)
    _take_off_stripes(value, image, learned.finest, learned.sign)
    for layer in learned.skipped:
        value = summed(value) / np.float32(2.0**layer.shift)
    return value


def _signed_pairs(pairs: Pairs, learned: Learned) -> list[SignedPair]:
    return [(_signed(a, learned), _signed(b, learned)) for a, b in pairs]


def _seen(image: Image, search: FrameSearch, learned: Learned) -> SearchedFrame:
    """Find the spots of a frame at the first layer, and subtract them."""
    small, rows, light = search.first_layer(image)
    h, w = light.shape
    rest = learned.sign * small[:h, :w].astype(np.float32) - light
    _take_off_stripes(rest, small, learned.layers[0], learned.sign)
    return SearchedFrame(rows, rest, light)


def _alike(one: Layer, other: Layer) -> bool:
    return (
        one.step == other.step
        and abs(one.width_px / other.width_px - 1) < 0.02
        and abs(one.clutter / other.clutter - 1) < 0.05
        and abs(one.noise.slope - other.noise.slope) < 0.1 * one.noise.slope + 1e-6
    )


def _are_clear(rows: FloatArray) -> BoolArray:
    """Whether each spot is bright, whole, alone and well fitted."""
    unclear = int(SpotFlag.EDGE | SpotFlag.OVERLAPPING | SpotFlag.POOR_FIT)
    clear: BoolArray = (rows[:, FLAGS].astype(int) & unclear == 0) & (rows[:, SNR] > CLEAR_SNR)
    return clear


def _are_still(clear_of_pair: Sequence[FloatArray], of_pair: Sequence[FloatArray]) -> BoolArray:
    """Whether each clear spot stands at the same place in every pair of frames: it is dirt, not a particle."""
    still = []
    for clear in clear_of_pair:
        met = [_are_met(clear, rows) for rows in of_pair]
        still.append(np.all(met, axis=0) & (len(of_pair) > 1))
    return np.concatenate(still)


def _are_met(rows: FloatArray, others: FloatArray) -> BoolArray:
    """Whether each spot has one of the others at its place, within their errors."""
    others = others[np.argsort(others[:, X])]
    met = np.zeros(len(rows), bool)
    if not len(others):
        return met
    reach = STILL_SD * np.hypot(rows[:, ERROR], np.nanmax(others[:, ERROR]))
    at = np.searchsorted(others[:, X], rows[:, X] - reach)
    end = np.searchsorted(others[:, X], rows[:, X] + reach, side="right")
    left = np.flatnonzero(at < end)
    while left.size:
        one, other = rows[left], others[at[left]]
        apart = np.hypot(one[:, X] - other[:, X], one[:, Y] - other[:, Y])
        met[left] = apart < STILL_SD * np.hypot(one[:, ERROR], other[:, ERROR])
        at[left] += 1
        left = left[~met[left] & (at[left] < end[left])]
    return met


def _fitted_width(clear: FloatArray, layer: Layer) -> float:
    """Return the fitted width of clear spots, px of the layer, at most a factor `FURTHEST` from the previous width."""
    width = _weighted_median(clear[:, S], np.minimum(clear[:, SNR], 30))
    return float(np.clip(width, max(0.6 * layer.width_px, 0.6), FURTHEST * layer.width_px))


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


def _weighted_median(values: FloatArray, weights: FloatArray) -> float:
    order = np.argsort(values)
    total = np.cumsum(weights[order])
    return float(values[order][np.searchsorted(total, 0.5 * total[-1])])


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


def _sample(frames: Sequence[Frame]) -> NDArray[Any]:
    """Return pairs of consecutive frames, spread over the first frames, as one array."""
    most = int(np.clip(PRIME_BYTES // (4 * frames[0].image.size), 8, MOST_PRIMED))
    if len(frames) <= most:
        return np.stack([f.image for f in frames])
    start = np.linspace(0, len(frames) - 2, most // 2).astype(int)
    chosen = [frames[i + half].image for i in start for half in (0, 1)]
    return np.stack(chosen)


def _full_scale(sample: NDArray[Any], bit_depth: int) -> int:
    """Return the highest grey value; if 12 bits are shifted to the top of 16, the lowest four bits are always 0."""
    bits = int(np.bitwise_or.reduce(sample[:: max(1, len(sample) - 1)], axis=None))
    smallest_step = bits & -bits or 1
    return int((2**bit_depth - 1) // smallest_step * smallest_step)


def _smoothed(images: Float32Array) -> Float32Array:
    """Sum over 3 x 3 px."""
    rows = images[..., :-2, :] + images[..., 1:-1, :] + images[..., 2:, :]
    summed: Float32Array = rows[..., :-2] + rows[..., 1:-1] + rows[..., 2:]
    return summed


def _is_dark(highpass: Float32Array, ground: _LearnedBackground) -> bool:
    """Whether spots are darker than their background; only moving spots decide, because dirt may be bright or dark.

    Slow particles leave as much bright as dark light after subtraction of the background; they are judged with the rest.
    """
    variance = float(ground.noise.variance(np.array(ground.level)))
    still = ground.even - box_mean(ground.even, WIDE_BOX)
    for picture in (highpass - still, highpass):
        z = _smoothed(picture) / (3 * math.sqrt(variance))
        bright, dark = (float((beyond * beyond * beyond).sum()) for beyond in (z[z > 6], -z[z < -6]))
        if max(bright, dark) > CLEAR_CONTRAST * min(bright, dark):
            break
    return dark > bright


def _correlation_width(highpass: Float32Array) -> float:
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
