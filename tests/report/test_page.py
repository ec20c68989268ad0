"""The page: verdict first, every number with unit and interval, one file that needs nothing else."""

import re
from dataclasses import replace
from html.parser import HTMLParser

import numpy as np
import pytest

from made.analysis import make_analysis
from made.clean_blank import clean_blank
from nta.assessment import Verdict
from nta.assessment.recording.instrument import doubt_about_gain
from nta.beads import against_certificate
from nta.io.results import summary
from nta.report import summary_text, write_report
from nta.report.details import details
from nta.report.figures.style import log_axis, new_figure
from nta.report.headline import headline
from nta.report.terminal import for_terminal
from nta.report.wording import capitalised, prettied

VOID = {"meta", "br", "hr", "img", "link", "input"}


class Reader(HTMLParser):
    """Collects the text, and whether every element is closed in order."""

    def __init__(self):
        super().__init__()
        self.open, self.words, self.outside = [], [], []

    def handle_starttag(self, tag, attrs):
        self.outside += [
            v for k, v in attrs if k in ("src", "href", "xlink:href") and not v.startswith(("#", "data:"))
        ]
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.outside += [
            v for k, v in attrs if k in ("src", "href", "xlink:href") and not v.startswith(("#", "data:"))
        ]

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if "style" not in self.open and "svg" not in self.open:
            self.words.append(data)


def _page(analysis, folder):
    text = write_report(analysis, folder).read_text(encoding="utf-8")
    reader = Reader()
    reader.feed(text)
    assert reader.open == []
    return text, " ".join(reader.words), reader


def test_a_result_is_shown_in_a_notebook_by_its_numbers_and_findings(analysis, without_spots):
    shown = repr(analysis)
    assert analysis.provenance.recording in shown
    assert f"D50               {analysis.sizes.summary['d50_nm']}\n" in shown
    assert f"{analysis.sizes.n_tracks_used} tracks used" in shown
    assert all(
        finding.title in shown
        for finding in analysis.assessment.findings
        if finding.verdict in (Verdict.WARN, Verdict.FAIL)
    )
    assert "SizeDistribution: none, 0 tracks used" in repr(without_spots)
    for part in (*vars(analysis).values(), *vars(analysis.sizes).values(), analysis.tracks.scene):
        assert len(repr(part)) < 5000
    assert "rows, " in repr(analysis.tracks)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("page")


@pytest.fixture(scope="module")
def page(analysis, folder):
    """Text, words and reader of the page of the ordinary recording."""
    return _page(analysis, folder)


def test_the_page_is_one_file_that_loads_nothing(page, folder):
    text, _, reader = page
    assert reader.outside == []
    assert "<script" not in text
    assert "@import" not in text
    assert [path.name for path in folder.iterdir()] == ["report.html"]


def test_the_verdict_stands_before_the_numbers_and_these_before_the_findings(analysis, page):
    _, words, _ = page
    verdict = {
        Verdict.FAIL: "Do not rely on",
        Verdict.WARN: "Usable with care",
        Verdict.PASS: "Nothing that was assessed",
    }
    places = [
        words.index(part) for part in (verdict[analysis.assessment.worst], "Median diameter D50", "Findings:")
    ]
    assert places == sorted(places)
    for finding in analysis.assessment.findings:
        if finding.verdict in (Verdict.FAIL, Verdict.WARN):
            assert (
                finding.title.lower() in words[: places[1]]
                or finding.verdict is not analysis.assessment.worst
            )
            assert finding.advice


def test_every_number_has_its_interval_and_unit(analysis, page):
    text, _, _ = page
    table = text[text.index("Numbers of the ") : text.index("Systematic budget")]
    rows = re.findall(
        r"<tr><td>(.*?)</td><td class=\"number\">(.*?)</td><td class=\"number\">(.*?)</td>", table
    )
    assert len(rows) == len(analysis.sizes.summary) + len(analysis.sizes.fractions)
    for name, value, interval in rows:
        unit = "" if name.startswith(("Geometric", "Span")) else "%" if name.startswith("Share") else "nm"
        assert value.endswith(unit), name
        assert interval.endswith(unit), name
        assert " to " in interval, name


def test_a_term_of_the_budget_whose_name_does_not_tell_is_explained(page):
    _, words, _ = page
    budget = words[words.index("Systematic budget") : words.index("What was seen")]
    assert "Motion not seen : a particle that goes far from one frame to the next is missed" in budget
    assert "Temperature:" not in budget


@pytest.mark.usefixtures("pictures_unwritten")
def test_what_is_said_of_the_recording_is_on_the_page_and_in_the_summary(analysis, tmp_path):
    about = {"date": "2026-11-19T10:15:00+00:00", "operator": "A. Roth", "comment": "third thaw"}
    said = replace(analysis, provenance=replace(analysis.provenance, about=about))
    _, words, _ = _page(said, tmp_path)
    head = words[: words.index("Median diameter D50")]
    assert "measured 2026-11-19 10:15:00 UTC by A. Roth · analysed 2026-11-24 08:30:00 UTC" in head
    details = words[words.index("Recording and provenance") :]
    for pair in ("measured 2026-11-19 10:15:00 UTC", "operator A. Roth", "instrument not stated"):
        assert pair in " ".join(details.split())
    assert "duration 10.00 s" in " ".join(details.split())
    told = summary(said)
    assert told["provenance"]["about"] == about
    assert told["duration_s"] == pytest.approx(10.0)


@pytest.mark.parametrize(
    ("recording", "head"),
    [
        ("runs/EV 7/recording.h5", "EV 7"),
        ("recording.h5", "recording.h5"),
        ("films/EV 7.avi", "EV 7.avi"),
    ],
)
def test_the_page_is_headed_by_what_a_person_named(analysis, recording, head):
    named = replace(analysis, provenance=replace(analysis.provenance, recording=recording))
    assert f"<h1>{head}</h1>" in headline(named)


@pytest.mark.parametrize(
    ("gain", "codec", "words"),
    [
        (1040.0, None, "no camera has 1040 e/adu"),
        (3.0, "H.264", "compressed with loss (H.264)"),
        (3.0, None, ""),
    ],
)
def test_a_gain_that_is_none_of_the_cameras_is_said(analysis, gain, codec, words):
    scene = analysis.spots.scene
    camera = replace(scene.camera, gain_e_per_adu=gain, source="estimated")
    report = replace(analysis.recording, lossy_codec=codec)
    spots = replace(analysis.spots, scene=replace(scene, camera=camera))
    shown = details(replace(analysis, spots=spots, recording=report))
    assert words in shown
    assert ("not in photo-electrons" in shown) == bool(words)
    assert doubt_about_gain(replace(camera, source="stated"), report) == ""


def test_titles_read_right_with_every_verdict(analysis):
    wished = r"\b(enough|no|few|small|stable|known|unambiguous|whole|calibrated|not|as stated|as recorded|keep up)\b"
    titles = [finding.title for finding in analysis.assessment.findings]
    assert len(titles) > 15
    assert [title for title in titles if re.search(wished, title.lower())] == []


def test_nothing_found_is_said_and_no_number_is_made_up(without_spots, tmp_path):
    _, words, reader = _page(without_spots, tmp_path)
    assert reader.outside == []
    assert "Do not rely on" in words
    assert "Median diameter D50" in words
    assert "not assessed" in words[words.index("Median diameter D50") :][:80]
    assert not re.search(r"\bnan\b|\binf\b|None", words)


def test_particles_that_only_stick_get_no_size(all_stuck, tmp_path):
    _, words, _ = _page(all_stuck, tmp_path)
    assert not re.search(r"D50 [\d.]+ nm", words)
    assert "not assessed" in words[words.index("Median diameter D50") :][:80]
    assert "immobile" in words
    assert not re.search(r"\bnan\b|None", words)


def test_too_few_tracks_for_a_distribution_still_show_themselves(few_tracks, tmp_path):
    text, words, _ = _page(few_tracks, tmp_path)
    assert few_tracks.sizes.distribution is None
    assert "not assessed" in words[words.index("Median diameter D50") :][:80]
    assert "First frame with tracks" in text


def test_a_name_cannot_write_on_the_page(analysis, tmp_path):
    name = '<script>alert("x")</script> & <b>.h5'
    named = replace(analysis, provenance=replace(analysis.provenance, recording=name))
    text, words, _ = _page(named, tmp_path)
    assert "<script" not in text
    assert "<b>.h5" not in text
    assert name in words


@pytest.mark.parametrize(("low", "high", "least"), [(80, 260, 4), (95, 110, 3), (38, 480, 4), (10, 2000, 7)])
def test_a_logarithmic_axis_has_enough_labels_all_on_one_line(low, high, least):
    figure = new_figure((4, 3))
    axis = figure.subplots()
    log_axis(axis)
    axis.set_xlim(low, high)
    figure.draw_without_rendering()
    labels = [label.get_text() for label in axis.get_xticklabels()]
    assert len([words for words in labels if words]) >= least
    assert not any(label.get_text() for label in axis.get_xticklabels(minor=True))


@pytest.mark.usefixtures("pictures_unwritten")
def test_a_clean_blank_is_headed_by_its_limit_and_wants_no_more(tmp_path):
    analysis = make_analysis(np.random.default_rng(8), n_tracks=2, loose_spots=0, n_frames=40, kind="blank")
    analysis = replace(analysis, visibility=clean_blank(2.19e6))
    by_name = {f.name: f for f in analysis.assessment.findings}
    assert by_name["enough_tracks"].verdict is by_name["spots_per_frame_low"].verdict is Verdict.PASS
    assert not {"blank", "bead_check"} & set(by_name)
    head = "blank: background below 2.19·10⁶\u00a0per ml in the cell"
    assert capitalised(head) in _page(analysis, tmp_path)[1]
    assert for_terminal(head) in summary_text(analysis)


@pytest.mark.usefixtures("pictures_unwritten")
def test_beads_are_headed_by_their_bias(tmp_path):
    analysis = make_analysis(np.random.default_rng(5), n_tracks=80, n_frames=60, kind="beads")
    judged = against_certificate(analysis, "example_polystyrene_100nm")
    bias = next(f.evidence for f in judged.assessment.findings if f.name == "bead_check")
    _, words, _ = _page(judged, tmp_path)
    assert prettied(bias) in words[: words.index("Median diameter")]
    assert for_terminal(prettied(bias)) in summary_text(judged)
