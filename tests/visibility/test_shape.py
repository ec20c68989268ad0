"""Rings of real optics show in bright spots in focus; a concentration that takes spots for Gaussians is in doubt."""

from dataclasses import replace

import numpy as np
import pytest

from nta.pipeline import find_tracks
from nta.settings import AnalysisSettings
from nta.simulation import load_scenario, simulate
from nta.spots import SpotDetector
from nta.visibility import share_not_gaussian
from nta.visibility.shape import rel_std_by_shape


@pytest.fixture(scope="module", params=["gaussian", "diffraction"])
def psf_and_tracks(request):
    scene = load_scenario("polystyrene_200nm")
    optics = replace(scene.optics, psf=request.param, spot_width_px=None)
    recording = simulate(replace(scene, optics=optics), n_frames=40)
    settings = AnalysisSettings()
    with SpotDetector(settings.detection, recording.camera) as detector:
        _, tracks = find_tracks(recording.frames(), settings, detector=detector)
    return request.param, tracks


def test_rings_are_told_from_gaussians(psf_and_tracks):
    psf, tracks = psf_and_tracks
    share = share_not_gaussian(tracks)
    assert share > 0.3 if psf == "diffraction" else share < 0.1
    assert rel_std_by_shape(tracks) == pytest.approx(min(0.7 * share, 0.3))


def test_few_spots_tell_nothing(psf_and_tracks):
    _, tracks = psf_and_tracks
    dim = replace(tracks, snr=np.full_like(tracks.snr, 5.0))
    assert share_not_gaussian(dim) is None
    assert rel_std_by_shape(dim) == 0
