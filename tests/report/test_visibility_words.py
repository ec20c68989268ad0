"""What report, terminal and JSON say of visibility and concentration: in view and in suspension cannot be mistaken."""

import json
from dataclasses import replace

import numpy as np
import pytest

from nta.errors import SettingError
from nta.io.results import summary
from nta.pipeline import subtract_blank
from nta.quantity import Quantity
from nta.report import summary_text
from nta.report.figures import draw_all
from nta.report.figures.sizes import particles_per_ml, size_distribution
from nta.report.figures.style import house_style
from nta.report.numbers import numbers
from nta.report.page import page
from nta.report.terminal import for_terminal
from nta.report.wording import (
    concentration_words,
    count,
    in_one,
    number,
    prettied,
    scientific,
    value_and_interval,
)
from nta.sizes.table import SUSPENSION
from nta.visibility import BrightnessLaw, Concentration, DetectionCurve, Visibility, VisibleVolume

D = np.geomspace(20, 1000, 40)


@pytest.fixture(scope="module")
def seen_analysis(analysis):
    per_ml = Quantity(2.6e8, 2.1e8, 3.2e8, "1/ml", "counts and depth, 95 %")
    sample = Quantity(5.2e10, 4.2e10, 6.4e10, "1/ml", "counts and depth, 95 %")
    curve = DetectionCurve(
        spot_width_px=1.4,
        width_px=np.array([1.4, 1.8, 2.5, 3.4]),
        light_50_e=np.array([110.0, 150, 240, 600]),
        rel_std=np.full(4, 0.03),
        steepness=np.full(4, 6.0),
        ceiling=0.97,
        trials=1920,
        light_e=np.array([50.0, 110, 300]),
        found_share=np.array([0.0, 0.48, 0.96]),
        found_count=np.array([40, 41, 42]),
    )
    suspension = replace(analysis.sizes.distribution, describes=SUSPENSION)
    seen = Visibility(
        curve=curve,
        law=BrightnessLaw(
            refractive_index=1.389,
            medium_index=1.337,
            scale_e_per_nm2=6750,
            index_source="this run",
            scale_source="calibrated",
        ),
        limit_nm=Quantity(66.0, 64.0, 68.0, "nm", "found in half of the frames"),
        share_below_limit=0.08,
        volume=VisibleVolume(
            diameter_nm=D, electrons=(D / 10) ** 5, probability=D / 1000, volume_ml=1e-7 * D / 1000
        ),
        suspension=suspension,
        suspension_numbers={"d50_nm": Quantity(92.1, 88.3, 96.4, "nm", "bootstrap and light")},
        concentration=Concentration(
            per_frame=Quantity(50.0, 45.0, 55.0, "1"),
            in_cell_per_ml=per_ml,
            in_sample_per_ml=sample,
            dilution=200.0,
            volume_ml=1.9e-7,
            least_nm=70.0,
        ),
        indices=None,
    )
    return replace(analysis, sizes=replace(analysis.sizes, suspension=suspension), visibility=seen)


def test_the_page_names_both_distributions_and_the_limit(seen_analysis):
    html = page(seen_analysis, draw_all(seen_analysis))
    for words in (
        "particles in view",
        "in suspension",
        "Detection limit",
        "Visible volume",
        "5.20·10¹⁰",
        "8.0 %",
    ):
        assert words in html


def test_the_terminal_is_latin(seen_analysis):
    words = summary_text(seen_analysis)
    assert "5.20e10" in words
    assert "detection limit 66" in words
    words.encode("latin-1")


def test_the_summary_holds_the_concentration_with_its_interval(seen_analysis):
    seen = json.loads(json.dumps(summary(seen_analysis)))["visibility"]
    assert seen["concentration"]["in_sample_per_ml"]["low"] == 4.2e10
    assert seen["detection_limit_nm"]["value"] == 66.0


def test_a_limit_is_written_as_one(seen_analysis):
    blank = Quantity(None, 0.0, 1.06e7, "1/ml", "Poisson")
    concentration = replace(
        seen_analysis.visibility.concentration, in_cell_per_ml=blank, dilution=None, why_not="a limit"
    )
    value, below = concentration_words(
        replace(seen_analysis, visibility=replace(seen_analysis.visibility, concentration=concentration))
    )
    assert value.startswith("below 1.06·10⁷")
    assert "a limit" in below


def test_what_is_seen_per_frame_has_its_interval(seen_analysis):
    assert '50.0<span class="interval">45.0 to 55.0</span>' in numbers(seen_analysis)


def test_numbers_in_suspension_stand_apart_with_their_intervals(seen_analysis, analysis):
    table = numbers(seen_analysis).partition("Numbers in suspension, from 70.0 nm on")[2]
    assert '92.1\u00a0nm</td><td class="number">88.3 to 96.4\u00a0nm' in table
    assert "in suspension, from 70.0 nm on: D50 92.1 nm (88.3 to 96.4 nm)" in summary_text(seen_analysis)
    told = json.loads(json.dumps(summary(seen_analysis)))["size"]["in_suspension"]
    assert told["from_nm"] == 70.0
    assert told["numbers"]["d50_nm"]["low"] == 88.3
    assert summary(analysis)["size"]["in_suspension"] is None
    assert "Numbers in suspension" not in numbers(analysis)


def test_the_index_has_its_interval(seen_analysis):
    law = replace(seen_analysis.visibility.law, index_low=1.381, index_high=1.397)
    known = replace(seen_analysis, visibility=replace(seen_analysis.visibility, law=law))
    assert "1.3810 to 1.3970" in numbers(known)
    assert "1.389</td>" in numbers(seen_analysis)


def blank_of(analysis, sha256="another", medium="pbs", share=0.05):
    """The same analysis as if it were of the diluent, with so much of its particles."""
    q = analysis.visibility.concentration.in_cell_per_ml
    less = replace(q, value=share * q.value, low=share * q.low, high=share * q.high)
    concentration = replace(analysis.visibility.concentration, in_cell_per_ml=less)
    return replace(
        analysis,
        visibility=replace(analysis.visibility, concentration=concentration),
        provenance=replace(analysis.provenance, sha256=sha256, recording="diluent.h5"),
        conditions=replace(analysis.conditions, medium=medium),
    )


def finding_of(analysis):
    return next(f for f in analysis.assessment.findings if f.name == "blank")


def test_a_recording_is_not_its_own_blank(seen_analysis):
    with pytest.raises(SettingError, match=r"is the recording .* itself"):
        subtract_blank(seen_analysis, blank_of(seen_analysis, seen_analysis.provenance.sha256))


def test_the_blank_is_judged_by_how_much_of_the_sample_it_is(seen_analysis):
    good = finding_of(subtract_blank(seen_analysis, blank_of(seen_analysis)))
    assert good.verdict == "pass"
    assert good.evidence.startswith("diluent.h5: the diluent alone has 5 % (at most 6.15 %)")
    assert finding_of(subtract_blank(seen_analysis, blank_of(seen_analysis, share=0.8))).verdict == "fail"
    other = finding_of(subtract_blank(seen_analysis, blank_of(seen_analysis, medium="water")))
    assert other.verdict == "warn"
    assert "the blank is of water, the sample in pbs" in other.evidence
    assert finding_of(subtract_blank(seen_analysis, blank_of(seen_analysis, medium="PBS"))).verdict == "pass"


def test_that_a_sample_is_not_above_its_blank_is_said_once(seen_analysis):
    net = subtract_blank(seen_analysis, blank_of(seen_analysis, share=0.9))
    assert numbers(net).lower().count("not above the blank") == 1


def test_results_without_visibility_say_so(analysis):
    assert concentration_words(analysis)[0] == "not calibrated"
    assert scientific(0.0) == "0"
    assert scientific(1234.0) == "1234"


@pytest.mark.parametrize(
    ("value", "words"),
    [(9.996, "10.0"), (9.994, "9.99"), (0.09999, "0.100"), (1234.0, "1234"), (0.0, "0.00")],
)
def test_a_number_that_is_rounded_up_keeps_its_digits(value, words):
    assert number(value) == words


@pytest.mark.parametrize(("value", "words"), [(9.996e7, "1.00·10⁸"), (2.6e8, "2.60·10⁸"), (9994.0, "9994")])
def test_a_concentration_that_is_rounded_up_keeps_its_digits(value, words):
    assert scientific(value) == words


def test_a_concentration_is_written_like_any_other_quantity():
    q = Quantity(2.682e8, 2.123e8, 3.388e8, "1/ml")
    assert value_and_interval(q) == ("2.68·10⁸\u00a0per ml", "2.12·10⁸ to 3.39·10⁸\u00a0per ml")
    assert in_one(q) == "2.68·10⁸ (2.12·10⁸\u00a0to\u00a03.39·10⁸)\u00a0per ml"
    assert for_terminal(in_one(q)) == "2.68e8 (2.12e8 to 3.39e8) per ml"


def test_powers_of_ten_are_written_alike_on_pages_and_plainly_on_the_terminal():
    assert number(1.43e9) == "1.43·10⁹"
    assert number(3.2e-6) == "3.20·10⁻⁶"
    shown = prettied("blank of 0 per ml (up to 1.47e7), 3.1e-06 foreign spots, in 2e5.h5 and 3e8f")
    assert shown == "blank of 0 per ml (up to 1.47·10⁷), 3.1·10⁻⁶ foreign spots, in 2e5.h5 and 3e8f"
    assert for_terminal(shown) == "blank of 0 per ml (up to 1.47e7), 3.1e-6 foreign spots, in 2e5.h5 and 3e8f"


def test_a_difference_has_its_sign_at_every_number():
    q = Quantity(3.0, -14.2, 10.4, "%")
    assert value_and_interval(q, signed=True) == ("+3\u00a0%", "−14 to +10\u00a0%")


def test_counts_and_shares_are_written_alike_in_tables_and_sentences():
    assert (count(1379, "track"), count(13790, "track")) == ("1379 tracks", "13\u202f790 tracks")
    assert prettied("13790 tracks (0.2%) in 20261120 EV.h5") == (
        "13\u202f790 tracks (0.2\u00a0%) in 20261120 EV.h5"
    )


def test_particles_per_ml_are_drawn_only_of_what_is_counted(analysis, seen_analysis):
    assert particles_per_ml(analysis).figure is None
    with house_style():
        picture = particles_per_ml(seen_analysis)
    axis = picture.figure.axes[0]
    x, y = axis.lines[0].get_data()
    area = np.nansum((y[1:] + y[:-1]) / 2 * np.diff(x))
    assert area == pytest.approx(5.2e10, rel=0.01)  # the concentration in the sample
    assert "particles per ml and nm" in axis.get_ylabel()


def test_the_curve_in_suspension_begins_where_it_is_known(seen_analysis):
    curve = seen_analysis.sizes.suspension
    known = curve.diameter_nm > 90
    cut = replace(curve, **{name: known * getattr(curve, name) for name in ("weight", "low", "high")})
    with house_style():
        picture = size_distribution(
            replace(seen_analysis, sizes=replace(seen_analysis.sizes, suspension=cut))
        )
    in_view, in_suspension = (line.get_ydata() for line in picture.figure.axes[0].lines[:2])
    assert np.isfinite(in_view[~known]).any()
    assert np.isnan(in_suspension[~known]).all(), "unknown is not none"
    assert np.isfinite(in_suspension[known]).all()
