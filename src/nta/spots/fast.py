"""The fast engine: the compiled kernels with their buffers and constants for one recording."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from nta.columns import Float32Array
from nta.frames import Image
from nta.spots.columns import ERROR, N_COLUMNS, N_TABLE, SNR, B, N, S, X, Y
from nta.spots.filters import MEAN_CLIP_SD
from nta.spots.fitting import FIT_SHARE, NARROWEST_SHARE, widest_px
from nta.spots.kernels.candidates import Proposal, ResponseNoise
from nta.spots.kernels.discs import (
    N_DISC,
    SIGNIFICANT,
    DiscRules,
    GreyNoise,
    Scale,
    find_discs,
)
from nta.spots.kernels.find import Plain, find, find_candidates
from nta.spots.kernels.fit import Limits, Noise
from nta.spots.kernels.follow import WATCHED, Background
from nta.spots.kernels.localise import N_WIDE, FitRules
from nta.spots.kernels.merge import merge
from nta.spots.kernels.paint import paint
from nta.spots.kernels.patch import Pattern
from nta.spots.kernels.profile import N_BINS
from nta.spots.kernels.rows import PAD
from nta.spots.kernels.search import N_FOUND, N_LINES
from nta.spots.kernels.shrink import shrink
from nta.spots.learned import Layer, Learned, summed
from nta.spots.settings import DetectionSettings
from nta.spots.stripes import FrameStripes

FIRST_SHARE = 0.78  # the half-resolution pass proposes above this share of the threshold
NARROWEST = (0.5, 0.75)  # px; range of the least fitted width, whatever the usual width
NARROWEST_BINNED = 0.25  # px of a coarser layer; a single pixel is fitted narrower still
SETTLED_PX = 0.02  # step that ends a fit: the next would be far shorter (design choice)
ITERATIONS = 6  # most iterations of a fit (design choice)
SPLIT_GAIN = 25.0  # drop of chi-square for three more parameters that proves two spots (p < 2e-5)
MOST_SPOTS = 20_000  # in one frame
MOST_DISCS = 1_000
DISC_WINDOW = 6.0  # radius in which a disc is fitted, widths of a spot
WIDER = 2  # times that radius, for lone discs


class FrameSearch:
    """Searches one frame at a time; not to be shared between threads."""

    def __init__(self, learned: Learned, settings: DetectionSettings) -> None:
        first = learned.layers[0]
        # units of the table: camera px, photo-electrons, standard deviations of noise including clutter
        shift = 0.5 * (first.step - 1)
        units = (
            *((column, first.step, shift) for column in (X, Y)),
            *((column, first.step, 0.0) for column in (S, ERROR)),
            (N, first.excess, 0.0),
            (B, first.excess / first.step**2, 0.0),
            (SNR, float(np.sqrt(first.excess / first.clutter)), 0.0),
        )
        self._units = [unit for unit in units if unit[1:] != (1, 0)]  # column, its unit and origin
        self._to_first = [_Shrink(layer) for layer in learned.skipped]
        self._searches = [LayerSearch(layer, learned.sign, settings) for layer in learned.layers]
        self._coarser = [_Shrink(layer) for layer in learned.layers[:-1]]
        self._rows = np.empty((MOST_SPOTS, N_COLUMNS))
        self._discs = np.empty((MOST_DISCS, N_DISC))

    def search(self, image: Image, lone_discs: bool = True) -> NDArray[np.float64]:
        """Return one row per spot, camera px and photo-electrons; see `nta.spots.columns`.

        lone_discs : whether spots too wide for a fit are tried as discs in a recording that has few discs.
        """
        image = self._at_first_layer(image)
        m, wide = self._searches[0].spots(image, self._rows)
        if len(self._searches) > 1:
            m = self._with_discs(image, m)
        elif len(wide) and lone_discs:
            m = self._with_wide(image, m, wide)
        table = self._rows[:m, :N_TABLE].copy()
        for column, unit, origin in self._units:
            table[:, column] *= unit
            table[:, column] += origin
        return table

    def first_layer(self, image: Image) -> tuple[Image, NDArray[np.float64], NDArray[np.float32]]:
        """Return the frame at the first layer, its spots (px, electrons of that layer) and their light in grey values."""
        image = self._at_first_layer(image)
        first = self._searches[0]
        m, _ = first.spots(image, self._rows)
        rows = self._rows[:m].copy()
        light = np.zeros(first.layer.background.shape, np.float32)
        paint(rows, first.gain, light)
        return image, rows, light

    def _at_first_layer(self, image: Image) -> Image:
        image = _viewable(image)
        for shrunk in self._to_first:
            image = _viewable(shrunk(image))
        return image

    def _with_wide(self, image: Image, m: int, wide: NDArray[np.float64]) -> int:
        """Fit discs where spots are too wide; replace the spots that are part of a disc among the m spots of the frame."""
        n_discs = self._searches[0].wide(image, wide, self._discs)
        return self._merged(m, n_discs)

    def _with_discs(self, image: Image, m: int) -> int:
        """Add discs and rings to the m spots of the frame, and remove the spots that are part of them."""
        n_discs = 0
        first = self._searches[0]
        for shrunk, finer, coarser in zip(
            self._coarser, self._searches[:-1], self._searches[1:], strict=True
        ):
            coarse = shrunk(image)
            places = coarser.candidates(_viewable(coarse))
            n_discs = finer.discs(image, places, first.layer, self._discs, n_discs)
            image = coarse
        return self._merged(m, n_discs)

    def _merged(self, m: int, n_discs: int) -> int:
        first = self._searches[0]
        height, width = first.layer.background.shape
        return int(merge(self._rows, m, self._discs, n_discs, first.gain, first.offset, height, width))


class LayerSearch:
    """The kernels at one resolution."""

    def __init__(self, layer: Layer, sign: int, settings: DetectionSettings) -> None:
        self.layer = layer
        self._k = settings.threshold_sd
        # factor on thresholds due to clutter
        self._clutter_sd = float(np.sqrt(layer.clutter / layer.excess))
        split_gain = settings.split_overlapping * SPLIT_GAIN * layer.clutter / layer.excess
        self._sign = np.float32(sign)
        noise, f = layer.noise.times(layer.excess), layer.filters
        # variance of the response: of 2x2 sums four times var0; slope works on signed levels
        self._noise2 = ResponseNoise(f.half_norm**2 * 4 * noise.var0, f.half_norm**2 * noise.slope * sign)
        self._noise1 = ResponseNoise(f.full_norm**2 * noise.var0, f.full_norm**2 * noise.slope * sign)
        camera = layer.camera
        # electrons whose Poisson noise is the whole noise: excess noise is a smaller gain
        self.gain = camera.gain_e_per_adu / layer.excess
        self.offset = sign * camera.offset_adu
        read = camera.read_noise_e**2 / layer.excess + (
            self.gain**2 / 12 if camera.source != "estimated" else 0
        )
        self._grey_noise = GreyNoise(noise.var0, noise.slope * sign, noise.floor)
        s = layer.width_px
        # if most spots are out of focus, narrower spots in focus are valid too; only single pixels are excluded
        narrowest = float(np.clip(NARROWEST_SHARE * s, *NARROWEST)) if layer.step == 1 else NARROWEST_BINNED
        height, width = layer.background.shape
        self._stripes = FrameStripes.of(layer, sign, layer.fixed) if any(layer.wavering) else None
        if self._stripes is not None:
            pattern = Pattern(self._stripes.values, np.ones(height, np.bool_))
            self._pattern2 = Pattern(self._stripes.sums, np.ones(height // 2, np.bool_))
        else:
            pattern = Pattern.of(layer.fixed, height)
            self._pattern2 = Pattern.of(summed(layer.fixed), height // 2)
        self._pixel_pattern = _plain(pattern)
        self._lines = np.zeros((N_LINES, width // 2 + 2 * PAD + 32), np.float32)
        self._found = np.empty((MOST_SPOTS, N_FOUND))
        self._wide = np.empty((MOST_SPOTS, N_WIDE))
        watched, half = layer.background[WATCHED], summed(layer.background)
        sd = np.sqrt(noise.variance(watched.astype(float)))
        clip = sign * half + np.float32(2 * MEAN_CLIP_SD) * np.sqrt(noise.variance(half / np.float32(4)))
        level = layer.expected(sign)[WATCHED].astype(np.float32)
        followed = Background.of(level, sd, sign * noise.slope, clip.astype(np.float32))
        self._background = _plain(followed)
        curved = (f.half_curved / f.half_norm) ** 2
        self._with_shoulders, self._without = (_plain(self._proposal(followed, c)) for c in (curved, 0.0))
        rules = FitRules(
            radius=layer.fit_radius,
            width=float(s),
            response_to_n=self.gain / f.response,
            offset=float(self.offset),
            gain=self.gain,
            full_scale=float(layer.full_scale),
            noise=Noise(float(sign), read, noise.floor * self.gain**2),
            limits=Limits(
                narrowest, widest_px(s, layer.fit_radius), settled=SETTLED_PX, iterations=ITERATIONS
            ),
            threshold=FIT_SHARE * self._clutter_sd * self._k,
            split_gain=float(split_gain),
            apart=layer.apart,
        )
        self._rules = _plain(rules)

    def candidates(self, image: Image) -> NDArray[np.float64]:
        """Return where the matched filter exceeds the threshold: rows (x, y, response, level, is a shoulder)."""
        n = find_candidates(self._frame(image), self._background, self._without)
        return self._found[:n]

    def spots(self, image: Image, rows: NDArray[np.float64]) -> tuple[int, NDArray[np.float64]]:
        """Find and fit spots; `rows` as by `localise`, px and effective electrons of this layer.

        Returns their number, and the places of bright ones that are too wide for the window.
        """
        frame, background = self._frame(image), self._background
        m, n_wide = find(frame, background, self._with_shoulders, self._rules, rows, self._wide)
        return int(m), self._wide[:n_wide]

    def _frame(self, image: Image) -> Plain:
        """Return `FramePixels` as a plain tuple."""
        if self._stripes is not None:
            self._stripes.look(image)
        return image, image.view(np.uint32), self._sign, self._pixel_pattern

    def _proposal(self, background: Background, curved: float) -> Proposal:
        """Return the parameters of the search; curved : as in `search.Half`, 0: without shoulders."""
        f, k = self.layer.filters, self._clutter_sd * self._k
        return Proposal(
            pattern2=self._pattern2,
            limit=background.limit,
            taps2=f.half,
            noise2=self._noise2,
            threshold2=FIRST_SHARE * k,
            curved=curved,
            taps=f.full,
            noise=self._noise1,
            threshold=k,
            spot_curvature=f.curvature,
            lines=self._lines,
            found=self._found,
        )

    def discs(
        self,
        image: Image,
        places: NDArray[np.float64],
        first: Layer,
        discs: NDArray[np.float64],
        m: int,
    ) -> int:
        """Fit discs in a frame of this layer at candidates of the next coarser layer; append them to the first m discs.

        Lengths are reported in px, light in grey values of the `first` layer.
        """
        step = self.layer.step // first.step
        grey = self.layer.camera.gain_e_per_adu / first.camera.gain_e_per_adu
        return self._discs(image, places, Scale(2, step, grey), first.width_px, discs, m)

    def wide(self, image: Image, places: NDArray[np.float64], discs: NDArray[np.float64]) -> int:
        """Fit discs where `spots` found light too wide for its window; return their number."""
        return self._discs(image, places, Scale(1, 1, 1.0), self.layer.width_px, discs, 0)

    def _discs(
        self, image: Image, places: NDArray[np.float64], scale: Scale, width: float, discs: NDArray[np.float64], m: int
    ) -> int:  # fmt: skip
        radius = min(int(np.ceil(DISC_WINDOW * width)), N_BINS)
        rules = DiscRules(
            radius=radius,
            widest=min(WIDER * radius, N_BINS) if scale.zoom == 1 else radius,
            noise=self._grey_noise,
            width=width / scale.step,
            threshold=SIGNIFICANT * self._clutter_sd * self._k,
        )
        even, sign = self._without_stripes(image)
        return int(find_discs(even, sign, places, scale, rules, discs, m))

    def _without_stripes(self, image: Image) -> tuple[Image | Float32Array, np.float32]:
        """Return the frame without stripes and the sign of its grey values; the frame itself if it has no stripes."""
        h, w = self.layer.background.shape
        stripes = self.layer.stripes
        if self._stripes is not None:
            self._stripes.look(image)
            stripes = self._stripes.values
        if not stripes.size:
            return image, self._sign
        return self._sign * image[:h, :w] - stripes, np.float32(1)


class _Shrink:
    """Makes frames of the next coarser layer, in a buffer of its own."""

    def __init__(self, layer: Layer) -> None:
        height, width = layer.background.shape
        self._full_scale, self._shift = layer.full_scale, layer.shift
        self._out = np.empty((height // 2, width // 2), np.uint16)

    def __call__(self, image: Image) -> Image:
        shrink(image, self._full_scale, self._shift, self._out)
        return self._out


def _plain(bundle: tuple[Any, ...]) -> Plain:
    """Return a named tuple, and those in it, as plain tuples, which `find` takes."""
    return tuple(_plain(item) if isinstance(item, tuple) else item for item in bundle)


def _viewable(image: Image) -> Image:
    """Return the image as 16-bit pixels whose pairs can be viewed as one number, without an odd last column.

    8-bit frames are copied, which takes 3 % of the search: kernels of their own would take as long again to compile.
    """
    if (
        image.dtype == np.uint16
        and image.flags.c_contiguous
        and image.flags.writeable
        and image.shape[1] % 2 == 0
        and image.ctypes.data % 4 == 0
    ):
        return image
    return np.array(image[:, : image.shape[1] // 2 * 2], np.uint16, order="C")
