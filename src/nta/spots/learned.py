"""Result of learning from the first frames of a recording, for each resolution that is searched."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from nta.columns import BoolArray
from nta.frames import Image
from nta.spots.apart import SPARROW
from nta.spots.filters import Filters, filters_for
from nta.spots.noise import ROUNDING_VARIANCE, PixelNoise
from nta.spots.table import CameraModel

WIDTH_UNKNOWN_PX = 1.6  # width assumed if it cannot be learned; 0.25 um/px, 500 nm, NA 0.3
FIT_RADIUS = (5, 7)  # half side of the fit window, px: at least 2.7 sigma of a spot in focus
WIDE_WINDOW_PX = 1.9  # width of a spot from which on the larger window is used


class Wavering(NamedTuple):
    """Whether rows and columns have offsets that change from frame to frame."""

    rows: bool = False
    columns: bool = False


@dataclass(frozen=True, kw_only=True, eq=False)
class Layer:
    """One resolution: frames of sums of `step` x `step` camera px, divided by a power of two if they would overflow.

    step : camera px per px of this layer. full_scale : grey value of a saturated px.
    width_px : width of a spot in px of this layer. camera, noise : camera model and noise of this layer's grey values.
    excess : variance of the filter's response to noise over that to white noise of the pixels, at least 1: a codec
    correlates noise. Fits and their errors use the pixel noise multiplied by it.
    clutter : the same ratio including rings, haze and other structure, at least `excess`; it sets the threshold.
    apart : least distance of two spots in widths: a nearer pair is one particle that moved during the exposure.
    background : grey values of the fixed background without stripes. pattern, stripes : signed grey values of hot pixels and
    burnt-in text, and of whole columns and rows, or empty. wavering : which stripes change from frame to frame.
    """

    step: int
    full_scale: int
    width_px: float
    camera: CameraModel
    noise: PixelNoise
    excess: float
    clutter: float
    apart: float
    filters: Filters
    background: NDArray[np.float32]
    pattern: NDArray[np.float32]
    stripes: NDArray[np.float32]
    wavering: Wavering

    @classmethod
    def of_camera(
        cls,
        *,
        full_scale: int,
        camera: CameraModel,
        noise: PixelNoise,
        background: NDArray[np.float32],
        pattern: NDArray[np.float32],
        stripes: NDArray[np.float32],
        wavering: Wavering,
    ) -> Layer:
        """Return the layer of the camera's own frames, before spots are known."""
        return cls(
            step=1,
            full_scale=full_scale,
            width_px=WIDTH_UNKNOWN_PX,
            camera=camera,
            noise=noise,
            excess=1.0,
            clutter=1.0,
            apart=SPARROW,
            filters=filters_for(WIDTH_UNKNOWN_PX),
            background=background,
            pattern=pattern,
            stripes=stripes,
            wavering=wavering,
        )

    @property
    def fixed(self) -> NDArray[np.float32]:
        """Signed grey values to be subtracted from every frame, or empty."""
        if not (self.pattern.size and self.stripes.size):
            return self.pattern if self.pattern.size else self.stripes
        return self.pattern + self.stripes

    def expected(self, sign: int) -> NDArray[np.float32]:
        """Signed grey values of a frame without spots."""
        signed = np.float32(sign) * self.background
        return signed + self.stripes if self.stripes.size else signed

    @property
    def shift(self) -> int:
        """Powers of two by which sums of 2x2 px must be divided to fit 16 bits."""
        return max(0, (4 * self.full_scale).bit_length() - 16)

    @property
    def fit_radius(self) -> int:
        """Half side of the fit window."""
        return FIT_RADIUS[self.width_px >= WIDE_WINDOW_PX]

    def halved(self, width_px: float) -> Layer:
        """Return the layer of half the resolution, in which a spot is `width_px` wide."""
        part = 2.0**self.shift
        noise, camera = self.noise, self.camera
        rounding = ROUNDING_VARIANCE if self.shift else 0.0
        return Layer(
            step=2 * self.step,
            full_scale=(4 * self.full_scale + (1 << self.shift >> 1)) >> self.shift,
            width_px=width_px,
            camera=CameraModel(
                gain_e_per_adu=camera.gain_e_per_adu * part,
                offset_adu=4 * camera.offset_adu / part,
                read_noise_e=2 * camera.read_noise_e,
                source=camera.source,
            ),
            noise=PixelNoise(
                var0=4 * noise.var0 / part**2 + rounding,
                slope=noise.slope / part,
                floor=4 * noise.floor / part**2 + rounding,
            ),
            excess=1.0,
            clutter=1.0,
            apart=self.apart,
            filters=filters_for(width_px),
            background=summed(self.background) / np.float32(part),
            pattern=summed(self.pattern) / np.float32(part),
            stripes=summed(self.stripes) / np.float32(part),
            wavering=self.wavering,
        )


@dataclass(frozen=True, kw_only=True, eq=False)
class Learned:
    """Result of learning from a recording; it does not change afterwards.

    layers : the first is searched for spots; further layers, each coarser by two, for discs and rings, if there are any.
    skipped : layers finer than the first; spots are too wide to need their resolution.
    """

    width_px: int
    height_px: int
    bit_depth: int
    dark: bool
    camera: CameraModel
    background: NDArray[np.float32]  # (height, width) adu
    example_image: Image
    layers: tuple[Layer, ...]
    skipped: tuple[Layer, ...]

    @property
    def sign(self) -> int:
        """-1 for dark spots, 1 for bright spots."""
        return -1 if self.dark else 1

    @property
    def finest(self) -> Layer:
        """The layer of the camera's own frames."""
        return (self.skipped + self.layers)[0]

    @property
    def spot_width_px(self) -> float:
        """Standard deviation of a spot in focus, camera px."""
        return self.layers[0].width_px * self.layers[0].step

    @cached_property
    def near_pattern(self) -> BoolArray:
        """Camera px on or beside a hot pixel or burnt-in text; empty if there are none."""
        pattern = self.finest.pattern
        if not pattern.size:
            return np.empty((0, 0), dtype=bool)
        h, w = pattern.shape
        fixed = np.pad(pattern != 0, 1)
        around = [fixed[dy : dy + h, dx : dx + w] for dy in range(3) for dx in range(3)]
        return np.asarray(np.logical_or.reduce(around))


def summed(image: NDArray[np.float32]) -> NDArray[np.float32]:
    """2x2 sums."""
    h, w = image.shape[0] // 2 * 2, image.shape[1] // 2 * 2
    rows = image[:h:2, :w] + image[1:h:2, :w]
    return np.asarray(rows[:, ::2] + rows[:, 1::2])
