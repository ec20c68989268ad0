"""Findings on recordings with nothing to size: a white film, and a clean blank."""

from dataclasses import replace

import numpy as np
import pytest
import tifffile

from nta.assessment import Verdict
from nta.calibration import load_profile
from nta.io.recordings import open_recording
from nta.pipeline import analyze, stated_conditions
from nta.simulation import load_scenario, simulate

OF_SPOTS = ("saturated_spots", "spots_per_frame_high", "ambiguous_links")


def by_name(analysis):
    return {finding.name: finding for finding in analysis.assessment.findings}


@pytest.mark.parametrize(
    ("grey", "dtype", "verdict"),
    [(255, np.uint8, Verdict.FAIL), (65520, np.uint16, Verdict.FAIL), (37, np.uint8, Verdict.PASS)],
)
def test_a_white_film_is_found_white_and_nothing_is_said_of_spots_it_has_not(tmp_path, grey, dtype, verdict):
    path = tmp_path / "film.tif"
    tifffile.imwrite(path, np.full((20, 64, 80), grey, dtype=dtype), photometric="minisblack")
    with open_recording(path, frame_rate_hz=30.0, pixel_size_um=0.2, exposure_s=0.01) as source:
        found = by_name(analyze(source, stated_conditions(source.metadata, temperature_c=25.0)))
    assert found["full_scale"].verdict is verdict
    assert bool(found["full_scale"].advice) == (verdict is Verdict.FAIL)
    for name in OF_SPOTS:
        assert found[name].verdict is Verdict.NOT_ASSESSED, name
        assert found[name].value is None


def test_a_clean_blank_does_not_fail_for_being_clean():
    scene = load_scenario("blank")
    small = replace(scene, n_frames=60, camera=replace(scene.camera, width_px=160, height_px=120))
    simulation = simulate(small, seed=2)
    analysis = analyze(simulation, stated_conditions(simulation.metadata), load_profile("simulated"))
    found = by_name(analysis)
    assert analysis.sizes.distribution is None
    assert analysis.assessment.worst is Verdict.WARN
    for name in ("enough_tracks", "spots_per_frame_low"):
        assert found[name].verdict is Verdict.WARN
        assert "for a blank that is what is wanted" in found[name].advice
