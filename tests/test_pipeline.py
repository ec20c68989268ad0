"""The whole way in one stream: chunks through detection into linking give what the rooms give one after the other."""

import tracemalloc
from dataclasses import replace

import numpy as np
import pytest

from nta.assessment import AssessmentSettings
from nta.calibration import SampleConditions, load_profile
from nta.circumstances import known_conditions
from nta.cli import main
from nta.errors import RecordingError, SettingError
from nta.frames import Frame
from nta.io.results import RESULTS_FILE, load_analysis
from nta.one_recording import Request, analyze_file
from nta.pipeline import analyze, find_tracks
from nta.provenance import Provenance
from nta.settings import AnalysisSettings
from nta.simulation import load_scenario, scenario_to_toml, simulate
from nta.sizes import SizingSettings
from nta.spots import DetectionSettings, SpotDetector, detect_spots
from nta.tracks import link_spots


@pytest.fixture(scope="module")
def beads():
    simulation = simulate("polystyrene_100nm", seed=4, n_frames=150)
    return simulation.camera, list(simulation.frames())


@pytest.mark.parametrize("threads", [1, 2])
def test_streaming_gives_the_tracks_of_room_after_room(beads, threads):
    camera, frames = beads
    settings = AnalysisSettings(detection=DetectionSettings(threads=threads))
    seen = []
    with SpotDetector(settings.detection, camera) as detector:
        spots, tracks = find_tracks(iter(frames), settings, detector=detector, progress=seen.append)
    whole = link_spots(detect_spots(frames, DetectionSettings(threads=1), camera=camera))
    assert seen[-1] == 150
    for name, values in tracks.as_dict().items():
        np.testing.assert_array_equal(values, getattr(whole, name), err_msg=name)
    np.testing.assert_array_equal(tracks.scene.frame_index, np.arange(150))
    assert spots.scene.n_frames == 150
    assert tracks.n_tracks > 20


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"source": "video.avi"}, r"source must be FrameSource, got str; open one with nta\.open"),
        ({"source": np.zeros((9, 9))}, r"got ndarray; .* nta\.from_frames\(images\)"),
        ({"conditions": 25.0}, r"conditions must be SampleConditions, got float; give nta\.SampleConditions"),
        ({"profile": 7}, r"profile must be InstrumentProfile, got int; give its name"),
        ({"profile": "nobodys"}, r"no 'nobodys' in .*; there are .*simulated"),
        ({"settings": {}}, r"settings must be AnalysisSettings, got dict; make them with .*from_mapping"),
    ],
)
def test_what_is_of_another_kind_is_refused_before_the_work(given, words):
    source = simulate("polystyrene_100nm", seed=4, n_frames=2)
    with pytest.raises(SettingError, match=words):
        analyze(**{"source": source, "conditions": SampleConditions(temperature_c=25.0), **given})


def test_a_profile_may_be_named():
    recording = simulate("polystyrene_100nm", seed=4, n_frames=20)
    conditions = SampleConditions(temperature_c=25.0)
    assert analyze(recording, conditions, "simulated").profile == load_profile("simulated")


def test_memory_is_that_of_the_tables(beads):
    """Six times the frames: beyond the tables, nothing is kept (a frame kept would be 0.6 MB)."""
    camera, frames = beads

    def peak(repeats):
        stream = (
            Frame(frame.image.copy(), 150 * lap + frame.index, (150 * lap + frame.index) / 30)
            for lap in range(repeats)
            for frame in frames
        )
        tracemalloc.start()
        spots, tracks = find_tracks(stream, AnalysisSettings(), detector=SpotDetector(camera=camera))
        most = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return most, sum(column.nbytes for table in (spots, tracks) for column in table.as_dict().values())

    peak(1)  # compiles
    (short, small), (long, large) = peak(1), peak(6)
    assert long - short < 2 * (large - small) + 2_000_000


def test_an_empty_recording_says_so(beads):
    with pytest.raises(RecordingError, match="no frames"):
        find_tracks(iter([]), AnalysisSettings(), detector=SpotDetector(camera=beads[0]))


@pytest.fixture(scope="module")
def small_scene():
    scene = load_scenario("polystyrene_100nm")
    return replace(
        scene,
        n_frames=150,
        seed=6,
        camera=replace(scene.camera, width_px=320, height_px=240),
        sample=replace(scene.sample, number_in_view=12.0),
    )


def test_trackpy_is_a_second_opinion_on_the_whole_chain(small_scene):
    """100 nm beads by trackpy's detection and linking through the same types: the same size, the same light."""
    pytest.importorskip("trackpy")
    default = AnalysisSettings(sizing=SizingSettings(repeats=50))
    second = replace(
        default,
        detection=replace(default.detection, engine="trackpy"),
        linking=replace(default.linking, engine="trackpy"),
    )
    simulation = simulate(small_scene)
    conditions = known_conditions(simulation.metadata)
    ours, theirs = (analyze(simulation, conditions, settings=chosen) for chosen in (default, second))
    assert len(theirs.spots) > 0.6 * len(ours.spots)
    assert theirs.tracks.linking.links_cut == 0
    assert theirs.sizes.summary["d50_nm"].value == pytest.approx(100, rel=0.12)
    assert ours.sizes.summary["d50_nm"].value == pytest.approx(100, rel=0.08)
    light = [np.median(a.spots.intensity[a.spots.snr > 20]) for a in (ours, theirs)]
    assert light[1] == pytest.approx(light[0], rel=0.15)


@pytest.mark.usefixtures("pictures_unwritten")
def test_the_command_line_takes_the_engine(small_scene, tmp_path, capsys):
    pytest.importorskip("trackpy")
    scene = tmp_path / "scene.toml"
    scene.write_text(scenario_to_toml(replace(small_scene, n_frames=60)))
    recording = tmp_path / "scene.h5"
    assert main(["simulate", str(scene), "-o", str(recording), "--quiet"]) == 0
    out = tmp_path / "out"
    assert main(["analyze", str(recording), "-o", str(out), "--engine", "trackpy", "--quiet"]) == 0
    analysis = load_analysis(out / RESULTS_FILE)
    assert analysis.settings.detection.engine == "trackpy"
    assert analysis.settings.linking.engine == "trackpy"
    assert analysis.tracks.n_tracks > 5


def test_what_is_asked_wrongly_is_refused_before_the_frames_are_read(small_scene, monkeypatch):
    simulation = simulate(small_scene)
    monkeypatch.setattr(simulation, "frames", lambda: pytest.fail("frames were read"))
    settings = AnalysisSettings(assessment=AssessmentSettings(limits="nonesuch"))
    with pytest.raises(SettingError, match="nonesuch"):
        analyze(simulation, known_conditions(simulation.metadata), settings=settings)


def test_a_missing_blank_is_refused_before_the_recording_is_opened(tmp_path):
    with pytest.raises(RecordingError, match=r"the_blank: no such file"):
        analyze_file(tmp_path / "the_recording.h5", Request(blank=tmp_path / "the_blank"))


def test_a_liquid_of_unknown_refractive_index_costs_the_concentration_only(small_scene):
    simulation = simulate(replace(small_scene, n_frames=60))
    conditions = SampleConditions(temperature_c=25.0, medium="my gel", viscosity_mpas=1.2)
    analysis = analyze(simulation, conditions, load_profile("simulated"))
    assert len(analysis.spots) > 100
    assert analysis.visibility.concentration.in_cell_per_ml.value is None
    assert "my gel" in analysis.visibility.notes[0]


def test_the_report_knows_who_said_what(small_scene, monkeypatch):
    simulation = simulate(replace(small_scene, n_frames=60))
    camera = replace(simulation.camera, gain_e_per_adu=None)
    monkeypatch.setattr(type(simulation), "camera", camera)
    conditions = known_conditions(simulation.metadata, temperature_c=21.0, dilution=50.0)
    sources = analyze(simulation, conditions, load_profile("simulated")).provenance.sources
    assert sources == {"temperature_c": "user", "dilution": "user", "gain_e_per_adu": "profile"}


def test_analyses_within_a_second_have_dates_of_their_own():
    """The catalogue knows an analysis by it: two batches at once are two."""
    assert len({Provenance(recording="v.avi").date for _ in range(5)}) > 1


def test_a_side_car_stands_before_the_thermometer_and_that_before_the_header():
    log = {"temperature_c": 30.0, "temperature_log_c": [25.0, float("nan"), 26.0]}
    assert known_conditions(log).temperature_c == 25.5
    assert known_conditions(log | {"sources": {"temperature_c": "recording"}}).temperature_c == 25.5
    assert known_conditions(log | {"sources": {"temperature_c": "side-car"}}).temperature_c == 30.0
    assert known_conditions(log, temperature_c=21.0).temperature_c == 21.0
    with pytest.raises(SettingError, match="there is no condition 'temperature'; there are temperature_c"):
        known_conditions(log, temperature=21.0)
    with pytest.raises(SettingError, match=r"metadata must be Mapping, got str; .*recording\.metadata"):
        known_conditions("video.avi")


def test_what_the_recording_says_of_the_sample_is_taken_where_nobody_says_more(small_scene):
    scene = replace(
        small_scene, n_frames=30, sample=replace(small_scene.sample, temperature_c=31.0, medium="pbs")
    )
    analysis = analyze(simulate(scene))
    assert (analysis.conditions.temperature_c, analysis.conditions.medium) == (31.0, "pbs")


@pytest.mark.usefixtures("pictures_unwritten")
def test_a_file_that_was_cut_off_is_a_warning(small_scene, tmp_path, capsys):
    scene = tmp_path / "scene.toml"
    scene.write_text(scenario_to_toml(replace(small_scene, n_frames=150)))
    recording = tmp_path / "scene.h5"
    assert main(["simulate", str(scene), "-o", str(recording), "--quiet"]) == 0
    stack = tmp_path / "scene.ome.tif"
    assert main(["export", str(recording), "--to", "ome-tiff", "-o", str(stack), "--quiet"]) == 0
    data = stack.read_bytes()
    stack.write_bytes(data[: int(0.7 * len(data))])
    capsys.readouterr()
    words = ["--pixel-size-um", "0.25", "--frame-rate", "30", "--exposure-ms", "15", "--temperature", "25"]
    assert main(["analyze", str(stack), "-o", str(tmp_path / "out"), *words]) == 0
    assert "WARN  Lost frames" in capsys.readouterr().out
