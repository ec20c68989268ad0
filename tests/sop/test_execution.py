"""Carried out: controls first, replicates into one folder, a failed video is a row, one report over all."""

import csv
import json
import os
import signal
import time
from dataclasses import replace
from pathlib import Path
from threading import Timer

import pytest

import nta
from nta import one_recording
from nta.acquisition import record
from nta.assessment import Assessment, Verdict, load_limits
from nta.assessment.controls import blank_check
from nta.calibration import load_certificate
from nta.catalogue import Catalogue
from nta.cli import main
from nta.cli.sop import _lines
from nta.devices import Instrument, Limits
from nta.errors import DeviceLost, DeviceTimeout, RecordingError, SettingError
from nta.io.results import results_files
from nta.measurements import open_measurements
from nta.quantity import Quantity
from nta.report.markup import stacked
from nta.report.wording import in_column
from nta.sop import execution, read_procedure, write_sop_report
from nta.sop.analysing import worst_of
from nta.sop.execution import NOT_ANALYSED, NOT_MEASURED
from nta.sop.instrument import check, go_to
from nta.visibility import Concentration, mean_concentration

THREE = "[sample]\nname = 's'\ndilution = 10\n[measurement]\nvideos = 3\nduration_s = 0.3\n"
CONTROLS = """
[beads]
certificate = "example_polystyrene_100nm"
duration_s = 0.3
[blank]
duration_s = 0.3
settings = { scenario = "blank" }
"""
LIMITS = load_limits("recording_quality")
SAMPLE = Path(__file__).parents[2] / "sample_data" / "beads_100nm.h5"
PLAYED = f"""name = "p"
[device]
driver = "playback"
settings = {{ recording = "{SAMPLE}", speed = inf }}
[sample]
temperature_c = 25
"""


def _rows(folder):
    with (folder / "videos.csv").open(encoding="utf-8-sig") as file:
        return list(csv.DictReader(file))


def test_controls_come_first_and_all_of_it_lies_in_one_folder(write, operator, quick_analysis, tmp_path):
    folder = tmp_path / "out"
    outcome = operator.carry_out(write(THREE + CONTROLS), folder)
    assert [words.split()[2] for words in operator.asked] == ["beads:", "blank:", "sample."]
    names = ["beads_1", "blank_1", "video_1", "video_2", "video_3"]
    assert [video.step.name for video in outcome.videos] == names
    for name in names:
        assert (folder / name / "recording.h5").is_file()
        assert (folder / name / "analysis" / "results.h5").is_file()
    assert (folder / "sop.toml").read_text() == (tmp_path / "ev.toml").read_text()
    assert not outcome.failed
    d50 = [video.numbers.sizes["d50_nm"].value for video in outcome.of("sample")]
    assert outcome.spreads["d50_nm"].mean == pytest.approx(sum(d50) / 3)
    beads = quick_analysis[0].sizes.summary["d50_nm"].value
    bias = next(finding for finding in outcome.findings if finding.name == "bead_check")
    assert bias.value == pytest.approx(abs(beads / 100 - 1))
    for kept in operator.kept[2:]:
        assert bias in kept.assessment.findings, "the bias is a finding of every video of the sample"
        assert [f.name for f in kept.assessment.findings].count("bead_check") == 1
    assert operator.kept[1].conditions.dilution is None, "the blank has no dilution"
    assert operator.kept[2].conditions.dilution == 10
    assert operator.kept[2].conditions.temperature_c == pytest.approx(25.0, abs=0.1), "as measured"
    report = write_sop_report(outcome).read_text(encoding="utf-8")
    assert "EXAMPLE" in report
    assert all(name in report for name in names)
    sizes = quick_analysis[-1].sizes.summary
    assert all(stacked(in_column(sizes[name])) in report for name in ("d10_nm", "d50_nm", "d90_nm")), (
        "with their intervals"
    )
    assert json.loads((folder / "summary.json").read_text())["over_videos"]["d50_nm"]["n"] == 3
    rows = _rows(folder)
    assert [row["good"] for row in rows] == ["True"] * 5
    assert {"d50_low_nm", "d50_high_nm", "in_sample_low_per_ml", "in_sample_high_per_ml", "dilution"} <= set(
        rows[0]
    )
    assert float(rows[2]["d50_low_nm"]) == pytest.approx(sizes["d50_nm"].low)
    assert "exposure_s" not in report.partition("How it was measured")[2]


@pytest.mark.usefixtures("pictures_unwritten")
def test_one_failed_video_is_one_row_and_the_rest_goes_on(
    write, operator, quick_analysis, monkeypatch, tmp_path
):
    calls = []

    def failing(instrument, writer, **more):
        calls.append(writer)
        done = record(instrument, writer, **more)
        if len(calls) == 2:
            raise RecordingError("the file cannot be written any more (disk full)")
        return done

    monkeypatch.setattr(execution, "record", failing)
    outcome = operator.carry_out(write(THREE), tmp_path / "out")
    assert [bool(video.reason) for video in outcome.videos] == [False, True, False]
    assert outcome.spreads["d50_nm"].n == 2
    report = write_sop_report(outcome).read_text(encoding="utf-8")
    assert "disk full" in report
    row = _rows(tmp_path / "out")[1]
    assert (row["good"], row["d50_nm"]) == ("False", "")
    assert "disk full" in row["reason"]
    assert row["recording"] == "video_2/recording.h5", "what was recorded is kept and named"


def test_a_device_that_fails_is_a_reason_and_is_opened_again(
    write, operator, quick_analysis, tmp_path, monkeypatch
):
    from nta.acquisition import ReaderSettings

    def impatient(instrument, writer, **more):
        return record(instrument, writer, settings=ReaderSettings(reconnect_s=0.0), **more)

    monkeypatch.setattr(execution, "record", impatient)
    path = write(THREE)
    path.write_text(path.read_text().replace("height_px = 48", 'height_px = 48, faults = "unplug@0.1+0.05"'))
    outcome = operator.carry_out(path, tmp_path / "out")
    assert "the device failed" in outcome.videos[0].reason
    reasons = [video.reason for video in outcome.videos[1:]]
    assert reasons == ["", ""]


def test_every_video_is_recorded_as_asked_whatever_the_device_forgot(
    write, operator, quick_analysis, tmp_path, monkeypatch
):
    seen = []

    def forgetting(instrument, writer, **more):
        camera, laser = instrument.camera, instrument.laser
        seen.append((camera.settings()["exposure_s"], camera.settings()["frame_rate_hz"], laser.get()))
        done = record(instrument, writer, **more)
        laser.set(50.0)  # as after a power cycle
        camera.configure(exposure_s=0.015, frame_rate_hz=30.0)
        return done

    monkeypatch.setattr(execution, "record", forgetting)
    asked = "exposure_ms = 4\nframe_rate_hz = 25\nlaser_mw = 12\n"
    operator.carry_out(write(asked + THREE), tmp_path / "out")
    assert seen == [(0.004, 25.0, 12.0)] * 3


@pytest.mark.parametrize("fault", [None, DeviceLost("unplugged")])
@pytest.mark.usefixtures("pictures_unwritten")
def test_an_interrupted_run_keeps_what_it_has(write, operator, quick_analysis, monkeypatch, tmp_path, fault):
    """Also one that is interrupted because the device is gone."""
    n, ended_by = [], "fault" if fault else "signal"

    def interrupted(instrument, writer, **more):
        n.append(1)
        done = record(instrument, writer, **more)
        return replace(done, stopped=True, ended_by=ended_by, fault=fault) if len(n) == 2 else done

    monkeypatch.setattr(execution, "record", interrupted)
    outcome = operator.carry_out(write(THREE), tmp_path / "out")
    first, second, third = outcome.videos
    why = "the device failed: unplugged" if fault else "cut short: the run was interrupted"
    cut = f"{why}; the {second.n_frames} frames up to it are kept"
    assert [video.reason for video in outcome.videos] == ["", cut, NOT_MEASURED]
    assert first.numbers is not None
    assert second.recording is not None
    assert third.recording is third.n_frames is None
    assert "interrupted" in " ".join(outcome.notes)
    assert write_sop_report(outcome).is_file()


@pytest.mark.parametrize("during", ["recording", "analysis"])
def test_after_sigterm_nothing_is_analysed_and_it_is_said_how_to_go_on(
    write, quick_analysis, monkeypatch, tmp_path, capsys, during
):
    path, folder = write(THREE), tmp_path / "out"

    def terminated(*_, **__):
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(5)  # the signal ends it

    def ended(instrument, writer, **more):
        Timer(0.1, os.kill, (os.getpid(), signal.SIGTERM)).start()
        return record(instrument, writer, **{**more, "duration_s": 1e6})

    if during == "recording":
        monkeypatch.setattr(execution, "record", ended)
    else:
        monkeypatch.setattr(one_recording, "analyze", terminated)
    assert main(["run", "--sop", str(path), "--yes", "-q", "-o", str(folder), "--dilution", "7"]) == 130
    assert quick_analysis == []
    assert not (folder / "report.html").exists()
    there = [name for name in ("video_1", "video_2", "video_3") if (folder / name / "recording.h5").is_file()]
    assert len(there) == (1 if during == "recording" else 3)
    told = capsys.readouterr().err
    assert f"nta run --sop {path} -o {folder} --resume --yes --dilution 7\n" in told


@pytest.mark.usefixtures("pictures_unwritten")
def test_what_was_recorded_before_an_analysis_was_interrupted_is_said_to_be_there(
    write, operator, monkeypatch, tmp_path
):
    def analyze(source, *_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr(one_recording, "analyze", analyze)
    two = CONTROLS.replace("[blank]", "videos = 2\n[blank]")
    outcome = operator.carry_out(write(THREE + two), tmp_path / "out")
    assert outcome.interrupted
    beads, others = outcome.videos[:2], outcome.videos[2:]
    assert {video.reason for video in beads} == {NOT_ANALYSED}, "the second is not begun"
    assert {video.reason for video in others} == {NOT_MEASURED}
    report = write_sop_report(outcome).read_text(encoding="utf-8")
    for row in _rows(tmp_path / "out")[:2]:
        assert (tmp_path / "out" / row["recording"]).is_file()
        assert (int(row["n_frames"]), row["n_lost"]) == (beads[0].n_frames, "0")
        assert row["n_frames"] in report
        assert f"<b>{row['video']}:</b> recorded, not analysed" in report
    assert _rows(tmp_path / "out")[2]["n_frames"] == ""


@pytest.mark.usefixtures("pictures_unwritten")
def test_an_analysis_that_fails_is_a_reason_too(write, operator, monkeypatch, tmp_path):
    def analyze(source, *_, **__):
        raise RecordingError("no whole frame")

    monkeypatch.setattr(one_recording, "analyze", analyze)
    outcome = operator.carry_out(write(THREE + CONTROLS), tmp_path / "out")
    assert {video.reason for video in outcome.videos} == {"no whole frame"}
    assert "no video of the beads" in " ".join(outcome.notes)
    assert "No video of the sample could be used" in write_sop_report(outcome).read_text(encoding="utf-8")


@pytest.mark.usefixtures("pictures_unwritten")
def test_a_fault_of_ours_is_a_reason_with_its_traceback(write, operator, monkeypatch, tmp_path, capsys):
    def analyze(source, *_, **__):
        raise KeyError("width")

    monkeypatch.setattr(one_recording, "analyze", analyze)
    path = write(THREE)
    outcome = operator.carry_out(path, tmp_path / "out")
    assert {video.reason for video in outcome.videos} == {"unexpected KeyError: 'width'"}
    assert all("in analyze" in video.detail for video in outcome.videos)
    words = ["run", "--sop", str(path), "--yes", "-o", str(tmp_path / "again")]
    assert main(words) == 1
    assert "Traceback" not in capsys.readouterr().err
    assert len(_rows(tmp_path / "again")) == 3
    assert main([*words[:-1], str(tmp_path / "once more"), "--debug"]) == 1
    assert "Traceback" in capsys.readouterr().err


@pytest.mark.usefixtures("pictures_unwritten")
def test_the_end_of_input_is_an_interruption(write, operator, quick_analysis, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr("sys.stdin.isatty", lambda: True, raising=False)
    monkeypatch.setattr("builtins.input", lambda _words: (_ for _ in ()).throw(EOFError))
    assert main(["run", "--sop", str(write(THREE)), "-o", str(tmp_path / "out")]) == 130
    assert {row["reason"] for row in _rows(tmp_path / "out")} == {NOT_MEASURED}
    monkeypatch.setattr("sys.stdin", None)  # closed by the shell: <&-
    assert main(["run", "--sop", str(write(THREE)), "-o", str(tmp_path / "none")]) == 1
    assert "give --yes" in capsys.readouterr().err


def test_a_video_that_the_device_cut_short_is_not_used(write, operator, quick_analysis, tmp_path):
    path = write("[measurement]\nvideos = 1\nduration_s = 500\n", device=PLAYED)
    (video,) = operator.carry_out(path, tmp_path / "out").videos
    assert "the device had no more frames after 120; the recording is shorter than was asked" in video.reason
    assert video.n_frames == 120
    assert video.numbers is None
    assert video.recording.name == "recording.h5"


def test_a_recording_that_is_played_twice_is_one_video(write, operator, quick_analysis, tmp_path):
    path = write("[measurement]\nvideos = 2\nduration_s = 1\n", device=PLAYED)
    first, second = operator.carry_out(path, tmp_path / "out").videos
    assert first.good
    assert second.reason.startswith("it begins with the same image as video_1, pixel by pixel")


def test_a_blank_that_is_the_sample_itself_takes_nothing_away(write, operator, quick_analysis, tmp_path):
    text = "[measurement]\nvideos = 1\nduration_s = 0.5\n[blank]\nduration_s = 0.5\n"
    blank, sample = operator.carry_out(write(text, PLAYED), tmp_path / "out").videos
    assert blank.good
    assert "begins with the same image as blank_1" in sample.reason


def test_the_worst_of_the_blank_is_told_not_that_of_the_last_video():
    found = [blank_check(share, share, "particles", LIMITS) for share in (0.02, 0.9, 0.7, 0.03)]
    assert worst_of(found) == (found[1],)
    assert worst_of([]) == ()


@pytest.mark.usefixtures("pictures_unwritten")
def test_every_good_video_is_put_on_record(write, operator, quick_analysis, tmp_path, capsys):
    path = write("[measurement]\nvideos = 2\nduration_s = 0.3\n" + CONTROLS)
    path.write_text(path.read_text().replace('name = "test"', 'name = "test"\noperator = "A. Roth"'))
    where, folder = str(tmp_path / "runs.sqlite"), tmp_path / "out"
    words = ["run", "--sop", str(path), "--yes", "-q", "--catalogue", where]
    assert main([*words, "-o", str(folder)]) == 0
    with Catalogue.open(where) as catalogue:
        runs = {Path(run.results).parent.name: run for run in catalogue.runs()}
    assert {name: run.kind for name, run in runs.items()} == {
        "beads_1": "beads",
        "blank_1": "blank",
        "video_1": "sample",
        "video_2": "sample",
    }
    assert runs["beads_1"].standard == load_certificate("example_polystyrene_100nm").name
    assert {run.operator for run in runs.values()} == {"A. Roth"}
    assert runs["video_1"].measured_at is not None
    assert [file.parents[1].name for file in results_files(folder)] == ["video_1", "video_2"]
    assert [m.name for m in open_measurements(folder)] == ["out video_1", "out video_2"]
    assert main([*words, "-o", str(folder)]) == 1
    assert (
        "out holds a run of a protocol; go on with it by --resume, or choose another"
        in capsys.readouterr().err
    )
    assert main([*words, "--operator", "B. Meier"]) == 1
    assert "--operator is not for --sop" in capsys.readouterr().err


def test_settings_are_read_before_the_first_video(write, operator, quick_analysis, monkeypatch, tmp_path):
    file, made_up, seen = tmp_path / "settings.toml", one_recording.analyze, []
    file.write_text("[linking]\nmemory_frames = 2\n")

    def edited_meanwhile(source, conditions, profile, settings, **more):
        seen.append(settings.linking.memory_frames)
        file.write_text('[linking]\nmemory_frames = 5\n[assessment]\nlimits = "of another day"\n')
        return made_up(source, conditions, profile, settings, **more)

    monkeypatch.setattr(one_recording, "analyze", edited_meanwhile)
    named = CONTROLS + '[analysis]\nsettings = "settings.toml"\n'
    outcome = operator.carry_out(write(THREE + named), tmp_path / "out")
    assert not outcome.failed
    assert seen == [2] * 5
    assert "bead_check" in {finding.name for finding in outcome.findings}


def test_a_folder_in_use_is_refused(write, operator, tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "mine.txt").touch()
    with pytest.raises(SettingError, match="in use"):
        operator.carry_out(write(THREE), tmp_path / "out")


class _Knob:
    def __init__(self, *values):
        self.values, self.was_set = list(values), []

    def get(self):
        return self.values.pop(0) if len(self.values) > 1 else self.values[0]

    def set(self, value):
        self.was_set.append(value)
        return value

    def limits(self):
        return Limits(0.0, 10.0, "unit")


def test_every_video_is_brought_to_its_place(write):
    text = "[measurement]\nvideos = 1\nduration_s = 1\npump_steps = 2\npump_ul_min = 5\npump_s = 0.01\nflow_ul_min = 1\n"
    procedure = read_procedure(write(text))
    pump = _Knob(0.0)
    instrument = Instrument("fake", None, pump=pump, focus=_Knob(0.0))
    go_to(procedure, procedure.steps("sample")[0], instrument, lambda words: None)
    assert pump.was_set == [5.0, 0.0, 1.0]


def test_a_video_waits_for_its_temperature_or_says_that_it_never_came(write, monkeypatch):
    monkeypatch.setattr("nta.sop.instrument._LOOK_S", 0.01)
    text = "temperature_c = 5\ntemperature_wait_s = 0.05\n[measurement]\nvideos = 1\nduration_s = 1\n"
    procedure = read_procedure(write(text))
    step = procedure.steps("sample")[0]
    told = []
    go_to(procedure, step, Instrument("fake", None, thermostat=_Knob(3.0, 4.0, 5.1)), told.append)
    assert told == ["waiting for 5 °C, now -2.00 °C away"]
    with pytest.raises(DeviceTimeout, match=r"-2\.00 °C away from 5 °C"):
        go_to(procedure, step, Instrument("fake", None, thermostat=_Knob(3.0)), told.append)


def test_what_the_instrument_cannot_do_is_refused_before_the_first_video(write):
    one = "[measurement]\nvideos = 1\nduration_s = 1\n"
    bare = Instrument("bare", None)
    with pytest.raises(SettingError, match=r"ev.toml: \[device\] laser_mw: bare has no such device"):
        check(read_procedure(write("laser_mw = 5\n" + one)), bare)
    with pytest.raises(SettingError, match="measures no temperature"):
        check(read_procedure(write(one)), bare)
    with pytest.raises(SettingError, match=r"positions_um = 20 is beyond .* 0 to 10 unit"):
        check(
            read_procedure(write(one + "positions_um = [1, 20]\n")), Instrument("f", None, focus=_Knob(0.0))
        )


def test_blanks_are_averaged_and_nothing_counted_stays_a_limit():
    def found(value, low, high):
        q = Quantity(value, low, high, "1/ml", "")
        return Concentration(per_frame=q, in_cell_per_ml=q, in_sample_per_ml=q, dilution=None)

    mean = mean_concentration([found(2.0, 1.0, 4.0), found(None, 0.0, 2.0)]).in_cell_per_ml
    assert (mean.value, mean.low, mean.high) == (1.0, 0.5, 3.0)
    assert mean_concentration([found(None, 0.0, 2.0)]).in_cell_per_ml.value is None
    assert mean_concentration([found(2.0, 1.0, 4.0), found(None, None, None)]).in_cell_per_ml.value is None


@pytest.mark.slow
@pytest.mark.usefixtures("pictures_unwritten")
def test_the_whole_way_with_a_real_analysis(write, tmp_path, capsys):
    text = "[measurement]\nvideos = 2\nduration_s = 5\n[analysis]\nsettings = 'fewer_repeats.toml'\n"
    path = write(text + "[blank]\nduration_s = 3\nmedium = 'pbs'\nsettings = { scenario = 'blank' }\n")
    (tmp_path / "fewer_repeats.toml").write_text("[sizing]\nrepeats = 50\n")
    path.write_text(
        path.read_text().replace("width_px = 64, height_px = 48", "width_px = 240, height_px = 180")
    )
    folder = tmp_path / "out"
    assert (
        main(["run", "--sop", str(path), "--yes", "-o", str(folder), "--json", "-q", "--dilution", "10"]) == 0
    )
    told = json.loads(capsys.readouterr().out)
    spread = told["over_videos"]["d50_nm"]
    assert spread["n"] == 2
    assert abs(spread["mean"] / 100 - 1) < 0.10  # some hundred tracks of beads of 100 nm
    rows = _rows(folder)
    assert [row["stage"] for row in rows] == ["blank", "sample", "sample"]
    assert all(float(row["blank_in_cell_high_per_ml"]) > 0 for row in rows[1:])
    assert float(rows[1]["in_sample_per_ml"]) == pytest.approx(10 * float(rows[1]["in_cell_per_ml"]))
    assert (folder / "video_2" / "analysis" / "report.html").is_file()
    kept = nta.load(folder / "video_2" / "analysis")
    (blank,) = [finding for finding in kept.assessment.findings if finding.name == "blank"]
    assert blank.verdict is not Verdict.PASS
    assert blank.evidence.startswith("blank_1: ")
    assert "the blank is of pbs, the sample in water" in blank.evidence
    assert any("video_" in f["evidence"] and "blank is of pbs" in f["evidence"] for f in told["findings"])


@pytest.mark.usefixtures("pictures_unwritten")
def test_videos_not_to_be_relied_on_are_named_first(write, operator, quick_analysis, tmp_path):
    outcome = operator.carry_out(write(THREE), tmp_path / "out")
    outcome = _with_drift_in_the_first(outcome, Verdict.FAIL)
    said = "Do not rely on video_1 (drift); the means below hold 1 video of these"
    assert _lines(outcome)[1].strip() == said
    report = write_sop_report(outcome).read_text(encoding="utf-8")
    assert report.index(said) < report.index("Over all videos")
    assert report.count("not rely on it") == 1
    assert report.count("</span>Good") == 2
    assert [row["verdict"] for row in _rows(tmp_path / "out")] == ["fail", "pass", "pass"]


@pytest.mark.parametrize(
    ("verdict", "said"),
    [
        (Verdict.WARN, "Usable with care. To watch: drift."),
        (Verdict.PASS, "Nothing that was assessed speaks against these numbers."),
    ],
)
def test_whether_the_numbers_may_be_used_stands_before_them(write, operator, tmp_path, verdict, said):
    outcome = operator.carry_out(write(THREE), tmp_path / "out")
    report = write_sop_report(_with_drift_in_the_first(outcome, verdict)).read_text(encoding="utf-8")
    assert report.index(said) < report.index("Over all videos")


def _with_drift_in_the_first(outcome, verdict):
    """Leave no finding but this one on the drift of the first video."""
    first, *others = outcome.videos
    drift = replace(first.numbers.assessment.findings[0], name="drift", title="Drift", verdict=verdict)
    videos = [(first, (drift,)), *((video, ()) for video in others)]
    return replace(
        outcome,
        videos=tuple(
            replace(v, numbers=replace(v.numbers, assessment=Assessment(findings=findings)))
            for v, findings in videos
        ),
    )
