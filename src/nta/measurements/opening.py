"""Open results of any kind as measurements: a path, an analysis, a size distribution, or a vendor's export."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from nta.errors import SettingError
from nta.io.results import RESULTS_FILE, load_analysis, refuse_batch, results_files
from nta.io.tracks import TrackTable, UnknownTracksError, read_tracks
from nta.io.vendors import UnknownExportError, VendorResult, read_vendor, viewsizer
from nta.measurements.from_analysis import MeasuredAnalysis
from nta.measurements.from_distribution import MeasuredDistribution
from nta.measurements.from_sizes import MeasuredSizes
from nta.measurements.from_vendor import MeasuredRun
from nta.measurements.naming import distinct_names, result_name
from nta.measurements.table import Measurement
from nta.measurements.writing import RESULT_FILE, SIZES_FILE, TRACKS_FILE
from nta.pipeline import Analysis
from nta.sizes import SizeDistribution

Result = str | Path | Analysis | SizeDistribution | VendorResult | Measurement
"""Objects that can be opened as measurements."""


def open_all(results: Sequence[Result]) -> tuple[Measurement, ...]:
    """Return the measurements of several results, with distinct names."""
    found = [m for result in results for m in open_measurements(result)]
    names = distinct_names([m.name for m in found], [m.path for m in found])
    return tuple(m if m.name == name else m.called(name) for m, name in zip(found, names, strict=True))


def open_measurements(result: Result) -> tuple[Measurement, ...]:
    """Return the measurements of a result: one for an analysis, one per run of a vendor's export or video of a procedure.

    Raises
    ------
    RecordingError, VendorFileError
        The file does not exist or cannot be read.
    SettingError
        The object is not a result.
    """
    if isinstance(result, Measurement):
        return (result,)
    if isinstance(result, Analysis):
        return (MeasuredAnalysis(result),)
    if isinstance(result, SizeDistribution):
        return (MeasuredDistribution(result),)
    if isinstance(result, VendorResult):
        return tuple(MeasuredRun(result, run) for run in result.runs)
    if isinstance(result, str | Path):
        return _from_path(Path(result))
    raise SettingError(
        f"{type(result).__name__} is no result; give a path, an Analysis, a SizeDistribution or a VendorResult"
    )


def _from_path(path: Path) -> tuple[Measurement, ...]:
    if path.is_dir() and (files := results_files(path)):
        if len(files) == 1:
            return (MeasuredAnalysis(load_analysis(files[0])).called(result_name(path), path),)
        return tuple(
            MeasuredAnalysis(load_analysis(file)).called(f"{path.name} {result_name(file)}", file)
            for file in files
        )
    imported = path.parent if path.name == SIZES_FILE else path
    if (imported / SIZES_FILE).is_file():
        return (MeasuredSizes(imported),)
    if path.is_dir():
        if (path / RESULT_FILE).is_file():
            raise SettingError(f"{path} is what nta import made of an export; give the export itself")
        if (path / TRACKS_FILE).is_file():
            raise SettingError(
                f"{path} holds tracks that were not sized; import them again with what nta import says is missing"
            )
        refuse_batch(path)
        if viewsizer.folder_table(path) is None:
            raise SettingError(f"{path} holds neither {RESULTS_FILE} nor a ViewSizer table of bins")
    elif path.suffix.lower() in (".h5", ".hdf5"):
        return (MeasuredAnalysis(load_analysis(path)).called(result_name(path), path),)
    found = read_foreign(path)
    if isinstance(found, TrackTable):
        raise SettingError(
            f"{path} holds tracks of {found.program} and no sizes; make them with nta import {path.name} -o FOLDER (with "
            "--pixel-size-um, --frame-rate and --temperature), and give that folder"
        )
    return tuple(run.called(run.name, path) for run in open_measurements(found))


def read_foreign(path: Path, pixel_size_um: float | None = None) -> VendorResult | TrackTable:
    """Read a vendor's export or tracks of another program; the message about another file says what was tried.

    pixel_size_um : needed for tracks with positions in um in a file that does not state it.

    Raises
    ------
    VendorFileError, TrackFileError
        Raised by the reader of this kind of file.
    """
    try:
        return read_vendor(path)
    except UnknownExportError as error:
        try:
            return read_tracks(path, pixel_size_um)
        except UnknownTracksError as other:
            raise UnknownExportError(f"{error}; and {other}") from None
