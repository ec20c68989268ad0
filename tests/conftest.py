"""For all tests: random numbers, real recordings, and patience with a machine that is busy."""

import os
import subprocess
import sys
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
        # where a machine keeps no bytecode, each of some hundred processes would compile every module too
        os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
        # side by side; frames of 8 and of 12 bits have kernels of their own
        of_12_bits = compiling.start(tracks=True)
        sample = Path(__file__).parents[1] / "sample_data" / "beads_100nm.h5"
        work = "import sys, nta; nta.analyze(nta.open(sys.argv[1]), profile='simulated')"
        # a failure is for the tests to find
        subprocess.run([sys.executable, "-c", work, str(sample)], check=False)
        os.environ[compiling.SAID] = compiling.said_by(of_12_bits)


def pytest_collection_modifyitems(items):
    """Begin with the files that hold slow tests: who is done takes from the end of what others have, which is quick then."""
    slow = {item.path for item in items if item.get_closest_marker("slow")}
    items.sort(key=lambda item: item.path not in slow)


@pytest.fixture
def rng():
    return np.random.default_rng(20261124)


@pytest.fixture
def pictures_unwritten():
    """For tests of what a page says: its pictures are drawn, but not written."""
    with pictures.unwritten():
        yield


@pytest.fixture(scope="session")
def real_data():
    """The folder of recordings made by others; tests that need it are skipped, saying so, where it is not set."""
    folder = os.environ.get("NTA_REAL_DATA")
    if not folder:
        pytest.skip("NTA_REAL_DATA is not set: no real recordings on this machine")
    return Path(folder)
