"""Simulated frames with known truth: particles of known size, their light, their motion and the camera.

``simulate("ev_lognormal")`` returns a `Simulation`: a `FrameSource` whose `truth` lists every spot.
"""

from nta.scattering import Collection, coated_cross_section_nm2, sphere_cross_section_nm2
from nta.simulation.motion import brownian_exposures
from nta.simulation.populations import Population
from nta.simulation.run import Simulation, simulate
from nta.simulation.scenario import (
    BackgroundSettings,
    CameraSettings,
    DefectSettings,
    MotionSettings,
    OpticsSettings,
    SampleSettings,
    Scenario,
)
from nta.simulation.scenario_files import (
    list_scenarios,
    load_scenario,
    scenario_from_mapping,
    scenario_to_toml,
)
from nta.simulation.truth import TrueParticles, TrueSpots, Truth, load_truth, save_truth

__all__ = [
    "BackgroundSettings",
    "CameraSettings",
    "Collection",
    "DefectSettings",
    "MotionSettings",
    "OpticsSettings",
    "Population",
    "SampleSettings",
    "Scenario",
    "Simulation",
    "TrueParticles",
    "TrueSpots",
    "Truth",
    "brownian_exposures",
    "coated_cross_section_nm2",
    "list_scenarios",
    "load_scenario",
    "load_truth",
    "save_truth",
    "scenario_from_mapping",
    "scenario_to_toml",
    "simulate",
    "sphere_cross_section_nm2",
]
