"""The recordings of `sample_data/`: they are what their script makes, and their analysis gives their truth."""

import hashlib
import importlib.util
import re
import tomllib
from pathlib import Path

import numpy as np
import pytest

import nta
from nta.circumstances import known_conditions
from nta.simulation import load_truth, simulate

FOLDER = Path(__file__).parents[1] / "sample_data"


def _script():
    spec = importlib.util.spec_from_file_location("make_sample_data", FOLDER / "make_sample_data.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


SCRIPT = _script()


def test_the_files_are_those_of_the_checksums():
    listed = re.search(r"```sha256\n(.*?)```", (FOLDER / "README.md").read_text(), re.DOTALL).group(1)
    assert listed.strip() == SCRIPT.checksums()
    for line in listed.strip().splitlines():
        digest, name = line.split()
        assert hashlib.sha256((FOLDER / name).read_bytes()).hexdigest() == digest


@pytest.mark.parametrize(("name", "recording"), SCRIPT.RECORDINGS.items())
def test_frames_and_truth_are_what_the_script_makes(name, recording, tmp_path):
    simulation = simulate(FOLDER / "scenarios" / f"{name}.toml")
    with nta.open(FOLDER / recording) as kept:
        camera = kept.camera
        stored = np.stack([frame.image for frame in kept.frames()])
        assert kept.report.found_frames == simulation.scenario.n_frames
        assert not kept.report.damaged_frames
        assert not kept.report.truncated
    # the last digit of a float may differ between processors, and then now and then a photon
    assert np.mean(stored != SCRIPT.images(simulation)) < 1e-3
    for field in ("width_px", "height_px", "bit_depth", "exposure_s", "pixel_size_um", "offset_adu"):
        assert getattr(camera, field) == getattr(simulation.camera, field), field
    assert camera.frame_rate_hz == pytest.approx(simulation.camera.frame_rate_hz, rel=1e-6)
    truth = load_truth(FOLDER / f"{name}.truth.npz")
    np.testing.assert_allclose(truth.particles.diameter_nm, simulation.truth.particles.diameter_nm)
    np.testing.assert_allclose(truth.spots.x_px, simulation.truth.spots.x_px, atol=1e-6)
    assert SCRIPT.truth_toml(truth, recording) == (FOLDER / f"{name}.truth.toml").read_text(encoding="utf-8")


@pytest.mark.parametrize(("name", "recording"), SCRIPT.RECORDINGS.items())
def test_the_analysis_gives_the_truth(name, recording):
    truth = tomllib.loads((FOLDER / f"{name}.truth.toml").read_text(encoding="utf-8"))
    seen = truth["detectable_in_view"]
    with nta.open(FOLDER / recording) as source:
        analysis = nta.analyze(source, known_conditions(source.metadata))
        n_frames = source.report.found_frames
    numbers = analysis.sizes.summary
    # the 95 % intervals of three percentiles, widened by a half: a second or two is a small sample
    for percentile in ("d10", "d50", "d90"):
        number = numbers[f"{percentile}_nm"]
        slack = 0.25 * (number.high - number.low)
        assert number.low - slack <= seen[f"{percentile}_nm"] <= number.high + slack, percentile
    per_frame = np.bincount(analysis.tracks.frame).mean()
    detectable = load_truth(FOLDER / f"{name}.truth.npz").detectable()
    assert per_frame == pytest.approx(detectable.n_frames.sum() / n_frames, rel=0.5)
