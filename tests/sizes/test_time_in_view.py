"""Particles in view are counted by their time in view, also by that in tracks too short to be sized."""

from dataclasses import replace

import numpy as np
import pytest

from made.synthetic_tracks import CONDITIONS, mixture, synthetic_tracks
from nta.diffusion import DiffusionEstimates, TrackFlag
from nta.sizes import SizingSettings, size_distribution
from nta.sizes.likelihood import frames_in_view


def _with_too_short_ones(table, rng, share_of_faint):
    """Add tracks of three spots and of one, with the light of the faint half; they hold this share of its time."""
    faint = np.flatnonzero(table.intensity < 500)
    n = round(share_of_faint / (1 - share_of_faint) * table.n_points[faint].sum() / 3)
    short = table.select(rng.choice(faint, n))
    short = replace(
        short,
        n_points=np.full(n, 3),
        flags=np.full(n, int(TrackFlag.TOO_SHORT)),
        diffusion_um2_s=np.full(n, np.nan),
    )
    single = replace(short, n_points=np.ones(n))
    return DiffusionEstimates.concatenate([table, short, single])


@pytest.fixture
def halves(rng):
    """Tracks of 70 and 140 nm, as many of each and of like length; those of 70 nm are faint."""
    tracks = synthetic_tracks(mixture((1, 70, 0.03), (1, 140, 0.03)), 1200, rng)
    light = np.where(tracks.true_nm < 100, 100.0, 1000.0) * rng.uniform(0.9, 1.1, 1200)
    return replace(tracks, diffusion=replace(tracks.diffusion, intensity=light))


def test_short_tracks_lend_their_time_to_sized_ones_of_like_light(halves, rng):
    table = _with_too_short_ones(halves.diffusion, rng, 0.3)
    used = table.has_size
    stands_for = frames_in_view(table, used)[used] / table.n_points[used]
    faint = table.intensity[used] < 500
    assert stands_for[faint].mean() == pytest.approx(1 / 0.7, rel=0.02)
    assert (
        np.mean(stands_for[~faint]) < 1.1
    )  # one class holds the darkest of them and the lightest of the faint


def test_where_nothing_is_too_short_or_no_light_is_known_a_track_stands_for_itself(halves, rng):
    table = halves.diffusion
    assert np.all(frames_in_view(table, table.has_size) == table.n_points)
    dark = _with_too_short_ones(table, rng, 0.3)
    dark = replace(dark, intensity=np.full(len(dark), np.nan))
    assert np.all(frames_in_view(dark, dark.has_size) == dark.n_points)


def test_no_track_stands_for_more_than_twice_its_own_time(halves, rng):
    table = _with_too_short_ones(halves.diffusion, rng, 0.9)
    assert (frames_in_view(table, table.has_size) / table.n_points).max() == pytest.approx(2.0)


class BrightOnesHide:
    """Detection in a run in which faint particles are often behind bright ones."""

    def not_hidden(self, electrons):
        """Return the share that is not hidden: a number for every light, not known for none."""
        return np.where(np.isnan(electrons), np.nan, np.where(np.asarray(electrons) < 500, 0.8, 0.95))


def test_a_track_stands_for_the_time_of_its_likes_behind_others(halves):
    table = halves.diffusion
    plain, found = (frames_in_view(table, table.has_size, one) for one in (None, BrightOnesHide()))
    np.testing.assert_allclose(plain / found, np.where(table.intensity < 500, 0.8, 0.95))
    dark = replace(table, intensity=np.full(len(table), np.nan))
    np.testing.assert_allclose(frames_in_view(dark, dark.has_size, BrightOnesHide()), plain)


def test_the_distribution_in_view_holds_the_hidden_ones(halves, rng):
    faint = halves.true_nm < 100
    # as often as they are hidden more often than bright ones
    dropped = faint & (rng.random(faint.size) > 0.8 / 0.95)
    table = halves.diffusion.select(np.flatnonzero(~dropped))
    settings = SizingSettings(windows_nm=((30.0, 100.0),), repeats=50)
    shares = []
    for detection in (None, BrightOnesHide()):
        sizes, _ = size_distribution(table, None, CONDITIONS, settings, detection=detection, compare=False)
        (share,) = sizes.fractions.values()
        shares.append(share.value)
    left = table.n_points / np.where(table.intensity < 500, 0.8, 0.95)
    truth = left[table.intensity < 500].sum() / left.sum()
    assert shares[1] == pytest.approx(truth, abs=0.015)
    assert shares[0] < truth - 0.02


def test_the_distribution_in_view_holds_the_time_of_the_short_ones(halves, rng):
    table = _with_too_short_ones(halves.diffusion, rng, 0.3)
    settings = SizingSettings(windows_nm=((30.0, 100.0),), repeats=50)
    shares = {}
    for name, these in (("sized", halves.diffusion), ("all", table)):
        sizes, _ = size_distribution(
            these, None, CONDITIONS, settings, likelihood=halves.likelihood, compare=False
        )
        (share,) = sizes.fractions.values()
        shares[name] = share.value
    faint = halves.diffusion.intensity < 500
    time = np.where(faint, 1 / 0.7, 1.0) * halves.n_points
    truth = time[faint].sum() / time.sum()
    assert shares["all"] == pytest.approx(truth, abs=0.02)
    assert shares["sized"] < truth - 0.04
