"""A batch as a lab runs it: bad files among the good ones, interrupted, resumed, changed."""

import errno
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from made import videos
from made.hard_jobs import compiling, endless, treacherous
from made.waiting import until
from nta.batch import JobOutcome, plan, run_batch
from nta.batch.batch import Batch
from nta.batch.job import Job
from nta.batch.outcome import OUTCOME_FILE
from nta.batch.page import page
from nta.batch.processes import in_processes
from nta.batch.replicates import replicates
from nta.batch.tables import groups_table
from nta.batch.work import work
from nta.calibration import calibration_folder
from nta.catalogue import About, Catalogue
from nta.cli import EXIT_FAILED, EXIT_INTERRUPTED, EXIT_OK, main
from nta.cli.batch import _summary
from nta.errors import SettingError
from nta.io.results import RESULTS_FILE, load_analysis
from nta.one_recording import Request
from nta.quantity import Quantity
from nta.settings import AnalysisSettings

pytestmark = pytest.mark.timeout(900)  # processes of their own, on shared machines


def _outcomes(folder):
    """Outcomes that are whole, also while a batch is at work: folders that vanish meanwhile are passed over."""
    places = (Path(place) for place, _, files in os.walk(folder / "results") if OUTCOME_FILE in files)
    return sorted(place / OUTCOME_FILE for place in places if not place.name.startswith("."))


def _stamps(folder):
    return {path.parent.name: path.stat().st_mtime_ns for path in _outcomes(folder)}


def _command(source, output, settings, *more):
    words = ["batch", str(source), "-o", str(output), "--settings", str(settings), "--no-reports", "--quiet"]
    return [*words, *map(str, more)]


def test_a_name_that_is_no_utf8_is_a_row_like_any_other(few, quick, tmp_path):
    strange = os.fsdecode(b"caf\xe9.avi")
    for file in sorted(few.iterdir()):
        if file.stem != Path(videos.GOOD[0]).stem:
            file.unlink()
        else:
            file.rename(few / strange if file.suffix == ".avi" else (few / strange).with_suffix(".toml"))
    folder = tmp_path / "batch"
    words = _command(few, folder, quick, "--catalogue", tmp_path / "runs.sqlite")
    assert main([word for word in words if word != "--no-reports"]) == EXIT_OK
    (row,) = pq.read_table(folder / "recordings.parquet").to_pylist()
    assert (row["recording"], row["status"]) == ("caf\\xe9.avi", "result")
    assert "caf\\xe9.avi" in (folder / "overview.html").read_text(encoding="utf-8")
    assert "caf\\xe9.avi" in (folder / "results" / "caf\\xe9.avi" / "report.html").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def uninterrupted(twenty, quick, tmp_path_factory):
    """The batch in one go."""
    folder = tmp_path_factory.mktemp("whole") / "batch"
    assert main(_command(twenty, folder, quick)) == EXIT_FAILED
    return folder


@pytest.mark.slow
def test_sixteen_results_and_four_reasons(uninterrupted):
    rows = pq.read_table(uninterrupted / "recordings.parquet").to_pylist()
    assert len(rows) == 20
    results = [row for row in rows if row["status"] == "result"]
    assert sorted(Path(row["recording"]).name for row in results) == list(videos.GOOD)
    assert all(90 < row["d50_nm"] < 135 and not row["reason"] for row in results)
    others = {row["recording"]: row for row in rows if row["status"] != "result"}
    assert tuple(others) == videos.BAD
    assert "33 of 50 frames are whole" in others["cut_off.avi"]["reason"]
    assert others["cut_off.avi"]["d50_nm"] > 0  # what is whole was analysed
    assert "is empty (0 bytes)" in others["empty.avi"]["reason"]
    assert "needs the pixel size" in others["no_metadata.avi"]["reason"]
    assert "it is text" in others["really_text.avi"]["reason"]
    lines = (uninterrupted / "recordings.csv").read_text(encoding="utf-8-sig").splitlines()
    assert len(lines) == 21
    assert lines[0].split(",") == list(rows[0])


@pytest.mark.slow
def test_the_overview_holds_every_recording_and_group(uninterrupted):
    page = (uninterrupted / "overview.html").read_text()
    for name in (*videos.GOOD, *videos.BAD, "beads 0", "beads 3"):
        assert name in page
    assert "33 of 50 frames" in page
    of_diameter = r'<td[^>]*>[\d.]+<span class="interval">[\d.]+\u00a0to\u00a0[\d.]+</span>'
    assert len(re.findall(of_diameter, page)) == 3 * 17  # D50, D10 and D90 of every result
    assert "http" not in page.replace("http://www.w3.org", "")  # self-contained: nothing is fetched
    groups = pq.read_table(uninterrupted / "groups.parquet").to_pylist()
    d50 = [row for row in groups if row["quantity"] == "d50_nm"]
    assert [row["videos"] for row in d50] == [4, 4, 4, 4]  # the one that is cut off is not counted


@pytest.mark.slow
def test_killed_in_the_middle_and_resumed_it_gives_the_same_and_redoes_nothing(
    uninterrupted, twenty, quick, tmp_path
):
    folder = tmp_path / "batch"
    command = [sys.executable, "-m", "nta", *_command(twenty, folder, quick)]
    process = subprocess.Popen(command, start_new_session=True)
    until(lambda: len(_outcomes(folder)) >= 6, 240)
    process.kill()
    process.wait()
    time.sleep(0.5)  # the workers notice that their parent is gone
    done = _stamps(folder)
    assert 6 <= len(done) < 20
    assert not (folder / "recordings.csv").exists()
    assert main(_command(twenty, folder, quick)) == EXIT_FAILED
    after = _stamps(folder)
    assert len(after) == 20
    assert {name: after[name] for name in done} == done
    for name in ("recordings.csv", "groups.csv"):
        assert (folder / name).read_bytes() == (uninterrupted / name).read_bytes()
    assert not [path for path in folder.rglob(".*") if path.suffix in (".partial", ".old")]


@pytest.mark.slow
def test_ctrl_c_leaves_a_folder_that_goes_on(eight, quick, tmp_path):
    folder = tmp_path / "batch"
    words = _command(eight, folder, quick, "--workers", 1)
    loud = [word for word in words if word != "--quiet"]
    command = [sys.executable, "-m", "nta", *loud]
    process = subprocess.Popen(command, start_new_session=True, stderr=subprocess.PIPE, text=True)
    until(lambda: _outcomes(folder), 240)
    os.killpg(process.pid, signal.SIGINT)  # as a terminal does: to the workers too
    _, said = process.communicate(timeout=60)
    assert process.returncode == EXIT_INTERRUPTED
    done = _stamps(folder)
    *_, told, last = said.splitlines()
    assert re.fullmatch(r"[0-7] of 8 files done; the same command goes on with the others", told)
    assert last == "nta: interrupted"
    assert 1 <= len(done) < 8
    assert main(_command(eight, folder, quick, "--workers", 1)) == EXIT_OK
    after = _stamps(folder)
    assert {name: after[name] for name in done} == done
    assert len(after) == 8


@pytest.fixture
def here(monkeypatch, pictures_unwritten):
    """Do jobs in this process, one after the other: what is tested is what they do."""

    def serially(jobs, function, **_):
        for job in jobs:
            yield job, function(job)

    monkeypatch.setattr("nta.batch.running.in_processes", serially)


def _again(few, folder, request):
    batch = run_batch(plan(few, folder, request=request), folder)
    return {job.name: outcome for job, outcome in batch.done}


def test_an_interruption_leaves_nothing_half_written(few, tmp_path):
    output = tmp_path / "batch"
    jobs = plan(few, output)
    half = output / "results" / f".{jobs[0].name}-0123abcd.partial"

    def interrupted(*_):
        half.mkdir(parents=True)  # as a process leaves it that is ended while it writes
        raise KeyboardInterrupt

    jobs = [replace(job, trouble="not today") for job in jobs]
    with pytest.raises(KeyboardInterrupt):
        run_batch(jobs, output, workers=1, on_done=interrupted)
    assert not half.exists()


def test_only_what_changed_is_redone(few, quick, tmp_path, here):
    request = Request(settings=AnalysisSettings.from_toml(quick), report=False)
    folder = tmp_path / "batch"
    names = list(videos.GOOD[:3])
    first = _again(few, folder, request)
    assert [first[name].kept for name in names] == [False] * 3
    assert [o.kept for o in _again(few, folder, request).values()] == [True] * 3

    (few / names[0]).with_suffix(".toml").write_text(
        videos.SIDECAR.format(sample="beads") + "dilution = 10\n"
    )
    with (few / names[1]).open("ab") as film:
        film.write(b"\0" * 8)
    kept = {name: o.kept for name, o in _again(few, folder, request).items()}
    assert kept == dict(zip(names, (False, False, True), strict=True))

    sizing = replace(request.settings.sizing, bins=50)
    other = replace(request, settings=replace(request.settings, sizing=sizing))
    assert [o.kept for o in _again(few, folder, other).values()] == [False] * 3
    threads = replace(other.settings, detection=replace(other.settings.detection, threads=2))
    assert [o.kept for o in _again(few, folder, replace(other, settings=threads)).values()] == [True] * 3
    warmer = replace(other, conditions={"temperature_c": 30.0})
    hot = _again(few, folder, warmer)
    assert not any(o.kept for o in hot.values())
    assert hot[names[2]].numbers["temperature_c"].value == 30


def test_a_certificate_that_a_side_car_names_is_in_the_key_and_so_is_the_blank_of_a_blank(
    few, tmp_path, monkeypatch
):
    shelves = tmp_path / "calibration"
    shutil.copytree(calibration_folder(), shelves)
    monkeypatch.setenv("NTA_CALIBRATION", str(shelves))
    job = plan(few, tmp_path / "batch", request=Request(), about=About(kind="beads"))[0]
    before = job.key("0")
    certificate = next((shelves / "beads").glob("*.toml"))
    certificate.write_text(certificate.read_text() + "\n# measured again\n")
    assert job.key("0") != before

    keys = set()
    for content in (b"one", b"two"):
        (tmp_path / "results.h5").write_bytes(content)
        keys.add(replace(job, request=Request(kind="blank", blank=tmp_path / "results.h5")).key("0"))
    assert len(keys) == 2


def test_what_is_said_beside_the_analysis_redoes_nothing(few, quick, tmp_path, here):
    manifest = tmp_path / "list.csv"
    for group in ("lot 1", "lot 2"):
        manifest.write_text("file;group\n" + "".join(f"few/{n};{group}\n" for n in videos.GOOD[:3]))
        request = Request(settings=AnalysisSettings.from_toml(quick), report=False)
        batch = run_batch(plan(manifest, tmp_path / "batch", request=request), tmp_path / "batch")
        assert {r.group for r in batch.groups} == {group}
    assert [outcome.kept for _, outcome in batch.done] == [True] * 3


def test_a_passing_trouble_is_tried_again(few, quick, tmp_path, here, monkeypatch):
    request = Request(settings=AnalysisSettings.from_toml(quick), report=False)
    folder = tmp_path / "batch"
    with monkeypatch.context() as broken:

        def no_disk(*_args, **_words):
            raise OSError("the network drive is gone")

        broken.setattr("nta.batch.work.analyze_file", no_disk)
        first = _again(few, folder, request)
    assert {o.reason for o in first.values()} == {"the network drive is gone"}
    second = _again(few, folder, request)
    assert {o.status for o in second.values()} == {"result"}


def test_a_fault_of_ours_ends_no_batch(few, quick, tmp_path, here, monkeypatch):
    def faulty(*_args, **_words):
        return {}["key"]

    monkeypatch.setattr("nta.batch.work.analyze_file", faulty)
    found = _again(few, tmp_path / "batch", Request(settings=AnalysisSettings.from_toml(quick)))
    assert {o.reason for o in found.values()} == {"unexpected KeyError: 'key'"}
    assert all("faulty" in o.detail for o in found.values())


def test_the_results_of_a_batch_are_those_of_a_single_analysis(few, quick, tmp_path, here):
    request = Request(settings=AnalysisSettings.from_toml(quick))
    folder = tmp_path / "batch"
    with (few / videos.GOOD[0]).with_suffix(".toml").open("a") as sidecar:
        sidecar.write('date = "2026-01-05"\noperator = "B. Meier"\n')
    jobs = plan(few, folder, request=request, about=About(operator="A. Roth"))
    run_batch(jobs[:1], folder)
    (folder / ".recordings-0123abcd.partial.csv").touch()  # a power cut left it
    batch = run_batch(jobs, folder)
    assert not list(folder.glob("*.partial.*"))
    job, outcome = batch.done[0]
    alone, words = tmp_path / "alone", ["--operator", "A. Roth", "--settings", str(quick), "--quiet"]
    assert main(["analyze", str(job.recording), "-o", str(alone), *words]) == 0
    ours, single = load_analysis(job.folder / RESULTS_FILE), load_analysis(alone / RESULTS_FILE)
    assert ours.sizes.summary == single.sizes.summary
    assert ours.settings == single.settings
    assert outcome.numbers["d50_nm"] == single.sizes.summary["d50_nm"]
    assert ours.provenance.about == single.provenance.about == {"date": "2026-01-05", "operator": "A. Roth"}
    assert "by A. Roth" in (job.folder / "report.html").read_text()
    assert 'href="results/run_00.avi/report.html"' in (folder / "overview.html").read_text()


def test_a_batch_goes_on_record_once(few, quick, tmp_path, here, monkeypatch, capsys):
    catalogue = tmp_path / "runs.sqlite"
    monkeypatch.setenv("NTA_CATALOGUE", str(catalogue))
    (few / "cut_off.avi").write_bytes((few / videos.GOOD[0]).read_bytes()[:500_000])
    (few / "cut_off.toml").write_text(videos.SIDECAR.format(sample="beads") + 'operator = "A. Roth"\n')
    command = _command(few, tmp_path / "batch", quick, "--instrument", "left")
    assert main(command) == EXIT_FAILED
    assert main(command) == EXIT_FAILED
    with Catalogue.open(catalogue) as opened:
        runs = opened.runs()
    assert len(runs) == 4
    assert {run.instrument for run in runs} == {"left"}
    (cut,) = [run for run in runs if run.operator == "A. Roth"]
    assert "frames are whole" in cut.comment
    assert Path(cut.results).name == "cut_off.avi"
    assert main([*command, "--catalogue", "none"]) == EXIT_FAILED
    assert main(["catalogue", "list"]) == EXIT_OK
    assert capsys.readouterr().out.count("run_0") == 3


def test_a_catalogue_that_fails_costs_no_result(few, quick, tmp_path, here, monkeypatch, capsys):
    from nta.catalogue import CatalogueError

    def away(*_args, **_words):
        raise CatalogueError("the server is away")

    command = _command(few, tmp_path / "batch", quick, "--catalogue", tmp_path / "runs.sqlite")
    with monkeypatch.context() as broken:
        broken.setattr(Catalogue, "record", away)
        assert main(command) == EXIT_FAILED
    assert "3 results are not in the catalogue" in capsys.readouterr().err
    assert main(command) == EXIT_OK
    with Catalogue.open(tmp_path / "runs.sqlite") as opened:
        assert len(opened.runs()) == 3


def test_a_folder_in_use_is_left_alone(few, tmp_path):
    taken = tmp_path / "taken"
    taken.mkdir()
    (taken / "thesis.txt").write_text("chapter 1")
    with pytest.raises(SettingError, match="not empty and no folder of a batch"):
        run_batch(plan(few, taken), taken)
    with pytest.raises(SettingError, match="is a file"):
        run_batch(plan(few, taken / "thesis.txt"), taken / "thesis.txt")
    assert [path.name for path in taken.iterdir()] == ["thesis.txt"]


def test_two_batches_in_one_folder_are_refused(few, tmp_path, monkeypatch):
    folder = tmp_path / "batch"

    def meanwhile(jobs, _function, **_):
        with pytest.raises(SettingError, match="another nta batch is at work"):
            run_batch(jobs, folder)
        for job in jobs:
            yield job, JobOutcome(status="failed", reason="not tried")

    monkeypatch.setattr("nta.batch.running.in_processes", meanwhile)
    run_batch(plan(few, folder), folder)


@pytest.mark.slow
def test_a_process_that_dies_costs_its_own_file_alone(few, tmp_path):
    jobs = plan(few, tmp_path / "batch")
    found = {job.name: o for job, o in in_processes(jobs, treacherous, workers=2, cores_each=1)}
    assert len(found) == 3
    assert "died twice (signal SIGKILL)" in found["run_00.avi"].reason
    assert not found["run_00.avi"].lasting
    assert [found[f"run_0{k}.avi"].reason for k in (1, 2)] == ["on 1 cores"] * 2


@pytest.mark.slow
def test_that_processes_compile_is_told_once(few, tmp_path):
    jobs, told = plan(few, tmp_path / "batch"), []
    found = list(in_processes(jobs, compiling, workers=2, cores_each=1, on_compiling=lambda: told.append(1)))
    assert [outcome.status for _, outcome in found] == ["result"] * 3
    assert told == [1]


@pytest.mark.slow
def test_a_file_that_comes_to_no_end_costs_itself_alone(few, tmp_path):
    jobs = plan(few, tmp_path / "batch")
    start = time.monotonic()
    found = {job.name: o for job, o in in_processes(jobs, endless, workers=2, cores_each=1, stuck_s=3)}
    assert time.monotonic() - start < 300
    assert "nothing moved for 3 s" in found["run_00.avi"].reason
    assert [found[f"run_0{k}.avi"].status for k in range(3)] == ["failed", "result", "result"]


def test_a_job_never_raises(few, tmp_path, quick):
    job = plan(few, tmp_path / "batch", request=Request(settings=AnalysisSettings.from_toml(quick)))[0]
    gone = replace(job, recording=job.recording.with_name("gone.avi"))
    outcome = work(gone)
    assert outcome.status == "failed"
    assert "gone.avi" in outcome.reason


def test_a_folder_that_cannot_be_written_any_more_costs_no_analysis(few, tmp_path, monkeypatch):
    (job, *_) = plan(few, tmp_path / "batch")

    def refused(**_):  # not by its mode, which does not bind the root of a container
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr("tempfile.TemporaryDirectory", refused)
    monkeypatch.setattr("nta.batch.work.analyze_file", lambda *_, **__: pytest.fail("it was analysed"))
    outcome = work(job)
    assert outcome.status == "failed"
    assert re.search("cannot be written: .*: Permission denied", outcome.reason)
    assert not outcome.lasting


def test_a_microscope_format_and_a_recording_without_a_size_are_no_whole_batch(
    few, quick, tmp_path, frames, here
):
    request = Request(settings=AnalysisSettings.from_toml(quick), report=False)
    for name in videos.GOOD[1:3]:
        (few / name).unlink()
        (few / name).with_suffix(".toml").unlink()
    (few / "note.txt").write_text("in focus at last\n")
    (few / "plate.zip").write_bytes(b"PK\x03\x04" + b"\0" * 20)
    folder = tmp_path / "batch"
    assert run_batch(plan(few, folder, request=request), folder).whole
    (few / "renamed").write_bytes(b"ZISRAWFILE" + b"\0" * 40)
    (few / "run.nd2").write_bytes(b"")
    rng = np.random.default_rng(1)
    empty = rng.normal(30, 2, frames.shape).astype(np.uint8)
    videos.write_avi(few / "diluent.avi", empty)
    (few / "diluent.toml").write_text(videos.SIDECAR.format(sample="diluent"))
    batch = run_batch(plan(few, folder, request=request), folder)
    assert not batch.whole
    found = {job.name: outcome for job, outcome in batch.done}
    assert {name: outcome.status for name, outcome in found.items()} == {
        videos.GOOD[0]: "result",
        "diluent.avi": "unsized",
        "note.txt": "skipped",
        "plate.zip": "skipped",
        "renamed": "failed",
        "run.nd2": "failed",
    }
    assert "is a Zeiss CZI, which nta does not read" in found["renamed"].reason
    assert found["diluent.avi"].reason.startswith("no size distribution: ")
    page = (folder / "overview.html").read_text(encoding="utf-8")
    assert "No size" in re.sub("<[^>]+>", "", page)


def test_a_blank_may_well_be_without_a_size(few, quick, tmp_path, frames, here):
    videos.write_avi(few / "blank.avi", np.random.default_rng(1).normal(30, 2, frames.shape).astype(np.uint8))
    (few / "blank.toml").write_text(videos.SIDECAR.format(sample="diluent"))
    manifest, folder = tmp_path / "list.csv", tmp_path / "batch"
    request = Request(settings=AnalysisSettings.from_toml(quick), report=False)
    for kind, status in (("sample", "unsized"), ("blank", "result")):
        manifest.write_text(f"file;kind\nfew/blank.avi;{kind}\n")
        batch = run_batch(plan(manifest, folder, request=request), folder)
        assert [outcome.status for _, outcome in batch.done] == [status]
        assert batch.whole == (kind == "blank")
    assert "No size" not in (folder / "overview.html").read_text(encoding="utf-8")


def test_a_result_that_its_report_fails_is_marked_named_and_said_to_be_in_the_mean(tmp_path):
    def done(name, verdict, failed, d50_nm=100.0):
        d50 = Quantity(d50_nm, 95.0, 135.0, "nm")
        facts = {"verdict": verdict, "failed_findings": failed, "sample": "s"}
        job = Job(name=name, recording=tmp_path / name, folder=tmp_path / "results" / name)
        return job, JobOutcome(status="result", sha256=name, facts=facts, numbers={"d50_nm": d50})

    rows = (done("a", "pass", []), done("b", "warn", []), done("c", "fail", ["Drift", "Focus"], 130.0))
    batch = Batch(folder=tmp_path, done=rows, groups=tuple(replicates(rows)))
    words = _summary(batch).splitlines()
    assert words[0] == (
        "3 of 3 files gave a result: 1 good, 1 to use with care, 1 not to be relied on: c (drift, focus)"
    )
    assert (
        "1 of 3 videos in the means is not to be relied on: c (drift, focus); without the failed" in words[-1]
    )
    assert "the mean D50 is 100 nm instead of 110 nm; to leave out" in words[-1]
    (hopeless,) = replicates([rows[2], done("d", "fail", ["Focus"])])
    assert hopeless.words_on_failed == "no video in the means is to be relied on: c (drift, focus); d (focus)"
    text = page(batch)
    assert text.index("Do not rely on c (drift, focus)") < text.index("Recordings")
    cells = map(_words_in, re.findall(r"<td>(.*?)</td>", text))
    assert [words for words in cells if words.startswith(("✓", "▲", "✕"))] == [
        "✓Good",
        "▲Use with care",
        "✕Do not rely on it: drift, focus",
    ]
    assert groups_table(batch.groups).column("videos_failed").to_pylist() == [1]
    assert groups_table(batch.groups).column("mean_without_failed").to_pylist() == [100.0]


def _words_in(markup):
    return re.sub(r"<[^>]+>", "", markup)


def test_one_recording_in_two_groups_is_said(tmp_path):
    def done(name, group):
        facts = {"verdict": "pass", "failed_findings": [], "sample": group}
        numbers = {"d50_nm": Quantity(100.0, 95.0, 105.0, "nm")}
        job = Job(name=name, recording=tmp_path / name, folder=tmp_path / "results" / name)
        return job, JobOutcome(status="result", sha256="one", facts=facts, numbers=numbers)

    rows = (done("a", "donor 1"), done("b", "donor 1"), done("c", "donor 2"))
    batch = Batch(folder=tmp_path, done=rows, groups=tuple(replicates(rows)))
    assert batch.in_two_groups == {"c": "a"}
    assert "c: byte by byte a of another group" in _summary(batch)
    assert "c is byte by byte a of another group" in page(batch)


@pytest.mark.parametrize("words", ["--blank nope", "--medium nope"])
def test_what_is_not_there_is_refused_before_the_first_recording(few, tmp_path, words, capsys):
    assert main(["batch", str(few), "-o", str(tmp_path / "out"), *words.split()]) == EXIT_FAILED
    assert "nope" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_a_line_names_its_recording_once(tmp_path):
    job = Job(name="day 1/notes.txt", recording=tmp_path / "notes.txt", folder=tmp_path / "results" / "notes")
    outcome = JobOutcome(status="failed", reason="notes.txt is no recording that nta knows")
    words = _summary(Batch(folder=tmp_path, done=((job, outcome),), groups=()))
    assert words.splitlines()[1] == "  FAILED     day 1/notes.txt: is no recording that nta knows"
