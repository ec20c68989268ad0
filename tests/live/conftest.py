"""Recordings and instruments for the tests of live analysis: small, and compiled before a clock runs."""

import numpy as np
import pytest

from nta.acquisition import open_driver
from nta.calibration import load_profile
from nta.frames import CameraState, Frame
from nta.io.recordings import RecordingWriter


@pytest.fixture(scope="session")
def profile():
    return load_profile("simulated")


@pytest.fixture
def instrument():
    """Return a function that makes the simulated instrument, small and as fast as its frames are read."""

    def make(**settings):
        small = {"width_px": 320, "height_px": 240, "speed": float("inf")}
        return open_driver("simulated", **{**small, **settings})

    return make


@pytest.fixture(scope="session")
def short_recording(tmp_path_factory):
    """Three frames with a scale and no temperature."""
    path = tmp_path_factory.mktemp("recording") / "short.h5"
    camera = CameraState(width_px=64, height_px=48, bit_depth=8, frame_rate_hz=100.0, pixel_size_um=0.25)
    with RecordingWriter(path, camera) as writer:
        for index in range(3):
            writer.write(Frame(np.full((48, 64), index, np.uint8), index, index / 100, None, index * 10**7))
    return path
