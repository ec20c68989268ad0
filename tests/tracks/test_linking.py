"""Links: against trackpy and SciPy, over gaps, in chunks, in crowds, and where there is little or nothing to link."""

import dataclasses

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from made.brownian_world import brownian_world, links_of, make_scene, make_spots
from nta.columns import Columns
from nta.errors import SettingError
from nta.spots.table import Spots
from nta.tracks import LinkingSettings, TrackLinker, Tracks, link_spots

KEEP = LinkingSettings(ambiguous="keep", drift="none", search_range_px=12.0)


def linked(spots, **changes):
    return links_of(link_spots(spots, dataclasses.replace(KEEP, **changes)))


def assert_same(one: Columns, other: Columns):
    for name, values in one.as_dict().items():
        np.testing.assert_array_equal(values, getattr(other, name), err_msg=name)


@pytest.mark.parametrize("memory", [0, 1, 2])
def test_uncrowded_links_are_those_of_trackpy(rng, memory):
    pytest.importorskip("trackpy")
    spots = brownian_world(rng, n=80, n_frames=40, seen=0.95).spots
    mine = linked(spots, memory_frames=memory)
    assert mine == linked(spots, memory_frames=memory, engine="trackpy")
    assert len(mine) > 2500


@pytest.mark.parametrize("memory", [0, 2])
def test_crowded_links_are_those_of_scipy(rng, memory):
    """800 spots in 640x480 within 16 px: one component; trackpy raises SubnetOversizeException."""
    spots = brownian_world(rng, n=800, n_frames=6, step_sd=4.0).spots
    mine = linked(spots, search_range_px=16.0, memory_frames=memory)
    assert mine == linked(spots, search_range_px=16.0, memory_frames=memory, engine="reference")


def test_trackpy_says_when_it_gives_up(rng):
    pytest.importorskip("trackpy")
    spots = brownian_world(rng, n=800, n_frames=3, step_sd=4.0).spots
    with pytest.raises(SettingError, match="trackpy gives up"):
        linked(spots, search_range_px=30.0, engine="trackpy")


@pytest.mark.parametrize("engine", ["fast", "reference", "trackpy"])
@pytest.mark.parametrize("by_number", [False, True])
@pytest.mark.parametrize(("memory", "gap"), [(0, 0), (0, 1), (2, 2), (2, 3), (4, 4), (4, 5)])
def test_a_track_outlives_a_gap_up_to_memory(engine, by_number, memory, gap):
    """One particle at rest, missing for some frames, in view of another (or with the frames themselves missing)."""
    if engine == "trackpy":
        pytest.importorskip("trackpy")
    frames = [0, 1, 2, 3 + gap, 4 + gap]
    y, x = [50.0] * 5, [50.0] * 5
    if not by_number:
        frames = frames + list(range(5 + gap))
        y, x = y + [200.0] * (5 + gap), x + [300.0] * (5 + gap)
    order = np.argsort(frames, kind="stable")
    spots = make_spots(np.array(frames)[order], np.array(y)[order], np.array(x)[order])
    tracks = link_spots(spots, dataclasses.replace(KEEP, memory_frames=memory, engine=engine))
    pieces = np.unique(tracks.track[tracks.x_px < 100]).size
    assert pieces == (1 if gap <= memory else 2)


def test_a_spot_twice_the_range_away_is_another_particle():
    spots = make_spots([0, 1, 2, 3], [50, 50, 75, 75], [50, 50, 50, 50])
    assert linked(spots, search_range_px=12.5) == {(0, 1), (2, 3)}
    assert linked(spots, search_range_px=25.5) == {(0, 1), (1, 2), (2, 3)}


def test_least_squares_not_nearest_first():
    """Greedy linking would take the short link first and leave a long one, or none."""
    spots = make_spots([0, 0, 1, 1], [50, 50, 50, 50], [50, 56, 55, 62])
    assert linked(spots) == {(0, 2), (1, 3)}


@settings(max_examples=25)
@given(cuts=st.lists(st.integers(0, 400), max_size=8), default=st.booleans(), seed=st.integers(0, 99))
def test_tracks_do_not_depend_on_the_chunks(cuts, default, seed):
    world = brownian_world(
        np.random.default_rng(seed), n=25, n_frames=400, height=240, width=320, noise_per_frame=0.5
    )
    spots = world.spots
    chosen = LinkingSettings() if default else KEEP
    whole = link_spots(spots, chosen)
    linker = TrackLinker(chosen)
    for first, last in zip([0, *sorted(cuts)], [*sorted(cuts), 401], strict=True):
        linker.push(spots.select((spots.frame >= first) & (spots.frame < last)))
        linker.snapshot()
    assert_same(linker.finish(), whole)


def test_a_snapshot_is_what_a_recording_that_ended_here_would_give(rng):
    spots = brownian_world(rng, n=40, n_frames=350).spots
    early = spots.select(spots.frame < 90)
    linker = TrackLinker()
    linker.push(early)
    assert_same(linker.snapshot(), link_spots(early))


def test_chunks_bring_their_own_frames(rng):
    """The live path gives each chunk a scene with its own frames; the joined tracks know them all."""
    world = brownian_world(rng, n=20, n_frames=100)
    linker = TrackLinker()
    for first in range(0, 100, 25):
        scene = make_scene(25, frame_index=np.arange(first, first + 25))
        of_chunk = world.spots.select((world.spots.frame >= first) & (world.spots.frame < first + 25))
        linker.push(dataclasses.replace(of_chunk, scene=scene))
    tracks = linker.finish()
    assert tracks.scene.frame_index.tolist() == list(range(100))
    assert tracks.linking.drift_y_px.size == 100


def test_every_track_is_sorted_numbered_and_at_least_as_long_as_asked(rng):
    spots = brownian_world(rng, n=50, n_frames=60, seen=0.8, noise_per_frame=5).spots
    tracks = link_spots(spots, LinkingSettings(min_track_frames=5))
    assert np.unique(tracks.track).tolist() == list(range(tracks.n_tracks))
    assert (np.lexsort((tracks.frame, tracks.track)) == np.arange(len(tracks))).all()
    assert np.diff(tracks.first_row).min() >= 5
    assert np.unique(tracks.spot).size == len(tracks)
    np.testing.assert_array_equal(tracks.frame, spots.frame[tracks.spot])
    np.testing.assert_array_equal(tracks.intensity, spots.intensity[tracks.spot])
    y, x = tracks.in_image()
    np.testing.assert_allclose(y, spots.y_px[tracks.spot], atol=1e-9)
    np.testing.assert_allclose(x, spots.x_px[tracks.spot], atol=1e-9)


@pytest.mark.parametrize("engine", ["fast", "reference", "trackpy"])
def test_nothing_one_spot_and_one_frame_give_no_tracks(engine):
    if engine == "trackpy":
        pytest.importorskip("trackpy")
    chosen = LinkingSettings(engine=engine)
    for spots in (
        make_spots([], [], []),
        make_spots([3], [9.0], [9.0]),
        make_spots([0] * 5, range(5), range(5)),
    ):
        tracks = link_spots(spots, chosen)
        assert isinstance(tracks, Tracks)
        assert len(tracks) == tracks.n_tracks == 0


def test_empty_frames_in_a_chunk_of_their_own_change_nothing(rng):
    spots = brownian_world(rng, n=20, n_frames=40).spots
    spots = spots.select((spots.frame < 15) | (spots.frame > 16))
    linker = TrackLinker()
    for low, high in ((0, 15), (15, 17), (17, 40)):
        linker.push(spots.select((spots.frame >= low) & (spots.frame < high)))
    assert_same(linker.finish(), link_spots(spots))


def test_frame_numbers_may_start_anywhere(rng):
    spots = brownian_world(rng, n=30, n_frames=50).spots
    far = Spots(
        **(spots.as_dict() | {"frame": spots.frame + 100_000}),
        scene=make_scene(50, frame_index=np.arange(100_000, 100_050)),
    )
    assert links_of(link_spots(far)) == links_of(link_spots(spots))


def test_a_gap_in_the_recording_longer_than_memory_ends_all_tracks(rng):
    spots = brownian_world(rng, n=30, n_frames=60, seen=1.0, step_sd=1.0).spots
    hole = spots.select((spots.frame < 30) | (spots.frame >= 36))
    tracks = link_spots(hole)
    ends = np.maximum.reduceat(tracks.frame, tracks.first_row[:-1])
    starts = np.minimum.reduceat(tracks.frame, tracks.first_row[:-1])
    assert not ((starts < 30) & (ends >= 36)).any()


def test_spots_out_of_order_are_refused(rng):
    spots = brownian_world(rng, n=10, n_frames=10).spots
    with pytest.raises(ValueError, match="sorted by frame"):
        link_spots(spots.select(np.arange(len(spots))[::-1]))
    linker = TrackLinker()
    linker.push(spots.select(spots.frame < 5))
    with pytest.raises(ValueError, match="whole frames in order"):
        linker.push(spots.select(spots.frame >= 4))
    with pytest.raises(ValueError, match="no spots were pushed"):
        TrackLinker().finish()


def test_a_recording_full_of_spots_is_linked(rng):
    """3 000 spots a frame: every frame one component; few wrong links, since steps are short."""
    world = brownian_world(rng, n=3000, n_frames=30, height=1024, width=1280, step_sd=1.0)
    tracks = link_spots(world.spots)
    links = np.array(sorted(links_of(tracks)))
    wrong = (world.particle[links[:, 0]] != world.particle[links[:, 1]]).mean()
    assert wrong < 0.005
    assert len(links) > 0.9 * 3000 * 29 * 0.97


def test_stuck_spots_stay_one_track_each(rng):
    world = brownian_world(rng, n=20, n_frames=100, step_sd=0.0, seen=0.97, localization_error=0.1)
    tracks = link_spots(world.spots)
    assert tracks.n_tracks == 20
    assert tracks.linking.brownian_share == 0
    assert np.abs(tracks.linking.drift_y_px).max() == 0


def test_noise_alone_makes_no_tracks_to_size(rng):
    """A blank at ten times the rate of false spots that the detector's threshold lets through."""
    world = brownian_world(rng, n=0, n_frames=3000, noise_per_frame=2.0)
    tracks = link_spots(world.spots)
    lengths = np.diff(tracks.first_row)
    assert (lengths >= 5).sum() == 0


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"search_range_px": 0.0}, "search_range_px must be > 0"),
        ({"search_range_px": float("nan")}, "search_range_px must be > 0"),
        ({"memory_frames": -1}, "memory_frames"),
        ({"max_wrong_link": 0.5}, "max_wrong_link"),
        ({"min_track_frames": 1}, "min_track_frames"),
        ({"engine": "quick"}, "engine must be one of"),
        ({"ambiguous": "maybe"}, "ambiguous must be one of"),
        ({"drift": "yes"}, "drift must be one of"),
    ],
)
def test_settings_check_themselves(change, message):
    with pytest.raises(SettingError, match=message):
        LinkingSettings(**change)


def test_spots_without_light_are_linked_by_distance(rng):
    """Dark or saturated recordings may know no intensity: NaN and zero say nothing, and do no harm."""
    world = brownian_world(rng, n=30, n_frames=60)
    nothing = np.where(np.arange(len(world.spots)) % 2, np.nan, 0.0).astype(np.float32)
    tracks = link_spots(dataclasses.replace(world.spots, intensity=nothing))
    links = np.array(sorted(links_of(tracks)))
    right = world.particle[links[:, 0]] == world.particle[links[:, 1]]
    assert right.mean() > 0.99
    assert len(links) > 0.93 * 30 * 59 * 0.97
