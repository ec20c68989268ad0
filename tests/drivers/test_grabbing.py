"""What the drivers of vendors' cameras share, without any vendor: counting, clocks, losses, faults."""

import threading
import time

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nta.devices import FoundDevice, Losses
from nta.errors import DeviceError, DeviceLost, DeviceTimeout, SettingError
from nta_drivers.choosing import assignments, chosen
from nta_drivers.grabbing import Arrival, Counter, GrabbingCamera, attributed
from nta_drivers.pixel_formats import bit_depth, checked_image

IMAGE = np.zeros((2, 3), np.uint8)


class Scripted(GrabbingCamera):
    """Gives what is in its script, an arrival or an error to raise, and then nothing."""

    def __init__(self, script, buffer_frames=64):
        super().__init__("scripted", buffer_frames=buffer_frames)
        self._script = iter(script)
        self.released = threading.Event()
        self.held = threading.Event()
        self.drained = threading.Event()
        self.halted = 0

    def _bit_depth(self):
        return 8

    def _set(self, **settings):
        raise SettingError(str(settings))

    def _connect(self):
        self._known = {"width_px": 3, "height_px": 2}

    def _begin(self):
        pass

    def _halt(self):
        self.halted += 1

    def _attribute(self, missing):
        return Losses(lost_transport=missing)

    def _grab(self, timeout_s):
        what = next(self._script, None)
        if what is None:
            self.drained.set()
            time.sleep(0.005)
        elif isinstance(what, Exception):
            raise what
        elif callable(what):
            self.held.set()
            what(self)
        return what if isinstance(what, Arrival) else None


def _started(script, **more):
    camera = Scripted(script, **more)
    camera.open()
    camera.start()
    return camera


def test_a_counter_begins_anywhere_and_goes_on_from_its_16_bit_end():
    counter = Counter()
    given = [65533, 65534, 65535, 1, 2, 5]  # GigE Vision leaves out 0
    assert [counter.count(n) for n in given] == [(0, 0), (1, 0), (2, 0), (3, 0), (4, 0), (7, 2)]


@given(st.integers(0, 65535), st.lists(st.integers(1, 300), min_size=1, max_size=50))
def test_the_index_rises_by_what_the_counter_rises(first, steps):
    counter = Counter()
    counter.count(max(first, 1))
    value, index = max(first, 1), 0
    for step in steps:
        value = (value + step - 1) % 65535 + 1
        index += step
        assert counter.count(value) == (index, step - 1)


def test_a_counter_that_was_reset_is_a_lost_device():
    counter = Counter()
    counter.count(100)
    with pytest.raises(DeviceLost, match="from 100 to 1: it was reset"):
        counter.count(1)


def test_without_a_counter_frames_are_numbered_as_they_come():
    counter = Counter()
    assert [counter.count(None) for _ in range(3)] == [(0, 0), (1, 0), (2, 0)]


def test_gaps_and_incomplete_frames_are_counted_once_each():
    script = [Arrival(IMAGE, n) for n in (7, 8, 11)] + [Arrival(None, 12), Arrival(IMAGE, 13)]
    camera = _started(script)
    frames = [camera.read() for _ in range(4)]
    assert [frame.index for frame in frames] == [0, 1, 4, 6]
    assert camera.stop() == Losses(delivered=4, lost_transport=2, incomplete=1)


def test_losses_behind_the_last_frame_read_are_not_its_readers():
    camera = _started([Arrival(IMAGE, n) for n in (0, 1, 9)])
    camera.read()
    assert camera.drained.wait(20.0)
    assert camera.stop() == Losses(delivered=1)


def test_what_only_comes_incomplete_is_told_though_nothing_was_read():
    camera = _started([Arrival(None, n) for n in range(5)])
    assert camera.drained.wait(20.0)
    with pytest.raises(DeviceTimeout):
        camera.read(0.01)
    assert camera.stop() == Losses(incomplete=5)


def test_a_slow_reader_keeps_the_newest_and_the_others_are_the_hosts():
    camera = _started([Arrival(IMAGE, n) for n in range(20)], buffer_frames=4)
    assert camera.drained.wait(20.0)
    assert [camera.read().index for _ in range(4)] == [16, 17, 18, 19]
    assert camera.stop() == Losses(delivered=4, lost_host=16)


def test_what_is_overwritten_behind_the_last_frame_read_is_not_its_readers():
    camera = _started(
        [Arrival(IMAGE, n) for n in range(4)]
        + [lambda self: self.released.wait(20.0)]
        + [Arrival(IMAGE, n) for n in range(4, 20)],
        buffer_frames=4,
    )
    assert camera.held.wait(20.0)
    camera.read()
    camera.released.set()
    assert camera.drained.wait(20.0)
    assert camera.stop() == Losses(delivered=1)


def test_time_is_the_devices_while_its_clock_runs_and_then_the_hosts():
    arrivals = [(0, 1000), (5, 3000), (9, 3000), (12, 7000)]  # host and device, ns: the device's clock stops
    camera = _started([Arrival(IMAGE, n, device, host + 1) for n, (host, device) in enumerate(arrivals)])
    times_ns = [round(camera.read().time_s * 1e9) for _ in arrivals]
    camera.stop()
    assert times_ns == [0, 2000, 2004, 2007]


def test_frames_before_a_fault_are_still_given():
    camera = _started([Arrival(IMAGE, 0), Arrival(IMAGE, 1), DeviceLost("gone")])
    assert [camera.read().index for _ in range(2)] == [0, 1]
    for _ in range(2):
        with pytest.raises(DeviceLost, match="gone"):
            camera.read()
    assert camera.stop().delivered == 2
    camera.close()


def test_what_a_library_throws_is_told_as_a_device_error():
    camera = _started([KeyError("inside the library")])
    with pytest.raises(DeviceError, match="scripted: KeyError: 'inside the library'"):
        camera.read()
    camera.stop()


def test_a_library_that_does_not_return_is_left_behind_within_a_second():
    camera = _started([lambda self: self.released.wait(10.0)])
    began = time.monotonic()
    with pytest.raises(DeviceTimeout, match="does not return"):
        camera.stop()
    assert time.monotonic() - began < 1.0
    assert camera.halted == 1
    camera.released.set()


@given(st.integers(0, 50), st.integers(-3, 60), st.integers(-3, 60))
def test_every_missing_frame_is_attributed_once(missing, incomplete, host):
    losses = attributed(missing, [("incomplete", incomplete), ("lost_host", host)], "lost_transport")
    assert losses.lost == missing
    assert min(losses.incomplete, losses.lost_host, losses.lost_transport) >= 0
    assert losses.incomplete == max(0, min(incomplete, missing))


@pytest.mark.parametrize(
    ("pixel_format", "bits"),
    [("Mono8", 8), ("Mono10", 10), ("Mono10p", 10), ("Mono12Packed", 12), ("Mono12p", 12), ("Mono16", 16)],
)
def test_grey_formats_have_their_bits(pixel_format, bits):
    assert bit_depth(pixel_format) == bits


@pytest.mark.parametrize(
    "pixel_format", ["RGB8", "BayerRG12p", "YUV422_8", "Mono8s", "Mono1p", "Confidence8"]
)
def test_colour_is_refused_with_what_to_set_instead(pixel_format):
    with pytest.raises(
        SettingError, match=rf"{pixel_format} is not grey.*set pixel_format to Mono8 or Mono12$"
    ):
        bit_depth(pixel_format, ["RGB8", "Mono8", "BayerRG8", "Mono12"])


def test_an_image_is_owned_and_loses_the_padding_of_its_lines():
    lent = np.arange(12, dtype=np.uint16)
    image = checked_image(lent, 3, 3, 12)
    assert image.tolist() == [[0, 1, 2], [4, 5, 6], [8, 9, 10]]
    assert image.flags.owndata
    assert not np.shares_memory(image, lent)
    with pytest.raises(DeviceError, match="5 x 3 grey pixels"):
        checked_image(lent, 5, 3, 12)


@pytest.mark.parametrize(("bits", "brightest"), [(8, 256), (12, 4096)])
def test_a_grey_value_beyond_the_depth_is_refused_and_not_cut(bits, brightest):
    image = np.array([[0, brightest - 1]], np.uint16)
    assert checked_image(image, 2, 1, bits).max() == brightest - 1
    with pytest.raises(DeviceError, match=f"said {bits} bits a pixel and gave the grey value {brightest}"):
        checked_image(image + np.uint16(1), 2, 1, bits)


TWO = [FoundDevice(("0012", "left"), "Model A"), FoundDevice(("0013", "right"), "Model A")]


def test_a_device_is_chosen_by_any_of_its_names():
    assert chosen("left", TWO, "camera") == 0
    assert chosen("0013", TWO, "camera") == 1
    assert chosen("13", TWO, "camera") == 1  # a number on the command line has lost its zeros
    assert chosen("", TWO[:1], "camera") == 0


def test_what_cannot_be_chosen_lists_what_there_is():
    with pytest.raises(SettingError, match=r"more than one camera.*device=.*0012 \(Model A\); 0013"):
        chosen("", TWO, "camera")
    with pytest.raises(DeviceLost, match=r"no camera is called 'middle'; there are 0012"):
        chosen("middle", TWO, "camera")
    twins = [FoundDevice((one.names[0], "Model A"), "Model A") for one in TWO]
    with pytest.raises(SettingError, match=r"2 cameras are called 'Model A'; .*0012 \(Model A\); 0013"):
        chosen("Model A", twins, "camera")
    with pytest.raises(DeviceLost, match="no camera was found"):
        chosen("left", [], "camera")


def test_assignments_are_words_or_a_mapping():
    assert assignments(" GainAuto=Off; BinningHorizontal = 2;") == {
        "GainAuto": "Off",
        "BinningHorizontal": "2",
    }
    assert assignments({"Gamma": 1.0}) == {"Gamma": 1.0}
    for wrong in ("GainAuto", "=2", "Gain="):
        with pytest.raises(SettingError, match="Name=value"):
            assignments(wrong)
