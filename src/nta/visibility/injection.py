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
    first_row, py = _profiles(y, width_px, image.shape[0])
    first_column, px = _profiles(x, width_px, image.shape[1])
    for row, column, of_rows, of_columns in zip(
        first_row, first_column, electrons[:, None] * py, px, strict=True
    ):
        patch = light[row : row + of_rows.size, column : column + of_columns.size]
        patch += np.outer(of_rows, of_columns)
    changed = image.copy()
    lit = np.nonzero(light)
    change = rng.poisson(light[lit]) if scene.contrast == "bright" else -light[lit]
    grey = np.rint(image[lit] + change / scene.camera.gain_e_per_adu)
    changed[lit] = np.clip(grey, 0, 2**scene.bit_depth - 1).astype(image.dtype)
    return changed


def _profiles(centre: FloatArray, width: FloatArray, size: int) -> tuple[NDArray[np.int64], FloatArray]:
    """Return the first pixel of each 1-D Gaussian's window, and its share on the pixels of the window.

    All windows are as long as the widest needs, or as the image; beyond `_REACH` a share is 0.
    """
    from scipy.special import ndtr

    length = min(2 * math.ceil(_REACH * float(width.max(initial=0.0))) + 3, size)
    first = np.clip(np.rint(centre).astype(int) - length // 2, 0, size - length)
    edges = first[:, None] + np.arange(length + 1) - 0.5 - centre[:, None]
    edges = np.clip(edges / width[:, None], -_REACH, _REACH)
    return first, np.diff(ndtr(edges), axis=1)


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
    drawn = rng.uniform(-0.5, [scene.height_px - 0.5, scene.width_px - 0.5], (4 * count, 2))
    near = ((drawn[:, None] - drawn) ** 2).sum(axis=2) <= apart_px**2
    taken: list[int] = []
    for candidate in range(len(drawn)):
        if not near[candidate, taken].any():
            taken.append(candidate)
        if len(taken) == count:
            break
    y_px, x_px = drawn[taken].T
    return y_px, x_px


def _found(y: FloatArray, x: FloatArray, before: Spots, after: Spots, reach: FloatArray) -> BoolArray:
    """Return which simulated spots were found, as spots that were not there before.

    A simulated spot that is merged with a particle counts as missed, as a particle would be.
    """
    if not len(after):
        return np.zeros(y.size, dtype=bool)
    away = np.hypot(before.y_px[:, None] - after.y_px, before.x_px[:, None] - after.x_px)
    there = away.min(axis=1) <= float(reach.min()) / 2
    new = np.delete(np.arange(len(after)), away.argmin(axis=1)[there])
    away = np.hypot(y[:, None] - after.y_px[new], x[:, None] - after.x_px[new])
    return np.asarray(away.min(axis=1, initial=np.inf) <= reach)
