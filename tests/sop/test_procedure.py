"""A procedure is read whole or refused by file, table and key."""

import math

import numpy as np
import pytest
from scipy import stats

from made.analysis import make_analysis
from nta.cli import main
from nta.errors import SettingError
from nta.measurements import MeasuredAnalysis
from nta.measurements.replicates import mean_over, spread_over_videos
from nta.quantity import Quantity
from nta.sop import read_procedure
from nta.sop.outcome import Numbers, PlannedVideo, ProcedureOutcome
from nta.sop.procedure import Device, Step

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


def test_what_a_procedure_does_not_state_is_as_the_device_has_it(write):
    device = read_procedure(write(ONE)).device
    assert device == Device(driver="simulated", settings=device.settings)
    assert read_procedure(write("temperature_within_c = 0.5\n" + ONE)).device.temperature_within_c == 0.5


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
        ("[measurement]\nvideos = 100000000\nduration_s = 1\n", "videos must be at most 10000"),
        ("[measurement]\nvideos = 1.5\nduration_s = 1\n", "videos must be a whole number, got 1.5"),
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


@pytest.mark.parametrize(
    ("device", "said"),
    [
        (
            "temperature_c = 298\n",
            r"\[device\].*temperature_c=298 °C is no temperature of a sample; give °C, not K",
        ),
        (
            "exposure_ms = 150\nframe_rate_hz = 30\n",
            r"\[device\].*exposure_ms = 150 is longer than the frame interval, 33.33 ms at frame_rate_hz = 30",
        ),
    ],
)
def test_what_no_camera_or_cell_can_do_is_refused_without_the_instrument(write, device, said):
    with pytest.raises(SettingError, match=said):
        read_procedure(write(device + ONE))
    touching = "exposure_ms = 33.34\nframe_rate_hz = 30\n"  # rounded
    assert read_procedure(write(touching + ONE)).device.frame_rate_hz == 30


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ("scenario = 'none'", "no scenario named 'none'"),
        ("shutter = 3", "has no setting 'shutter'"),
    ],
)
def test_settings_that_a_driver_does_not_take_are_refused_by_the_check(write, capsys, settings, said):
    path = write(ONE + f"[blank]\nduration_s = 1\nsettings = {{ {settings} }}\n")
    assert main(["sop", "check", str(path)]) == 1
    err = capsys.readouterr().err
    assert "ev.toml: settings of the device for the blank: " in err
    assert said in err


def test_a_driver_that_is_not_there_is_refused_by_the_check(write):
    with pytest.raises(SettingError, match=r"\[device\].*no driver 'foo'; there are .*simulated"):
        read_procedure(write(ONE, device='name = "x"\n[device]\ndriver = "foo"\n'))


def test_a_missing_file_and_no_toml_are_said(tmp_path, write):
    with pytest.raises(SettingError, match="nta sop init"):
        read_procedure(tmp_path / "none.toml")
    with pytest.raises(SettingError, match="not valid TOML"):
        read_procedure(write("= 3"))


def test_the_spread_is_students_with_the_video_as_the_unit():
    values = [98.0, 101.0, 103.0, 99.5, 100.5]
    shared = math.exp(1.96 * 0.02)
    numbers = [Quantity(v, v / shared, v * shared, "nm") for v in values]
    spread = spread_over_videos(numbers, [Quantity(v, v, v, "nm") for v in values])
    half = stats.t.interval(0.95, 4, scale=stats.sem(np.log(values)))[1]
    assert math.log(spread.high / spread.mean) == pytest.approx(half)
    assert math.log(spread.mean / spread.low) == pytest.approx(half)
    assert spread.cv == pytest.approx(stats.variation(values, ddof=1))
    assert math.log(spread.full_high / spread.mean) == pytest.approx(math.hypot(half, 1.96 * 0.02))
    one = spread_over_videos(numbers[:1], [None])
    assert (one.n, one.mean, one.sd, one.low) == (1, 98.0, None, None)
    assert spread_over_videos([], []) is None


@pytest.mark.parametrize("least", [40.0, 0.0])
def test_no_interval_of_a_count_goes_below_zero(least):
    """Two videos with 40 and 70 particles: on the linear scale Student's t reaches from -136 to 246."""
    counts = [Quantity(v, max(v - 5, 0), v + 5, "1") for v in (least, 70.0)]
    spread = spread_over_videos(counts, [None, None])
    assert 0 <= spread.full_low <= spread.low <= spread.mean <= spread.high <= spread.full_high
    assert (spread.full_low > 0) == (least > 0)


def test_a_check_has_the_interval_of_the_procedure(rng):
    analyses = [make_analysis(rng, n_tracks=200, n_frames=100) for _ in range(3)]
    outcome = ProcedureOutcome(
        procedure=None,
        folder=None,
        date="",
        videos=tuple(
            PlannedVideo(stage="sample", step=Step(name=f"video_{i}"), numbers=Numbers.of(a))
            for i, a in enumerate(analyses)
        ),
    )
    spread = outcome.spreads["d50_nm"]
    checked = mean_over([MeasuredAnalysis(a) for a in analyses], lambda m: m.number("d50_nm"), "d50_nm", 0.95)
    assert (spread.full_low, spread.full_high) == (checked.low, checked.high)


def test_the_command_line_refuses_what_the_procedure_says(write, capsys, tmp_path):
    path = write(ONE)
    assert main(["run", "--sop", str(path), "--duration", "3"]) == 1
    assert "--duration is not for --sop" in capsys.readouterr().err
    assert main(["run", "--sop", str(path), "-o", str(tmp_path / "out")]) == 1
    assert "--yes" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()
