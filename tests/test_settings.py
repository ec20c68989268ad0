import datetime
import tomllib
from dataclasses import replace

import pytest

from nta.calibration import InstrumentProfile, load_profile, profile_toml
from nta.errors import SettingError
from nta.settings import AnalysisSettings
from nta.simulation import load_scenario, scenario_from_mapping, scenario_to_toml


def test_nothing_said_is_the_default():
    assert AnalysisSettings.from_mapping({}) == AnalysisSettings()
    assert AnalysisSettings().changed() == {}


def test_what_is_said_is_changed_and_nothing_else(tmp_path):
    path = tmp_path / "mine.toml"
    path.write_text("[detection]\nthreshold_sd = 6\n[sizing]\nwindows_nm = [[30, 150], [50, 400]]\n")
    settings = AnalysisSettings.from_toml(path)
    assert settings.changed() == {
        "detection": {"threshold_sd": 6.0},
        "sizing": {"windows_nm": ((30.0, 150.0), (50.0, 400.0))},
    }
    assert AnalysisSettings.from_mapping(settings.as_mapping()) == settings


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[detektion]\n", r"unknown section \[detektion\]; there are assessment, detection"),
        (
            "[detection]\nthreshold = 5\n",
            r"mine\.toml \[detection\]: unknown key 'threshold'; there are .*threshold_sd",
        ),
        ("[detection]\nthreshold_sd = 'high'\n", r"threshold_sd must be a number, got 'high'"),
        ("threshold_sd = 5\n", r"mine\.toml: unknown key 'threshold_sd'; it belongs in \[detection\]"),
        (
            "[sizing]\nwindows_nm = [30, 150]\n",
            r"\[sizing\]: windows_nm must be a list, each item \[a number, a number\], got \[30, 150\]",
        ),
        ("[detection]\nthreshold_sd = -1\n", r"mine\.toml \[detection\]: .*threshold_sd.*-1"),
        (
            "[detection]\ncontrast = 'dim'\n",
            r"\[detection\]: contrast must be one of auto, bright, dark, got 'dim'",
        ),
        ("detection = 5\n", r"\[detection\]: expected a table, got 5"),
        ("[detection\n", r"mine\.toml: not valid TOML"),
    ],
)
def test_a_wrong_settings_file_is_refused_with_file_and_key(tmp_path, text, message):
    path = tmp_path / "mine.toml"
    path.write_text(text)
    with pytest.raises(SettingError, match=message):
        AnalysisSettings.from_toml(path)


def test_a_missing_settings_file_is_named(tmp_path):
    with pytest.raises(SettingError, match=r"gone\.toml: no such settings file"):
        AnalysisSettings.from_toml(tmp_path / "gone.toml")


def test_plain_data_is_not_taken_for_settings():
    with pytest.raises(SettingError, match=r"detection must be DetectionSettings, got dict; .*from_mapping"):
        AnalysisSettings(detection={"threshold_sd": 5})


STRANGE = ["one\rtwo", "a\tb\nc", 'c"d\\e', "f\x7fg\x01", "Größe", "🔬"]


@pytest.mark.parametrize("words", STRANGE)
def test_a_profile_of_any_name_is_read_again(tmp_path, words):
    date = datetime.date(2026, 3, 1)
    profile = InstrumentProfile(name=words, source=words, date=date, pixel_size_um=0.2, objective=words)
    path = tmp_path / "mine.toml"
    path.write_text(profile_toml(profile), encoding="utf-8")
    again = load_profile(path)
    assert (again.name, again.source, again.objective) == (words, words, words)


@pytest.mark.parametrize("words", STRANGE)
def test_a_scenario_of_any_description_is_read_again(words):
    scenario = replace(load_scenario("polystyrene_100nm"), description=words)
    assert scenario_from_mapping(tomllib.loads(scenario_to_toml(scenario))) == scenario
