"""Tracks with known truth, as numbers only: diffusion estimates and exact likelihoods, without images or
positions."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nta.calibration import SampleConditions
from nta.diffusion.table import DiffusionEstimates
from nta.physics import stokes_einstein_nm_um2_s

CONDITIONS = SampleConditions(temperature_c=25.0)
EXACT_CONDITIONS = SampleConditions(
    temperature_c=25.0, temperature_std_c=0.0, viscosity_mpas=1e3 * CONDITIONS.viscosity_pa_s()
)
"""Without any systematic uncertainty, so that intervals are of the tracks alone."""
SCALE_NM_UM2_S = stokes_einstein_nm_um2_s(25.0, CONDITIONS.viscosity_pa_s())
FRAME_INTERVAL_S = 1 / 30
LOCALIZATION_ERROR_UM = 0.03


@dataclass(frozen=True)
class SyntheticLikelihood:
    grid_um2_s: NDArray[np.float64]
    log_likelihood: NDArray[np.float32]
    track: NDArray[np.int64]


@dataclass(frozen=True)
class SyntheticTracks:
    diffusion: DiffusionEstimates
    likelihood: SyntheticLikelihood
    true_nm: NDArray[np.float64]
    n_points: NDArray[np.int64]


def lognormal(median_nm: float, sd_ln: float) -> Callable[[int, np.random.Generator], NDArray[np.float64]]:
    return lambda n, rng: median_nm * np.exp(sd_ln * rng.standard_normal(n))


def mixture(*parts: tuple[float, float, float]) -> Callable[[int, np.random.Generator], NDArray[np.float64]]:
    """Parts are (share, median in nm, standard deviation of ln d)."""
    share, median, sd = (np.array(column) for column in zip(*parts, strict=True))

    def draw(n: int, rng: np.random.Generator) -> NDArray[np.float64]:
        part = rng.choice(len(share), n, p=share / share.sum())
        return median[part] * np.exp(sd[part] * rng.standard_normal(n))

    return draw


def synthetic_tracks(
    population: Callable[[int, np.random.Generator], NDArray[np.float64]],
    n_tracks: int,
    rng: np.random.Generator,
    *,
    mean_points: float = 30.0,
    min_points: int = 5,
    residence: float = 0.0,
) -> SyntheticTracks:
    """Draw particles and what their tracks say.

    population : of the tracks (every track one particle).
    residence : mean length goes with d to this power (0: the same for all).
    """
    d = population(n_tracks, rng)
    beyond = mean_length(d, mean_points, min_points, residence) - (min_points - 1)
    points = np.minimum(min_points - 1 + rng.geometric(1 / beyond), 900)
    diffusion = SCALE_NM_UM2_S / d
    return tracks_of(d, diffusion, points, rng)


def mean_length(
    d: NDArray[np.float64], mean_points: float = 30.0, min_points: int = 5, residence: float = 0.0
) -> NDArray[np.float64]:
    """Mean number of spots in a track of a particle of this diameter."""
    return np.maximum(mean_points * (d / 100.0) ** residence, min_points)


def tracks_of(
    d: NDArray[np.float64],
    diffusion: NDArray[np.float64],
    points: NDArray[np.int64],
    rng: np.random.Generator,
) -> SyntheticTracks:
    steps = points - 1
    noise = 2 * LOCALIZATION_ERROR_UM**2
    step_variance = 2 * diffusion * FRAME_INTERVAL_S + noise  # per axis
    mean_square = step_variance * rng.chisquare(2 * steps) / (2 * steps)  # mean over steps and axes
    estimate = (mean_square - noise) / (2 * FRAME_INTERVAL_S)
    std_err = mean_square / np.sqrt(steps) / (2 * FRAME_INTERVAL_S)

    grid = np.geomspace(SCALE_NM_UM2_S / 8000, SCALE_NM_UM2_S / 2.5, 160)
    v = 2 * grid * FRAME_INTERVAL_S + noise
    log_likelihood = -steps[:, None] * (np.log(v) + mean_square[:, None] / v)
    log_likelihood -= log_likelihood.max(axis=1, keepdims=True)
    n = len(d)
    positive = estimate > 0
    table = DiffusionEstimates(
        diffusion_um2_s=np.where(positive, estimate, np.nan),
        std_err_um2_s=std_err,
        low_um2_s=np.maximum(estimate - 1.96 * std_err, 0.0),
        high_um2_s=estimate + 1.96 * std_err,
        localization_variance_um2=np.full(n, LOCALIZATION_ERROR_UM**2),
        n_points=points,
        first_frame=np.zeros(n),
        last_frame=points - 1,
        intensity=np.full(n, 1000.0),
        snr=np.full(n, 10.0),
        flags=np.where(positive, 0, 4),
        estimator="synthetic",
        frame_interval_s=FRAME_INTERVAL_S,
        exposure_s=0.0,
        pixel_size_um=0.2,
    )
    likelihood = SyntheticLikelihood(grid, log_likelihood.astype(np.float32), np.arange(n))
    return SyntheticTracks(table, likelihood, d, points)
