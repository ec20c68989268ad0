"""Calibration closes the loop: what a bead run says of the simulated instrument is what the instrument is."""

import re
from dataclasses import replace

import numpy as np
import pytest

from made.analysis import make_analysis
from nta.beads import BeadRun, CalibrationError, calibrated_profile, measure_beads, size_ratio
from nta.calibration import calibration_folder, load_certificate, load_profile, profile_toml
from nta.circumstances import known_conditions
from nta.cli import main
from nta.errors import MissingInputError
from nta.pipeline import analyze
from nta.settings import AnalysisSettings
from nta.simulation import simulate
from nta.sizes import SizingSettings
from nta.spots import DetectionSettings
from nta.visibility import VisibilitySettings

TRUE = load_profile("simulated")
CERTIFICATE = load_certificate("example_polystyrene_100nm")


@pytest.fixture(scope="module")
def beads():
    """300 frames of beads, analysed with a profile that knows the optics and guesses the depth."""
    base = replace(TRUE, sheet_width_um=8.0, brightness_e_per_ms_nm2=None, spot_width_px=None)
    simulation = simulate("polystyrene_100nm", n_frames=300, seed=3)
    settings = AnalysisSettings(
        detection=DetectionSettings(split_overlapping=False),
        sizing=SizingSettings(repeats=50),
        visibility=VisibilitySettings(refractive_index=CERTIFICATE.refractive_index),
    )
    return simulation, base, analyze(simulation, known_conditions(simulation.metadata), base, settings)


@pytest.mark.slow
def test_the_bead_run_gives_the_instrument_back(beads, tmp_path):
    simulation, base, analysis = beads
    result = measure_beads(analysis, CERTIFICATE, simulation.scenario.concentration_per_ml)
    assert result.agrees
    assert result.size_ratio == pytest.approx(1.0, abs=0.04)
    profile = calibrated_profile(result, base, "mine")
    assert profile.sheet_width_um == pytest.approx(TRUE.sheet_width_um, rel=0.2)
    assert profile.brightness_e_per_ms_nm2 == pytest.approx(TRUE.brightness_e_per_ms_nm2, rel=0.25)
    assert profile.spot_width_px == pytest.approx(TRUE.spot_width_px, rel=0.05)
    path = tmp_path / "mine.toml"
    path.write_text(profile_toml(profile), encoding="utf-8")
    again = load_profile(path)
    assert again.sheet_width_um == pytest.approx(profile.sheet_width_um, rel=1e-4)
    assert again.rel_std("brightness_e_per_ms_nm2") == pytest.approx(
        profile.rel_std("brightness_e_per_ms_nm2"), rel=1e-2
    )
    assert again.pixel_size_rel_std == pytest.approx(result.size_ratio_std / 2, rel=1e-2)
    assert CERTIFICATE.lot in again.sources["brightness_e_per_ms_nm2"]
    assert again.date == result.date
    assert again.sheet_is_anchored
    assert not base.sheet_is_anchored


@pytest.mark.slow
def test_beads_improve_on_what_was_known_of_the_pixel_size(beads):
    """A doubtful pixel size is in the size of the beads, and not in what these say of the pixel size."""
    analysis = beads[2]
    doubtful = replace(
        analysis, sizes=replace(analysis.sizes, budget={**analysis.sizes.budget, "pixel size": 0.06})
    )
    d50 = analysis.sizes.summary["d50_nm"]
    half = np.hypot(d50.half_width, 1.96 * 0.06 * d50.value)
    wide = replace(d50, low=d50.value - half, high=d50.value + half)
    doubtful = replace(
        doubtful, sizes=replace(doubtful.sizes, summary={**analysis.sizes.summary, "d50_nm": wide})
    )
    before, after = measure_beads(analysis, CERTIFICATE), measure_beads(doubtful, CERTIFICATE)
    assert after.size_ratio_std > 0.06
    assert after.numbers["pixel_size_um"].rel_std == pytest.approx(
        before.numbers["pixel_size_um"].rel_std, rel=0.01
    )


@pytest.mark.slow
def test_beads_that_are_not_what_they_are_called_are_noticed(beads):
    wrong = replace(CERTIFICATE, diameter_nm=125.0, diameter_std_nm=1.5)
    result = measure_beads(beads[2], wrong)
    assert not result.agrees
    assert result.pixel_size_factor == pytest.approx((100 / 125) ** 0.5, rel=0.03)


@pytest.mark.slow
def test_what_cannot_calibrate_is_refused(beads):
    analysis = beads[2]
    with pytest.raises(MissingInputError, match="refractive_index"):
        measure_beads(analysis, replace(CERTIFICATE, refractive_index=None))
    nothing = {"d50_nm": replace(analysis.sizes.summary["d50_nm"], value=None)}
    with pytest.raises(CalibrationError, match="no size"):
        measure_beads(replace(analysis, sizes=replace(analysis.sizes, summary=nothing)), CERTIFICATE)


def test_the_command_refuses_before_it_works(tmp_path, capsys):
    taken = tmp_path / "profile.toml"
    taken.write_text("")
    words = ["calibrate", str(tmp_path / "beads.h5"), "--certificate", "example_polystyrene_100nm"]
    assert main([*words, "-o", str(taken)]) == 1
    assert "--profile" in capsys.readouterr().err
    assert main([*words, "--profile", "simulated", "-o", str(taken)]) == 1
    assert "exists" in capsys.readouterr().err


@pytest.mark.slow
def test_a_camera_that_was_estimated_is_not_calibrated_by_that(beads):
    analysis = beads[2]
    scene = analysis.spots.scene
    guessed = replace(scene, camera=replace(scene.camera, source="estimated", offset_adu=-8.0))
    result = measure_beads(replace(analysis, spots=replace(analysis.spots, scene=guessed)), CERTIFICATE)
    assert "brightness_e_per_ms_nm2" in result.numbers
    assert not {"gain_e_per_adu", "offset_adu", "read_noise_e"} & set(result.numbers)


@pytest.mark.slow
def test_an_interval_of_another_confidence_is_the_same_uncertainty(beads):
    analysis = beads[2]
    narrow = replace(analysis.sizes.distribution, confidence=0.6827)
    exact = replace(CERTIFICATE, diameter_std_nm=0.0)
    at_95 = size_ratio(analysis, exact)[1]
    as_68 = size_ratio(replace(analysis, sizes=replace(analysis.sizes, distribution=narrow)), exact)[1]
    assert as_68 == pytest.approx(1.96 * at_95, rel=1e-3)


def test_the_light_of_beads_needs_a_refractive_index_before_the_long_work(tmp_path, capsys):
    certificate = tmp_path / "plain.toml"
    words = (calibration_folder() / "beads" / "example_polystyrene_100nm.toml").read_text()
    certificate.write_text("\n".join(row for row in words.splitlines() if not row.startswith("refractive")))
    asked = [
        "calibrate",
        str(tmp_path / "no.h5"),
        "--certificate",
        str(certificate),
        "--profile",
        "simulated",
    ]
    assert main([*asked, "-o", str(tmp_path / "mine.toml")]) == 1
    assert "--refractive-index" in capsys.readouterr().err
    assert main([*asked, "--refractive-index", "1.59", "-o", str(tmp_path / "mine.toml")]) == 1
    assert "no.h5" in capsys.readouterr().err  # the next thing that is missing


@pytest.mark.slow
def test_a_profile_remembers_beads_that_were_not_the_size_they_should_be(beads):
    wrong = replace(CERTIFICATE, diameter_nm=125.0, diameter_std_nm=1.5)
    number = measure_beads(beads[2], wrong).numbers["pixel_size_um"]
    assert number.rel_std > 0.09
    assert re.search(r"came out at 0\.(78|79|80|81)", number.evidence)
    assert "checked" not in number.evidence


def test_no_profile_is_made_of_a_run_that_failed_though_its_size_agrees(tmp_path, capsys, monkeypatch):
    few = make_analysis(np.random.default_rng(1), n_tracks=60, median_nm=112)
    asked = ["calibrate", "beads.h5", "--certificate", "example_polystyrene_100nm", "--profile", "simulated"]
    asked += ["-o", str(tmp_path / "mine.toml")]

    def measured(analysis, certificate, _):
        ratio, std = size_ratio(analysis, certificate)
        said = {"date": few.profile.date, "recording": few.provenance.recording, "numbers": {}}
        return BeadRun(certificate=certificate, size_ratio=ratio, size_ratio_std=std, **said)

    assert measured(few, CERTIFICATE, None).agrees
    monkeypatch.setattr("nta.cli.calibrate.analyze_recording", lambda *_: few)
    monkeypatch.setattr("nta.cli.calibrate.measure_beads", measured)
    assert main(asked) == 1
    out, err = capsys.readouterr()
    assert "FAIL  Number of tracks" in out
    assert "fails this run (Number of tracks" in err
    assert "--force" in err
    assert not (tmp_path / "mine.toml").exists()
    assert main([*asked, "--force"]) == 0
    assert "FAIL  Number of tracks" in capsys.readouterr().out
    assert load_profile(tmp_path / "mine.toml").name == "mine"
