"""The report is whole: what it must say is on the page and in the PDF, and assessment.json holds the numbers."""

import json
import re

import pytest

from made.outcomes import judged, ledger, seeded
from nta.study.report import write_study_report

pytestmark = pytest.mark.slow  # every figure is drawn, in three formats


@pytest.fixture(scope="module")
def reported(tmp_path_factory):
    folder = tmp_path_factory.mktemp("report")
    study = ledger(folder / "study.toml", groups=("once", "thrice"), donors=3)
    cases = {"once": "T8 osmotic lysis", "thrice": "T5b freeze-thaw strong"}
    outcome = judged(study, cases, seeded(21), n_tracks=300)
    write_study_report(outcome, folder)
    return folder, outcome


def test_the_verdict_stands_before_everything_else(reported):
    folder, _ = reported
    page = (folder / "report.html").read_text()
    assert page.index("DAMAGED") < page.index("ALTERED") < page.index("What was compared")
    assert re.search(r"larger at equal brightness by \+\d+\.?\d*\s% \(95 % interval \+\d", page)
    for words in (
        "What tracking cannot tell",
        "Gates",
        "Doses",
        "Over storage time and freeze-thaw cycles",
        "Groups side by side",
        "Measured otherwise",
        "Methods paragraph",
        "temperature −80 °C; 72 h; 1 freeze-thaw cycle",
        "Runs: brightness",
        "Scatter between videos: count",
        "Limits: integrity.toml;",
        "<b>Sample donor 1:</b> source conditioned medium",
    ):
        assert words in page
    assert "preparation(s)" not in page
    for row in ("once", "thrice", "reference"):
        assert re.search(
            rf"<td[^>]*>{row}</td>\s*<td[^>]*>3 preparations</td>(\s*<td[^>]*>[^<]*nm \([^<]*nm\)</td>){{3}}",
            page,
        )
    assert "intervals over 3 pairs of preparations" in page
    # in a list, since in the table they would stand in its narrowest column
    assert re.search(r"Zeta potential, not assessed:</b> [^<]+\.</li>", page)


def test_the_page_needs_nothing_from_outside(reported):
    page = (reported[0] / "report.html").read_text()
    assert not re.search(r'(src|href)="(?!#|data:)', page)
    assert "<script" not in page


def test_the_pdf_says_the_same_as_the_page(reported):
    pdfium = pytest.importorskip("pypdfium2")
    document = pdfium.PdfDocument(reported[0] / "report.pdf")
    words = [page.get_textpage().get_text_range() for page in document]
    document.close()
    assert "DAMAGED" in words[0] and "ALTERED" in words[0]  # noqa: PT018
    everything = " ".join(words)
    for title in ("Gates", "Doses", "Reporting checklist", "What tracking cannot tell"):
        assert title in everything


def test_figures_are_saved_in_three_formats(reported):
    names = {p.stem for p in (reported[0] / "figures").iterdir()}
    assert {"distributions", "criteria_1", "criteria_2", "brightness_1", "recovery", "groups"} <= names
    assert all(
        (reported[0] / "figures" / f"{n}.{s}").stat().st_size > 1000
        for n in names
        for s in ("svg", "png", "pdf")
    )


def test_assessment_json_holds_what_the_judgement_holds(reported):
    folder, outcome = reported
    data = json.loads((folder / "assessment.json").read_text())
    assert [g["verdict"] for g in data["groups"]] == [str(item.judgement.verdict) for item in outcome.judged]
    reference = data["arms"]["reference"]
    assert (reference["unit"], reference["n"]) == ("preparation", 3)
    assert reference["diameters"]["d10_nm"]["high"] < reference["diameters"]["d50_nm"]["low"]
    labile = data["arms"]["once"]["measured"]["detergent_labile"]
    assert labile["low"] < labile["value"] < labile["high"]
    d50 = next(c for c in data["groups"][1]["criteria"] if c["name"] == "d50")
    assert d50["estimate"] == pytest.approx(outcome.judged[1].judgement.criteria["d50"].comparison.estimate)
    assert len(data["videos"]) == sum(len(v) for v in outcome.material.attached.values())


def test_the_checklist_names_what_is_missing_and_claims_nothing(reported):
    folder, _ = reported
    found = json.loads((folder / "checklist.json").read_text())
    missing = {item["name"] for item in found["missing"]}
    stated = {item["name"] for item in found["stated"]}
    assert {"serial number", "objective", "orthogonal single-particle method"} <= missing
    sizes = next(item["value"] for item in found["stated"] if item["name"].startswith("size distribution"))
    assert sizes["once"]["d50_nm"]["unit"] == "nm"
    assert {"storage buffer", "freeze-thaw cycles", "buffer blank", "source of the material"} <= stated
    methods = (folder / "methods.txt").read_text()
    assert "100000 × g" in methods
    assert "low-binding, −80 °C, 72 h, 1 freeze-thaw cycle;" in methods
    assert "[serial number]" in methods
    assert "complies" not in methods + found["note"]
