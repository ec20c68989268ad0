"""Acceptance: a stock VISA client, which knows SCPI and nothing of nta, reads the instrument bit for bit."""

import sys
import zlib

import numpy as np
import pytest

from made.instrument_process import serving
from nta.io.recordings import open_recording
from nta_drivers.serial_nta.message import Flags, read_header

pyvisa = pytest.importorskip("pyvisa")
pytest.importorskip("pyvisa_py")


@pytest.fixture(scope="module", params=["pty", "tcp"])
def client(request, short_recording):
    """A VISA session with the instrument, which is a process of its own and plays a recording."""
    if request.param == "pty" and sys.platform == "win32":
        pytest.skip("Windows has no pseudo-terminals")
    where = ("--pty",) if request.param == "pty" else ("--tcp", "0")
    with serving(
        *where, "--driver=playback", f"--set=recording={short_recording}", "--set=loop=true"
    ) as port:
        address = f"ASRL{port}::INSTR"
        if request.param == "tcp":
            host, number = port.removeprefix("socket://").split(":")
            address = f"TCPIP::{host}::{number}::SOCKET"
        manager = pyvisa.ResourceManager("@py")
        session = manager.open_resource(address, read_termination="\n", write_termination="\n", timeout=5000)
        yield session
        session.close()
        manager.close()


@pytest.fixture(scope="module")
def images(short_recording):
    with open_recording(short_recording) as recording:
        return [frame.image for frame in recording.frames()]


def test_identification(client):
    maker, model, *_ = client.query("*IDN?").split(",")
    assert (maker, model) == ("nta-lab", "playback of short.h5")
    assert client.query("*OPT?") == "CAMERA"
    assert client.query("*OPC?") == "1"


def test_camera_and_errors(client):
    assert client.query_ascii_values("CAM:WIDT?;CAM:HEIG?;CAM:DEPT?", separator=";") == [64, 48, 12]
    client.write("*CLS")
    client.write("CAM:EXP 0.001")
    assert client.query("SYST:ERR?").startswith("-222,")
    assert client.query("SYST:ERR?") == '0,"No error"'


def test_an_image_bit_for_bit(client, images):
    pixels = client.query_binary_values("IMAG:DATA?", datatype="H", container=np.ndarray)
    assert np.array_equal(pixels.reshape(48, 64), images[0])
    assert int(client.query("IMAG:CRC?"), 16) == zlib.crc32(images[0].tobytes())


def test_frames_in_order_with_header_and_check_sum(client, images):
    client.write("CAM:BUFF 5000;INIT")  # a VISA client on a serial line reads byte by byte
    for k in range(3):
        block = bytes(client.query_binary_values("FRAM:FETC? 1000", datatype="B", container=bytes))
        header = read_header(block[:88])
        pixels = block[88:]
        assert (header.sequence, header.flags & Flags.FRAME) == (k, Flags.FRAME)
        assert header.payload_crc == zlib.crc32(pixels)
        assert pixels == images[k].tobytes()
    client.write("ABOR")


def test_temperature_and_laser_of_the_simulated_instrument():
    words = ("--prepared=2", "--set=width_px=32", "--set=height_px=32")
    with serving("--tcp", "0", *words) as port:
        host, number = port.removeprefix("socket://").split(":")
        manager = pyvisa.ResourceManager("@py")
        client = manager.open_resource(
            f"TCPIP::{host}::{number}::SOCKET", read_termination="\n", write_termination="\n", timeout=5000
        )
        try:
            temperature_c = float(client.query("TEMP?"))
            assert 15 <= temperature_c <= 40
            client.write("TEMP:SETP 37.5")
            assert client.query("TEMP:SETP?") == "37.5"
            assert temperature_c - 0.1 < float(client.query("TEMP?")) < 37.5
            assert client.query("LAS:POW 20;LAS:POW?") == "20.0"
            client.write("LAS:POW 1000")
            assert client.query("SYST:ERR?").startswith('-222,"Data out of range')
        finally:
            client.close()
            manager.close()
