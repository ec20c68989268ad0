"""From diffusion estimates to the size distribution of a recording."""

from __future__ import annotations

from collections.abc import Callable, Mapping

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


def size_distribution(
    diffusion: DiffusionEstimates,
    tracks: Tracks | None,
    conditions: SampleConditions,
    settings: SizingSettings | None = None,
    *,
    profile: InstrumentProfile | None = None,
    likelihood: Likelihood | None = None,
    detection: Detection | None = None,
    further: Mapping[str, float] | None = None,
    told: Callable[[Draws], None] | None = None,
    compare: bool = True,
) -> SizeDistribution:
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
    further
        Systematic terms found elsewhere, joined to the budget: relative standard uncertainty by source.
    told
        Called with the bootstrap draws of the distribution, which are not kept: for numbers nobody named before.
    compare
        Whether the plain estimates are made too, that the result is compared with: half of the time.

    Raises
    ------
    MissingInputError
        Temperature or viscosity was given by nobody.
    """
    settings = settings or SizingSettings()
    temperature_c, viscosity_pa_s = conditions.known_temperature_c(), conditions.viscosity_pa_s()
    scale = stokes_einstein_nm_um2_s(temperature_c, viscosity_pa_s)
    per_track = track_sizes(diffusion, temperature_c, viscosity_pa_s)
    budget = {**systematic_budget(conditions, profile, diffusion), **(further or {})}
    used = diffusion.used(settings.min_points)
    n_used = int(used.sum())
    rng = np.random.default_rng(settings.seed)

    why = _why_not(n_used, per_track.share_beyond(used, settings), settings)
    distribution, of_tracks, numbers = None, None, not_assessed(settings, why)
    compared: dict[str, tuple[Distribution, FloatArray]] = {}
    if not why:
        in_view, particle = frames_in_view(diffusion, used, detection), particles_behind(tracks, diffusion)
        n_effective = float(np.unique(particle[used]).size)
        if compare or settings.method != "population":
            compared = _comparison(diffusion, used, per_track, particle, scale, settings, rng)
        if settings.method == "population":
            inferred = _inferred(diffusion, tracks, used, scale, likelihood, in_view, particle, settings, rng)
            of_tracks = inferred[TRACKS][0]
            distribution, draws = inferred[IN_VIEW if settings.counting == "time" else TRACKS]
            if settings.counting == "time":
                n_effective = effective_number(np.bincount(particle[used], in_view[used]).astype(np.float64))
        else:
            distribution, draws = compared.pop(settings.method)
        numbers = numbers_with_intervals(distribution, draws, budget, settings, rng, n_effective=n_effective)
        if told is not None:
            told(
                Draws(
                    distribution=distribution,
                    draws=draws,
                    rel_std=combined(budget),
                    seed=settings.seed,
                    n_effective=n_effective,
                )
            )
    return SizeDistribution(
        tracks=per_track,
        distribution=distribution,
        of_tracks=of_tracks,
        suspension=None,
        summary=numbers.summary,
        statistical=numbers.statistical,
        fractions=numbers.fractions,
        comparison=tuple(d for d, _ in compared.values()),
        n_tracks_used=n_used,
        viscosity_pa_s=viscosity_pa_s,
        temperature_c=temperature_c,
        budget=budget,
    )


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
