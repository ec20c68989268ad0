"""Brightness of a particle: light scattered into the objective, by Mie theory, for homogeneous and coated spheres.

Geometry: the laser travels along z', the objective looks along x', the electric field is along y' (across both), which
is how a light-sheet instrument is polarised. The collected cross-section is the differential cross-section integrated
over the objective's cone about x'::

    sigma = k^-2 * integral over the cone of |S2|^2 cos^2(phi) + |S1|^2 sin^2(phi)

with phi the azimuth of the scattering plane counted from the field. Source: Bohren and Huffman, Absorption and
Scattering of Light by Small Particles (1983), chapters 4 (sphere) and 8 (coated sphere, Aden and Kerker 1951).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nta.columns import FloatArray
from nta.errors import SettingError

# over the cone; doubling both changes a 1 um sphere at NA 0.5 by less than 1e-5
_POLAR_NODES, _AZIMUTH_NODES = 10, 24


@dataclass(frozen=True, kw_only=True)
class Collection:
    """Illumination and collection of the scattered light.

    medium_index : refractive index of the liquid at the laser's wavelength.
    polarized : laser polarised across laser and objective axes; False: unpolarised laser.
    """

    wavelength_nm: float
    numerical_aperture: float
    medium_index: float
    polarized: bool = True

    def __post_init__(self) -> None:
        if not 0 < self.numerical_aperture < self.medium_index:
            raise SettingError(
                f"numerical_aperture must be between 0 and the medium's index {self.medium_index:.4g}, "
                f"got {self.numerical_aperture}"
            )

    @property
    def wave_number_nm(self) -> float:
        """Wave number in the medium, 1/nm."""
        return 2 * np.pi * self.medium_index / self.wavelength_nm

    @property
    def momentum_transfer_nm(self) -> float:
        """Scattering vector at 90 degrees, 1/nm."""
        return 2 * self.wave_number_nm * float(np.sin(np.pi / 4))


def sphere_cross_section_nm2(diameter_nm: FloatArray, index: float, light: Collection) -> FloatArray:
    """Return the collected cross-section of homogeneous spheres, nm².

    The amplitudes are miepython's with ``norm="wiscombe"``, which are those of Bohren and Huffman; its ``"bohren"`` is
    twice as large (four times the intensity) and its default, "albedo", loses the size.
    """
    import miepython

    mu, weight_s1, weight_s2 = _cone(light.numerical_aperture / light.medium_index, light.polarized)
    diameters = np.atleast_1d(np.asarray(diameter_nm, dtype=np.float64))
    sigma = np.empty(diameters.shape)
    for i, diameter in enumerate(diameters):
        size = float(light.wave_number_nm * diameter / 2)
        s1, s2 = miepython.S1_S2(index / light.medium_index, size, mu, norm="wiscombe")
        sigma[i] = weight_s1 @ np.abs(s1) ** 2 + weight_s2 @ np.abs(s2) ** 2
    return sigma / light.wave_number_nm**2


def coated_cross_section_nm2(
    diameter_nm: FloatArray, core_index: float, shell_index: float, shell_nm: float, light: Collection
) -> FloatArray:
    """Return the collected cross-section of spheres of the given outer diameter with a shell, nm².

    A sphere no larger than its two shells is solid shell.
    """
    mu, weight_s1, weight_s2 = _cone(light.numerical_aperture / light.medium_index, light.polarized)
    diameters = np.atleast_1d(np.asarray(diameter_nm, dtype=np.float64))
    outer = light.wave_number_nm * diameters / 2
    core = light.wave_number_nm * np.maximum(diameters / 2 - shell_nm, 1e-3 * diameters)
    s1, s2 = coated_amplitudes(
        core, outer, core_index / light.medium_index, shell_index / light.medium_index, mu
    )
    return (np.abs(s1) ** 2 @ weight_s1 + np.abs(s2) ** 2 @ weight_s2) / light.wave_number_nm**2


def coated_amplitudes(
    core_size: FloatArray, outer_size: FloatArray, core_m: float, shell_m: float, mu: FloatArray
) -> tuple[NDArray[np.complex128], NDArray[np.complex128]]:
    """Amplitudes S1, S2 of coated spheres, shape (spheres, angles), in the norm of Bohren and Huffman.

    core_size, outer_size : size parameters k r; core_m, shell_m : indices relative to the medium; mu : cos(angle).
    Source: Bohren and Huffman (1983), eq. 8.2 (coefficients), 4.74 (amplitudes), 4.47 (angular functions).
    """
    top = float(outer_size.max())
    n = np.arange(1, int(np.ceil(top + 4.05 * top ** (1 / 3) + 2)) + 1)
    x, y = core_size[:, None], outer_size[:, None]
    with np.errstate(
        all="ignore"
    ):  # orders that a small sphere does not need overflow; they are dropped below
        a, b = _coated_coefficients(n[None, :], x, y, core_m, shell_m)
    needed = n[None, :] <= np.ceil(y + 4.05 * np.cbrt(y) + 2)  # Wiscombe, Appl. Opt. 19, 1505 (1980)
    scale = np.where(needed, (2 * n + 1) / (n * (n + 1)), 0.0)
    kept_a: NDArray[np.complex128] = np.where(needed & np.isfinite(a), a, 0.0) * scale
    kept_b: NDArray[np.complex128] = np.where(needed & np.isfinite(b), b, 0.0) * scale
    pi, tau = (f.astype(np.complex128) for f in _angular_functions(n.size, mu))
    return kept_a @ pi + kept_b @ tau, kept_a @ tau + kept_b @ pi


def _coated_coefficients(n: Any, x: Any, y: Any, m1: float, m2: float) -> tuple[Any, Any]:
    psi_1x, dpsi_1x = _psi(n, m1 * x)
    psi_2x, dpsi_2x = _psi(n, m2 * x)
    psi_2y, dpsi_2y = _psi(n, m2 * y)
    psi_y, dpsi_y = _psi(n, y)
    chi_2x, dchi_2x = _chi(n, m2 * x)
    chi_2y, dchi_2y = _chi(n, m2 * y)
    chi_y, dchi_y = _chi(n, y)
    xi_y, dxi_y = psi_y - 1j * chi_y, dpsi_y - 1j * dchi_y
    A = (m2 * psi_2x * dpsi_1x - m1 * dpsi_2x * psi_1x) / (m2 * chi_2x * dpsi_1x - m1 * dchi_2x * psi_1x)
    B = (m2 * psi_1x * dpsi_2x - m1 * psi_2x * dpsi_1x) / (m2 * dchi_2x * psi_1x - m1 * dpsi_1x * chi_2x)
    u, du = psi_2y - A * chi_2y, dpsi_2y - A * dchi_2y
    v, dv = psi_2y - B * chi_2y, dpsi_2y - B * dchi_2y
    a = (psi_y * du - m2 * dpsi_y * u) / (xi_y * du - m2 * dxi_y * u)
    b = (m2 * psi_y * dv - dpsi_y * v) / (m2 * xi_y * dv - dxi_y * v)
    return a, b


def _psi(n: Any, z: Any) -> tuple[Any, Any]:
    """Riccati-Bessel function z j_n(z) and its derivative."""
    from scipy.special import spherical_jn

    value = spherical_jn(n, z)
    return z * value, value + z * spherical_jn(n, z, derivative=True)


def _chi(n: Any, z: Any) -> tuple[Any, Any]:
    """Riccati-Bessel function -z y_n(z) and its derivative."""
    from scipy.special import spherical_yn

    value = spherical_yn(n, z)
    return -z * value, -value - z * spherical_yn(n, z, derivative=True)


def _angular_functions(orders: int, mu: FloatArray) -> tuple[FloatArray, FloatArray]:
    pi = np.zeros((orders + 1, mu.size))
    tau = np.zeros((orders + 1, mu.size))
    pi[1] = 1.0
    tau[1] = mu
    for n in range(2, orders + 1):
        pi[n] = ((2 * n - 1) * mu * pi[n - 1] - n * pi[n - 2]) / (n - 1)
        tau[n] = n * mu * pi[n] - (n + 1) * pi[n - 1]
    return pi[1:], tau[1:]


@lru_cache(maxsize=16)
def _cone(sine: float, polarized: bool) -> tuple[FloatArray, FloatArray, FloatArray]:
    """cos(scattering angle) on nodes over the objective's cone, and the weights of |S1|² and |S2|² there."""
    nodes, weights = np.polynomial.legendre.leggauss(_POLAR_NODES)
    lowest = np.sqrt(1 - sine**2)
    cosine = lowest + (1 - lowest) * (nodes + 1) / 2
    polar_weight = weights * (1 - lowest) / 2
    azimuth = 2 * np.pi * (np.arange(_AZIMUTH_NODES) + 0.5) / _AZIMUTH_NODES
    sin_polar = np.sqrt(1 - cosine**2)[:, None]
    along_beam = (sin_polar * np.sin(azimuth)).ravel()
    along_field = (sin_polar * np.cos(azimuth)).ravel()
    weight = np.repeat(polar_weight, _AZIMUTH_NODES) * 2 * np.pi / _AZIMUTH_NODES
    cos2 = along_field**2 / (1 - along_beam**2) if polarized else np.full(along_beam.shape, 0.5)
    return along_beam, weight * (1 - cos2), weight * cos2


def dimer_gain(monomer_nm: FloatArray, light: Collection) -> FloatArray:
    """Brightness of a freely rotating pair of touching equal spheres over that of one: 2 (1 + sin(qL) / (qL)), L distance.

    Single scattering (Debye 1915), at 90 degrees; the pair turns many times within an exposure up to about 200 nm.
    """
    return 2 * (1 + np.sinc(light.momentum_transfer_nm * np.asarray(monomer_nm) / np.pi))


def cluster_gain(
    members: FloatArray, gyration_nm: FloatArray, fractal_dimension: float, light: Collection
) -> FloatArray:
    """Brightness of a fractal cluster over the brightness of one member: N² S(q), structure factor of Fisher and Burford.

    S(q) = (1 + 2 q² Rg² / (3 Df))^(-Df/2). Source: Sorensen, Aerosol Sci. Technol. 35, 648 (2001), eq. 42.
    """
    q2r2 = (light.momentum_transfer_nm * gyration_nm) ** 2
    structure = (1 + 2 * q2r2 / (3 * fractal_dimension)) ** (-fractal_dimension / 2)
    # a cluster is at least as bright as the sum of its members
    return np.maximum(members**2 * structure, members)
