"""The systematic budget: what shifts every diameter of a recording alike, by source."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np

from nta.calibration import InstrumentProfile, SampleConditions
from nta.diffusion.table import DiffusionEstimates

_REST = 0.005
"""Relative standard deviation by which D50 of simulated recordings scatters beyond the other terms: 73 scenarios drawn by
chance (tests/benchmarks/bench_sizes.py random)."""
_BY_FLOW = 1.5
"""Relative error of the diameter over the correlation that flow leaves in displacements: five simulated recordings of 100 nm
beads in rolls of convection, 1.4 (a D from squared displacements alone would have 1, the covariance-based one 3)."""
_DOUBT = 1 / 3  # of what is given back; against the truth of simulated recordings (docs/measured.md)


def systematic_budget(
    conditions: SampleConditions, profile: InstrumentProfile | None, diffusion: DiffusionEstimates
) -> dict[str, float]:
    """Relative standard uncertainty of the diameter by source; what nobody stated is left out, not guessed.

    d = k T / (3 pi eta D) and D goes with the square of the pixel size: the pixel size counts twice. Temperature
    enters through T and, where the viscosity is the medium's, through the viscosity. The noise model of the recording
    (localization error, unknown exposure) moves all diffusion coefficients alike. So does what detection and linking take of
    long steps: a third of what is given back of it is doubted, and `_REST` is there in any case. Flow that differs
    from place to place and is left in the tracks makes diameters too small by about `error_by_flow`.
    Combination in quadrature: JCGM 100:2008 (GUM), 5.1.2, for uncorrelated inputs.
    """
    viscosity = conditions.viscosity_relative_std()
    budget = {"temperature": math.sqrt(max(conditions.relative_std() ** 2 - (viscosity or 0.0) ** 2, 0.0))}
    if viscosity is not None:
        budget["viscosity"] = viscosity
    if profile is not None and profile.pixel_size_rel_std is not None:
        budget["pixel size"] = 2 * profile.pixel_size_rel_std
    if diffusion.noise.diffusion_rel_std > 0:
        budget["localization error and blur"] = diffusion.noise.diffusion_rel_std
    if (flow := error_by_flow(diffusion)) > 0:
        budget["flow that is left"] = flow
    budget["motion not seen"] = math.hypot(_REST, _DOUBT * _given_back(diffusion))
    return budget


def error_by_flow(diffusion: DiffusionEstimates) -> float:
    """Share by which flow that is left in the displacements makes diameters too small, about."""
    return _BY_FLOW * diffusion.noise.flow


def _given_back(diffusion: DiffusionEstimates) -> float:
    """Share of the mean squared step that was given back, mean over the spots of the tracks that have a size."""
    points = np.where(diffusion.has_size, diffusion.n_points, 0)
    return float(np.abs(1 - diffusion.kept_share) @ points) / max(int(points.sum()), 1)


def combined(budget: Mapping[str, float]) -> float:
    """Combine the sources in quadrature."""
    return math.hypot(*budget.values()) if budget else 0.0
