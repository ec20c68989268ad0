import csv
import datetime
import math
from pathlib import Path

import pytest

from nta.calibration import (
    SampleConditions,
    calibration_folder,
    list_media,
    load_certificate,
    load_medium,
    load_profile,
)
from nta.errors import MissingInputError, SettingError
from nta.physics import diameter_nm, water_viscosity_pa_s

REFERENCES = Path(__file__).parent / "references"

PROFILE = """
name = "bench 3"
source = "stage micrometer 12-345"
date = 2026-03-01
pixel_size = { value = 166, unit = "nm", std = 2 }
gain = { value = 2.1, unit = "e/ADU", source = "photon transfer curve", date = 2026-02-01 }
"""

CERTIFICATE = """
name = "NS100"
material = "polystyrene"
method = "TEM"
lot = "1234"
document = "certificate 99"
source = "the maker"
date = 2026-01-01
diameter = { value = 0.102, unit = "um", expanded_uncertainty = 0.004, k = 2 }
"""


def _written(folder, text, name="mine.toml"):
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def _solutions():
    lines = (REFERENCES / "aqueous_solutions_20c.csv").read_text().splitlines()
    return list(csv.DictReader(line for line in lines if not line.startswith("#")))


# --- where it is looked for ---------------------------------------------------------------------------------


def test_the_folder_is_the_given_one_then_the_environments_then_the_projects(tmp_path, monkeypatch):
    monkeypatch.delenv("NTA_CALIBRATION", raising=False)
    assert (calibration_folder() / "media" / "water.toml").is_file()
    other = tmp_path / "other"
    other.mkdir()
    monkeypatch.setenv("NTA_CALIBRATION", str(other))
    assert calibration_folder() == other
    assert calibration_folder(tmp_path) == tmp_path


def test_a_folder_that_is_not_there_is_refused(tmp_path, monkeypatch):
    monkeypatch.setenv("NTA_CALIBRATION", str(tmp_path / "gone"))
    with pytest.raises(SettingError, match=r"NTA_CALIBRATION.*gone.*no such folder"):
        calibration_folder()


def test_an_unknown_name_lists_the_known_ones():
    with pytest.raises(SettingError, match=r"'honey'.*glycerol, pbs, sucrose, water"):
        load_medium("honey")


# --- profiles -----------------------------------------------------------------------------------------------


def test_a_profile_is_read_in_the_units_of_its_fields(tmp_path):
    profile = load_profile(_written(tmp_path, PROFILE))
    assert profile.pixel_size_um == pytest.approx(0.166)
    assert profile.pixel_size_rel_std == pytest.approx(2 / 166)
    assert profile.date == datetime.date(2026, 3, 1)
    assert profile.sources["gain_e_per_adu"] == "photon transfer curve (2026-02-01)"
    assert profile.sources["pixel_size_um"] == "stage micrometer 12-345 (2026-03-01)"
    assert profile.numerical_aperture is None


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("gain =", "gian =", r"unknown key 'gian'"),
        ('166, unit = "nm"', "166", r"pixel_size: unit is missing"),
        ('{ value = 166, unit = "nm", std = 2 }', "0.166", r"pixel_size has no unit"),
        ('unit = "nm"', 'unit = "inch"', r"unit 'inch' is not understood; use um or nm"),
        ("value = 166", "value = -166", r"pixel_size_um must be > 0"),
        ("value = 166", "value = nan", r"value must be finite"),
        ("std = 2", "std = -2", r"std must be >= 0"),
        ("std = 2", "std = 2, rel_std = 0.1", r"give one of std and rel_std"),
        ('source = "stage micrometer 12-345"', "", r"source is missing"),
        ("date = 2026-03-01", "", r"date is missing"),
        ('name = "bench 3"', "", r"name is missing"),
        ('name = "bench 3"', "name = 3", r"name must be a text in quotes, got 3"),
        ('name = "bench 3"', "name = bench", r"not valid TOML"),
    ],
)
def test_a_faulty_profile_is_refused_with_file_and_key(tmp_path, old, new, said):
    path = _written(tmp_path, PROFILE.replace(old, new))
    with pytest.raises(SettingError, match=said) as caught:
        load_profile(path)
    assert str(path) in str(caught.value)


def test_every_file_of_the_project_reads_and_says_where_its_numbers_come_from():
    folder = calibration_folder()
    for path in (folder / "instruments").glob("*.toml"):
        profile = load_profile(path)
        assert profile.source
        assert profile.date
    for path in (folder / "beads").glob("*.toml"):
        assert load_certificate(path).source
    assert {"water", "pbs", "sucrose", "glycerol"} <= set(list_media())


# --- certificates -------------------------------------------------------------------------------------------


def test_a_certificate_gives_a_standard_uncertainty_from_the_expanded_one(tmp_path):
    bead = load_certificate(_written(tmp_path, CERTIFICATE))
    assert bead.diameter_nm == pytest.approx(102.0)
    assert bead.diameter_std_nm == pytest.approx(2.0)
    assert not bead.is_example


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('source = "the maker"', "", "source is missing"),
        ('source = "the maker"', 'source = ""', "source is empty"),
        (", expanded_uncertainty = 0.004, k = 2", "", "diameter has no uncertainty"),
        (", k = 2", "", "k is missing"),
        ('lot = "1234"', "", "lot is missing"),
        ("value = 0.102", 'value = "100"', "value must be a number, got '100'"),
    ],
)
def test_a_certificate_without_source_or_uncertainty_is_refused(tmp_path, old, new, said):
    with pytest.raises(SettingError, match=rf"mine\.toml.*{said}"):
        load_certificate(_written(tmp_path, CERTIFICATE.replace(old, new)))


def test_what_is_shipped_as_beads_is_marked_as_an_example():
    assert load_certificate("example_polystyrene_100nm").is_example


# --- media --------------------------------------------------------------------------------------------------


def test_water_is_the_correlation_itself():
    assert load_medium("water").viscosity_pa_s(25.0) == water_viscosity_pa_s(25.0)


@pytest.mark.parametrize("row", _solutions(), ids=lambda row: f"{row['solute']}-{row['mass_percent']}")
def test_solutions_follow_the_published_table_at_20_c(row):
    medium = load_medium(f"{row['solute']} {row['mass_percent']} %")
    # sucrose is this very table, so what is left is interpolation; glycerol is another author's
    tolerance = 0.003 if row["solute"] == "sucrose" else 0.013
    relative = medium.viscosity_pa_s(20.0) / water_viscosity_pa_s(20.0)
    assert relative == pytest.approx(float(row["viscosity_mpas"]) / 1.002, rel=tolerance)
    index = medium.refractive_index(589.3) - load_medium("water").refractive_index(589.3)
    assert index == pytest.approx(float(row["refractive_index"]) - 1.3330, abs=3e-4)


@pytest.mark.parametrize(
    ("temperature", "percent"), [(20, 10), (20, 30), (25, 20), (30, 40), (35, 50), (10, 15)]
)
def test_glycerol_agrees_with_the_formula_of_cheng(temperature, percent):
    """Cheng, Ind. Eng. Chem. Res. 47, 3285 (2008), with his own viscosity of water in the ratio."""
    t, c = temperature, percent / 100
    a = 0.705 - 0.0017 * t
    b = (4.9 + 0.036 * t) * a**2.5
    alpha = 1 - c + a * b * c * (1 - c) / (a * c + b * (1 - c))
    water = 1.790 * math.exp((-1230 - t) * t / (36100 + 360 * t))
    glycerol = 12100 * math.exp((-1233 + t) * t / (9900 + 70 * t))
    formula = (glycerol / water) ** (1 - alpha)
    ours = load_medium(f"glycerol {percent} %").viscosity_pa_s(t) / water_viscosity_pa_s(float(t))
    assert ours == pytest.approx(formula, rel=0.025)


def test_refractive_index_of_water_is_that_of_the_handbook():
    water = load_medium("water")
    assert water.refractive_index(589.3, 20.0) == pytest.approx(
        1.3334, abs=2e-4
    )  # 1.33336, vacuum wavelength
    assert water.refractive_index(488.0, 20.0) > water.refractive_index(660.0, 20.0)


@pytest.mark.parametrize("spelling", ["sucrose 10 %", "sucrose 10%", "sucrose:10", "Sucrose 10.0 % w/w"])
def test_a_solution_is_named_with_its_content(spelling):
    assert load_medium(spelling).mass_percent == 10.0


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("sucrose", "needs its content in mass per cent"),
        ("sucrose 60 %", "from 0 to 40 % by mass, got 60 %"),
        ("pbs 10 %", "fixed composition"),
    ],
)
def test_a_content_that_is_missing_or_impossible_is_refused(name, said):
    with pytest.raises(SettingError, match=said):
        load_medium(name)


def test_outside_a_mediums_temperatures_is_an_error_naming_range_and_value():
    with pytest.raises(SettingError, match=r"pbs is known from 4 to 40 °C, got 50 °C"):
        load_medium("pbs").viscosity_pa_s(50.0)


def test_a_faulty_medium_is_refused(tmp_path):
    text = (calibration_folder() / "media" / "pbs.toml").read_text()
    for old, new, said in [
        ("rel_std = 0.004\n", "", "rel_std is missing"),
        ("relative = [[1.020]]", "relative = [[1.020, 1.0]]", "1 rows .* of 1 values"),
        ("relative = [[1.020]]", "relative = [[-1.0]]", "must be > 0"),
        ("valid_c = [4.0, 40.0]", "valid_c = [40.0, 4.0]", "two rising numbers"),
        ("per_kelvin", "perkelvin", "per_kelvin is missing"),
    ]:
        assert old in text
        with pytest.raises(SettingError, match=rf"mine\.toml \[.*{said}"):
            load_medium(str(_written(tmp_path, text.replace(old, new))))


# --- conditions ---------------------------------------------------------------------------------------------


def test_without_a_temperature_the_message_says_what_and_how():
    with pytest.raises(MissingInputError, match=r"temperature of the sample.*--temperature"):
        SampleConditions().viscosity_pa_s()
    with pytest.raises(MissingInputError, match="temperature"):
        SampleConditions(viscosity_mpas=1.0).viscosity_pa_s()


def test_a_measured_viscosity_stands_before_the_mediums():
    conditions = SampleConditions(temperature_c=60.0, medium="nothing known", viscosity_mpas=1.5)
    assert conditions.viscosity_pa_s() == pytest.approx(1.5e-3)
    assert conditions.viscosity_relative_std() is None


@pytest.mark.parametrize(
    ("medium", "per_c"), [("water", 0.0257), ("glycerol 50 %", 0.0389), ("sucrose 40 %", 0.0377)]
)
def test_the_uncertainty_of_every_diameter_is_that_of_moving_the_temperature(medium, per_c):
    conditions = SampleConditions(temperature_c=25.0, temperature_std_c=0.3, medium=medium)

    def size(temperature):
        return diameter_nm(4.0, temperature, load_medium(medium).viscosity_pa_s(temperature))

    moved = (size(25.3) - size(24.7)) / (2 * size(25.0))
    of_viscosity = conditions.viscosity_relative_std()
    assert conditions.relative_std() == pytest.approx(math.hypot(moved, of_viscosity), rel=1e-3)
    assert moved == pytest.approx(per_c * 0.3, rel=0.02)


def test_where_a_mediums_data_end_the_slope_is_one_sided():
    medium = load_medium("glycerol 50 %")
    low, high = medium.viscosity.valid_c
    for end in (low, high):
        inside = end + math.copysign(0.2, (low + high) / 2 - end)
        assert medium.log_viscosity_per_c(end) == pytest.approx(medium.log_viscosity_per_c(inside), rel=0.02)


def test_with_a_given_viscosity_only_k_t_moves():
    conditions = SampleConditions(
        temperature_c=25.0, temperature_std_c=1.0, viscosity_mpas=0.9, viscosity_rel_std=0.02
    )
    assert conditions.relative_std() == pytest.approx(math.hypot(1 / 298.15, 0.02))


@pytest.mark.parametrize(
    "wrong",
    [
        {"temperature_c": 298.15},
        {"temperature_c": math.nan},
        {"temperature_std_c": -1.0},
        {"viscosity_mpas": 0.0},
        {"viscosity_rel_std": 2.0},
        {"dilution": 0.5},
        {"temperature_c": "25"},
        {"dilution": "1:100"},
        {"medium": None},
        {"temperature_std_c": None},
        {"sample": 7},
    ],
)
def test_impossible_conditions_are_refused(wrong):
    with pytest.raises(SettingError, match=next(iter(wrong))):
        SampleConditions(**wrong)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [('unit = "nm"', 'unit = ["nm"]', "unit"), ("value = 166", "value = true", "value")],
)
def test_a_value_of_the_wrong_type_is_refused_by_name(tmp_path, old, new, message):
    with pytest.raises(SettingError, match=message):
        load_profile(_written(tmp_path, PROFILE.replace(old, new)))
