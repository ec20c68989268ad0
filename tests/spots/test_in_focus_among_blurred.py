"""Where most spots are out of focus, those in focus are spots as well: the brightest there are."""

import numpy as np

from nta.simulation import (
    CameraSettings,
    OpticsSettings,
    Population,
    SampleSettings,
    Scenario,
    Simulation,
    simulate,
)
from nta.spots import DetectionSettings, Spots, detect_spots

DEEP = OpticsSettings(
    pixel_size_um=0.25, numerical_aperture=0.4, sheet_width_um=9.3, brightness_e_per_ms_nm2=8800.0
)


def filmed() -> tuple[Simulation, Spots]:
    scenario = Scenario(
        name="blurred",
        sample=SampleSettings(number_in_view=25),
        populations=(Population(name="76 nm", diameter_nm=76.0, cv=0.03),),
        camera=CameraSettings(bit_depth=16, gain_e_per_adu=1.0, frame_rate_hz=60, exposure_s=0.013),
        optics=DEEP,
    )
    simulation = simulate(scenario, seed=3, n_frames=70)
    settings = DetectionSettings(threads=1)
    return simulation, detect_spots(simulation.frames(), settings, simulation.camera)


def test_bright_spots_in_focus_are_found():
    simulation, spots = filmed()
    truth, camera = simulation.truth.spots, simulation.scenario.camera
    clear = (truth.snr > 100) & (truth.width_px < np.quantile(truth.width_px[truth.snr > 100], 0.3))
    for place, size in ((truth.y_px, camera.height_px), (truth.x_px, camera.width_px)):
        clear &= (place > 6) & (place < size - 7)
    narrow = truth.select(clear)
    assert spots.scene.spot_width_px > 3 * np.median(narrow.width_px)
    nearest = np.full(len(narrow), np.inf)
    for i in range(len(narrow)):
        mine = spots.frame == narrow.frame[i]
        away = np.hypot(spots.y_px[mine] - narrow.y_px[i], spots.x_px[mine] - narrow.x_px[i])
        nearest[i] = away.min(initial=np.inf)
    assert len(narrow) > 100
    assert (nearest < 1).mean() > 0.93
