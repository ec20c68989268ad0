"""The recordings on which sizes are measured: beads, mixtures, vesicles, and what makes each of them hard."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from nta.simulation import (
    BackgroundSettings,
    CameraSettings,
    MotionSettings,
    Population,
    SampleSettings,
    Scenario,
)

BEADS, MIXTURE, VESICLES = "beads", "mixture", "vesicles"


@dataclass(frozen=True)
class Case:
    """A scenario with its kind, which says how much better than the plain pipeline it has to be."""

    kind: str
    scenario: Scenario


def _beads(*diameters: float, cv: float = 0.03) -> tuple[Population, ...]:
    return tuple(Population(name=f"{d:g} nm", diameter_nm=d, cv=cv) for d in diameters)


def _vesicles(*more: Population) -> tuple[Population, ...]:
    vesicles = Population(
        name="vesicles",
        material="vesicle",
        diameter_nm=100,
        gsd=1.4,
        min_diameter_nm=30,
        max_diameter_nm=600,
        index_std=0.01,
    )
    return (vesicles, *more)


def _case(
    kind: str, name: str, populations: tuple[Population, ...], in_view: float = 60, **parts: Any
) -> Case:
    sample = {"number_in_view": in_view, **parts.pop("sample", {})}
    scenario = Scenario(name=name, sample=SampleSettings(**sample), populations=populations, **parts)
    return Case(kind, scenario)


_DEEP = CameraSettings(bit_depth=16, gain_e_per_adu=1.0)  # 60 to 200 nm differ 200 times in light
_AGGREGATES = Population(
    name="aggregates",
    fraction=0.08,
    material="vesicle",
    assembly="cluster",
    monomer_nm=95,
    diameter_nm=260,
    gsd=1.3,
    min_diameter_nm=150,
)
_FRAGMENTS = Population(
    name="fragments", fraction=0.5, material="lipoprotein", diameter_nm=55, gsd=1.3, min_diameter_nm=25
)

CASES: dict[str, Case] = {
    case.scenario.name: case
    for case in (
        _case(BEADS, "beads 50", _beads(50)),
        _case(BEADS, "beads 100", _beads(100)),
        _case(BEADS, "beads 200", _beads(200), camera=_DEEP),
        _case(MIXTURE, "60 + 100", _beads(60, 100)),
        _case(MIXTURE, "80 + 100", _beads(80, 100, cv=0.02), in_view=120),
        _case(MIXTURE, "70 + 120 + 200", _beads(70, 120, 200), in_view=75, camera=_DEEP),
        _case(VESICLES, "vesicles", _vesicles(), in_view=80, sample={"medium": "pbs"}),
        _case(VESICLES, "with aggregates", _vesicles(_AGGREGATES), in_view=80, sample={"medium": "pbs"}),
        _case(VESICLES, "with fragments", _vesicles(_FRAGMENTS), in_view=120, sample={"medium": "pbs"}),
        _case(BEADS, "dense", _beads(100), in_view=200),
        _case(BEADS, "sparse", _beads(100), in_view=8),
        _case(
            BEADS,
            "drift",
            _beads(100),
            motion=MotionSettings(drift_x_um_s=3.0, drift_y_um_s=-1.0, vibration_um=0.05, vibration_hz=47),
        ),
        _case(BEADS, "low signal", _beads(55), background=BackgroundSettings(level_e=60.0)),
        _case(BEADS, "full blur", _beads(100), camera=CameraSettings(exposure_s=1 / 30)),
        _case(BEADS, "37 C", _beads(100), sample={"temperature_c": 37.0}),
        _case(BEADS, "viscous", _beads(100), sample={"medium": "glycerol 30 %"}),
    )
}
