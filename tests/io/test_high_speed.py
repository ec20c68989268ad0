"""Phantom `.cine` and Norpix `.seq`: what their clocks and their settings say."""

import numpy as np
import pytest
from outside_writers import noisy_frames, norpix_seq, phantom_cine

from nta.io.recordings import open_recording


@pytest.mark.parametrize("rate", [60, 120, 160])
@pytest.mark.parametrize("stated", [True, False])
def test_times_in_whole_milliseconds_do_not_change_the_rate(tmp_path, rate, stated):
    frames = noisy_frames(300)
    times_ms = [round(1000 * k / rate) for k in range(300)]
    path = norpix_seq(tmp_path / "a.seq", frames, times_ms, rate=float(rate) if stated else 0.0)
    with open_recording(path) as recording:
        assert recording.camera.frame_rate_hz == pytest.approx(rate, rel=5e-4)
        np.testing.assert_array_equal([frame.image for frame in recording.frames()], frames)
        assert not recording.report.notes


def test_times_that_contradict_the_rate_set_go_before_it(tmp_path):
    path = phantom_cine(
        tmp_path / "a.cine", noisy_frames(30), rate=90_000, times_s=[100 + k / 60 for k in range(30)]
    )
    with open_recording(path) as recording:
        assert recording.camera.frame_rate_hz == pytest.approx(60, rel=1e-6)
        assert any("set to 90000 Hz" in note for note in recording.report.notes)


@pytest.mark.parametrize(
    ("setup_bytes", "shutter_ns", "exposure_s"), [(1600, 5_000_000, 0.005), (1600, 0, None), (1000, 0, None)]
)
def test_an_exposure_that_nobody_says_is_no_flash(tmp_path, setup_bytes, shutter_ns, exposure_s):
    path = phantom_cine(tmp_path / "a.cine", noisy_frames(5), setup_bytes=setup_bytes, shutter_ns=shutter_ns)
    with open_recording(path) as recording:
        assert recording.camera.exposure_s == exposure_s
        np.testing.assert_array_equal([frame.image for frame in recording.frames()], noisy_frames(5))
