"""Maximum-likelihood population of all pieces of tracks: non-parametric, on a grid of diffusion coefficients."""

from __future__ import annotations

import math

import numpy as np

from nta.columns import Float32Array, IntArray
from nta.compiled import compiled

_EM_STEPS = 50


@compiled(outer=True, fastmath=True)
def best_population(likelihood: Float32Array, pieces: IntArray) -> tuple[float, Float32Array]:
    """Find the maximum-likelihood weights of the columns for these pieces; return the log-likelihood, and the weights.

    A non-parametric population (Kiefer and Wolfowitz, Ann. Math. Stat. 27, 887 (1956)), by expectation maximisation from a
    uniform start. The number of steps is fixed, so that the result varies smoothly with the likelihood.

    likelihood : float32 (n, n_columns), its largest value per row about 1. pieces : the rows to use.
    """
    n = likelihood.shape[1]
    pull = np.empty(n, np.float32)
    weight = np.full(n, np.float32(1 / n))
    for _ in range(_EM_STEPS):
        pull[:] = np.float32(0)
        for k in pieces:
            row = likelihood[k]
            share = np.float32(1) / _mean(row, weight)
            for g in range(n):
                pull[g] += share * row[g]
        for g in range(n):
            weight[g] *= pull[g] / np.float32(pieces.size)
    evidence = 0.0
    for k in pieces:
        evidence += math.log(_mean(likelihood[k], weight))
    return evidence, weight


@compiled(inner=True, fastmath=True, forceinline=True)
def _mean(row: Float32Array, weight: Float32Array) -> np.float32:
    total = np.float32(0)
    for g in range(weight.size):
        total += row[g] * weight[g]
    return total
