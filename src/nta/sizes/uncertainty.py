"""The systematic budget: uncertainties that shift every diameter of a recording by the same factor, by source."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np

from nta.calibration import InstrumentProfile, SampleConditions
from nta.diffusion.table import DiffusionEstimates

_REST = 0.005
"""Relative standard deviation of D50 in simulated recordings beyond the other terms: 73 scenarios drawn at random
(tests/benchmarks/bench_sizes.py random)."""
_BY_FLOW = 1.5
"""Relative error of the diameter divided by the correlation that residual flow leaves in displacements. Five simulated
recordings of 100 nm beads in convection rolls gave 1.4 (1 for a D from squared displacements alone, 3 for the
covariance-based one)."""
# relative uncertainty of the correction for lost long steps, from simulated recordings (docs/measured.md)
_DOUBT = 1 / 3


def systematic_budget(
    conditions: SampleConditions, profile: InstrumentProfile | None, diffusion: DiffusionEstimates
) -> dict[str, float]:
    """Relative standard uncertainty of the diameter by source; uncertainties that were not stated are left out, not guessed.

    d = k T / (3 pi eta D) and D goes with the square of the pixel size: the pixel size counts twice. Temperature
    enters through T and, where the viscosity is the medium's, through the viscosity. The noise model of the recording
    (localization error, unknown exposure) moves all diffusion coefficients alike. So does the loss of long steps in
    detection and linking: a third of its correction counts as uncertainty, and `_REST` is always included. Flow that differs
    from place to place and remains in the tracks makes diameters too small by about `error_by_flow`.
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
    """Return the approximate relative error by which residual flow makes diameters too small."""
    return _BY_FLOW * diffusion.noise.flow


def _given_back(diffusion: DiffusionEstimates) -> float:
    """Return the mean correction for lost long steps, as a share of the squared step, over spots of tracks with a size."""
    points = np.where(diffusion.has_size, diffusion.n_points, 0)
    return float(np.abs(1 - diffusion.kept_share) @ points) / max(int(points.sum()), 1)


def combined(budget: Mapping[str, float]) -> float:
    """Combine the sources in quadrature."""
    return math.hypot(*budget.values()) if budget else 0.0
