import math
import time

import numpy as np
import pytest

from nta.acquisition import ReaderSettings, open_driver, record
from nta.devices import Losses
from nta.errors import MissingInputError, RecordingError, SettingError
from nta.frames import CameraState, Frame
from nta.io.recordings import Recording, RecordingWriter, open_recording


def test_what_is_played_and_recorded_again_is_the_same_to_the_bit(short_recording, tmp_path):
    copy = tmp_path / "copy.h5"
    with open_driver("playback", recording=short_recording, speed=math.inf) as instrument:
        writer = RecordingWriter(copy, instrument.camera.state())
        done = record(instrument, writer, n_frames=1000)
    assert done.ended_by == "device"
    assert done.losses == Losses(delivered=40, lost_device=2)  # the recording lacks two
    with open_recording(short_recording) as one, open_recording(copy) as other:
        pairs = list(zip(one.frames(), other.frames(), strict=True))
        assert other.report.lost_frames == 2
        assert other.camera == one.camera
    for a, b in pairs:
        assert np.array_equal(a.image, b.image)
        assert (a.index, a.time_s) == (b.index, pytest.approx(b.time_s))


@pytest.mark.parametrize(("speed", "seconds"), [(1.0, 0.41), (4.0, 0.1025)])
def test_it_keeps_the_recordings_pace_times_the_speed(short_recording, speed, seconds):
    with open_driver("playback", recording=short_recording, speed=speed) as instrument:
        began = time.monotonic()
        instrument.camera.start(40)
        for _ in range(40):
            instrument.camera.read(1.0)
        took = time.monotonic() - began
    assert 0.95 * seconds < took < seconds + 0.5


def test_a_loop_counts_on(short_recording):
    with open_driver("playback", recording=short_recording, speed=math.inf, loop=True) as instrument:
        instrument.camera.start()
        frames = [instrument.camera.read() for _ in range(100)]
    assert frames[40].index == 42
    assert np.array_equal(frames[40].image, frames[0].image)
    steps = np.diff([frame.time_s for frame in frames]) / np.diff([frame.index for frame in frames])
    assert steps == pytest.approx(0.01, rel=1e-6)


def test_settings_of_a_recording_are_fixed_but_speed_and_loop_are_not(short_recording):
    with open_driver("playback", recording=short_recording) as instrument:
        with pytest.raises(SettingError, match=r"exposure_s of a recording is fixed: it is 0.005"):
            instrument.camera.configure(exposure_s=0.01, loop=True)
        assert instrument.camera.settings()["loop"] is False
        assert instrument.camera.configure(speed=2.0, loop=True)["speed"] == 2.0
        instrument.camera.start()
        instrument.camera.configure(speed=8.0)  # also while it plays
        with pytest.raises(SettingError, match="stop it before setting loop"):
            instrument.camera.configure(loop=False)


def test_as_fast_as_read_loses_nothing_to_a_slow_reader(short_recording):
    with open_driver("playback", recording=short_recording, speed=math.inf, buffer_frames=1) as instrument:
        instrument.camera.start()
        instrument.camera.read()
        time.sleep(0.3)
        assert instrument.camera.read().index == 1
        assert instrument.camera.stop().lost == 0


def test_a_slow_reader_loses_frames_and_a_file_that_is_slow_to_read_loses_none(short_recording, monkeypatch):
    with open_driver("playback", recording=short_recording, buffer_frames=1) as instrument:
        instrument.camera.start()
        instrument.camera.read()
        time.sleep(0.1)  # ten frames
        instrument.camera.read()
        assert instrument.camera.stop().lost_host >= 8

    slow = Recording.frames

    def frames(recording):
        for frame in slow(recording):
            time.sleep(0.02)  # twice the interval of the frames
            yield frame

    monkeypatch.setattr(Recording, "frames", frames)
    with open_driver("playback", recording=short_recording, buffer_frames=1) as instrument:
        instrument.camera.start(8)
        played = [instrument.camera.read() for _ in range(8)]
        assert instrument.camera.stop() == Losses(delivered=8)
    # its clock waited, and the frames keep the times of the recording
    assert [frame.time_s for frame in played] == pytest.approx([frame.index * 0.01 for frame in played])


def test_what_the_recording_does_not_say_can_be_said(tmp_path):
    path = tmp_path / "bare.h5"
    with RecordingWriter(path, CameraState(width_px=8, height_px=8, bit_depth=8)) as writer:
        for index in range(3):
            writer.write(Frame(np.full((8, 8), index, np.uint8), index, 0.0))
    with pytest.raises(MissingInputError, match="frame rate"):
        open_driver("playback", recording=path).open()
    with open_driver("playback", recording=path, frame_rate_hz=50.0, exposure_s=0.01) as instrument:
        assert instrument.camera.state().exposure_s == 0.01
        instrument.camera.start()
        assert [instrument.camera.read().time_s for _ in range(3)] == pytest.approx([0.0, 0.02, 0.04])


@pytest.mark.parametrize("wrong", [{"speed": 0.0}, {"speed": math.nan}, {"loop": 1}, {"buffer_frames": 0}])
def test_wrong_words_are_refused(short_recording, wrong):
    with pytest.raises(SettingError, match=next(iter(wrong))):
        open_driver("playback", recording=short_recording, **wrong)


def test_no_recording_is_said_at_once():
    with pytest.raises(SettingError, match="recording=PATH"):
        open_driver("playback")
    with pytest.raises(RecordingError, match="there is no"):
        open_driver("playback", recording="nowhere.h5").open()


def test_a_slow_disk_makes_playback_wait_when_it_is_not_paced(short_recording):
    class Slow:
        n = 0

        def write(self, frame):
            time.sleep(0.005)
            self.n += 1

        def telemetry(self, *_):
            pass

        def close(self, report=None, ended_by=None):
            pass

    writer = Slow()
    with open_driver("playback", recording=short_recording, speed=math.inf) as instrument:
        done = record(instrument, writer, n_frames=40, settings=ReaderSettings(queue_bytes=1))
    assert writer.n == 40
    assert done.losses == Losses(delivered=40, lost_device=2)  # not the host's, full as its queue was
