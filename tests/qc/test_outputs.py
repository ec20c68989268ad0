"""What people and machines get to see: table, JSON, JUnit, exit codes, messages of assertions."""

import json
import shutil
import subprocess
import sys
from dataclasses import replace
from xml.etree import ElementTree

import pytest

import nta.qc
from made.analysis import make_analysis
from nta.assessment import Verdict
from nta.assessment.controls import with_findings
from nta.cli import main
from nta.io.results import save_analysis
from nta.qc.verdict import Limits
from nta.qc.wording import limits_words

GOOD = "[size]\nd50_nm = { at_least = 60, at_most = 160 }\nd05_nm = { at_least = 20 }\n"
BAD = "[size]\nd50_nm = { at_most = 60 }\n[tracks]\nat_least = 10\n"
OPEN = "[concentration]\nin_sample_per_ml = { at_least = 1e6 }\n"


@pytest.fixture(scope="module")
def analysis():
    import numpy as np

    return make_analysis(np.random.default_rng(3), n_tracks=300, n_frames=120)


@pytest.fixture(scope="module")
def folder(analysis, tmp_path_factory):
    path = tmp_path_factory.mktemp("qc") / "run 7"
    path.mkdir()
    save_analysis(analysis, path / "results.h5")
    return path


def spec(folder, text):
    path = folder / "spec.toml"
    path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.parametrize(("text", "code"), [(GOOD, 0), (BAD, 1), (OPEN, 2)])
def test_the_exit_code_is_the_verdict(folder, tmp_path, capsys, text, code):
    assert main(["check", str(folder), "--spec", str(spec(tmp_path, text))]) == code
    assert ("PASS", "FAIL", "INCONCLUSIVE")[code] in capsys.readouterr().out


def test_a_reader_that_goes_away_changes_no_verdict(folder, tmp_path):
    words = ["check", str(folder), "--spec", str(spec(tmp_path, BAD)), "-o", "-"]
    process = subprocess.Popen(
        [sys.executable, "-m", "nta", *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    process.stdout.close()
    with process.stderr as errors:
        assert errors.read() == b""
    assert process.wait() == 1


def test_a_report_is_shown_as_its_table(analysis, tmp_path):
    report = nta.qc.check(analysis, spec(tmp_path, BAD))
    assert repr(report) == str(report) == report.table()


def test_results_in_folders_of_one_name_are_told_apart(folder, tmp_path):
    """Continuous integration joins tests of one name: a pass would hide a failure."""
    for run in ("lot 7", "lot 8"):
        shutil.copytree(folder, tmp_path / run / "analysis")
    report = nta.qc.check(
        [tmp_path / "lot 7" / "analysis", tmp_path / "lot 8" / "analysis"], spec(tmp_path, GOOD)
    )
    cases = [case.attrib for case in ElementTree.fromstring(report.junit()).iter("testcase")]
    assert {case["classname"] for case in cases} == {f"{report.name}.lot 7", f"{report.name}.lot 8"}


def test_wrong_usage_is_no_verdict(folder, tmp_path, capsys):
    assert main(["check", str(folder)]) == 64
    assert main(["check", str(folder), "--spec", str(spec(tmp_path, "[sizes]"))]) == 64
    assert main(["check", str(tmp_path / "none.csv"), "--spec", str(spec(tmp_path, GOOD))]) == 65
    for words in (["--bogus"], ["--junit"]):
        with pytest.raises(SystemExit) as ended:
            main(["check", str(folder), "--spec", "x.toml", *words])
        assert ended.value.code == 64
    with pytest.raises(SystemExit) as ended:
        main(["drivers", "--bogus"])
    assert ended.value.code == 2
    assert "unknown key" in capsys.readouterr().err


def test_a_fault_of_the_program_is_no_verdict(folder, tmp_path, capsys, monkeypatch):
    import nta.cli.check

    monkeypatch.setattr(nta.cli.check, "check", lambda *_, **__: 1 / 0)
    assert main(["check", str(folder), "--spec", str(spec(tmp_path, GOOD))]) == 70
    assert "ZeroDivisionError" in capsys.readouterr().err


def test_a_report_named_by_a_dash_is_printed(folder, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    words = ["check", str(folder), "--spec", str(spec(tmp_path, GOOD))]
    assert main([*words, "-o", "-"]) == 0
    assert json.loads(capsys.readouterr().out)["verdict"] == "pass"
    assert main([*words, "--junit", "-"]) == 0
    assert ElementTree.fromstring(capsys.readouterr().out).tag == "testsuites"
    assert main([*words, "-o", "-", "--junit", "-"]) == 64
    assert "cannot both be printed" in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["spec.toml"]


def test_json_and_junit_say_the_same(folder, tmp_path):
    both = spec(tmp_path, BAD + OPEN)
    words = ["check", str(folder), "--spec", str(both), "-q", "-o", str(tmp_path / "qc.json")]
    assert main([*words, "--junit", str(tmp_path / "qc.xml")]) == 1
    report = json.loads((tmp_path / "qc.json").read_text())
    assert report["verdict"] == "fail"
    assert [c["verdict"] for c in report["checks"]] == ["fail", "inconclusive", "pass"]
    assert report["checks"][0]["limits"] == {"at_most": 60.0, "on": "interval"}
    suite = ElementTree.parse(tmp_path / "qc.xml").getroot().find("testsuite")
    assert {k: suite.get(k) for k in ("tests", "failures", "errors")} == {
        "tests": "3",
        "failures": "1",
        "errors": "1",
    }
    first, second, third = suite.findall("testcase")
    assert "allowed: at most 60" in first.find("failure").get("message")
    assert second.find("error").get("type") == "inconclusive"
    assert third.find("failure") is None
    assert third.find("error") is None


def test_the_template_is_written_once(tmp_path, capsys):
    path = tmp_path / "spec.toml"
    assert main(["check", "--init", str(path)]) == 0
    assert main(["check", "--init", str(path)]) == 64
    assert "exists" in capsys.readouterr().err


def test_a_window_nobody_named_before_is_worked_out_from_the_tracks(analysis):
    known = analysis.sizes.fractions[30.0, 150.0]
    window = {"low_nm": 30.0001, "high_nm": 150, "share": {"at_least": 0.5}}
    report = nta.qc.check(
        analysis, {"window": [window], "size": {"d50_nm": {"at_least": 1}, "d50.0_nm": {"at_least": 1}}}
    )
    by_name, by_share, again = (c.quantity for c in report.checks)
    assert again.value == pytest.approx(known.value, rel=1e-3)
    assert again.high - again.low == pytest.approx(
        known.high - known.low, rel=0.35
    )  # other draws of the common factor
    assert by_share.value == pytest.approx(by_name.value, rel=1e-12)


def test_an_assertion_reads_like_a_sentence(analysis):
    with pytest.raises(AssertionError) as failed:
        nta.qc.assert_size_distribution(
            analysis, size={"d50_nm": {"at_most": 60}}, concentration={"in_cell_per_ml": {"at_least": 1}}
        )
    first, second, third = str(failed.value).splitlines()
    assert first == "size distribution is not met:"
    assert second.startswith("FAIL")
    assert "D50 (median)" in second
    assert "allowed: at most 60" in second
    assert third.startswith("INCONCLUSIVE")
    report = nta.qc.assert_size_distribution(
        analysis, size={"d50_nm": {"at_least": 60}}, tracks={"at_least": 100}
    )
    assert report.verdict is nta.qc.CheckVerdict.PASS


def test_the_table_has_a_row_for_each_check(analysis):
    table = nta.qc.check(
        analysis, {"name": "lot 7", "recording": {"at_worst": "fail"}, "drift": {"at_most": 1e3}}
    ).table()
    assert "lot 7: PASS" in table
    assert "Worst finding of the recording" in table
    assert "at worst fail" in table
    assert "µm/s" in table


def test_the_table_says_once_what_holds_of_several_rows(analysis):
    limit = {"at_least": 1}
    both = {"in_sample_per_ml": limit, "in_cell_per_ml": limit}
    table = nta.qc.check(analysis, {"concentration": both}).table(160)
    assert table.count("was not measured") == 1
    assert table.count("as above") == 1


def test_limits_are_shown_in_the_digits_that_were_given():
    assert limits_words(Limits(at_least=80, at_most=220), "size.d50_nm") == "80 nm to 220 nm"
    assert limits_words(Limits(at_most=0.075), "window.30_150") == "at most 7.5 %"
    assert limits_words(Limits(at_least=1e8), "concentration.in_sample_per_ml") == "at least 1.00·10⁸ per ml"


def test_a_result_that_its_report_fails_is_named_though_nobody_asked(analysis, tmp_path, capsys):
    drifting = replace(analysis.assessment.findings[0], title="Drift", verdict=Verdict.FAIL)
    failed = replace(analysis, assessment=with_findings(analysis.assessment, [drifting]))
    report = nta.qc.check(failed, spec(tmp_path, GOOD))
    assert report.verdict == "pass"
    assert f"Do not rely on {analysis.provenance.called} (drift)" in " ".join(report.table().split())
    assert list(report.as_dict()["not_to_rely_on"].values()) == [["Drift"]]
    assert "Do not rely on" in report.junit()


@pytest.mark.parametrize("section", ["blank", "beads", "reference"])
def test_a_result_that_no_section_looks_at_is_refused(folder, tmp_path, section, capsys):
    words = ["check", str(folder), "--spec", str(spec(tmp_path, GOOD)), f"--{section}", str(folder)]
    assert main(words) == 64
    assert f"--{section} given, but" in (said := capsys.readouterr().err)
    assert f"has no [{section}] section" in said
