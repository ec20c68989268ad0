"""Closed loop: tracks of known particles in, the particles out."""

import time

import numpy as np
import pytest

from made.synthetic_tracks import CONDITIONS, SyntheticTracks, lognormal, mixture, synthetic_tracks
from nta.sizes import Distribution, SizeDistribution, SizingSettings, size_distribution

SETTINGS = SizingSettings(repeats=100)


def sized(tracks: SyntheticTracks, **changes: object) -> SizeDistribution:
    sizes, _ = size_distribution(
        tracks.diffusion,
        None,
        CONDITIONS,
        SizingSettings(repeats=100, **changes),
        likelihood=tracks.likelihood,
        compare=False,
    )
    return sizes


def share_between(distribution: Distribution, low_nm: float, high_nm: float) -> float:
    inside = (distribution.diameter_nm > low_nm) & (distribution.diameter_nm < high_nm)
    return float(distribution.weight[inside].sum())


def peaks_nm(distribution: Distribution, least_share: float = 0.01) -> list[float]:
    """Diameters of the peaks of the density in ln d that hold a share worth naming."""
    density = distribution.weight
    top = np.flatnonzero((density[1:-1] > density[:-2]) & (density[1:-1] >= density[2:])) + 1
    return [
        float(distribution.diameter_nm[i]) for i in top if density[max(i - 5, 0) : i + 6].sum() > least_share
    ]


@pytest.mark.parametrize("diameter_nm", [50.0, 100.0, 200.0])
def test_beads_come_out_as_one_narrow_peak(diameter_nm, rng):
    tracks = synthetic_tracks(lognormal(diameter_nm, 0.03), 4000, rng)
    sizes = sized(tracks)
    assert len(peaks_nm(sizes.distribution)) == 1
    assert sizes.summary["mean_nm"].value == pytest.approx(diameter_nm, rel=0.01)
    cv = sizes.summary["sd_nm"].value / sizes.summary["mean_nm"].value
    assert cv == pytest.approx(0.03, abs=0.02)


def test_a_log_normal_sample_comes_out_as_one_broad_peak(rng):
    tracks = synthetic_tracks(lognormal(90, 0.4), 2000, rng)
    sizes = sized(tracks)
    assert len(peaks_nm(sizes.distribution)) == 1
    assert sizes.summary["d50_nm"].value == pytest.approx(90, rel=0.04)
    assert sizes.summary["geometric_sd"].value == pytest.approx(np.exp(0.4), rel=0.05)


@pytest.mark.parametrize(
    ("parts", "n_tracks"),
    [
        ([(0.5, 60, 0.03), (0.5, 100, 0.03)], 2000),
        ([(0.4, 70, 0.03), (0.35, 120, 0.03), (0.25, 200, 0.03)], 3000),
        ([(0.6, 80, 0.02), (0.4, 100, 0.02)], 6000),
    ],
)
def test_mixtures_of_beads_are_resolved(parts, n_tracks, rng):
    sizes = sized(synthetic_tracks(mixture(*parts), n_tracks, rng))
    found = peaks_nm(sizes.distribution)
    assert found == pytest.approx([median for _, median, _ in parts], rel=0.04)
    between = [0.0, *np.sqrt(np.multiply(found[1:], found[:-1])), 1e4]
    for (share, _, _), low, high in zip(parts, between[:-1], between[1:], strict=True):
        assert share_between(sizes.distribution, low, high) == pytest.approx(share, rel=0.15)


@pytest.mark.parametrize(
    ("parts", "window", "tolerance"),
    [
        ([(0.9, 95, 0.35), (0.1, 300, 0.25)], (220, 2000), 0.03),  # aggregates
        ([(0.3, 50, 0.25), (0.7, 110, 0.30)], (10, 60), 0.05),  # fragments
    ],
)
def test_tails_of_aggregates_and_fragments_are_seen(parts, window, tolerance, rng):
    tracks = synthetic_tracks(mixture(*parts), 3000, rng)
    sizes = sized(tracks, windows_nm=(window,))
    inside = (tracks.true_nm > window[0]) & (tracks.true_nm < window[1])
    share = sizes.fractions[window]
    assert share.value == pytest.approx(np.average(inside, weights=tracks.n_points), abs=tolerance)
    assert share.low < share.value < share.high
    assert len(peaks_nm(sizes.distribution)) <= 2


def test_particles_that_stay_longer_count_more_in_view_and_once_as_tracks(rng):
    tracks = synthetic_tracks(mixture((0.5, 70, 0.03), (0.5, 140, 0.03)), 6000, rng, residence=1.0)
    sizes = sized(tracks, windows_nm=((10, 100),))
    small = tracks.true_nm < 100
    assert sizes.distribution.describes == "particles in view"
    by_time = np.average(small, weights=tracks.n_points)
    assert sizes.fractions[10, 100].value == pytest.approx(by_time, abs=0.02)
    assert share_between(sizes.of_tracks, 10, 100) == pytest.approx(small.mean(), abs=0.02)
    assert by_time < 0.4 < small.mean()


@pytest.mark.slow
def test_twenty_thousand_tracks_take_seconds(rng):
    tracks = synthetic_tracks(mixture((4, 70, 0.03), (3, 120, 0.03), (3, 200, 0.03)), 20_000, rng)
    start = time.process_time()
    size_distribution(tracks.diffusion, None, CONDITIONS, SizingSettings(), likelihood=tracks.likelihood)
    assert time.process_time() - start < 10  # on one core; measured: 3.5 s


def test_too_few_tracks_are_not_assessed(rng):
    sizes = sized(synthetic_tracks(lognormal(100, 0.1), 20, rng))
    assert sizes.distribution is None
    assert sizes.summary["d50_nm"].value is None
    assert "20 tracks" in sizes.summary["d50_nm"].method
    assert np.isfinite(sizes.tracks.diameter_nm).any()


@pytest.mark.parametrize(("diameter_nm", "share"), [(5000.0, 1.0), (2.0, 1.0), (1900.0, 0.4)])
def test_tracks_beyond_the_bins_make_no_distribution_of_what_is_left(diameter_nm, share, rng):
    tracks = synthetic_tracks(lognormal(diameter_nm, 0.03), 300, rng)
    sizes = sized(tracks)
    beyond = sizes.tracks.share_beyond(tracks.diffusion.used(5), SizingSettings())
    assert beyond == pytest.approx(share, abs=0.15)
    if beyond > 0.5:
        assert sizes.distribution is None
        assert sizes.summary["d50_nm"].value is None
        assert "beyond 10 to 2000 nm" in sizes.summary["d50_nm"].method
    else:
        assert sizes.distribution is not None
