"""Drivers of real cameras against the emulators of their makers: our frames bit for bit, losses, unplugging."""

import subprocess
import sys
import threading
import time
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import tifffile

from nta.acquisition import LiveSource, ReaderSettings, find_devices, list_drivers, open_driver
from nta.devices import Losses
from nta.errors import DeviceError, DeviceLost, SettingError

VENDORS = {
    "basler": "pypylon",
    "gentl": "harvesters",
    "gige": "viva_genicam",
    "micromanager": "pymmcore_plus",
}
NAMED = {"micromanager": {"device": "DemoCamera/DCam"}}


def _grabbed(camera, n):
    camera.start()
    frames = [camera.read(3.0) for _ in range(n)]
    return frames, camera.stop()


def _shown(frames, images):
    """Return which of the images each frame is; fails where one is none of them, bit for bit."""
    place = {image.tobytes(): number for number, image in enumerate(images)}
    assert len(place) == len(images)
    return [place[frame.image.tobytes()] for frame in frames]


def _are_in_turn(places, n_images):
    return all(after == (before + 1) % n_images for before, after in pairwise(places))


# --- without the libraries ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("driver", VENDORS)
def test_a_missing_library_names_the_extra_when_the_device_is_opened(driver, monkeypatch):
    for module in [name for name in sys.modules if name.partition(".")[0] == VENDORS[driver]]:
        monkeypatch.delitem(sys.modules, module)
    monkeypatch.setitem(sys.modules, VENDORS[driver], None)
    instrument = open_driver(driver, **NAMED.get(driver, {"device": "1"}))
    with pytest.raises(DeviceError, match=rf"pip install -e '\.\[{driver}\]'"):
        instrument.open()
    instrument.close()


def test_no_vendors_library_is_imported_before_a_device_is_opened():
    code = (
        "import sys; from nta.acquisition import list_drivers, open_driver;"
        f"[open_driver(name, **{NAMED!r}.get(name, {{}})) for name in {list(VENDORS)!r}]; list_drivers();"
        f"assert not set({[*VENDORS.values(), 'genicam', 'pymmcore']!r}) & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_the_list_says_what_is_installed_and_what_to_install():
    found = {driver.name: driver for driver in list_drivers()}
    assert {name: found[name].extra for name in VENDORS} == {name: f"nta-lab[{name}]" for name in VENDORS}
    assert set(found["gentl"].libraries) == {"genicam", "harvesters"}
    assert found["simulated"].libraries == {}
    assert found["simulated"].missing == ()


def test_micromanager_must_be_told_which_device():
    with pytest.raises(SettingError, match=r"device=FILE.cfg.*device=ADAPTER/DEVICE"):
        open_driver("micromanager")


@pytest.mark.parametrize("wrong", ["big", 10, 100_000])
def test_a_packet_that_no_network_carries_is_refused_before_anything_is_opened(wrong):
    with pytest.raises(SettingError, match="packet_size must be a whole number of 576 to 65535 bytes"):
        open_driver("gige", packet_size=wrong)


# --- Basler: pylon's camera emulation ----------------------------------------------------------------------------


@pytest.mark.parametrize(("pixel_format", "bit_depth"), [("Mono8", 8), ("Mono16", 12)])
def test_pylon_plays_our_frames_bit_for_bit(basler, simulated_frames, tmp_path, pixel_format, bit_depth):
    images = simulated_frames(12, 160, 120, bit_depth)
    for number, image in enumerate(images):
        tifffile.imwrite(tmp_path / f"{number:03}.tif", image)
    playing = {"TestImageSelector": "Off", "ImageFileMode": "On", "ImageFilename": str(tmp_path)}
    size = {"width_px": 160, "height_px": 120, "pixel_format": pixel_format}
    with open_driver("basler", **basler, **size, features=playing, frame_rate_hz=80.0) as instrument:
        frames, losses = _grabbed(instrument.camera, 30)
    assert _are_in_turn(_shown(frames, images), 12)
    assert frames[0].image.dtype == images.dtype
    assert frames[0].device_time_ns is None  # the emulation has no clock
    assert losses == Losses(delivered=30)


def test_a_failed_grab_of_pylon_is_an_incomplete_frame(basler):
    features = {"ForceFailedBufferCount": 3}
    with open_driver("basler", **basler, features=features, width_px=64, height_px=48) as instrument:
        instrument.camera._camera.ForceFailedBuffer.Execute()
        frames, losses = _grabbed(instrument.camera, 5)
    assert losses == Losses(delivered=5, incomplete=3)
    assert frames[-1].index == 7


def test_an_unplugged_basler_is_lost_and_comes_back(basler):
    instrument = open_driver("basler", **basler, width_px=64, height_px=48, frame_rate_hz=50.0)
    with instrument:
        instrument.camera.start()
        instrument.camera.read()
        instrument.camera._camera.FirePnPCallback.Execute()  # pylon's way to act an unplugging
        with pytest.raises(DeviceLost, match="was unplugged"):  # noqa: PT012 - after what waits was read
            for _ in range(100):
                instrument.camera.read()
        instrument.camera.stop()
    source = LiveSource(instrument, n_frames=40, settings=ReaderSettings(reconnect_s=10.0))
    with source:
        frames = []
        for frame in source.frames():
            frames.append(frame)
            if len(frames) == 10:
                instrument.camera._camera.FirePnPCallback.Execute()
    assert len(frames) == 40
    assert "came back 1 time(s)" in " ".join(source.report.notes)
    assert source.losses.lost_transport > 0
    assert source.metadata["camera_settings"]["frame_rate_hz"] == 50.0


def test_pylons_cameras_are_found_by_serial_number(basler):
    assert basler["device"] in [name for device in find_devices("basler") for name in device.names]
    with pytest.raises(DeviceLost, match="no Basler camera is called 'other'; there are"):
        open_driver("basler", device="other").open()


# --- GenTL: the producer inside the genicam package --------------------------------------------------------------


def test_harvesters_frames_are_whole_and_numbered(gentl):
    with open_driver("gentl", **gentl, width_px=640, height_px=480, frame_rate_hz=60.0) as instrument:
        frames, losses = _grabbed(instrument.camera, 100)
    index = np.array([frame.index for frame in frames])
    assert losses == Losses(delivered=100, lost_device=index[-1] - 99)
    ball = np.array(
        [np.argwhere(frame.image < 128).mean(0) for frame in frames]
    )  # a dark ball flies through it
    assert np.ptp(ball, axis=0).min() > 50
    assert np.abs(np.diff(ball, axis=0)).max() <= np.diff(index).max() * 1.5  # a pixel a frame, lost ones too


def test_a_gentl_camera_in_colour_is_refused(gentl):
    with pytest.raises(SettingError, match=r"RGBa8 is not grey.*set pixel_format to Mono8"):
        open_driver("gentl", **{**gentl, "pixel_format": "RGBa8"}).open()


def test_a_gentl_producer_is_needed_and_must_be_one(gentl, tmp_path, monkeypatch):
    monkeypatch.delenv("GENICAM_GENTL64_PATH", raising=False)
    with pytest.raises(DeviceError, match=r"no GenTL producer.*producer=FILE.cti"):
        open_driver("gentl", device="0").open()
    with pytest.raises(DeviceError, match="there is no GenTL producer"):
        open_driver("gentl", producer=tmp_path / "none.cti").open()
    text = tmp_path / "text.cti"
    text.write_text("no library")
    with pytest.raises(DeviceError, match=r"text.cti cannot be used as GenTL producer"):
        open_driver("gentl", producer=text).open()
    other = np.random.mtrand.__file__  # a library, whose missing functions would end the interpreter
    with pytest.raises(DeviceError, match="it has no GCInitLib, with which every producer begins"):
        open_driver("gentl", producer=other).open()


def test_gentl_devices_are_found_where_the_standard_says(gentl, monkeypatch):
    monkeypatch.setenv("GENICAM_GENTL64_PATH", str(Path(gentl["producer"]).parent))
    assert [device.names[0] for device in find_devices("gentl")] == ["0", "1", "2"]
    with pytest.raises(SettingError, match="more than one GenTL camera; say which"):
        open_driver("gentl").open()


def test_the_two_libraries_unpack_packed_pixels_alike(rng):
    viva = pytest.importorskip("viva_genicam")
    pfnc = pytest.importorskip("harvesters.util.pfnc")
    for name, bits in (("Mono10p", 10), ("Mono12p", 12), ("Mono10Packed", 12), ("Mono12Packed", 12)):
        packed = rng.integers(0, 256, 6 * 8 * bits // 8, dtype=np.uint8)
        one = viva.Frame.from_bytes(packed.tobytes(), 8, 6, name).to_numpy()
        assert one.ravel().tolist() == getattr(pfnc, name)().expand(packed).tolist()


# --- GigE Vision over the loopback network -----------------------------------------------------------------------


def test_gige_brings_our_frames_at_100_hz_bit_for_bit(gige, simulated_frames):
    images = simulated_frames(16, 640, 480)
    with gige(images) as settings:
        size = {"width_px": 640, "height_px": 480, "frame_rate_hz": 100.0, "exposure_s": 0.005}
        with open_driver("gige", **settings, **size) as instrument:
            frames, losses = _grabbed(instrument.camera, 300)
    assert _are_in_turn(_shown(frames, images), 16)
    assert losses == Losses(delivered=300)  # the fake's block counter passes its 16-bit end on the way
    assert [frame.index for frame in frames] == list(range(300))
    ticks = np.array([frame.device_time_ns for frame in frames])
    assert np.median(np.diff(ticks)) > 9.8e6  # never early; how late depends on the machine
    assert [frame.time_s for frame in frames] == pytest.approx((ticks - ticks[0]) * 1e-9, abs=1e-7)


def test_gige_brings_16_bit(gige, simulated_frames):
    images = simulated_frames(12, 160, 120, 12)
    with gige(images) as settings:
        size = {"width_px": 160, "height_px": 120, "pixel_format": "Mono16", "frame_rate_hz": 50.0}
        with open_driver("gige", **settings, **size) as instrument:
            frames, _ = _grabbed(instrument.camera, 15)
    assert _are_in_turn(_shown(frames, images), 12)


def test_an_unplugged_gige_camera_is_lost_and_comes_back(gige):
    images = np.arange(64 * 96, dtype=np.uint16).reshape(1, 64, 96).astype(np.uint8)
    with gige(images) as settings:
        size = {"width_px": 96, "height_px": 64, "frame_rate_hz": 50.0, "exposure_s": 0.005}
        instrument = open_driver("gige", **settings, **size)
        source = LiveSource(instrument, n_frames=60, settings=ReaderSettings(reconnect_s=20.0))
        source.__enter__()
        frames, coming = [], source.frames()
        while len(frames) < 20:
            frames.append(next(coming))
    time.sleep(0.5)  # no camera
    with gige(images):
        frames += coming
        source.__exit__(None, None, None)
    assert source.fault is None
    assert len(frames) == 60
    gap = max(after.index - before.index - 1 for before, after in pairwise(frames))
    assert gap == source.losses.lost_transport > 20
    assert all((frame.image == images[0]).all() for frame in frames)


def test_a_gige_camera_that_falls_silent_is_lost_and_refuses_nothing(gige_port):
    from viva_genicam.testing import FakeGigeCamera

    fake = FakeGigeCamera()
    fake.start()
    with open_driver("gige", interface="lo") as instrument:
        features = instrument.camera._features
        assert not features.has("NoSuchFeature")
        with pytest.raises(SettingError, match="Width"):
            features.set("Width", 10**8)
        fake.stop()
        with pytest.raises(DeviceLost):
            features.has("NoSuchFeature")
        with pytest.raises(DeviceLost):
            features.set("Width", 64)


def test_lost_packets_are_incomplete_frames(gige_port):
    testing = pytest.importorskip("viva_genicam.testing")
    lost = [(5, 3), (9, 1)]
    fake = testing.FakeGigeCamera(width=640, height=480, fps=60, packet_resend=False, drop_packets=lost)
    with fake, open_driver("gige", device="127.0.0.1") as instrument:
        frames, losses = _grabbed(instrument.camera, 30)
    assert losses == Losses(delivered=30, incomplete=2)
    assert frames[-1].index == 31


def test_packets_that_are_sent_again_lose_nothing(gige_port):
    testing = pytest.importorskip("viva_genicam.testing")
    fake = testing.FakeGigeCamera(width=640, height=480, fps=60, drop_packets=[(5, 3), (9, 1)])
    with fake, open_driver("gige", device="127.0.0.1") as instrument:
        _, losses = _grabbed(instrument.camera, 30)
    assert losses == Losses(delivered=30)


# --- Micro-Manager's demonstration camera ------------------------------------------------------------------------


def test_micromanager_frames_have_the_depth_of_the_camera(micromanager):
    deep = {**micromanager, "properties": micromanager["properties"] + "; PixelType=16bit; BitDepth=12"}
    with open_driver("micromanager", **deep, exposure_s=0.01) as instrument:
        frames, losses = _grabbed(instrument.camera, 20)
        assert instrument.camera.state().bit_depth == 12
    assert losses == Losses(delivered=20)
    assert frames[0].image.dtype == np.uint16
    assert 255 < max(int(frame.image.max()) for frame in frames) < 4096
    assert len({frame.image.tobytes() for frame in frames}) > 3  # the waves move


def test_micromanager_in_colour_is_refused(micromanager):
    coloured = {**micromanager, "properties": "AsyncPropertyDelayMS=0; PixelType=32bitRGB"}
    with pytest.raises(SettingError, match=r"nta takes grey of 8 to 16 bit: set the camera's property"):
        open_driver("micromanager", **coloured).open()


def test_a_device_of_micromanager_that_is_no_camera_is_refused(micromanager):
    with pytest.raises(DeviceError, match="Cannot set Core property Camera"):
        open_driver(
            "micromanager", **{**micromanager, "device": "DemoCamera/DStage", "properties": ""}
        ).open()


def test_micromanager_reads_a_region(micromanager):
    with open_driver("micromanager", **micromanager, exposure_s=0.01) as instrument:
        camera = instrument.camera
        camera.configure(offset_x_px=8, offset_y_px=4, width_px=40, height_px=32)
        frames, _ = _grabbed(camera, 2)
        with pytest.raises(
            SettingError, match=r"96 x 32 px at \(8, 4\) is not within the sensor's 96 x 64 px"
        ):
            camera.configure(width_px=96)
        assert camera.settings()["width_px"] == 40
    assert frames[0].image.shape == (32, 40)


@pytest.mark.parametrize("way", ["2", "2x2"])
def test_micromanager_says_its_binning(micromanager, monkeypatch, way):
    settings = {**micromanager, "properties": micromanager["properties"] + "; Binning=2"}
    with open_driver("micromanager", **settings, exposure_s=0.01) as instrument:
        camera = instrument.camera
        assert (camera.state().binning, camera.state().width_px) == (2, 48)
        with pytest.raises(SettingError, match=r'properties="Binning=2"'):
            camera.configure(binning_x=1, binning_y=1)
        monkeypatch.setattr(camera._core, "getProperty", lambda label, name: way)
        assert camera._read_binning() == {"binning_x": 2, "binning_y": 2}


def test_micromanager_says_its_rate_by_measuring(micromanager):
    with open_driver("micromanager", **micromanager, exposure_s=0.02) as instrument:
        slow = instrument.camera.state().frame_rate_hz
        with pytest.raises(SettingError, match=r"as measured: change exposure_s"):
            instrument.camera.configure(frame_rate_hz=10.0)
    assert 30 < slow <= 50


def test_micromanager_opens_a_configuration(micromanager):
    (found,) = find_devices("micromanager")
    with open_driver("micromanager", device=found.names[0], adapters=micromanager["adapters"]) as instrument:
        frames, _ = _grabbed(instrument.camera, 3)
    assert frames[0].image.shape == (512, 512)
    with pytest.raises(SettingError, match="there is no Micro-Manager configuration"):
        open_driver("micromanager", device="none.cfg").open()
    with pytest.raises(DeviceError, match="Nope"):
        open_driver("micromanager", device="Nope/DCam", adapters=micromanager["adapters"]).open()


def test_no_thread_is_left_after_all_that():
    assert not [thread.name for thread in threading.enumerate() if thread.name.startswith("nta-grab")]
