"""Every registered driver keeps the rules of `nta.devices`: one suite for all of them, which is `nta.testing`."""

import gc
import weakref
from contextlib import contextmanager, nullcontext
from functools import partial

import numpy as np
import pytest

from made.numbered_camera import NumberedCamera
from nta.acquisition import list_drivers, open_driver
from nta.devices import Instrument
from nta.testing import DriverRules, maker

DRIVERS = [driver.name for driver in list_drivers()] + ["serial over TCP"]
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


def test_our_drivers_are_registered():
    assert set(MADE_WITH) <= set(DRIVERS)


@pytest.fixture(scope="module")
def opened():
    """Drivers that were opened first, as `maker` does: once is enough."""
    return set()


class TestEveryDriver(DriverRules):
    @pytest.fixture(params=DRIVERS)
    def make(self, request, opened):
        name = request.param
        driver = name.partition(" over")[0]
        made_with = MADE_WITH.get(name, lambda _: nullcontext({}))  # another package's: as it comes
        with made_with(request.getfixturevalue) as settings:
            yield partial(open_driver, driver, **settings) if name in opened else maker(driver, settings)
            opened.add(name)

    def test_an_exposure_that_is_set_is_taken(self, make):
        with make() as instrument:
            camera = instrument.camera
            if "exposure_s" in camera.settings() and not instrument.name.startswith("playback"):
                assert camera.configure(exposure_s=0.004)["exposure_s"] == 0.004
                assert camera.state().exposure_s == 0.004


class RingCamera(NumberedCamera):
    """Hands out the buffers of a ring, each again after `n_buffers` frames."""

    def __init__(self, n_buffers):
        super().__init__(rate_hz=2000.0)
        self._ring = np.zeros((n_buffers, *self.shape), np.uint8)

    def _take(self):
        image, time_ns = super()._take()
        buffer = self._ring[self._index % len(self._ring)]
        buffer[:] = image
        return buffer, time_ns


def test_a_driver_that_repeats_what_it_was_asked_for_is_found_out():
    camera = NumberedCamera()
    configure = camera.configure
    camera.configure = lambda **asked: configure(**asked) and asked
    with pytest.raises(AssertionError, match="as the device has them"):
        DriverRules().test_settings_are_read_back_and_can_be_given_back(lambda: Instrument("echo", camera))


def test_a_driver_that_opens_its_device_when_it_is_made_is_found_out(tmp_path):
    kept = []

    def make():
        kept.append((tmp_path / "port").open("w"))
        return Instrument("early", NumberedCamera())

    with pytest.raises(AssertionError, match="something is opened before `open`"):
        DriverRules().test_it_is_an_instrument_with_a_camera(make)
    kept[0].close()


def test_what_an_instrument_leaves_open_is_not_tidied_up_before_it_is_looked_for():
    make = maker("simulated", {"width_px": 16, "height_px": 16, "scenario": "blank"})
    made = weakref.ref(make())
    gc.collect()
    assert made() is not None


@pytest.mark.parametrize("n_buffers", [2, 16, 64])
def test_a_driver_whose_buffers_are_overwritten_is_found_out(n_buffers):
    with pytest.raises(AssertionError, match="copy them"):
        DriverRules().test_frames_are_owned_and_stay_as_they_came(
            lambda: Instrument("ring", RingCamera(n_buffers))
        )
