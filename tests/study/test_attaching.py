"""What was analysed for a study is used again for as long as nothing changed that the result depends on."""

import shutil
from dataclasses import replace

import numpy as np
import pytest

from nta.batch import Job
from nta.batch.recording import Request
from nta.calibration.folder import calibration_folder
from nta.errors import SettingError
from nta.settings import AnalysisSettings
from nta.simulation import load_scenario, simulate
from nta.study.assessing import assess_study
from nta.study.attaching import attach
from nta.study.reading import read_study

SIDECAR = "pixel_size_um = {pixel}\nframe_rate_hz = 30\nexposure_ms = 15\ntemperature_c = 25\n"
SETTINGS = "[sizing]\nmethod = 'histogram'\nrepeats = 0\nmin_tracks = 5\n[visibility]\nframes = 0\n"
STUDY = """
title = "again"
[instrument]
name = "simulated"
[sample.one]
source = "simulation"
[[preparation]]
name = "one"
arm = "test"
sample = "one"
dilution = 200
recordings = ["v.tif"]
"""


@pytest.fixture(scope="module")
def film(tmp_path_factory):
    """A film that says nothing of itself."""
    import tifffile

    scene = load_scenario("polystyrene_100nm")
    small = replace(scene, n_frames=40, camera=replace(scene.camera, width_px=128, height_px=128))
    path = tmp_path_factory.mktemp("film") / "v.tif"
    tifffile.imwrite(path, np.stack([frame.image for frame in simulate(small).frames()]))
    return path


@pytest.fixture
def attached(film, tmp_path):
    """Return what a study says of the film, and the pixel size it was analysed with; called again, again."""
    shutil.copy(film, tmp_path)
    (tmp_path / "v.toml").write_text(SIDECAR.format(pixel=0.25))
    (tmp_path / "analysis.toml").write_text(SETTINGS)
    (tmp_path / "study.toml").write_text(STUDY)

    def again():
        study, said = read_study(tmp_path / "study.toml"), []
        settings = AnalysisSettings.from_toml(tmp_path / "analysis.toml")
        (found,) = attach(study.preparations[0], study, settings, tmp_path / "kept", said.append)
        return said, found.facts["pixel_size_um"]

    return again


def test_a_recording_is_analysed_once(attached):
    assert attached() == (["v.tif: analysing"], 0.25)
    assert attached() == (["v.tif: analysed before"], 0.25)


def test_two_analyses_of_one_recording_are_refused(attached, tmp_path):
    attached()
    study = tmp_path / "study.toml"
    study.write_text(STUDY.replace('["v.tif"]', '["v.tif", "again"]'))
    (kept,) = (tmp_path / "kept").iterdir()
    shutil.copytree(kept, tmp_path / "again")
    with pytest.raises(SettingError, match=r"v\.tif and .*results\.h5, which are of one recording"):
        assess_study(read_study(study), tmp_path / "kept", say=lambda words: None)


def test_another_side_car_is_another_analysis(attached, tmp_path):
    attached()
    (tmp_path / "v.toml").write_text(SIDECAR.format(pixel=0.5))
    assert attached() == (["v.tif: analysing"], 0.5)


def test_another_medium_is_another_analysis(attached, tmp_path, monkeypatch):
    attached()
    copy = shutil.copytree(calibration_folder(), tmp_path / "calibration")
    monkeypatch.setenv("NTA_CALIBRATION", str(copy))
    assert attached()[0] == ["v.tif: analysed before"]  # where it lies does not matter, only what it says
    medium = sorted((copy / "media").glob("*.toml"))[0]
    medium.write_text(medium.read_text() + "\n# measured again\n")
    assert attached()[0] == ["v.tif: analysing"]


def test_another_version_is_another_analysis(attached, monkeypatch):
    attached()
    monkeypatch.setattr("nta.measurements.key.own_version", lambda: "99.0")
    assert attached()[0] == ["v.tif: analysing"]


def test_a_batch_knows_a_recording_by_the_same_key(tmp_path):
    (tmp_path / "v.tif").write_bytes(b"")
    job = Job(name="v", recording=tmp_path / "v.tif", folder=tmp_path / "r", request=Request())
    keys = {job.key("0"), job.key("1")}
    (tmp_path / "v.toml").write_text(SIDECAR.format(pixel=0.25))
    keys |= {job.key("0")}
    threads = replace(AnalysisSettings().detection, threads=7)
    quick = replace(job, request=Request(settings=replace(AnalysisSettings(), detection=threads)))
    assert quick.key("0") in keys  # threads do not change the result
    assert len(keys) == 3
