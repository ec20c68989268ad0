"""Exports with something strange in them are refused in words, never by a fault of ours."""

from pathlib import Path

import pytest

from made.twins import nanosight_summary, nanosight_tables, videodrop_result
from nta.io.text import number
from nta.io.vendors import VendorFileError, read_vendor

VIEWSIZER = Path(__file__).parent / "viewsizer_150nm" / "Results"
ZETAVIEW = """ZetaView S/N 17-123
Software: ZetaView (version 8.06)
Experiment: e1
Type of Measurement: Size Distribution
Dilution: 100
Number of Traces: 10

Size / nm\tNumber\tConcentration / cm-3\tVolume
95.0\t2\t{each}\t1
100.0\t8\t{each}\t3
-1.0\t-1\t-1\t-1
"""


def test_a_stray_carriage_return_is_a_row_that_is_cut_off(tmp_path, rng):
    nanosight_tables(tmp_path, rng, n_tracks=5)
    for name in ("video_AllTracks.csv", "video_ParticleData.csv"):
        path = tmp_path / name
        head, first, rest = path.read_text(encoding="utf-8").split("\n", 2)
        middle = len(first) // 2
        path.write_text(f"{head}\n{first[:middle]}\r{first[middle:]}\n{rest}", encoding="utf-8", newline="")
        with pytest.raises(VendorFileError, match=r"row 2 has .* cells instead of"):
            read_vendor(path)


def test_exports_joined_into_one_file_are_refused(tmp_path, rng):
    """Keys of the one and bins of the other would make a run that nobody measured."""
    nanosight_tables(tmp_path, rng, n_tracks=5)
    zetaview = tmp_path / "e1_size_488.txt"
    zetaview.write_text(ZETAVIEW.format(each="1e5"), encoding="utf-8")
    tables = (tmp_path / "video_AllTracks.csv", tmp_path / "video_ParticleData.csv")
    viewsizer = tmp_path / "WideBinsTable_150nm.dat"
    viewsizer.write_bytes(next(VIEWSIZER.glob("Wide*")).read_bytes())
    for path in (nanosight_summary(tmp_path), videodrop_result(tmp_path), zetaview, *tables, viewsizer):
        whole = path.read_bytes()
        assert not read_vendor(path).runs[0].failed
        for between in (b"", b"\r\n"):
            path.write_bytes(whole.rstrip() + b"\r\n" + between + whole)
            with pytest.raises(VendorFileError, match="2 times: exports joined into one file"):
                read_vendor(path)


def test_a_size_of_no_particle_is_refused(tmp_path, rng):
    nanosight_tables(tmp_path, rng, n_tracks=5)
    path = tmp_path / "video_ParticleData.csv"
    *before, last = path.read_text(encoding="utf-8").splitlines()
    track, _, others = last.split(",", 2)
    path.write_text("\n".join([*before, f"{track},1e300,{others}"]), encoding="utf-8")
    with pytest.raises(VendorFileError, match="that of no particle"):
        read_vendor(path)
    assert number("1e999") is None


def test_columns_of_a_zetaview_table_are_known_by_their_names(tmp_path):
    path = tmp_path / "e1_size_488.txt"
    text = ZETAVIEW.format(each="1e5").replace(
        "Number of Traces: 10", "Number of Traces: 10\nCamera:\tFRate 7,500000"
    )
    path.write_text(text, encoding="utf-8")
    whole = read_vendor(path).runs[0]
    assert whole.frame_rate_hz == 7.5
    rows = [line.rsplit("\t", 1)[0] if line.count("\t") == 3 else line for line in text.splitlines()]
    path.write_text("\n".join(rows), encoding="utf-8")  # without the volume
    run = read_vendor(path).runs[0]
    assert (run.n_tracks, run.failed) == (10, "")
    assert run.concentration_per_ml == whole.concentration_per_ml
    path.write_text(text.replace("Concentration / cm-3", "Conc."), encoding="utf-8")
    with pytest.raises(
        VendorFileError, match="no column 'Concentration / cm-3'; it has Size / nm, Number, Conc"
    ):
        read_vendor(path)
    path.write_text(text.replace("\t2\t", "\t\t").replace("\t8\t", "\t\t"), encoding="utf-8")
    with pytest.raises(VendorFileError, match="its header says 10 tracks, its size table holds none of them"):
        read_vendor(path)


def test_a_zetaview_table_without_particles_is_a_failed_run(tmp_path):
    path = tmp_path / "e1_size_488.txt"
    path.write_text(ZETAVIEW.format(each="1e5"), encoding="utf-8")
    assert not read_vendor(path).runs[0].failed
    path.write_text(ZETAVIEW.format(each="0"), encoding="utf-8")
    (run,) = read_vendor(path).runs
    assert "found no tracks" in run.failed
    assert run.histogram is None
