"""The visible volume, the detection curve's arithmetic and the counting, against what can be worked out by hand."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from made.visible_volume import SHEET, VIEW, WATER, lognormal, trials
from nta.quantity import Quantity
from nta.scattering import sphere_cross_section_nm2
from nta.sizes import Distribution, Draws, SizingSettings
from nta.visibility import BrightnessLaw, Concentration, less_blank
from nta.visibility.concentration import garwood
from nta.visibility.curve import fit_curve
from nta.visibility.injection import AS_SEEN, WIDTH_RATIOS, FrameSample, Trials, places_apart
from nta.visibility.light import CrossSections
from nta.visibility.suspension import in_suspension
from nta.visibility.table import VisibleVolume
from nta.visibility.volume import followed_volume


def test_the_curve_finds_the_law_its_trials_were_drawn_from():
    curve = fit_curve(trials(), spot_width_px=1.4)
    expected = 200 * np.array(WIDTH_RATIOS) ** 1.5
    np.testing.assert_allclose(np.log(curve.light_50_e / expected), 0, atol=4 * curve.rel_std.max())
    assert curve.rel_std.max() < 0.03
    assert curve.ceiling == pytest.approx(0.95, abs=0.02)
    light = np.geomspace(20, 4000, 50)
    assert np.all(np.diff(curve.probability(light, 1.4)) >= 0)
    assert np.all(np.diff(curve.probability(np.full(50, 300.0), np.linspace(1.4, 6, 50))) <= 1e-12)


@pytest.mark.parametrize("min_points", [5, 50, 170])
def test_the_volume_is_that_of_a_long_run_however_long_tracks_must_be(min_points):
    """Slow particles in a wide sheet stay in view: hardly a track is cut but by the ends of the run."""
    curve = fit_curve(trials(ceiling=1.0), spot_width_px=1.4)
    view = replace(VIEW, min_points=min_points, n_frames=100_000)
    found = followed_volume(curve, SHEET, view, 1e6, 0.05, walkers=400, seed=1).volume_ml
    whole = followed_volume(
        curve, SHEET, replace(view, min_points=3), 1e6, 0.05, walkers=400, seed=1
    ).volume_ml
    assert 0.85 < found / whole <= 1.0


def test_a_run_shorter_than_its_shortest_track_sees_nothing():
    curve = fit_curve(trials(), spot_width_px=1.4)
    view = replace(VIEW, min_points=120, n_frames=100)
    assert followed_volume(curve, SHEET, view, 1e6, 0.05, walkers=400, seed=1).volume_ml == 0


@pytest.mark.parametrize("given_up", [0.02, 0.15])
def test_tracks_end_where_links_are_given_up(given_up):
    """Particles that never leave: of links kept with probability q, q^(m-1) (1 + (m - 1) (1 - q)) of the spots are in tracks
    of m spots and more (a run of k links has the geometric probability, and k spots)."""
    curve = fit_curve(trials(ceiling=1.0), spot_width_px=1.4)
    view = replace(VIEW, height_px=4800, width_px=6400, n_frames=100_000)
    whole = followed_volume(curve, SHEET, view, 1e6, 1e-6, walkers=400, seed=1).volume_ml
    cut = followed_volume(
        curve, SHEET, replace(view, given_up=given_up), 1e6, 1e-6, walkers=400, seed=1
    ).volume_ml
    kept, m = 1 - given_up, view.min_points
    assert cut / whole == pytest.approx(kept ** (m - 1) * (1 + (m - 1) * given_up), rel=0.02)


def test_bright_spots_hide_behind_fewer_particles_than_faint_ones():
    faint = trials(ceiling=0.8)
    rng = np.random.default_rng(2)
    light = np.exp(rng.uniform(np.log(2000), np.log(200_000), 3000))
    rising = np.interp(np.log(light), np.log([2000, 200_000]), [0.8, 1.0])
    found = rng.random(light.size) < rising
    everything = Trials(
        np.concatenate([faint.electrons, light]),
        np.concatenate([faint.ratio, np.full(light.size, AS_SEEN)]),
        np.concatenate([faint.found, found]),
    )
    alone, curve = fit_curve(faint, 1.4), fit_curve(everything, 1.4)
    np.testing.assert_allclose(curve.light_50_e, alone.light_50_e)  # the threshold is that of the others
    assert curve.probability(np.array([1000.0]), 1.4) == pytest.approx(0.8, abs=0.04)
    assert curve.probability(np.array([20_000.0]), 1.4) == pytest.approx(0.9, abs=0.03)
    assert curve.probability(np.array([1e6]), 1.4) == pytest.approx(0.98, abs=0.03)
    assert np.all(np.diff(curve.bright_share) >= 0)


def test_what_lies_behind_others_is_in_view_but_not_in_the_volume():
    """Twice as many hidden must leave the concentration as it is: the volume is that of the particles that are found."""
    edges = np.geomspace(20, 400, 201)
    peaks = np.exp(-0.5 * ((np.log(edges[1:] * edges[:-1]) / 2 - np.log([[60], [150]])) / 0.03) ** 2)
    found = peaks[0] / peaks[0].sum() + 2 * peaks[1] / peaks[1].sum()
    curve = replace(
        fit_curve(trials(), 1.4), bright_e=np.array([500.0, 50_000.0]), bright_share=np.array([0.5, 1.0])
    )
    diameter = np.array([10.0, 100.0, 101.0, 1000.0])
    volume = VisibleVolume(
        diameter_nm=diameter,
        electrons=np.array([500.0, 500.0, 50_000.0, 50_000.0]),
        probability=np.ones(4),
        volume_ml=np.array([1e-9, 1e-9, 3e-9, 3e-9]),
    )
    in_view = Distribution(
        edges_nm=edges, weight=(2 * peaks[0] / peaks[0].sum() + 2 * peaks[1] / peaks[1].sum()) / 4, low=found, high=found,
        method="", describes="in view", confidence=0.95,
    )  # fmt: skip
    run = run_of(in_view, np.repeat(in_view.weight[None], 400, axis=0))
    suspension = in_suspension(run, volume, curve, LAW, 30.0)
    small = suspension.distribution.weight[suspension.distribution.diameter_nm < 100].sum()
    assert small == pytest.approx((1 / 1e-9) / (1 / 1e-9 + 2 / 3e-9), rel=1e-6)
    assert suspension.share_found == pytest.approx(1)
    assert suspension.effective_ml == pytest.approx(3 / (1 / 1e-9 + 2 / 3e-9), rel=1e-6)


LAW = BrightnessLaw(
    refractive_index=1.39, medium_index=1.34, scale_e_per_nm2=1.0, index_source="stated", scale_source="this run"
)  # fmt: skip


def run_of(in_view, draws, budget=None):
    """What `in_suspension` asks of a run."""
    drawn = draws is not None and Draws(
        distribution=in_view, draws=draws, rel_std=0.0, seed=1, n_effective=100
    )
    return SimpleNamespace(
        sizes=SimpleNamespace(distribution=in_view, budget=budget or {}),
        draws=drawn or None,
        sizing=SizingSettings(),
    )


def volume_by_light(power):
    """Rayleigh scatterers, seen in a volume that grows with a power of their light."""
    d = np.geomspace(20, 400, 60)
    electrons = 1e-3 * d**6
    return VisibleVolume(
        diameter_nm=d,
        electrons=electrons,
        probability=np.ones(60),
        volume_ml=1e-12 * electrons**power,
    )


def test_light_that_is_wrong_for_all_alike_moves_how_many_there_are_and_not_their_sizes():
    curve, volume = fit_curve(trials(), 1.4), volume_by_light(0.5)
    in_view = lognormal()
    found = in_suspension(
        run_of(in_view, np.repeat(in_view.weight[None], 2000, axis=0)), volume, curve, LAW, 30.0
    )
    assert found.rel_std == pytest.approx(0.5 * np.hypot(0.15, curve.rel_std[0]), rel=0.08)
    d50 = found.numbers["d50_nm"]
    assert d50.value == pytest.approx(100 * np.exp(-3 * 0.3**2), rel=0.01)  # 1/d^3 tilts a log-normal
    assert d50.high / d50.low < 1.01


def test_light_that_falls_with_the_diameter_makes_the_number_no_less_certain():
    d = np.geomspace(20, 800, 60)
    light = np.minimum(d / 100, 1) ** 6 / np.maximum(d / 100, 1)
    volume = VisibleVolume(
        diameter_nm=d, electrons=1e4 * light, probability=np.ones(60), volume_ml=1e-9 * light**0.5
    )
    in_view = lognormal(250.0, 0.05)
    run = run_of(in_view, np.repeat(in_view.weight[None], 2000, axis=0))
    assert in_suspension(run, volume, fit_curve(trials(), 1.4), LAW, 30.0).rel_std < 0.5 * 0.2


def test_large_particles_that_the_law_of_light_says_cannot_be_seen_do_not_stand_for_very_many():
    d = np.geomspace(20, 800, 60)
    light = np.minimum(d / 100, 1) ** 6 * np.minimum(250 / d, 1) ** 20
    volume = VisibleVolume(
        diameter_nm=d, electrons=1e4 * light, probability=np.ones(60), volume_ml=1e-9 * light**0.5
    )
    small, large = lognormal(100.0, 0.05), lognormal(380.0, 0.02)
    in_view = replace(small, weight=0.97 * small.weight + 0.03 * large.weight)
    run = run_of(in_view, np.repeat(in_view.weight[None], 200, axis=0))
    found = in_suspension(run, volume, fit_curve(trials(), 1.4), LAW, 30.0)
    assert found.distribution.weight[in_view.diameter_nm > 250].sum() < 0.04
    assert found.effective_ml == pytest.approx(1e-9, rel=0.1)


def test_intervals_in_suspension_hold_the_error_of_sizes_of_the_slope_of_light_and_the_budget():
    curve, volume = fit_curve(trials(), 1.4), volume_by_light(0.5)
    rng = np.random.default_rng(5)
    in_view = lognormal()
    same = np.repeat(in_view.weight[None], 2000, axis=0)
    shifted = np.stack([lognormal(m).weight for m in 100 * np.exp(0.05 * rng.standard_normal(2000))])
    steeper = replace(LAW, slope_std=1.0)

    def half_width(draws, law, budget=None):
        d50 = in_suspension(run_of(in_view, draws, budget), volume, curve, law, 30.0).numbers["d50_nm"]
        return np.log(d50.high / d50.low) / 2 / 1.96

    assert half_width(shifted, LAW) == pytest.approx(0.05, rel=0.1)
    # 1/V tilts as d^(-slope/2), which moves the median of a log-normal by spread^2 / 2 for each unit of slope
    assert half_width(same, steeper) == pytest.approx(0.5 * 0.3**2, rel=0.15)
    assert half_width(same, LAW, {"temperature": 0.02}) == pytest.approx(0.02, rel=0.1)


def test_without_draws_of_the_sizes_numbers_in_suspension_claim_no_interval():
    curve, volume = fit_curve(trials(), 1.4), volume_by_light(0.5)
    found = in_suspension(run_of(lognormal(), None), volume, curve, LAW, 30.0)
    assert found.numbers["d50_nm"].low is None
    assert found.rel_std > 0.05  # the light is as wrong as it was


def test_simulated_spots_lie_up_to_the_edge_and_apart(rng):
    scene = SimpleNamespace(height_px=120, width_px=160)
    y, x = np.concatenate([places_apart(scene, 20.0, 12, rng) for _ in range(200)], axis=1)
    assert min(y.min(), x.min()) < 0.5
    assert max(y.max() - 119, x.max() - 159) > -0.5
    near_edge = np.minimum(np.minimum(y, x), np.minimum(119 - y, 159 - x)) < 3
    assert near_edge.mean() == pytest.approx(
        1 - 113 * 153 / (120 * 160), abs=0.03
    )  # as many as its share of the area
    y, x = places_apart(scene, 20.0, 12, rng)
    away = np.hypot(y[:, None] - y, x[:, None] - x)
    assert away[~np.eye(y.size, dtype=bool)].min() > 20


def test_a_curve_needs_spots_found_and_missed():
    everything = trials()
    assert (
        fit_curve(Trials(everything.electrons, everything.ratio, np.ones_like(everything.found)), 1.4) is None
    )


@pytest.mark.parametrize("light_over_50", [30.0, 300.0])
def test_slow_particles_are_seen_in_the_volume_that_geometry_gives(light_over_50):
    curve = fit_curve(trials(steepness=30.0, ceiling=1.0), spot_width_px=1.4)
    electrons = light_over_50 * curve.light_50_e[0]
    seen = followed_volume(curve, SHEET, VIEW, electrons, 1e-6, 4000, 1)
    half_um = 5.0 * np.sqrt(np.log(light_over_50) / 2)  # where the sheet's light has fallen to the 50 % light
    geometry_ml = 480 * 640 * 0.25**2 * 2 * half_um * 1e-12
    assert seen.volume_ml == pytest.approx(geometry_ml, rel=0.04)


def test_fast_particles_are_tracked_in_less_than_they_are_seen_in():
    curve = fit_curve(trials(), spot_width_px=1.4)
    electrons = 20 * curve.light_50_e[0]
    volume = [followed_volume(curve, SHEET, VIEW, electrons, d, 2000, 1).volume_ml for d in (0.01, 5.0, 60.0)]
    assert volume[0] > volume[1] > volume[2] > 0


def test_the_table_of_cross_sections_is_that_of_spheres_and_inverts():
    table = CrossSections.of(WATER, 30, 600)
    d = np.array([45.0, 100.0, 237.0, 400.0])
    np.testing.assert_allclose(table.at(d, 1.605), sphere_cross_section_nm2(d, 1.605, WATER), rtol=0.03)
    small = np.array([45.0, 100.0, 160.0])
    contrast = table.contrast(small, np.log(table.at(small, 1.40)))
    np.testing.assert_allclose(contrast, 1.40 - 1.337, rtol=1e-3)


def test_frames_are_kept_evenly_whatever_the_length():
    for length in (0, 5, 64, 1000):
        sample = FrameSample(16)
        assert list(sample.passing(range(length))) == list(range(length))
        assert len(sample.kept) >= min(length, 16)
        assert len(sample.kept) < 32
        assert len(set(np.diff(sample.kept))) <= 1


@pytest.mark.parametrize(("count", "low", "high"), [(0, 0.0, 3.689), (1, 0.0253, 5.572), (10, 4.795, 18.39)])
def test_poisson_intervals_are_those_of_the_tables(count, low, high):
    """Garwood 1936, as tabulated in Johnson, Kotz and Kemp, Univariate Discrete Distributions."""
    assert garwood(count) == pytest.approx((low, high), rel=1e-3)


def counted(value, low, high, dilution=None, least_nm=None):
    q = Quantity(value, low, high, "1/ml")
    none = Quantity(None, None, None, "1")
    return Concentration(
        per_frame=none, in_cell_per_ml=q, in_sample_per_ml=q, dilution=dilution, least_nm=least_nm
    )


def test_the_blank_is_subtracted_in_the_cell_and_the_dilution_applied_once():
    net = less_blank(counted(1e8, 8e7, 1.2e8, dilution=100.0), counted(1e7, 5e6, 2e7))
    assert net.in_cell_per_ml.value == pytest.approx(9e7)
    assert net.in_sample_per_ml.value == pytest.approx(9e9)
    assert net.in_cell_per_ml.low == pytest.approx(9e7 - np.hypot(2e7, 1e7))
    assert net.in_cell_per_ml.high == pytest.approx(9e7 + np.hypot(2e7, 5e6))


def test_without_a_dilution_nobody_knows_what_is_in_the_sample():
    net = less_blank(counted(1e8, 8e7, 1.2e8), counted(1e7, 5e6, 2e7))
    assert net.in_sample_per_ml.value is None
    assert net.in_sample_per_ml.high is None
    assert "dilution was not stated" in net.in_sample_per_ml.method
    assert net.best_known_per_ml is net.in_cell_per_ml


@pytest.mark.parametrize(
    ("blank_nm", "words"), [(40.0, "too much is taken off"), (140.0, "too little"), (92.0, ""), (None, "")]
)
def test_a_blank_that_was_counted_over_other_diameters_says_so(blank_nm, words):
    net = less_blank(counted(1e8, 8e7, 1.2e8, least_nm=90.0), counted(1e7, 5e6, 2e7, least_nm=blank_nm))
    assert words in net.blank
    assert ("though" in net.blank) == bool(words)


def test_what_is_not_above_the_blank_is_a_limit():
    net = less_blank(counted(1.2e7, 0.9e7, 1.5e7), counted(1e7, 0.5e7, 2e7))
    assert net.in_cell_per_ml.value is None
    assert net.in_cell_per_ml.low == 0
    assert net.in_cell_per_ml.high > 0
    assert "limit" in net.why_not
