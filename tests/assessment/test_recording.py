"""Findings on recordings with nothing to size: a white film, and a clean blank."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
import tifffile

from nta.assessment import Verdict
from nta.assessment.limits import load_limits
from nta.assessment.recording.frames import codec, frame_rate
from nta.assessment.recording.instrument import steadiness
from nta.calibration import load_profile
from nta.circumstances import stated_conditions
from nta.io.recordings import open_recording
from nta.pipeline import analyze
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
    for kind, verdict in (("sample", Verdict.WARN), ("blank", Verdict.PASS)):
        simulation = simulate(small, seed=2)
        conditions = stated_conditions(simulation.metadata)
        analysis = analyze(simulation, conditions, load_profile("simulated"), kind=kind)
        found = by_name(analysis)
        assert analysis.sizes.distribution is None
        assert analysis.assessment.worst is verdict
        for name in ("enough_tracks", "spots_per_frame_low"):
            assert found[name].verdict is verdict
            assert ("say --kind blank" in found[name].advice) == (kind == "sample")


@pytest.mark.parametrize(
    ("times_s", "verdict"),
    [
        (np.round(np.arange(60) / 60, 3), Verdict.PASS),  # a clock in whole milliseconds
        (np.arange(60) / 60 + 3600.0 * (np.arange(60) > 30), Verdict.PASS),  # one that was set
        (np.arange(60) / 30, Verdict.FAIL),
        (np.zeros(60), Verdict.FAIL),
        (np.arange(60) % 30 / 60, Verdict.FAIL),
        (np.r_[np.arange(59) / 60, 0.0], Verdict.FAIL),
    ],
    ids=["milliseconds", "set", "half", "stands", "goes back", "back to its start"],
)
def test_the_rate_is_held_against_the_clock_of_the_recording(times_s, verdict):
    scene = SimpleNamespace(n_frames=60, frame_index=np.arange(60), frame_time_s=times_s)
    evidence = SimpleNamespace(
        spots=SimpleNamespace(scene=scene),
        metadata={"clock": "device"},
        run=SimpleNamespace(diffusion=SimpleNamespace(frame_interval_s=1 / 60)),
        limits=load_limits("recording_quality"),
    )
    assert frame_rate(evidence).verdict is verdict


@pytest.mark.parametrize(
    ("name", "values", "verdicts"),
    [
        ("laser_mw", [12.0, 12.1, 50.0], [Verdict.FAIL]),
        ("laser_mw", [50.0, 44.0], [Verdict.WARN]),
        ("laser_mw", [50.0, 49.2, np.nan], [Verdict.PASS]),
        ("laser_mw", [0.0, 0.0], []),
        ("focus_um", [7.5, 7.5, 0.0], [Verdict.FAIL]),
        ("focus_um", [-0.01, 0.01], [Verdict.PASS]),
        ("focus_um", [3.0], []),
        ("pump_ul_min", [0.0, 5.0], []),
    ],
)
def test_what_moves_during_a_recording_is_found(name, values, verdicts):
    telemetry = {name: {"host_time_ns": np.arange(len(values)), "value": np.array(values)}}
    evidence = SimpleNamespace(metadata={"telemetry": telemetry}, limits=load_limits("recording_quality"))
    assert [finding.verdict for finding in steadiness(evidence)] == verdicts


@pytest.mark.parametrize(("clutter", "ruined"), [(1.1, False), (3.4, False), (26.0, True), (150.0, True)])
def test_a_codec_that_left_no_noise_is_told_from_one_that_did(clutter, ruined):
    evidence = SimpleNamespace(
        report=SimpleNamespace(lossy_codec="h264"),
        spots=SimpleNamespace(scene=SimpleNamespace(clutter=clutter)),
    )
    found = codec(evidence)
    assert found.verdict is Verdict.WARN
    assert ("faint particles are gone" in found.evidence) is ruined
