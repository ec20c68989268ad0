"""The replicate is the unit: intervals over videos and preparations hold the truth, pooled tracks would not."""

from dataclasses import replace

import numpy as np
import pytest

from nta.errors import SettingError
from nta.measurements.replicates import mean_of
from nta.quantity import Quantity
from nta.sizes import (
    Distribution,
    Replicate,
    SizeDistribution,
    SizingSettings,
    TrackSizes,
    combine_replicates,
)
from nta.sizes.intervals import numbers_with_intervals

EDGES = np.geomspace(10, 2000, 401)
CENTRE = np.sqrt(EDGES[1:] * EDGES[:-1])
WINDOW = (30.0, 150.0)


def curve(median_nm, sd_ln=0.35):
    density = np.exp(-0.5 * (np.log(CENTRE / median_nm) / sd_ln) ** 2)
    return density / density.sum()


def video(
    median_nm,
    rng,
    *,
    own=0.01,
    budget=0.0,
    edges=EDGES,
    describes="particles in view",
    n_effective=500.0,
    n_draws=24,
):
    """Sizes of a video whose own tracks leave its diameters open by `own`."""
    weight = curve(median_nm)
    draws = np.stack([curve(median_nm * np.exp(own * z)) for z in rng.normal(size=n_draws)])
    low, high = np.quantile(draws, [0.025, 0.975], axis=0)
    distribution = Distribution(
        edges_nm=edges, weight=weight, low=low, high=high, method="m", describes=describes, confidence=0.95
    )
    settings = SizingSettings(windows_nm=(WINDOW,))
    numbers = numbers_with_intervals(
        distribution, draws, {"temperature": budget}, settings, rng, n_effective=n_effective
    )
    none = np.empty(0)
    return SizeDistribution(
        tracks=TrackSizes(diameter_nm=none, low_nm=none, high_nm=none),
        distribution=distribution,
        suspension=None,
        summary=numbers.summary,
        statistical=numbers.statistical,
        fractions=numbers.fractions,
        comparison=(),
        n_tracks_used=500,
        viscosity_pa_s=8.9e-4,
        temperature_c=25.0,
        budget={"temperature": budget},
    )


def study(rng, n_preparations, n_videos, between=0.06, within=0.03, **options):
    """Videos scatter about their preparation, preparations about 100 nm."""
    replicates = []
    for p in range(n_preparations):
        middle = 100 * np.exp(between * rng.normal())
        replicates += [
            Replicate(
                preparation=f"p{p}", sizes=video(middle * np.exp(within * rng.normal()), rng, **options)
            )
            for _ in range(n_videos)
        ]
    return replicates


def test_intervals_over_preparations_hold_the_truth():
    held, of_videos_alone = [], []
    for seed in range(40):
        replicates = study(np.random.default_rng(seed), 4, 3, own=0.003)
        found = combine_replicates(replicates, repeats=2)
        d50 = found.summary["d50_nm"]
        held.append(d50.low <= 100 <= d50.high)
        values = np.log([r.sizes.summary["d50_nm"].value for r in replicates])
        of_videos_alone.append(abs(values.mean() - np.log(100)) < 2.2 * values.std(ddof=1) / np.sqrt(12))
    assert np.mean(held) >= 0.85  # 95 % less three standard errors of 40 draws
    assert np.mean(of_videos_alone) < 0.85  # videos of one preparation are no replicates of the process


def test_the_unit_is_the_preparation_from_three_on_else_the_video_else_the_track(rng):
    three = combine_replicates(study(rng, 3, 2), repeats=50)
    assert (three.unit, three.n_preparations, three.n_videos, three.n_tracks) == ("preparation", 3, 6, 3000)
    two = combine_replicates(study(rng, 2, 2), repeats=50)
    assert two.unit == "video"
    assert "not of the process" in two.summary["d50_nm"].method
    alone = study(rng, 1, 1)
    one = combine_replicates(alone, repeats=50)
    assert one.unit == "track"
    assert one.between_videos is None
    of_the_video = alone[0].sizes.statistical["d50_nm"]
    found = one.summary["d50_nm"]
    assert found.high / found.low == pytest.approx(of_the_video.high / of_the_video.low, rel=1e-6)


def askew(median_nm, rng):
    """Sizes of a video whose intervals reach three times as far up as down."""
    sizes = video(median_nm, rng)

    def stretched(quantities):
        return {
            key: replace(q, low=q.value * 0.97, high=q.value * 1.09) if q.unit == "nm" else q
            for key, q in quantities.items()
        }

    return replace(sizes, summary=stretched(sizes.summary), statistical=stretched(sizes.statistical))


def test_the_numbers_of_a_single_video_are_its_own(rng):
    sizes = askew(100, rng)
    found = combine_replicates([Replicate(preparation="p", sizes=sizes)], repeats=2)
    for mine, own in ((found.summary, sizes.summary), (found.fractions, sizes.fractions)):
        assert {k: (q.value, q.low, q.high) for k, q in mine.items()} == {
            k: (q.value, q.low, q.high) for k, q in own.items()
        }
    assert "nothing of other videos" in found.summary["d90_nm"].method


def test_intervals_that_reach_farther_up_than_down_stay_so(rng):
    same = [Replicate(preparation="p", sizes=askew(100, rng)) for _ in range(4)]
    d90 = combine_replicates(same, repeats=2).summary["d90_nm"]
    assert np.log(d90.high / d90.value) == pytest.approx(np.log(1.09) / 2, rel=0.01)
    assert np.log(d90.value / d90.low) == pytest.approx(-np.log(0.97) / 2, rel=0.01)


def test_one_recording_given_as_three_preparations_is_refused(rng):
    diameters = rng.lognormal(4.6, 0.2, 50)
    tracks = TrackSizes(diameter_nm=diameters, low_nm=diameters, high_nm=diameters)
    sizes = replace(video(100, rng), tracks=tracks)
    with pytest.raises(SettingError, match="'a' and 'b', have the same tracks"):
        combine_replicates([Replicate(preparation=name, sizes=sizes) for name in "abc"])


def test_scatter_is_told_apart_by_level():
    found = combine_replicates(study(np.random.default_rng(3), 40, 4, between=0.08, within=0.03), repeats=2)
    assert found.between_videos == pytest.approx(0.03, rel=0.2)
    assert found.between_preparations == pytest.approx(np.hypot(0.08, 0.015), rel=0.3)


def test_replicates_that_agree_by_chance_are_no_surer_than_their_tracks(rng):
    same = [Replicate(preparation="p", sizes=video(100, rng, own=0.05)) for _ in range(3)]
    d50 = combine_replicates(same, repeats=2).summary["d50_nm"]
    assert np.log(d50.high / d50.value) == pytest.approx(1.96 * 0.05 / np.sqrt(3), rel=0.25)


def test_what_all_replicates_share_is_not_averaged_out(rng):
    many = study(rng, 30, 1, between=0.01, within=0.0, own=0.002, budget=0.05)
    found = combine_replicates(many, repeats=2)
    assert np.log(found.summary["d50_nm"].high / found.summary["d50_nm"].value) > 1.9 * 0.05
    share = found.fractions[WINDOW]
    assert 0 < share.low < share.value < share.high < 1
    assert share.high - share.low > 0.03
    assert found.summary["span"].high / found.summary["span"].low < 1.02  # a common factor changes no shape


def test_the_curve_is_the_mean_and_its_band_holds_it(rng):
    found = combine_replicates(study(rng, 5, 2))
    weight = found.distribution.weight
    assert weight.sum() == pytest.approx(1)
    assert np.all(found.distribution.low <= weight)
    assert np.all(weight <= found.distribution.high)
    at = np.argmax(weight)
    assert found.distribution.high[at] > 1.01 * found.distribution.low[at]


def test_what_is_not_alike_is_refused(rng):
    good = Replicate(preparation="p", sizes=video(100, rng))
    other = Replicate(preparation="p", sizes=video(100, rng, describes="tracks"))
    bins = Replicate(preparation="p", sizes=video(100, rng, edges=EDGES * 2))
    with pytest.raises(SettingError, match="describe"):
        combine_replicates([good, other])
    with pytest.raises(SettingError, match="bins"):
        combine_replicates([good, bins])
    with pytest.raises(SettingError, match="no replicates"):
        combine_replicates([])
    with pytest.raises(SettingError, match="no suspension"):
        combine_replicates([good], describes="suspension")
    assert isinstance(combine_replicates([good]).summary["mean_nm"], Quantity)


@pytest.mark.parametrize("confidence", [0.68, 0.95, 0.99])
def test_the_band_of_a_single_video_is_its_own(rng, confidence):
    sizes = video(100, rng, own=0.05)
    own = replace(sizes.distribution, confidence=confidence)
    alone = [Replicate(preparation="p", sizes=replace(sizes, distribution=own))]
    found = combine_replicates(alone, repeats=4000).distribution
    at = own.weight > 0.2 * own.weight.max()

    def width(curve):
        return float(np.mean(np.log(curve.high[at] / curve.low[at])))

    assert width(found) == pytest.approx(width(own), rel=0.06)


def test_what_moves_all_diameters_counts_once_in_a_share(rng):
    alone = study(rng, 1, 1, own=0.005, budget=0.05)
    own, found = alone[0].sizes.fractions[WINDOW], combine_replicates(alone, repeats=2).fractions[WINDOW]
    assert found.high - found.low == pytest.approx(own.high - own.low, rel=0.2)  # twice: 1.4 times


def test_a_share_that_no_video_has_stays_open_by_what_the_tracks_allow(rng):
    sizes = replace(video(100, rng, own=0.01, n_effective=40.0), n_tracks_used=73)
    window = (600.0, 2000.0)
    rare = replace(sizes, fractions={window: Quantity(0.0, 0.0, 0.088, "1")})
    alone = combine_replicates([Replicate(preparation="p", sizes=rare)], repeats=2).fractions[window]
    assert (alone.low, alone.high) == pytest.approx((0.0, 0.088), abs=1e-5)
    three = combine_replicates([Replicate(preparation="p", sizes=rare)] * 3, repeats=2).fractions[window]
    assert 0.0303 < three.high < 0.088  # none of 120: 3.0 % (Clopper-Pearson)


def test_numbers_are_means_of_numbers_and_count_preparations_alike(rng):
    """Preparations of 80, 100 and 125 nm, each as narrow as beads: none of them is broad."""
    narrow = [
        Replicate(preparation=f"{median}", sizes=narrow_video(median, rng)) for median in (80.0, 100.0, 125.0)
    ]
    found = combine_replicates(narrow, repeats=2).summary
    assert found["geometric_sd"].value == pytest.approx(1.04, abs=0.01)
    assert found["geometric_sd"].low >= 1.0
    assert found["d50_nm"].value == pytest.approx(np.mean([80.0, 100.0, 125.0]), rel=0.01)
    one_more = combine_replicates([*narrow, *narrow[:1] * 9], repeats=2).summary
    assert one_more["d50_nm"].value == pytest.approx(found["d50_nm"].value, rel=0.01)


def test_a_doubtful_video_that_is_a_third_of_the_mean_is_a_third_of_the_doubt(rng):
    sure = [Replicate(preparation=name, sizes=video(100, rng, own=0.001)) for name in ("a", "a", "b", "b")]
    doubtful = Replicate(preparation="c", sizes=video(100, rng, own=0.2))
    d50 = combine_replicates([*sure, doubtful], repeats=2).summary["d50_nm"]
    assert np.log(d50.high / d50.value) == pytest.approx(1.96 * 0.2 / 3, rel=0.3)


def narrow_video(median_nm, rng):
    """Sizes of a video of beads."""
    weight = curve(median_nm, sd_ln=0.04)
    return replace(
        video(median_nm, rng), distribution=replace(video(median_nm, rng).distribution, weight=weight)
    )


@pytest.mark.parametrize("n_videos", [2, 3, 6])
@pytest.mark.parametrize(("within", "own", "budget"), [(0.03, 0.002, 0.02), (0.001, 0.02, 0.0)])
def test_videos_of_one_preparation_have_the_mean_that_measurements_make(n_videos, within, own, budget):
    """The scatter of the videos decides, with the budget common to them, or the tracks of each do."""
    rng = np.random.default_rng([n_videos, int(1e4 * within)])
    replicates = study(rng, 1, n_videos, within=within, own=own, budget=budget, n_draws=96)
    d50 = combine_replicates(replicates, repeats=2).summary["d50_nm"]
    sizes = [r.sizes for r in replicates]
    same = mean_of([s.summary["d50_nm"] for s in sizes], [s.statistical["d50_nm"] for s in sizes], 0.95)
    assert d50.value == pytest.approx(same.value, rel=1e-3)
    assert np.log(d50.high / d50.low) == pytest.approx(np.log(same.high / same.low), rel=0.05)
