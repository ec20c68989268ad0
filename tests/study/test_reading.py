"""A study file says what was done; a wrong one is refused with file, key and remedy."""

import tomllib

import pytest

from nta.errors import SettingError
from nta.study import TEMPLATE, read_study

GOOD = """
title = "one cycle"
[sample.donor]
source = "plasma"
[isolation.sec]
method = "size-exclusion chromatography"
column = "qEV"
[storage.fresh]
buffer = "PBS"
temperature_c = 4
[[preparation]]
name = "fresh"
arm = "reference"
sample = "donor"
isolation = "sec"
storage = "fresh"
dilution = 200
recordings = ["a.h5"]
[[preparation]]
name = "frozen"
arm = "test"
sample = "donor"
volume_ml = 1
"""


@pytest.fixture
def study_file(tmp_path):
    (tmp_path / "a.h5").write_bytes(b"")
    path = tmp_path / "study.toml"
    path.write_text(GOOD)
    return path


def test_a_good_study_is_read_with_paths_from_its_own_folder(study_file):
    study = read_study(study_file)
    assert [p.name for p in study.arm("reference")] == ["fresh"]
    assert study.arm("reference")[0].recordings == (study_file.parent / "a.h5",)
    assert study.groups == ("test",)
    assert study.isolations["sec"].column == "qEV"


def test_the_template_can_be_read_as_it_stands(tmp_path):
    path = tmp_path / "study.toml"
    path.write_text(TEMPLATE)
    assert {p.arm for p in read_study(path).preparations} == {"reference", "test"}


def test_every_control_of_the_template_is_valid_when_its_comment_signs_are_taken_away(tmp_path):
    lines = TEMPLATE.splitlines()
    start = next(i for i, line in enumerate(lines) if line.startswith("# Controls."))
    controls = "\n".join(line.removeprefix("# ") for line in lines[start + 1 :])
    path = tmp_path / "study.toml"
    path.write_text("\n".join(lines[:start]) + "\n" + controls)
    tomllib.loads(path.read_text())
    assert {p.arm for p in read_study(path).preparations} == {
        "reference", "test", "detergent", "blank", "sham", "beads",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('arm = "test"\n', "", r"\[\[preparation\]\] frozen: arm is missing; add arm = \"test\" \(one of reference"),
        ('arm = "test"', 'arm = "reference"', r"has no test arm.*arm = \"test\""),
        ('arm = "test"', 'arm = "tset"', r"frozen: arm = 'tset' is not one of reference, test, detergent"),
        ("volume_ml = 1", "volum_ml = 1", r"frozen: unknown key 'volum_ml'.*volume_ml"),
        ("volume_ml = 1", "volume_ul = 1000", r"frozen: unknown key 'volume_ul': wrong unit\? give volume_ml, in ml"),
        ("volume_ml = 1", 'volume_ml = "1 ml"', r"volume_ml = '1 ml' must be a number, in ml"),
        ("temperature_c = 4", "temperature_k = 277", r"\[storage.fresh\]: unknown key 'temperature_k'.*degrees Celsius"),
        ("temperature_c = 4", "temperature_c = 277", r"temperature_c = 277.*not kelvin"),
        ('"a.h5"', '"b.h5"', r"fresh: recordings: b\.h5 does not exist; paths start from the study's folder"),
        ('name = "frozen"', 'name = "fresh"', r"fresh: the name is used 2 times; give each tube a name of its own"),
        ("dilution = 200", "dilution = -200", r"fresh: dilution = -200 is no dilution; give the factor, 1 or more"),
        ('isolation = "sec"', 'isolation = "uc"', r"isolation = 'uc' leads nowhere; there are sec"),
        ('[[preparation]]\nname = "frozen"', '[preparatin]\nname = "frozen"', r"unknown key 'preparatin'; did you mean"),
        ("volume_ml = 1", 'recordings = ["a.h5"]', r"attaches .*a\.h5 twice"),
        ("volume_ml = 1", 'volume_ml = 1\n[[preparation]]\nname = "x"\narm = "detergent"', r"x: of = '' must name"),
        ("volume_ml = 1", 'volume_ml = 1\n[[preparation]]\nname = "x"\narm = "beads"', r"x: certificate is missing"),
        ("volume_ml = 1", "sealed_ratio = 90", r"frozen: sealed_ratio = 90 must be a share from 0 to 1; 90 % is 0\.9"),
        ("volume_ml = 1", 'group = "reference"', r"group = 'reference' is the name of an arm; call the group after"),
        ('name = "frozen"', 'name = " "', r"name = ' ' must be words on one line"),
        ('name = "frozen"', r'name = "a\nb"', r"name = 'a\\nb' must be words on one line"),
        ("volume_ml = 1", "volume_ml = 1,5", r"not valid TOML: .*; use a point: 1\.5 instead of 1,5"),
        ("volume_ml = 1", 'volume_ml = "1,5"', r"must be a number, in ml.*; write it without quotes, with a point"),
        ('title = "one cycle"', "", r"title is missing; add title"),
        ('title = "one cycle"', "title = one cycle", r"not valid TOML"),
    ],
)  # fmt: skip
def test_a_wrong_study_is_refused_with_file_key_and_remedy(study_file, old, new, message):
    assert old in GOOD
    study_file.write_text(GOOD.replace(old, new))
    with pytest.raises(SettingError, match=message) as refused:
        read_study(study_file)
    assert str(study_file) in str(refused.value)
    assert "\n" not in str(refused.value)


def test_a_copy_of_a_recording_is_that_recording(study_file):
    folder = study_file.parent
    for name, content in (("a.h5", b"one"), ("copy.h5", b"one"), ("other.h5", b"two")):
        (folder / name).write_bytes(content)
    study_file.write_text(GOOD.replace("volume_ml = 1", 'recordings = ["other.h5"]'))
    assert len(read_study(study_file).arm("test")[0].recordings) == 1
    study_file.write_text(GOOD.replace("volume_ml = 1", 'recordings = ["copy.h5"]'))
    with pytest.raises(SettingError, match=r"attaches .*a\.h5 and .*copy\.h5, which hold the same"):
        read_study(study_file)


def test_a_copy_of_results_is_that_result(study_file):
    for name in ("r1", "r2"):
        (study_file.parent / name).mkdir()
        (study_file.parent / name / "results.h5").write_bytes(b"results")
    study_file.write_text(GOOD.replace("volume_ml = 1", 'recordings = ["r1", "r2/results.h5"]'))
    with pytest.raises(SettingError, match="which hold the same"):
        read_study(study_file)


def test_folders_of_runs_and_procedures_hold_what_was_analysed_in_them(study_file):
    """Such a folder is none of images, and as long on the disk as any other."""
    folder = study_file.parent
    for name, content in (("run_1", b"one"), ("run_2", b"two"), ("again", b"one")):
        (folder / name / "analysis").mkdir(parents=True)
        (folder / name / "analysis" / "results.h5").write_bytes(content)
    attached = GOOD.replace('"a.h5"', '"run_1"').replace("volume_ml = 1", 'recordings = ["{}"]')
    study_file.write_text(attached.format("run_2"))
    assert len(read_study(study_file).preparations) == 2
    study_file.write_text(attached.format("again"))
    with pytest.raises(SettingError, match=r"run_1.*and .*again.*, which hold the same"):
        read_study(study_file)


def test_a_study_that_does_not_exist_says_how_to_make_one(tmp_path):
    with pytest.raises(SettingError, match=r"no such study file; make one with nta study init"):
        read_study(tmp_path / "study.toml")
