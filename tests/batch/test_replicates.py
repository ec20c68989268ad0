"""Mean, scatter and interval over videos, against values of a textbook's formulas."""

import re
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nta.batch import Job, JobOutcome, replicates
from nta.batch.batch import Batch
from nta.batch.figures import group_curves, shortened, small_multiples
from nta.batch.page import page
from nta.batch.tables import groups_table, write_table
from nta.catalogue import About
from nta.io.text import read_text
from nta.measurements.replicates import mean_curve
from nta.quantity import Quantity
from nta.sizes import Distribution
from nta.sizes.table import IN_VIEW


def _done(values, *, group="lot 1", status="result", name="d50_nm", half=1.0):
    def of(value, half):
        number = Quantity(value, value - half, value + half, "nm")
        own = Quantity(value, value, value, "nm")
        return JobOutcome(status=status, numbers={name: number}, statistical={name: own})

    return [
        (Job(name=f"{i}", recording=None, folder=None, about=About(group=group)), of(value, of_one))
        for i, (value, of_one) in enumerate(zip(values, np.broadcast_to(half, len(values)), strict=True))
    ]


def _one(done, **words):
    (found,) = replicates(done, **words)
    return found


def _d50(done, **words):
    return _one(done, **words).spreads["d50_nm"]


def test_five_videos_against_tabulated_student_t():
    """t(0.975, 4) = 2.776: NIST/SEMATECH e-Handbook of Statistical Methods, table 1.3.6.7.2."""
    values = [98.0, 100.0, 102.0, 104.0, 96.0]
    found = _d50(_done(values))
    assert found.mean == 100
    assert found.sd == pytest.approx(10**0.5)
    assert found.cv == pytest.approx(10**0.5 / 100)
    half = 2.776 * np.log(values).std(ddof=1) / 5**0.5
    assert np.log(found.high / 100) == pytest.approx(half, rel=2e-4)
    assert np.log(100 / found.low) == pytest.approx(half, rel=2e-4)
    assert found.n == 5


def test_what_videos_share_is_in_the_full_interval_alone():
    found = _d50(_done([98.0, 102.0, 100.0], half=3.0))
    assert found.full_high - found.mean > found.high - found.mean > 0
    # errors that all share are fully correlated: they add up, each with the weight of its video
    shared = np.mean([np.log((d50 + 3) / (d50 - 3)) / 2 for d50 in (98.0, 102.0, 100.0)])
    assert np.log(found.full_high / found.mean) == pytest.approx(
        np.hypot(np.log(found.high / found.mean), shared), rel=1e-6
    )


def test_one_doubtful_video_widens_the_mean_by_its_weight():
    sure, doubtful = (
        _d50(_done([100.0, 100.5, 99.5], half=1.0)),
        _d50(_done([100.0, 100.5, 99.5], half=[1.0, 1.0, 40.0])),
    )
    reach = [np.log(found.full_high / found.mean) for found in (sure, doubtful)]
    assert 2 * reach[0] < reach[1] < np.log(1.4) / 2


def test_a_spreadsheet_reads_what_people_wrote(tmp_path):
    table = groups_table(replicates(_done([98.0, 102.0], group="in water at 25 °C")))
    text, _ = write_table(table, tmp_path, "groups")
    assert text.read_bytes().startswith(b"\xef\xbb\xbfgroup,")  # the mark by which Excel knows UTF-8
    assert set(pd.read_csv(text)["group"]) == {"in water at 25 °C"}
    assert read_text(text)[0].startswith("group,")


def test_errors_of_shares_are_absolute():
    name = "share_30_150_nm"
    found = _one(_done([0.50, 0.52, 0.54], name=name, half=0.0)).spreads[name]
    assert found.high - found.mean == pytest.approx(found.mean - found.low)
    assert found.high - found.mean == pytest.approx(4.303 * 0.02 / 3**0.5, rel=1e-3)  # t(0.975, 2)
    high = _one(_done([0.95, 0.99], name=name, half=0.0)).spreads[name].high
    assert high == 1


def test_one_video_has_no_scatter():
    found = _d50(_done([98.0]))
    assert (found.mean, found.low, found.high, found.full_high, found.sd, found.cv) == (98, *[None] * 5)


def test_only_results_count_unless_asked():
    done = _done([98.0, 102.0]) + _done([150.0], status="incomplete") + _done([1.0], status="failed")
    assert _d50(done).mean == 100
    assert _d50(done, use_incomplete=True).n == 3


def test_a_copy_of_a_recording_is_no_replicate():
    done = [(job, replace(outcome, sha256="abc")) for job, outcome in _done([98.0, 98.0])]
    assert len(_one(done).videos) == 1
    assert len(_one([*done, *_done([102.0])]).videos) == 2
    assert _one(done).copies == {"1": "0"}
    assert not _one(_done([98.0, 98.0])).copies


def test_long_names_keep_what_differs():
    beads = "Polystyrene beads of 100 nm in water at 25 °C, an 8-bit camera"
    ev = "Extracellular vesicles, log-normal, in PBS at 25 °C, an 8-bit camera"
    assert shortened(["lot 1", "lot 2"], 22) == ["lot 1", "lot 2"]
    for names in ([beads, ev], [beads, beads.replace("100", "200")], [f"{beads} {i}" for i in range(12)]):
        short = shortened(names, 22)
        assert len(set(short)) == len(names)
        assert all(len(words) <= 22 for words in short)
    assert "…140 nm" in shortened([beads, beads.replace("100", "140")], 22)[1]


def test_a_video_without_the_number_is_said():
    done = [*_done([98.0, 102.0]), (_done([0.0])[0][0], JobOutcome(status="result"))]
    assert (_d50(done).n, len(_one(done).videos)) == (2, 3)


def test_the_interval_holds_the_mean_of_videos_as_often_as_it_says(rng):
    found = [_d50(_done(rng.normal(100, 4, 3), half=0.0)) for _ in range(400)]
    hits = sum(spread.low <= 100 <= spread.high for spread in found)
    assert 0.92 <= hits / 400 <= 0.98  # binomial: 95 % +- 2.7 standard errors


@given(st.lists(st.floats(1, 1e9), min_size=2, max_size=8))
def test_the_interval_is_never_below_nothing(values):
    found = _d50(_done(values))
    assert 0 <= found.full_low <= found.low <= found.mean * (1 + 1e-12)
    assert found.mean == pytest.approx(np.mean(values))


def _with_curve(done, height):
    share = np.full(40, height)
    curve = Distribution(
        edges_nm=np.geomspace(30, 300, 41),
        weight=share,
        low=share,
        high=share,
        method="made",
        describes=IN_VIEW,
        confidence=0.95,
    )
    return [(j, replace(o, distribution=curve)) for j, o in done]


def test_a_group_has_a_mean_curve_where_its_videos_have_the_same_bins():
    two = _with_curve(_done([98.0]), 0.02) + _with_curve(_done([102.0]), 0.03)
    assert mean_curve(np.array([c.weight for c in _one(two).distributions]))[0] == pytest.approx(0.025)
    (picture,) = group_curves(two, replicates(two))
    assert picture.figure is not None
    assert group_curves(two[:1], replicates(two[:1])) == []  # the video is shown already
    curve = replace(two[1][1].distribution, edges_nm=np.geomspace(20, 300, 41))
    other = replace(two[1][1], distribution=curve)
    assert group_curves(two, replicates([two[0], (two[1][0], other)])) == []


@pytest.mark.parametrize(("height", "scale"), [(0.03, "all on one scale"), (0.2, "each to its own height")])
def test_a_sharp_recording_does_not_flatten_the_others(height, scale):
    two = _with_curve(_done([98.0]), 0.02) + _with_curve(_done([102.0]), height)
    (picture,) = small_multiples(two)
    assert scale in picture.caption
    tops = [axis.get_ylim()[1] for axis in picture.figure.axes[:2]]
    assert tops[1] / tops[0] == pytest.approx(1 if height < 0.1 else 10)


def test_every_number_in_the_table_of_recordings_has_its_interval(tmp_path):
    names = {"d50_nm": "nm", "d10_nm": "nm", "d90_nm": "nm", "in_cell_per_ml": "1/ml"}
    numbers = {name: Quantity(100.0, 95.0, 106.0, unit) for name, unit in names.items()}
    job = Job(name="one.avi", recording=None, folder=tmp_path)
    table = page(
        Batch(folder=tmp_path, done=((job, JobOutcome(status="result", numbers=numbers)),), groups=())
    )
    cells = re.findall(r'<td class="number">([^<]+)((?:<span class="interval">[^<]*</span>)+)</td>', table)
    words = [(value, re.findall(r">([^<]+)<", below.replace("\u00a0", " "))) for value, below in cells]
    assert words == [
        *[("100.0", ["95.0 to 106.0"])] * 3,
        ("100", ["95.0 to 106", "in the cell"]),
    ]
