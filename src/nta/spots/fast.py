"""The fast engine: the compiled kernels with their buffers and constants for one recording."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from nta.frames import Image
from nta.spots.kernels.fit import N_COLUMNS
from nta.spots.kernels.localise import localise
from nta.spots.kernels.rows import PAD
from nta.spots.kernels.search import N_LINES, check, propose
from nta.spots.learning import Learned
from nta.spots.settings import DetectionSettings

FIRST_SHARE = 0.78  # the half-resolution pass proposes above this share of the threshold
FIT_SHARE = 0.7  # a fitted spot must still reach this share of it
MOST_SPOTS = 20_000  # in one frame


class FrameSearch:
    """Searches one frame at a time; not to be shared between threads."""

    def __init__(self, learned: Learned, settings: DetectionSettings) -> None:
        self._k = settings.threshold_sd
        self._split = settings.split_overlapping
        self._learned = learned
        f, noise, sign = learned.filters, learned.noise, float(learned.sign)
        w2 = learned.width_px // 2
        self._taps2, self._taps = f.half, f.full
        # variance of the response: of 2x2 sums four times var0; slope works on signed levels
        self._noise2 = (f.half_norm**2 * 4 * noise.var0, f.half_norm**2 * noise.slope * sign)
        self._noise1 = (f.full_norm**2 * noise.var0, f.full_norm**2 * noise.slope * sign)
        camera = learned.camera
        gain = camera.gain_e_per_adu
        read = camera.read_noise_e**2 + (gain**2 / 12 if camera.source != "estimated" else 0.0)
        self._camera = np.array([sign * camera.offset_adu, gain, 2.0**learned.bit_depth - 1])
        self._noise = np.array([sign, read, noise.floor * gain**2])
        s = learned.spot_width_px
        self._limits = np.array([max(0.5, 0.45 * s), min(2.2 * s, 0.7 * learned.fit_radius), 0.02, 6.0])
        self._pattern = learned.pattern
        self._pattern2 = np.empty((0, 0), np.float32)
        self._lines = np.zeros((N_LINES, w2 + 2 * PAD + 32), np.float32)
        self._no_map = np.empty((0, 0), np.float32)
        self._found = np.empty((MOST_SPOTS, 4))
        self._rows = np.empty((MOST_SPOTS, N_COLUMNS))
        background2 = sign * _binned(learned.background)
        self._limit = self._limit_for(background2)

    def _limit_for(self, level: NDArray[np.float32]) -> NDArray[np.float32]:
        """Upper clip of the local mean: three standard deviations of a 2x2 sum above the level."""
        noise = self._learned.noise
        sd = np.sqrt(4 * noise.variance(self._learned.sign * level.astype(float) / 4))
        limit: NDArray[np.float32] = (level + 3 * sd).astype(np.float32)
        return limit

    def search(self, image: Image) -> NDArray[np.float64]:
        """Return one row per spot: x, y, N, b, s, error, chi2, flags, snr."""
        learned = self._learned
        words = image.dtype == np.uint16
        image = _viewable(image)
        pairs = image.view(np.uint32 if words else np.uint16)
        sign = np.float32(learned.sign)
        n = propose(
            pairs, words, sign, self._pattern2, self._limit, self._taps2, *self._noise2, FIRST_SHARE * self._k,
            self._lines, self._no_map, self._found,
        )  # fmt: skip
        n = check(image, sign, self._pattern, self._taps, *self._noise1, self._k, n, self._found)
        m = localise(
            image, sign, self._pattern, n, self._found, learned.fit_radius, learned.spot_width_px,
            learned.camera.gain_e_per_adu / learned.filters.response, self._camera, self._noise, self._limits,
            FIT_SHARE * self._k, self._split, self._rows,
        )  # fmt: skip
        rows = self._rows[:m]
        table = np.empty((m, 9))
        table[:, :8] = rows[:, :8]
        table[:, 8] = rows[:, 10]
        return table


def _binned(image: NDArray[np.float32]) -> NDArray[np.float32]:
    """2x2 sums."""
    h, w = image.shape[0] // 2 * 2, image.shape[1] // 2 * 2
    image = image[:h, :w]
    return image[::2, ::2] + image[1::2, ::2] + image[::2, 1::2] + image[1::2, 1::2]


def _viewable(image: Image) -> Image:
    """Return the image so that pairs of pixels can be viewed as one number: contiguous, aligned, writeable, even width."""
    if (
        image.flags.c_contiguous
        and image.flags.writeable
        and image.shape[1] % 2 == 0
        and image.ctypes.data % 4 == 0
    ):
        return image
    copy: Any = np.array(image, order="C")
    if image.shape[1] % 2:
        copy = np.pad(copy, ((0, 0), (0, 1)), mode="edge")
    even: Image = copy
    return even
