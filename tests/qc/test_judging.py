"""The verdict on an interval, and the numbers that several results make together."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nta.errors import SettingError
from nta.io.vendors import Histogram, VendorResult, VendorRun
from nta.measurements import MeasuredRun
from nta.measurements.replicates import ratio, variation
from nta.qc import Limits, Verdict, check
from nta.qc.reference import distance
from nta.quantity import Quantity

NUMBER = st.floats(-1e6, 1e6)


def of(low, high):
    return Quantity((low + high) / 2, low, high, "nm")


@pytest.mark.parametrize(
    ("interval", "limits", "verdict"),
    [
        ((95, 105), Limits(at_least=90, at_most=110), Verdict.PASS),
        ((90, 110), Limits(at_least=90, at_most=110), Verdict.PASS),  # the ends belong to it
        ((89, 105), Limits(at_least=90, at_most=110), Verdict.INCONCLUSIVE),
        ((80, 120), Limits(at_least=90, at_most=110), Verdict.INCONCLUSIVE),
        ((111, 120), Limits(at_least=90, at_most=110), Verdict.FAIL),
        ((80, 89), Limits(at_least=90), Verdict.FAIL),
        ((80, 95), Limits(at_least=90, on="value"), Verdict.FAIL),
        ((86, 96), Limits(at_least=90, on="value"), Verdict.PASS),
    ],
)
def test_an_interval_is_judged_as_a_whole(interval, limits, verdict):
    assert limits.judge(of(*interval)) is verdict


def test_without_an_interval_nothing_is_decided():
    alone = Quantity(100.0, None, None, "nm")
    assert Limits(at_least=90).judge(alone) is Verdict.INCONCLUSIVE
    assert Limits(at_least=90, on="value").judge(alone) is Verdict.PASS
    assert Limits(at_least=90).judge(Quantity(None, None, None, "nm")) is Verdict.INCONCLUSIVE


@given(st.tuples(NUMBER, NUMBER).map(sorted), st.tuples(NUMBER, NUMBER).map(sorted), st.floats(0, 1e3))
def test_a_wider_interval_never_decides_what_a_narrower_did_not(interval, bounds, wider):
    limits = Limits(at_least=bounds[0], at_most=bounds[1])
    narrow = limits.judge(of(*interval))
    wide = limits.judge(of(interval[0] - wider, interval[1] + wider))
    assert wide in (narrow, Verdict.INCONCLUSIVE)


def test_the_worst_check_is_the_verdict():
    assert Verdict.worst([Verdict.PASS, Verdict.INCONCLUSIVE, Verdict.FAIL]) is Verdict.FAIL
    assert Verdict.worst([Verdict.PASS, Verdict.INCONCLUSIVE]) is Verdict.INCONCLUSIVE
    assert Verdict.worst([]) is Verdict.INCONCLUSIVE


@pytest.mark.parametrize("n", [3, 6, 12])
def test_the_interval_of_a_coefficient_of_variation_covers_it(n, rng):
    covered = 0
    for _ in range(400):
        found = variation([Quantity(v, None, None, "nm") for v in rng.normal(100, 8, n)], 0.95)
        covered += found.low <= 0.08 <= found.high
    assert covered / 400 == pytest.approx(0.95, abs=0.033)  # three standard errors of 400 repeats


def test_three_replicates_know_a_coefficient_of_variation_badly():
    found = variation([Quantity(v, None, None, "nm") for v in (95, 100, 105)], 0.95)
    assert found.value == pytest.approx(0.05)
    assert found.high / found.value > 6


def test_errors_of_a_ratio_add_in_quadrature():
    found = ratio(of(90, 110), of(45, 55))
    assert found.value == pytest.approx(2)
    half = math.log(found.high / found.value)
    assert half == pytest.approx(math.hypot(math.log(1.1), -math.log(0.9)), rel=0.01)


def vendor_runs(medians, per_ml=1e9, dilution=10.0, n_tracks=500):
    """Runs of a vendor's program with log-normal histograms."""
    edges = np.arange(0.0, 600.0, 1.0) + 0.5
    center = (edges[1:] + edges[:-1]) / 2
    runs = []
    for i, median in enumerate(np.broadcast_to(medians, np.size(medians))):
        density = np.exp(-0.5 * (np.log(center / median) / 0.2) ** 2) / center
        histogram = Histogram(edges_nm=edges, concentration_per_ml=per_ml * density / density.sum())
        runs.append(
            VendorRun(
                name=f"video {i + 1}",
                histogram=histogram,
                concentration_per_ml=per_ml,
                dilution=dilution,
                n_tracks=n_tracks,
            )
        )
    return VendorResult(
        vendor="NanoSight",
        program="NTA 3.4",
        file="a.csv",
        encoding="utf-8",
        sample="",
        weighting="number",
        percentiles=None,
        runs=tuple(runs),
    )


def test_videos_of_an_export_are_replicates_where_the_specification_says_so():
    export = vendor_runs([98, 100, 102, 99, 101])
    size = {"d50_nm": {"at_least": 95, "at_most": 105}}
    together = check(export, {"size": size, "replicates": {"at_least": 5}})
    assert together.verdict is Verdict.PASS
    assert together.checks[0].quantity.value == pytest.approx(100, abs=0.1)
    t_975 = 2.776  # Student's t, 4 degrees of freedom
    assert together.checks[0].quantity.high - 100 == pytest.approx(t_975 * math.sqrt(2.5 / 5), rel=0.05)
    each = check(export, {"size": size})
    assert [c.verdict for c in each.checks] == [Verdict.INCONCLUSIVE] * 5
    assert "no interval" in each.checks[0].words
    few = check(export, {"size": size, "replicates": {"at_least": 6}})
    assert few.verdict is Verdict.FAIL


def test_dilution_is_undone_once_for_the_cell():
    report = check(
        vendor_runs([100]), {"concentration": {"in_cell_per_ml": {"at_most": 1.1e8, "on": "value"}}}
    )
    assert report.checks[0].quantity.value == pytest.approx(1e8)
    assert report.verdict is Verdict.PASS
    unknown = check(
        vendor_runs([100], dilution=None),
        {"concentration": {"in_sample_per_ml": {"at_least": 1, "on": "value"}}},
    )
    assert unknown.verdict is Verdict.INCONCLUSIVE
    assert "dilution" in unknown.checks[0].words


def test_a_failed_run_of_a_vendor_decides_nothing():
    result = vendor_runs([100])
    failed = VendorRun(name="bad", failed="found no tracks", n_tracks=0)
    report = check(
        MeasuredRun(result, failed), {"size": {"d50_nm": {"at_least": 1}}, "tracks": {"at_least": 1}}
    )
    assert [c.verdict for c in report.checks] == [Verdict.INCONCLUSIVE, Verdict.FAIL]
    assert "found no tracks" in report.checks[0].words


def test_the_distance_of_scaled_distributions_is_their_shift():
    test, reference = (
        [MeasuredRun(r, run) for run in r.runs] for r in (vendor_runs([110] * 3), vendor_runs([100] * 3))
    )
    assert distance(test, reference, 0.95).value == pytest.approx(math.log(1.1), abs=0.002)
    assert distance(reference, reference, 0.95).value == 0


def test_equivalence_with_a_reference():
    reference = vendor_runs([99, 100, 101, 100, 100])
    limits = {
        "d50_ratio": {"at_least": 0.9, "at_most": 1.11},
        "concentration_ratio": {"at_least": 0.5, "at_most": 2},
        "distance": {"at_most": 0.10},
    }
    specification = {"replicates": {"at_least": 3}, "reference": limits}
    same = check(vendor_runs([101, 102, 100, 101, 101]), specification, reference=reference)
    assert same.verdict is Verdict.PASS
    other = check(vendor_runs([130, 131, 129, 130, 130]), specification, reference=reference)
    failed = {c.name for c in other.checks if c.verdict is Verdict.FAIL}
    assert failed == {"reference.d50_ratio", "reference.distance"}


def test_a_missing_reference_is_said():
    report = check(
        vendor_runs([100]), {"reference": {"d50_ratio": {"at_most": 2}}, "blank": {"share": {"at_most": 0.1}}}
    )
    assert report.verdict is Verdict.INCONCLUSIVE
    assert "--reference" in " ".join(c.words for c in report.checks)
    assert "--blank" in " ".join(c.words for c in report.checks)


def test_nothing_to_check_is_refused():
    with pytest.raises(SettingError, match="no result"):
        check([], {"tracks": {"at_least": 1}})


def test_a_blank_is_compared_in_the_cell():
    """1e9 per ml at 1:10 is 1e8 in the cell; a blank of 4e6, measured undiluted, is 4 % of it and not 0.4 %."""
    sample, blank = vendor_runs([100] * 3), vendor_runs([80] * 3, per_ml=4e6, dilution=None)
    limits = {"replicates": {}, "blank": {"share": {"at_most": 0.05}}}
    report = check(sample, limits, blank=blank)
    share = next(c for c in report.checks if c.name == "blank.share")
    assert share.quantity.value == pytest.approx(0.04)
    assert share.verdict is Verdict.PASS
    assert (
        check(sample, limits, blank=vendor_runs([80] * 3, per_ml=9e6, dilution=None)).verdict is Verdict.FAIL
    )


def test_the_interval_of_a_distance_holds_none_and_sees_one(rng):
    from synthetic_analysis import make_analysis

    from nta.measurements import MeasuredAnalysis

    def measured(median_nm):
        return (
            MeasuredAnalysis(
                make_analysis(rng, n_tracks=500, n_frames=150, median_nm=median_nm, stuck_share=0.0)
            ),
        )

    one, same, other = measured(105), measured(105), measured(150)
    none = distance(one, same, 0.95)
    assert none.low == 0
    assert none.high < 0.35
    far = distance(one, other, 0.95)
    truth = math.log(150 / 105)
    assert 0 < far.low < truth < far.high


@pytest.mark.parametrize("on", ["interval", "value"])
def test_no_number_decides_nothing(on):
    nothing = Quantity(None, 0.0, 0.0, "1", "not assessed: too few tracks")
    assert Limits(at_most=0.02, on=on).judge(nothing) is Verdict.INCONCLUSIVE
