"""What was analysed for a study is used again for as long as nothing changed that the result depends on."""

import shutil
from dataclasses import replace

import numpy as np
import pytest
import tifffile

from made.analysis import make_analysis
from made.twins import nanosight_summary
from nta.assessment import Finding, Verdict
from nta.assessment.controls import with_findings
from nta.batch import Job
from nta.calibration.folder import calibration_folder
from nta.cli import main
from nta.errors import SettingError
from nta.io.results import save_analysis
from nta.io.vendors import read_vendor
from nta.one_recording import Request
from nta.settings import AnalysisSettings
from nta.simulation import load_scenario, simulate
from nta.study.assessing import assess_study
from nta.study.attaching import attach
from nta.study.checklist import checklist
from nta.study.reading import read_study
from nta.study.study_files import read_study_files

QUICK = '[analysis]\nsettings = "analysis.toml"\n'  # of a study beside such a file
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
    (tmp_path / "study.toml").write_text(STUDY + QUICK)

    def again():
        study, said = read_study(tmp_path / "study.toml"), []
        (found,) = attach(
            study.preparations[0], study, read_study_files(study), tmp_path / "kept", said.append
        )
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
        assess_study(read_study(study), tmp_path / "kept", tell=lambda words: None)


def test_an_analysis_that_cannot_be_read_is_made_again(attached, tmp_path):
    attached()
    (kept,) = (tmp_path / "kept").glob("*/results.h5")
    kept.write_bytes(kept.read_bytes()[:5000])
    (said,), pixel_size_um = attached()
    assert said.startswith("v.tif: analysing again, what was kept cannot be read")
    assert pixel_size_um == 0.25
    assert attached()[0] == ["v.tif: analysed before"]


@pytest.mark.parametrize(
    ("stated", "words"),
    [
        ("temperature_c = 37", "made with temperature_c = 25, stated is 37"),
        ('medium = "sucrose 10 %"', "made in water, stated is medium = sucrose 10 %"),
        ("dilution = 5", "made with dilution = 200, stated is 5"),
        ("[instrument]\npixel_size_um = 0.5", "made with pixel_size_um = 0.25, stated is 0.5"),
    ],
)
def test_results_that_contradict_the_study_are_refused(attached, tmp_path, capsys, stated, words):
    """Their sizes and amounts stay those of their own analysis, whatever is printed beside them."""
    attached()
    (kept,) = (tmp_path / "kept").iterdir()
    shutil.copytree(kept, tmp_path / "lot 7" / "analysis")
    attach_it = STUDY.replace('["v.tif"]', '["lot 7/analysis"]').replace(
        '[instrument]\nname = "simulated"\n', ""
    )
    agreeing = 'temperature_c = 25.2\nmedium = "Water"\n'
    (tmp_path / "study.toml").write_text(attach_it + agreeing)
    assert main(["study", "check", str(tmp_path)]) == 0
    study = read_study(tmp_path / "study.toml")
    outcome = assess_study(study, tmp_path / "kept", tell=print)
    assert outcome.material.dilutions(study.preparations[0]) == (200.0,)
    assert outcome.material.attached["one"][0].video.name == "lot 7"
    without = attach_it.replace("dilution = 200\n", "")
    head, body = (stated, "") if stated.startswith("[") else ("", stated)
    (tmp_path / "study.toml").write_text(f"{without}{body}\n{head}\n")
    with pytest.raises(SettingError, match=words):
        assess_study(read_study(tmp_path / "study.toml"), tmp_path / "kept", tell=print)
    assert main(["study", "check", str(tmp_path)]) == 1
    assert words in capsys.readouterr().err
    (tmp_path / "study.toml").write_text(without)
    study = read_study(tmp_path / "study.toml")
    outcome = assess_study(study, tmp_path / "kept", tell=print)  # what nobody states is what the results say
    assert outcome.material.dilutions(study.preparations[0]) == (200.0,)


@pytest.mark.parametrize(
    ("recorded", "stated", "words"),
    [
        (10000, "dilution = 200", "made with dilution = 10000, stated is 200"),
        (
            "Not recorded",
            'medium = "sucrose 10 %"',
            "made with 0.889 mPa s, the stated medium sucrose 10 % has",
        ),
    ],
)
def test_exports_that_contradict_the_study_are_refused(tmp_path, recorded, stated, words):
    export = nanosight_summary(tmp_path, dilution=recorded)
    text = STUDY.replace("v.tif", export.name).replace("dilution = 200\n", "")
    (tmp_path / "study.toml").write_text(text + stated)
    with pytest.raises(SettingError, match=words):
        assess_study(read_study(tmp_path / "study.toml"), tmp_path / "kept", tell=print)


def test_a_stated_dilution_is_applied_where_an_export_records_none(tmp_path):
    export = nanosight_summary(tmp_path)
    per_ml = read_vendor(export).runs[0].concentration_per_ml
    (tmp_path / "study.toml").write_text(STUDY.replace("v.tif", export.name))
    material = assess_study(read_study(tmp_path / "study.toml"), tmp_path / "kept", tell=print).material
    (item,) = material.attached["one"]
    assert item.per_ml == pytest.approx(200 * per_ml)
    assert material.dilutions(material.study.preparations[0]) == (200.0,)


def test_videos_of_one_name_are_told_apart(attached, tmp_path):
    attached()
    film = tmp_path / "v.tif"
    for day, frames in (("monday", 40), ("friday", 39)):
        path = tmp_path / day / "v.tif"
        path.parent.mkdir()
        tifffile.imwrite(path, tifffile.imread(film)[:frames])
        shutil.copy(tmp_path / "v.toml", path.parent)
    study = tmp_path / "study.toml"
    study.write_text(STUDY.replace('["v.tif"]', '["monday/v.tif", "friday/v.tif"]'))
    outcome = assess_study(read_study(study), tmp_path / "kept", tell=print)
    assert [a.video.name for a in outcome.material.attached["one"]] == ["monday/v.tif", "friday/v.tif"]
    items = {item.name: item.value for item in checklist(outcome).items}
    assert items["frames per video"] == {"monday/v.tif": 40, "friday/v.tif": 39}
    assert len(items["checksum of the raw files"]) == 2


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


def test_a_folder_of_images_is_a_recording(film, tmp_path):
    folder = tmp_path / "images"
    folder.mkdir()
    for i, image in enumerate(tifffile.imread(film)):
        tifffile.imwrite(folder / f"f_{i:03}.tif", image)
    (folder / "recording.toml").write_text(SIDECAR.format(pixel=0.25))
    (tmp_path / "analysis.toml").write_text(SETTINGS)
    (tmp_path / "study.toml").write_text(STUDY.replace("v.tif", "images") + QUICK)
    study = read_study(tmp_path / "study.toml")
    (found,) = attach(study.preparations[0], study, read_study_files(study), tmp_path / "kept", print)
    assert found.facts["pixel_size_um"] == 0.25


def test_a_video_that_its_report_fails_is_known_as_such(tmp_path, rng):
    """Few tracks are no reason: the gates ask for those of an arm."""
    analysis = make_analysis(rng, n_tracks=40, n_frames=60)
    drift = Finding(name="drift", title="Drift", verdict=Verdict.FAIL, evidence="it drifts")
    assert analysis.assessment.failed == ["Number of tracks"]
    failing = replace(analysis, assessment=with_findings(analysis.assessment, [drift]))
    save_analysis(failing, tmp_path / "v.h5")
    (tmp_path / "study.toml").write_text(STUDY.replace("v.tif", "v.h5"))
    study = read_study(tmp_path / "study.toml")
    (found,) = attach(study.preparations[0], study, read_study_files(study), tmp_path / "kept", print)
    assert found.video.failed == ("Drift",)
