"""Rings of real optics show in bright spots in focus; a concentration that takes spots for Gaussians is in doubt."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from nta.assessment import Verdict
from nta.assessment.recording.sample import shape
from nta.circumstances import Scale
from nta.diffusion import estimate_diffusion
from nta.pipeline import find_tracks
from nta.settings import AnalysisSettings
from nta.simulation import load_scenario, simulate
from nta.spots import SpotDetector, SpotFlag
from nta.visibility import share_not_gaussian
from nta.visibility.defocus import as_seen
from nta.visibility.light import LightSheet
from nta.visibility.shape import rel_std_by_shape

THIN = LightSheet(
    sheet_width_um=3.0, focus_range_um=3.3, spot_width_px=1.4, pixel_size_um=0.25, exposure_s=0.015
)
THICK = replace(THIN, sheet_width_um=5.0)


def _film(scene):
    recording = simulate(scene, n_frames=40)
    settings = AnalysisSettings()
    with SpotDetector(settings.detection, recording.camera) as detector:
        _, tracks = find_tracks(recording.frames(), settings, detector=detector)
    return tracks, estimate_diffusion(tracks, **vars(Scale.of(recording.camera)))


@pytest.fixture(scope="module", params=["gaussian", "diffraction"])
def film(request):
    scene = load_scenario("polystyrene_200nm")
    optics = replace(scene.optics, psf=request.param, spot_width_px=None)
    return request.param, *_film(replace(scene, optics=optics))


def test_rings_are_told_from_gaussians(film):
    psf, *spots = film
    share = share_not_gaussian(*spots)
    assert share > 0.3 if psf == "diffraction" else share < 0.1
    assert rel_std_by_shape(*spots, THIN) == pytest.approx(min(0.7 * share, 0.3))
    assert rel_std_by_shape(*spots, THICK) == pytest.approx(max(min(0.7 * share, 0.3), 0.15))


def test_tracks_tell_how_spots_change_out_of_focus(film):
    """Over a thick sheet the spot of a real objective keeps its width and loses light; a Gaussian one widens."""
    psf, tracks, diffusion = film
    seen = as_seen(THICK, tracks, diffusion)
    assert seen.gaussian_share > 0.9 if psf == "gaussian" else seen.gaussian_share < 0.15
    depth = np.array([0.0, 4.0])
    in_focus, out = seen.width_px(depth, 0.0)
    assert out > 1.5 * in_focus if psf == "gaussian" else out == pytest.approx(in_focus, rel=0.1)
    lit = np.exp(-2 * (depth / THICK.sheet_width_um) ** 2)
    caught = seen.light(depth) / lit
    assert caught[0] == 1
    assert (
        caught[1] > 0.95 if psf == "gaussian" else 0.6 < caught[1] < 0.85
    )  # fitted spots of real patterns: 0.76


def test_few_spots_leave_their_change_out_of_focus_open(film):
    _, tracks, diffusion = film
    dim = replace(tracks, snr=np.full_like(tracks.snr, 5.0))
    assert as_seen(THICK, dim, diffusion).gaussian_share == 0.5


def test_few_spots_tell_nothing(film):
    _, tracks, diffusion = film
    dim = replace(tracks, snr=np.full_like(tracks.snr, 5.0))
    assert share_not_gaussian(dim, diffusion) is None
    assert rel_std_by_shape(dim, diffusion, THIN) == 0
    assert rel_std_by_shape(dim, diffusion, THICK) == 0.15  # faint spots hide their rings


def test_a_few_particles_on_the_haze_of_others_tell_nothing(film):
    psf, tracks, diffusion = film
    if psf == "diffraction":
        return
    length = np.bincount(tracks.track)
    longest = np.argsort(length)[::-1][:12]
    few = np.isin(tracks.track, longest)
    poor = np.isin(tracks.track, longest[:4])  # all spots of a third of them
    flags = np.where(few & poor, tracks.flags | int(SpotFlag.POOR_FIT), tracks.flags)
    snr = np.where(few, np.float32(20.0), np.float32(5.0))  # the others are too faint to be looked at
    assert share_not_gaussian(replace(tracks, flags=flags, snr=snr), diffusion) is None
    assert share_not_gaussian(replace(tracks, snr=snr), diffusion) < 0.12


def test_streaks_of_an_open_shutter_are_no_rings():
    scene = load_scenario("polystyrene_100nm")
    scene = replace(
        scene,
        camera=replace(scene.camera, frame_rate_hz=25.0, exposure_s=1 / 25),
        optics=replace(scene.optics, brightness_e_per_ms_nm2=60.0),
    )
    tracks, diffusion = _film(scene)
    assert share_not_gaussian(tracks, diffusion) < 0.15  # 0.28 of them fit no Gaussian
    scale = {"pixel_size_um": diffusion.pixel_size_um, "frame_interval_s": diffusion.frame_interval_s}
    unstated = estimate_diffusion(tracks, **scale, exposure_s=None)
    assert share_not_gaussian(tracks, unstated) < 0.2

    smeared = replace(tracks, snr=tracks.snr * 100)
    said = shape(SimpleNamespace(sized=SimpleNamespace(tracks=smeared, diffusion=diffusion)))
    assert said.verdict is Verdict.NOT_ASSESSED
    assert "motion" in said.evidence
    assert "shorter" in said.advice
