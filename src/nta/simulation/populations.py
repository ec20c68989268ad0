"""Populations of particles in the cell, and single particles drawn from them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray

from nta.columns import FloatArray
from nta.errors import SettingError
from nta.scattering import (
    Collection,
    cluster_gain,
    coated_cross_section_nm2,
    dimer_gain,
    sphere_cross_section_nm2,
)
from nta.simulation.materials import material
from nta.stated import check_choice

if TYPE_CHECKING:
    from scipy.interpolate import CubicSpline

DIMER_DIAMETER_RATIO = 1.392
"""Hydrodynamic diameter of two touching equal spheres, averaged over orientation, over the diameter of one.

Source: translational friction of a touching doublet, f = 1.392 f0 (Garcia de la Torre and Bloomfield,
Q. Rev. Biophys. 14, 81 (1981)).
"""

CLUSTER_FRACTAL_DIMENSION = 1.9
"""Between diffusion-limited (1.8) and reaction-limited (2.1) clusters. Source: Lin et al., Nature 339, 360 (1989)."""

_NODES_PER_E_FOLD = 24  # of diameter, to begin with; cubic in log-log, made finer where Mie's minima are deep
# relative error between the nodes before the last halving, which leaves a sixteenth of it: below 0.1 % (tested)
_TABLE_ERROR = 4e-3
_FINEST = 4096
_INDEX_STD_CUT = 3.0


Assembly = Literal["single", "dimer", "cluster"]


@dataclass(frozen=True, kw_only=True)
class Population:
    """Particles of one kind.

    fraction : share by number; the fractions of a scenario are normalised to a sum of 1.
    diameter_nm : hydrodynamic diameter: of every particle (neither cv nor gsd), mean (cv) or median (gsd) by number.
    cv : relative standard deviation of a normal distribution. gsd : geometric standard deviation of a log-normal one.
    min_diameter_nm, max_diameter_nm : limits of the drawn diameters.
    material : sets refractive index and membrane; see `nta.simulation.materials`.
    refractive_index, membrane_index, membrane_nm : replace the material's values; `refractive_index` is that of the lumen
        if there is a membrane.
    index_std : standard deviation of `refractive_index` between particles; truncated at 3 standard deviations.
    corona_nm : hydrodynamic minus optical diameter.
    assembly : "single"; "dimer": two touching spheres; "cluster": a fractal of spheres of `monomer_nm`. `diameter_nm` is
        the diameter of the assembly.
    """

    name: str
    diameter_nm: float
    fraction: float = 1.0
    cv: float = 0.0
    gsd: float = 1.0
    min_diameter_nm: float = 15.0
    max_diameter_nm: float = 2000.0
    material: str = "polystyrene"
    refractive_index: float | None = None
    membrane_index: float | None = None
    membrane_nm: float | None = None
    index_std: float = 0.0
    corona_nm: float = 0.0
    assembly: Assembly = "single"
    monomer_nm: float | None = None

    def __post_init__(self) -> None:
        material(self.material)
        where = f"population {self.name!r}: "
        if not 0 < self.min_diameter_nm <= self.diameter_nm <= self.max_diameter_nm < math.inf:
            raise SettingError(
                f"{where}diameter_nm={self.diameter_nm:g} must lie between min_diameter_nm={self.min_diameter_nm:g} and "
                f"max_diameter_nm={self.max_diameter_nm:g}"
            )
        if not 0 < self.fraction < math.inf:
            raise SettingError(f"{where}fraction must be > 0, got {self.fraction}")
        if not 0 <= self.cv < 0.5 or not 1 <= self.gsd < 5:
            raise SettingError(
                f"{where}cv must be in [0, 0.5) and gsd in [1, 5), got cv={self.cv}, gsd={self.gsd}"
            )
        if self.cv > 0 and self.gsd > 1:
            raise SettingError(f"{where}give cv (normal) or gsd (log-normal), not both")
        check_choice(f"{where}assembly", self.assembly, Assembly)
        if (self.assembly == "cluster") != (self.monomer_nm is not None):
            raise SettingError(
                f"{where}a cluster, and only a cluster, needs monomer_nm (diameter of its spheres)"
            )
        for name, low in (
            ("index_std", 0.0),
            ("corona_nm", 0.0),
            ("membrane_nm", 0.0),
            ("refractive_index", 1.0),
        ):
            value = getattr(self, name)
            if value is not None and not low <= value < math.inf:
                raise SettingError(f"{where}{name} must be >= {low:g}, got {value}")
        if self.corona_nm >= self.min_diameter_nm:
            raise SettingError(
                f"{where}corona_nm={self.corona_nm:g} leaves nothing of min_diameter_nm={self.min_diameter_nm:g}"
            )

    def draw_diameters_nm(self, count: int, rng: np.random.Generator) -> FloatArray:
        """Draw hydrodynamic diameters; those outside the limits are drawn again."""
        diameters = self._draw(count, rng)
        while (outside := (diameters < self.min_diameter_nm) | (diameters > self.max_diameter_nm)).any():
            diameters[outside] = self._draw(int(outside.sum()), rng)
        return diameters

    def diameter_range_nm(self) -> tuple[float, float]:
        """Range of the drawn diameters, up to six standard deviations."""
        if self.gsd > 1:
            low, high = self.diameter_nm / self.gsd**6, self.diameter_nm * self.gsd**6
        else:
            reach = max(6 * self.cv, 0.01)
            low, high = self.diameter_nm * (1 - min(reach, 0.95)), self.diameter_nm * (1 + reach)
        return max(low, self.min_diameter_nm * 0.999), min(high, self.max_diameter_nm * 1.001)

    def _draw(self, count: int, rng: np.random.Generator) -> FloatArray:
        if self.gsd > 1:
            return self.diameter_nm * np.exp(math.log(self.gsd) * rng.standard_normal(count))
        if self.cv > 0:
            return self.diameter_nm * (1 + self.cv * rng.standard_normal(count))
        return np.full(count, self.diameter_nm)

    def index(self, light: Collection) -> float:
        """Mean refractive index of the body (the lumen, if there is a membrane)."""
        if self.refractive_index is not None:
            return self.refractive_index
        law = material(self.material).index
        return light.medium_index if law is None else law(light.wavelength_nm)

    def cross_section_nm2(self, diameter_nm: FloatArray, index: float, light: Collection) -> FloatArray:
        """Exact collected cross-section of particles of these hydrodynamic diameters and this index of the body."""
        optical = np.asarray(diameter_nm, dtype=np.float64) - self.corona_nm
        if self.assembly == "dimer":
            monomer = optical / DIMER_DIAMETER_RATIO
            return self._monomer_nm2(monomer, index, light) * dimer_gain(monomer, light)
        if self.assembly == "cluster":
            assert self.monomer_nm is not None
            members = np.maximum((optical / self.monomer_nm) ** CLUSTER_FRACTAL_DIMENSION, 1.0)
            # hydrodynamic radius = 0.75 of the radius of gyration: Sorensen, Aerosol Sci. Technol. 45, 765 (2011)
            gain = cluster_gain(members, optical / 2 / 0.75, CLUSTER_FRACTAL_DIMENSION, light)
            return self._monomer_nm2(np.full(optical.shape, self.monomer_nm), index, light) * gain
        return self._monomer_nm2(optical, index, light)

    def _monomer_nm2(self, diameter_nm: FloatArray, index: float, light: Collection) -> FloatArray:
        made_of = material(self.material)
        thickness = made_of.membrane_nm if self.membrane_nm is None else self.membrane_nm
        if thickness > 0:
            shell = made_of.membrane_index if self.membrane_index is None else self.membrane_index
            return coated_cross_section_nm2(diameter_nm, index, shell, thickness, light)
        return sphere_cross_section_nm2(diameter_nm, index, light)


@dataclass(frozen=True, eq=False)
class Drawn:
    """Drawn particles, one per row."""

    population: NDArray[np.int16]
    diameter_nm: FloatArray
    refractive_index: FloatArray
    cross_section_nm2: FloatArray

    def __len__(self) -> int:
        return int(self.population.size)

    @classmethod
    def nothing(cls) -> Drawn:
        """Return no particles."""
        return cls(np.empty(0, np.int16), np.empty(0), np.empty(0), np.empty(0))

    def select(self, rows: NDArray[np.bool_]) -> Drawn:
        """Return the selected particles."""
        return Drawn(
            self.population[rows],
            self.diameter_nm[rows],
            self.refractive_index[rows],
            self.cross_section_nm2[rows],
        )

    def followed_by(self, others: Drawn) -> Drawn:
        """Return these particles followed by others."""
        return Drawn(
            np.concatenate([self.population, others.population]),
            np.concatenate([self.diameter_nm, others.diameter_nm]),
            np.concatenate([self.refractive_index, others.refractive_index]),
            np.concatenate([self.cross_section_nm2, others.cross_section_nm2]),
        )


class Mixture:
    """Populations with their shares; draws particles and computes their brightness."""

    def __init__(self, populations: Sequence[Population], light: Collection) -> None:
        self.populations = tuple(populations)
        total = sum(p.fraction for p in populations)
        self.shares = np.array([p.fraction / total for p in populations])
        self._brightness = [_Brightness(p, light) for p in populations]

    def draw_sizes(self, count: int, rng: np.random.Generator) -> tuple[NDArray[np.int16], FloatArray]:
        """Draw population and diameter of `count` particles."""
        which = (
            np.zeros(count, np.int16)
            if len(self.populations) == 1
            else np.searchsorted(np.cumsum(self.shares)[:-1], rng.random(count), side="right").astype(
                np.int16
            )
        )
        diameters = np.empty(count)
        for i, population in enumerate(self.populations):
            mine = which == i
            diameters[mine] = population.draw_diameters_nm(int(mine.sum()), rng)
        return which, diameters

    def complete(self, which: NDArray[np.int16], diameter_nm: FloatArray, rng: np.random.Generator) -> Drawn:
        """Add refractive index and brightness to drawn sizes."""
        index, sigma = np.empty(which.size), np.empty(which.size)
        for i, brightness in enumerate(self._brightness):
            mine = which == i
            if mine.any():
                index[mine], sigma[mine] = brightness.draw(diameter_nm[mine], rng)
        return Drawn(which, diameter_nm, index, sigma)


class _Brightness:
    """Cross-section of one population as an interpolated table: thousands of particles take microseconds."""

    def __init__(self, population: Population, light: Collection) -> None:
        self._mean = population.index(light)
        self._std = population.index_std
        offsets = np.linspace(-_INDEX_STD_CUT, _INDEX_STD_CUT, 7) if self._std > 0 else np.zeros(1)
        # log of the amplitude over diameter, the amplitude itself over index: it is close to linear there
        alike = replace(population, name="", fraction=1.0)
        self._splines = [_log_brightness(alike, float(n), light) for n in self._mean + self._std * offsets]

    def draw(self, diameter_nm: FloatArray, rng: np.random.Generator) -> tuple[FloatArray, FloatArray]:
        log_diameter = np.log(diameter_nm)
        if self._std == 0:
            return np.full(diameter_nm.shape, self._mean), np.exp(self._splines[0](log_diameter))
        offset = np.clip(rng.standard_normal(diameter_nm.shape), -_INDEX_STD_CUT, _INDEX_STD_CUT)
        place = (offset + _INDEX_STD_CUT) * (len(self._splines) - 1) / (2 * _INDEX_STD_CUT)
        lower = np.minimum(place.astype(np.int64), len(self._splines) - 2)
        amplitudes = np.stack([np.exp(0.5 * spline(log_diameter)) for spline in self._splines])
        rows = np.arange(diameter_nm.size)
        part = place - lower
        amplitude = amplitudes[lower, rows] * (1 - part) + amplitudes[lower + 1, rows] * part
        return self._mean + self._std * offset, amplitude**2


# an instrument that is started again has the same particles, and this is what takes it seconds
@lru_cache(maxsize=64)
def _log_brightness(population: Population, index: float, light: Collection) -> CubicSpline:
    """Return log cross-section over log diameter; the number of nodes is doubled until it hardly matters."""
    from scipy.interpolate import CubicSpline

    low, high = (math.log(d) for d in population.diameter_range_nm())

    def exact(log_diameter: FloatArray) -> FloatArray:
        return np.log(np.maximum(population.cross_section_nm2(np.exp(log_diameter), index, light), 1e-30))

    nodes = np.linspace(low, high, max(6, math.ceil(_NODES_PER_E_FOLD * (high - low)) + 1))
    values = exact(nodes)
    while True:
        between = (nodes[1:] + nodes[:-1]) / 2
        found = exact(between)
        error = float(np.abs(CubicSpline(nodes, values)(between) - found).max())
        nodes, values = _interleaved(nodes, between), _interleaved(values, found)
        if error < _TABLE_ERROR or nodes.size > _FINEST:
            return CubicSpline(nodes, values)


def _interleaved(outer: FloatArray, inner: FloatArray) -> FloatArray:
    both = np.empty(outer.size + inner.size)
    both[::2], both[1::2] = outer, inner
    return both
