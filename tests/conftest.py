"""For all tests: random numbers, real recordings, and patience with a machine that is busy."""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, settings

from made import compiling, pictures

settings.register_profile("patient", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("patient")


def pytest_configure(config):
    """Compile the kernels once before workers start; each of them, and each of its processes, would do so otherwise."""
    if getattr(config.option, "numprocesses", None) and not hasattr(config, "workerinput"):
        # side by side; frames of 8 and of 12 bits have kernels of their own
        of_12_bits = compiling.start(tracks=True)
        sample = Path(__file__).parents[1] / "sample_data" / "beads_100nm.h5"
        with tempfile.TemporaryDirectory() as folder:
            words = ["analyze", str(sample), "--profile", "simulated", "-o", f"{folder}/results", "--quiet"]
            # a failure is for the tests to find
            subprocess.run([sys.executable, "-m", "nta", *words], check=False)
        os.environ[compiling.SAID] = compiling.said_by(of_12_bits)


@pytest.fixture
def rng():
    return np.random.default_rng(20261124)


@pytest.fixture
def pictures_unwritten():
    """For tests of what a page says: its pictures are drawn, but not written as SVG."""
    with pictures.unwritten():
        yield


@pytest.fixture(scope="session")
def real_data():
    """The folder of recordings made by others; tests that need it are skipped, saying so, where it is not set."""
    folder = os.environ.get("NTA_REAL_DATA")
    if not folder:
        pytest.skip("NTA_REAL_DATA is not set: no real recordings on this machine")
    return Path(folder)
