"""A specification that is wrong is refused with its place; the template is right."""

import re

import pytest

from nta.errors import SettingError
from nta.qc import TEMPLATE, read_specification


def uncommented(template: str) -> str:
    return re.sub(r"^# (?=\[|\w+ = )", "", template, flags=re.M)


def test_the_template_is_a_specification_also_with_everything_in_it(tmp_path):
    path = tmp_path / "spec.toml"
    path.write_text(TEMPLATE, encoding="utf-8")
    assert len(read_specification(path).criteria) == 8
    path.write_text(uncommented(TEMPLATE), encoding="utf-8")
    full = read_specification(path)
    assert {c.section for c in full.criteria} == {
        "size", "window", "concentration", "tracks", "replicates", "blank", "beads", "detection_limit", "drift",
        "recording", "reference",
    }  # fmt: skip
    assert full.replicates
    blank = next(c for c in full.criteria if c.section == "blank")
    assert blank.given["result"] == (tmp_path / "blank",)  # paths are taken from the folder of the file


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("", "nothing is specified"),
        ("[sizes]\n", "unknown key 'sizes'"),
        ("[size]\nd50 = { at_most = 1 }", "'d50' is no number of a size distribution"),
        ("[size]\nd50_nm = 100", "write d50_nm = { at_least = ..., at_most = ... }, got 100"),
        ('[size]\nd50_nm = { at_least = "80 nm" }', "at_least must be a number, got '80 nm'"),
        ("[size]\nd50_nm = { at_least = -80 }", "d50_nm is never negative"),
        ("[replicates]\nd50_nm_cv = { at_most = 5 }", "0.05 for 5 %"),
        ("[beads]\nbias = { at_least = -5, at_most = 5 }", "0.05 for 5 %"),
        ("[reference]\nd50_ratio = { at_least = 90 }", "1.1 for 10 % more"),
        ("[reference]\ndistance = { at_most = 10 }", "0.10 for 10 %"),
        ("[window]\nlow_nm = 30", "write [[window]]"),
        ("[size]\nd50_nm = {}", "a limit needs at_least or at_most"),
        ("[size]\nd50_nm = { at_least = 2, at_most = 1 }", "at_least = 2 lies above at_most = 1"),
        ("[size]\nd50_nm = { atmost = 1 }", "unknown key 'atmost'"),
        ('[size]\nd50_nm = { at_most = 1, on = "point" }', 'on must be "interval" or "value"'),
        ("[[window]]\nlow_nm = 100\nhigh_nm = 30\nshare = { at_most = 1 }", "0 <= low_nm < high_nm"),
        ("[[window]]\nlow_nm = 30\nhigh_nm = 100\nshare = { at_most = 60 }", "0.6 for 60 %"),
        ("[replicates]\nat_least = 1", "2 or more"),
        ("[replicates]\nd50_nm = { at_most = 1 }", "unknown key 'd50_nm'"),
        ("[concentration]\nper_l = { at_most = 1 }", "unknown key 'per_l'"),
        ("[blank]\n", "names no limit"),
        ('[recording]\nat_worst = "bad"', "at_worst must be one of pass, warn, fail"),
        ("confidence = 2\n[tracks]\nat_least = 1", "confidence must be"),
        ("[tracks", "not valid TOML"),
    ],
)
def test_what_is_wrong_is_named(tmp_path, text, complaint):
    path = tmp_path / "spec.toml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(SettingError, match=re.escape(complaint)) as error:
        read_specification(path)
    assert "spec.toml" in str(error.value)
