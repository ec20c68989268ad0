"""Analyses to report on: an ordinary one, and those with nothing to show."""

import numpy as np
import pytest

from made.analysis import make_analysis


@pytest.fixture(scope="session")
def analysis():
    """An ordinary recording: log-normal particles, a few stuck ones, loose spots."""
    return make_analysis(np.random.default_rng(7))


@pytest.fixture(scope="session")
def without_spots():
    """A recording in which nothing was found."""
    return make_analysis(np.random.default_rng(8), n_tracks=0, loose_spots=0, n_frames=40)


@pytest.fixture(scope="session")
def all_stuck():
    """A recording with immobile particles only."""
    return make_analysis(np.random.default_rng(9), n_tracks=60, stuck_share=1.0, n_frames=120)


@pytest.fixture(scope="session")
def few_tracks():
    """A recording with sizes of single tracks, and too few of them for a distribution."""
    return make_analysis(np.random.default_rng(10), n_tracks=12, n_frames=120, with_profile=False)
