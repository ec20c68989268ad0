"""Recording through the real writer: whatever ends it, the file opens and says what is missing."""

import json
import re
import resource
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from made.scripted_camera import ScriptedCamera, ScriptedKnob
from nta.acquisition import ReaderSettings, record
from nta.devices import Instrument
from nta.errors import DeviceLost, RecordingError
from nta.frames import CameraState, Frame
from nta.io.recordings import RecordingWriter, open_recording

# A process that records an endless playback (100 Hz) into the file it is given, and says so on a line.
RECORDER = """
import sys, json, resource
from nta.acquisition import ReaderSettings, open_driver, record
from nta.io.recordings import RecordingWriter
source, target, limit = sys.argv[1], sys.argv[2], int(sys.argv[3])
with open_driver("playback", recording=source, loop=True) as instrument:
    writer = RecordingWriter(target, instrument.camera.state(), flush_interval_s=0.2)
    if limit:
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
    print("recording", flush=True)
    done = record(instrument, writer, duration_s=60.0)
print(json.dumps({"n": done.n_frames, "ended_by": done.ended_by, "lost": done.losses.lost}), flush=True)
"""


@pytest.fixture
def loop(tmp_path):
    """A recording of ten frames to be played for ever."""
    path = tmp_path / "loop.h5"
    writer = RecordingWriter(path, ScriptedCamera([]).state())
    record(Instrument("scripted", ScriptedCamera(range(10))), writer, n_frames=10)
    return path


def _recorder(source, target, limit=0):
    process = subprocess.Popen(
        [sys.executable, "-c", RECORDER, str(source), str(target), str(limit)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout.readline() == "recording\n"
    return process


def _frames(path):
    with open_recording(path) as recording:
        frames = list(recording.frames())
        return frames, recording.report, recording.metadata


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_closes_the_recording_in_order(loop, tmp_path, number):
    target = tmp_path / "out.h5"
    process = _recorder(loop, target)
    time.sleep(0.6)
    process.send_signal(number)
    out, err = process.communicate(timeout=10)
    assert process.returncode == 0, err
    told = json.loads(out)
    assert told["ended_by"] == "signal"
    frames, report, _ = _frames(target)
    assert len(frames) == told["n"] > 10
    assert not report.truncated


def test_after_kill_9_the_file_opens_lacks_at_most_the_last_moment_and_says_so(loop, tmp_path):
    target = tmp_path / "out.h5"
    process = _recorder(loop, target)
    time.sleep(1.2)
    process.kill()
    process.communicate(timeout=10)
    frames, report, _ = _frames(target)
    assert len(frames) >= 40  # 100 Hz: 120 less the last flush interval, with room for a busy machine
    assert [frame.index for frame in frames] == list(range(len(frames)))
    assert all((frame.image == frame.index % 10).all() for frame in frames)
    assert report.truncated
    assert "did not finish" in " ".join(report.notes)


def test_a_full_disk_is_told_and_what_was_written_opens(loop, tmp_path):
    target = tmp_path / "out.h5"
    process = _recorder(loop, target, limit=60_000)
    _, err = process.communicate(timeout=30)
    assert process.returncode != 0
    assert "RecordingError: the file cannot be written any more" in err
    assert "frames were written before, of which the last second may be missing" in err
    frames, report, _ = _frames(target)
    assert len(frames) > 20
    assert report.truncated
    assert all((frame.image == frame.index % 10).all() for frame in frames)


@pytest.mark.parametrize("ways", ["removed", "moved"])
def test_a_file_that_is_taken_away_while_it_is_written_is_told(tmp_path, ways):
    target, there = tmp_path / "out.h5", tmp_path / "moved.h5"

    def take_away(frame):
        if frame.index == 5:
            target.unlink() if ways == "removed" else target.rename(there)

    camera = ScriptedCamera(range(10))
    writer = RecordingWriter(target, camera.state())
    with pytest.raises(
        RecordingError, match=r"out.h5: it was removed or moved .*; 10 frames were written before"
    ):
        record(Instrument("scripted", camera), writer, n_frames=10, on_frame=take_away)
    if ways == "moved":
        assert len(_frames(there)[0]) == 10


def test_a_recording_without_a_frame_does_not_keep_its_name(tmp_path):
    target = tmp_path / "out.h5"
    for camera in (ScriptedCamera([DeviceLost("unplugged")]), ScriptedCamera(range(3))):
        writer = RecordingWriter(target, camera.state())
        done = record(
            Instrument("scripted", camera), writer, n_frames=3, settings=ReaderSettings(reconnect_s=0.0)
        )
        assert target.exists() == (done.n_frames > 0)
    assert len(_frames(target)[0]) == 3


@pytest.fixture
def large_loop(tmp_path):
    """A recording of ten frames of 307 kB."""
    path = tmp_path / "large.h5"
    camera = CameraState(width_px=640, height_px=480, bit_depth=8, frame_rate_hz=100.0)
    with RecordingWriter(path, camera) as writer:
        for index in range(10):
            writer.write(Frame(np.full((480, 640), index, np.uint8), index, index / 100, None, index * 10**7))
    return path


def test_on_a_disk_that_is_really_full_what_was_written_opens(large_loop, tmp_path):
    """A file system of 6 MB of its own: the kernel refuses, not a limit of the process."""
    small, saved = tmp_path / "small", tmp_path / "saved.h5"
    small.mkdir()
    mount = f"mount -t tmpfs -o size=6m none {small}"
    if subprocess.run(["unshare", "-rm", "sh", "-c", mount], capture_output=True, check=False).returncode:
        pytest.skip("no file system can be mounted here")
    script = (
        f'{mount} && "$1" -c "$2" {large_loop} {small}/out.h5 0; echo "exit $?"; cp {small}/out.h5 {saved}'
    )
    words = ["unshare", "-rm", "sh", "-c", script, "sh", sys.executable, RECORDER]
    done = subprocess.run(words, capture_output=True, text=True, timeout=60, check=True)
    assert "exit 1" in done.stdout
    assert "RecordingError: the file cannot be written any more" in done.stderr
    told = int(re.search(r"(\d+) frames were written before and are kept", done.stderr)[1])
    frames, report, _ = _frames(saved)
    assert 5 <= len(frames) == told <= 20
    assert report.truncated
    assert "MB are free" in " ".join(report.notes), "it was closed in order and says why it ended"
    assert all((frame.image == frame.index % 10).all() for frame in frames)


def test_an_unplugged_device_leaves_a_recording_that_says_why_it_ended(tmp_path):
    from nta.acquisition import ReaderSettings

    path = tmp_path / "out.h5"
    instrument = Instrument("scripted", ScriptedCamera([0, 1, 2, 5, DeviceLost("the cable is out")]))
    with RecordingWriter(path, instrument.camera.state()) as writer:
        done = record(instrument, writer, n_frames=100, settings=ReaderSettings(reconnect_s=0.0))
    assert done.ended_by == "fault"
    frames, report, metadata = _frames(path)
    assert [frame.index for frame in frames] == [0, 1, 2, 5]
    assert report.truncated
    assert report.lost_frames == 2
    assert "the cable is out" in metadata["ended_by"]
    assert "lost 2 by the device" in " ".join(report.notes)


def test_the_temperature_that_was_measured_is_in_the_recording(tmp_path):
    path = tmp_path / "out.h5"
    instrument = Instrument("scripted", ScriptedCamera(range(5)), thermostat=ScriptedKnob([24.5]))
    writer = RecordingWriter(path, instrument.camera.state())
    record(instrument, writer, n_frames=5)
    _, _, metadata = _frames(path)
    assert np.asarray(metadata["temperature_log_c"]) == pytest.approx([24.5])


def test_memory_does_not_grow_with_the_number_of_frames(tmp_path):
    """A queue that fills up would: 20 000 frames of 307 kB are 6 GB."""
    import tracemalloc

    class Big(ScriptedCamera):
        def state(self):
            from dataclasses import replace

            return replace(super().state(), width_px=640, height_px=480)

        def read(self, timeout_s=1.0):
            from dataclasses import replace

            return replace(super().read(timeout_s), image=np.zeros((480, 640), np.uint8))

    class Nothing:
        def write(self, frame):
            pass

        def telemetry(self, *_):
            pass

        def close(self, *_):
            pass

    from nta.acquisition import ReaderSettings

    tracemalloc.start()
    record(
        Instrument("big", Big(range(3000))),
        Nothing(),
        n_frames=3000,
        settings=ReaderSettings(queue_bytes=10 << 20),
    )
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 25 << 20


def test_memory_stays_flat_while_the_file_grows(tmp_path):
    """The file's own tables are kept in memory between flushes: they must not grow with the recording."""
    rss = []

    class Small(ScriptedCamera):
        def state(self):
            return replace(super().state(), width_px=64, height_px=48)

        def read(self, timeout_s=1.0):
            frame = super().read(timeout_s)
            return replace(frame, image=np.full((48, 64), frame.index % 256, np.uint8))

    def look(n):
        if n % 1000 == 0:
            pages = int(Path("/proc/self/statm").read_text().split()[1])
            rss.append(pages * resource.getpagesize() / 2**20)

    instrument = Instrument("small", Small(range(9000)))
    settings = ReaderSettings(queue_bytes=1 << 20)
    writer = RecordingWriter(tmp_path / "long.h5", instrument.camera.state(), flush_interval_s=0.2)
    record(instrument, writer, n_frames=9000, settings=settings, progress=look)
    assert rss[-1] - rss[2] < 12, (
        rss
    )  # MB, over 6000 frames: 54 000 of them, half an hour at 30 Hz, cost below 110


def test_frames_that_were_lost_at_the_end_are_lost_for_whoever_opens_the_file(tmp_path):
    camera = ScriptedCamera(
        [*range(10), 12, *range(14, 16), DeviceLost("unplugged")], then_reopens=[range(100)]
    )
    camera.gone_until = time.monotonic() + 0.3
    instrument, target = Instrument("scripted", camera), tmp_path / "out.h5"
    done = record(instrument, RecordingWriter(target, instrument.camera.state()), duration_s=0.2)
    assert done.losses.lost == 7
    _, report, _ = _frames(target)
    assert (report.found_frames, report.lost_frames) == (13, 7)
