"""Recordings whose codec or camera holds moving spots back: found, and sized in spite of it."""

from dataclasses import replace

import numpy as np
import pytest

from made.brownian_tracks import (
    INTERVAL_S,
    PIXEL_UM,
    SCALE,
    blurred_path,
    brownian_tracks,
    estimated,
    tracks_of,
)
from nta.assessment import Verdict, assess_recording
from nta.calibration import SampleConditions
from nta.circumstances import Scale
from nta.diffusion import DiffusionSettings, diffusion_likelihood, ensemble_motion, estimate_diffusion
from nta.diffusion.smoothing import StepCorrelation, step_correlation
from nta.diffusion.steps import Steps
from nta.pipeline import analyze, estimate_sizes
from nta.settings import AnalysisSettings
from nta.simulation import load_scenario, simulate
from nta.sizes import SizingSettings

TRUE_UM2_S = 2.0
SETTINGS = AnalysisSettings(sizing=SizingSettings(repeats=100))
KERNELS = {
    "mean of three frames": np.full(3, 1 / 3),
    "recursive filter of a camera": 0.55 * 0.45 ** np.arange(6),
    "predicted from both sides": np.array([0.1, 0.2, 0.4, 0.2, 0.1]),
}


def _held_back(
    rng, kernel, *, n_tracks, n_points, diffusion=TRUE_UM2_S, exposure_s=INTERVAL_S, error_um=0.03
):
    """Tracks of particles whose places are means over frames; noise of their own comes on top."""
    kernel = kernel / kernel.sum()
    parts = []
    for d in np.broadcast_to(diffusion, n_tracks):
        path = blurred_path(rng, d, n_points + kernel.size - 1, exposure_s)
        mean = np.stack([np.convolve(axis, kernel, "valid") for axis in path.T], axis=1)
        seen = mean + error_um * rng.normal(size=mean.shape)
        parts.append((np.arange(n_points), seen / PIXEL_UM + 100.0))
    return tracks_of(parts, error_px=error_um / PIXEL_UM)


def _correlation(tracks):
    return step_correlation(Steps.of(tracks, **SCALE), np.ones(tracks.n_tracks, dtype=bool), 1e-3)


def _mean(estimates):
    good = estimates.has_size
    weight = 1 / estimates.std_err_um2_s[good] ** 2 * estimates.diffusion_um2_s[good] ** 2
    return np.average(estimates.diffusion_um2_s[good], weights=weight), 1 / np.sqrt(weight.sum())


@pytest.mark.parametrize("kernel", KERNELS.values(), ids=KERNELS)
def test_diffusion_comes_out_right_from_positions_held_back(kernel):
    tracks = _held_back(np.random.default_rng(1), kernel, n_tracks=150, n_points=90)
    found = estimated(tracks, INTERVAL_S, noise="recording")
    assert 3 <= found.noise.lag_frames <= kernel.size + 1
    value, relative = _mean(found)
    shared = found.noise.diffusion_rel_std
    assert value == pytest.approx(TRUE_UM2_S, rel=3 * np.hypot(relative, shared))
    assert 3 * np.hypot(relative, shared) < 0.12
    inside = (found.low_um2_s <= TRUE_UM2_S) & (found.high_um2_s >= TRUE_UM2_S)
    assert inside[found.has_size].mean() > 0.9


def test_successive_positions_would_have_been_far_off(monkeypatch):
    tracks = _held_back(np.random.default_rng(1), KERNELS["mean of three frames"], n_tracks=100, n_points=60)
    monkeypatch.setattr("nta.diffusion.smoothing._LEAST", 1.0)
    assert _mean(estimated(tracks, INTERVAL_S, noise="recording"))[0] < 0.75 * TRUE_UM2_S


@pytest.mark.parametrize("estimator", ["cve", "ols", "gls"])
def test_the_other_estimators_compare_the_same_positions(estimator):
    tracks = _held_back(np.random.default_rng(2), KERNELS["mean of three frames"], n_tracks=150, n_points=120)
    found = estimated(tracks, INTERVAL_S, noise="recording", estimator=estimator)
    spread = found.diffusion_um2_s[found.has_size]
    value = np.mean(found.diffusion_um2_s[np.isfinite(found.diffusion_um2_s)])
    assert value == pytest.approx(TRUE_UM2_S, abs=4 * spread.std() / np.sqrt(spread.size))
    assert np.median(found.std_err_um2_s[found.has_size]) == pytest.approx(spread.std(), rel=0.3)


def test_a_population_keeps_its_shape():
    """Held back or not: two kinds of particles stay apart, and the motion as a whole is free."""
    diffusion = np.repeat([1.5, 6.0], 60)
    tracks = _held_back(
        np.random.default_rng(3),
        KERNELS["mean of three frames"],
        n_tracks=120,
        n_points=150,
        diffusion=diffusion,
    )
    found = estimated(tracks, INTERVAL_S, noise="recording")
    slow, fast = (_mean(found.select(part)) for part in (diffusion < 3, diffusion > 3))
    assert slow[0] == pytest.approx(1.5, rel=0.1)
    assert fast[0] == pytest.approx(6.0, rel=0.1)
    exponent = ensemble_motion(tracks, found).exponent
    assert exponent.low <= 1 <= exponent.high
    likelihood = diffusion_likelihood(tracks, found)
    best = likelihood.grid_um2_s[likelihood.log_likelihood.argmax(axis=1)]
    assert best == pytest.approx(found.diffusion_um2_s[likelihood.track], rel=0.03)


@pytest.mark.parametrize(
    "made",
    [
        {"exposure_s": INTERVAL_S},
        {"exposure_s": 0.0, "error_um": 0.25},
        {"exposure_s": INTERVAL_S / 2, "seen": 0.9, "recorded": 0.9},
    ],
    ids=["blurred", "noisy", "with gaps"],
)
def test_ordinary_recordings_are_not_touched(made, monkeypatch):
    """To the last digit what they were without the test, and never called held back by more than its rate."""
    tracks = brownian_tracks(np.random.default_rng(4), np.geomspace(0.5, 8.0, 200), 30, **made)
    found = estimated(tracks, made["exposure_s"], noise="recording")
    assert found.noise.lag_frames == 1
    monkeypatch.setattr("nta.diffusion.smoothing._LEAST", np.inf)
    without = estimated(tracks, made["exposure_s"], noise="recording")
    for name in ("diffusion_um2_s", "std_err_um2_s", "low_um2_s", "high_um2_s", "flags"):
        assert np.array_equal(getattr(found, name), getattr(without, name), equal_nan=name != "flags")


def test_false_alarms_are_as_rare_as_stated():
    rng = np.random.default_rng(5)
    z = []
    for _ in range(200):
        tracks = brownian_tracks(rng, rng.uniform(0.5, 8.0, 60), 12, error_um=0.1)
        seen = _correlation(tracks)
        z.append(seen.correlation[0] / seen.std_err[0])
    assert np.mean(z) < 0.2  # short tracks with large errors: a little below 0, on the safe side
    assert np.std(z) == pytest.approx(1, abs=0.15)


def test_flow_is_not_taken_for_held_positions():
    """Displacements that are alike for ever are a flow that was left in: longer lags would keep it."""
    rng = np.random.default_rng(6)
    parts = []
    for _ in range(60):
        path = blurred_path(rng, TRUE_UM2_S, 40, 0.0) + np.arange(40)[:, None] * rng.normal(0, 0.25, 2)
        parts.append((np.arange(40), path / PIXEL_UM + 240))
    seen = _correlation(tracks_of(parts))
    assert seen.held.all()
    assert seen.lag_frames == 1
    assert seen.of_flow == pytest.approx(float(np.mean(seen.correlation)), rel=0.05)


def test_faint_flow_is_not_taken_for_held_positions_where_chance_ends_a_correlation():
    """As found in rolls of convection: flat, but one of the lags falls short of what is beyond chance."""
    correlation = np.array([0.023, 0.024, 0.029, 0.013, 0.037, 0.024, 0.037])
    std_err = np.full(7, 0.007)
    held = (correlation > 3.1 * std_err) & (correlation > 0.01)
    flow = StepCorrelation(correlation=correlation, std_err=std_err, held=held, beyond_sd=3.1)
    assert held.tolist()[:4] == [True, True, True, False]
    assert flow.lag_frames == 1
    assert flow.of_flow == pytest.approx(0.02775)
    ends = np.array([0.043, 0.031, 0.022, 0.004, 0.007, -0.003, 0.002])
    codec = StepCorrelation(
        correlation=ends, std_err=std_err, held=(ends > 3.1 * std_err) & (ends > 0.01), beyond_sd=3.1
    )
    assert codec.lag_frames == 5
    assert codec.of_flow == 0


def test_lags_without_spread_do_not_count_as_flow():
    """As where every frame is there twice: of two steps in a row, one is 0, and so is every product."""
    std_err = np.array([0.0, 0.007, 0.0, 0.007, 0.0, 0.007, 0.0])
    correlation = np.where(std_err > 0, 0.3, 0.0)
    none, beyond_sd = np.zeros(7, dtype=bool), 3.1
    doubled = StepCorrelation(correlation=correlation, std_err=std_err, held=none, beyond_sd=beyond_sd)
    assert doubled.of_flow == pytest.approx(0.3)
    still = StepCorrelation(correlation=0 * std_err, std_err=0 * std_err, held=none, beyond_sd=beyond_sd)
    assert still.of_flow == 0


def test_flow_that_differs_from_particle_to_particle_is_in_the_budget_and_a_finding():
    recording = simulate("polystyrene_100nm", n_frames=200)
    analysis = analyze(recording, SampleConditions(temperature_c=25.0), settings=SETTINGS)
    assert analysis.diffusion.noise.flow == 0
    assert "flow that is left" not in analysis.sizes.budget
    tracks = analysis.tracks
    rng = np.random.default_rng(8)
    own = rng.normal(0, 0.3, (tracks.n_tracks, 2))[tracks.track]  # px a frame
    y, x = (column + tracks.frame * own[:, axis] for axis, column in enumerate((tracks.y_px, tracks.x_px)))
    moved = replace(tracks, y_px=y, x_px=x)
    found = estimate_diffusion(moved, **vars(Scale.of(analysis.camera)))
    run = estimate_sizes(
        analysis.spots,
        moved,
        analysis.circumstances,
        analysis.settings,
        detection=None,
        relink=False,
    )
    assert found.noise.flow > 0.01
    assert run.sizes.budget["flow that is left"] == pytest.approx(1.5 * run.diffusion.noise.flow)
    assessment = assess_recording(run, analysis.spots, recording.report, recording.metadata)
    said = next(f for f in assessment.findings if f.name == "local_flow")
    assert said.verdict in (Verdict.WARN, Verdict.FAIL)
    assert "too small" in said.evidence


def test_tracks_too_short_for_the_lag_are_flagged_not_guessed():
    tracks = _held_back(np.random.default_rng(7), KERNELS["mean of three frames"], n_tracks=600, n_points=8)
    found = estimated(tracks, INTERVAL_S, noise="recording")
    assert found.noise.lag_frames >= 3
    assert not found.has_size.any()
    assert np.isnan(found.diffusion_um2_s).all()


def test_chains_keep_what_was_missed_and_what_was_never_recorded_apart():
    frame = np.array([0, 1, 2, 3, 5, 6, 7, 8])  # frame 4 was recorded and the particle not found in it
    parts = [(frame, np.stack([frame, frame], axis=1) + 100.0)]
    missed = Steps.of(tracks_of(parts, recorded=np.arange(9)), **SCALE).apart(2)
    assert missed.n_steps[0] == 4  # 0-2, 1-3, 5-7, 6-8
    assert missed.dy_um == pytest.approx(2 * PIXEL_UM)
    assert missed.dt_s == pytest.approx(2 * INTERVAL_S)
    unrecorded = Steps.of(tracks_of(parts, recorded=frame), **SCALE).apart(2)
    assert unrecorded.n_steps[0] == 6  # 1-3, 3-5, 5-7 and 0-2, 2-6, 6-8
    assert unrecorded.dt_s.max() == pytest.approx(4 * INTERVAL_S)
    first = Steps.of(tracks_of(parts, recorded=frame), **SCALE).apart(2, one_chain=True)
    assert first.frame.tolist() == [0, 1, 3, 4]


def test_blur_is_found_where_errors_are_taken_as_reported():
    """A stated exposure says nothing of the blur that holding back amounts to."""
    tracks = _held_back(np.random.default_rng(8), KERNELS["mean of three frames"], n_tracks=100, n_points=90)
    found = estimate_diffusion(tracks, **SCALE, exposure_s=0.0, settings=DiffusionSettings(noise="spots"))
    assert found.noise.lag_frames >= 3
    assert found.noise.exposure_s > INTERVAL_S
    assert found.noise.variance_scale == 1.0
    assert _mean(found)[0] == pytest.approx(TRUE_UM2_S, rel=0.1)


class _Mixing:
    """A camera that mixes every frame half and half with what it gave before."""

    def __init__(self, source):
        self._source = source

    def __getattr__(self, name):
        return getattr(self._source, name)

    def frames(self):
        kept = None
        for frame in self._source.frames():
            kept = frame.image.astype(float) if kept is None else 0.5 * kept + 0.5 * frame.image
            yield replace(frame, image=np.rint(kept).astype(frame.image.dtype))


@pytest.mark.slow
def test_a_camera_that_averages_frames_is_sized_within_the_interval_and_found_out():
    """Beads of 200 nm in a medium of 4 mPa s; successive positions would say 290 nm."""
    scene = load_scenario("polystyrene_200nm")
    scene = replace(
        scene,
        n_frames=200,
        seed=6,
        camera=replace(scene.camera, width_px=400, height_px=320),
        sample=replace(scene.sample, viscosity_mpas=4.0, number_in_view=40.0),
    )
    conditions = SampleConditions(temperature_c=25.0, viscosity_mpas=4.0)
    simulation = simulate(scene)
    plain, mixed = (
        analyze(source, conditions, settings=SETTINGS) for source in (simulation, _Mixing(simulation))
    )
    plain_said, mixed_said = ({f.name: f.verdict for f in a.assessment.findings} for a in (plain, mixed))
    assert plain_said["held_positions"] is Verdict.PASS
    assert mixed_said["held_positions"] is Verdict.WARN
    assert plain.diffusion.noise.lag_frames == 1
    assert mixed.diffusion.noise.lag_frames >= 4
    d50, undisturbed = (a.sizes.summary["d50_nm"] for a in (mixed, plain))
    assert d50.low <= 200.0 <= d50.high
    assert d50.value == pytest.approx(200.0, rel=0.1)
    assert d50.high / d50.low > undisturbed.high / undisturbed.low
    assert mixed.msd.first_fit_lag == mixed.diffusion.noise.lag_frames
