"""The simulated instrument, small, behind a session; and a report that takes no time."""

import threading
import time
from contextlib import contextmanager

import pytest

from nta.acquisition import open_driver
from nta.calibration import load_profile
from nta.live import warm_up
from nta.web.runs import Runs
from nta.web.session import Session

_SMALL = {"width_px": 160, "height_px": 120, "frame_rate_hz": 60.0, "exposure_s": 0.01}


def _until(true, timeout_s=20.0):
    end = time.monotonic() + timeout_s
    while not (found := true()):
        assert time.monotonic() < end, "it did not come"
        time.sleep(0.02)
    return found


@pytest.fixture(scope="session")
def until():
    """Return a function that waits until something is true, and returns it."""
    return _until


@pytest.fixture(scope="session")
def profile():
    return load_profile("simulated")


@pytest.fixture
def instrument():
    """Return a function that makes the simulated instrument, small."""
    return lambda **settings: open_driver("simulated", **{**_SMALL, **settings})


@pytest.fixture(scope="session")
def warm(profile):
    """Load and compile what the analysis needs, once for all sessions."""
    with open_driver("simulated", **_SMALL) as device:
        warm_up(device.camera.state(), profile)


@pytest.fixture
def reported():
    """What was asked to be reported: folders, and words on the sample."""
    return []


@pytest.fixture
def session(tmp_path, profile, instrument, reported, warm, monkeypatch):
    """Return a context manager: a session with an instrument, which previews."""
    monkeypatch.setattr("nta.web.session.warm_up", lambda *_: None)
    before = threading.active_count()

    def report(recording, folder, said):
        reported.append((recording, dict(said)))
        folder.mkdir(parents=True)
        (folder / "report.html").write_text("<p>a report</p>")

    @contextmanager
    def begun(device=None, *, make=report, phase="previewing", **words):
        chosen = device or instrument()
        session = Session(chosen, Runs(tmp_path / "runs"), make, **{"profile": profile, **words})
        try:
            with session:
                _until(lambda: session.look().phase == phase)
                yield session
        finally:
            session.reports.finish()

    yield begun
    _until(lambda: threading.active_count() <= before)
