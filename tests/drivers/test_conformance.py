"""Every registered driver keeps the rules of `nta.devices`: one suite for all of them."""

import time
from contextlib import contextmanager, nullcontext
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from made.waiting import no_thread_left
from nta.acquisition import LiveSource, ReaderSettings, list_drivers, open_driver
from nta.devices import Camera, EndOfFrames, Instrument, Losses
from nta.errors import DeviceError, DeviceTimeout, SettingError
from nta.frames import CameraState

OPEN_FILES = Path("/proc/self/fd")
DRIVERS = [driver.name for driver in list_drivers()] + ["serial over TCP"]


@pytest.fixture(params=DRIVERS)
def make(request):
    """Return a function that makes a fresh instrument of the driver, quick enough for a test."""
    name = request.param.partition(" over")[0]
    made_with = MADE_WITH.get(request.param, lambda _: nullcontext({}))  # another package's: as it comes
    with made_with(request.getfixturevalue) as settings:
        if name not in opened_before:  # libraries keep files of their own from the first time on
            opened_before.add(name)
            with open_driver(name, **settings) as instrument:
                instrument.camera.start(1)
                instrument.camera.read(2.0)
        yield lambda **more: open_driver(name, **settings, **more)


opened_before = set()
SMALL = {"width_px": 96, "height_px": 64, "exposure_s": 0.005}


@contextmanager
def _gige(fixture):
    with fixture("gige")(np.zeros((1, 64, 96), np.uint8)) as settings:
        yield {**settings, **SMALL, "frame_rate_hz": 100.0}


MADE_WITH = {  # what is opened, by driver: real devices are not for tests, so each has its emulator
    "simulated": lambda _: nullcontext({**SMALL, "frame_rate_hz": 100.0}),
    "playback": lambda fixture: nullcontext({"recording": fixture("short_recording"), "loop": True}),
    "serial": lambda fixture: nullcontext({"port": fixture("pty_instrument")}),
    "serial over TCP": lambda fixture: nullcontext({"port": fixture("tcp_instrument")}),
    "basler": lambda fixture: nullcontext({**fixture("basler"), **SMALL, "frame_rate_hz": 80.0}),
    "gentl": lambda fixture: nullcontext(
        {**fixture("gentl"), "width_px": 104, "height_px": 100, "frame_rate_hz": 100.0}
    ),
    "gige": _gige,
    "micromanager": lambda fixture: nullcontext({**fixture("micromanager"), "exposure_s": 0.01}),
}


@pytest.fixture(autouse=True)
def nothing_is_left_behind(request):
    if "make" in request.fixturenames:
        request.getfixturevalue("make")  # what it opens is not the driver's

    def files():
        return len(list(OPEN_FILES.iterdir())) if OPEN_FILES.is_dir() else 0

    before = files()
    with no_thread_left():
        yield
    assert files() <= before, "a file was left open"


def _read(camera, n, timeout_s=2.0):
    return [camera.read(timeout_s) for _ in range(n)]


def test_our_drivers_are_registered():
    assert set(MADE_WITH) <= set(DRIVERS)


def test_it_is_an_instrument_with_a_camera(make):
    instrument = make()
    assert isinstance(instrument, Instrument)
    assert isinstance(instrument.camera, Camera)
    assert instrument.name
    assert instrument.camera.name


def test_it_opens_and_acquires_twice_in_a_row(make):
    instrument = make()
    for _ in range(2):
        with instrument:
            for _ in range(2):
                instrument.camera.start()
                first = _read(instrument.camera, 3)[0]
                assert first.index == 0
                instrument.camera.stop()


def test_opening_and_closing_twice_does_nothing(make):
    instrument = make()
    instrument.close()
    instrument.open()
    instrument.open()
    instrument.close()
    instrument.close()


def test_frames_are_owned_two_dimensional_and_of_native_depth(make):
    with make() as instrument:
        camera = instrument.camera
        state = camera.state()
        assert isinstance(state, CameraState)
        assert state.frame_rate_hz is not None
        camera.start()
        one, other = _read(camera, 2)
        camera.stop()
    assert one.image.shape == (state.height_px, state.width_px)
    assert one.image.dtype == (np.uint8 if state.bit_depth <= 8 else np.uint16)
    assert int(one.image.max()) < 2**state.bit_depth
    assert not np.shares_memory(one.image, other.image)


def test_indices_and_clocks_rise(make):
    with make() as instrument:
        instrument.camera.start()
        frames = _read(instrument.camera, 60)
        instrument.camera.stop()
    for before, after in pairwise(frames):
        assert after.index > before.index
        assert after.time_s > before.time_s
        assert after.host_time_ns is None or after.host_time_ns > before.host_time_ns
        assert after.device_time_ns is None or after.device_time_ns > before.device_time_ns


def test_the_pace_is_the_frame_rate(make):
    with make() as instrument:
        rate = instrument.camera.state().frame_rate_hz
        instrument.camera.start()
        _read(instrument.camera, 5)
        began = time.monotonic()
        _read(instrument.camera, 40)
        took = time.monotonic() - began
        instrument.camera.stop()
    assert took > 0.8 * 40 / rate  # never early; how late depends on the machine


def test_settings_are_read_back_and_can_be_given_back(make):
    with make() as instrument:
        camera = instrument.camera
        settings = camera.settings()
        assert camera.configure(**settings) == settings
        assert camera.state().frame_rate_hz == settings["frame_rate_hz"]
        if "exposure_s" in settings and not instrument.name.startswith("playback"):
            taken = camera.configure(exposure_s=0.004)
            assert taken["exposure_s"] == 0.004
            assert camera.state().exposure_s == 0.004


@pytest.mark.parametrize(
    "wrong",
    [
        {"exposure_s": -1.0},
        {"exposure_s": "long"},
        {"frame_rate_hz": 0.0},
        {"width_px": -5},
        {"no_such_thing": 1},
    ],
    ids=str,
)
def test_bad_settings_are_refused_and_change_nothing(make, wrong):
    with make() as instrument:
        before = instrument.camera.settings()
        with pytest.raises(SettingError):
            instrument.camera.configure(**wrong)
        assert instrument.camera.settings() == before


def test_an_unknown_setting_of_the_driver_is_refused(make):
    with pytest.raises(SettingError):
        make(no_such_setting=1)


def test_reading_what_does_not_acquire_is_an_error_not_a_wait(make):
    with make() as instrument:
        began = time.monotonic()
        with pytest.raises(DeviceError):
            instrument.camera.read(5.0)
        assert time.monotonic() - began < 1.0


def test_no_frame_in_time_is_a_timeout_and_loses_nothing(make):
    with make() as instrument:
        instrument.camera.start()
        frames = _read(instrument.camera, 1)
        with pytest.raises(DeviceTimeout):  # noqa: PT012 - a driver may have a frame ready, not a thousand
            for _ in range(1000):
                frames.append(instrument.camera.read(1e-4))
        frames += _read(instrument.camera, 2)
        losses = instrument.camera.stop()
    assert losses.lost_host == 0
    assert frames[-1].index - frames[0].index == len(frames) - 1


def test_it_stops_within_a_second_and_accounts_for_its_frames(make):
    with make() as instrument:
        instrument.camera.start()
        _read(instrument.camera, 10)
        began = time.monotonic()
        losses = instrument.camera.stop()
        assert time.monotonic() - began < 1.0
        assert losses.delivered == 10
        assert instrument.camera.stop() == Losses()


def test_an_asked_number_of_frames_is_the_end(make):
    with make() as instrument:
        instrument.camera.start(5)
        _read(instrument.camera, 5)
        with pytest.raises(EndOfFrames):
            instrument.camera.read(1.0)
        assert instrument.camera.stop().delivered == 5


def test_a_slow_reader_loses_frames_that_are_counted(make):
    with make(buffer_frames=4) as instrument:
        rate = instrument.camera.state().frame_rate_hz
        instrument.camera.start()
        first = _read(instrument.camera, 1)[0]
        time.sleep(60 / rate)
        frames = [first, *_read(instrument.camera, 6)]
        losses = instrument.camera.stop()
    missing = frames[-1].index - frames[0].index - (len(frames) - 1)
    assert missing >= 20
    assert losses.delivered == len(frames)
    assert losses.lost == missing


def test_as_a_frame_source_it_gives_what_it_is_asked_for(make):
    source = LiveSource(make(), n_frames=20, settings=ReaderSettings(reconnect_s=0.0))
    with source:
        frames = list(source.frames())
        assert source.reached_end
    assert len(frames) == 20
    assert source.losses.delivered == 20
    assert source.fault is None


def test_closing_while_it_acquires_is_safe(make):
    instrument = make()
    instrument.open()
    instrument.camera.start()
    _read(instrument.camera, 2)
    instrument.close()
    with pytest.raises(DeviceError):
        instrument.camera.read(1.0)


def test_knobs_say_their_limits_and_refuse_what_is_beyond(make):
    with make() as instrument:
        for knob in instrument.knobs().values():
            limits = knob.limits()
            assert limits.unit
            assert isinstance(knob.get(), float)
            taken = knob.set((limits.low + limits.high) / 2)
            assert taken == pytest.approx((limits.low + limits.high) / 2)
            for beyond in (limits.low - 1.0, limits.high + 1.0, float("nan")):
                with pytest.raises(SettingError):
                    knob.set(beyond)
