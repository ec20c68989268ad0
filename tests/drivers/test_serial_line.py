"""The serial driver on lines that are noisy, stall, are pulled out, or have somebody else on them."""

import os
import sys
import threading
import time
from contextlib import suppress

import numpy as np
import pytest

from made.numbered_camera import CountedNoise, numbered_image, numbered_instrument, served
from nta.acquisition import FrameReader, ReaderSettings, open_driver, record
from nta.devices import EndOfFrames, Instrument
from nta.errors import DeviceError, DeviceLost, DeviceTimeout, SettingError
from nta.io.recordings import RecordingWriter, open_recording
from nta_drivers.faults import read_faults
from nta_drivers.serial_nta.noise import Noise
from nta_drivers.serial_nta.ports import PtyPort, TcpPort

posix = pytest.mark.skipif(sys.platform == "win32", reason="Windows has no pseudo-terminals")
VGA = (480, 640)


@pytest.fixture(params=[pytest.param("pty", marks=posix), "tcp"])
def port(request):
    return PtyPort() if request.param == "pty" else TcpPort()


def _read(camera, n, timeout_s=5.0):
    return [camera.read(timeout_s) for _ in range(n)]


@pytest.mark.parametrize("bit_depth", [8, 12])
def test_frames_cross_the_line_bit_for_bit(port, bit_depth):
    with (
        served(numbered_instrument(shape=(100, 150), bit_depth=bit_depth), port) as serving,
        open_driver("serial", port=serving.port.url, buffer_frames=1000) as instrument,
    ):
        instrument.camera.start(20)
        frames = _read(instrument.camera, 20)
        with pytest.raises(EndOfFrames):
            instrument.camera.read()
        losses = instrument.camera.stop()
    assert [frame.index for frame in frames] == list(range(20))
    for frame in frames:
        assert np.array_equal(frame.image, numbered_image(frame.index, (100, 150), bit_depth))
        assert frame.image.flags.writeable
        assert frame.time_s == pytest.approx(frame.index * 0.01)
    assert (losses.delivered, losses.lost, losses.resent) == (20, 0, 0)


def test_noise_costs_no_frame_and_every_damaged_one_is_counted(port):
    noise = CountedNoise(1e-6, seed=5)
    n_frames = 60
    with (
        served(numbered_instrument(shape=VGA), port, noise=noise) as serving,
        open_driver("serial", port=serving.port.url, buffer_frames=1000) as instrument,
    ):
        # no more than are read: others might be damaged, and asked for again, before the line is closed
        instrument.camera.start(n_frames)
        frames = _read(instrument.camera, n_frames)
        losses = instrument.camera.stop()
    assert [frame.index for frame in frames] == list(range(n_frames))
    assert all(np.array_equal(frame.image, numbered_image(frame.index, VGA)) for frame in frames)
    hit = set(noise.damaged_frames)
    assert len(hit) > 5
    assert (losses.delivered, losses.lost, losses.resent) == (n_frames, 0, len(hit))


def test_without_asking_again_just_the_damaged_frames_are_lost(port):
    noise = CountedNoise(1e-6, seed=6)
    with (
        served(numbered_instrument(shape=VGA), port, noise=noise) as serving,
        open_driver("serial", port=serving.port.url, buffer_frames=1000, resends=0) as instrument,
    ):
        instrument.camera.start()
        frames = _read(instrument.camera, 60)
        losses = instrument.camera.stop()
    hit = {index for index in noise.damaged_frames if index < frames[-1].index}
    assert len(hit) > 5
    assert {frame.index for frame in frames} == set(range(frames[-1].index + 1)) - hit
    assert (losses.incomplete, losses.lost, losses.resent) == (len(hit), len(hit), 0)


def test_on_a_very_noisy_line_what_is_set_and_read_is_right_or_an_error(port):
    with (
        served(numbered_instrument(), port, noise=Noise(2e-3, seed=3)) as serving,
        open_driver("serial", port=serving.port.url, answer_s=0.2) as instrument,
    ):
        took = 0
        for value in np.linspace(15.0, 40.0, 60):
            try:
                assert instrument.thermostat.set(float(value)) == float(value)
                assert instrument.thermostat.get() == float(value)
                took += 1
            except DeviceTimeout:
                pass
    assert took > 50
    assert serving.interpreter.registers.n_errors <= 16


def test_a_stall_is_waited_for_and_costs_nothing_that_the_instrument_kept(port):
    with (
        served(numbered_instrument(rate_hz=50.0), port, faults=read_faults("stall@0.3+1.5")) as serving,
        open_driver("serial", port=serving.port.url, buffer_frames=1000, answer_s=0.3) as instrument,
    ):
        instrument.camera.start()
        began, frames, timeouts = time.monotonic(), [], 0
        while len(frames) < 120:
            try:
                frames.append(instrument.camera.read(0.2))
            except DeviceTimeout:
                timeouts += 1
        losses = instrument.camera.stop()
    assert timeouts >= 3
    assert [frame.index for frame in frames] == list(range(120))
    assert losses.lost == 0
    assert time.monotonic() - began < 10


def test_an_instrument_that_falls_silent_is_lost_not_waited_for(port, monkeypatch):
    monkeypatch.setattr("nta_drivers.serial_nta.camera._SILENT_S", 1.0)
    with (
        served(numbered_instrument(), port, faults=read_faults("stall@0.2+4")) as serving,
        open_driver("serial", port=serving.port.url, answer_s=0.3) as instrument,
    ):
        instrument.camera.start()
        began = time.monotonic()
        with pytest.raises(DeviceLost, match="has not answered"):
            _read(instrument.camera, 1000)
        assert time.monotonic() - began < 3
        began = time.monotonic()
        instrument.camera.stop()
        assert time.monotonic() - began < 1


@posix
def test_pulled_out_and_back_it_goes_on_and_the_gap_is_in_the_record(tmp_path):
    link = tmp_path / "nta0"
    faults = read_faults("unplug@0.5+1")
    path = tmp_path / "gap.h5"
    with (
        served(numbered_instrument(rate_hz=50.0), PtyPort(link), faults=faults),
        open_driver("serial", port=str(link)) as instrument,
    ):
        writer = RecordingWriter(path, instrument.camera.state())
        done = record(instrument, writer, duration_s=5.0)
    assert done.ended_by == "request"
    assert any("came back 1 time" in note for note in done.report.notes)
    assert 50 <= done.losses.lost_transport <= 200
    assert done.losses.lost == done.losses.lost_transport
    assert not link.is_symlink()
    with open_recording(path) as recording:
        frames = list(recording.frames())
        assert recording.report.lost_frames == done.losses.lost
    gap = np.diff([frame.time_s for frame in frames])
    assert gap.max() == pytest.approx(done.losses.lost / 50, abs=0.3)
    assert frames[-1].index == pytest.approx(5.0 * 50, abs=20)


def test_a_line_that_is_gone_is_lost_for_all_its_parts(port):
    with served(numbered_instrument(), port) as serving:
        instrument = open_driver("serial", port=serving.port.url)
        instrument.open()
        instrument.camera.start()
        _read(instrument.camera, 2)
        serving.stop()
        with pytest.raises(DeviceLost):
            _read(instrument.camera, 1000)
        for part in (instrument.camera.start, instrument.laser.get):
            with pytest.raises(DeviceError):
                part()
        assert instrument.camera.settings()["width_px"] == 64  # what it was set to is still known
        assert instrument.camera.stop().delivered >= 2
        instrument.close()
        instrument.close()


def test_a_restarted_instrument_is_noticed(port):
    with (
        served(numbered_instrument(), port) as serving,
        open_driver("serial", port=serving.port.url) as instrument,
    ):
        instrument.camera.start()
        _read(instrument.camera, 2)
        serving.interpreter.ring.start()  # somebody pressed a button
        with pytest.raises(DeviceLost, match="restarted"):
            _read(instrument.camera, 1000)
        reader = FrameReader(instrument.camera, ReaderSettings(reconnect_s=2.0), n_frames=5)
        instrument.camera.stop()
        reader.start()
        assert len(list(reader.frames())) == 5
        reader.stop()


def test_a_fault_of_the_camera_is_told_in_its_words(port):
    class Broken(type(numbered_instrument().camera)):
        def _take(self):
            if self._index == 3:
                raise DeviceLost('the sensor says "too hot; 90 °C"')
            return super()._take()

    with (
        served(Instrument("broken", Broken()), port) as serving,
        open_driver("serial", port=serving.port.url) as instrument,
    ):
        assert instrument.knobs() == {}
        with pytest.raises(DeviceError, match="no laser"):
            instrument.laser.limits()
        instrument.camera.start()
        _read(instrument.camera, 3)
        with pytest.raises(DeviceLost, match="failed: the sensor says 'too hot, 90 degC'"):
            instrument.camera.read(2.0)


def test_a_host_that_left_in_the_middle_of_a_picture_does_no_harm(port):
    with served(numbered_instrument(shape=VGA), port) as serving:
        rude = TalkingRaw(serving.port.url)
        rude.say(b"INIT\nFRAM:FETC? 1000\nCAM:EXP 0.0")
        time.sleep(0.3)
        rude.leave()
        with open_driver("serial", port=serving.port.url) as instrument:
            assert instrument.camera.settings()["exposure_s"] == 0.005
            instrument.camera.start()
            frames = _read(instrument.camera, 3)
    assert [frame.index for frame in frames] == [0, 1, 2]


class TalkingRaw:
    def __init__(self, url):
        import serial

        self._port = serial.serial_for_url(url, timeout=1.0)

    def say(self, data):
        self._port.write(data)
        self._port.read(1000)

    def leave(self):
        self._port.close()


def test_telemetry_and_frames_share_the_line(port):
    with (
        served(numbered_instrument(rate_hz=200.0), port) as serving,
        open_driver("serial", port=serving.port.url, buffer_frames=1000) as instrument,
    ):
        instrument.camera.start()
        values, done = [], threading.Event()

        def ask():
            while not done.is_set():
                values.append((instrument.laser.get(), instrument.thermostat.get()))

        threads = [threading.Thread(target=ask) for _ in range(2)]
        for thread in threads:
            thread.start()
        frames = _read(instrument.camera, 100)
        done.set()
        for thread in threads:
            thread.join(5)
        losses = instrument.camera.stop()
    assert [frame.index for frame in frames] == list(range(100))
    assert losses.resent == 0
    assert len(values) > 5
    assert set(values) == {(50.0, 25.0)}


def test_a_knob_of_the_line_can_be_bundled_with_another_camera(port):
    other = open_driver("simulated", width_px=32, height_px=32)
    with served(numbered_instrument(), port) as serving:
        control = open_driver("serial", port=serving.port.url)
        bench = Instrument("bench", other.camera, thermostat=control.thermostat, laser=control.laser)
        with bench:
            assert bench.knobs().keys() == {"temperature_c", "laser_mw"}
            assert bench.thermostat.set(30.0) == 30.0
            with pytest.raises(SettingError, match=r"laser_mw must be between 0 and 100 mW, got 200"):
                bench.laser.set(200.0)
        with pytest.raises(DeviceLost):
            bench.laser.get()


def test_settings_are_taken_all_or_none_and_read_back(port):
    with (
        served(numbered_instrument(), port) as serving,
        open_driver("serial", port=serving.port.url, exposure_s=0.001, frame_rate_hz=50.0) as instrument,
    ):
        camera = instrument.camera
        assert camera.settings()["exposure_s"] == 0.001
        assert camera.configure(exposure_s=0.012, frame_rate_hz=30.0)["exposure_s"] == 0.012
        assert camera.state().frame_rate_hz == 30.0
        assert camera.state().pixel_size_um == 0.25
        with pytest.raises(SettingError, match="longer than the frame interval"):
            camera.configure(exposure_s=0.02, frame_rate_hz=100.0)
        with pytest.raises(SettingError, match="exposure_s must be a number"):
            camera.configure(exposure_s="0.01;ABOR")
        assert (camera.settings()["exposure_s"], camera.settings()["frame_rate_hz"]) == (0.012, 30.0)
        camera.start()
        with pytest.raises(SettingError, match="is acquiring"):
            camera.configure(exposure_s=0.001)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ({}, "needs its port"),
        ({"port": 5}, "needs its port"),
        ({"port": "/dev/x", "baud_rate": 0}, "baud_rate must be a whole number from 1 to"),
        ({"port": "/dev/x", "baud_rate": 10**11}, "baud_rate must be a whole number from 1 to"),
        ({"port": "/dev/x", "resends": -1}, "resends"),
        ({"port": "/dev/x", "answer_s": 0}, "answer_s"),
    ],
)
def test_wrong_words_are_refused_before_anything_is_opened(words, message):
    with pytest.raises(SettingError, match=message):
        open_driver("serial", **words)


@posix
def test_a_port_that_is_not_there_is_lost_and_a_wrong_url_is_said():
    with pytest.raises(
        DeviceLost, match=r"cannot be opened: there is no such port; is the instrument plugged in"
    ):
        open_driver("serial", port="/dev/no_such_port").open()
    with pytest.raises(DeviceLost, match="it is no serial port"):
        open_driver("serial", port=os.devnull).open()
    with pytest.raises(DeviceLost, match="nothing listens there; is the instrument on"):
        open_driver("serial", port="socket://127.0.0.1:1").open()
    with pytest.raises(SettingError, match="the number of the TCP port is missing"):
        open_driver("serial", port="socket://127.0.0.1").open()
    with pytest.raises(SettingError, match="nonsense"):
        open_driver("serial", port="nonsense://here").open()


@posix
def test_what_is_no_such_instrument_is_said_in_time():
    import tty

    import serial

    master, slave = os.openpty()
    tty.setraw(slave)
    try:
        with pytest.raises(DeviceTimeout, match=r"no answer; is it the right port, is the instrument on"):
            open_driver("serial", port=os.ttyname(slave), answer_s=0.1).open()
        another = serial.Serial(os.ttyname(slave), exclusive=True)
        with another, pytest.raises(DeviceLost, match="another program has it open"):
            open_driver("serial", port=os.ttyname(slave)).open()
    finally:
        os.close(master)
        os.close(slave)


@posix
@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (
            b"KEITHLEY INSTRUMENTS INC.,MODEL 2000\r\n",
            r"not NTA-SERIAL .*KEITHLEY.*right port.* baud_rate=9600",
        ),
        (
            b"nta-lab,one|0001|00000000\n",
            r"its lines arrive damaged \(from b'nta-lab.*baud_rate=9600 its rate",
        ),
    ],
)
def test_what_answers_and_is_another_device_is_told_by_its_words(answer, said):
    import tty

    master, slave = os.openpty()
    tty.setraw(master)
    tty.setraw(slave)

    def another():
        with suppress(OSError):
            while os.read(master, 4096):
                os.write(master, answer)

    thread = threading.Thread(target=another, daemon=True)
    thread.start()
    try:
        with pytest.raises(DeviceTimeout, match=said):
            open_driver("serial", port=os.ttyname(slave), baud_rate=9600, answer_s=0.1).open()
    finally:
        os.close(slave)
        thread.join()
        os.close(master)


@posix
def test_a_line_that_never_falls_silent_is_given_up_in_time(monkeypatch):
    import tty

    monkeypatch.setattr("nta_drivers.serial_nta.link._CONNECT_S", 0.5)
    master, slave = os.openpty()
    tty.setraw(slave)
    stop = threading.Event()

    def chatter():
        while not stop.wait(0.01):
            os.write(master, b"T=25.0;P=3\r\n")

    thread = threading.Thread(target=chatter)
    thread.start()
    try:
        began = time.monotonic()
        with pytest.raises(DeviceTimeout, match=r"it began with b'T=25.0"):
            open_driver("serial", port=os.ttyname(slave)).open()
        assert time.monotonic() - began < 3.0
    finally:
        stop.set()
        thread.join()
        os.close(master)
        os.close(slave)
