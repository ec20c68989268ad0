"""A procedure is read whole or refused by file, table and key."""

import math

import pytest
from scipy import stats

from nta.cli import main
from nta.errors import SettingError
from nta.sop import read_procedure, spread_over_videos

ONE = "[measurement]\nvideos = 1\nduration_s = 1\n"


def test_the_template_is_a_good_procedure(tmp_path, capsys):
    path = tmp_path / "sop.toml"
    assert main(["sop", "init", str(path), "-q"]) == 0
    procedure = read_procedure(path)
    assert procedure.stages() == ("beads", "blank", "sample")
    assert [step.name for step in procedure.steps("sample")] == [f"video_{i}" for i in range(1, 6)]
    assert procedure.device.exposure_s == pytest.approx(0.015)
    assert procedure.conditions == {"sample": "donor 1", "medium": "pbs", "dilution": 200}
    assert main(["sop", "check", str(path)]) == 0
    assert "5 of sample" in capsys.readouterr().err
    assert main(["sop", "init", str(path)]) == 1, "what is there is not overwritten"


def test_positions_and_pump_steps_are_spelled_out(write):
    measurement = "[measurement]\nvideos = 2\nduration_s = 1\n"
    places = read_procedure(write(measurement + "positions_um = [-5, 0, 5]\n")).steps("sample")
    assert [step.focus_um for step in places] == [-5, -5, 0, 0, 5, 5]
    assert len({step.name for step in places}) == 6
    pumped = read_procedure(write(measurement + "pump_steps = 2\npump_ul_min = 5\npump_s = 1\n")).steps(
        "sample"
    )
    assert [step.fresh for step in pumped] == [True, False, True, False]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            "[measurement]\nvideo = 3\nduration_s = 1\n",
            r"\[measurement\].*unknown key 'video'; there are .*videos",
        ),
        ("[measurement]\nduration_s = 1\n", r"\[measurement\].*videos is missing"),
        (ONE + "typo_s = 3\n", r"\[measurement\].*unknown key 'typo_s'; there are .*duration_s, .*settle_s"),
        (ONE + "settle_s = -1\n", "settle_s must be >= 0"),
        ("[measurement]\nvideos = 0\nduration_s = 1\n", "videos must be at least 1"),
        ("[measurement]\nvideos = 1\nduration_s = 0\n", "duration_s must be > 0"),
        ("[measurement]\nvideos = 1.5\nduration_s = 1\n", "videos = 1.5 is of the wrong type"),
        (ONE + "positions_um = [1]\npump_steps = 2\n", "positions_um or pump_steps, not both"),
        (ONE + "pump_steps = 2\n", "pump_steps needs pump_ul_min and pump_s"),
        (ONE + "pump_ul_min = 2\n", "do nothing without pump_steps"),
        (ONE + "[sample]\nmedium = 'beer'\n", r"\[sample\].*medium: .*beer"),
        (ONE + "[sample]\ndilution = 0.5\n", r"\[sample\].*dilution must be >= 1"),
        (ONE + "[beads]\nduration_s = 1\n", r"\[beads\].*certificate is missing"),
        (ONE + "[beads]\nduration_s = 1\ncertificate = 'none'\n", r"\[beads\].*no 'none' in"),
        (ONE + "[analysis]\nsettings = 'missing.toml'\n", r"\[analysis\].*missing.toml"),
        (ONE + "[blanks]\nvideos = 1\n", "unknown key 'blanks'; there are .*blank,"),
        ("", "measurement is missing"),
    ],
)
def test_what_is_wrong_is_refused_with_file_and_key(write, text, said):
    with pytest.raises(SettingError, match=said) as caught:
        read_procedure(write(text))
    assert "ev.toml" in str(caught.value)


def test_a_missing_file_and_no_toml_are_said(tmp_path, write):
    with pytest.raises(SettingError, match="nta sop init"):
        read_procedure(tmp_path / "none.toml")
    with pytest.raises(SettingError, match="not valid TOML"):
        read_procedure(write("= 3"))


def test_the_spread_is_students_with_the_video_as_the_unit():
    values = [98.0, 101.0, 103.0, 99.5, 100.5]
    spread = spread_over_videos(values, "nm", relative_systematic=0.02)
    low, high = stats.t.interval(0.95, 4, loc=sum(values) / 5, scale=stats.sem(values))
    assert (spread.low, spread.high) == (pytest.approx(low), pytest.approx(high))
    assert spread.cv == pytest.approx(stats.variation(values, ddof=1))
    half = math.hypot((high - low) / 2, 1.959964 * 0.02 * spread.mean)
    assert spread.full_high - spread.mean == pytest.approx(half)
    one = spread_over_videos([98.0], "nm")
    assert (one.n, one.mean, one.sd, one.low) == (1, 98.0, None, None)
    assert spread_over_videos([], "nm") is None


def test_the_command_line_refuses_what_the_procedure_says(write, capsys, tmp_path):
    path = write(ONE)
    assert main(["run", "--sop", str(path), "--duration", "3"]) == 1
    assert "--duration is not for --sop" in capsys.readouterr().err
    assert main(["run", "--sop", str(path), "-o", str(tmp_path / "out")]) == 1
    assert "--yes" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()
