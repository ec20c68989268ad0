"""Results: kept without loss in HDF5, as tables with stated columns, and as JSON in which every number has its unit."""

import csv
import dataclasses
import enum
import errno
import json
import math
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import h5py
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import nta
from nta.circumstances import known_conditions
from nta.cli.analyze import refuse_taken
from nta.errors import RecordingError, SettingError
from nta.io.results import load_analysis, results_files, save_analysis, summary, write_tables
from nta.io.results.encoding import Reader, Writer
from nta.io.results.tables import track_columns
from nta.measurements import open_all
from nta.quantity import Quantity
from nta.visibility import BrightnessLaw, Concentration
from nta.visibility.table import TrackIndices

SAMPLES = Path(__file__).parents[2] / "sample_data"


@pytest.fixture(scope="module")
def analysis():
    with nta.open(SAMPLES / "ev_lognormal.avi") as source:
        return nta.analyze(source, known_conditions(source.metadata), nta.load_profile("simulated"))


def _differences(a, b, where="analysis"):
    """Return the places at which two values differ, down to the last bit and type."""
    if type(a) is not type(b):
        return [f"{where}: {type(a).__name__} became {type(b).__name__}"]
    if dataclasses.is_dataclass(a):
        return [
            d
            for f in dataclasses.fields(a)
            for d in _differences(getattr(a, f.name), getattr(b, f.name), f"{where}.{f.name}")
        ]
    if isinstance(a, np.ndarray):
        same = a.dtype == b.dtype and a.shape == b.shape and a.tobytes() == b.tobytes()
        return [] if same else [f"{where}: arrays differ"]
    if isinstance(a, dict):
        if list(a) != list(b):
            return [f"{where}: keys {list(a)} became {list(b)}"]
        return [d for key in a for d in _differences(a[key], b[key], f"{where}[{key}]")]
    if isinstance(a, tuple | list):
        if len(a) != len(b):
            return [f"{where}: {len(a)} became {len(b)}"]
        return [
            d for k, (x, y) in enumerate(zip(a, b, strict=True)) for d in _differences(x, y, f"{where}[{k}]")
        ]
    if isinstance(a, float) and math.isnan(a):
        return [] if math.isnan(b) else [f"{where}: NaN became {b}"]
    return [] if a == b else [f"{where}: {a!r} became {b!r}"]


def test_an_analysis_comes_back_field_by_field(analysis, tmp_path):
    again = load_analysis(save_analysis(analysis, tmp_path / "results.h5"))
    assert _differences(analysis, again) == []


def test_results_given_for_a_recording_are_told_what_takes_them(analysis, tmp_path):
    with pytest.raises(RecordingError, match=r"results\.h5 holds results and no frames: nta report"):
        nta.open(save_analysis(analysis, tmp_path / "results.h5"))


class _Colour(enum.Enum):
    RED = "red"


@dataclasses.dataclass(frozen=True, eq=False)
class _Noun:
    number: float
    whole: int
    words: str
    perhaps: float | None
    flag: bool
    colour: _Colour
    array: np.ndarray
    table: dict[str, float]
    several: tuple[Quantity, ...]


_numbers = st.floats(width=64)
_arrays = hnp.arrays(
    st.sampled_from([np.float64, np.float32, np.int32, np.uint8, np.bool_]),
    hnp.array_shapes(max_dims=2, min_side=0, max_side=5),
)
_quantities = st.builds(
    Quantity, st.none() | _numbers, st.none(), _numbers, st.just("nm"), st.text(max_size=20)
)
_nouns = st.builds(
    _Noun,
    _numbers,
    st.integers(-(2**63), 2**63 - 1),
    st.text(max_size=50),
    st.none() | _numbers,
    st.booleans(),
    st.just(_Colour.RED),
    _arrays,
    st.dictionaries(st.text(max_size=8), _numbers, max_size=4),
    st.lists(_quantities, max_size=3).map(tuple),
)


@settings(max_examples=60)
@given(_nouns)
def test_any_noun_comes_back(noun):
    with h5py.File("in memory", "w", driver="core", backing_store=False) as file:
        Writer().write(file, "noun", noun)
        assert _differences(noun, Reader().read(file, "noun", _Noun)) == []


@pytest.mark.parametrize("damage", ["cut", "other program", "newer", "a recording", "missing field"])
def test_what_is_no_result_is_refused_by_name(analysis, tmp_path, damage):
    path = save_analysis(analysis, tmp_path / "results.h5")
    if damage == "cut":
        path.write_bytes(path.read_bytes()[:-5000])
        message = "cut off or damaged"
    elif damage == "a recording":
        path, message = SAMPLES / "beads_100nm.h5", "analyze it first with nta analyze"
    else:
        with h5py.File(path, "a") as file:
            if damage == "other program":
                del file.attrs["format"]
                message = "HDF5 file of another program"
            elif damage == "newer":
                file.attrs["version"] = 99
                message = "reads up to version 1: update nta-lab"
            else:
                del file["analysis/spots/y_px"]
                message = "incomplete or damaged.*lacks the field 'y_px'"
    with pytest.raises(RecordingError, match=message):
        load_analysis(path)


def test_what_hdf5_says_of_a_damaged_file_is_said_by_name(analysis, tmp_path, monkeypatch):
    path = save_analysis(analysis, tmp_path / "results.h5")

    def fails(*_):
        raise RuntimeError("bad heap")  # as h5py does of damaged attributes

    monkeypatch.setattr(Reader, "read", fails)
    with pytest.raises(RecordingError, match=r"results\.h5: the results are incomplete or damaged: bad heap"):
        load_analysis(path)


def test_the_results_of_a_procedure_are_several(analysis, tmp_path):
    assert results_files(tmp_path) == ()
    for name in ("video_10", "video_2", "blank_1"):
        (tmp_path / name / "analysis").mkdir(parents=True)
        save_analysis(analysis, tmp_path / name / "analysis" / "results.h5")
    assert [file.parents[1].name for file in results_files(tmp_path)] == ["video_2", "video_10"]
    with pytest.raises(RecordingError, match=r"2 videos; give one of them: .*video_2/analysis, .*video_10"):
        load_analysis(tmp_path)
    assert load_analysis(tmp_path / "video_2").conditions == analysis.conditions


def test_the_folder_of_a_batch_says_what_to_give(analysis, tmp_path):
    batch = tmp_path / "batch"
    batch.mkdir()
    (batch / "batch.json").write_text("{}")
    with pytest.raises(RecordingError, match="no results in it yet"):
        load_analysis(batch)
    for name in ("monday/run_10.avi", "monday/run_2.avi", "blank.avi", "z.avi"):
        (batch / "results" / name).mkdir(parents=True)
        save_analysis(analysis, batch / "results" / name / "results.h5")
    words = r"is a folder of a batch, .*; give the results .*results/blank\.avi, .*run_2\.avi, .*run_10\.avi, \.\.\.$"
    for folder in (batch, batch / "results"):
        with pytest.raises(RecordingError, match=words):
            load_analysis(folder)
        with pytest.raises(RecordingError, match=words):
            open_all([folder])
    assert load_analysis(batch / "results" / "z.avi").conditions == analysis.conditions
    with pytest.raises(RecordingError, match="a folder without results of nta"):
        load_analysis(batch / "results" / "monday")


def test_recordings_that_a_killed_measurement_left_are_named_with_what_to_do(tmp_path):
    run = tmp_path / "my run"
    for name in ("video_10", "video_2", "beads_1", "blank_1"):
        (run / name).mkdir(parents=True)
        (run / name / "recording.h5").touch()
    words = (
        r"no results\.h5 in it; it holds recordings that were not analysed \(beads_1/recording\.h5, "
        r"blank_1/recording\.h5, video_2/recording\.h5, \.\.\.\): nta batch '.*my run' -o '.*my run_analysed'$"
    )
    with pytest.raises(RecordingError, match=words):
        load_analysis(run)
    with pytest.raises(SettingError, match=r"another folder with -o; it holds recordings that were not"):
        refuse_taken(run)


def test_a_report_of_other_results_does_not_stay_beside_new_ones(analysis, tmp_path):
    (tmp_path / "report.html").write_text("of other results")
    nta.write_results(analysis, tmp_path, report=False)
    assert not (tmp_path / "report.html").exists()
    assert load_analysis(tmp_path).conditions == analysis.conditions


def test_a_failed_save_leaves_what_was_there(analysis, tmp_path, monkeypatch):
    path = save_analysis(analysis, tmp_path / "results.h5")
    before = path.read_bytes()

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Writer, "write", full)
    with pytest.raises(OSError, match="No space"):
        save_analysis(analysis, path)
    assert path.read_bytes() == before
    assert [p.name for p in tmp_path.iterdir()] == ["results.h5"]


def _rows(path):
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_the_tables_have_the_stated_columns_and_the_numbers_of_the_analysis(analysis, tmp_path):
    write_tables(analysis, tmp_path)
    tracks, spots, distribution = (
        _rows(tmp_path / f"{name}.csv") for name in ("tracks", "spots", "distribution")
    )
    wanted = (
        "track n_frames first_frame diffusion_um2_s diffusion_std_err_um2_s diameter_nm diameter_low_nm diameter_high_nm "
        "intensity flags"
    )
    assert set(wanted.split()) <= set(tracks[0])
    assert {"frame", "x_px", "y_px", "track", "intensity", "snr"} <= set(spots[0])
    first = ["curve", "diameter_nm", "density_per_nm", "density_low_per_nm", "density_high_per_nm"]
    assert list(distribution[0])[:5] == first
    assert len(tracks) == analysis.tracks.n_tracks
    assert len(spots) == len(analysis.spots)
    sizes = analysis.sizes.tracks
    for k, row in enumerate(tracks):
        if np.isfinite(sizes.diameter_nm[k]):
            assert float(row["diameter_nm"]) == pytest.approx(sizes.diameter_nm[k], rel=1e-5)
            assert float(row["diameter_low_nm"]) < float(row["diameter_nm"]) < float(row["diameter_high_nm"])
        else:
            assert row["diameter_nm"] == ""  # no size is an empty cell, never a number
    in_tracks = [int(row["track"]) for row in spots if row["track"] != "-1"]
    assert len(in_tracks) == len(analysis.tracks.track)
    curves = {row["curve"] for row in distribution}
    assert {"result", "every_track_once", "histogram", "kernel_density"} <= curves
    assert len(curves) == len({(row["describes"], row["method"]) for row in distribution})
    for key in curves:
        rows = [row for row in distribution if row["curve"] == key]
        assert len({row["describes"] for row in rows}) == 1
        share = sum(
            float(r["density_per_nm"]) * (float(r["edge_high_nm"]) - float(r["edge_low_nm"])) for r in rows
        )
        assert share == pytest.approx(1, abs=1e-3), key


def test_the_table_holds_particles_per_ml_and_nm_with_their_interval(analysis, tmp_path):
    curve = analysis.sizes.distribution
    per_ml = Quantity(1e8, 0.8e8, 1.3e8, "1/ml")
    found = Concentration(
        per_frame=per_ml, in_cell_per_ml=per_ml, in_sample_per_ml=per_ml.times(50, "1/ml"), dilution=50.0
    )
    seen = replace(analysis.visibility, concentration=found)
    known = replace(analysis, sizes=replace(analysis.sizes, suspension=curve), visibility=seen)
    write_tables(known, tmp_path)
    rows = _rows(tmp_path / "distribution.csv")
    assert {row["in_sample_per_ml_per_nm"] for row in rows if row["curve"] != "suspension"} == {""}
    rows = [row for row in rows if row["curve"] == "suspension"]
    ends = ("in_sample_low_per_ml_per_nm", "in_sample_per_ml_per_nm", "in_sample_high_per_ml_per_nm")
    low, middle, high = (np.array([float(row[end] or "nan") for row in rows]) for end in ends)
    assert np.nansum(middle * np.diff(curve.edges_nm)) == pytest.approx(50e8, rel=1e-4)
    known = np.isfinite(middle)
    assert ((low <= middle) & (middle <= high))[known].all()
    peak = int(np.nanargmax(middle))  # wider than by the shares or the concentration alone
    assert high[peak] / middle[peak] > max(1.3, curve.high[peak] / curve.weight[peak]) * (1 - 1e-6)


def test_every_size_in_the_summary_has_its_unit_and_interval(analysis):
    told = json.loads(json.dumps(summary(analysis), allow_nan=False))  # no NaN, no infinity
    numbers = told["size"]["numbers"]
    assert {"d10_nm", "d50_nm", "d90_nm", "mean_nm", "mode_nm", "span"} <= set(numbers)
    for name, quantity in numbers.items():
        assert quantity["low"] <= quantity["value"] <= quantity["high"], name
        assert quantity["unit"] == ("nm" if name.endswith("_nm") else "1")
        assert quantity["method"]
    assert told["provenance"]["recording"].endswith("ev_lognormal.avi")
    assert told["verdict"] == str(analysis.assessment.worst)
    assert len(told["findings"]) == len(analysis.assessment.findings)


# Saves an analysis again and again, with more room for the file every time.
LIMITED = """
import resource, sys
from nta.io.results import load_analysis, save_analysis
analysis = load_analysis(sys.argv[1])
for limit in map(int, sys.argv[3:]):
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, resource.RLIM_INFINITY))
    try:
        save_analysis(analysis, sys.argv[2])
    except OSError as error:
        print(error.errno)
"""


def test_a_file_that_there_is_no_room_for_is_told_without_the_complaints_of_hdf5(analysis, tmp_path):
    whole = save_analysis(analysis, tmp_path / "whole.h5")
    limits = [int(whole.stat().st_size * share) for share in (0.01, 0.1, 0.3, 0.6, 0.99, 1.5)]
    words = [sys.executable, "-c", LIMITED, str(whole), str(tmp_path / "results.h5"), *map(str, limits)]
    done = subprocess.run(words, capture_output=True, text=True, check=True, timeout=120)
    assert not done.stderr
    assert list(map(int, done.stdout.split())) == [errno.EFBIG] * 5
    assert load_analysis(tmp_path / "results.h5").conditions == analysis.conditions
    assert sorted(p.name for p in tmp_path.iterdir()) == ["results.h5", "whole.h5"]


def test_an_index_beyond_all_that_was_worked_out_is_an_empty_cell(analysis):
    n = len(analysis.diffusion)
    high = np.full(n, 1.45)
    high[0] = 54.0
    indices = TrackIndices(
        refractive_index=np.full(n, 1.4), low=np.full(n, 1.38), high=high, depth_log_light=0.0
    )
    law = BrightnessLaw(
        refractive_index=1.39,
        medium_index=1.33,
        scale_e_per_nm2=1.0,
        index_source="stated",
        scale_source="calibrated",
    )
    seen = dataclasses.replace(analysis.visibility, indices=indices, law=law)
    _, told = track_columns(dataclasses.replace(analysis, visibility=seen))["refractive_index_high"]
    assert np.isnan(told[0])
    assert (told[1:] == 1.45).all()
