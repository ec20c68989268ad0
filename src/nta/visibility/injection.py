"""Simulated spots added to frames of the recording, and searched for by its own detector.

The frames already contain all that limits detection: background, noise, hot pixels, neighbours. Simulated spots are added
with photon noise of their own, and the detector that searched the recording decides which of them are found.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nta.columns import BoolArray, FloatArray
from nta.frames import Frame, Image
from nta.spots import Scene, SpotDetector, Spots
from nta.tracks import Tracks

WIDTH_RATIOS = (1.0, 1.3, 1.8, 2.5)
"""Widths of the simulated spots, relative to a spot in focus: motion and defocus widen spots."""

_BRIGHTNESS_RANGE = (0.35, 8.0)  # relative to the light at which the matched filter reaches the threshold
_OWN_SHARE = 0.25  # share of the simulated spots that copy spots of the recording brighter than this range
_LEAST_OWN = 20  # number of such bright spots that the recording must have
_WIDTH_POWER = 1.6  # wide spots need more light than the matched filter of their own width would
_REACH = 4.0  # widths: 99.99 % of the light of a Gaussian spot
_APART = 12.0  # widths between simulated spots of one frame, so that they do not disturb each other
_MATCH = 2.0  # widths within which a found spot counts as the simulated one


AS_SEEN = -1


class FrameSample:
    """Keeps a sample of frames, evenly spread over the recording, while all frames pass."""

    def __init__(self, n: int) -> None:
        self._n = n
        self._stride = 1
        self._passed = 0
        self.kept: list[Frame] = []

    def take(self, frame: Frame) -> None:
        """Keep the next frame, or not."""
        if self._n and self._passed % self._stride == 0:
            self.kept.append(frame)
            if len(self.kept) == 2 * self._n:
                del self.kept[1::2]
                self._stride *= 2
        self._passed += 1

    def passing(self, frames: Iterable[Frame]) -> Iterator[Frame]:
        """Yield the frames unchanged."""
        for frame in frames:
            self.take(frame)
            yield frame


@dataclass(frozen=True, eq=False)
class Trials:
    """Simulated spots: light, width over that of a spot in focus (an index into WIDTH_RATIOS), found or not.

    A ratio of AS_SEEN marks simulated spots with light and width of a bright spot of the recording.
    """

    electrons: FloatArray
    ratio: NDArray[np.int64]
    found: BoolArray


def injection_trials(
    detector: SpotDetector,
    tracks: Tracks,
    width_px: float,
    frames: Sequence[Frame],
    per_frame: int,
    rng: np.random.Generator,
) -> Trials:
    """Add simulated spots to the frames and search for them with the detector of the recording.

    width_px : width of a spot in focus.
    """
    scene = tracks.scene
    guess = _threshold_electrons(scene, width_px)
    ratios_tried = np.array(WIDTH_RATIOS)
    low, high = np.log(_BRIGHTNESS_RANGE)
    bright = np.flatnonzero(tracks.intensity > np.exp(high) * guess)
    own = round(_OWN_SHARE * per_frame) if bright.size >= _LEAST_OWN else 0
    electrons, ratios, found = [], [], []
    for frame in frames:
        y, x = places_apart(scene, _APART * width_px, per_frame, rng)
        ratio = rng.integers(0, len(WIDTH_RATIOS), y.size)
        widths = width_px * ratios_tried[ratio]
        light = guess * ratios_tried[ratio] ** _WIDTH_POWER * np.exp(rng.uniform(low, high, y.size))
        seen = rng.choice(bright, min(own, y.size)) if own else bright[:0]
        ratio[: seen.size] = AS_SEEN
        widths[: seen.size], light[: seen.size] = tracks.width_px[seen], tracks.intensity[seen]
        image = with_spots(frame.image, scene, y, x, widths, light, rng)
        before = detector.detect([frame])
        after = detector.detect([Frame(image, frame.index, frame.time_s)])
        electrons.append(light)
        ratios.append(ratio)
        found.append(_found(y, x, before, after, _MATCH * widths))
    return Trials(np.concatenate(electrons), np.concatenate(ratios), np.concatenate(found))


def with_spots(
    image: Image,
    scene: Scene,
    y: FloatArray,
    x: FloatArray,
    width_px: FloatArray,
    electrons: FloatArray,
    rng: np.random.Generator,
) -> Image:
    """Return the image with Gaussian spots added, photon noise included; dark spots take light away."""
    light = np.zeros(image.shape)
    for row, column, width, total in zip(y, x, width_px, electrons, strict=True):
        rows, py = _profile(row, width, image.shape[0])
        columns, px = _profile(column, width, image.shape[1])
        light[rows, columns] += total * py[:, None] * px
    change = rng.poisson(light) if scene.contrast == "bright" else -light
    changed = np.rint(image + change / scene.camera.gain_e_per_adu)
    clipped = np.clip(changed, 0, 2**scene.bit_depth - 1)
    return clipped.astype(np.uint8) if image.dtype == np.uint8 else clipped.astype(np.uint16)


def _profile(centre: float, width: float, size: int) -> tuple[slice, FloatArray]:
    """Share of a 1-D Gaussian on the pixels it touches."""
    from scipy.special import ndtr

    first = max(0, math.floor(centre - _REACH * width))
    last = min(size - 1, math.ceil(centre + _REACH * width))
    edges = np.arange(first, last + 2) - 0.5
    return slice(first, last + 1), np.diff(ndtr((edges - centre) / width))


def _threshold_electrons(scene: Scene, width_px: float) -> float:
    """Light of a spot in focus at which the matched filter reaches the threshold: 2 sqrt(pi) w sigma t.

    For a Gaussian spot of width w on white noise sigma per pixel, sum s² = N² / (4 pi w²).
    """
    camera = scene.camera
    level_e = float(np.median(scene.background) - camera.offset_adu) * camera.gain_e_per_adu
    sigma = math.sqrt(max(level_e, 0.0) + camera.read_noise_e**2 + camera.gain_e_per_adu**2 / 12)
    return 2 * math.sqrt(math.pi) * width_px * sigma * scene.threshold_sd


def places_apart(
    scene: Scene, apart_px: float, count: int, rng: np.random.Generator
) -> tuple[FloatArray, FloatArray]:
    """Draw random places apart from each other, up to the very edge, where particles are missed as well."""
    places: list[tuple[float, float]] = []
    for _ in range(4 * count):
        y = rng.uniform(-0.5, scene.height_px - 0.5)
        x = rng.uniform(-0.5, scene.width_px - 0.5)
        if all((y - b) ** 2 + (x - a) ** 2 > apart_px**2 for b, a in places):
            places.append((y, x))
        if len(places) == count:
            break
    y_px, x_px = np.array(places).T
    return y_px, x_px


def _found(y: FloatArray, x: FloatArray, before: Spots, after: Spots, reach: FloatArray) -> BoolArray:
    """Return which simulated spots were found, as spots that were not there before.

    A simulated spot that is merged with a particle counts as missed, as a particle would be.
    """
    taken = np.zeros(len(after), dtype=bool)
    for row, column in zip(before.y_px, before.x_px, strict=True):
        _take_nearest(row, column, after, taken, float(reach.min()) / 2)
    put = zip(y, x, reach, strict=True)
    return np.array([_take_nearest(row, column, after, taken, r) for row, column, r in put], dtype=bool)


def _take_nearest(y: float, x: float, spots: Spots, taken: BoolArray, reach: float) -> bool:
    distance = np.where(taken, np.inf, np.hypot(spots.y_px - y, spots.x_px - x))
    nearest = int(np.argmin(distance)) if distance.size else -1
    if nearest < 0 or distance[nearest] > reach:
        return False
    taken[nearest] = True
    return True
