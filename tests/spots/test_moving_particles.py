"""A bright particle that moves while the shutter is open is one spot, however well two spots would explain its light."""

import numpy as np

from nta.simulation import CameraSettings, Population, SampleSettings, Scenario, simulate
from nta.spots import DetectionSettings, detect_spots


def test_particles_that_move_during_the_exposure_are_not_seen_double():
    scenario = Scenario(
        name="moving",
        sample=SampleSettings(number_in_view=40),
        populations=(Population(name="100 nm", diameter_nm=100.0, cv=0.0),),
        camera=CameraSettings(exposure_s=1 / 60),
    )
    simulation = simulate(scenario, seed=4, n_frames=12)
    spots = detect_spots(list(simulation.frames()), DetectionSettings(threads=1), simulation.camera)
    truth = simulation.truth.spots
    bright = truth.select(truth.snr > 100)
    times = np.zeros(len(bright), dtype=int)
    for i in range(len(bright)):
        mine = spots.frame == bright.frame[i]
        away = np.hypot(spots.y_px[mine] - bright.y_px[i], spots.x_px[mine] - bright.x_px[i])
        times[i] = (away < 2.5).sum()
    assert len(bright) > 100
    assert (times >= 1).mean() > 0.9  # the rest lies at the edge or falls onto a neighbour
    assert (times >= 2).mean() < 0.03  # some have a neighbour
