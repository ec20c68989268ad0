"""The commands: a template to fill in, a check, and a report from results that exist already."""

import json
from dataclasses import replace

import numpy as np
import pytest

from made.analysis import make_analysis
from nta.cli import EXIT_FAILED, EXIT_OK, main
from nta.io.results import save_analysis


def test_init_writes_a_template_that_check_accepts(tmp_path, capsys):
    path = tmp_path / "study.toml"
    assert main(["study", "init", str(path)]) == EXIT_OK
    assert main(["study", "check", str(path)]) == EXIT_OK
    assert "2 preparations, good" in capsys.readouterr().err


def test_check_says_where_a_dilution_is_stated_for_one_arm_alone(tmp_path, capsys):
    path = tmp_path / "study.toml"
    tubes = '[[preparation]]\nname = "{}"\narm = "{}"\n{}\n'
    path.write_text(
        'title = "x"\n' + tubes.format("r", "reference", "dilution = 200") + tubes.format("t", "test", "")
    )
    assert main(["study", "check", str(path)]) == EXIT_OK
    assert "the dilution of r is stated, that of t is not: without it recovery is" in capsys.readouterr().err
    path.write_text(path.read_text() + "dilution = 1\n")
    assert main(["study", "check", str(path)]) == EXIT_OK
    assert "the dilution of" not in capsys.readouterr().err


@pytest.mark.parametrize(
    ("line", "table"),
    [
        ('settings = "nope.toml"', "analysis"),
        ('limits = "nope"', "analysis"),
        ('limits = "nope.toml"', "analysis"),
        ('profile = "nope"', "instrument"),
        ('certificate = "nope"', "preparation"),
        ('medium = "pbss"', "preparation"),
    ],
)
def test_what_a_study_names_is_looked_for_before_hours_of_work(tmp_path, capsys, line, table):
    (tmp_path / "b.h5").write_bytes(b"no results: a recording, by all that check knows")
    tables = {"analysis": "", "instrument": "", "preparation": ""}
    tables[table] = line
    path = tmp_path / "study.toml"
    path.write_text(
        'title = "x"\n'
        + "".join(f"[{name}]\n{tables[name]}\n" for name in ("analysis", "instrument") if tables[name])
        + '[[preparation]]\nname = "t"\narm = "test"\n'
        + '[[preparation]]\nname = "b"\narm = "beads"\nrecordings = ["b.h5"]\nwhen = "before"\n'
        + (
            tables["preparation"]
            if "certificate" in line
            else f"""certificate = "example_polystyrene_100nm"
{tables["preparation"]}"""
        )
    )
    for command in (["study", "check", str(path)], ["assess", str(path), "-o", str(tmp_path / "out")]):
        assert main(command) == EXIT_FAILED
        said = capsys.readouterr().err
        assert line.split(" = ")[0] in said
        assert "nope" in said or "pbss" in said


def test_a_medium_of_finished_results_may_be_any_words(tmp_path, capsys):
    (tmp_path / "export.csv").write_text("no matter")
    study = tmp_path / "study.toml"
    study.write_text(
        'title = "x"\n[[preparation]]\nname = "t"\narm = "test"\nmedium = "DMEM"\nrecordings = ["export.csv"]\n'
    )
    main(["study", "check", str(study)])
    assert "DMEM" not in capsys.readouterr().err


def test_init_leaves_a_study_that_is_there(tmp_path, capsys):
    path = tmp_path / "study.toml"
    path.write_text("mine")
    assert main(["study", "init", str(path)]) == EXIT_FAILED
    assert path.read_text() == "mine"
    assert "exists already" in capsys.readouterr().err


@pytest.mark.slow
def test_assess_judges_saved_results_and_says_what_is_missing(tmp_path, capsys):
    for i in range(2):
        (tmp_path / f"run_{i}").mkdir()
        analysis = make_analysis(np.random.default_rng(i), n_tracks=150, n_frames=80)
        provenance = replace(analysis.provenance, sha256=f"{i:064x}")
        save_analysis(replace(analysis, provenance=provenance), tmp_path / f"run_{i}" / "results.h5")
    (tmp_path / "study.toml").write_text(
        'title = "saved"\n[[preparation]]\nname = "a"\narm = "reference"\nrecordings = ["run_0"]\n'
        '[[preparation]]\nname = "b"\narm = "test"\nrecordings = ["run_1/results.h5"]\n'
    )
    assert main(["assess", str(tmp_path), "-o", str(tmp_path / "out"), "--json"]) == EXIT_OK
    (group,) = json.loads(capsys.readouterr().out)
    assert group["verdict"] == "INDETERMINATE"
    assert {"FEW_REPLICATES", "FEW_TRACKS"} <= {reason["code"] for reason in group["reasons"]}
    assert {"report.html", "report.pdf", "assessment.json", "checklist.json", "methods.txt", "figures"} <= {
        p.name for p in (tmp_path / "out").iterdir()
    }
    stated = {
        item["name"] for item in json.loads((tmp_path / "out" / "checklist.json").read_text())["stated"]
    }
    assert {"every parameter as used", "tracks excluded, with reasons", "viscosity, mPa s"} <= stated


def test_a_template_that_nobody_filled_in_is_not_judged(tmp_path, capsys):
    assert main(["study", "init", str(tmp_path / "study.toml")]) == EXIT_OK
    assert main(["assess", str(tmp_path), "-o", str(tmp_path / "out")]) == EXIT_FAILED
    assert "donor 1 fresh: recordings is empty; attach what was measured" in capsys.readouterr().err


def test_a_study_with_a_fault_ends_with_one_line(tmp_path, capsys):
    (tmp_path / "study.toml").write_text(
        'title = "x"\n[[preparation]]\nname = "a"\narm = "test"\ndilution = -1\n'
    )
    assert main(["assess", str(tmp_path), "-o", str(tmp_path / "out")]) == EXIT_FAILED
    said = capsys.readouterr().err.strip()
    assert "\n" not in said
    assert "dilution = -1 is no dilution" in said
