"""Widths of peaks: what tracks say of them, what is believed of beads, and how sure the intervals are."""

import numpy as np
import pytest

from made.synthetic_tracks import EXACT_CONDITIONS, lognormal, synthetic_tracks
from nta.sizes import SizeDistribution, SizingSettings, size_distribution
from nta.sizes.components import Candidate, chances
from nta.sizes.evidence import Evidence, Grid, gather_evidence
from nta.sizes.mixture import BEAD_SD, Mixture, fit, known_of_width

GRID = Grid.of(SizingSettings())


def sized(cv: float, n_tracks: int, seed: int) -> SizeDistribution:
    tracks = synthetic_tracks(lognormal(80, cv), n_tracks, np.random.default_rng(seed), mean_points=20)
    settings = SizingSettings(repeats=100, seed=seed)
    sizes, _ = size_distribution(
        tracks.diffusion, None, EXACT_CONDITIONS, settings, likelihood=tracks.likelihood, compare=False
    )
    return sizes


def measured(sd: float, error: float, n: int, rng: np.random.Generator) -> Evidence:
    """Evidence of particles about 80 nm whose ln d is known to an error."""
    at = np.log(80) + np.hypot(sd, error) * rng.standard_normal(n)
    x = GRID.x
    return gather_evidence(GRID, x, -0.5 * ((x - at[:, None]) / error) ** 2, np.full(n, 20.0))


def one_peak(sd: float) -> Mixture:
    one = np.ones((1, 1))
    return Mixture(
        share=one, mean=np.log(80) * one, variance=sd**2 * one, log_likelihood=np.zeros(1), widths="beads"
    )


@pytest.mark.parametrize("cv", [0.02, 0.05, 0.07, 0.1])
def test_intervals_hold_the_width_of_beads_whatever_it_is(cv):
    held = []
    for seed in range(6):
        summary = sized(cv, 400, seed).summary
        truth = {"sd_nm": 80 * cv, "d90_nm": 80 * np.exp(1.2816 * cv)}
        held += [summary[name].low <= value <= summary[name].high for name, value in truth.items()]
    assert sum(held) >= 10


def test_a_width_that_tracks_know_is_theirs_and_one_they_do_not_know_is_that_of_beads(rng):
    weights = []
    for error, expected in ((0.02, 0.08), (1.0, BEAD_SD)):
        evidence = measured(0.08, error, 1000, rng)
        weights.append(evidence.per_cell(np.ones(1000))[None])
        found = fit(evidence, weights[-1], one_peak(0.05), iterations=50)
        assert np.sqrt(found.variance[0, 0]) == pytest.approx(expected, rel=0.1)


def test_tracks_say_of_a_width_what_particles_measured_without_error_say(rng):
    """2 per particle (Fisher information of ln sd), times the square of the share of the variance that is theirs."""
    for sd, error in ((0.3, 0.02), (0.1, 0.1), (0.02, 0.2)):
        evidence = measured(sd, error, 3000, rng)
        known = known_of_width(evidence, evidence.per_cell(np.ones(3000))[None], one_peak(sd))
        share = sd**2 / (sd**2 + error**2)
        assert known[0] == pytest.approx(2 * 3000 * share**2, rel=0.15)


@pytest.mark.parametrize(("sd", "others"), [(0.3, True), (0.05, False)])
def test_a_broad_population_may_have_another_shape_and_a_peak_of_beads_not(sd, others):
    def free(k: int) -> Mixture:
        each = np.ones((1, k))
        return Mixture(share=each / k, mean=4.4 * each, variance=sd**2 * each, log_likelihood=np.zeros(1))

    chance = chances([Candidate(free(1), 0.999), Candidate(free(3), 1e-3), Candidate(free(2), 1e-9)])
    assert chance.sum() == pytest.approx(1)
    assert (chance[2] > 0.1) == others
