import sys
from pathlib import Path

import numpy as np
import pytest

from nta.frames import CameraState, Frame
from nta.io.recordings import RecordingWriter

sys.path.insert(0, str(Path(__file__).parent))  # with import-mode importlib no test folder is on the path

from instrument_process import serving

RATE_HZ = 100.0


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
