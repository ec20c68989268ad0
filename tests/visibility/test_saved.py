"""What a run could see survives saving, field by field."""

from dataclasses import replace

import numpy as np
import pytest

from nta.calibration import load_profile
from nta.circumstances import known_conditions
from nta.io.results import load_analysis, save_analysis
from nta.pipeline import analyze, subtract_blank
from nta.settings import AnalysisSettings
from nta.simulation import simulate
from nta.sizes import SizingSettings


def _blank(analysis):
    return next(finding for finding in analysis.assessment.findings if finding.name == "blank")


@pytest.mark.slow
def test_visibility_is_saved_and_a_saved_blank_is_subtracted(tmp_path):
    settings = AnalysisSettings(sizing=SizingSettings(repeats=50))

    def run(name, n_frames):
        simulation = simulate(name, n_frames=n_frames, seed=2)
        analysis = analyze(
            simulation, known_conditions(simulation.metadata), load_profile("simulated"), settings
        )
        return load_analysis(save_analysis(analysis, tmp_path / f"{name}.h5")), analysis

    loaded, original = run("polystyrene_100nm", 60)
    for name in ("limit_nm", "concentration", "law", "share_below_limit", "notes"):
        assert getattr(loaded.visibility, name) == getattr(original.visibility, name)
    np.testing.assert_array_equal(loaded.visibility.volume.volume_ml, original.visibility.volume.volume_ml)
    np.testing.assert_array_equal(
        loaded.visibility.indices.refractive_index, original.visibility.indices.refractive_index
    )
    assert loaded.sizes.suspension.describes == "suspension"
    blank, _ = run("blank", 60)
    without_blank = subtract_blank(loaded, blank)
    assert _blank(without_blank).verdict == "pass"
    assert "the diluent alone has 0 %" in _blank(without_blank).evidence
    uncounted = replace(blank.visibility.concentration.in_cell_per_ml, value=None, low=None, high=None)
    unknown = replace(blank.visibility.concentration, in_cell_per_ml=uncounted)
    not_taken = subtract_blank(
        loaded, replace(blank, visibility=replace(blank.visibility, concentration=unknown))
    )
    assert _blank(not_taken).verdict == "warn"
    assert "not subtracted" in _blank(not_taken).evidence
    net = without_blank.visibility.concentration
    found = original.visibility.concentration.in_cell_per_ml
    assert net.in_cell_per_ml.value == pytest.approx(found.value)  # nothing was counted in the blank
    assert net.in_cell_per_ml.low < found.low  # but something may have been there
    assert "blank" in net.in_cell_per_ml.method


@pytest.mark.slow
def test_without_a_profile_the_shape_in_view_is_saved_and_nothing_is_counted(tmp_path):
    simulation = simulate("ev_lognormal", n_frames=90, seed=2)
    settings = AnalysisSettings(sizing=SizingSettings(repeats=50))
    original = analyze(simulation, known_conditions(simulation.metadata), None, settings)
    seen = load_analysis(save_analysis(original, tmp_path / "ev.h5")).visibility
    assert seen.law is None
    assert seen.volume is None
    assert seen.concentration.in_cell_per_ml.value is None
    assert "not calibrated" in seen.concentration.why_not
    volume = seen.typical.volume
    np.testing.assert_array_equal(volume.volume_ml, original.visibility.typical.volume.volume_ml)
    median_nm = original.sizes.summary["d50_nm"].value
    small, median = np.interp([0.6 * median_nm, median_nm], volume.diameter_nm, volume.volume_ml)
    assert 0 < small < 0.7 * median
    assert "visible volume of a typical instrument" in original.sizes.distribution.method
