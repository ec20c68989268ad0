"""A second opinion on the spots: `trackpy.locate` behind the interface of the compiled search (needs the extra `reference`).

trackpy (Allan et al., doi:10.5281/zenodo.4682814) finds local maxima of the band-passed image and refines them to their
centre of mass (Crocker and Grier, J. Colloid Interface Sci. 179, 298 (1996)). It uses neither camera model nor noise: both
are added here, so that threshold and results have the same meaning as for the other engines.
"""

from __future__ import annotations

import math
import warnings
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nta.errors import SettingError, how_to_install
from nta.frames import Image
from nta.spots.columns import ERROR, FLAGS, N_TABLE, SNR, B, N, S, X, Y
from nta.spots.learned import Learned
from nta.spots.settings import DetectionSettings
from nta.spots.table import SpotFlag

DIAMETER_SD = 5.0  # side of trackpy's window in standard deviations of a spot


class TrackpySearch:
    """Searches one frame at a time."""

    def __init__(self, learned: Learned, settings: DetectionSettings) -> None:
        self._learned = learned
        self._locate = _trackpy().locate
        self._diameter = 2 * round(0.5 * DIAMETER_SD * learned.spot_width_px) + 1
        self._kept = self._kept_of_a_perfect_spot()
        level = learned.background.astype(float)
        noise = learned.finest.noise.times(learned.layers[0].clutter)
        self._noise_adu = math.sqrt(float(np.median(noise.variance(level))))
        # signal over noise of a matched filter: N / (2 sqrt(pi) s noise)
        self._adu_per_snr = 2 * math.sqrt(math.pi) * learned.spot_width_px * self._noise_adu
        wanted = self._kept * settings.threshold_sd * self._adu_per_snr
        self._least_mass = max(wanted, self._mass_of_noise())

    def search(self, image: Image) -> NDArray[np.float64]:
        """Return one row per spot; see `nta.spots.columns`."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # that there may be no spots in a frame
            found = self._locate(image, self._diameter, minmass=self._least_mass, invert=self._learned.dark)
        rows = np.full((len(found), N_TABLE), np.nan)  # chi-square stays unknown
        if not len(found):
            return rows
        camera, s = self._learned.camera, self._learned.spot_width_px
        y, x, mass = (found[name].to_numpy(dtype=float) for name in ("y", "x", "mass"))
        light = mass / self._kept * camera.gain_e_per_adu
        snr = mass / self._kept / self._adu_per_snr
        at = np.rint(y).astype(int), np.rint(x).astype(int)
        rows[:, X], rows[:, Y], rows[:, N] = x, y, light
        rows[:, B] = (self._learned.background[at] - camera.offset_adu) * camera.gain_e_per_adu
        rows[:, S] = found["size"].to_numpy(dtype=float) / math.sqrt(2)  # radius of gyration of a Gaussian
        # Cramer-Rao bound for a Gaussian in white noise, and of its own photons
        rows[:, ERROR] = s * np.sqrt(2 / snr**2 + 1 / light)
        rows[:, FLAGS] = self._flags(image, *at)
        rows[:, SNR] = snr
        return rows

    def _flags(self, image: Image, row: NDArray[Any], column: NDArray[Any]) -> NDArray[np.float64]:
        height, width = image.shape
        radius = self._diameter // 2
        edge = (np.minimum(row, height - 1 - row) < radius) | (
            np.minimum(column, width - 1 - column) < radius
        )
        full = image >= self._learned.finest.full_scale
        saturated = [
            full[max(r - radius, 0) : r + radius + 1, max(c - radius, 0) : c + radius + 1].any()
            for r, c in zip(row, column, strict=True)
        ]
        return np.where(edge, int(SpotFlag.EDGE), 0) + np.where(saturated, int(SpotFlag.SATURATED), 0.0)

    def _mass_of_noise(self) -> float:
        """Return the largest mass that noise alone reaches on 256 x 256 px: trackpy sums pixels above their own mean."""
        noise = np.random.default_rng(0).normal(0, self._noise_adu, (256, 256))
        level = max(float(np.median(self._learned.background)), 6 * self._noise_adu)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            found = self._locate(np.rint(level + np.maximum(noise, -level)).astype(np.uint16), self._diameter)
        return float(found["mass"].max()) if len(found) else 0.0

    def _kept_of_a_perfect_spot(self) -> float:
        """Share of a spot's light that remains in its mass after trackpy's band-pass and window."""
        s, half = self._learned.spot_width_px, 2 * self._diameter
        line = np.exp(-0.5 * (np.arange(-half, half + 1) / s) ** 2)
        spot = np.rint(30_000 * np.outer(line, line)).astype(np.uint16)
        found = self._locate(spot, self._diameter)
        return float(found["mass"].max() / spot.sum())


def _trackpy() -> Any:
    try:
        import trackpy
    except ImportError:
        raise SettingError(
            f'the detection engine "trackpy" needs trackpy; {how_to_install("reference")}'
        ) from None
    return trackpy
