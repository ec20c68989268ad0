"""Live and afterwards give the same tracks; a slow analysis costs the recording nothing."""

import os
import sys
import threading
import time
from dataclasses import replace
from itertools import count, islice

import numpy as np
import pytest

import nta
from made.waiting import no_thread_left, until
from nta.acquisition import LiveSource, record
from nta.assessment import Verdict
from nta.circumstances import Circumstances
from nta.errors import LiveAnalysisError, MissingInputError, SettingError
from nta.frames import CameraState, Frame
from nta.io.recordings import RecordingWriter, open_recording
from nta.live import LiveAnalysis, LiveSettings, Snapshot, warm_up, warm_up_lightly, warming
from nta.live.sizing import size_so_far
from nta.live.wording import Piece, lines, preview_rows
from nta.pipeline import find_tracks
from nta.report.wording import number
from nta.spots import SpotDetector

WATER = nta.SampleConditions(temperature_c=25.0)
UNCORRECTED = LiveSettings(corrected=False, repeats=50)  # where the exact size is not looked at


@pytest.fixture(autouse=True)
def no_thread_is_left_behind():
    with no_thread_left():
        yield


def _same_columns(one, other):
    assert len(one) == len(other)
    for name, values in one.as_dict().items():
        assert np.array_equal(values, other.as_dict()[name], equal_nan=True), name


def _recorded(path, instrument, profile, n_frames, **live_settings):
    """Record with a live analysis beside it; return spots, tracks and the last snapshot."""
    with (
        instrument as device,
        LiveAnalysis(device.camera.state(), WATER, profile, live=LiveSettings(**live_settings)) as live,
    ):
        writer = RecordingWriter(path, device.camera.state())
        done = record(device, writer, n_frames=n_frames, on_frame=live.push, on_reading=live.telemetry)
        spots, tracks = live.finish()
        return done, spots, tracks, live.snapshot()


def test_live_tracks_are_those_of_the_recording_afterwards(tmp_path, instrument, profile):
    path = tmp_path / "out.h5"
    done, spots, tracks, seen = _recorded(
        path, instrument(), profile, 250, least_interval_s=0.0, busy_share=1.0
    )
    with open_recording(path) as recording:
        analysis = nta.analyze(recording, WATER, profile)
    assert done.losses.lost == 0
    _same_columns(spots, analysis.spots)
    _same_columns(tracks, analysis.tracks)
    assert tracks.n_tracks > 50
    assert len(seen.history) >= 2, "sizes were inferred while it recorded"
    assert seen.sizing.n_tracks == analysis.tracks.n_tracks
    for name in ("d10_nm", "d50_nm", "d90_nm"):
        shown = getattr(seen.sizing, name.removesuffix("_nm"))
        assert shown.value == pytest.approx(analysis.sizes.summary[name].value, rel=1e-9)


def test_sizes_are_corrected_from_the_first_on_by_a_curve_that_is_measured_rarely(
    tmp_path, instrument, profile, monkeypatch
):
    curves = []

    def size(*words, detection, **more):
        curves.append(detection and detection.curve)
        return size_so_far(*words, detection=detection, **more)

    monkeypatch.setattr("nta.live.analysis.size_so_far", size)
    _recorded(tmp_path / "out.h5", instrument(), profile, 300, least_interval_s=0.0, busy_share=1.0)
    assert len(curves) >= 2
    assert None not in curves
    assert len(set(map(id, curves))) <= 5, "at most at 72, 144 and 288 frames, and at the end"
    curves.clear()
    _recorded(tmp_path / "bare.h5", instrument(), profile, 100, corrected=False)
    assert set(curves) == {None}


def test_gaps_in_the_recording_change_nothing_of_that(tmp_path, instrument, profile):
    path = tmp_path / "out.h5"
    done, spots, tracks, seen = _recorded(path, instrument(faults="lost@2+1"), profile, 150, corrected=False)
    settings = nta.AnalysisSettings()
    with (
        open_recording(path) as recording,
        SpotDetector(
            settings.detection, Circumstances.completed(recording.camera, WATER, profile).camera
        ) as detector,
    ):
        spots_after, tracks_after = find_tracks(recording.frames(), settings, detector=detector)
    assert seen.frames_lost == done.losses.lost > 10
    _same_columns(spots, spots_after)
    _same_columns(tracks, tracks_after)


def test_the_interval_narrows_and_the_target_stops(tmp_path, instrument, profile, monkeypatch):
    path, target = tmp_path / "out.h5", 0.08
    enough = threading.Event()
    with (
        instrument() as device,
        LiveAnalysis(
            device.camera.state(),
            WATER,
            profile,
            live=LiveSettings(until_d50_within=target, least_interval_s=0.0, busy_share=1.0),
        ) as live,
    ):
        read, n_read = device.camera.read, count(1)

        def in_step(timeout_s):
            """A camera as fast as its frames are read had made thousands of them by the time that sizes came."""
            if next(n_read) % 100 == 0:
                until(lambda: live._sizing is None or live._sizing.done(), 120)
            return read(timeout_s)

        monkeypatch.setattr(device.camera, "read", in_step)
        writer = RecordingWriter(path, device.camera.state())
        done = record(
            device,
            writer,
            n_frames=6000,
            stop=enough,
            progress=lambda n: live.enough and enough.set(),
            on_frame=live.push,
            on_reading=live.telemetry,
        )
        seen = live.snapshot()
    assert done.n_frames < 6000
    assert seen.enough
    widths = [(p.d50.high - p.d50.low) / p.d50.value / 2 for p in seen.history]
    assert widths[-1] <= target
    assert widths[-2] <= target, "one narrow interval may be luck"
    assert widths[0] > widths[-1]


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="threads have no priority of their own")
def test_the_analysis_gives_way_to_the_recording():
    """Search, sizes and detector; not the thread that pushes, which records."""
    with LiveAnalysis(_camera(), WATER) as live:
        for index in range(80):
            live.push(_frame(index))
        live.finish()
        threads = [t for t in threading.enumerate() if t.name.startswith(("nta-live", "nta-spots"))]
        nice = {t.name: os.getpriority(os.PRIO_PROCESS, t.native_id) for t in threads}
    assert len(nice) >= 2
    assert min(nice.values()) > os.getpriority(os.PRIO_PROCESS, threading.get_native_id())


def _camera(**more):
    return CameraState(width_px=64, height_px=48, bit_depth=8, frame_rate_hz=30.0, pixel_size_um=0.25, **more)


def _frame(index, level=20):
    rng = np.random.default_rng(index)
    return Frame(rng.poisson(level, (48, 64)).astype(np.uint8), index, index / 30)


def test_push_never_waits_and_sheds_in_one_gap(monkeypatch):
    """A search that hangs: frames pile up to the backlog and are left out beyond it, all of it counted."""
    released = threading.Event()
    with LiveAnalysis(_camera(), WATER, live=LiveSettings(backlog_bytes=1)) as live:
        search = live._search
        monkeypatch.setattr(live, "_search", lambda frames: (released.wait(10), search(frames)))
        began = time.monotonic()
        for index in range(1000):
            live.push(
                _frame(index) if index < 400 else Frame(np.zeros((48, 64), np.uint8), index, index / 30)
            )
        assert time.monotonic() - began < 5
        seen = live.snapshot()
        assert seen.frames == 1000
        assert seen.frames_lost == 0, "what is left out of the view is not lost"
        assert seen.frames_shed >= 1000 - 256 - 2 * 64
        released.set()
        spots, _ = live.finish()
        gaps = np.diff(spots.scene.frame_index)
        assert (gaps > 1).sum() <= 1
        assert spots.scene.n_frames + live.snapshot().frames_shed == 1000


def test_silence_is_measured_from_frame_to_frame_and_only_while_it_records():
    with LiveAnalysis(_camera(), WATER) as live:
        assert live.snapshot().silent_s == 0
        for index in range(70):
            live.push(_frame(index))
        until(lambda: live.snapshot().silent_s > 0.02)
        live.finish()
        assert live.snapshot().silent_s == 0


def test_a_failing_analysis_is_said_and_the_recording_goes_on():
    with LiveAnalysis(_camera(), WATER) as live:
        for index in range(64):
            live.push(_frame(index))
        live.push(Frame(np.zeros((10, 10), np.uint8), 64, 2.1))
        for index in range(65, 90):
            live.push(_frame(index))
        with pytest.raises(LiveAnalysisError, match="10x10 px"):
            live.finish()
        assert live.snapshot().frames == 90
        assert "10x10 px" in live.snapshot().fault


def test_a_last_sizing_that_fails_is_raised_and_a_defect_keeps_its_traceback_in_the_log(monkeypatch, caplog):
    def size(*words, **more):
        if not live._searcher.is_alive():  # the one that `finish` asks for
            raise ValueError("no sizes today")
        return size_so_far(*words, **more)

    with LiveAnalysis(_camera(), WATER) as live:
        monkeypatch.setattr("nta.live.analysis.size_so_far", size)
        for index in range(64):
            live.push(_frame(index))
        with pytest.raises(LiveAnalysisError, match="no sizes today") as failed:
            live.finish()
    assert isinstance(failed.value.__cause__, ValueError)
    (record,) = caplog.records
    assert "in size" in record.exc_text


def test_a_picture_out_of_focus_is_said(instrument, profile):
    """Nothing was: the detector takes the spots that there are for spots in focus."""

    def seen(focus_um):
        with instrument(speed=float("inf")) as device:
            device.focus.set(focus_um)
            with LiveAnalysis(device.camera.state(), WATER, profile, live=UNCORRECTED) as live:
                for frame in islice(LiveSource(device).frames(), 100):
                    live.push(frame)
                live.finish()
                return live.snapshot()

    sharp, blurred = seen(0.0), seen(12.0)
    assert not sharp.out_of_focus
    assert [line.text for line in lines(sharp) if "Focus" in line.text] == []
    assert blurred.spot_width_px > 2 * sharp.spot_width_px
    (line,) = (line for line in lines(blurred) if "Focus" in line.text)
    assert line.todo == "turn the focus to where the spots are smallest"
    unknown = replace(blurred, width_in_focus_px=None)
    assert not unknown.out_of_focus
    assert ("spot width", (Piece(f"{number(blurred.spot_width_px)} px"), Piece(""))) in preview_rows(unknown)


def test_without_scale_or_with_nonsense_it_is_refused_before_a_frame_is_taken():
    with pytest.raises(MissingInputError, match="pixel size"):
        LiveAnalysis(CameraState(width_px=64, height_px=48, bit_depth=8, frame_rate_hz=30.0), WATER)
    for wrong in ({"until_d50_within": 3.0}, {"busy_share": 0.0}, {"repeats": 3}, {"backlog_bytes": 0}):
        with pytest.raises(SettingError, match=next(iter(wrong))):
            LiveSettings(**wrong)


def test_the_measured_temperature_sizes_and_its_move_is_advice(tmp_path, instrument, profile):

    with (
        instrument() as device,
        LiveAnalysis(device.camera.state(), nta.SampleConditions(), profile, live=UNCORRECTED) as live,
    ):
        writer = RecordingWriter(tmp_path / "out.h5", device.camera.state())
        live.telemetry("temperature_c", 26.5)
        live.telemetry("laser_mw", 50.0)
        record(device, writer, n_frames=200, on_frame=live.push, on_reading=live.telemetry)
        live.finish()
        seen = live.snapshot()
    moved = seen.sizing.assessment.finding("temperature_range")
    assert moved.verdict is Verdict.WARN
    assert moved in seen.advice
    assert seen.temperature_c == pytest.approx(25.0, abs=0.1)


def test_a_snapshot_is_plain_data_for_a_page(tmp_path, instrument, profile):
    import json

    _, _, _, seen = _recorded(tmp_path / "out.h5", instrument(), profile, 200, corrected=False, repeats=50)
    text = json.dumps(seen.as_dict(), allow_nan=False)
    loaded = json.loads(text)
    assert loaded["frames"] == 200
    assert sum(loaded["sizing"]["distribution"]["weight"]) == pytest.approx(1.0)
    assert json.loads(json.dumps(Snapshot().as_dict()))["sizing"] is None


def test_live_sizes_are_made_with_the_rate_that_is_read_of_the_recording(tmp_path):
    from nta.live.stamps import Stamps

    camera, stamps, path = _camera(exposure_s=0.005), Stamps(), tmp_path / "slow.h5"
    with RecordingWriter(path, camera) as writer:
        for index in range(40):
            frame = replace(_frame(index), host_time_ns=round(index / 20.1 * 1e9))
            stamps.add(frame)
            writer.write(frame)
    with open_recording(path) as recording:
        assert stamps.in_time(camera).frame_rate_hz == recording.camera.frame_rate_hz
    assert stamps.in_time(camera).frame_rate_hz == pytest.approx(20.1)


def test_only_what_is_missing_on_the_disk_is_compiled_in_another_process(monkeypatch):
    aside = []
    monkeypatch.setattr(warming, "_compile_aside", lambda *needed: aside.append(needed))
    warm_up(_camera())
    warm_up_lightly(_camera())
    assert aside == []

    def missing(*_):
        raise LiveAnalysisError("failed") from warming._NotCompiledError("a kernel")

    runs = [missing, lambda *_: None]
    monkeypatch.setattr(warming, "warm_up", lambda *needed: runs.pop(0)(*needed))
    warm_up_lightly(_camera())
    assert len(aside) == 1
    assert runs == []
