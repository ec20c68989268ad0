"""A run that ended before its time goes on: nothing recorded is recorded again, and the record says so."""

import json
import shutil
from dataclasses import replace

import pytest

from nta import one_recording
from nta.acquisition import record
from nta.cli import main
from nta.errors import SettingError
from nta.io.results import save_analysis
from nta.sop import execution, write_sop_report
from nta.sop.resuming import RUN_FILE

PLAN = """[sample]
name = 's'
[measurement]
videos = 3
duration_s = 0.3
[blank]
duration_s = 0.3
settings = { scenario = "blank" }
"""


class PowerCutError(BaseException):
    """Ends the program where it is, as a power cut does: nothing is tidied up."""


@pytest.fixture
def recorded(monkeypatch):
    """Names of the videos that are recorded; the power is cut when `cut_at` is to be recorded, after its first frames."""
    names = []

    def recording(instrument, writer, **more):
        name = writer.path.parent.name
        names.append(name)
        if name == recording.cut_at:
            record(instrument, writer, n_frames=2)
            path = writer.path
            path.write_bytes(path.read_bytes()[:-100])
            raise PowerCutError
        return record(instrument, writer, **more)

    recording.cut_at = ""
    recording.names = names
    monkeypatch.setattr(execution, "record", recording)
    return recording


@pytest.fixture
def operator(operator):
    """An operator who keeps analyses as they are kept."""
    operator.keep = lambda analysis, folder: save_analysis(analysis, folder / "results.h5")
    return operator


@pytest.fixture
def procedure(write):
    """A procedure for an instrument whose cell is never twice the same, also when it is opened again."""
    path = write(PLAN)
    path.write_text(path.read_text().replace("speed = inf", 'speed = inf, seed = "new"'))
    return path


@pytest.fixture
def half_done(procedure, operator, quick_analysis, recorded, tmp_path):
    """A run whose power was cut within its second video of the sample, and its procedure."""
    path, folder = procedure, tmp_path / "out"
    recorded.cut_at = "video_2"
    with pytest.raises(PowerCutError):
        operator.carry_out(path, folder)
    recorded.cut_at = ""
    recorded.names.clear()
    quick_analysis.clear()
    operator.asked.clear()
    return path, folder


@pytest.mark.usefixtures("pictures_unwritten")
def test_only_what_is_missing_is_recorded(half_done, operator, recorded, quick_analysis):
    path, folder = half_done
    before = (folder / "video_1" / "recording.h5").read_bytes()
    outcome = operator.carry_out(path, folder, resumed=True)
    assert recorded.names == ["video_2", "video_3"]
    assert [words.split()[2] for words in operator.asked] == ["sample."], "the blank is not loaded again"
    assert (folder / "video_1" / "recording.h5").read_bytes() == before
    assert [video.step.name for video in outcome.videos if video.good] == [
        "blank_1",
        "video_1",
        "video_2",
        "video_3",
    ]
    assert {video.n_frames for video in outcome.videos} == {9}
    assert len(quick_analysis) == 3, "video_1 was recorded and not analysed; the blank was"
    assert (folder / "video_2" / "cut_short_1.h5").is_file(), "nothing recorded is lost"
    report = write_sop_report(outcome).read_text(encoding="utf-8")
    for words in (
        "was resumed at",
        "recorded before that: blank_1, video_1",
        "kept in video_2/cut_short_1.h5",
    ):
        assert words in report
    assert [s["recorded_before"] for s in json.loads((folder / RUN_FILE).read_text())["sessions"]] == [
        [],
        ["blank_1", "video_1"],
    ]


@pytest.mark.usefixtures("pictures_unwritten")
def test_a_finished_run_stays_as_it_is(half_done, operator):
    path, folder = half_done
    write_sop_report(operator.carry_out(path, folder, resumed=True))
    with pytest.raises(SettingError, match="nothing is left to resume"):
        operator.carry_out(path, folder, resumed=True)


def test_a_video_that_the_operator_cut_short_is_recorded_again(
    procedure, operator, quick_analysis, recorded, monkeypatch, tmp_path
):
    """Its file is whole in itself, and still not what was asked for."""
    path, folder = procedure, tmp_path / "out"

    def interrupted(instrument, writer, **more):
        done = record(instrument, writer, **more)
        return (
            replace(done, stopped=True, ended_by="signal") if writer.path.parent.name == "video_1" else done
        )

    with monkeypatch.context() as patch:
        patch.setattr(execution, "record", interrupted)
        assert operator.carry_out(path, folder).interrupted
    outcome = operator.carry_out(path, folder, resumed=True)
    assert recorded.names == ["video_1", "video_2", "video_3"]
    assert all(video.good for video in outcome.videos)


def test_a_control_that_is_analysed_anew_is_used_for_the_whole_sample(half_done, operator, quick_analysis):
    path, folder = half_done
    operator.carry_out(path, folder, resumed=True)
    shutil.rmtree(folder / "blank_1" / "analysis")
    quick_analysis.clear()
    operator.carry_out(path, folder, resumed=True)
    assert [analysis.assessment.kind for analysis in quick_analysis] == [
        "blank",
        "sample",
        "sample",
        "sample",
    ]


def test_a_changed_procedure_is_not_resumed(half_done, operator, recorded):
    path, folder = half_done
    path.write_text(path.read_text().replace("videos = 3", "videos = 4"))
    with pytest.raises(SettingError, match="cannot be resumed: the procedure changed since it began"):
        operator.carry_out(path, folder, resumed=True)
    assert recorded.names == []


@pytest.mark.usefixtures("pictures_unwritten")
def test_resuming_from_the_command_line(half_done, monkeypatch, capsys):
    path, folder = half_done
    words = ["run", "--sop", str(path), "--yes", "-q"]
    monkeypatch.setattr(one_recording, "write_report", lambda *_: None)
    assert main([*words, "-o", str(folder)]) == 1
    assert "go on with it by --resume" in capsys.readouterr().err
    assert main([*words, "--resume"]) == 1
    assert "--resume needs -o" in capsys.readouterr().err
    assert main([*words, "-o", str(folder), "--resume", "--dilution", "7"]) == 1
    assert "what is said of the sample changed" in capsys.readouterr().err
    assert main([*words, "-o", str(folder.parent / "none"), "--resume"]) == 1
    assert "holds no run of a procedure" in capsys.readouterr().err
    assert main([*words, "-o", str(folder), "--resume"]) == 0
