"""Particles in view: what is log-normal in suspension has in view the shape that the visible volume gives it."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from made.visible_volume import lognormal, trials
from nta.sized_tracks import SizedTracks
from nta.sizes import Draws, SizingSettings
from nta.sizes.lobes import Lobes
from nta.sizes.numbers import summarise
from nta.sizes.table import SizeDistribution
from nta.visibility import BrightnessLaw, behind_volume
from nta.visibility.curve import fit_curve
from nta.visibility.table import VisibleVolume

LAW = BrightnessLaw(
    refractive_index=1.39, medium_index=1.34, scale_e_per_nm2=1.0, index_source="stated", scale_source="this run"
)  # fmt: skip


def cut_off_at(limit_nm):
    """A volume that rises steeply at the limit, of particles whose light goes as d³."""
    d = np.geomspace(20, 400, 120)
    volume = 1e-9 * (1e-4 + 1 / (1 + (limit_nm / d) ** 12))
    return VisibleVolume(diameter_nm=d, electrons=1e-3 * d**3, probability=np.ones(d.size), volume_ml=volume)


def inferred_in_view(of, volume, copies=200):
    """A run that knows of the particles in view their mean and spread of ln d, and takes them for log-normal."""
    seen = of.weight * np.interp(of.diameter_nm, volume.diameter_nm, volume.volume_ml)
    seen /= seen.sum()
    x = np.log(of.diameter_nm)
    mean = seen @ x
    sd = np.sqrt(seen @ x**2 - mean**2)
    guess = lognormal(np.exp(mean), sd)

    def lobes(n):
        return Lobes(np.ones((n, 1)), np.full((n, 1), mean), np.full((n, 1), sd))

    draws = Draws(
        distribution=guess, draws=np.repeat(guess.weight[None], copies, axis=0), lobes=lobes(1), lobes_draws=lobes(copies),
        rel_std=0.0, seed=1, n_effective=100,
    )  # fmt: skip
    sizes = SizeDistribution(
        tracks=None, distribution=guess, suspension=None, summary={}, fractions={}, comparison=(), n_tracks_used=copies,
        viscosity_pa_s=1e-3, temperature_c=20.0, budget={},
    )  # fmt: skip
    run = SizedTracks(
        tracks=None, diffusion=None, sizes=sizes, camera=None, conditions=None, profile=None, sizing=SizingSettings(),
        draws=draws,
    )  # fmt: skip
    return run, seen


def visibility(volume, law=LAW):
    return SimpleNamespace(volume=volume, curve=fit_curve(trials(), 1.4), law=law)


def mode(edges_nm, weight):
    return float(summarise(edges_nm, weight[None])["mode_nm"][0])


@pytest.mark.parametrize(("median_nm", "spread"), [(100.0, 0.34), (90.0, 0.4)])
def test_the_mode_of_a_population_that_is_cut_off_is_not_that_of_a_log_normal(median_nm, spread):
    of, volume = lognormal(median_nm, spread), cut_off_at(70.0)
    run, seen = inferred_in_view(of, volume)
    true = mode(of.edges_nm, seen)
    assert mode(of.edges_nm, run.sizes.distribution.weight) > 1.05 * true  # taken for log-normal
    found = behind_volume(run, visibility(volume))
    quantity = found.sizes.summary["mode_nm"]
    assert quantity.value == pytest.approx(true, rel=0.01)
    assert quantity.low < true < quantity.high
    assert np.abs(np.cumsum(found.sizes.distribution.weight) - np.cumsum(seen)).max() < 0.01
    # further numbers come from the same draws as the printed ones
    again = found.draws.percentile_nm(0.5)
    assert again.value == pytest.approx(found.sizes.summary["d50_nm"].value)
    assert again.low == pytest.approx(found.sizes.summary["d50_nm"].low)


def test_how_bright_the_particles_are_is_in_the_interval_of_the_mode():
    of, volume = lognormal(100.0, 0.34), cut_off_at(70.0)
    run, _ = inferred_in_view(of, volume)
    steep = replace(LAW, slope_std=1.0)

    def width(law):
        q = behind_volume(run, visibility(volume, law)).sizes.summary["mode_nm"]
        return q.high - q.low

    assert 0 < width(LAW) < width(steep)


def test_without_a_visible_volume_sizes_stay_as_they_were_inferred():
    run, _ = inferred_in_view(lognormal(), cut_off_at(70.0))
    assert behind_volume(run, visibility(None)) is run
    alone = replace(run, draws=None)
    assert behind_volume(alone, visibility(cut_off_at(70.0))) is alone
