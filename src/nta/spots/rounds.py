"""Rounds of detection in the first frames: from the spots of each follow width, noise and clutter for the next."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from nta.columns import BoolArray, FloatArray
from nta.frames import Image
from nta.spots.columns import ERROR, FLAGS, SNR, S, X, Y
from nta.spots.excess import Signed, with_excess
from nta.spots.filters import filters_for
from nta.spots.learned import WIDTH_UNKNOWN_PX, Layer, Learned, summed
from nta.spots.noise import estimated_camera
from nta.spots.settings import DetectionSettings
from nta.spots.stripes import FrameStripes
from nta.spots.table import SpotFlag
from nta.spots.transfer import SearchedFrame, transferred_noise

if TYPE_CHECKING:
    from nta.spots.fast import FrameSearch

ROUNDS = 4
FURTHEST = 1.6  # largest change of the width in one round of fits, as a factor
CLEAR_SNR = 8.0
FEWEST_CLEAR = 10  # fewest clear spots from which the width is taken
STILL_SD = 3.0  # distance, in its standard errors, within which a spot has not moved
NARROWEST_BINNED_PX = 1.25  # sampled any coarser, a Gaussian loses information on its place
NARROWEST_TO_BIN_PX = 2.6
LEAST_SIDE = 32  # px; least side of the frames of a layer; the search itself needs 12 rows

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


def refined_from(
    guess: float, learned: Learned, pairs: Pairs, settings: DetectionSettings, told: bool
) -> tuple[Learned, list[SignedPair]]:
    """Return `_refined` from a guess of the width; if it gives no clear spots that move, from the usual width."""
    found = _refined(learned, pairs, settings, told)
    far = not 1 / FURTHEST < guess / WIDTH_UNKNOWN_PX < FURTHEST
    if settings.spot_width_px is None and found.n_clear < FEWEST_CLEAR and far:
        skipped, layer = first_layer(learned.finest, WIDTH_UNKNOWN_PX)
        started = replace(learned, skipped=skipped, layers=(layer,))
        again = _refined(started, pairs, settings, told)
        # where little but dirt is seen, the guess is of the dirt
        if again.n_clear >= FEWEST_CLEAR or found.mostly_still:
            found = again
    return found.learned, found.without_spots


def first_layer(finest: Layer, width_px: float) -> tuple[tuple[Layer, ...], Layer]:
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
    skipped, found = first_layer(finest, width)
    learned = replace(learned, skipped=skipped, layers=(found,), camera=finest.camera)
    same = found.step == layer.step
    without_spots = [(a.rest, b.rest) for a, b in seen] if same else _signed_pairs(pairs, learned)
    return _Round(_with_excess(learned, without_spots), without_spots, len(clear), mostly_still)


def _with_noise_under_spots(learned: Learned, seen: list[SearchedFrame]) -> Layer:
    """Return the finest layer with noise and camera measured in pixels under the spots, if possible."""
    (layer,), finest = learned.layers, learned.finest
    noise = transferred_noise(seen, layer, learned.sign)
    if noise is None:
        return finest
    noise = noise.of_camera(layer.step, layer.camera.gain_e_per_adu / finest.camera.gain_e_per_adu)
    return replace(finest, noise=noise, camera=estimated_camera(noise, float(np.median(finest.background))))


def _with_excess(learned: Learned, without_spots: list[SignedPair]) -> Learned:
    """Return the result with excess and clutter measured in pairs of frames without the spots found so far."""
    return replace(learned, layers=tuple(with_excess(learned.layers, without_spots, learned.sign)))


def _seen(image: Image, search: FrameSearch, learned: Learned) -> SearchedFrame:
    """Find the spots of a frame at the first layer, and subtract them."""
    small, rows, light = search.first_layer(image)
    h, w = light.shape
    rest = learned.sign * small[:h, :w].astype(np.float32) - light
    _take_off_stripes(rest, small, learned.layers[0], learned.sign)
    return SearchedFrame(rows, rest, light)


def _signed_pairs(pairs: Pairs, learned: Learned) -> list[SignedPair]:
    return [(_signed(a, learned), _signed(b, learned)) for a, b in pairs]


def _signed(image: Image, learned: Learned) -> Signed:
    """Signed grey values of a frame at the first layer, without stripes."""
    h, w = learned.finest.background.shape
    value = learned.sign * image[:h, :w].astype(np.float32)
    _take_off_stripes(value, image, learned.finest, learned.sign)
    for layer in learned.skipped:
        value = summed(value) / np.float32(2.0**layer.shift)
    return value


def _take_off_stripes(value: Signed, image: Image, layer: Layer, sign: int) -> None:
    """Subtract the stripes of a frame of this layer."""
    if any(layer.wavering):
        stripes = FrameStripes.of(layer, sign, layer.stripes)
        stripes.look(image)
        value -= stripes.values
    elif layer.stripes.size:
        value -= layer.stripes


def _alike(one: Layer, other: Layer) -> bool:
    """Whether two rounds agree: the next, with more frames, then leaves a small part of what still lies between them."""
    return (
        one.step == other.step
        and abs(one.width_px / other.width_px - 1) < 0.05
        and abs(one.clutter / other.clutter - 1) < 0.1
        and abs(one.noise.slope - other.noise.slope) < 0.2 * one.noise.slope + 1e-6
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


def _weighted_median(values: FloatArray, weights: FloatArray) -> float:
    order = np.argsort(values)
    total = np.cumsum(weights[order])
    return float(values[order][np.searchsorted(total, 0.5 * total[-1])])
