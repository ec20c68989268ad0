"""Point spread functions, in focus and out of focus.

Two point spread functions with the same interface: a Gaussian, which most localisation assumes, and the diffraction pattern
of real optics, with rings in focus and discs out of focus.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Protocol

import numpy as np
from numpy.typing import NDArray

from nta.columns import FloatArray
from nta.simulation.images import Images
from nta.simulation.scenario import OpticsSettings

if TYPE_CHECKING:
    from nta.simulation.diffraction import Pieces

Picture = NDArray[np.float32]


class PointSpread(Protocol):
    """Spreads images over a picture of expected electrons."""

    def width_um(self, depth_um: FloatArray) -> FloatArray:
        """Return the standard deviation of a spot at this distance from focus; of its core, if it is not Gaussian."""

    def add(self, picture: Picture, images: Images) -> None:
        """Add the light of the images to a picture."""

    def visibility(
        self, picture: Picture, empty: Picture, read_noise_e: float, images: Images
    ) -> tuple[FloatArray, FloatArray]:
        """Return signal-to-noise ratio and Cramer-Rao bound of every image."""


def point_spread(optics: OpticsSettings, medium_index: float, depth_um: float) -> PointSpread:
    """Return the point spread function of the optics, valid up to this distance from focus."""
    if optics.psf == "gaussian":
        return GaussianSpread(optics, medium_index)
    return DiffractionSpread(optics, medium_index, depth_um)


class GaussianSpread:
    """Gaussian spots, wider out of focus as sqrt(1 + (z / z_R)²), integrated over the pixels."""

    def __init__(self, optics: OpticsSettings, medium_index: float) -> None:
        self._waist_um = optics.in_focus_width_um
        self._rayleigh_um = optics.rayleigh_um(medium_index)
        self._pixel_um = optics.pixel_size_um

    def width_um(self, depth_um: FloatArray) -> FloatArray:
        """Return the standard deviation of a spot at this distance from focus."""
        width: FloatArray = self._waist_um * np.sqrt(1 + (depth_um / self._rayleigh_um) ** 2)
        return width

    def add(self, picture: Picture, images: Images) -> None:
        """Add the light of the images to a picture."""
        from nta.simulation.gaussian import Blobs, add_gaussians

        add_gaussians(picture, Blobs(images.y_px, images.x_px, *self._widths_px(images), images.electrons))

    def visibility(
        self, picture: Picture, empty: Picture, read_noise_e: float, images: Images
    ) -> tuple[FloatArray, FloatArray]:
        """Return signal-to-noise ratio and Cramer-Rao bound of every image."""
        from nta.simulation.gaussian import Blobs, Pictures, gaussian_visibility

        snr, crlb = np.empty(len(images)), np.empty(len(images))
        blobs = Blobs(images.y_px, images.x_px, *self._widths_px(images), images.electrons)
        gaussian_visibility(Pictures(picture, empty, read_noise_e * read_noise_e), blobs, snr, crlb)
        return snr, crlb

    def _widths_px(self, images: Images) -> tuple[FloatArray, FloatArray]:
        squared = images.psf_width_px**2
        return np.sqrt(squared + images.spread_y_px2), np.sqrt(squared + images.spread_x_px2)


class DiffractionSpread:
    """Diffraction by a circular pupil, defocus included: scalar Debye integral, tabulated over radius and defocus.

    intensity(r, z) = k² NA² / pi |integral from 0 to 1 of J0(k NA r p) exp(i k z sqrt(n² - NA² p²)) p dp|², k in vacuum;
    its integral over the plane is 1 at every z. Source: Gibson and Lanni, J. Opt. Soc. Am. A 8, 1601 (1991), eq. 5,
    without aberrations. A pixel's share is the mean over a ring with the variance of the pixel, one twelfth per axis.
    """

    def __init__(self, optics: OpticsSettings, medium_index: float, depth_um: float) -> None:
        self._pixel_um = optics.pixel_size_um
        self._wave_number_um = 2 * math.pi / (optics.wavelength_nm * 1e-3)
        self._na, self._index = optics.numerical_aperture, medium_index
        fringe_um = optics.wavelength_nm * 1e-3 / (2 * self._na)  # finest period of the pattern
        self._depth_step_um = 0.05 * medium_index * optics.wavelength_nm * 1e-3 / self._na**2
        self._radius_step_px = fringe_um / 24 / self._pixel_um
        # the geometrical cone's radius, and eight fringes: 98 % of the light in focus
        reach_um = depth_um * math.tan(math.asin(self._na / medium_index)) + 8 * fringe_um
        self._radius_um = np.arange(0.0, reach_um, self._radius_step_px * self._pixel_um)
        self._depth_um = np.arange(0.0, depth_um + 2 * self._depth_step_um, self._depth_step_um)
        point = self._intensity(self._radius_um)
        self._core_um = np.array([_core_width(self._radius_um, row) for row in point])
        share = self._over_pixel() * self._pixel_um**2
        self._share = share.astype(np.float32)
        self._envelope = np.maximum.accumulate(share[:, ::-1], axis=1)[:, ::-1].astype(np.float32)

    def width_um(self, depth_um: FloatArray) -> FloatArray:
        """Return the radius that contains as much light as a Gaussian within one standard deviation."""
        width: FloatArray = np.interp(np.abs(depth_um), self._depth_um, self._core_um)
        return width

    def add(self, picture: Picture, images: Images) -> None:
        """Add the light of the images to a picture."""
        from nta.simulation.diffraction import Pattern, add_patterns

        add_patterns(
            picture, Pattern(self._share, self._envelope, self._radius_step_px), self._pieces(images)
        )

    def visibility(
        self, picture: Picture, empty: Picture, read_noise_e: float, images: Images
    ) -> tuple[FloatArray, FloatArray]:
        """Return signal-to-noise ratio and Cramer-Rao bound of every image."""
        from nta.simulation.diffraction import Pattern, pattern_visibility
        from nta.simulation.gaussian import Pictures

        snr, crlb = np.empty(len(images)), np.empty(len(images))
        pattern = Pattern(self._share, self._envelope, self._radius_step_px)
        pattern_visibility(
            Pictures(picture, empty, read_noise_e * read_noise_e), pattern, self._pieces(images), snr, crlb
        )
        return snr, crlb

    def _pieces(self, images: Images) -> Pieces:
        from nta.simulation.diffraction import Pieces

        depth = np.abs(images.depth_um) / self._depth_step_um
        depth = np.minimum(depth, self._share.shape[0] - 1.001)
        spread = np.sqrt(images.spread_y_px2), np.sqrt(images.spread_x_px2)
        return Pieces(images.y_px, images.x_px, *spread, depth, images.electrons)

    def _intensity(self, radius_um: FloatArray) -> FloatArray:
        """Light per um² of unit light, (depths, radii)."""
        from scipy.special import j0

        # largest number of turns of the phase over the pupil; four nodes for each half turn
        turns = self._wave_number_um * (
            self._depth_um[-1] * (self._index - math.sqrt(self._index**2 - self._na**2))
            + self._na * radius_um.max()
        )
        nodes, weights = np.polynomial.legendre.leggauss(max(32, int(4 * turns / math.pi)))
        pupil, weights = (nodes + 1) / 2, weights / 2
        axial = self._wave_number_um * (np.sqrt(self._index**2 - (self._na * pupil) ** 2) - self._index)
        field = (weights * pupil) * np.exp(1j * self._depth_um[:, None] * axial)
        bessel = j0(self._wave_number_um * self._na * pupil[:, None] * radius_um)
        scale = (self._wave_number_um * self._na) ** 2 / math.pi
        intensity: FloatArray = scale * np.abs(field @ bessel) ** 2
        return intensity

    def _over_pixel(self) -> FloatArray:
        """Mean of the intensity over a pixel at each radius, averaged over directions."""
        ring = self._pixel_um / math.sqrt(6)  # variance of a pixel: h²/12 per axis
        angles = (np.arange(16) + 0.5) * math.pi / 8
        shifted = np.hypot(self._radius_um[:, None] + ring * np.cos(angles), ring * np.sin(angles))
        edge = np.append(self._radius_um, self._radius_um[-1] + 2 * ring)
        intensity = self._intensity(edge)
        return np.array([np.interp(shifted, edge, row).mean(axis=1) for row in intensity])


def _core_width(radius_um: FloatArray, intensity: FloatArray) -> float:
    """Radius that contains 1 - exp(-1/2) of the light, like one standard deviation of a 2-D Gaussian."""
    ring = 2 * math.pi * radius_um * intensity
    step = radius_um[1] - radius_um[0]
    inside = np.concatenate([[0.0], np.cumsum((ring[1:] + ring[:-1]) / 2 * step)])
    return float(np.interp(1 - math.exp(-0.5), inside, radius_um))
