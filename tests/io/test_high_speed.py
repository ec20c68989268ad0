"""Phantom `.cine` and Norpix `.seq`: what their clocks and their settings say."""

import struct

import numpy as np
import pytest

from made.outside_writers import noisy_frames, norpix_seq, phantom_cine
from nta.errors import RecordingError
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


def test_a_time_that_was_hit_is_told(tmp_path):
    times_s = [100 + k / 60 for k in range(30)]
    times_s[20] = 2e9
    path = phantom_cine(tmp_path / "a.cine", noisy_frames(30), rate=60, times_s=times_s)
    with open_recording(path) as recording:
        assert recording.camera.frame_rate_hz == pytest.approx(60, rel=1e-3)
        assert any("2 steps between its time stamps" in note for note in recording.report.notes)
        assert any("do not rise" in note for note in recording.report.notes)
        assert [frame.time_s for frame in recording.frames()] == pytest.approx(np.arange(30) / 60, rel=1e-3)


def test_an_image_that_cannot_lie_where_it_is_said_to_is_missing(tmp_path):
    path = phantom_cine(tmp_path / "a.cine", noisy_frames(5))
    data = bytearray(path.read_bytes())
    struct.pack_into("<Q", data, 44 + 40 + 1600 + 8 * 2, 1 << 63)
    path.write_bytes(data)
    with open_recording(path) as recording:
        assert [frame.index for frame in recording.frames()] == [0, 1, 3, 4]
        assert recording.report.truncated


@pytest.mark.parametrize("shape", [(36, 0), (0, 52)])
def test_a_seq_of_no_size_is_refused(tmp_path, shape):
    path = norpix_seq(tmp_path / "a.seq", np.zeros((3, *shape), np.uint8), [0, 10, 20])
    with pytest.raises(RecordingError, match=rf"a\.seq.* {shape[1]} x {shape[0]} px"):
        open_recording(path)
