"""The recordings on which sizes are measured: beads, mixtures, vesicles, and what makes each of them hard."""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import Any

from nta.simulation import (
    BackgroundSettings,
    CameraSettings,
    DefectSettings,
    MotionSettings,
    OpticsSettings,
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


def _vesicles(*more: Population, diameter_nm: float = 100) -> tuple[Population, ...]:
    vesicles = Population(
        name="vesicles",
        material="vesicle",
        diameter_nm=diameter_nm,
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

_LOW_MAGNIFICATION = OpticsSettings(pixel_size_um=0.35)
_THICK_SHEET = OpticsSettings(psf="diffraction", numerical_aperture=0.4, sheet_width_um=12.0)
_SATURATING = Population(
    name="aggregates", fraction=0.05, assembly="cluster", monomer_nm=100, diameter_nm=400, gsd=1.2
)

HARD: dict[str, Case] = {
    case.scenario.name: case
    for case in (
        _case(BEADS, "out of focus", _beads(100), optics=OpticsSettings(focus_offset_um=5.0)),
        _case(BEADS, "thick sheet, rings", _beads(150), camera=_DEEP, optics=_THICK_SHEET),
        _case(BEADS, "shutter open", _beads(100), camera=CameraSettings(exposure_s=1 / 30)),
        _case(BEADS, "shutter open, 60 nm", _beads(60), camera=CameraSettings(exposure_s=1 / 30)),
        _case(BEADS, "drift of 5 um/s", _beads(100), motion=MotionSettings(drift_x_um_s=5.0)),
        _case(BEADS, "vibration", _beads(100), motion=MotionSettings(vibration_um=0.2, vibration_hz=11)),
        _case(BEADS, "jitter", _beads(100), motion=MotionSettings(jitter_um=0.1)),
        _case(
            VESICLES, "saturated aggregates, rings", _vesicles(_SATURATING), in_view=80, sample={"medium": "pbs"},
            optics=OpticsSettings(psf="diffraction"), camera=CameraSettings(bit_depth=8, gain_e_per_adu=4.0),
        ),
        _case(BEADS, "stuck and hot", _beads(100), defects=DefectSettings(stuck_particles=12, hot_pixels=80)),
        _case(BEADS, "0.35 um/px", _beads(100), optics=_LOW_MAGNIFICATION),
        _case(BEADS, "0.35 um/px, 60 nm", _beads(60), optics=_LOW_MAGNIFICATION),
        _case(BEADS, "60 frames per second", _beads(100), camera=CameraSettings(frame_rate_hz=60, exposure_s=0.008)),
    )
}  # fmt: skip
"""What is no Gaussian spot that moves by diffusion alone: sizes must hold, or a finding must say why not."""


def random_scenario(seed: int) -> Scenario:
    """Return a scenario nobody chose: sizes, optics, camera and disturbances as laboratories have them.

    The light is what an operator would set: enough to see the particles, the smaller the fainter.
    """
    rng = random.Random(seed)
    kind = rng.choice((BEADS, MIXTURE, VESICLES))
    diameter_nm = rng.uniform(80, 130) if kind == VESICLES else rng.uniform(45, 250)
    few = Population(name="larger", diameter_nm=diameter_nm * rng.uniform(1.4, 2.0), cv=0.03, fraction=0.15)
    populations = {
        BEADS: _beads(diameter_nm),
        MIXTURE: (*_beads(diameter_nm), few),
        VESICLES: _vesicles(diameter_nm=diameter_nm),
    }
    frame_rate_hz = rng.choice((15.0, 25.0, 30.0, 60.0, 100.0))
    exposure_s = rng.uniform(0.15, 1.0) / frame_rate_hz
    bit_depth, gain_e_per_adu = rng.choice(((8, 10.0), (12, 2.5), (16, 1.0)))
    light = rng.uniform(0.5, 3.0) * (100 / diameter_nm) ** 5 * 0.015 / exposure_s
    moving = rng.random() < 0.4
    return Scenario(
        name=f"{kind} of {diameter_nm:.0f} nm, {frame_rate_hz:g} fps",
        populations=populations[kind],
        sample=SampleSettings(number_in_view=rng.choice((8, 20, 40, 80, 150))),
        camera=CameraSettings(
            frame_rate_hz=frame_rate_hz,
            exposure_s=exposure_s,
            bit_depth=bit_depth,
            gain_e_per_adu=gain_e_per_adu,
            offset_adu=rng.choice((10.0, 100.0)),
        ),
        optics=OpticsSettings(
            pixel_size_um=rng.choice((0.108, 0.17, 0.25, 0.35)),
            numerical_aperture=rng.choice((0.3, 0.4)),
            psf=rng.choice(("gaussian", "diffraction")),
            sheet_width_um=rng.uniform(3, 10),
            brightness_e_per_ms_nm2=450 * light,
        ),
        background=BackgroundSettings(level_e=rng.uniform(3, 60)),
        motion=MotionSettings(
            drift_x_um_s=rng.uniform(-4, 4) if moving else 0.0,
            drift_y_um_s=rng.uniform(-2, 2) if moving else 0.0,
            vibration_um=rng.uniform(0, 0.15) if moving else 0.0,
            vibration_hz=rng.uniform(5, 60) if moving else 0.0,
        ),
    )
