"""For all tests: random numbers, real recordings, and patience with a machine that is busy."""

import os
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, settings

settings.register_profile("patient", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("patient")


@pytest.fixture
def rng():
    return np.random.default_rng(20261124)


@pytest.fixture(scope="session")
def real_data():
    """The folder of recordings made by others; tests that need it are skipped, saying so, where it is not set."""
    folder = os.environ.get("NTA_REAL_DATA")
    if not folder:
        pytest.skip("NTA_REAL_DATA is not set: no real recordings on this machine")
    return Path(folder)
