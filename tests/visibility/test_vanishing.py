"""Particles that go out in bright light are told from those that leave it."""

from types import SimpleNamespace

import numpy as np
import pytest

from nta.assessment import Verdict
from nta.assessment.limits import load_limits
from nta.assessment.recording.sample import blinking
from nta.visibility import share_vanishing

N_FRAMES, SIDE = 100, 300


def evidence(rng, *, n=20, dark=0.0, fades=False, cut=False):
    """Particles that diffuse in the frame; dark: chance to be dark in a frame; fades: they are faint before they
    leave; cut: the film jumps twice."""
    y, x = (100 + 100 * rng.random(n) + np.cumsum(rng.normal(0, 1, (N_FRAMES, n)), axis=0) for _ in "yx")
    snr = np.full((N_FRAMES, n), 40.0)
    shown = rng.random((N_FRAMES, n)) >= dark
    if cut:
        y[30:], x[30:], y[60:], x[60:] = y[30:] + 50, x[30:] + 50, y[60:] - 50, x[60:] - 50
    if fades:
        shown[50:70] = False
        snr[48:50] = 6.0
    frame, particle = np.nonzero(shown)
    by_track = np.lexsort((frame, particle))
    scene = SimpleNamespace(
        frame_index=np.arange(N_FRAMES), has_borders=True, height_px=SIDE, width_px=SIDE, threshold_sd=4.75
    )
    tracks = SimpleNamespace(
        track=particle[by_track],
        spot=by_track,
        snr=snr[frame, particle][by_track],
        linking=SimpleNamespace(search_range_px=6.0),
    )

    class Spots(SimpleNamespace):
        def __len__(self):
            return frame.size

    spots = Spots(frame=frame, y_px=y[frame, particle], x_px=x[frame, particle], scene=scene)
    sized = SimpleNamespace(tracks=tracks, used=np.ones(n, bool))
    return SimpleNamespace(sized=sized, spots=spots, limits=load_limits("recording_quality"))


def test_blinking_is_found_with_how_often(rng):
    e = evidence(rng, dark=0.05)
    assert share_vanishing(e.sized, e.spots) == pytest.approx(0.05, abs=0.015)
    found = blinking(e)
    assert found.verdict is Verdict.WARN
    assert "too small" in found.evidence


def test_particles_that_fade_as_they_leave_do_not_blink(rng):
    assert blinking(evidence(rng, fades=True)).verdict is Verdict.PASS


def test_a_cut_in_the_film_is_no_blinking(rng):
    assert blinking(evidence(rng, cut=True)).value == 0.0


def test_a_few_spots_cannot_tell(rng):
    assert blinking(evidence(rng, n=2)).verdict is Verdict.NOT_ASSESSED
