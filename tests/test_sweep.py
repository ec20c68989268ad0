"""The sweep finds a plateau where there is one, and carries its spread into the intervals."""

from dataclasses import replace

import numpy as np
import pytest

from nta.circumstances import known_conditions
from nta.diffusion import DiffusionSettings
from nta.pipeline import analyze
from nta.report.figures import draw_all
from nta.settings import AnalysisSettings
from nta.simulation import load_scenario, simulate
from nta.sizes import SizingSettings
from nta.spots import DetectionSettings
from nta.sweep import BUDGET_TERM, sweep, thresholds_around
from nta.visibility import VisibilitySettings


def _beads(width_px, height_px, in_view, n_frames):
    """Return a recording of beads that is rendered once, for all settings of a sweep."""
    scene = load_scenario("polystyrene_100nm")
    camera = replace(scene.camera, width_px=width_px, height_px=height_px)
    sample = replace(scene.sample, number_in_view=in_view)
    simulation = simulate(replace(scene, camera=camera, sample=sample, n_frames=n_frames, seed=5))
    frames = list(simulation.frames())
    simulation.frames = lambda: iter(frames)
    return simulation


@pytest.mark.slow
def test_beads_stay_on_a_plateau_and_the_spread_is_in_the_budget():
    simulation = _beads(320, 240, 20.0, 100)
    settings = AnalysisSettings(
        detection=DetectionSettings(split_overlapping=False),
        sizing=SizingSettings(repeats=50),
        visibility=VisibilitySettings(frames=8),  # what is missed counts in the sweep as in the analysis
    )
    analysis = analyze(simulation, known_conditions(simulation.metadata), settings=settings)
    told = []
    swept = sweep(simulation, analysis, told.append)
    points = swept.sizes.sweep.points
    assert len(points) == len(told) + 1 == 10
    d50 = np.array([p.d50_nm for p in points])
    assert swept.sizes.sweep.rel_std == pytest.approx(np.log(d50).std(ddof=1))
    np.testing.assert_allclose(d50, d50[0], rtol=0.05)
    assert swept.sizes.budget[BUDGET_TERM] == swept.sizes.sweep.rel_std > 0
    assert swept.sizes.summary["d50_nm"].value == analysis.sizes.summary["d50_nm"].value
    assert next(p for p in draw_all(swept) if p.name == "plateau").figure is not None


def test_the_sweep_stays_within_what_the_rooms_take():
    assert thresholds_around(4.75) == pytest.approx([0.85 * 4.75, 1.25 * 4.75, 1.6 * 4.75])
    assert thresholds_around(1.0) == pytest.approx([1.25, 1.6])
    assert thresholds_around(90.0) == pytest.approx([0.85 * 90, 100.0])


@pytest.mark.slow
@pytest.mark.parametrize("estimator", ["ols", "cve"])
def test_the_sweep_asks_no_estimator_for_shorter_tracks_than_it_takes(estimator):
    simulation = _beads(200, 160, 10.0, 40)
    settings = AnalysisSettings(
        diffusion=DiffusionSettings(estimator=estimator),
        sizing=SizingSettings(repeats=0),
        visibility=VisibilitySettings(frames=0),
    )
    analysis = analyze(simulation, known_conditions(simulation.metadata), settings=settings)
    swept = sweep(simulation, analysis)
    assert [p.value for p in swept.sizes.sweep.points if p.setting == "min_points"] == ["4", "8", "12"]
