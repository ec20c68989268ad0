"""Findings on recordings with nothing to size: a white film, and a clean blank."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
import tifffile

from nta.assessment import Finding, Verdict
from nta.assessment.limits import load_limits
from nta.assessment.recording.frames import codec, exposure, frame_rate, interlaced, losses
from nta.assessment.recording.instrument import foreign_profile, steadiness
from nta.calibration import InstrumentProfile, load_profile
from nta.circumstances import known_conditions
from nta.diffusion import NoiseModel
from nta.frames import CameraState, RecordingReport
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
        found = by_name(analyze(source, known_conditions(source.metadata, temperature_c=25.0)))
    assert found["full_scale"].verdict is verdict
    assert bool(found["full_scale"].advice) == (verdict is Verdict.FAIL)
    for name in OF_SPOTS:
        assert found[name].verdict is Verdict.NOT_ASSESSED, name
        assert found[name].value is None


def _drawn(rng, *, fields, row_noise):
    """One image of moving spots and noise, whose odd rows may be of a moment later."""
    y, x = np.mgrid[:90, :120]
    image = rng.normal(20, 1, (90, 120)) + row_noise * rng.normal(0, 1, (90, 1))
    for _ in range(15):
        at, step = rng.uniform(5, 85, 2), rng.normal(0, 1.5, 2)
        late = (y % 2) * fields
        image += 60 * np.exp(-((y - at[0] - late * step[0]) ** 2 + (x - at[1] - late * step[1]) ** 2) / 3.0)
    return image.astype(np.float32)


@pytest.mark.parametrize(
    ("fields", "row_noise", "told"), [(False, 0.0, False), (False, 3.0, False), (True, 0.0, True)]
)
def test_rows_of_two_moments_are_told_and_rows_of_a_noisy_camera_are_not(rng, fields, row_noise, told):
    for _ in range(10):
        scene = SimpleNamespace(
            has_borders=True, background=20.0, example_image=_drawn(rng, fields=fields, row_noise=row_noise)
        )
        evidence = SimpleNamespace(
            spots=SimpleNamespace(scene=scene), limits=load_limits("recording_quality")
        )
        assert bool([*interlaced(evidence)]) is told


@pytest.mark.parametrize(("offset", "told"), [(0, True), (12, False)])
def test_noise_that_was_cut_off_at_black_is_told(tmp_path, rng, offset, told):
    path = tmp_path / "film.tif"
    noise = np.clip(rng.normal(offset, 2, (20, 64, 80)), 0, 255).astype(np.uint8)
    tifffile.imwrite(path, noise, photometric="minisblack")
    with open_recording(path, frame_rate_hz=30.0, pixel_size_um=0.2, exposure_s=0.01) as source:
        found = by_name(analyze(source, known_conditions(source.metadata, temperature_c=25.0)))
    assert ("clipped_at_black" in found) is told


def test_a_clean_blank_does_not_fail_for_being_clean():
    scene = load_scenario("blank")
    small = replace(scene, n_frames=60, camera=replace(scene.camera, width_px=160, height_px=120))
    for kind, verdict in (("sample", Verdict.WARN), ("blank", Verdict.PASS)):
        simulation = simulate(small, seed=2)
        conditions = known_conditions(simulation.metadata)
        analysis = analyze(simulation, conditions, load_profile("simulated"), kind=kind)
        found = by_name(analysis)
        assert analysis.sizes.distribution is None
        assert analysis.assessment.worst is verdict
        for name in ("enough_tracks", "spots_per_frame_low"):
            assert found[name].verdict is verdict
        for name in ("free_diffusion", "isotropic_motion"):
            assert (found[name].verdict, found[name].evidence) == (Verdict.NOT_ASSESSED, "too few tracks")
        for name in ("enough_tracks", "spots_per_frame_low"):
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
        sized=SimpleNamespace(diffusion=SimpleNamespace(frame_interval_s=1 / 60)),
        limits=load_limits("recording_quality"),
    )
    assert frame_rate(evidence).verdict is verdict


@pytest.mark.parametrize(
    ("report", "verdict", "told"),
    [
        ({"claimed_frames": 120, "found_frames": 120}, Verdict.PASS, ""),
        (
            {"claimed_frames": 120, "found_frames": 115, "lost_frames": 5},
            Verdict.WARN,
            "; the file claims 120",
        ),
        ({"found_frames": 115, "truncated": True}, Verdict.WARN, "; the file is cut off"),
        (
            {"claimed_frames": 120, "found_frames": 75, "damaged_frames": 5, "truncated": True},
            Verdict.WARN,
            "; the file is cut off: 40 of the 120 frames that it claims lie behind the cut",
        ),
    ],
)
def test_how_much_of_a_recording_is_missing_is_said(report, verdict, told):
    evidence = SimpleNamespace(report=RecordingReport(**report), limits=load_limits("recording_quality"))
    found, _ = losses(evidence)
    assert found.verdict is verdict
    assert found.evidence.partition(" found")[2] == told


def test_a_profile_of_another_camera_is_told_in_words():
    camera = CameraState(width_px=9, height_px=9, bit_depth=8, pixel_size_um=0.25, gain_e_per_adu=6.0)
    profile = InstrumentProfile(name="bench", pixel_size_um=0.2, gain_e_per_adu=2.5)
    (found,) = foreign_profile(SimpleNamespace(sized=SimpleNamespace(camera=camera, profile=profile)))
    assert found.verdict is Verdict.WARN
    assert found.evidence == (
        "the profile bench differs from the recording in pixel size: 0.2 um, the recording has 0.25 um; "
        "gain: 2.5 e/adu, the recording has 6 e/adu"
    )


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
    found = codec(evidence, [])
    assert found.verdict is Verdict.WARN
    assert ("faint particles are gone" in found.evidence) is ruined


@pytest.mark.parametrize(
    ("doubted", "verdict"),
    [
        ({"immobile_tracks"}, Verdict.WARN),  # a dirty cell
        ({"mixed_tracks", "exposure"}, Verdict.WARN),
        ({"immobile_tracks", "mixed_tracks"}, Verdict.FAIL),
        ({"immobile_tracks", "exposure"}, Verdict.FAIL),
    ],
)
def test_a_codec_that_copies_the_picture_fails(doubted, verdict):
    evidence = SimpleNamespace(
        report=SimpleNamespace(lossy_codec="h264"), spots=SimpleNamespace(scene=SimpleNamespace(clutter=1.1))
    )
    found = [
        Finding(name=name, title=name, verdict=Verdict.WARN if name in doubted else Verdict.PASS)
        for name in ("immobile_tracks", "mixed_tracks", "exposure")
    ]
    assert codec(evidence, found).verdict is verdict


@pytest.mark.parametrize(
    ("scale", "rel_std", "verdict"),
    [
        (0.3, 0.15, Verdict.WARN),
        (0.64, 0.1, Verdict.WARN),
        (0.55, 0.62, Verdict.PASS),
        (0.9, 0.02, Verdict.PASS),
    ],
)
def test_an_exposure_is_doubted_only_beyond_chance(scale, rel_std, verdict):
    noise = NoiseModel(variance_scale=scale, variance_scale_rel_std=rel_std)
    diffusion = SimpleNamespace(exposure_s=0.006, frame_interval_s=1 / 30, noise=noise)
    assert exposure(SimpleNamespace(sized=SimpleNamespace(diffusion=diffusion))).verdict is verdict
