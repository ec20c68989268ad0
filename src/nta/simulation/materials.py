"""Materials of particles: refractive indices, each with its source."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from nta.errors import SettingError


@dataclass(frozen=True, kw_only=True)
class Material:
    """Optical properties of a particle.

    index : refractive index (of the lumen, if there is a membrane) as a function of the vacuum wavelength in nm; None: the
        index of the surrounding liquid.
    membrane_nm : thickness of the membrane, 0 for a homogeneous sphere; membrane_index : its refractive index.
    """

    index: Callable[[float], float] | None
    membrane_nm: float = 0.0
    membrane_index: float = 1.0
    source: str


def _polystyrene(wavelength_nm: float) -> float:
    l2 = (wavelength_nm * 1e-3) ** 2
    return math.sqrt(1 + 1.4435 * l2 / (l2 - 0.020216))


def _silica(wavelength_nm: float) -> float:
    l2 = (wavelength_nm * 1e-3) ** 2
    terms = ((0.6961663, 0.0684043), (0.4079426, 0.1162414), (0.8974794, 9.896161))
    return math.sqrt(1 + sum(a * l2 / (l2 - b * b) for a, b in terms))


MATERIALS: Mapping[str, Material] = {
    "polystyrene": Material(
        index=_polystyrene, source="Sultanova, Kasarova and Nikolov, Acta Phys. Pol. A 116, 585 (2009), 20 °C"
    ),
    "silica": Material(index=_silica, source="Malitson, J. Opt. Soc. Am. 55, 1205 (1965), fused silica"),
    "vesicle": Material(
        index=lambda _: 1.38,
        membrane_nm=5.0,
        membrane_index=1.46,
        source="lumen, membrane and thickness as used by default in flowMie for EVs; literature spreads by 0.02",
    ),
    "ghost": Material(
        index=None,
        membrane_nm=5.0,
        membrane_index=1.46,
        source="a vesicle whose lumen has been replaced by the liquid around",
    ),
    "fused vesicle": Material(
        index=lambda _: 1.36,
        membrane_nm=5.0,
        membrane_index=1.46,
        source="design choice: two vesicles sharing membrane area (diameter times the square root of 2), lumen diluted",
    ),
    "lipoprotein": Material(
        index=lambda _: 1.465, source="within 1.45 to 1.47, the range usually given for LDL and VLDL"
    ),
    "protein": Material(
        index=lambda _: 1.42,
        source="design choice: hydrated aggregate, between water and dry protein (1.53 to 1.60)",
    ),
}


def material(name: str) -> Material:
    """Return a material by name."""
    try:
        return MATERIALS[name]
    except KeyError:
        raise SettingError(f"unknown material {name!r}; there are {', '.join(MATERIALS)}") from None
