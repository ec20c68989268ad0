"""A number that falls while the recording runs, and a sheet narrower than the field, are told from chance."""

from types import SimpleNamespace

import numpy as np
import pytest

from nta.assessment import Verdict
from nta.assessment.limits import load_limits
from nta.assessment.recording.sample import evenness
from nta.visibility import evenness_across, evenness_in_time

N_FRAMES, WIDTH, HEIGHT = 300, 320, 240


def sized(rng, n=300, *, decay=0.0, sheet=np.inf, drift=0.0, faintest=0.3):
    """Particles that stay for many frames each; `sheet`: its 1/e² half-width over the width of the field."""
    began = rng.uniform(-60, N_FRAMES, 20 * n)
    y, x = rng.uniform(0, HEIGHT, began.size), rng.uniform(0, WIDTH, began.size)
    light = np.exp(-2 * ((x / WIDTH - 0.5) / sheet) ** 2 + rng.normal(0, 1, began.size))
    stays = rng.uniform(size=began.size) < np.exp(-decay * np.maximum(began, 0) / N_FRAMES)
    seen = np.flatnonzero((light > faintest) & stays)[:n]
    rows = [
        (k, f)
        for k, i in enumerate(seen)
        for f in range(int(began[i]), int(began[i] + rng.geometric(1 / 40)))
    ]
    track, frame = (np.array(v) for v in zip(*rows, strict=True))
    within = (frame >= 0) & (frame < N_FRAMES)
    track, frame = np.unique(track[within], return_inverse=True)[1], frame[within]
    kept = seen[np.unique(np.array([k for k, _ in rows])[within])]
    scene = SimpleNamespace(
        n_frames=N_FRAMES, frame_index=np.arange(N_FRAMES), has_borders=True, height_px=HEIGHT, width_px=WIDTH
    )
    moved = drift * (np.arange(N_FRAMES) - N_FRAMES / 2)
    linking = SimpleNamespace(step_px=2.0, drift_y_px=0 * moved, drift_x_px=moved)
    tracks = SimpleNamespace(
        track=track,
        frame=frame,
        y_px=y[kept][track],
        x_px=x[kept][track] - moved[frame],
        intensity=light[kept][track],
        scene=scene,
        linking=linking,
    )
    return SimpleNamespace(
        tracks=tracks,
        diffusion=None,
        used=np.ones(track.max() + 1, bool),
        sizing=SimpleNamespace(min_points=5),
    )


@pytest.fixture(autouse=True)
def one_track_of_each_particle(monkeypatch):
    monkeypatch.setattr(
        "nta.visibility.evenness.particles_behind", lambda tracks, _: np.arange(tracks.track.max() + 1)
    )


def verdicts(run):
    evidence = SimpleNamespace(sized=run, limits=load_limits("recording_quality"))
    return {found.name: found.verdict for found in evenness(evidence)}


def test_a_number_that_falls_is_found_with_how_much_the_mean_lacks(rng):
    run = sized(rng, decay=2.0)
    found = evenness_in_time(run)
    assert 0.25 < found.shortfall < 0.6
    assert found.rel_std > 0.3
    assert found.first > 1.5 * found.last
    assert verdicts(run) == {"steady_number": Verdict.WARN, "even_field": Verdict.PASS}


def test_a_sheet_narrower_than_the_field_is_found_also_where_the_sample_drifts(rng):
    for drift in (0.0, 0.5):
        run = sized(rng, sheet=0.35, drift=drift)
        found = evenness_across(run)
        assert 0.2 < found.shortfall < 0.6
        assert verdicts(run) == {"steady_number": Verdict.PASS, "even_field": Verdict.WARN}


def test_chance_is_no_trend_though_each_particle_has_many_spots():
    rng = np.random.default_rng(7)
    for _ in range(30):
        run = sized(rng, n=80)
        assert evenness_in_time(run).rel_std == evenness_across(run).rel_std == 0.0


def test_a_few_particles_cannot_tell(rng):
    assert set(verdicts(sized(rng, n=10)).values()) == {Verdict.NOT_ASSESSED}
