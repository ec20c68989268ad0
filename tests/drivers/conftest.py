import ctypes.util
import os
import subprocess
import sys
import tempfile
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest

from made.instrument_process import serving
from nta.frames import CameraState, Frame
from nta.io.recordings import RecordingWriter
from nta_drivers.simulated import SimulatedInstrument

RATE_HZ = 100.0
INSTALL = "pip install -e '.[emulators]'"
os.environ.setdefault("PYLON_CAMEMU", "1")  # pylon makes one camera of its own, before it is first asked


@pytest.fixture(scope="session")
def short_recording(tmp_path_factory):
    """40 noise frames of 64 x 48 pixels and 12 bit at 100 Hz; the frames with index 10 and 11 are lost."""
    path = tmp_path_factory.mktemp("recording") / "short.h5"
    rng = np.random.default_rng(7)
    camera = CameraState(
        width_px=64, height_px=48, bit_depth=12, frame_rate_hz=RATE_HZ, exposure_s=0.005, pixel_size_um=0.25
    )
    with RecordingWriter(path, camera) as writer:
        for index in range(42):
            if index not in (10, 11):
                image = rng.integers(0, 4096, (48, 64), dtype=np.uint16)
                writer.write(Frame(image, index, index / RATE_HZ, None, round(index / RATE_HZ * 1e9)))
    return path


SMALL = [
    "--prepared=20",
    "--set=width_px=96",
    "--set=height_px=64",
    "--set=frame_rate_hz=100",
    "--set=exposure_s=0.005",
]


@pytest.fixture(scope="session")
def pty_instrument():
    """The simulated instrument behind a pseudo-terminal: 20 frames of 96 x 64 pixels round and round at 100 Hz."""
    with serving("--pty", *SMALL) as port:
        yield port


@pytest.fixture(scope="session")
def tcp_instrument():
    """The same behind a TCP port."""
    with serving("--tcp", "0", *SMALL) as port:
        yield port


@pytest.fixture(scope="session")
def simulated_frames():
    """Return a function for n frames of simulated particles, of a size and depth; made once for each."""
    made = {}

    def frames(n, width_px, height_px, bit_depth=8):
        key = n, width_px, height_px, bit_depth
        if key not in made:
            size = {"width_px": width_px, "height_px": height_px, "bit_depth": bit_depth}
            with SimulatedInstrument(speed=float("inf"), **size) as instrument:
                instrument.camera.start(n)
                made[key] = np.stack([instrument.camera.read(10.0).image for _ in range(n)])
                instrument.camera.stop()
        return made[key]

    return frames


@pytest.fixture
def basler():
    """Settings that open pylon's emulated camera."""
    pytest.importorskip("pypylon", reason=f"pypylon is not installed: {INSTALL}")
    return {"device": "0815-0000"}


@pytest.fixture
def gentl():
    """Settings that open the camera of the producer inside the genicam package."""
    genicam = pytest.importorskip("genicam", reason=f"genicam is not installed: {INSTALL}")
    pytest.importorskip("harvesters", reason=f"harvesters is not installed: {INSTALL}")
    producer = Path(genicam.__file__).parent / "viky.cti"
    if not producer.is_file():
        pytest.skip("this genicam package brings no producer to test with")
    return {"device": "0", "producer": str(producer), "pixel_format": "Mono8"}


@pytest.fixture
def gige_port():
    """The one port of GigE Vision on this machine, for one test at a time, whoever else is testing."""
    pytest.importorskip("viva_genicam", reason=f"viva-genicam is not installed: {INSTALL}")
    fcntl = pytest.importorskip("fcntl", reason="this system has no file locks to share the port by")
    with (Path(tempfile.gettempdir()) / "nta-gige-port.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


@pytest.fixture
def gige(gige_port, tmp_path):
    """Return a context manager that plugs in a camera which shows the frames given."""
    library = ctypes.util.find_library("aravis-0.8")
    if library is None:
        pytest.skip(
            "libaravis, whose fake camera this test talks to, is not installed: apt-get install libaravis-0.8-0"
        )

    @contextmanager
    def plugged(frames):
        path = tmp_path / "frames.npy"
        np.save(path, frames)
        command = [sys.executable, str(Path(__file__).with_name("gige_camera.py")), library, str(path)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
            try:
                assert process.stdout.readline().strip() == "answers"
                yield {"device": "127.0.0.1"}
            finally:
                process.kill()

    return plugged


@pytest.fixture
def micromanager():
    """Settings that open Micro-Manager's demonstration camera."""
    pytest.importorskip("pymmcore_plus", reason=f"pymmcore-plus is not installed: {INSTALL}")
    adapters = pytest.importorskip("mm_test_adapters", reason=f"mm-test-adapters is not installed: {INSTALL}")
    return {
        "device": "DemoCamera/DCam",
        "adapters": adapters.device_adapter_path(),
        "properties": "AsyncPropertyDelayMS=0; OnCameraCCDXSize=96; OnCameraCCDYSize=64",
    }
