"""From diffusion estimates to the size distribution of a recording."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from nta.calibration import InstrumentProfile, SampleConditions
from nta.columns import BoolArray, FloatArray, IntArray
from nta.diffusion import Detection, diffusion_likelihood
from nta.diffusion.table import DiffusionEstimates
from nta.physics import diameter_nm, stokes_einstein_nm_um2_s
from nta.sizes.comparison import finite_track_length_adjustment, histogram, kernel_density
from nta.sizes.draws import Draws
from nta.sizes.evidence import Grid
from nta.sizes.intervals import band, not_assessed, numbers_with_intervals
from nta.sizes.likelihood import (
    Likelihood,
    effective_number,
    evidence_from_estimates,
    evidence_from_likelihood,
    frames_in_view,
    particles_behind,
)
from nta.sizes.population import infer_population
from nta.sizes.settings import SizingSettings
from nta.sizes.table import IN_VIEW, TRACKS, Distribution, SizeDistribution, TrackSizes
from nta.sizes.uncertainty import combined, systematic_budget
from nta.tracks.table import Tracks

MOST_BEYOND = 0.5  # share of tracks beyond the bins from which on what lies within says nothing of the sample


@dataclass(frozen=True, kw_only=True, eq=False)
class _Inferred:
    """The distribution that numbers are of with its draws, and those beside it.

    n_effective : how many tracks that count alike are worth those behind it.
    """

    distribution: Distribution
    draws: FloatArray
    of_tracks: Distribution | None
    comparison: tuple[Distribution, ...]
    n_effective: float


def size_distribution(
    diffusion: DiffusionEstimates,
    tracks: Tracks | None,
    conditions: SampleConditions,
    settings: SizingSettings | None = None,
    *,
    profile: InstrumentProfile | None = None,
    likelihood: Likelihood | None = None,
    detection: Detection | None = None,
    extra_budget: Mapping[str, float] | None = None,
    compare: bool = True,
) -> tuple[SizeDistribution, Draws | None]:
    """Infer the number distribution of hydrodynamic diameter, with an interval on every number.

    Parameters
    ----------
    diffusion
        One estimate per track; tracks flagged as stuck or too short get no size and do not enter.
    tracks
        The same tracks, spot by spot: what the likelihoods are made of.
    conditions
        Temperature and viscosity.
    settings
        Defaults where None.
    profile
        The instrument, for the systematic budget.
    likelihood
        Log-likelihoods of D per track; None: made from `tracks`, or, where these are None, approximated from
        the estimates and their standard errors.
    detection
        How probable it is that a particle lies behind others, by its light: brings in the time for which it did. None: no
        particle hides another.
    extra_budget
        Systematic terms found elsewhere, joined to the budget: relative standard uncertainty by source.
    compare
        Whether the plain estimates are made too, that the result is compared with: half of the time.

    Returns
    -------
    sizes, draws
        The distribution with its numbers, and the bootstrap draws from which numbers that nobody named before get their
        intervals; no draws where there are too few tracks for a distribution.

    Raises
    ------
    MissingInputError
        Temperature or viscosity was given by nobody.
    """
    settings = settings or SizingSettings()
    temperature_c, viscosity_pa_s = conditions.known_temperature_c(), conditions.viscosity_pa_s()
    per_track = track_sizes(diffusion, temperature_c, viscosity_pa_s)
    budget = {**systematic_budget(conditions, profile, diffusion), **(extra_budget or {})}
    used = diffusion.used(settings.min_points)
    n_used = int(used.sum())
    rng = np.random.default_rng(settings.seed)

    inferred, draws = None, None
    if why := _why_not(n_used, per_track.share_beyond(used, settings), settings):
        numbers = not_assessed(settings, why)
    else:
        scale = stokes_einstein_nm_um2_s(temperature_c, viscosity_pa_s)
        inferred = _inferred(
            diffusion, tracks, used, per_track, scale, likelihood, detection, compare, settings, rng
        )
        numbers = numbers_with_intervals(
            inferred.distribution, inferred.draws, budget, settings, rng, n_effective=inferred.n_effective
        )
        draws = Draws(
            distribution=inferred.distribution,
            draws=inferred.draws,
            rel_std=combined(budget),
            seed=settings.seed,
            n_effective=inferred.n_effective,
        )
    sizes = SizeDistribution(
        tracks=per_track,
        distribution=inferred.distribution if inferred else None,
        of_tracks=inferred.of_tracks if inferred else None,
        suspension=None,
        summary=numbers.summary,
        statistical=numbers.statistical,
        fractions=numbers.fractions,
        comparison=inferred.comparison if inferred else (),
        n_tracks_used=n_used,
        viscosity_pa_s=viscosity_pa_s,
        temperature_c=temperature_c,
        budget=budget,
    )
    return sizes, draws


def _why_not(n_used: int, beyond: float, settings: SizingSettings) -> str:
    """Say why there can be no distribution; empty where there can."""
    if n_used < settings.min_tracks:
        return f"{n_used} tracks, {settings.min_tracks} needed"
    if beyond > MOST_BEYOND:
        return (
            f"{beyond:.0%} of {n_used} tracks lie beyond {settings.grid_low_nm:g} to {settings.grid_high_nm:g} nm: check "
            "pixel size, frame rate and viscosity, or widen [sizing] grid_low_nm and grid_high_nm"
        )
    return ""


def track_sizes(diffusion: DiffusionEstimates, temperature_c: float, viscosity_pa_s: float) -> TrackSizes:
    """Give every track its diameter by Stokes-Einstein; NaN where it gets no size.

    The ends of the interval swap. A track whose D may be as low as zero has no upper end: infinity.
    """
    has_size = diffusion.has_size

    def converted(values: FloatArray) -> FloatArray:
        safe = np.where(has_size & (values > 0), values, 1.0)
        return np.where(has_size, diameter_nm(safe, temperature_c, viscosity_pa_s), np.nan)

    high = converted(diffusion.low_um2_s)
    high[has_size & (diffusion.low_um2_s <= 0)] = np.inf
    return TrackSizes(
        diameter_nm=converted(diffusion.diffusion_um2_s), low_nm=converted(diffusion.high_um2_s), high_nm=high
    )


def _inferred(
    diffusion: DiffusionEstimates,
    tracks: Tracks | None,
    used: BoolArray,
    per_track: TrackSizes,
    scale_nm_um2_s: float,
    likelihood: Likelihood | None,
    detection: Detection | None,
    compare: bool,
    settings: SizingSettings,
    rng: np.random.Generator,
) -> _Inferred:
    """Infer the distribution by the method that is asked for, and make those that it is compared with."""
    in_view, particle = frames_in_view(diffusion, used, detection), particles_behind(tracks, diffusion)
    n_particles = float(np.unique(particle[used]).size)
    compared: dict[str, tuple[Distribution, FloatArray]] = {}
    if compare or settings.method != "population":
        # random numbers of its own: what is reported must not hang on what it is compared with
        apart = np.random.default_rng(settings.seed)
        compared = _comparison(diffusion, used, per_track, particle, scale_nm_um2_s, settings, apart)
    if settings.method != "population":
        distribution, draws = compared.pop(settings.method)
        of_tracks, n_effective = None, n_particles
    else:
        both = _populations(
            diffusion, tracks, used, scale_nm_um2_s, likelihood, in_view, particle, settings, rng
        )
        by_time = settings.counting == "time"
        distribution, draws = both[IN_VIEW if by_time else TRACKS]
        of_tracks = both[TRACKS][0]
        time_of_each = np.bincount(particle[used], in_view[used]).astype(np.float64)
        n_effective = effective_number(time_of_each) if by_time else n_particles
    return _Inferred(
        distribution=distribution,
        draws=draws,
        of_tracks=of_tracks,
        comparison=tuple(d for d, _ in compared.values()),
        n_effective=n_effective,
    )


def _populations(
    diffusion: DiffusionEstimates,
    tracks: Tracks | None,
    used: BoolArray,
    scale_nm_um2_s: float,
    likelihood: Likelihood | None,
    in_view: FloatArray,
    particle: IntArray,
    settings: SizingSettings,
    rng: np.random.Generator,
) -> dict[str, tuple[Distribution, FloatArray]]:
    """Infer the population; by what it describes, the distribution and its draws."""
    grid = Grid.of(settings)
    if likelihood is None and tracks is not None:
        nodes_um2_s = np.sort(scale_nm_um2_s / np.exp(grid.nodes()))
        likelihood = diffusion_likelihood(tracks, diffusion, nodes_um2_s, which=used)
    if likelihood is None:
        evidence = evidence_from_estimates(grid, diffusion, used, scale_nm_um2_s, in_view, particle)
    else:
        evidence = evidence_from_likelihood(
            grid, diffusion, used, scale_nm_um2_s, likelihood, in_view, particle
        )
    population = infer_population(evidence, settings, rng)
    method = (
        f"maximum likelihood of {evidence.n_tracks} tracks, log-normal populations: "
        f"{population.mixture.n_components} by the Bayesian information criterion"
    )
    both = {
        TRACKS: (population.tracks, population.tracks_draws),
        IN_VIEW: (population.in_view, population.in_view_draws),
    }
    return {
        describes: _reported(grid, weight, draws, method, describes, settings)
        for describes, (weight, draws) in both.items()
    }


def _reported(
    grid: Grid, weight: FloatArray, draws: FloatArray, method: str, describes: str, settings: SizingSettings
) -> tuple[Distribution, FloatArray]:
    """Cut to the reported bins; the shares are of what lies there."""
    inner = weight[grid.inner] / weight[grid.inner].sum()
    inner_draws = draws[:, grid.inner]
    inner_draws = inner_draws / np.maximum(inner_draws.sum(axis=1, keepdims=True), 1e-30)
    low, high = band(inner_draws, inner, settings.confidence)
    distribution = Distribution(
        edges_nm=grid.edges_nm,
        weight=inner,
        low=low,
        high=high,
        method=method,
        describes=describes,
        confidence=settings.confidence,
    )
    return distribution, inner_draws


def _comparison(
    diffusion: DiffusionEstimates,
    used: BoolArray,
    per_track: TrackSizes,
    particle: IntArray,
    scale_nm_um2_s: float,
    settings: SizingSettings,
    rng: np.random.Generator,
) -> dict[str, tuple[Distribution, FloatArray]]:
    diameters = per_track.diameter_nm[used]
    steps = np.maximum(diffusion.n_points[used] - 1, 1)
    d = diffusion.diffusion_um2_s[used]
    return {
        "histogram": histogram(diameters, settings, rng, particle[used]),
        "kde": kernel_density(diameters, settings, rng, particle[used]),
        "ftla": finite_track_length_adjustment(d, steps, scale_nm_um2_s, settings, rng, particle[used]),
    }
