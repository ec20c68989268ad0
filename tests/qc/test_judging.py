"""The verdict on an interval, and the numbers that several results make together."""

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from made.bead_runs import certificate
from nta.errors import SettingError
from nta.io.vendors import Histogram, VendorResult, VendorRun
from nta.measurements import MeasuredRun, Measurement
from nta.measurements.replicates import ratio, variation
from nta.qc import CheckVerdict, Limits, check
from nta.qc.reference import distance
from nta.qc.wording import why_inconclusive
from nta.quantity import Quantity
from nta.settings import AnalysisSettings
from nta.sizes import SizingSettings

NUMBER = st.floats(-1e6, 1e6)


def of(low, high):
    return Quantity((low + high) / 2, low, high, "nm")


@pytest.mark.parametrize(
    ("interval", "limits", "verdict"),
    [
        ((95, 105), Limits(at_least=90, at_most=110), CheckVerdict.PASS),
        ((90, 110), Limits(at_least=90, at_most=110), CheckVerdict.PASS),  # the ends belong to it
        ((89, 105), Limits(at_least=90, at_most=110), CheckVerdict.INCONCLUSIVE),
        ((80, 120), Limits(at_least=90, at_most=110), CheckVerdict.INCONCLUSIVE),
        ((111, 120), Limits(at_least=90, at_most=110), CheckVerdict.FAIL),
        ((80, 89), Limits(at_least=90), CheckVerdict.FAIL),
        ((80, 95), Limits(at_least=90, on="value"), CheckVerdict.FAIL),
        ((86, 96), Limits(at_least=90, on="value"), CheckVerdict.PASS),
    ],
)
def test_an_interval_is_judged_as_a_whole(interval, limits, verdict):
    assert limits.judge(of(*interval)) is verdict


def test_without_an_interval_nothing_is_decided():
    alone = Quantity(100.0, None, None, "nm")
    assert Limits(at_least=90).judge(alone) is CheckVerdict.INCONCLUSIVE
    assert Limits(at_least=90, on="value").judge(alone) is CheckVerdict.PASS
    assert Limits(at_least=90).judge(Quantity(None, None, None, "nm")) is CheckVerdict.INCONCLUSIVE


@given(st.tuples(NUMBER, NUMBER).map(sorted), st.tuples(NUMBER, NUMBER).map(sorted), st.floats(0, 1e3))
def test_a_wider_interval_never_decides_what_a_narrower_did_not(interval, bounds, wider):
    limits = Limits(at_least=bounds[0], at_most=bounds[1])
    narrow = limits.judge(of(*interval))
    wide = limits.judge(of(interval[0] - wider, interval[1] + wider))
    assert wide in (narrow, CheckVerdict.INCONCLUSIVE)


def test_the_worst_check_is_the_verdict():
    assert (
        CheckVerdict.worst([CheckVerdict.PASS, CheckVerdict.INCONCLUSIVE, CheckVerdict.FAIL])
        is CheckVerdict.FAIL
    )
    assert CheckVerdict.worst([CheckVerdict.PASS, CheckVerdict.INCONCLUSIVE]) is CheckVerdict.INCONCLUSIVE
    assert CheckVerdict.worst([]) is CheckVerdict.INCONCLUSIVE


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
        density += 1e-15 * i  # no two videos agree to the last digit
        histogram = Histogram(edges_nm=edges, concentration_per_ml=per_ml * density / density.sum())
        runs.append(
            VendorRun(
                name=f"video {i + 1}",
                histogram=histogram,
                concentration_per_ml=per_ml * (1 + 1e-3 * i),
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
    assert together.verdict is CheckVerdict.PASS
    assert together.checks[0].quantity.value == pytest.approx(100, abs=0.1)
    t_975 = 2.776  # Student's t, 4 degrees of freedom
    assert together.checks[0].quantity.high - 100 == pytest.approx(t_975 * math.sqrt(2.5 / 5), rel=0.05)
    each = check(export, {"size": size})
    assert [c.verdict for c in each.checks] == [CheckVerdict.INCONCLUSIVE] * 5
    assert "no interval" in each.checks[0].words
    few = check(export, {"size": size, "replicates": {"at_least": 6}})
    assert few.verdict is CheckVerdict.FAIL


def test_a_run_given_twice_is_no_replicate():
    export = vendor_runs([98, 100, 102])
    copied = replace(
        export, file="copy.csv", runs=tuple(replace(r, name=f"copy of {r.name}") for r in export.runs)
    )
    limits = {"size": {"d50_nm": {"at_least": 95}}}
    with pytest.raises(SettingError, match="video 1 and copy of video 1 are results of one recording"):
        check([export, copied], {**limits, "replicates": {"at_least": 5}})
    with pytest.raises(SettingError, match="give every recording once"):
        check(export, {"reference": COMPARED}, reference=[copied, copied])
    assert len(check([export, copied], limits).checks) == 6  # judged one by one, none is a replicate


@pytest.mark.parametrize("sha256", ["9f86d081884c", None])
def test_a_recording_analysed_twice_is_one_replicate(rng, sha256):
    from made.analysis import make_analysis

    first = make_analysis(rng, n_tracks=60, n_frames=60, name="a.h5")
    first = replace(first, provenance=replace(first.provenance, sha256=sha256))
    again = replace(
        first, provenance=replace(first.provenance, recording="b.h5", date="2026-11-25T08:30:00+00:00")
    )
    with pytest.raises(SettingError, match=r"a\.h5 and b\.h5 are results of one recording"):
        check([first, again], {"replicates": {"at_least": 2}})


def test_dilution_is_undone_once_for_the_cell():
    report = check(
        vendor_runs([100]), {"concentration": {"in_cell_per_ml": {"at_most": 1.1e8, "on": "value"}}}
    )
    assert report.checks[0].quantity.value == pytest.approx(1e8)
    assert report.verdict is CheckVerdict.PASS
    unknown = check(
        vendor_runs([100], dilution=None),
        {"concentration": {"in_sample_per_ml": {"at_least": 1, "on": "value"}}},
    )
    assert unknown.verdict is CheckVerdict.INCONCLUSIVE
    assert "dilution" in unknown.checks[0].words


def test_a_failed_run_of_a_vendor_decides_nothing():
    result = vendor_runs([100])
    failed = VendorRun(name="bad", failed="found no tracks", n_tracks=0)
    report = check(
        MeasuredRun(result, failed), {"size": {"d50_nm": {"at_least": 1}}, "tracks": {"at_least": 1}}
    )
    assert [c.verdict for c in report.checks] == [CheckVerdict.INCONCLUSIVE, CheckVerdict.FAIL]
    assert "found no tracks" in report.checks[0].words


def test_a_failed_run_is_no_replicate_and_is_named():
    result = vendor_runs([99, 100, 101])
    runs = (*result.runs, VendorRun(name="bad", failed="found no tracks", n_tracks=0))
    wanted = {"at_least": 4, "d50_nm_cv": {"at_most": 0.1}}
    number, cv = check(replace(result, runs=runs), {"replicates": wanted}).checks
    assert number.verdict is CheckVerdict.FAIL
    assert number.quantity.value == 3
    assert cv.verdict is CheckVerdict.INCONCLUSIVE
    assert cv.words.startswith("bad: no result")


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
    assert same.verdict is CheckVerdict.PASS
    other = check(vendor_runs([130, 131, 129, 130, 130]), specification, reference=reference)
    failed = {c.name for c in other.checks if c.verdict is CheckVerdict.FAIL}
    assert failed == {"reference.d50_ratio", "reference.distance"}


@pytest.mark.parametrize(
    ("ours", "theirs", "verdict"),
    [
        (10.0, 20.0, CheckVerdict.PASS),  # both in the sample
        (None, None, CheckVerdict.PASS),  # both in the cell
        (10.0, None, CheckVerdict.INCONCLUSIVE),
        (None, 10.0, CheckVerdict.INCONCLUSIVE),
    ],
)
def test_concentrations_are_compared_in_one_place(ours, theirs, verdict):
    """A sample diluted 1:10 against the cell of another is ten times too much, whatever was measured."""
    limits = {"replicates": {}, "reference": {"concentration_ratio": {"at_least": 0.9, "at_most": 1.1}}}
    test, reference = (vendor_runs([100] * 3, dilution=factor) for factor in (ours, theirs))
    report = check(test, limits, reference=reference)
    found = next(c for c in report.checks if c.name == "reference.concentration_ratio")
    assert found.verdict is verdict
    if verdict is CheckVerdict.INCONCLUSIVE:
        assert "dilution is known in some only, not in video 1" in found.words


def test_the_scatter_of_concentrations_is_that_of_one_place():
    export = vendor_runs([100] * 4)
    cell = [replace(run, dilution=None) for run in export.runs[:2]]
    mixed = replace(export, runs=(*cell, *export.runs[2:]))
    limits = {"replicates": {"concentration_cv": {"at_most": 0.2}}}
    assert check(export, limits).verdict is CheckVerdict.PASS
    (found,) = check(mixed, limits).checks
    assert found.verdict is CheckVerdict.INCONCLUSIVE
    assert "dilution is known in some only, not in video 1, video 2" in found.words


def test_a_missing_reference_is_said():
    report = check(
        vendor_runs([100]), {"reference": {"d50_ratio": {"at_most": 2}}, "blank": {"share": {"at_most": 0.1}}}
    )
    assert report.verdict is CheckVerdict.INCONCLUSIVE
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
    assert share.verdict is CheckVerdict.PASS
    assert (
        check(sample, limits, blank=vendor_runs([80] * 3, per_ml=9e6, dilution=None)).verdict
        is CheckVerdict.FAIL
    )


def test_a_blank_is_a_share_of_what_was_counted_before_it_was_taken_off(rng):
    """30 particles in the sample, 10 in the blank: a third, also where the result holds the 20 that are left."""
    from made.analysis import make_analysis
    from nta.pipeline import subtract_blank
    from nta.visibility import Concentration, Visibility

    nothing = Quantity(None, None, None, "nm")

    def counted(n, name):
        run = make_analysis(rng, n_tracks=60, n_frames=60, name=name)
        per_ml = Quantity(n * 1e6, 0.95 * n * 1e6, 1.05 * n * 1e6, "1/ml")
        in_view = Quantity(n, 0.95 * n, 1.05 * n, "1")
        found = Concentration(per_frame=in_view, in_cell_per_ml=per_ml, in_sample_per_ml=per_ml, dilution=1.0)
        seen = Visibility(curve=None, law=None, limit_nm=nothing, share_below_limit=None, volume=None, suspension=None,
                          concentration=found, indices=None)  # fmt: skip
        return replace(run, visibility=seen, provenance=replace(run.provenance, sha256=f"{n:064x}"))

    sample, blank = counted(30, "sample"), counted(10, "blank")
    net = subtract_blank(sample, blank)
    assert net.visibility.concentration.in_cell_per_ml.value == pytest.approx(2e7)
    for result in (sample, net):
        (share,) = check(result, {"blank": {"share": {"at_most": 0.4}}}, blank=blank).checks
        assert share.quantity.value == pytest.approx(1 / 3)


@pytest.mark.parametrize("value", [True, float("nan"), "100"])
def test_a_limit_is_a_number(value):
    with pytest.raises(SettingError, match="at_most must be a finite number"):
        Limits(at_most=value)


def test_the_interval_of_a_distance_holds_none_and_sees_one(rng):
    from made.analysis import make_analysis
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
    assert Limits(at_most=0.02, on=on).judge(nothing) is CheckVerdict.INCONCLUSIVE


@pytest.mark.parametrize(
    ("limits", "verdict"),
    [
        (Limits(at_least=1e10), CheckVerdict.FAIL),
        (Limits(at_most=1e7), CheckVerdict.PASS),
        (Limits(at_most=1e5), CheckVerdict.INCONCLUSIVE),
        (Limits(at_least=1e10, on="value"), CheckVerdict.INCONCLUSIVE),
    ],
)
def test_a_limit_without_a_value_is_judged_by_its_ends(limits, verdict):
    """Nothing was counted: at most 1e6 per ml."""
    assert limits.judge(Quantity(None, 0.0, 1e6, "1/ml", "Poisson limit")) is verdict


def test_words_on_a_doubt_name_the_limit_or_what_is_missing():
    most = Quantity(None, 0.0, 1e6, "1/ml", "Poisson limit")
    assert "holds the upper limit" in why_inconclusive(most, Limits(at_most=1e5))
    assert "holds the lower and the upper limit" in why_inconclusive(
        of(80, 120), Limits(at_least=90, at_most=110)
    )
    assert why_inconclusive(most, Limits(at_least=1e10, on="value")) == "Poisson limit"
    assert why_inconclusive(replace(most, high=0.0), Limits(at_least=1e10)) == "Poisson limit"


@pytest.mark.parametrize(("statistical", "helps"), [((99.5, 100.5), False), ((97.5, 102.5), True)])
def test_a_size_whose_systematic_part_holds_the_limit_asks_for_no_more_tracks(statistical, helps):
    """The whole interval is 97 to 103 nm and the limit 102: of the first, tracks add next to nothing to it."""

    class Split(Stated):
        def number(self, name):
            return of(97, 103)

        def statistical(self, name):
            return of(*statistical)

    several = [Split(0.95, f"run {i}") for i in range(3)]
    for results in (several[:1], several):
        report = check(results, {"size": {"d50_nm": {"at_most": 102}}, "replicates": {}})
        (size,) = (c for c in report.checks if c.name == "size.d50_nm")
        assert ("more tracks or more replicates would decide" in size.words) is helps
        assert ("systematic part alone" in size.words) is not helps


class Stated(Measurement):
    """A result whose numbers are known to 1 %, each with an interval of the confidence that its kind has."""

    source = describes = "made for the test"

    def __init__(self, confidence, name="result"):
        self.name, self.confidence = name, confidence

    def number(self, name):
        return of(99, 101)

    def share(self, low_nm, high_nm):
        return of(0.49, 0.51)

    def distribution(self):
        return None

    def concentration(self, where):
        return of(0.99e9, 1.01e9)

    def per_frame(self):
        return of(9.9, 10.1)

    def detection_limit(self):
        return of(49, 51)


SIZES = {
    "size": {"d50_nm": {"at_least": 90}},
    "window": [{"low_nm": 1, "high_nm": 99, "share": {"at_least": 0.4}}],
}
COUNTS = {"concentration": {"in_cell_per_ml": {"at_least": 1e8}}, "detection_limit": {"at_most": 60}}
COMPARED = {"d50_ratio": {"at_most": 2}, "concentration_ratio": {"at_most": 2}}


@pytest.mark.parametrize(
    ("sizing", "asked", "believed"),
    [
        (0.95, 0.95, {"sizes", "counts"}),
        (0.99, 0.99, {"sizes"}),  # intervals of counts have 95 %, whatever was chosen for sizes
        (0.8, 0.95, {"counts"}),
        (0.8, 0.99, set()),
    ],
)
def test_an_interval_is_believed_by_the_confidence_of_its_kind(sizing, asked, believed):
    verdicts = {
        kind: {c.verdict for c in check(Stated(sizing), {**given, "confidence": asked}).checks}
        for kind, given in (("sizes", SIZES), ("counts", COUNTS))
    }
    expected = {
        kind: CheckVerdict.PASS if kind in believed else CheckVerdict.INCONCLUSIVE for kind in verdicts
    }
    assert verdicts == {kind: {verdict} for kind, verdict in expected.items()}


def test_a_doubt_names_the_confidence_that_was_and_that_is_asked_for():
    (concentration, _) = check(Stated(0.999), {**COUNTS, "confidence": 0.999}).checks
    assert "of 95 %, the specification asks for 99.9 %" in concentration.words


def test_what_a_result_is_compared_with_is_believed_by_its_own_confidence(tmp_path):
    specification = {
        "reference": COMPARED,
        "blank": {"share": {"at_least": 0.5}},
        "beads": {"certificate": str(certificate(tmp_path, true_bias=0.0)), "bias": {"at_most": 0.1}},
    }
    unsure = dict.fromkeys(("reference", "blank", "beads"), Stated(0.8))
    found = {c.name: c.verdict for c in check(Stated(0.95), specification, **unsure).checks}
    assert {name for name, verdict in found.items() if verdict is CheckVerdict.PASS} == {
        "reference.concentration_ratio",
        "blank.share",
    }
    assert set(found.values()) == {CheckVerdict.PASS, CheckVerdict.INCONCLUSIVE}
    counts = {"confidence": 0.99, "blank": specification["blank"]}
    assert check(Stated(0.99), counts, blank=Stated(0.99)).verdict is CheckVerdict.INCONCLUSIVE


def test_the_scatter_of_replicates_is_as_sure_as_it_is_asked_for():
    """Runs of a vendor bring no interval of their own, so none of theirs can be of too little confidence."""
    specification = {
        "confidence": 0.99,
        "size": {"d50_nm": {"at_least": 95, "at_most": 105}},
        "replicates": {"at_least": 5, "d50_nm_cv": {"at_most": 0.2}},
    }
    report = check(vendor_runs([98, 100, 102, 99, 101]), specification)
    assert report.verdict is CheckVerdict.PASS
    t_995 = 4.604  # Student's t, 4 degrees of freedom
    assert report.checks[0].quantity.high - 100 == pytest.approx(t_995 * math.sqrt(2.5 / 5), rel=0.05)


@pytest.mark.parametrize(("confidence", "k"), [(0.95, 1.960), (0.99, 2.576)])
def test_a_certificate_is_as_sure_as_the_specification_asks_for(tmp_path, confidence, k):
    path = certificate(tmp_path, true_bias=0.0)
    path.write_text(path.read_text().replace("std = 0.0", "std = 1.0"))
    bias = {"certificate": str(path), "bias": {"at_most": 0.1}}
    exact = Stated(0.99)
    exact.number = lambda name: of(99.999, 100.001)
    (found,) = check(exact, {"beads": bias, "confidence": confidence}).checks
    assert found.quantity.high - found.quantity.low == pytest.approx(2 * k * 0.01, rel=0.01)


def test_without_repeats_a_distance_has_no_interval_and_says_why(rng):
    from made.analysis import make_analysis

    settings = AnalysisSettings(sizing=SizingSettings(repeats=0, min_points=6))
    one, same, third, fourth = (
        make_analysis(rng, n_tracks=100, n_frames=60, settings=settings, name=f"run {i}.h5") for i in range(4)
    )
    third = replace(third, provenance=replace(third.provenance, sha256="other"))
    same = replace(same, provenance=replace(same.provenance, sha256=None))
    limits = {"reference": {"distance": {"at_most": 0.9}}}
    (found,) = check(one, limits, reference=same).checks
    assert found.verdict is CheckVerdict.INCONCLUSIVE
    assert found.quantity.value > 0
    assert "run 0.h5 was analysed with repeats = 0" in found.words
    several = check([one, same], {"replicates": {}, **limits}, reference=[third, fourth])
    together = next(c for c in several.checks if c.name == "reference.distance")
    assert together.quantity.low < together.quantity.value < together.quantity.high  # replicates scatter
