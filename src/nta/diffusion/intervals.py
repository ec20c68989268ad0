"""Interval of the diffusion coefficient of every track, from its own likelihood.

The interval is that of the posterior under Jeffreys' prior. Where noise is small this prior is flat in ln D, D is a scale
parameter, and the equal-tailed interval has exactly its nominal coverage for any number of displacements. Where noise
dominates, the prior falls off towards D = 0 and keeps the posterior proper. Jeffreys, Proc. R. Soc. A 186, 453 (1946);
coverage to first order for any likelihood of one parameter: Welch and Peers, J. R. Stat. Soc. B 25, 318 (1963).
"""

from __future__ import annotations

import numpy as np

from nta.columns import FloatArray
from nta.compiled import compiled
from nta.diffusion.gaussian import Displacements, on_grid
from nta.diffusion.noise_model import NoiseModel
from nta.diffusion.steps import Steps
from nta.quantity import coverage_factor

_NODES = 96
_PLACES = np.linspace(-7.0, 9.0, _NODES)


def credible_intervals(
    steps: Steps, noise: NoiseModel, diffusion: FloatArray, information: FloatArray, confidence: float
) -> tuple[FloatArray, FloatArray]:
    """Lower and upper end per track; the lower end is 0 if the most likely D is 0; both are NaN without an estimate.

    The uncertainty of the noise model, common to all tracks, is added in quadrature on the logarithmic scale.
    """
    displacements = Displacements.of(steps, noise)
    low, high = _intervals(displacements, diffusion, information, confidence, 1 / noise.lag_frames)
    if noise.diffusion_rel_std > 0:
        shared = coverage_factor(confidence) * noise.diffusion_rel_std
        with np.errstate(divide="ignore", invalid="ignore"):
            low = np.where(low > 0, diffusion * np.exp(-np.hypot(np.log(diffusion / low), shared)), low)
            wider = diffusion * np.exp(np.hypot(np.log(high / diffusion), shared))
            high = np.where(diffusion > 0, wider, high * np.exp(shared))
    return low, high


@compiled(outer=True, error_model="numpy")
def _intervals(
    of: Displacements, diffusion: FloatArray, information: FloatArray, confidence: float, weight: float
) -> tuple[FloatArray, FloatArray]:
    """Return both ends of the interval of every track; weight : factor on its log-likelihood."""
    start = of.start
    n = start.size - 1
    low, high = np.full(n, np.nan), np.full(n, np.nan)
    nodes, values, cumulative = np.empty(_NODES), np.empty(_NODES), np.empty(_NODES)
    log_likelihood, info = np.empty(_NODES), np.empty(_NODES)
    for k in range(n):
        if not diffusion[k] >= 0.0:
            continue
        if diffusion[k] > 0:
            centre = np.log(diffusion[k])
            width = 1 / np.sqrt(max(information[k] * diffusion[k] ** 2, 0.5))
        else:  # around the standard error of D at D = 0
            centre, width = -0.5 * np.log(information[k]), 1.4
        for g in range(_NODES):
            nodes[g] = centre + width * _PLACES[g]
            values[g] = np.exp(nodes[g])
        on_grid(of, start[k], start[k + 1], values, log_likelihood, info)
        top = -np.inf
        for g in range(_NODES):
            top = max(top, log_likelihood[g])
        below = 0.0  # density at the node before
        total = 0.0
        for g in range(_NODES):
            density = np.exp(weight * (log_likelihood[g] - top)) * np.sqrt(info[g]) * values[g]
            if g:
                total = total + density + below
            cumulative[g] = total
            below = density
        high[k] = np.exp(_where(cumulative, total * (0.5 + confidence / 2), nodes))
        low[k] = (
            np.exp(_where(cumulative, total * (0.5 - confidence / 2), nodes)) if diffusion[k] > 0 else 0.0
        )
    return low, high


@compiled(inner=True, error_model="numpy")
def _where(rising: FloatArray, level: float, nodes: FloatArray) -> float:
    """Return the node, between two of them by a straight line, at which the rising values reach a level."""
    g = 1
    while g < nodes.size - 1 and rising[g] <= level:
        g += 1
    share = (level - rising[g - 1]) / (rising[g] - rising[g - 1])
    between: float = nodes[g - 1] + share * (nodes[g] - nodes[g - 1])
    return between
