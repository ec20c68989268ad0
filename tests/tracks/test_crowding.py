"""Against simulated truth: wrong tracks, what cutting and losing links does to D, false tracks from noise."""

import numpy as np
import pytest

from made.brownian_world import sheet_world, true_tracks_of, wrong_share
from nta.tracks import link_spots


def step_moments(frame, y, x, track):
    """Mean squared step and mean product of successive steps, per axis, and the number of steps."""
    order = np.lexsort((frame, track))
    frame, y, x, track = frame[order], y[order], x[order], track[order]
    one = (np.diff(track) == 0) & (np.diff(frame) == 1)
    two = one[1:] & one[:-1]
    dy, dx = np.diff(y), np.diff(x)
    squared = (dy**2 + dx**2)[one]
    product = (dy[1:] * dy[:-1] + dx[1:] * dx[:-1])[two]
    return squared.mean() / 2, product.mean() / 2, squared.size


def pooled_diffusion(moments):
    """Covariance estimator over all steps (Vestergaard, Blainey and Flyvbjerg, Phys. Rev. E 89, 022726 (2014)), px2."""
    squared, product, _ = moments
    return squared / 2 + product


@pytest.mark.parametrize(
    ("diameter_nm", "per_frame", "wrong", "kept"),
    [(50.0, 60, 0.02, 0.96), (100.0, 60, 0.015, 0.985), (200.0, 150, 0.012, 0.985), (50.0, 150, 0.025, 0.92)],
)
def test_crowding_neither_mixes_particles_nor_biases_diffusion(diameter_nm, per_frame, wrong, kept):
    """A tuned trackpy.link mixes two particles in 14 % of the tracks (by length) at 60 spots a frame, in 26 % at 150."""
    world, _ = sheet_world(
        np.random.default_rng(7), per_frame=per_frame, n_frames=400, diameters_nm=(diameter_nm,)
    )
    tracks = link_spots(world.spots)
    assert wrong_share(tracks.track, world.particle[tracks.spot]) < wrong
    ours = step_moments(tracks.frame, *tracks.in_image(), tracks.track)
    spots = world.spots
    true = step_moments(spots.frame, spots.y_px, spots.x_px, true_tracks_of(world))
    assert ours[2] / true[2] > kept
    assert pooled_diffusion(ours) == pytest.approx(pooled_diffusion(true), rel=0.006)


@pytest.mark.parametrize(("diameter_nm", "pixel_um"), [(30.0, 0.2), (40.0, 0.2)])
def test_small_fast_particles_are_not_cut_short(diameter_nm, pixel_um):
    """A 30 nm sphere at 30 fps and 0.2 um/px steps 5.2 px per axis: the range has to hold 5 standard steps."""
    world, _ = sheet_world(
        np.random.default_rng(3), per_frame=20, n_frames=600, diameters_nm=(diameter_nm,), pixel_um=pixel_um
    )
    tracks = link_spots(world.spots)
    step = np.sqrt(2 * 490 / diameter_nm / 30) / pixel_um
    assert tracks.linking.search_range_px > 5 * step
    ours = step_moments(tracks.frame, *tracks.in_image(), tracks.track)
    spots = world.spots
    true = step_moments(spots.frame, spots.y_px, spots.x_px, true_tracks_of(world))
    assert pooled_diffusion(ours) == pytest.approx(pooled_diffusion(true), rel=0.012)
    assert ours[0] == pytest.approx(true[0], rel=0.01)


def test_every_size_of_a_mixture_keeps_its_diffusion():
    """Sizes that share one cell: neither do the fast lose their long steps, nor do the slow take them."""
    world, kind = sheet_world(
        np.random.default_rng(5), per_frame=60, n_frames=600, diameters_nm=(50.0, 100.0, 150.0)
    )
    tracks, spots = link_spots(world.spots), world.spots
    true_track, of_spot = true_tracks_of(world), kind[world.particle]
    y, x = tracks.in_image()
    for which in range(3):
        mine, theirs = of_spot[tracks.spot] == which, of_spot == which
        ours = step_moments(tracks.frame[mine], y[mine], x[mine], tracks.track[mine])
        true = step_moments(spots.frame[theirs], spots.y_px[theirs], spots.x_px[theirs], true_track[theirs])
        assert pooled_diffusion(ours) == pytest.approx(pooled_diffusion(true), rel=0.01)


@pytest.mark.parametrize("noise_per_frame", [0.2, 2.0])
def test_noise_adds_no_tracks_that_would_be_sized(noise_per_frame):
    """The detector lets 0.2 false spots through per 640x480 frame; five spots are the least that are sized."""
    world, _ = sheet_world(
        np.random.default_rng(2), per_frame=30, n_frames=1500, noise_per_frame=noise_per_frame
    )
    tracks = link_spots(world.spots)
    noise = np.add.reduceat((world.particle[tracks.spot] < 0).astype(int), tracks.first_row[:-1])
    length = np.diff(tracks.first_row)
    false = (noise > 0.5 * length) & (length >= 5)
    assert (length >= 5).sum() > 1000
    assert false.sum() <= 1
