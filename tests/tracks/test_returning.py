"""Particles that come back are drawn as one: what their tracks tell counts once."""

import numpy as np
import pytest

from made.brownian_world import KT_OVER_3_PI_ETA, sheet_world
from nta.tracks import link_spots
from nta.tracks.returning import particles_of


def _weighed(group, particle, points):
    """Expected square of the summed weights, where every particle has a value of its own."""
    cells, place = np.unique(np.stack([group, particle]), axis=1, return_inverse=True)
    return float((np.bincount(place.ravel(), points, cells.shape[1]) ** 2).sum())


@pytest.mark.parametrize("per_frame", [8.0, 40.0])
def test_most_of_what_returning_particles_add_to_the_variance_is_seen(rng, per_frame):
    diameters = (70.0, 100.0, 150.0)
    world, kind = sheet_world(rng, per_frame=per_frame, n_frames=400, diameters_nm=diameters)
    tracks = link_spots(world.spots)
    first = tracks.first_row[:-1]
    points = np.diff(tracks.first_row).astype(float)
    true = world.particle[tracks.spot[first]]
    step_px2 = 2 * KT_OVER_3_PI_ETA / np.array(diameters)[kind[true] % 3] / 30 / 0.25**2
    found = particles_of(tracks, step_px2, 60)
    truth, alone, drawn = (_weighed(g, true, points) for g in (true, np.arange(true.size), found))
    assert alone < 0.75 * truth
    assert drawn > alone + 0.6 * (truth - alone)
    assert drawn <= truth * (1 + 1e-12)
    assert found.min() == 0
    assert np.unique(found).size == found.max() + 1


def test_nobody_comes_back_from_too_far_or_after_too_long(rng):
    world, _ = sheet_world(rng, per_frame=8.0, n_frames=200)
    tracks = link_spots(world.spots)
    every = np.arange(tracks.n_tracks)
    still = particles_of(tracks, np.full(every.size, 1e-12), 60)
    assert np.unique(still).size == every.size
    first, last = tracks.first_row[:-1], tracks.first_row[1:] - 1
    found = particles_of(tracks, np.full(every.size, 5.0), 10)
    begins_later = tracks.frame[first][None, :] - tracks.frame[last][:, None]
    for number in np.unique(found):
        chain = np.flatnonzero(found == number)
        chain = chain[np.argsort(tracks.frame[first][chain])]
        gaps = begins_later[chain[:-1], chain[1:]]
        assert ((gaps > 0) & (gaps <= 10)).all()
