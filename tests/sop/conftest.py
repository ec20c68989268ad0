"""Procedures for the simulated instrument, and analyses that cost nothing."""

from contextlib import contextmanager
from dataclasses import replace

import numpy as np
import pytest

from made.analysis import make_analysis
from nta import one_recording
from nta.quantity import Quantity
from nta.sop import carry_out, read_procedure

DEVICE = """
name = "test"
[device]
driver = "simulated"
settings = { scenario = "polystyrene_100nm", speed = inf, width_px = 64, height_px = 48 }
profile = "simulated"
"""


@pytest.fixture
def write(tmp_path):
    """Return a function that writes a procedure and gives its path."""

    def written(text, device=DEVICE):
        path = tmp_path / "ev.toml"
        path.write_text(device + text, encoding="utf-8")
        return path

    return written


@pytest.fixture(scope="session")
def made_up():
    """One made-up analysis."""
    return make_analysis(np.random.default_rng(3), n_tracks=60, n_frames=60)


@pytest.fixture
def quick_analysis(monkeypatch, made_up):
    """Analyses are made up, of another median for each recording; their conditions are those asked for."""
    made = []

    def analyze(source, conditions, profile, settings, *, kind, progress, sha256):
        progress(len(list(source.frames())))
        d50 = Quantity(100.0 + 2 * len(made), 95.0, 115.0, "nm", "made up")
        sizes = replace(made_up.sizes, summary={**made_up.sizes.summary, "d50_nm": d50}, temperature_c=25.0)
        provenance = replace(made_up.provenance, recording=source.name, sha256=sha256)
        assessment = replace(made_up.assessment, kind=kind)
        words = {
            "assessment": assessment,
            "conditions": conditions,
            "recording": source.report,
            "provenance": provenance,
        }
        made.append(replace(made_up, sizes=sizes, **words))
        return made[-1]

    monkeypatch.setattr(one_recording, "analyze", analyze)
    return made


class Operator:
    """Hears, loads the cell at once, keeps analyses as an empty file."""

    def __init__(self):
        self.told, self.asked, self.kept = [], [], []

    def keep(self, analysis, folder):
        (folder / "results.h5").touch()
        self.kept.append(analysis)

    @contextmanager
    def progress(self, title, total):
        yield lambda done: None

    def carry_out(self, path, folder, **more):
        return carry_out(
            read_procedure(path),
            folder,
            tell=self.told.append,
            ask=self.asked.append,
            make_bar=self.progress,
            keep=self.keep,
            **more,
        )


@pytest.fixture
def operator():
    return Operator()
