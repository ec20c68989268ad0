"""The command line as a clumsy user meets it: one readable line, the right exit code, nothing left behind."""

import json
import shlex
import shutil
import signal
import subprocess
import sys
from argparse import ArgumentParser, Namespace
from pathlib import Path

import h5py
import pytest

import nta
from made import videos
from made.waiting import until
from nta.cli import analyze, main
from nta.cli.commands import analyzing
from nta.cli.parser import dilution
from nta.cli.verbs.options import analysis_options, catalogue_options, sample_options
from nta.errors import RecordingError
from nta.io.recordings import open_recording
from nta.io.results import load_analysis

pytestmark = pytest.mark.usefixtures("pictures_unwritten")
SAMPLES = Path(__file__).parents[2] / "sample_data"
SAID = ("--pixel-size-um", "0.25", "--temperature", "25")
QUICK = ("--settings", "quick.toml")
VERBS = (
    "run",
    "live",
    "serve",
    "record",
    "analyze",
    "calibrate",
    "simulate",
    "report",
    "study",
    "assess",
    "drivers",
)


@pytest.fixture
def desk(tmp_path, monkeypatch):
    """A folder with a film without words, settings, a text, a folder without images and one with something in it."""
    monkeypatch.chdir(tmp_path)
    shutil.copy(SAMPLES / "ev_lognormal.avi", "film.avi")
    Path("quick.toml").write_text(videos.SETTINGS)
    Path("note.txt").write_text("no film\n")
    Path("empty").mkdir()
    Path("full").mkdir()
    Path("full/mine.txt").write_text("keep me")
    Path("nothing.avi").touch()
    Path("deep.toml").write_text(f"a = {'[' * 3000}{']' * 3000}\n")
    Path("zero.toml").write_text('[[recording]]\nfile = "a\\u0000b.h5"\n')
    Path("long.csv").write_text(f"file,comment\nfilm.avi,{'x' * 140_000}\n")
    return tmp_path


def _left(folder):
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*"))


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_explains_itself(verb, capsys):
    with pytest.raises(SystemExit) as ended:
        main([verb, "--help"])
    assert ended.value.code == 0
    out = capsys.readouterr().out
    assert out.startswith(f"usage: nta {verb}")
    about = out.split("\n\n")[1]
    assert about.rstrip().endswith("."), "what it does stands below the usage, in a sentence"
    assert "--debug" in out


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("frobnicate", "invalid choice: 'frobnicate'"),
        ("analyze film.avi", "the following arguments are required: -o/--output"),
        (
            "analyze film.avi -o out --pixel-size-um 0,25",
            "'0,25' is no number; write a decimal point, not a comma",
        ),
        ("analyze film.avi -o out --pixel-size-um nan", "'nan' is no finite number"),
        ("analyze film.avi -o out --frame-rate 60fps", "'60fps' is no frame rate in Hz; write 60"),
        ("analyze film.avi -o out --frame-rate 0", "'0' is no frame rate in Hz"),
        ("analyze film.avi -o out --pixel-sise-um 0.25", "unrecognized arguments: --pixel-sise-um"),
        ("simulate blank -o a.h5 --frames many", "invalid int value: 'many'"),
        (
            "analyze film.avi -o out --dilution 2:100",
            "'2:100' is no dilution; write 1:100 or its factor, 100",
        ),
        (
            "import a.csv -o out --dilution 1,000",
            "'1,000' may be a dilution of one or of a thousand; write 1000, or 1:1000",
        ),
    ],
)
def test_wrong_usage_exits_with_2_and_one_line(desk, capsys, words, said):
    before = _left(desk)
    with pytest.raises(SystemExit) as ended:
        main(words.split())
    assert ended.value.code == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert said in captured.err
    assert captured.err.count("\n") == 1
    assert _left(desk) == before


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("analyze missing.avi -o out", "there is no missing.avi"),
        ("analyze nothing.avi -o out", "nothing.avi is empty (0 bytes)"),
        ("analyze note.txt -o out", "note.txt is no recording that nta knows (it is text)"),
        ("analyze empty -o out", "empty is a folder without images"),
        ("analyze empty -o out", "a folder of recordings is for nta batch"),
        ("analyze film.avi -o out --blank empty", "empty is a folder without results of nta"),
        (
            "analyze film.avi -o out --settings deep.toml",
            "deep.toml: not valid TOML: brackets within brackets",
        ),
        ("batch deep.toml -o out", "deep.toml: not valid TOML: brackets within brackets"),
        ("assess deep.toml -o out", "deep.toml: not valid TOML: brackets within brackets"),
        ("batch zero.toml -o out", "zero.toml: not valid TOML: a zero byte"),
        ("batch long.csv -o out", "long.csv: line 2 is no row of a table (field larger than field limit"),
        ("analyze film.avi -o full", "full is not empty and holds no nta results"),
        ("analyze film.avi -o note.txt", "note.txt is a file; -o needs a folder"),
        ("analyze film.avi -o note.txt/sub", "note.txt is a file, not a folder"),
        (
            "analyze film.avi -o /proc/out --temperature 25 --pixel-size-um 0.25",
            "/proc/out cannot be written",
        ),
        ("analyze film.avi -o out", "a size needs the pixel size (--pixel-size-um"),
        ("analyze film.avi -o out", "and the temperature of the sample (--temperature"),
        ("analyze film.avi -o out --pixel-size-um 0.25", "a size needs the temperature"),
        ("analyze film.avi -o out --pixel-size-um -0.25", "pixel_size_um must be > 0, got -0.25"),
        ("analyze film.avi -o out --pixel-size-um 250", "give µm, not nm"),
        ("analyze film.avi -o out --exposure-ms 500", "longer than the frame interval"),
        ("analyze film.avi -o out --bit-depth 99", "bit_depth must be 1 to 16"),
        (
            "analyze film.avi -o out --pixel-size-um 0.25 --temperature 25 --bit-depth 4",
            "go beyond what 4 bits hold",
        ),
        ("analyze film.avi -o out --pixel-size-um 0.25 --temperature 298", "give °C, not K"),
        (
            "analyze film.avi -o out --pixel-size-um 0.25 --temperature 25 --viscosity-mpas -1",
            "viscosity_mpas must be > 0",
        ),
        (
            "analyze film.avi -o out --pixel-size-um 0.25 --temperature 25 --viscosity-mpas 0.00089",
            "that of no liquid; water at 25 °C has 0.89 mPa s",
        ),
        (
            "analyze film.avi -o out --pixel-size-um 0.25 --temperature 25 --temperature-std 400",
            "temperature_std_c must be 0 to 20 °C",
        ),
        (
            "analyze film.avi -o out --pixel-size-um 0.25 --temperature 25 --medium blood",
            "there are glycerol, pbs",
        ),
        (
            "analyze film.avi -o out --pixel-size-um 0.25 --temperature 25 --dilution 0",
            "dilution must be >= 1",
        ),
        ("analyze film.avi -o out --window 150-30", "0 <= low < high"),
        ("analyze film.avi -o out --profile nope", "no 'nope'"),
        ("analyze film.avi -o out --settings nope.toml", "nope.toml: no such settings file"),
        ("analyze film.avi -o out --standard PS", "add --kind beads"),
        ("report empty", "empty is a folder without results of nta: no results.h5 in it"),
        ("report note.txt", "note.txt holds no results that can be read"),
        ("report film.avi", "film.avi holds no results that can be read"),
        ("simulate nope -o a.h5", "no scenario named 'nope'; there are blank"),
        ("simulate blank -o a.h5 --frames 0", "n_frames must be >= 1"),
        ("simulate blank -o film.avi --frames 2", "film.avi exists already"),
        ("simulate blank -o full --frames 2", "full is a folder; a file is to be written there"),
        ("simulate blank -o other.avi --frames 2", "recordings are written as HDF5; name it other.h5"),
        ("record -o other.mp4 --duration 1", "recordings are written as HDF5; name it other.h5"),
        ("record -o a.h5 --duration -3", "--duration must be > 0 s"),
        ("record -o a.h5 --driver nope", "no driver 'nope'; there are"),
        ("record -o a.h5 --set foo", "--set 'foo' is not KEY=VALUE"),
        ("record -o a.h5 --set colour=blue", "has no setting 'colour'; its settings are"),
        ("record -o full --duration 1", "full is a folder; name a file in it"),
        ("record -o film.avi --duration 1", "film.avi exists already"),
    ],
)
def test_what_fails_exits_with_1_says_why_in_one_line_and_leaves_nothing(desk, capsys, words, said):
    before = _left(desk)
    assert main(words.split()) == 1
    captured = capsys.readouterr()
    assert captured.out == ""
    lines = [line for line in captured.err.splitlines() if not line.startswith("compiling")]
    assert len(lines) == 1
    assert lines[0].startswith("nta: ")
    assert said in lines[0]
    assert _left(desk) == before


def test_a_window_or_a_scenario_that_is_not_said_is_wrong_usage(desk, capsys):
    with pytest.raises(SystemExit) as ended:
        main(["analyze", "film.avi", "-o", "out", "--window", "40"])
    assert ended.value.code == main(["simulate"]) == 2
    said = capsys.readouterr().err
    assert "'40' is not LOW-HIGH in nm" in said
    assert "say which scenario and where to" in said


def test_a_dilution_is_a_factor_or_a_ratio():
    assert dilution("1:100") == dilution("100") == 100.0


def test_debug_shows_where_it_came_from(desk):
    with pytest.raises(RecordingError, match="there is no"):
        main(["analyze", "missing.avi", "-o", "out", "--debug"])


def test_json_alone_is_on_standard_output_and_one_bad_recording_does_not_stop_the_others(desk, capsys):
    shutil.copy(SAMPLES / "beads_100nm.h5", "beads.h5")
    assert main(["analyze", "beads.h5", "note.txt", "-o", "out", "--json", *QUICK]) == 1
    captured = capsys.readouterr()
    (summary,) = json.loads(captured.out)
    assert summary["recording"] == "beads.h5"
    assert summary["size"]["numbers"]["d50_nm"]["unit"] == "nm"
    assert "note.txt is no recording" in captured.err
    assert _left(desk / "out") == [
        "beads",
        *(
            f"beads/{name}"
            for name in sorted(
                ["distribution.csv", "report.html", "results.h5", "spots.csv", "summary.json", "tracks.csv"]
            )
        ),
    ]


def test_a_recording_is_analysed_as_it_was_ordered_unless_the_command_says_otherwise(desk, capsys):
    shutil.copy(SAMPLES / "beads_100nm.h5", "beads.h5")
    with h5py.File("beads.h5", "a") as file:
        labels = {"kind": "beads", "standard": "", "operator": "A. Roth", "instrument": "left"}
        file["metadata"].attrs["labels"] = f"json:{json.dumps(labels)}"
    told = []
    for said in ((), ("--kind", "sample", "--operator", "B. Meier")):
        assert main(["analyze", "beads.h5", "-o", f"out{len(told)}", "--json", *QUICK, *said]) == 0
        summary = json.loads(capsys.readouterr().out)
        told.append(
            (summary["kind"], *(summary["provenance"]["about"][name] for name in ("operator", "instrument")))
        )
    assert told == [("beads", "A. Roth", "left"), ("sample", "B. Meier", "left")]


def test_too_little_memory_is_said(capsys, monkeypatch):
    def full(_):
        raise MemoryError

    monkeypatch.setattr("nta.cli.drivers.run", full)
    assert main(["drivers"]) == 1
    assert capsys.readouterr().err.startswith("nta: the memory of this computer does not suffice")


def test_a_fault_of_ours_does_not_stop_the_others_either(desk, capsys, monkeypatch):
    shutil.copy(SAMPLES / "beads_100nm.h5", "beads.h5")
    analyzed = analyze.analyze_file

    def failing(path, *words, **more):
        if path.name == "film.avi":
            raise KeyError("width")
        return analyzed(path, *words, **more)

    monkeypatch.setattr(analyze, "analyze_file", failing)
    assert main(["analyze", "film.avi", "beads.h5", "-o", "out", "-q", *QUICK]) == 1
    assert "nta: film.avi: unexpected KeyError: 'width'" in capsys.readouterr().err
    assert Path("out/beads/results.h5").is_file()
    with pytest.raises(KeyError):
        main(["analyze", "film.avi", "beads.h5", "-o", "again", "-q", "--debug"])


@pytest.mark.parametrize("verb", ["run", "live"])
@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("--medium blood", "there are glycerol, pbs"),
        ("--blank empty", "empty is a folder without results of nta"),
        ("--dilution 0.5", "dilution must be >= 1"),
        (
            "--standard PS --lot 7",
            "standard and lot can be said of beads alone, and this is of kind sample; add --kind",
        ),
        ("--kind blank --lot 7", "lot can be said of beads alone, and this is of kind blank"),
    ],
)
def test_what_is_wrong_is_refused_before_anything_is_recorded(desk, capsys, verb, words, said):
    before = _left(desk)
    assert main([verb, "--duration", "1", "-o", "out", *words.split()]) == 1
    assert said in capsys.readouterr().err
    assert _left(desk) == before


def test_a_measurement_whose_analysis_fails_says_how_to_go_on(desk, capsys, monkeypatch):
    def failing(*_, **__):
        raise MemoryError

    monkeypatch.setattr(analyze, "analyze_file", failing)
    assert main(["run", "--duration", "0.2", "-o", "out", "-q"]) == 1
    assert "with: nta analyze out/recording.h5 -o out/analysis" in capsys.readouterr().err


def test_the_command_to_go_on_with_asks_for_what_was_asked(desk, capsys, monkeypatch):
    asked = []

    def failing(path, request, **_):
        asked.append((path, request))
        raise MemoryError

    monkeypatch.setattr(analyze, "analyze_file", failing)
    Path("my words.toml").write_text("[linking]\nmemory_frames = 1\n")
    said = {
        "temperature": "-1.5",
        "temperature-std": "0.2",
        "medium": "pbs",
        "viscosity-mpas": "1.75",
        "dilution": "1:100",
        "sample": "-EV 7, Müller's",
        "profile": "simulated",
        "settings": "my words.toml",
        "engine": "reference",
        "refractive-index": "1.39",
        "catalogue": "my runs.sqlite",
        "operator": "A. Roth",
        "instrument": "left",
        "kind": "beads",
        "standard": "example_polystyrene_100nm",
        "lot": "7",
    }
    words = ["run", "--duration", "0.2", "-o", "ctrl c5 ü", "-q", "--window", "40-80", "--window", "80-120"]
    assert main([*words, *(f"--{name}={value}" for name, value in said.items())]) == 1
    go_on = shlex.split(capsys.readouterr().err.rpartition("with: ")[2].splitlines()[0])
    assert go_on[:5] == ["nta", "analyze", "ctrl c5 ü/recording.h5", "-o", "ctrl c5 ü/analysis"]
    assert {"my runs.sqlite", "A. Roth", "left", "7"} <= set(go_on)
    assert main(go_on[1:]) == 1
    assert asked[0] == asked[1]


def test_the_command_to_go_on_with_knows_every_option_of_an_analysis():
    shared = ArgumentParser()
    for add in (sample_options, analysis_options, catalogue_options):
        add(shared)
    words = {name: "said" for name in vars(shared.parse_args([])) if name != "json"}
    go_on = shlex.split(analyzing(Path("a.h5"), Path("out"), Namespace(**words)))
    assert {word for word in go_on if word.startswith("--")} == {
        f"--{name.replace('_', '-')}" for name in words
    }


def test_the_folder_of_a_measurement_stands_for_the_results_in_it(desk, capsys):
    shutil.copy(SAMPLES / "beads_100nm.h5", "beads.h5")
    assert main(["analyze", "beads.h5", "-o", "live1/analysis", "-q", *QUICK]) == 0
    shutil.move("beads.h5", "live1/recording.h5")
    assert nta.load("live1").conditions.temperature_c == 25
    for words in (
        "report live1",
        "export live1 --to csv -o tables",
        "compare live1 -o page.html",
        "catalogue add live1 --catalogue runs.sqlite",
    ):
        assert main([*words.split(), "-q"]) == 0
    assert main(["analyze", "live1/recording.h5", "-o", "live1", "--force"]) == 1
    assert "live1 already holds results; choose another folder with -o" in capsys.readouterr().err
    assert Path("live1/recording.h5").is_file()
    with pytest.raises(RecordingError, match=r"empty is a folder without results of nta"):
        nta.load("empty")


def test_words_that_overrule_the_recording_show_both_values_and_agreeing_ones_nothing(desk, capsys):
    shutil.copy(SAMPLES / "beads_100nm.h5", "beads.h5")
    with open_recording("beads.h5") as recording:
        camera, temperature_c = recording.camera, recording.metadata["temperature_c"]
    agreeing = ["--pixel-size-um", str(camera.pixel_size_um), "--temperature", str(temperature_c)]
    words = ["analyze", "beads.h5", "--json", *QUICK, *agreeing]
    assert main([*words, "-o", "same"]) == 0
    assert _overruled(json.loads(capsys.readouterr().out)) == []
    assert main([*words, "-o", "other", "--frame-rate", "20", "--temperature", "31"]) == 0
    (found,) = _overruled(json.loads(capsys.readouterr().out))
    assert found["verdict"] == "warn"
    assert (
        f"the file claims {camera.frame_rate_hz:g} Hz, the user said 20 Hz; temperature: "
        f"the file claims {temperature_c:g} degC, the user said 31 degC" in found["evidence"]
    )
    assert f"the file claims {camera.frame_rate_hz:g} Hz" in Path("other/report.html").read_text()


def test_who_measured_when_is_kept_with_the_results(desk, capsys):
    Path("film.toml").write_text('date = "2026-11-19"\noperator = "A. Roth"\ncomment = "third thaw"\n')
    assert main(["analyze", "film.avi", "--json", "-o", "out", *QUICK, *SAID, "--operator", "B. Meier"]) == 0
    about = json.loads(capsys.readouterr().out)["provenance"]["about"]
    assert about == {"date": "2026-11-19", "operator": "B. Meier", "comment": "third thaw"}
    assert load_analysis(Path("out/results.h5")).provenance.about == about


def _overruled(summary):
    return [f for f in summary["findings"] if f["name"] == "overruled"]


def test_results_are_replaced_only_when_told(desk, capsys):
    shutil.copy(SAMPLES / "beads_100nm.h5", "beads.h5")
    words = ["analyze", "beads.h5", "-o", "out", "-q", *QUICK]
    assert main(words) == 0
    first = Path("out/results.h5").read_bytes()
    assert main(words) == 1
    assert "replace them with --force" in capsys.readouterr().err
    assert Path("out/results.h5").read_bytes() == first
    assert main([*words, "--force"]) == 0
    assert main(["report", "out", "-q", "-o", "again"]) == 0
    assert _left(desk / "again") == ["report.html"]


def test_a_recording_that_is_interrupted_exits_with_130_and_is_kept(tmp_path):
    small = ["--set=width_px=64", "--set=height_px=48"]
    process = subprocess.Popen(
        [sys.executable, "-m", "nta", "record", "-o", "a.h5", "--duration", "60", *small],
        cwd=tmp_path,
        stderr=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    until(lambda: process.poll() is not None or any(tmp_path.glob("*.h5")), 60)  # it has begun to write
    assert process.poll() is None
    try:
        process.wait(2)
    except subprocess.TimeoutExpired:
        process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert out == ""
    assert "Traceback" not in err
    with open_recording(tmp_path / "a.h5") as recording:
        assert sum(1 for _ in recording.frames()) > 0


_PRINTING = """
import sys
from nta import cli
from nta.cli import drivers
def run(options):
    for _ in range(3):
        print("a result", flush=True)
        sys.stderr.write("progress\\n")
    open("done", "w").close()
    return 3
drivers.run = run
sys.exit(cli.main(["drivers"]))
"""


@pytest.mark.parametrize("streams", ["| true", "2>&1 | true", "2>&-", ">&-", ">&- 2>&-"])
def test_work_goes_on_when_nobody_reads_what_is_printed(tmp_path, streams):
    (tmp_path / "printing.py").write_text(_PRINTING)
    line = f"set -o pipefail; {shlex.quote(sys.executable)} printing.py {streams}"
    done = subprocess.run(["bash", "-c", line], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 3
    assert (tmp_path / "done").exists()
    assert "Error" not in done.stderr


def test_drivers_for_people_and_for_scripts(capsys):
    assert main(["drivers"]) == 0
    assert "simulated" in capsys.readouterr().out
    assert main(["drivers", "--json"]) == 0
    assert {"simulated", "playback"} <= {driver["name"] for driver in json.loads(capsys.readouterr().out)}
