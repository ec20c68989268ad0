"""`nta import`: files of other programs become ours."""

import json
from pathlib import Path

import numpy as np
import pytest

from made.twins import PIXEL_UM, RATE_HZ, nanosight_tables, videodrop_result
from nta.cli import import_results, main
from nta.errors import SettingError
from nta.io.tracks import TrackFileError, TrackMateScale, write_trackmate
from nta.io.vendors import VendorFileError, read_vendor
from nta.measurements import open_measurements
from nta.qc import check

VIEWSIZER = Path(__file__).parent / "viewsizer_150nm"


def test_each_file_gets_its_folder_and_a_bad_one_does_not_stop_the_rest(tmp_path, capsys):
    bad = tmp_path / "notes.txt"
    bad.write_text("nothing", encoding="utf-8")
    drop = videodrop_result(tmp_path)
    assert (
        main(["import", str(drop), str(bad), str(VIEWSIZER), "-o", str(tmp_path / "out"), "--dilution", "1"])
        == 1
    )
    said = capsys.readouterr()
    assert "notes.txt" in said.err
    assert "not in the file: particles whose quality is above 0.4" in said.out
    result = json.loads((tmp_path / "out" / "phages-Results" / "result.json").read_text(encoding="utf-8"))
    run = result["runs"][0]
    assert run["printed"]["d50_nm"] == 98.1
    assert run["concentration_in_sample_per_ml"] == 1.2e9
    assert result["hidden"]
    table = np.genfromtxt(
        tmp_path / "out" / "viewsizer_150nm" / "distribution.csv", delimiter=",", names=True
    )
    assert table["particles_per_ml"].sum() == pytest.approx(1177 / (15 * 2.3e-6), rel=1e-6)
    assert table["share"].sum() == pytest.approx(1)


def test_tracks_with_positions_are_sized_again(tmp_path, rng, capsys):
    nanosight_tables(tmp_path, rng, n_tracks=150)
    words = [
        "import",
        str(tmp_path / "video_AllTracks.csv"),
        "--frame-rate",
        str(RATE_HZ),
        "--temperature",
        "25",
    ]
    assert main([*words, "-o", str(tmp_path / "a")]) == 0
    assert "give --pixel-size-um" in capsys.readouterr().out
    assert not (tmp_path / "a" / "sizes.json").exists()
    assert (
        main([*words, "-o", str(tmp_path / "b"), "--pixel-size-um", str(PIXEL_UM), "--exposure-ms", "1"]) == 0
    )
    sizes = json.loads((tmp_path / "b" / "sizes.json").read_text(encoding="utf-8"))
    assert "Exposure" not in capsys.readouterr().out
    assert sizes["findings"] == []
    assert sizes["numbers"]["d50_nm"]["low"] < 100 < sizes["numbers"]["d50_nm"]["high"]
    assert sizes["made_from"] == "the positions of 150 tracks"
    again = np.genfromtxt(tmp_path / "b" / "tracks.csv", delimiter=",", names=True)
    assert np.unique(again["track"]).size == 150


def test_the_calibration_of_the_file_is_taken_and_not_contradicted(tmp_path, rng, capsys):
    nanosight_tables(tmp_path, rng, n_tracks=150)
    tracks = read_vendor(tmp_path / "video_AllTracks.csv").runs[0].tracks
    scale = TrackMateScale(pixel_size_um=PIXEL_UM, frame_interval_s=1 / RATE_HZ)
    file = str(write_trackmate(tracks, tmp_path / "tracks.xml", scale))
    words = ["import", file, "--temperature", "25", "-o"]
    assert main([*words, str(tmp_path / "a")]) == 0
    assert "WARN  Exposure: nobody said the exposure" in capsys.readouterr().out
    sizes = json.loads((tmp_path / "a" / "sizes.json").read_text(encoding="utf-8"))
    assert sizes["numbers"]["d50_nm"]["low"] < 100 < sizes["numbers"]["d50_nm"]["high"]
    assert main([*words, str(tmp_path / "b"), "--pixel-size-um", str(2 * PIXEL_UM)]) == 1
    assert "contradicts the file, which records" in capsys.readouterr().err
    assert not (tmp_path / "b").exists()


def test_two_files_of_one_name_get_two_folders_and_a_fault_does_not_stop_the_rest(
    tmp_path, monkeypatch, capsys
):
    paths = []
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        paths.append(str(videodrop_result(tmp_path / name)))
    out = tmp_path / "out"
    assert main(["import", *paths, "-o", str(out), "--force"]) == 0
    assert sorted(path.name for path in out.iterdir()) == ["phages-Results", "phages-Results_2"]
    read = import_results.read_foreign
    monkeypatch.setattr(
        import_results,
        "read_foreign",
        lambda path, size: {}["gone"] if str(path) == paths[0] else read(path, size),
    )
    assert main(["import", *paths, "-o", str(tmp_path / "again")]) == 1
    assert f"{paths[0]}: unexpected KeyError: 'gone'" in capsys.readouterr().err
    assert (tmp_path / "again" / "phages-Results_2" / "result.json").is_file()


@pytest.mark.real
def test_positions_and_zeta_potentials_of_a_zetaview_come_along(tmp_path, real_data, capsys):
    stem = "20250219_0004_EV_ip_p1_F7-1000_size_488"
    assert main(["import", str(real_data / "zetaview" / f"{stem}.txt"), "-o", str(tmp_path / "a"), "-q"]) == 0
    assert main(["import", str(real_data / "zetaview" / f"{stem}_11pos.txt"), "-o", str(tmp_path / "b")]) == 0
    assert "11 positions" in capsys.readouterr().out
    beside, alone = ((tmp_path / name / "positions.csv").read_text(encoding="utf-8") for name in "ab")
    assert beside == alone
    table = np.genfromtxt(tmp_path / "a" / "positions.csv", delimiter=",", names=True, usecols=range(7))
    assert table["n_tracks"].sum() >= 306
    zeta = real_data / "zetaview" / "20250219_0006_EV_ip_p1_F7-1000_prof_488.txt"
    assert main(["import", str(zeta), "-o", str(tmp_path / "z"), "-q"]) == 0
    found = json.loads((tmp_path / "z" / "zeta_potential.json").read_text(encoding="utf-8"))
    assert found["zeta_potential_mv"] == -22.210896
    assert len(found["profile"]) == 11


@pytest.fixture
def sized(tmp_path, rng):
    """Tracks of another program, and the folder that nta import made of them."""
    nanosight_tables(tmp_path, rng, n_tracks=150)
    table = read_vendor(tmp_path / "video_AllTracks.csv").runs[0].tracks
    path = write_trackmate(
        table, tmp_path / "tracks.xml", TrackMateScale(pixel_size_um=PIXEL_UM, frame_interval_s=1 / RATE_HZ)
    )
    assert (
        main(["import", str(path), "-o", str(tmp_path / "imported"), "--temperature", "25", "--quiet"]) == 0
    )
    return path, tmp_path / "imported"


def test_tracks_that_were_sized_are_a_result_like_any_other(sized, tmp_path, capsys):
    _, folder = sized
    said = json.loads((folder / "sizes.json").read_text(encoding="utf-8"))
    (found,) = open_measurements(folder)
    assert found.number("d50_nm").as_dict() == said["numbers"]["d50_nm"]
    assert found.statistical("d50_nm").low > found.number("d50_nm").low
    assert found.number("d49.9999_nm").value == pytest.approx(found.number("d50_nm").value, rel=1e-3)
    assert found.number("d05_nm").low is None
    low, high = found.number("d10_nm").value, found.number("d90_nm").value
    assert found.share(low, high).value == pytest.approx(0.8, abs=0.01)
    assert found.distribution().weight.sum() == pytest.approx(1, abs=1e-4)
    assert (found.n_tracks, found.temperature_c) == (said["tracks_used"], 25.0)
    assert "tracks of TrackMate" in found.program
    spec = tmp_path / "spec.toml"
    spec.write_text("[size]\nd50_nm = { at_least = 60, at_most = 160 }\n")
    assert main(["check", str(folder), "--spec", str(spec)]) == 0
    page = tmp_path / "page.html"
    assert main(["compare", str(folder), str(VIEWSIZER), "-o", str(page)]) == 0
    assert said["findings"][0]["name"] == "exposure"
    assert "TrackMate" in page.read_text(encoding="utf-8")
    assert "nobody said the exposure" in page.read_text(encoding="utf-8")
    with pytest.raises(SettingError, match="results of one recording"):
        check([folder, folder / "sizes.json"], {"replicates": {"at_least": 2}})


def test_tracks_without_sizes_are_told_how_to_get_some(sized):
    path, folder = sized
    with pytest.raises(
        SettingError, match=r"tracks of TrackMate .* and no sizes; make them with nta import tracks\.xml"
    ):
        open_measurements(path)
    (folder / "sizes.json").unlink()
    with pytest.raises(SettingError, match="tracks that were not sized; import them again"):
        open_measurements(folder)


def test_who_knows_the_file_says_what_is_wrong_with_it(sized):
    path, _ = sized
    path.write_bytes(path.read_bytes()[:2000])
    with pytest.raises(TrackFileError, match=r"^(?!.*no size export).*not whole XML"):
        open_measurements(path)
    table = path.with_name("linked.csv")
    table.write_text("particle,frame,y,x\n0,0,1.5,here\n", encoding="utf-8")
    with pytest.raises(TrackFileError, match=r"^(?!.*no size export).*x is 'here' in row 2, not a number"):
        open_measurements(table)
    table.write_text("nothing of the kind", encoding="utf-8")
    with pytest.raises(VendorFileError, match=r"no size export.*and .*no table of tracks"):
        open_measurements(table)


def test_what_is_in_the_way_is_said_before_the_work_with_what_to_do(sized, tmp_path, capsys):
    path, folder = sized
    assert main(["import", str(path), "-o", str(folder)]) == 1
    told = f"{folder} is not empty; choose another folder with -o, or replace what is in it with --force"
    assert told in capsys.readouterr().err
    assert main(["import", str(path), "-o", str(folder), "--force", "-q"]) == 0
    assert main(["import", str(path), "-o", "/proc/out"]) == 1  # where nobody may write
    assert capsys.readouterr().err.startswith("nta: /proc/out cannot be written: /proc")
