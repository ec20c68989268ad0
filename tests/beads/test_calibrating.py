"""Calibration closes the loop: what a bead run says of the simulated instrument is what the instrument is."""

from dataclasses import replace

import pytest

from nta.beads import CalibrationError, calibrated_profile, measure_beads
from nta.calibration import load_certificate, load_profile, profile_toml
from nta.cli import main
from nta.errors import MissingInputError
from nta.pipeline import analyze, stated_conditions
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
    return simulation, base, analyze(simulation, stated_conditions(simulation.metadata), base, settings)


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
