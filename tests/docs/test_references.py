"""The pages that list findings, columns, settings and codes are held to the program: nothing missing, nothing too many."""

import re
from dataclasses import MISSING, fields
from pathlib import Path
from typing import get_args

import pytest

import nta
from nta import cli
from nta.assessment import FindingName, load_limits
from nta.assessment.integrity import Phenotype, gates, load_integrity_limits
from nta.cli import EXIT_FAILED, EXIT_INTERRUPTED, EXIT_OK, check
from nta.cli.parser import EXIT_USAGE
from nta.cli.verbs.quality import EXIT_CHECK_USAGE
from nta.diffusion import DiffusionEstimates, TrackFlag
from nta.io.recordings import sidecar
from nta.io.results.summary import summary
from nta.io.results.tables import distribution_columns, spot_columns, track_columns
from nta.live import LiveSettings
from nta.sizes.table import TrackSizes
from nta.spots import SpotFlag, Spots
from nta.sweep import BUDGET_TERM
from nta.tracks import Tracks
from nta.visibility.table import TrackIndices, VisibleVolume

ROOT = Path(__file__).parents[2]
ASSESSMENT = ROOT / "src" / "nta" / "assessment"


def _section(page, title):
    """Return what stands under a title of a page in docs/, up to the next title."""
    text = (ROOT / "docs" / page).read_text(encoding="utf-8")
    return re.split(r"\n#+ ", text.partition(f" {title}\n")[2])[0]


def _rows(text):
    """Return the rows of all tables, cell by cell, without their heads."""
    lines = [line for line in text.splitlines() if line.startswith("|")]
    heads = {i - 1 for i, line in enumerate(lines) if set(line) <= set("|-: ")}
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    return [row for i, row in enumerate(cells) if i not in heads and i - 1 not in heads]


def _names(text):
    """Return what stands in the first column in code quotes; one row may name several."""
    return [name for row in _rows(text) for name in re.findall(r"`([^`]+)`", row[0])]


def _source(*modules):
    return "\n".join(module.read_text(encoding="utf-8") for folder in modules for module in folder)


@pytest.fixture(scope="module")
def analysis():
    """With a calibrated light sheet, so that every column and key is there."""
    with nta.open(ROOT / "sample_data" / "beads_100nm.h5") as recording:
        return nta.analyze(recording, profile="simulated")


def test_every_finding_is_on_the_page_under_its_title():
    elsewhere = [ASSESSMENT / "controls.py", ROOT / "src" / "nta" / "sweep.py"]
    source = _source((ASSESSMENT / "recording").glob("*.py"), elsewhere)
    in_code = set(re.findall(r'"([a-z_]+)",\s*(?:"[A-Z][a-z]|title\b)', source))
    in_code |= set(re.findall(r'name="([a-z_]+)"', source))
    in_code -= {"laser_mw", "focus_um"}  # readings, whose findings are laser_range and focus_range
    rows = _rows(_section("findings.md", "Findings on a recording"))
    assert in_code - {row[0].strip("`") for row in rows} == set()
    assert {row[0].strip("`") for row in rows} - in_code == {"laser_range", "focus_range"}
    assert {row[0].strip("`") for row in rows} == set(get_args(FindingName)), "asked for by name elsewhere"
    assert [row[1] for row in rows if f'"{row[1]}"' not in source] == []


def test_the_limits_of_the_findings_are_those_of_the_file():
    limits = dict(load_limits("recording_quality"))
    limits |= {"full_scale": limits["saturated_spots"], "temperature_stated": limits["temperature_range"]}
    for name, _, _, warn, fail, _ in _rows(_section("findings.md", "Findings on a recording")):
        limit = limits.pop(name.strip("`"), None)
        if limit is None:
            assert warn in ("by rule", "-"), name
            continue
        sign = "<" if limit.sense == "at least" else ">"
        unit = "" if limit.unit == "1" else f" {limit.unit}"
        for shown, number in ((warn, limit.warn), (fail, limit.fail)):
            assert shown == ("-" if number is None else f"{sign} {number:g}{unit}"), name
    assert not limits


def test_every_code_of_a_judgement_is_on_the_page():
    source = _source((ASSESSMENT / "integrity").glob("*.py"))
    codes = set(re.findall(r'code="([A-Z_]+)"', source)) | set(
        re.findall(r'_DIFFERS.* = "([A-Z_]+)"', source)
    )
    text = _section("findings.md", "Codes of a judgement")
    listed = {row[0].strip("`"): row[1] for row in _rows(text) if row[0].startswith("`")}
    assert set(listed) == codes | set(gates.TITLES)
    assert {code: listed[code] for code in gates.TITLES} == gates.TITLES
    assert [row[0] for row in _rows(text) if len(row) == 1] == [str(phenotype) for phenotype in Phenotype]
    named = {name for row in _rows(text) if len(row) == 4 for name in re.findall(r"`([a-z_0-9]+)`", row[3])}
    assert named == set(load_integrity_limits().gates)


def test_the_columns_of_the_csv_files_are_on_the_page(analysis):
    assert _names(_section("tables.md", "tracks.csv")) == list(track_columns(analysis))
    assert _names(_section("tables.md", "spots.csv")) == list(spot_columns(analysis))
    columns = distribution_columns(analysis)
    listed = _names(_section("tables.md", "distribution.csv"))
    assert listed[: len(columns)] == list(columns)
    assert set(columns["curve"][1]) <= set(listed[len(columns) :])


@pytest.mark.parametrize(("title", "kind"), [("Flags of tracks", TrackFlag), ("Flags of spots", SpotFlag)])
def test_the_flags_are_on_the_page(title, kind):
    rows = [(row[0].strip("`"), int(row[1])) for row in _rows(_section("tables.md", title))]
    assert rows == [(flag.name.lower(), int(flag)) for flag in kind]


def test_the_terms_of_the_budget_are_on_the_page(analysis):
    terms = {row[0] for row in _rows(_section("sizes.md", "What is in the budget"))}
    assert set(analysis.sizes.budget) <= terms
    assert {"flow that is left", BUDGET_TERM} <= terms


def test_the_keys_of_the_summary_are_on_the_page(analysis):
    found, text = summary(analysis), _section("tables.md", "summary.json")
    assert _names(text) == list(found)
    for key in ("size", "counts", "visibility", "frames_report", "provenance"):
        (row,) = [row for row in _rows(text) if f"`{key}`" in row[0]]
        assert [name for name in found[key] if f"`{name}`" not in row[1]] == []
    assert [n for n in found["findings"][0] if f"`{n}`" not in text] == []
    assert [n for n in found["size"]["numbers"] if f"`{n}`" not in text] == []


def test_the_groups_of_the_results_are_on_the_page():
    assert set(_names(_section("tables.md", "results.h5"))) == {f.name for f in fields(nta.Analysis)}


@pytest.mark.parametrize(
    ("title", "table"),
    [
        ("Spots", Spots),
        ("Tracks", Tracks),
        ("Diffusion", DiffusionEstimates),
        ("Sizes of tracks", TrackSizes),
        ("Visible volume", VisibleVolume),
        ("Indices of tracks", TrackIndices),
    ],
)
def test_the_columns_of_the_results_are_on_the_page(title, table):
    declared = [
        [f"`{c.name}`", c.metadata["dtype"].name, c.metadata["unit"], c.metadata["meaning"]]
        for c in table.columns()
    ]
    assert _rows(_section("tables.md", title)) == declared


def _shown(value):
    """Return a default as TOML would say it."""
    if value is None:
        return "automatic"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, tuple):
        return f"[{', '.join(_shown(v) for v in value)}]"
    if isinstance(value, str):
        return f'"{value}"'
    return repr(value)


@pytest.mark.parametrize("stage", [*(f.name for f in fields(nta.AnalysisSettings)), "live"])
def test_the_settings_are_on_the_page_with_their_defaults(stage):
    kind = LiveSettings if stage == "live" else type(getattr(nta.AnalysisSettings(), stage))
    defaults = {f"`{f.name}`": _shown(f.default) for f in fields(kind) if f.default is not MISSING}
    if stage == "live":
        defaults["`until_d50_within`"] = "none"
    if stage == "sizing":
        defaults["`windows_nm`"] = defaults["`windows_nm`"].replace(".0", "")
    assert {row[0]: row[1] for row in _rows(_section("settings.md", stage.capitalize()))} == defaults


def test_the_exit_codes_are_on_the_page():
    codes = {EXIT_OK, EXIT_FAILED, EXIT_USAGE, EXIT_INTERRUPTED}
    codes |= {EXIT_CHECK_USAGE, check.EXIT_UNREADABLE, check.EXIT_FAULT, *check._EXIT.values()}
    assert {int(row[0]) for row in _rows(_section("settings.md", "Exit codes"))} == codes


def test_the_keys_of_a_side_car_are_on_the_page():
    assert _names(_section("recordings.md", "The side-car")) == [*sidecar.NUMBERS, *sidecar.TEXTS]


def test_every_command_is_on_the_page():
    (verbs,) = cli._parser()._subparsers._group_actions
    in_program = {parser.prog.removeprefix("nta ") for parser in verbs.choices.values()}
    rows = _rows((ROOT / "docs" / "commands.md").read_text(encoding="utf-8"))
    on_page = {verb for row in rows for verb in re.findall(r"`nta ([a-z-]+)", row[0])}
    assert on_page == in_program
