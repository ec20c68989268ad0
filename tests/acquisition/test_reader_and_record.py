import math
import os
import re
import signal
import threading
import time
from dataclasses import replace
from itertools import pairwise

import pytest

from made.scripted_camera import ListWriter, Pause, ScriptedCamera, ScriptedKnob
from made.waiting import no_thread_left
from nta.acquisition import LiveSource, ReaderSettings, record
from nta.devices import Instrument, Limits, Losses
from nta.errors import DeviceError, DeviceLost, DeviceTimeout, RecordingError, SettingError
from nta.frames import FrameSource

QUICK = ReaderSettings(stall_s=0.3, reconnect_s=0.0)


@pytest.fixture(autouse=True)
def no_thread_is_left_behind():
    with no_thread_left(within_s=0, named="nta-"):
        yield


def _instrument(*script, **kinds):
    return Instrument("scripted", ScriptedCamera(script, **kinds))


def test_every_frame_reaches_the_writer_in_order():
    writer = ListWriter()
    seen = []
    done = record(_instrument(*range(50)), writer, n_frames=50, progress=seen.append)
    assert writer.indices == list(range(50))
    assert done.losses == Losses(delivered=50)
    assert done.ended_by == "request"
    assert seen == list(range(1, 51))
    assert writer.closed == (None, None)


def test_a_duration_counts_the_devices_time_not_the_computers():
    writer = ListWriter()
    done = record(_instrument(*range(10_000)), writer, duration_s=2.0)
    assert len(writer.frames) == 200  # 100 Hz, delivered in a fraction of a second
    assert done.ended_by == "request"


class OddClock(ScriptedCamera):
    """Gives 100 frames a second whose `time_s` is what a function makes of it."""

    def __init__(self, time_s):
        super().__init__([step for index in range(2000) for step in (Pause(0.01), index)])
        self._time_s = time_s

    def read(self, timeout_s=1.0):
        frame = super().read(timeout_s)
        return replace(frame, time_s=self._time_s(frame.index / 100))


@pytest.mark.parametrize(
    ("time_s", "told"),
    [
        (lambda t: 0.0, True),
        (lambda t: math.nan, True),
        (lambda t: t - 10 * (t >= 0.3), True),
        (lambda t: t + 3600 * (t >= 0.3), True),
        (lambda t: t, False),
    ],
    ids=["stands", "none", "back", "ahead", "right"],
)
def test_a_clock_that_cannot_be_neither_ends_a_recording_nor_lets_it_run_for_ever(time_s, told):
    writer, stop = ListWriter(), threading.Event()
    timer = threading.Timer(5.0, stop.set)
    timer.start()
    began = time.monotonic()
    done = record(Instrument("odd", OddClock(time_s)), writer, duration_s=0.8, stop=stop)
    took_s = time.monotonic() - began
    timer.cancel()
    assert done.ended_by == "request"
    assert took_s > 0.75
    assert len(writer.frames) > 0.75 * took_s / 0.8 * 40
    assert any("device's clock" in note for note in done.report.notes) is told


def test_a_frame_whose_number_does_not_rise_is_dropped_and_counted():
    writer = ListWriter()
    done = record(_instrument(0, 1, 1, 2, 0, 3, 4), writer, n_frames=5)
    assert writer.indices == [0, 1, 2, 3, 4]
    assert (done.ended_by, done.losses) == ("request", Losses(delivered=5, incomplete=2))
    assert any("2 frames came with a number" in note for note in done.report.notes)


def test_a_device_that_sends_one_frame_for_ever_is_a_fault():
    script = [0, 1, *(step for _ in range(500) for step in (Pause(0.01), 1))]
    writer = ListWriter()
    done = record(_instrument(*script), writer, n_frames=100, settings=QUICK)
    assert "no frame with a new number for 0.3 s" in str(done.fault)
    assert writer.indices == [0, 1]


def test_a_device_that_has_no_more_ends_the_recording():
    done = record(_instrument(*range(7)), ListWriter(), n_frames=100)
    assert (done.n_frames, done.ended_by, done.fault) == (7, "device", None)


def test_a_device_that_ends_when_all_that_was_planned_is_there_is_not_too_short():
    done = record(_instrument(*range(200)), ListWriter(), duration_s=2.0)  # at 100 Hz; then there is no more
    assert (done.n_frames, done.ended_by, done.shortfall) == (200, "request", "")


def test_gaps_are_counted_and_the_cameras_own_account_comes_first():
    told = Losses(delivered=5, lost_transport=2, incomplete=1)
    done = record(_instrument(0, 1, 4, 5, 9, told=told), ListWriter(), n_frames=5)
    # 5 missing: 2 in transport, 1 incomplete by the camera's account; 2 unexplained are the device's
    assert done.losses == Losses(delivered=5, lost_transport=2, incomplete=1, lost_device=2)
    assert done.losses.lost == 5
    assert done.report.lost_frames == 4
    assert "2 by the transport" in done.report.notes[0]


def test_a_slow_disk_waits_and_what_the_camera_loses_meanwhile_is_the_hosts():
    # queue of 4 frames (12 bytes each); the camera jumps while the queue is full
    script = [*range(12), 20, 21]
    writer = ListWriter(slow_s=0.02)
    done = record(_instrument(*script), writer, n_frames=14, settings=ReaderSettings(queue_bytes=48))
    assert writer.indices == script
    assert done.losses == Losses(delivered=14, lost_host=8)


def test_a_view_keeps_the_newest_and_counts_what_it_drops():
    source = LiveSource(_instrument(*range(100)), settings=ReaderSettings(queue_bytes=48, keep="newest"))
    with source:
        frames = source.frames()
        first = next(frames)
        time.sleep(0.3)  # the camera runs to its end meanwhile
        rest = [frame.index for frame in frames]
    assert rest == list(range(100 - len(rest), 100))
    assert len(rest) in (3, 4)  # the queue holds four; the first may be one of them
    assert first.index < rest[0]
    assert source.losses == Losses(delivered=1 + len(rest), lost_host=99 - len(rest))


def test_a_stalled_camera_is_a_fault_and_the_frames_before_it_are_kept():
    writer = ListWriter()
    done = record(_instrument(0, 1, 2, Pause(60.0)), writer, n_frames=100, settings=QUICK)
    assert done.ended_by == "fault"
    assert isinstance(done.fault, DeviceTimeout)
    assert writer.indices == [0, 1, 2]
    report, ended_by = writer.closed
    assert "no frame for 0.3 s" in ended_by
    assert report.truncated


def test_a_camera_that_changes_its_size_is_a_fault_and_the_frames_before_it_are_kept(monkeypatch):
    camera, writer = ScriptedCamera(range(10)), ListWriter()
    read = camera.read

    def cut(timeout_s):
        frame = read(timeout_s)
        return replace(frame, image=frame.image[:, :2]) if frame.index == 4 else frame

    monkeypatch.setattr(camera, "read", cut)
    done = record(Instrument("scripted", camera), writer, n_frames=10, settings=QUICK)
    assert writer.indices == [0, 1, 2, 3]
    assert "to give 4 x 3 px of uint8, and frame 4 is 2 x 3 px of uint8" in str(done.fault)
    assert "the 4 frames up to it are kept" in done.shortfall


def test_no_more_frames_are_lost_than_were_planned_when_a_fault_ends_it():
    camera = ScriptedCamera([0, 1, 2, Pause(60.0)], told=Losses(incomplete=854))
    done = record(Instrument("scripted", camera), ListWriter(), duration_s=0.2, settings=QUICK)
    assert done.ended_by == "fault"
    assert done.losses == Losses(delivered=3, incomplete=17)


def test_a_short_stall_is_no_fault():
    done = record(
        _instrument(0, Pause(0.25), 1), ListWriter(), n_frames=2, settings=ReaderSettings(stall_s=2.0)
    )
    assert done.fault is None


def test_a_disk_that_hangs_is_no_stall_of_the_camera():
    """The queue of four is full while the disk hangs; then the camera takes longer for a frame than one look at it."""
    settings = ReaderSettings(queue_bytes=48, stall_s=0.6)
    writer = ListWriter()
    done = record(
        _instrument(*range(6), Pause(0.3), 6),
        writer,
        n_frames=7,
        settings=settings,
        on_frame=lambda frame: time.sleep(1.2 if frame.index == 0 else 0.0),
    )
    assert done.fault is None
    assert writer.indices == list(range(7))


def test_a_lost_device_that_stays_away_ends_the_recording_cleanly():
    writer = ListWriter()
    done = record(_instrument(0, 1, DeviceLost("unplugged")), writer, n_frames=100, settings=QUICK)
    assert isinstance(done.fault, DeviceLost)
    assert writer.indices == [0, 1]
    assert writer.closed[1] == "unplugged"


def test_a_device_that_comes_back_gets_its_settings_and_the_gap_is_in_the_record():
    camera = ScriptedCamera([0, 1, 2, DeviceLost("unplugged")], then_reopens=[[0, 1, 2]])
    camera.gone_until = time.monotonic() + 0.4
    writer = ListWriter()
    done = record(
        Instrument("scripted", camera), writer, n_frames=6, settings=ReaderSettings(reconnect_s=5.0)
    )
    assert done.fault is None
    assert len(writer.frames) == 6
    gap = writer.indices[3] - writer.indices[2] - 1
    assert 30 <= gap <= 150  # 0.4 s and more of back-off at 100 Hz
    assert writer.indices[3:] == list(range(writer.indices[3], writer.indices[3] + 3))
    times = [frame.time_s for frame in writer.frames]
    assert times == sorted(times)
    assert times[3] - times[2] == pytest.approx(gap / 100, abs=0.1)
    # the device's clock began anew with the connection; the recording reads its times from it
    clock = [frame.device_time_ns for frame in writer.frames]
    assert clock == sorted(clock)
    assert (clock[3] - clock[2]) * 1e-9 == pytest.approx(times[3] - times[2], abs=1e-3)
    assert clock[5] - clock[3] == 20_000_000
    assert done.losses == Losses(delivered=6, lost_transport=gap)
    assert camera.calls.count("configure") >= 1
    assert "came back 1 time" in " ".join(done.report.notes)


def test_the_rate_that_a_camera_reached_is_told_beside_the_one_it_was_set_to():
    instrument = Instrument("scripted", OddClock(lambda time_s: 4 * time_s))
    assert record(instrument, ListWriter(), n_frames=12).pace == "25 Hz, set to 100 Hz"
    assert record(_instrument(*range(30)), ListWriter(), n_frames=30).pace == "100 Hz"
    assert record(_instrument(*range(3)), ListWriter(), n_frames=3).pace == ""


def _unplugged(script, until_s=0.3, **more):
    """A camera that is lost at the end of the script, and comes back after a time."""
    camera = ScriptedCamera([*script, DeviceLost("unplugged")], **more)
    camera.gone_until = time.monotonic() + until_s
    return camera


def test_frames_missed_up_to_the_planned_end_are_counted_and_none_after_it():
    """Lost after 0.1 s of 0.2 s that were asked for, and back after these are over."""
    camera = _unplugged(range(10), then_reopens=[range(100)])
    done = record(Instrument("scripted", camera), ListWriter(), duration_s=0.2)
    assert (done.ended_by, done.fault) == ("request", None)
    assert done.losses == Losses(delivered=10, lost_transport=10)


def test_a_camera_that_stalls_over_the_planned_end_counts_no_frame_after_it():
    told = Losses(delivered=10, lost_device=70)  # the frames 10 to 79, by its own count
    done = record(_instrument(*range(10), 80, told=told), ListWriter(), duration_s=0.2)
    assert done.losses == Losses(delivered=10, lost_device=10)


@pytest.mark.parametrize(
    ("last", "where"), [(DeviceLost("unplugged"), "lost_transport"), (Pause(60.0), "lost_device")]
)
def test_frames_missed_of_a_device_that_never_comes_back_are_counted(last, where):
    camera = ScriptedCamera([*range(10), last])
    camera.gone_until = math.inf
    settings = ReaderSettings(stall_s=0.3, reconnect_s=0.4)
    done = record(Instrument("scripted", camera), ListWriter(), duration_s=0.2, settings=settings)
    assert done.ended_by == "fault"
    assert done.losses == Losses(**{"delivered": 10, where: 10})


def test_a_device_that_opens_and_never_delivers_is_given_up():
    camera = ScriptedCamera([], then_reopens=[])
    camera.start = lambda: None
    camera.read = lambda timeout_s: (_ for _ in ()).throw(DeviceLost("insufficient bandwidth"))
    stop = threading.Event()
    timer = threading.Timer(5.0, stop.set)
    timer.start()
    settings = ReaderSettings(reconnect_s=0.8)
    done = record(Instrument("flaps", camera), ListWriter(), duration_s=2.0, settings=settings, stop=stop)
    timer.cancel()
    assert done.ended_by == "fault"
    assert "insufficient bandwidth" in str(done.fault)
    assert camera.calls.count("open") < 8  # the pauses between two attempts grow
    assert not any("came back" in note for note in done.report.notes)


@pytest.mark.parametrize(
    "error",
    [SettingError("ExposureAuto is refused: busy"), OSError(19, "No such device"), ValueError("a bug")],
)
def test_a_device_that_is_coming_back_may_refuse_in_any_words(monkeypatch, error):
    camera = _unplugged(range(3), until_s=0.0, then_reopens=[range(3)])
    answer, errors = camera.open, [error]

    def opened():
        if errors:
            raise errors.pop()
        answer()

    monkeypatch.setattr(camera, "open", opened)
    done = record(Instrument("scripted", camera), ListWriter(), n_frames=6)
    assert (done.n_frames, done.fault) == (6, None)
    assert "came back 1 time" in " ".join(done.report.notes)


def test_one_that_never_stops_refusing_is_told_with_its_last_words(monkeypatch):
    camera = _unplugged(range(3))
    monkeypatch.setattr(camera, "open", lambda: (_ for _ in ()).throw(SettingError("no feature Gain")))
    settings = ReaderSettings(reconnect_s=0.3)
    done = record(Instrument("scripted", camera), ListWriter(), n_frames=6, settings=settings)
    assert "unplugged" in str(done.fault)
    assert "no feature Gain" in str(done.fault)


def test_how_long_it_was_tried_is_said_where_the_user_ended_it():
    camera, stop = _unplugged(range(3)), threading.Event()
    camera.gone_until = math.inf
    timer = threading.Timer(0.3, stop.set)
    timer.start()
    done = record(Instrument("scripted", camera), ListWriter(), n_frames=6, stop=stop)
    assert (done.ended_by, done.stopped) == ("fault", True)
    assert re.search(r"it was opened again for 0\.[2-9]\d? s, at last: scripted: still gone", str(done.fault))


class Forgetful:
    """A knob that the loss of its device sets back."""

    def __init__(self, value, takes=lambda value: value):
        self.value, self._takes = value, takes

    def get(self):
        return self.value

    def set(self, value):
        self.value = self._takes(value)
        return self.value

    def limits(self):
        return Limits(0.0, 100.0, "mW")


def _power_cycled(**knobs):
    """An instrument whose knobs go back to 50 while it is away."""
    camera = _unplugged(range(3), then_reopens=[range(3)])
    instrument = Instrument("scripted", camera, **knobs)
    opened = camera.open

    def power_on():
        for knob in knobs.values():
            knob.value = 50.0
        opened()

    camera.open = power_on
    return instrument


def test_what_was_set_beside_the_camera_is_set_again_and_what_was_not_is_left():
    instrument = _power_cycled(laser=Forgetful(30.0), focus=Forgetful(30.0))
    assert instrument.laser.set(12.0) == 12.0
    done = record(instrument, ListWriter(), n_frames=6)
    assert done.fault is None
    assert (instrument.laser.get(), instrument.focus.get()) == (12.0, 50.0)


def test_a_knob_that_does_not_take_it_any_more_ends_the_recording():
    instrument = _power_cycled(laser=Forgetful(30.0, takes=lambda value: min(value, laser_mw[0])))
    laser_mw = [100.0]
    instrument.laser.set(12.0)
    laser_mw[0] = 5.0
    done = record(instrument, ListWriter(), n_frames=6, settings=ReaderSettings(reconnect_s=0.8))
    assert done.n_frames == 3
    assert "laser_mw was set to 12 before the device was lost, and now it takes 5" in str(done.fault)


def test_a_device_that_was_closed_is_not_set_as_it_was_before():
    instrument = _power_cycled(laser=Forgetful(30.0))
    instrument.laser.set(12.0)
    instrument.close()
    record(instrument, ListWriter(), n_frames=6)
    assert instrument.laser.get() == 50.0


def test_a_drivers_bug_is_told_and_ends_the_recording_cleanly():
    writer = ListWriter()
    done = record(_instrument(0, ValueError("oops")), writer, n_frames=10)
    assert isinstance(done.fault, DeviceError)
    assert "ValueError: oops" in str(done.fault)
    assert writer.closed is not None


def test_a_drivers_bug_in_stopping_is_told_and_the_frames_end_nevertheless(monkeypatch):
    instrument, results = _instrument(*range(5)), []
    monkeypatch.setattr(instrument.camera, "stop", lambda: 1 / 0)
    # in a thread that may be left behind: what this is about is a wait for ever
    thread = threading.Thread(
        target=lambda: results.append(record(instrument, ListWriter(), n_frames=5)), daemon=True
    )
    thread.start()
    thread.join(5.0)
    assert not thread.is_alive()
    assert (results[0].n_frames, results[0].ended_by) == (5, "fault")
    assert "ZeroDivisionError" in str(results[0].fault)


@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), RuntimeError("Can't write data")])
def test_a_full_disk_stops_the_camera_and_says_how_much_is_there(error):
    instrument = _instrument(*range(100))
    writer = ListWriter(fails_at=5, error=error)
    with pytest.raises(RecordingError, match="5 frames were written before"):
        record(instrument, writer, n_frames=100)
    assert instrument.camera.calls[-1] == "stop"
    assert writer.closed is not None


@pytest.mark.parametrize(
    "number", [signal.SIGINT, signal.SIGTERM, *([signal.SIGHUP] if hasattr(signal, "SIGHUP") else [])]
)
def test_a_signal_ends_the_recording_as_if_it_had_been_asked_for(number):
    before = signal.signal(number, signal.SIG_DFL)  # nohup, under which the tests may run, has SIGHUP ignored
    try:
        script = [step for index in range(1000) for step in (Pause(0.005), index)]
        writer = ListWriter()
        timer = threading.Timer(0.3, os.kill, (os.getpid(), number))
        timer.start()
        began = time.monotonic()
        done = record(_instrument(*script), writer, n_frames=1000)
        assert time.monotonic() - began < 1.3
        assert signal.getsignal(number) is signal.SIG_DFL
    finally:
        signal.signal(number, before)
    assert done.ended_by == "signal"
    assert 5 < done.n_frames < 200
    assert writer.closed == (None, None)


@pytest.mark.skipif(not hasattr(signal, "SIGHUP"), reason="this system has no terminals that hang up")
def test_under_nohup_a_closed_terminal_ends_nothing():
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        script = [step for index in range(30) for step in (Pause(0.005), index)]
        threading.Timer(0.05, os.kill, (os.getpid(), signal.SIGHUP)).start()
        done = record(_instrument(*script), ListWriter(), n_frames=30)
        assert (done.n_frames, done.ended_by) == (30, "request")
    finally:
        signal.signal(signal.SIGHUP, before)


@pytest.mark.parametrize("busy", ["settings", "state", "start"])
def test_a_signal_while_the_camera_gets_ready_is_heeded(monkeypatch, busy):
    instrument, writer = _instrument(*range(200)), ListWriter()
    answer = getattr(instrument.camera, busy)

    def interrupted(*words):
        monkeypatch.setattr(instrument.camera, busy, answer)
        signal.raise_signal(signal.SIGINT)
        return answer(*words)

    monkeypatch.setattr(instrument.camera, busy, interrupted)
    done = record(instrument, writer, n_frames=200)
    assert (done.n_frames, done.ended_by) == (0, "signal")
    assert instrument.camera.calls == (["start", "stop"] if busy == "start" else [])
    assert writer.closed == (None, None)


def test_a_stop_is_heeded_while_the_camera_is_silent():
    stop, writer = threading.Event(), ListWriter()
    threading.Timer(0.3, stop.set).start()
    began = time.monotonic()
    done = record(_instrument(0, 1, Pause(60.0)), writer, n_frames=100, stop=stop)
    assert (
        time.monotonic() - began < 2.0
    )  # one look of the reader, not the 10 s after which silence is a fault
    assert (done.ended_by, done.fault) == ("signal", None)
    assert writer.indices == [0, 1]
    assert writer.closed == (None, None)


def test_a_stop_asked_for_before_is_heeded_and_nobody_else_asks_for_it():
    stop = threading.Event()
    assert record(_instrument(*range(5)), ListWriter(), n_frames=5, stop=stop).ended_by == "request"
    with pytest.raises(ZeroDivisionError):
        record(_instrument(*range(5)), ListWriter(), n_frames=5, stop=stop, on_frame=lambda _: 1 / 0)
    assert not stop.is_set()
    stop.set()
    done = record(_instrument(*range(5)), ListWriter(), n_frames=5, stop=stop)
    assert (done.n_frames, done.ended_by) == (0, "signal")


def test_a_recording_can_be_stopped_from_another_thread():
    stop = threading.Event()
    results = []
    script = [step for index in range(10_000) for step in (Pause(0.002), index)]
    thread = threading.Thread(
        target=lambda: results.append(record(_instrument(*script), ListWriter(), stop=stop))
    )
    thread.start()
    time.sleep(0.2)
    stop.set()
    thread.join(2.0)
    assert not thread.is_alive()
    assert results[0].ended_by == "signal"


def test_an_exception_of_the_caller_closes_everything():
    writer = ListWriter()
    instrument = _instrument(*range(1000))
    with pytest.raises(ZeroDivisionError):
        record(instrument, writer, n_frames=1000, on_frame=lambda frame: 1 / (5 - frame.index))
    assert writer.closed == (None, "ZeroDivisionError: division by zero")
    assert "stop" in instrument.camera.calls


@pytest.mark.parametrize(
    "lengths", [{}, {"n_frames": 5, "duration_s": 1.0}, {"n_frames": 0}, {"duration_s": -1.0}]
)
def test_a_length_that_makes_no_sense_is_refused(lengths):
    with pytest.raises(SettingError):
        record(_instrument(0), ListWriter(), **lengths)


def test_telemetry_is_written_with_its_time_and_the_temperature_is_summed_up():
    thermostat = ScriptedKnob([24.0, DeviceTimeout("busy"), ValueError("a bug"), math.nan, 26.0])
    script = [step for index in range(50) for step in (Pause(0.01), index)]
    instrument = Instrument("scripted", ScriptedCamera(script), thermostat=thermostat)
    source = LiveSource(instrument, n_frames=50, telemetry_s=0.08)
    with source:
        assert len(list(source.frames())) == 50
        readings = source.readings()
    values = [reading.values["temperature_c"] for reading in readings]
    assert values[:2] == [24.0, 26.0]  # those that failed are left out, and nothing stops for them
    assert "temperature_c could not be read 3 time(s)" in " ".join(source.report.notes)
    assert all(b.host_time_ns > a.host_time_ns for a, b in pairwise(readings))
    assert source.metadata["temperature_log_c"] == values
    assert source.metadata["temperature_c"] == pytest.approx(sum(values) / len(values))
    writer = ListWriter()
    record(Instrument("s", ScriptedCamera(range(5)), thermostat=ScriptedKnob([25.0])), writer, n_frames=5)
    assert writer.values[0][:2] == ("temperature_c", 25.0)


def test_a_live_source_is_a_frame_source_that_goes_on():
    source = LiveSource(_instrument(*range(5)))
    assert isinstance(source, FrameSource)
    with source:
        assert [frame.index for frame in source.frames()] == list(range(5))
    assert source.report.found_frames == 5
    assert source.camera.width_px == 4
    assert source.metadata["camera_settings"]["exposure_s"] == 0.005


def test_leaving_early_stops_everything():
    source = LiveSource(_instrument(*range(100_000)), settings=ReaderSettings(queue_bytes=48))
    with source:
        for frame in source.frames():
            if frame.index == 10:
                break


def test_a_source_that_was_left_goes_on_and_one_that_was_stopped_does_not():
    source = LiveSource(_instrument(*range(100), then_reopens=[range(5), range(5)]))
    with source:
        with no_thread_left(within_s=0, named="nta-"):
            for _ in source.frames():
                break
        assert len(list(source.frames())) == 5
        source.stop()
        assert list(source.frames()) == []


@pytest.mark.parametrize(
    "wrong", [{"keep": "some"}, {"queue_bytes": 0}, {"stall_s": 0.0}, {"reconnect_s": -1.0}]
)
def test_reader_settings_check_themselves(wrong):
    with pytest.raises(SettingError, match=next(iter(wrong))):
        ReaderSettings(**wrong)
