"""The simulated instrument, small, behind a session; and a report that takes no time."""

from contextlib import contextmanager

import pytest

from made.waiting import no_thread_left, until
from nta.acquisition import open_driver
from nta.calibration import load_profile
from nta.live import warm_up
from nta.web.runs import Runs
from nta.web.session import Session

_SMALL = {"width_px": 160, "height_px": 120, "frame_rate_hz": 60.0, "exposure_s": 0.01}


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
    monkeypatch.setattr("nta.web.session.warm_up_lightly", lambda *_: None)

    def report(recording, folder, said, about):
        reported.append((recording, dict(said), dict(about)))
        folder.mkdir(parents=True)
        (folder / "report.html").write_text("<p>a report</p>")

    @contextmanager
    def begun(device=None, *, make=report, phase="previewing", **words):
        chosen = device or instrument()
        session = Session(chosen, Runs(tmp_path / "runs"), make, **{"profile": profile, **words})
        try:
            with session:
                until(lambda: session.look().phase == phase)
                yield session
        finally:
            session.reports.finish()

    with no_thread_left(within_s=20):
        yield begun
