"""Tests of the rules that every driver must keep, for use in the package of a driver.

In a test file of that package::

    from nta.testing import DriverRules

    class TestOrbit(DriverRules):
        driver = "orbit"
        settings = {"exposure_s": 0.002}

The rules are those of `nta.devices`. They run under pytest, which nothing else in nta needs.
"""

from __future__ import annotations

import threading
import time
import zlib
from collections.abc import Callable, Iterator, Mapping
from itertools import pairwise
from pathlib import Path
from typing import Any, ClassVar

import pytest

from nta.acquisition import LiveSource, ReaderSettings, open_driver
from nta.devices import Camera, EndOfFrames, Instrument, Losses
from nta.errors import DeviceError, DeviceTimeout, SettingError
from nta.frames import CameraState, Frame

Make = Callable[..., Instrument]
"""Makes a new instrument, with further settings of its driver."""

_OPEN_FILES = Path("/proc/self/fd")
_WHILE_KEPT = 200  # frames, more than the buffers of any driver
_KEPT_BYTES = 1 << 30
_LET_GO_S = 2.0


def maker(driver: str, settings: Mapping[str, Any]) -> Make:
    """Return a maker of instruments of a driver. One is opened first, because libraries keep files open from then on."""
    with open_driver(driver, **settings) as instrument:
        instrument.camera.start(1)
        instrument.camera.read(2.0)
    # what is kept is not tidied up by the interpreter, which would hide what is left open
    made: list[Instrument] = []

    def make(**more: Any) -> Instrument:
        made.append(open_driver(driver, **{**settings, **more}))
        return made[-1]

    return make


class DriverRules:
    """Rules of drivers; derive a class whose name begins with Test, and name the driver.

    driver : its registered name. settings : settings that open it, quick enough for a test: a small image, 30 Hz or more.
    few_buffers : further settings that allow only a few frames to wait for a slow reader.
    """

    driver: ClassVar[str] = ""
    settings: ClassVar[Mapping[str, Any]] = {}
    few_buffers: ClassVar[Mapping[str, Any]] = {"buffer_frames": 4}

    @pytest.fixture
    def make(self) -> Make:
        """Return a maker of new instruments; override it if a test has to prepare something."""
        return maker(self.driver, self.settings)

    @pytest.fixture(autouse=True)
    def nothing_is_left_behind(self, make: Make) -> Iterator[None]:
        """Check that a rule leaves no thread and no open file, except those that `make` opened."""
        threads, files = _threads(), _files()
        yield
        deadline = time.monotonic() + _LET_GO_S
        while _threads() - threads and time.monotonic() < deadline:
            time.sleep(0.02)
        assert not _threads() - threads, "a thread was left behind"
        assert _files() <= files, "a file was left open"

    def test_it_is_an_instrument_with_a_camera(self, make: Make) -> None:
        threads, files = _threads(), _files()
        instrument = make()
        assert (_threads(), _files()) == (threads, files), "something is opened before `open`"
        assert isinstance(instrument, Instrument)
        assert isinstance(instrument.camera, Camera)
        assert instrument.name
        assert instrument.camera.name

    def test_it_opens_and_acquires_twice_in_a_row(self, make: Make) -> None:
        instrument = make()
        for _ in range(2):
            with instrument:
                for _ in range(2):
                    instrument.camera.start()
                    first = _read(instrument.camera, 3)[0]
                    assert first.index == 0, "every start counts from 0"
                    instrument.camera.stop()

    def test_opening_and_closing_twice_does_nothing(self, make: Make) -> None:
        instrument = make()
        instrument.close()
        instrument.open()
        instrument.open()
        instrument.close()
        instrument.close()

    def test_frames_are_two_dimensional_and_of_native_depth(self, make: Make) -> None:
        with make() as instrument:
            camera = instrument.camera
            state = camera.state()
            assert isinstance(state, CameraState)
            assert state.frame_rate_hz is not None
            camera.start()
            image = _read(camera, 1)[0].image
            camera.stop()
        assert image.shape == (state.height_px, state.width_px)
        assert image.dtype == state.dtype
        assert int(image.max()) < 2**state.bit_depth

    def test_frames_are_owned_and_stay_as_they_came(self, make: Make) -> None:
        with make() as instrument:
            state = instrument.camera.state()
            instrument.camera.start()
            kept: list[tuple[Frame, int]] = []
            for _ in range(max(20, min(_WHILE_KEPT, _KEPT_BYTES // state.frame_bytes))):
                frame = instrument.camera.read(2.0)
                kept.append((frame, zlib.crc32(frame.image.tobytes())))
            instrument.camera.stop()
            changed = [frame.index for frame, crc in kept if zlib.crc32(frame.image.tobytes()) != crc]
        assert not changed, f"{len(changed)} of {len(kept)} frames changed after they were read: copy them"
        places = {frame.image.__array_interface__["data"][0] for frame, _ in kept}
        assert len(places) == len(kept), "frames share their memory: copy them"

    def test_indices_and_clocks_rise(self, make: Make) -> None:
        with make() as instrument:
            instrument.camera.start()
            frames = _read(instrument.camera, 60)
            instrument.camera.stop()
        for before, after in pairwise(frames):
            assert after.index > before.index
            assert after.time_s > before.time_s
            for clock in ("host_time_ns", "device_time_ns"):
                then, now = getattr(before, clock), getattr(after, clock)
                assert now is None or now > then, f"{clock} does not rise"

    def test_the_pace_is_the_frame_rate(self, make: Make) -> None:
        with make() as instrument:
            rate = instrument.camera.state().frame_rate_hz
            assert rate is not None
            began = time.monotonic()  # from here on: frames that wait somewhere come all at once
            instrument.camera.start()
            _read(instrument.camera, 45)
            took = time.monotonic() - began
            instrument.camera.stop()
        assert took > 0.8 * 40 / rate  # never too early; the delay depends on the machine

    def test_settings_are_read_back_and_can_be_given_back(self, make: Make) -> None:
        with make() as instrument:
            camera = instrument.camera
            settings = camera.settings()
            assert camera.configure(**settings) == settings
            assert camera.configure() == settings, (
                "all settings as the device has them, not those that were given"
            )
            assert camera.state().frame_rate_hz == settings["frame_rate_hz"]

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
    def test_bad_settings_are_refused_and_change_nothing(self, make: Make, wrong: dict[str, Any]) -> None:
        with make() as instrument:
            before = instrument.camera.settings()
            with pytest.raises(SettingError):
                instrument.camera.configure(**wrong)
            assert instrument.camera.settings() == before

    def test_an_unknown_setting_of_the_driver_is_refused(self, make: Make) -> None:
        with pytest.raises(SettingError):
            make(no_such_setting=1)

    def test_reading_what_does_not_acquire_is_an_error_not_a_wait(self, make: Make) -> None:
        with make() as instrument:
            began = time.monotonic()
            with pytest.raises(DeviceError):
                instrument.camera.read(5.0)
            assert time.monotonic() - began < 1.0

    def test_no_frame_in_time_is_a_timeout_and_loses_nothing(self, make: Make) -> None:
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

    def test_it_stops_within_a_second_and_accounts_for_its_frames(self, make: Make) -> None:
        with make() as instrument:
            instrument.camera.start()
            _read(instrument.camera, 10)
            began = time.monotonic()
            losses = instrument.camera.stop()
            assert time.monotonic() - began < 1.0
            assert losses.delivered == 10
            assert instrument.camera.stop() == Losses()

    def test_an_asked_number_of_frames_is_the_end(self, make: Make) -> None:
        with make() as instrument:
            instrument.camera.start(5)
            _read(instrument.camera, 5)
            with pytest.raises(EndOfFrames):
                instrument.camera.read(1.0)
            assert instrument.camera.stop().delivered == 5

    def test_a_slow_reader_loses_frames_that_are_counted(self, make: Make) -> None:
        with make(**self.few_buffers) as instrument:
            rate = instrument.camera.state().frame_rate_hz
            assert rate is not None
            instrument.camera.start()
            first = _read(instrument.camera, 1)[0]
            time.sleep(60 / rate)
            frames = [first, *_read(instrument.camera, 6)]
            losses = instrument.camera.stop()
        missing = frames[-1].index - frames[0].index - (len(frames) - 1)
        assert missing >= 20
        assert losses.delivered == len(frames)
        assert losses.lost == missing

    def test_as_a_frame_source_it_gives_what_it_is_asked_for(self, make: Make) -> None:
        source = LiveSource(make(), n_frames=20, settings=ReaderSettings(reconnect_s=0.0))
        with source:
            frames = list(source.frames())
            assert source.reached_end
        assert len(frames) == 20
        assert source.losses.delivered == 20
        assert source.fault is None

    def test_closing_while_it_acquires_is_safe(self, make: Make) -> None:
        instrument = make()
        instrument.open()
        instrument.camera.start()
        _read(instrument.camera, 2)
        instrument.close()
        with pytest.raises(DeviceError):
            instrument.camera.read(1.0)

    def test_knobs_say_their_limits_and_refuse_what_is_beyond(self, make: Make) -> None:
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


def _read(camera: Camera, n: int) -> list[Frame]:
    return [camera.read(2.0) for _ in range(n)]


def _threads() -> set[int | None]:
    return {thread.ident for thread in threading.enumerate()}


def _files() -> int:
    return len(list(_OPEN_FILES.iterdir())) if _OPEN_FILES.is_dir() else 0
