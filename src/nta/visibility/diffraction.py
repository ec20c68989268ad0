"""Images out of focus of a real objective: how wide they are and how much of their light a Gaussian fit catches."""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

import numpy as np

from nta.columns import FloatArray

_WAVES_PER_RANGE = 0.42
"""Defocus z NA² / (n wavelength) at the focus range z_R = 2 n s / NA of a spot of s = 0.21 wavelength / NA."""
_WINDOW = 7.0  # radius, in widths in focus, within which the light of a spot counts
_CORE = 1.1  # waves of defocus up to which the core of the pattern is fitted
_DISC = 1.3  # waves from which on the pattern is a disc with rings, which fits of discs catch as wide as the cone of light


class Fitted(NamedTuple):
    """Gaussians fitted to diffraction patterns: variance and light, both relative to focus."""

    variance: FloatArray
    light: FloatArray


def by_diffraction(focus_ranges: FloatArray) -> Fitted:
    """Variance and light of the spot of a clear, round pupil so many focus ranges away from focus."""
    core, fitted = _table()
    waves = np.abs(focus_ranges) * _WAVES_PER_RANGE
    to_disc = np.clip((waves - _CORE) / (_DISC - _CORE), 0.0, 1.0)
    variance = (1 - to_disc) * np.interp(waves, core, fitted.variance) + to_disc * (1 + focus_ranges**2)
    return Fitted(variance, (1 - to_disc) * np.interp(waves, core, fitted.light) + to_disc)


@lru_cache(maxsize=1)
def _table() -> tuple[FloatArray, Fitted]:
    """Fit Gaussians on a constant background to patterns over waves of defocus.

    Pattern: Born and Wolf, Principles of Optics (1999), sec. 8.8.1, by quadrature over the pupil.
    """
    from scipy.special import j0

    in_focus = 0.21 * 2 * np.pi  # width in units of wavelength / (2 pi NA)
    r = in_focus * _WINDOW * (np.arange(200) + 0.5) / 200
    nodes, weights = np.polynomial.legendre.leggauss(60)
    rho = (nodes + 1) / 2
    waves = np.linspace(0.0, _CORE, 23)
    phase = np.exp(-1j * np.pi * waves[:, None] * rho**2)
    images = np.abs((phase * rho * weights) @ j0(np.outer(rho, r))) ** 2
    sd = in_focus * np.geomspace(0.7, 3.0, 300)
    variance, light = np.array([_fitted(image, r, sd) for image in images]).T
    return waves, Fitted(variance / variance[0], light / light[0])


def _fitted(image: FloatArray, r: FloatArray, sd: FloatArray) -> tuple[float, float]:
    """Variance and light of the Gaussian on a constant that fits a round image best, by least squares over its area."""
    shape = np.exp(-0.5 * (r / sd[:, None]) ** 2)
    area = r / r.sum()
    shape_mean, image_mean = shape @ area, image @ area
    shape_power = shape**2 @ area - shape_mean**2
    height = ((shape * image) @ area - shape_mean * image_mean) / shape_power
    explained = height**2 * shape_power
    best = int(np.argmax(np.where(height > 0, explained, -1.0)))
    return float(sd[best] ** 2), float(2 * np.pi * height[best] * sd[best] ** 2)
