"""Exports that a copy cut off: whole runs are read, the others and the file say so; nothing is taken for whole."""

from pathlib import Path

import numpy as np
import pytest

from made.twins import nanosight_summary
from nta.cli import main
from nta.io.vendors import VendorFileError, read_vendor

VIEWSIZER = Path(__file__).parent / "viewsizer_150nm" / "Results"
CUT = "the file ends inside its size table, at"


def kept(path, lines, cells=None):
    """Leave the first lines of a file, of the last one only the first cells."""
    rows = path.read_bytes().splitlines(keepends=True)[:lines]
    if cells is not None:
        rows[-1] = b",".join(rows[-1].split(b",")[:cells])
    path.write_bytes(b"".join(rows))
    return path


def line_of(path, start):
    """Return the number of the first line that begins so, from 1."""
    rows = path.read_text(encoding="latin-1").splitlines()
    return next(i for i, row in enumerate(rows, start=1) if row.startswith(start))


@pytest.fixture
def beads(real_data, tmp_path):
    path = tmp_path / "beads2.csv"
    path.write_bytes((real_data / "nanosight_summary" / "beads2.csv").read_bytes())
    return path


@pytest.fixture
def zetaview(real_data, tmp_path):
    path = tmp_path / "run_size.txt"
    source = real_data / "zetaview" / "20250219_0011_EV_ip_p1_F9-5000_size_488.txt"
    path.write_bytes(source.read_bytes())
    return path


@pytest.mark.parametrize("last", ["[Settings]", "[Size Data]", "Weighting", "Mean", "Bin centre"])
def test_a_file_that_ends_before_its_size_table_says_so(tmp_path, capsys, last):
    path = nanosight_summary(tmp_path)
    kept(path, line_of(path, last))
    with pytest.raises(VendorFileError, match="ends before its size table"):
        read_vendor(path)
    assert main(["import", str(path), "-o", str(tmp_path / "out")]) == 1
    assert "Traceback" not in capsys.readouterr().err


@pytest.mark.parametrize("last", ["98.5", "99.5", "100.5"])
def test_a_table_with_bins_missing_is_no_result(tmp_path, last):
    path = nanosight_summary(tmp_path)
    with pytest.raises(VendorFileError, match=rf"{CUT} {last} nm"):
        read_vendor(kept(path, line_of(path, last)))


def test_nothing_but_the_end_of_an_empty_tail_missing_is_whole_and_is_remarked_on(tmp_path):
    path = nanosight_summary(tmp_path, per_bin=(2e7, 6e7, 2e7, 0.0))
    assert not any("size table" in words for words in read_vendor(path).hidden)
    result = read_vendor(kept(path, line_of(path, "101.5"), cells=1))
    assert result.runs[0].histogram.concentration_per_ml.tolist() == [2e7, 6e7, 2e7]
    assert "which ends at 100.5 nm" in result.hidden[-1]


def test_a_video_without_particles_is_still_told_from_a_cut(tmp_path):
    whole = read_vendor(nanosight_summary(tmp_path, per_bin=(0.0,) * 4))
    assert whole.runs[0].failed == "no particles in the distribution"


@pytest.mark.real
@pytest.mark.parametrize("below", [23, 60, 100])
def test_no_video_of_a_cut_summary_is_taken_for_whole(beads, below):
    with pytest.raises(VendorFileError, match=CUT):
        read_vendor(kept(beads, line_of(beads, "Bin centre") + below))


@pytest.mark.real
def test_one_video_that_a_cut_leaves_in_part_does_not_end_the_others(beads):
    """Of the second of the five videos, 1 % of the particles lie above 170 nm; of the others at most half of that."""
    whole = read_vendor(beads)
    found = read_vendor(kept(beads, line_of(beads, "Bin centre") + 170, cells=4))
    failed = [run.failed for run in found.runs]
    assert [bool(words) for words in failed] == [False, True, False, False, False]
    assert failed[1].startswith(CUT)
    assert found.runs[0].histogram.mean_nm() == pytest.approx(whole.runs[0].histogram.mean_nm(), rel=0.01)
    assert "cut off" in found.hidden[-1]


@pytest.mark.real
def test_an_empty_cell_ends_its_own_video_alone(beads):
    lines = beads.read_bytes().splitlines(keepends=True)
    at = line_of(beads, "98.5,") - 1
    cells = lines[at].split(b",")
    lines[at] = b",".join([*cells[:2], b"", *cells[3:]])
    beads.write_bytes(b"".join(lines))
    failed = [run.failed for run in read_vendor(beads).runs]
    assert failed == ["", "the size table has an empty cell at 98.5 nm", "", "", ""]


@pytest.mark.real
def test_semicolons_with_decimal_commas_are_the_same_summary(beads):
    plain = read_vendor(beads)
    text = beads.read_text(encoding="cp1252")
    beads.write_text(text.replace(",", ";").replace(".", ","), encoding="cp1252")
    again = read_vendor(beads)
    assert again.percentiles == plain.percentiles
    for one, other in zip(plain.runs, again.runs, strict=True):
        assert one.printed == other.printed
        assert one.concentration_per_ml == other.concentration_per_ml
        np.testing.assert_array_equal(one.histogram.edges_nm, other.histogram.edges_nm)


@pytest.mark.parametrize(("beside", "rows"), [(True, 91), (True, 100), (False, 60), (False, None)])
def test_a_cut_viewsizer_table_is_no_result(tmp_path, beside, rows):
    """Its particles lie between 60 and 636 nm; between the bins of the largest ones there are empty ones."""
    for name in ("WideBinsTable_150nm.dat", *(["Particles_150nm.raw"] if beside else [])):
        (tmp_path / name).write_bytes((VIEWSIZER / name).read_bytes())
    table = tmp_path / "WideBinsTable_150nm.dat"
    assert read_vendor(table).runs[0].warnings == ()
    if rows is None:
        table.write_bytes(table.read_bytes()[:-40])  # within the last cells
        words = "a row is cut off"
    else:
        kept(table, rows)
        words = r"ends at \d+\.?\d* nm, before its last particle: it is cut off"
    with pytest.raises(VendorFileError, match=words):
        read_vendor(table)


def test_a_viewsizer_table_that_ends_early_is_remarked_on(tmp_path):
    table = tmp_path / "WideBinsTable_150nm.dat"
    table.write_bytes((VIEWSIZER / table.name).read_bytes())
    (run,) = read_vendor(kept(table, 150)).runs
    assert run.n_tracks == 1177
    assert "tables that were seen reach beyond 6000 nm: cut off?" in run.warnings[0]


@pytest.mark.real
def test_a_zetaview_table_with_tracks_missing_is_refused(zetaview):
    head = line_of(zetaview, "Size / nm")
    for below, said in ((0, "with 0 of 98 tracks"), (20, r"at \d+\.?\d* nm, with \d+ of 98 tracks")):
        copy = zetaview.with_name(f"cut{below}_size.txt")
        copy.write_bytes(zetaview.read_bytes())
        with pytest.raises(VendorFileError, match=f"ends inside its size table, {said}"):
            read_vendor(kept(copy, head + below))


@pytest.mark.real
def test_a_zetaview_table_that_lost_empty_bins_alone_is_read_and_says_so(zetaview):
    whole = read_vendor(zetaview)
    found = read_vendor(kept(zetaview, line_of(zetaview, "Size / nm") + 900))
    assert found.runs[0].concentration_per_ml == whole.runs[0].concentration_per_ml
    assert set(found.hidden) - set(whole.hidden) == {"the end of the size table: the file was cut off"}
