"""Particles in view: what is log-normal in suspension has in view the shape that the visible volume gives it."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from made.visible_volume import lognormal, trials
from nta.diffusion import DiffusionEstimates
from nta.physics import stokes_einstein_nm_um2_s
from nta.sized_tracks import SizedTracks
from nta.sizes import Draws, SizingSettings
from nta.sizes.lobes import Lobes
from nta.sizes.numbers import summarise
from nta.sizes.table import SizeDistribution
from nta.visibility import BrightnessLaw, behind_volume
from nta.visibility.curve import fit_curve
from nta.visibility.table import LitVolume, VisibleVolume

LAW = BrightnessLaw(
    refractive_index=1.39, medium_index=1.34, scale_e_per_nm2=1.0, index_source="stated", scale_source="this run"
)  # fmt: skip
D = np.geomspace(20, 400, 120)
# rises steeply at 70 nm, of particles whose light goes as d³
CUT_OFF = VisibleVolume(
    diameter_nm=D, electrons=1e-3 * D**3, probability=np.ones(D.size), volume_ml=1e-9 * (1e-4 + 1 / (1 + (70 / D) ** 12))
)  # fmt: skip
STEPS, TRACKS, DRAWS = 20, 2000, 200


def seen_of(suspension):
    seen = suspension.weight * np.interp(suspension.diameter_nm, CUT_OFF.diameter_nm, CUT_OFF.volume_ml)
    return seen / seen.sum()


def inferred_of(in_view, edges_nm, seed=1):
    """A run with tracks of these particles in view, of which mean and spread of ln d are known, taken for log-normal."""
    x = np.log(edges_nm[1:] * edges_nm[:-1]) / 2
    mean = in_view @ x
    sd = np.sqrt(in_view @ x**2 - mean**2)
    guess = lognormal(np.exp(mean), sd)

    def lobes(n):
        return Lobes(np.ones((n, 1)), np.full((n, 1), mean), np.full((n, 1), sd))

    draws = Draws(
        distribution=guess, draws=np.repeat(guess.weight[None], DRAWS, axis=0), lobes=lobes(1), lobes_draws=lobes(DRAWS),
        rel_std=0.0, seed=1, n_effective=100,
    )  # fmt: skip
    sizes = SizeDistribution(
        tracks=None, distribution=guess, of_tracks=guess, suspension=None, summary={}, fractions={}, comparison=(),
        n_tracks_used=TRACKS, viscosity_pa_s=1e-3, temperature_c=20.0, budget={},
    )  # fmt: skip
    rng = np.random.default_rng(seed)
    diameter = np.exp(rng.choice(x, TRACKS, p=in_view))
    d = stokes_einstein_nm_um2_s(20.0, 1e-3) / diameter * rng.gamma(STEPS, 1 / STEPS, TRACKS)
    error, nothing = d / np.sqrt(STEPS), np.full(TRACKS, np.nan)
    diffusion = DiffusionEstimates(
        diffusion_um2_s=d, std_err_um2_s=error, low_um2_s=d - error, high_um2_s=d + error, localization_variance_um2=nothing,
        n_points=np.full(TRACKS, STEPS + 1, np.int32), first_frame=np.zeros(TRACKS, np.int32),
        last_frame=np.full(TRACKS, STEPS, np.int32), intensity=nothing, snr=nothing, flags=np.zeros(TRACKS, np.uint16),
        estimator="made", frame_interval_s=1 / 30, exposure_s=None, pixel_size_um=np.nan,
    )  # fmt: skip
    return SizedTracks(
        tracks=None, diffusion=diffusion, sizes=sizes, camera=None, conditions=None, profile=None,
        sizing=SizingSettings(), draws=draws,
    )  # fmt: skip


def visibility(volume=CUT_OFF, law=LAW):
    lit = None if volume is None else LitVolume(volume=volume, law=law)
    return SimpleNamespace(volume=volume, lit=lit, curve=fit_curve(trials(), 1.4))


def mode(edges_nm, weight):
    return float(summarise(edges_nm, weight[None])["mode_nm"][0])


@pytest.mark.parametrize(("median_nm", "spread"), [(100.0, 0.34), (90.0, 0.4)])
def test_the_mode_of_a_population_that_is_cut_off_is_not_that_of_a_log_normal(median_nm, spread):
    of = lognormal(median_nm, spread)
    seen = seen_of(of)
    run, true = inferred_of(seen, of.edges_nm), mode(of.edges_nm, seen)
    assert mode(of.edges_nm, run.sizes.distribution.weight) > 1.05 * true  # taken for log-normal
    found = behind_volume(run, visibility())
    quantity = found.sizes.summary["mode_nm"]
    assert quantity.value == pytest.approx(true, rel=0.015)
    assert quantity.low < true < quantity.high
    assert np.abs(np.cumsum(found.sizes.distribution.weight) - np.cumsum(seen)).max() < 0.01
    # further numbers come from the same draws as the printed ones
    again, printed = found.draws.percentile_nm(0.5), found.sizes.summary["d50_nm"]
    assert (again.value, again.low, again.high) == pytest.approx((printed.value, printed.low, printed.high))


def test_a_small_end_that_fainter_particles_fill_is_not_cut_off():
    """Lipoproteins among vesicles: the vesicles' volume is not theirs, and the tracks show them."""
    in_view = lognormal(85.0, 0.36)
    run = inferred_of(in_view.weight, in_view.edges_nm)
    found = behind_volume(run, visibility())
    np.testing.assert_allclose(found.sizes.distribution.weight, run.sizes.distribution.weight, atol=2e-4)
    assert found.sizes.summary["d10_nm"].value == pytest.approx(85 * np.exp(-1.2816 * 0.36), rel=0.01)


def test_how_bright_the_particles_are_is_in_the_interval_of_the_mode():
    of = lognormal(100.0, 0.34)
    run = inferred_of(seen_of(of), of.edges_nm)

    def width(law):
        q = behind_volume(run, visibility(law=law)).sizes.summary["mode_nm"]
        return q.high - q.low

    assert 0 < width(LAW) < width(replace(LAW, slope_std=1.0))


def test_where_the_instrument_is_not_known_the_volume_of_a_typical_one_is_taken():
    of = lognormal(100.0, 0.34)
    run = inferred_of(seen_of(of), of.edges_nm)
    known = behind_volume(run, visibility()).sizes.distribution
    typical = visibility()
    typical.volume = None
    found = behind_volume(run, typical).sizes.distribution
    np.testing.assert_array_equal(found.weight, known.weight)
    assert "of a typical instrument" in found.method
    assert "typical" not in known.method


def test_without_a_visible_volume_sizes_stay_as_they_were_inferred():
    of = lognormal()
    run = inferred_of(of.weight, of.edges_nm)
    assert behind_volume(run, visibility(volume=None)) is run
    alone = replace(run, draws=None)
    assert behind_volume(alone, visibility()) is alone
