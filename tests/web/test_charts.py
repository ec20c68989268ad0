"""The charts: sound SVG, axes with units, the band where it belongs, and a word where there is nothing to draw."""

import re
from xml.etree import ElementTree

import numpy as np
import pytest

from nta.live import D50Point
from nta.quantity import Quantity
from nta.sizes import Distribution
from nta.web.charts import distribution_chart, history_chart

_EDGES = np.geomspace(10, 2000, 401)


def _curve(median_nm, log_sd):
    middle = np.sqrt(_EDGES[1:] * _EDGES[:-1])
    weight = np.exp(-0.5 * (np.log(middle / median_nm) / log_sd) ** 2)
    weight /= weight.sum()
    return Distribution(
        edges_nm=_EDGES,
        weight=weight,
        low=0.7 * weight,
        high=1.3 * weight,
        method="",
        describes="particles in view",
        confidence=0.95,
    )


def _known(svg):
    """Return the words on a chart and the corners of its curves, after a look whether it is sound."""
    root = ElementTree.fromstring(svg)
    words = [element.text for element in root.iter() if element.tag == "text"]
    corners = [
        np.array([pair.split(",") for pair in element.get("points").split()], dtype=float)
        for element in root.iter()
        if element.get("points")
    ]
    return words, corners


@pytest.mark.parametrize(("median_nm", "log_sd"), [(100, 0.3), (100, 0.02), (60, 0.9)])
def test_the_distribution_has_its_peak_where_its_axis_says(median_nm, log_sd):
    words, (band, line) = _known(
        distribution_chart(
            _curve(median_nm, log_sd), Quantity(median_nm, 0.95 * median_nm, 1.05 * median_nm, "nm"), ""
        )
    )
    assert {"hydrodynamic diameter, nm", "density, % per tenth of a decade", "D50"} <= set(words)
    assert len(band) == 2 * len(line)
    assert band[:, 1].min() >= 0
    svg = distribution_chart(_curve(median_nm, log_sd), None, "")
    marks = {
        float(word): float(x)
        for x, word in re.findall(r'<text x="([\d.]+)" y="[\d.]+" text-anchor="middle">([\d.]+)</text>', svg)
    }
    (low, low_px), (high, high_px) = min(marks.items()), max(marks.items())
    peak_px = line[np.argmin(line[:, 1]), 0]
    peak_nm = low * (high / low) ** ((peak_px - low_px) / (high_px - low_px))
    assert peak_nm == pytest.approx(median_nm, rel=0.05)
    assert len(marks) >= 3


def test_the_density_is_in_per_cent():
    svg = distribution_chart(_curve(100, 0.3), None, "")
    _, (_, line) = _known(svg)
    marks = {
        float(word): float(y) - 4
        for y, word in re.findall(r'<text x="[\d.]+" y="([\d.]+)" text-anchor="end">([\d.]+)</text>', svg)
    }
    (low, low_px), (high, high_px) = min(marks.items()), max(marks.items())
    peak = low + (high - low) * (line[:, 1].min() - low_px) / (high_px - low_px)
    assert peak == pytest.approx(100 * np.log(10) / 10 / (0.3 * np.sqrt(2 * np.pi)), rel=0.03)


def test_d50_over_the_time_comes_nearer():
    history = [
        D50Point(at_s=float(t), d50=Quantity(100.0, 100 - 20 / t**0.5, 100 + 20 / t**0.5, "nm"))
        for t in (2, 4, 8, 16)
    ]
    words, (band, line) = _known(history_chart(history, 0.03))
    assert {"time, s", "D50, nm"} <= set(words)
    assert np.ptp(line[:, 1]) < 0.2
    upper = band[:4, 1]
    assert (np.diff(upper) >= 0).all(), "on the page, down is nearer"
    assert history_chart(history, 0.03).count("stroke-dasharray") == 2
    assert history_chart(history, None).count("stroke-dasharray") == 0


def test_where_there_is_nothing_to_draw_a_word_says_why():
    words, corners = _known(distribution_chart(None, None, "no distribution yet: 3 <b>tracks</b>"))
    assert words == ["no distribution yet: 3 <b>tracks</b>"]
    assert not corners
    assert _known(history_chart([], None))[1] == []
    alone = [D50Point(at_s=2.0, d50=Quantity(100.0, 90.0, 110.0, "nm"))]
    svg = history_chart(alone, None)
    assert _known(svg)[0]
    ends = re.search(r'y1="([\d.]+)" y2="([\d.]+)" stroke="#0072B2"', svg)
    assert float(ends[1]) - float(ends[2]) > 50, "even a first D50 has an interval"
    assert _known(history_chart([D50Point(at_s=2.0, d50=Quantity(None, None, None, "nm"))], None))[1] == []
