"""From diffusion estimates to the size distribution of a recording."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from nta.calibration import InstrumentProfile, SampleConditions
from nta.columns import BoolArray, FloatArray, IntArray
from nta.diffusion import Detection, diffusion_likelihood
from nta.diffusion.table import DiffusionEstimates
from nta.errors import SettingError
from nta.physics import diameter_nm, stokes_einstein_nm_um2_s
from nta.sizes.comparison import finite_track_length_adjustment, histogram, kernel_density
from nta.sizes.draws import Draws, Inferred, inferred
from nta.sizes.evidence import Grid
from nta.sizes.intervals import not_assessed, numbers_with_intervals
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
from nta.sizes.table import IN_VIEW, TRACKS, SizeDistribution, TrackSizes
from nta.sizes.uncertainty import combined, systematic_budget
from nta.tracks.table import Tracks

# share of tracks beyond the bins above which the distribution does not represent the sample
MOST_BEYOND = 0.5


@dataclass(frozen=True, kw_only=True, eq=False)
class _Sized:
    """Input of the sizing methods; arrays have one entry for every track, also for unused tracks.

    used : tracks that enter the distribution. in_view : time in view credited to each track, in frames.
    particle : number of the particle of each track. scale_nm_um2_s : diameter times diffusion coefficient.
    """

    diffusion: DiffusionEstimates
    diameter_nm: FloatArray
    used: BoolArray
    in_view: FloatArray
    particle: IntArray
    scale_nm_um2_s: float

    @property
    def n_particles(self) -> int:
        """Number of different particles among the used tracks."""
        return int(np.unique(self.particle[self.used]).size)


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
        One estimate per track; tracks flagged as stuck or too short get no size and are left out.
    tracks
        The same tracks, spot by spot, from which the likelihoods are computed; None if only the estimates are available.
    conditions
        Temperature and viscosity.
    settings
        None: the defaults.
    profile
        The instrument, for the systematic budget.
    likelihood
        Log-likelihoods of D per track; None: computed from `tracks`, or, if `tracks` is None, approximated from
        the estimates and their standard errors.
    detection
        Probability that a particle of given light is hidden behind others; corrects for the time it was hidden. None: no
        particle hides another.
    extra_budget
        Further systematic terms to add to the budget: relative standard uncertainty by source.
    compare
        Whether to make the plain estimates for comparison as well; they take half of the time.

    Returns
    -------
    sizes, draws
        The distribution with its numbers, and its bootstrap draws, from which any further number gets its interval; the
        draws are None if there are too few tracks for a distribution.

    Raises
    ------
    MissingInputError
        The temperature or the viscosity is not stated.
    SettingError
        The numbers of estimates and of tracks differ.
    """
    settings = settings or SizingSettings()
    if tracks is not None and tracks.n_tracks != len(diffusion):
        raise SettingError(
            f"there are {len(diffusion)} estimates and {tracks.n_tracks} tracks; row i of the estimates is of track i: "
            "leave the same ones out of both, with tracks.only(mask) and diffusion.select(mask)"
        )
    temperature_c, viscosity_pa_s = conditions.known_temperature_c(), conditions.viscosity_pa_s()
    per_track = track_sizes(diffusion, temperature_c, viscosity_pa_s)
    budget = {**systematic_budget(conditions, profile, diffusion), **(extra_budget or {})}
    used = diffusion.used(settings.min_points)
    n_used = int(used.sum())
    rng = np.random.default_rng(settings.seed)

    draws, of_tracks, compared = None, None, {}
    if why := _why_not(n_used, per_track.share_beyond(used, settings), settings):
        numbers = not_assessed(settings, why)
    else:
        sized = _Sized(
            diffusion=diffusion,
            diameter_nm=per_track.diameter_nm,
            used=used,
            in_view=frames_in_view(diffusion, used, detection),
            particle=particles_behind(tracks, diffusion),
            scale_nm_um2_s=stokes_einstein_nm_um2_s(temperature_c, viscosity_pa_s),
        )
        if compare or settings.method != "population":
            # separate random numbers: the reported result must not depend on whether comparisons are made
            compared = _comparison(sized, settings, np.random.default_rng(settings.seed))
        if settings.method == "population":
            both = _populations(sized, tracks, likelihood, settings, rng)
            reported, of_tracks = both[_counted(settings)], both[TRACKS].distribution
        else:
            reported = compared.pop(settings.method)
        n_effective = _effective(sized, settings)
        numbers = numbers_with_intervals(
            reported.distribution, reported.draws, budget, settings, rng, n_effective=n_effective
        )
        draws = Draws(**vars(reported), rel_std=combined(budget), seed=settings.seed, n_effective=n_effective)
    sizes = SizeDistribution(
        tracks=per_track,
        distribution=draws.distribution if draws else None,
        of_tracks=of_tracks,
        suspension=None,
        summary=numbers.summary,
        statistical=numbers.statistical,
        fractions=numbers.fractions,
        comparison=tuple(one.distribution for one in compared.values()),
        n_tracks_used=n_used,
        viscosity_pa_s=viscosity_pa_s,
        temperature_c=temperature_c,
        budget=budget,
    )
    return sizes, draws


def _why_not(n_used: int, beyond: float, settings: SizingSettings) -> str:
    """Return why there can be no distribution; empty if there can."""
    if n_used < settings.min_tracks:
        return f"{n_used} tracks, {settings.min_tracks} needed"
    if beyond > MOST_BEYOND:
        return (
            f"{beyond:.0%} of {n_used} tracks lie beyond {settings.grid_low_nm:g} to {settings.grid_high_nm:g} nm: check "
            "pixel size, frame rate and viscosity, or widen [sizing] grid_low_nm and grid_high_nm"
        )
    return ""


def track_sizes(diffusion: DiffusionEstimates, temperature_c: float, viscosity_pa_s: float) -> TrackSizes:
    """Return the Stokes-Einstein diameter of every track; NaN if it gets no size.

    The ends of the interval swap. If the interval of D reaches zero, the upper end of the diameter is infinite.
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


def _counted(settings: SizingSettings) -> str:
    """Return what the reported distribution describes."""
    return IN_VIEW if settings.counting == "time" else TRACKS


def _effective(sized: _Sized, settings: SizingSettings) -> float:
    """Return the effective number of tracks: the number of equally weighted tracks with the same information (Kish)."""
    if settings.method != "population" or _counted(settings) == TRACKS:
        return float(sized.n_particles)
    time_of_each = np.bincount(sized.particle[sized.used], sized.in_view[sized.used])
    return effective_number(time_of_each.astype(np.float64))


def _populations(
    sized: _Sized,
    tracks: Tracks | None,
    likelihood: Likelihood | None,
    settings: SizingSettings,
    rng: np.random.Generator,
) -> dict[str, Inferred]:
    """Infer the population; return the distributions of tracks and of particles in view by what they describe."""
    grid = Grid.of(settings)
    of = sized.diffusion, sized.used, sized.scale_nm_um2_s
    if likelihood is None and tracks is not None:
        nodes_um2_s = np.sort(sized.scale_nm_um2_s / np.exp(grid.nodes()))
        likelihood = diffusion_likelihood(tracks, sized.diffusion, nodes_um2_s, which=sized.used)
    if likelihood is None:
        evidence = evidence_from_estimates(grid, *of, sized.in_view, sized.particle)
    else:
        evidence = evidence_from_likelihood(grid, *of, likelihood, sized.in_view, sized.particle)
    population = infer_population(evidence, settings, rng)
    method = (
        f"maximum likelihood of {evidence.n_tracks} tracks, log-normal populations: "
        f"{population.mixture.n_components} by the Bayesian information criterion"
    )
    of_tracks = _reported(grid, population.tracks, population.tracks_draws, method, TRACKS, settings)
    in_view = _reported(grid, population.in_view, population.in_view_draws, method, IN_VIEW, settings)
    return {
        TRACKS: of_tracks,
        IN_VIEW: replace(in_view, lobes=population.lobes, lobes_draws=population.lobes_draws),
    }


def _reported(
    grid: Grid, weight: FloatArray, draws: FloatArray, method: str, describes: str, settings: SizingSettings
) -> Inferred:
    """Cut to the reported bins and normalise the shares to a sum of 1 there."""
    inner = weight[grid.inner] / weight[grid.inner].sum()
    inner_draws = draws[:, grid.inner]
    inner_draws = inner_draws / np.maximum(inner_draws.sum(axis=1, keepdims=True), 1e-30)
    return inferred(grid.edges_nm, inner, inner_draws, method, settings, describes=describes)


def _comparison(sized: _Sized, settings: SizingSettings, rng: np.random.Generator) -> dict[str, Inferred]:
    """Return the plain estimates by the name of the method."""
    used, particle = sized.used, sized.particle[sized.used]
    diameters = sized.diameter_nm[used]
    steps = np.maximum(sized.diffusion.n_points[used] - 1, 1)
    d = sized.diffusion.diffusion_um2_s[used]
    return {
        "histogram": histogram(diameters, settings, rng, particle),
        "kde": kernel_density(diameters, settings, rng, particle),
        "ftla": finite_track_length_adjustment(d, steps, sized.scale_nm_um2_s, settings, rng, particle),
    }
