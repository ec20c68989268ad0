"""Real exports of two vendors: read as printed, and reproduced from their own tables."""

import json

import numpy as np
import pytest

from nta.io.vendors import VendorFileError, read_vendor
from nta.io.vendors.zetaview import read_positions, read_profile

pytestmark = pytest.mark.real

FAILED = {"20250219_0001", "20250219_0003", "20250219_0010", "20250220_0001"}


@pytest.mark.parametrize(("name", "n_videos"), [("beads.csv", 12), ("beads2.csv", 5)])
def test_nanosight_statistics_are_read_as_printed_and_follow_from_the_bins(real_data, name, n_videos):
    result = read_vendor(real_data / "nanosight_summary" / name)
    expected = json.loads((real_data / "nanosight_summary" / "expected.json").read_text())["files"][name]
    assert [run.name for run in result.runs] == expected["videos"]
    assert len(result.runs) == n_videos
    conditions = expected["fields"]["[Conditions]"]
    assert [run.temperature_c for run in result.runs] == conditions["Temperature/C"]
    assert [run.viscosity_pa_s for run in result.runs] == pytest.approx(
        np.array(conditions["Viscosity/cP"]) / 1e3, rel=1e-12
    )
    printed = expected["fields"]["[Results]"]["Concentration (Particles / ml)"]
    assert [run.concentration_per_ml for run in result.runs] == printed[:n_videos]
    for run in result.runs:
        assert run.histogram.concentration_per_ml.sum() == pytest.approx(run.concentration_per_ml, rel=0.005)
        for statistic, value in run.reproduced(result.percentiles).items():
            assert value == pytest.approx(run.printed[statistic], abs=0.0501), statistic  # printed to 0.1 nm


def test_the_dilution_that_was_recorded_is_already_in_the_concentration(real_data):
    runs = read_vendor(real_data / "nanosight_summary" / "beads2.csv").runs
    assert {run.dilution for run in runs} == {1e4}
    assert {run.dilution for run in read_vendor(real_data / "nanosight_summary" / "beads.csv").runs} == {None}
    assert runs[0].concentration_per_ml == 5.91e12


def test_the_printed_statistics_are_those_of_the_file(real_data):
    for name in ("beads.csv", "beads2.csv"):
        folder = real_data / "nanosight_summary"
        lines = (folder / name).read_text(encoding="cp1252").splitlines()
        start = lines.index(next(line for line in lines if line.startswith("Weighting,Number")))
        cells = {line.split(",")[0]: line.split(",")[1:] for line in lines[start : start + 25]}
        runs = read_vendor(folder / name).runs
        for theirs, ours in (
            ("Mean", "mean_nm"),
            ("SD", "sd_nm"),
            ("D10", "d10_nm"),
            ("D50", "d50_nm"),
            ("D90", "d90_nm"),
        ):
            assert [run.printed[ours] for run in runs] == [float(cell) for cell in cells[theirs][: len(runs)]]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp1252", "utf-16"])
def test_the_encoding_of_a_file_does_not_matter(real_data, tmp_path, encoding):
    for source, ours in (
        ("zetaview/20250219_0004_EV_ip_p1_F7-1000_size_488.txt", "latin-1"),
        ("nanosight_summary/beads2.csv", "cp1252"),
    ):
        plain = read_vendor(real_data / source)
        copy = tmp_path / f"copy{(real_data / source).suffix}"
        text = (real_data / source).read_bytes().replace(b"\x00", b"").decode(ours)
        copy.write_bytes(text.encode(encoding))
        again = read_vendor(copy)
        assert [run.printed for run in again.runs] == [run.printed for run in plain.runs]
        assert again.runs[0].settings == plain.runs[0].settings  # with every µ and ° in them
        assert (
            any("°" in word or "µ" in word for pair in again.runs[0].settings.items() for word in pair)
            or ours == "cp1252"
        )


def test_decimal_commas_are_numbers():
    from nta.io.text import number

    assert [number(word) for word in ("1,5", "1.5", " 1,5E3", '"2"', "NaN", "", "Not recorded")] == [
        1.5, 1.5, 1500.0, 2.0, None, None, None,
    ]  # fmt: skip


def test_zetaview_medians_follow_from_the_bins_and_failed_runs_have_no_size(real_data):
    paths = sorted((real_data / "zetaview").glob("*_size_488.txt"))
    results = {path: read_vendor(path).runs[0] for path in paths}
    assert {run.name for run in results.values() if run.failed} == FAILED
    for path, run in results.items():
        if run.failed:
            assert run.histogram is None
            assert run.printed == {}
            assert run.concentration_per_ml is None
            continue
        reproduced = run.reproduced(read_vendor(path).percentiles)["d50_nm"]
        # half a bin below the edge-based median, in rare large bins up to another half
        assert reproduced == pytest.approx(run.printed["d50_nm"], abs=0.51)
        used = [
            p.concentration_per_ml for p in read_positions(path.with_name(f"{path.stem}_11pos.txt")) if p.used
        ]
        assert run.concentration_per_ml == pytest.approx(
            np.mean(used), rel=0.03
        )  # positions are printed with two digits


def test_zetaview_units_are_ours(real_data):
    run = read_vendor(real_data / "zetaview" / "20250219_0004_EV_ip_p1_F7-1000_size_488.txt").runs[0]
    assert (run.temperature_c, run.frame_rate_hz, run.pixel_size_um, run.n_tracks) == (
        24.97,
        30.0,
        0.713,
        306,
    )
    assert run.viscosity_pa_s == pytest.approx(0.900463e-3)
    assert run.exposure_s == pytest.approx(0.01)
    assert any("may never have been run" in warning for warning in run.warnings)


def test_zeta_potential_runs_are_read_and_give_no_size(real_data):
    path = real_data / "zetaview" / "20250219_0006_EV_ip_p1_F7-1000_prof_488.txt"
    profile = read_profile(path)
    assert (profile.zeta_potential_mv, profile.mobility_um_s_per_v_cm) == (-22.210896, -1.730703)
    assert profile.profile.shape == (11, 5)
    with pytest.raises(VendorFileError, match="zeta-potential run holds no size distribution"):
        read_vendor(path)


@pytest.mark.parametrize(("entered", "factor"), [("1:5000", 5000.0), ("5000x", 5000.0), ("0.000000", None)])
def test_a_zetaview_dilution_is_applied_however_it_was_entered(real_data, tmp_path, entered, factor):
    source = next(
        p
        for p in (real_data / "zetaview").glob("*size*")
        if b"\t5000.000000" in p.read_bytes() and not read_vendor(p).runs[0].failed
    )
    copy = tmp_path / source.name
    copy.write_bytes(
        source.read_bytes().replace(b"Dilution::\t5000.000000", f"Dilution::\t{entered}".encode())
    )
    plain, run = read_vendor(source).runs[0], read_vendor(copy).runs[0]
    assert run.dilution == factor
    assert run.concentration_per_ml == pytest.approx(plain.concentration_per_ml * (1 if factor else 1 / 5000))
