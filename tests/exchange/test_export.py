"""What is exported is read by those it is for: pyarrow, pandas, trackpy, tifffile, and our own readers."""

import json
from pathlib import Path

import numpy as np
import pytest

from made.analysis import make_analysis
from nta.cli import main
from nta.io.recordings import open_recording
from nta.io.results import save_analysis
from nta.io.results.exchange import trackpy_frame
from nta.io.tracks import read_tracks

SAMPLES = Path(__file__).parents[2] / "sample_data"


@pytest.fixture(scope="module")
def analysis():
    return make_analysis(np.random.default_rng(7), n_tracks=200, n_frames=100)


@pytest.fixture(scope="module")
def folder(analysis, tmp_path_factory):
    path = tmp_path_factory.mktemp("run")
    save_analysis(analysis, path / "results.h5")
    return path


def test_parquet_is_read_by_pyarrow_with_all_digits(folder, analysis, tmp_path):
    from pyarrow import parquet

    assert main(["export", str(folder), "--to", "parquet", "-o", str(tmp_path), "-q"]) == 0
    tracks = parquet.read_table(tmp_path / "tracks.parquet")
    np.testing.assert_array_equal(tracks["diameter_nm"].to_numpy(), analysis.sizes.tracks.diameter_nm)
    about = json.loads(tracks.schema.metadata[b"nta"])
    assert about["size"]["numbers"]["d50_nm"]["value"] == analysis.sizes.summary["d50_nm"].value
    curves = parquet.read_table(tmp_path / "distribution.parquet")
    first = curves["describes"].to_pylist()[0]
    assert first == analysis.sizes.distribution.describes  # without the quotes of the text file
    assert parquet.read_table(tmp_path / "spots.parquet").num_rows == len(analysis.spots)


def test_csv_tables_are_the_ones_of_an_analysis(folder, tmp_path):
    assert main(["export", str(folder), "--to", "csv", "-o", str(tmp_path), "-q"]) == 0
    assert {p.name for p in tmp_path.iterdir()} == {
        "tracks.csv",
        "spots.csv",
        "distribution.csv",
        "summary.json",
    }


@pytest.mark.filterwarnings("ignore::FutureWarning", "ignore::DeprecationWarning")
def test_trackpy_reads_displacements_and_intervals_as_they_are(analysis):
    import trackpy

    camera, tracks = analysis.camera, analysis.tracks
    found = trackpy.imsd(
        trackpy_frame(analysis, drift=False), camera.pixel_size_um, camera.frame_rate_hz, max_lagtime=1
    )
    assert found.index[0] == pytest.approx(1 / camera.frame_rate_hz)
    for track in np.flatnonzero(np.bincount(tracks.track) > 20)[:5]:
        mine = tracks.track == track
        step = np.hypot(np.diff(tracks.y_px[mine]), np.diff(tracks.x_px[mine])) * camera.pixel_size_um
        assert found[track].iloc[0] == pytest.approx(np.mean(step**2), rel=1e-9)


@pytest.mark.parametrize(("form", "name"), [("trackmate", "t.xml"), ("isbi", "t.xml"), ("trackpy", "t.csv")])
@pytest.mark.parametrize("subtracted", [False, True])
def test_tracks_come_back(folder, analysis, tmp_path, form, name, subtracted):
    target = tmp_path / name
    words = ["export", str(folder), "--to", form, "-o", str(target), "-q"]
    assert main(words + ["--drift-subtracted"] * subtracted) == 0
    again = read_tracks(target)
    y, x = (analysis.tracks.y_px, analysis.tracks.x_px) if subtracted else analysis.tracks.in_image()
    assert again.n_tracks == analysis.tracks.n_tracks
    assert again.frame.tolist() == analysis.tracks.frame.tolist()
    assert again.y_px == pytest.approx(y, rel=1e-5, abs=1e-4)
    assert again.x_px == pytest.approx(x, rel=1e-5, abs=1e-4)


def test_a_recording_becomes_an_ome_tiff_that_tifffile_reads(tmp_path):
    import tifffile

    film, target = tmp_path / "film.h5", tmp_path / "film.ome.tif"
    assert main(["simulate", "polystyrene_100nm", "--frames", "5", "-o", str(film), "-q"]) == 0
    assert main(["export", str(film), "--to", "ome-tiff", "-o", str(target), "-q"]) == 0
    with open_recording(film) as source:
        frames = np.stack([frame.image for frame in source.frames()])
        pixel_size_um = source.camera.pixel_size_um
    with tifffile.TiffFile(target) as tiff:
        assert tiff.is_ome
        assert tiff.series[0].axes == "TYX"
        np.testing.assert_array_equal(tiff.asarray(), frames)
        pixels = tifffile.xml2dict(tiff.ome_metadata)["OME"]["Image"]["Pixels"]
    assert pixels["PhysicalSizeX"] == pytest.approx(pixel_size_um)


@pytest.mark.parametrize(("form", "name"), [("hdf5", "copy.h5"), ("ome-tiff", "copy.ome.tif")])
def test_a_recording_that_was_cut_off_stays_so(tmp_path, capsys, form, name):
    film = tmp_path / "film.avi"
    whole = (SAMPLES / "ev_lognormal.avi").read_bytes()
    film.write_bytes(whole[: len(whole) // 2])
    assert main(["export", str(film), "--to", form, "-o", str(tmp_path / name)]) == 0
    assert "the recording was cut off; " in capsys.readouterr().err
    with open_recording(film) as source, open_recording(tmp_path / name) as copy:
        counts = [sum(1 for _ in recording.frames()) for recording in (source, copy)]
        assert counts[0] == counts[1] < source.report.claimed_frames == copy.report.claimed_frames
        assert copy.report.truncated


def test_nothing_is_overwritten_and_names_are_checked(folder, tmp_path, capsys):
    target = tmp_path / "t.xml"
    words = ["export", str(folder), "--to", "isbi", "-o"]
    assert main([*words, str(target)]) == 0
    assert main([*words, str(target)]) == 1
    assert "--force" in capsys.readouterr().err
    assert main([*words, str(target), "--force"]) == 0
    assert main([*words, str(tmp_path / "t.csv")]) == 1
    assert "must end in .xml" in capsys.readouterr().err
