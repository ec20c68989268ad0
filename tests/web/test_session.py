"""One instrument, its states, and several people at it: nothing is lost, and what goes wrong is a line."""

import threading
from dataclasses import replace

import pytest

from made.waiting import until
from nta.assessment import Verdict
from nta.devices import Instrument
from nta.errors import DeviceError, MissingInputError, NtaError, SettingError
from nta.io.recordings import open_recording
from nta.web import session as module
from nta.web.look import Order


def _said(session):
    return " | ".join(note.line.text for note in session.look().notes)


def _frames(folder):
    with open_recording(folder / "recording.h5") as recording:
        return sum(1 for _ in recording.frames()), recording.metadata


def test_it_previews_with_what_the_instrument_has_and_nothing_else(session):
    with session() as desk:
        until(lambda: desk.view.newest())
        until(lambda: desk.look().knobs["temperature_c"].now)
        look = desk.look()
        assert dict(look.camera) == {"exposure_s": 0.01, "frame_rate_hz": 60.0}
        assert set(look.knobs) == {"temperature_c", "laser_mw", "pump_ul_min", "focus_um"}
        assert look.knobs["temperature_c"].now == pytest.approx(25, abs=0.1)
        assert not desk.runs.list()


def test_a_setting_is_read_back_and_a_refusal_is_in_the_devices_words(session):
    with session() as desk:
        assert desk.set_camera("exposure_s", 0.012) == 0.012
        assert desk.look().camera["exposure_s"] == 0.012
        with pytest.raises(
            SettingError, match=r"exposure_s=0\.05 must be > 0 and no longer than the frame interval"
        ):
            desk.set_camera("exposure_s", 0.05)
        assert desk.look().camera["exposure_s"] == 0.012
        assert desk.set_knob("laser_mw", 60.0) == 60.0
        assert desk.look().knobs["laser_mw"].asked == 60.0
        with pytest.raises(SettingError, match="laser_mw must be between 0 and 100 mW"):
            desk.set_knob("laser_mw", 400.0)
        before = desk.view.newest()
        until(lambda: desk.view.newest() is not before)  # it goes on


def test_a_recording_is_as_long_as_asked_kept_and_reported(session, reported):
    with session(conditions={"medium": "water"}) as desk:
        folder = desk.record(
            Order(name="one", duration_s=1.5, conditions={"sample": "beads", "medium": "water"})
        )
        assert desk.look().phase == "recording"
        for refused in (lambda: desk.set_knob("laser_mw", 10.0), lambda: desk.record(Order(name="two"))):
            with pytest.raises(SettingError, match="a recording is under way: stop it first"):
                refused()
        until(lambda: desk.look().phase == "previewing", 120)
        n_frames, metadata = _frames(folder)
        assert n_frames == 90
        assert metadata["sample"] == "beads"
        assert "one: 90 frames, none lost" in _said(desk)
        name, seen = desk.look().last
        assert (name, seen.frames) == ("one", 90)
        until(lambda: not desk.look().last[1].finishing, 120)
        assert desk.look().last[1].sizing.n_frames == 90, (
            "sizes of all frames, not of those a while before the end"
        )
        until(lambda: [task.state for task in desk.look().tasks] == ["done"])
        assert reported == [(folder / "recording.h5", {"sample": "beads", "medium": "water"}, {})]
        (run,) = desk.runs.list()
        assert (run.name, run.report) == ("one", "one/analysis/report.html")
        with pytest.raises(SettingError, match="there is a run one already"):
            desk.record(Order(name="one"))


def test_it_ends_when_somebody_stops_it_and_nothing_is_lost(session, reported):
    with session() as desk:
        folder = desk.record(Order(name="stopped", duration_s=60.0))
        until(lambda: desk.look().snapshot.frames > 30, 120)
        desk.stop()
        until(lambda: desk.look().phase == "previewing")
        n_frames, metadata = _frames(folder)
        assert n_frames == desk.look().last[1].frames > 30
        assert not metadata.get("ended_by")
        until(lambda: reported)


def test_the_preview_goes_on_until_the_analysis_is_ready_and_then_it_records(session, reported, monkeypatch):
    ready = threading.Event()
    monkeypatch.setattr("nta.web.session.warm_up_lightly", lambda *_: ready.wait(20))
    with session() as desk:
        desk.record(Order(name="never", duration_s=30))
        desk.stop()
        until(lambda: desk.look().phase == "previewing")
        desk.record(Order(name="first", duration_s=0.5))
        before = _shown(desk)
        until(lambda: _shown(desk) > before + 10)
        assert (desk.look().phase, desk.look().snapshot.frames) == ("recording", 0)
        ready.set()
        until(lambda: reported)
    assert [recording.parent.name for recording, *_ in reported] == ["first"]


def _shown(desk):
    """Return the number of the newest picture."""
    newest = desk.view.newest()
    return 0 if newest is None else newest.number


def test_closing_ends_a_recording_in_order(session, reported):
    with session() as desk:
        folder = desk.record(Order(name="closed", duration_s=60.0))
        until(lambda: desk.look().snapshot.frames > 10, 120)
    assert _frames(folder)[0] > 10
    assert desk.look().phase == "closed"
    until(lambda: reported)


def test_a_lost_device_is_said_and_what_was_recorded_before_is_kept(
    session, reported, monkeypatch, instrument
):
    monkeypatch.setattr(module, "_AGAIN_S", 0.1)
    with session(instrument()) as desk:
        desk.set_knob("laser_mw", 70.0)
        folder = desk.record(Order(name="lost", duration_s=60.0))
        until(lambda: desk.look().snapshot.frames > 30, 120)
        camera = desk.instrument.camera

        def gone(*_):
            raise module.DeviceError("the cable is out")

        opened = camera.open
        monkeypatch.setattr(camera, "_next", gone)
        monkeypatch.setattr(camera, "open", gone)
        until(lambda: desk.look().phase == "lost")
        assert "the cable is out" in desk.look().why
        assert "lost: the device failed: the cable is out" in _said(desk)
        with pytest.raises(DeviceError, match="the instrument is not there: the cable is out"):
            desk.set_knob("laser_mw", 10.0)
        with pytest.raises(DeviceError, match="the instrument is not there"):
            desk.record(Order(name="more"))
        assert _frames(folder)[0] > 30
        until(lambda: reported)
        monkeypatch.undo()
        camera.open = opened
        until(lambda: desk.look().phase == "previewing")
        assert "simulated is there again" in _said(desk)
        assert desk.look().knobs["laser_mw"].asked is None, "its power may have been off"


def test_a_full_disk_is_a_line_and_the_preview_goes_on(session, monkeypatch, reported):
    from nta.io.recordings import RecordingWriter

    written = RecordingWriter.write

    def full(self, frame):
        if frame.index >= 20:
            raise OSError(28, "No space left on device")
        written(self, frame)

    monkeypatch.setattr(RecordingWriter, "write", full)
    with session() as desk:
        desk.record(Order(name="full", duration_s=60.0))
        until(lambda: desk.look().phase == "previewing", 120)
        assert "full: the file cannot be written any more" in _said(desk)
        assert "20 frames were written before" in _said(desk)
        before = desk.view.newest()
        until(lambda: desk.view.newest() is not before)
        until(lambda: reported)  # of what is there


def test_what_cannot_be_recorded_is_refused_before(session, instrument):
    bare = instrument()
    with session(Instrument(name="bare", camera=bare.camera)) as desk:
        with pytest.raises(MissingInputError, match="temperature of the sample"):
            desk.record(Order(name="one"))
        for name in (
            "",
            "  ",
            "../up",
            "a/b",
            ".hidden",
            "a\nb",
            "x" * 101,
            "漢" * 90,
            "NUL",
            "com1.h5",
            "a.",
        ):
            with pytest.raises(SettingError, match="name"):
                desk.record(Order(name=name, conditions={"temperature_c": 25.0}))
        with pytest.raises(SettingError, match="duration must be > 0 s"):
            desk.record(Order(name="one", duration_s=0.0, conditions={"temperature_c": 25.0}))
        with pytest.raises(SettingError, match="until_d50_within"):
            desk.record(Order(name="one", until_d50_within=3.0, conditions={"temperature_c": 25.0}))
        assert desk.look().phase == "previewing"
        assert not desk.runs.list()


def test_without_a_pixel_size_there_is_a_picture_and_the_reason_why_no_more(session, instrument, monkeypatch):
    device = instrument()
    monkeypatch.setattr(
        device.camera, "state", lambda: replace(type(device.camera).state(device.camera), pixel_size_um=None)
    )
    with session(device, profile=None) as desk:
        until(lambda: "no live analysis: " in desk.look().why)
        assert "pixel" in desk.look().why
        before = desk.view.newest()
        until(lambda: desk.view.newest() is not before)
        desk.record(Order(name="one", duration_s=1.0))
        until(lambda: "one: " in _said(desk))
        assert "pixel" in _said(desk)
        assert desk.look().phase == "previewing"
        assert not desk.runs.list()


def test_a_report_that_fails_is_said_and_can_be_asked_for_again(session):
    failing = [MemoryError("too large")]

    def make(recording, folder, said, about):
        if failing:
            raise failing.pop()
        folder.mkdir()
        (folder / "report.html").touch()

    with session(make=make) as desk:
        desk.record(Order(name="one", duration_s=0.5))
        until(
            lambda: [(task.state, task.why) for task in desk.look().tasks] == [("failed", "too large")], 120
        )
        assert desk.runs.list()[0].report == ""
        desk.report("one")
        until(lambda: [task.state for task in desk.look().tasks] == ["done"])
        assert desk.runs.list()[0].report


def test_a_report_that_another_server_makes_is_of_the_kind_that_was_ordered(session, reported):
    """Beads whose server was killed had been reported as a sample."""

    def left(*_):
        raise NtaError("the server was killed")

    beads = {"kind": "beads", "standard": "example_polystyrene_100nm"}
    with session(make=left) as desk:
        desk.record(Order(name="beads", duration_s=0.3, about=beads))
        until(lambda: desk.reports.tasks and desk.reports.tasks[0].state == "failed")
    with session() as desk:
        desk.report("beads")
        until(lambda: reported)
    assert reported[0][2] == beads


def test_no_instrument_is_a_state_that_is_said_and_not_the_end(session, instrument, monkeypatch):
    monkeypatch.setattr(module, "_AGAIN_S", 0.1)
    device = instrument()
    there = threading.Event()
    opened = device.camera.open

    def open_if_there():
        if not there.is_set():
            raise DeviceError("no camera is connected")
        opened()

    monkeypatch.setattr(device.camera, "open", open_if_there)
    with session(device, phase="lost") as desk:
        assert desk.look().why == "no camera is connected"
        assert desk.look().notes[0].line.verdict is Verdict.FAIL
        assert len(desk.look().notes) == 1, "said once, however often it is tried"
        there.set()
        until(lambda: desk.look().phase == "previewing")


def test_no_recording_begins_while_a_knob_is_being_turned(session, monkeypatch):
    with session() as desk:
        laser = desk.instrument.laser
        asked, may_answer, began = threading.Event(), threading.Event(), threading.Event()
        turn = laser.set

        def slowly(value):
            asked.set()
            may_answer.wait(20)
            return turn(value)

        monkeypatch.setattr(laser, "set", slowly)
        turning = threading.Thread(target=desk.set_knob, args=("laser_mw", 60.0))
        recording = threading.Thread(
            target=lambda: (desk.record(Order(name="one", duration_s=0.2)), began.set())
        )
        turning.start()
        until(asked.is_set)
        recording.start()
        assert not began.wait(0.3)
        may_answer.set()
        until(began.is_set)
        turning.join()
        recording.join()
        until(lambda: desk.look().phase == "previewing", 120)


class _Configuring:
    """The camera while it takes a setting: it does so, or raises an error, when it may."""

    def __init__(self, camera, monkeypatch, error=None):
        self.asked, self.may_answer = threading.Event(), threading.Event()
        self._take, self._error = camera.configure, error
        monkeypatch.setattr(camera, "configure", self._configure)

    def _configure(self, **settings):
        self.asked.set()
        self.may_answer.wait(20)
        if self._error:
            raise self._error
        self._take(**settings)


def _refused(answers, desk, value):
    with pytest.raises(DeviceError) as refusal:
        desk.set_camera("exposure_s", value)
    answers.append(str(refusal.value))


def test_what_was_ordered_of_a_device_that_is_lost_before_it_begins_is_said(session, monkeypatch):
    monkeypatch.setattr(module, "_AGAIN_S", 0.1)
    with session() as desk:
        answers = []
        camera = _Configuring(desk.instrument.camera, monkeypatch, DeviceError("the cable is out"))
        turning = threading.Thread(target=_refused, args=(answers, desk, 0.012))
        turning.start()
        until(camera.asked.is_set)
        desk.record(Order(name="one", duration_s=60.0))
        camera.may_answer.set()
        until(lambda: "the cable is out | one: nothing was recorded" in _said(desk))
        until(lambda: desk.look().phase == "previewing")
        assert not desk.look().recording
        assert not desk.runs.list()
        turning.join(10)
    assert answers == ["the cable is out"]


def test_a_setting_asked_for_while_it_closes_is_answered_at_once(session, monkeypatch):
    with session() as desk:
        answers, closed = [], threading.Event()
        camera = _Configuring(desk.instrument.camera, monkeypatch)
        first = threading.Thread(target=desk.set_camera, args=("exposure_s", 0.011))
        second = threading.Thread(target=_refused, args=(answers, desk, 0.012))
        closing = threading.Thread(target=lambda: (desk.close(), closed.set()))
        first.start()
        until(camera.asked.is_set)
        second.start()
        closing.start()
        assert not closed.wait(0.5), "the camera is at its first setting"
        camera.may_answer.set()
        for thread in (first, second, closing):
            thread.join(10)
    assert answers == ["the instrument was closed"]
