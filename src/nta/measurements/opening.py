"""Results of any kind, opened: a path, an analysis, sizes alone, or a vendor's export."""

from __future__ import annotations

from pathlib import Path

from nta.errors import SettingError
from nta.io.results import RESULTS_FILE, load_analysis, results_files
from nta.io.vendors import VendorResult, read_vendor, viewsizer
from nta.measurements.from_analysis import MeasuredAnalysis
from nta.measurements.from_vendor import MeasuredRun
from nta.measurements.table import Measurement
from nta.measurements.writing import RESULT_FILE, SIZES_FILE
from nta.pipeline import Analysis
from nta.sizes import SizeDistribution

Result = str | Path | Analysis | SizeDistribution | VendorResult | Measurement
"""What can be opened as a measurement."""


def open_measurements(result: Result) -> tuple[Measurement, ...]:
    """Return the measurements of a result: one of an analysis, one per run of a vendor's export or video of a procedure.

    Raises
    ------
    RecordingError, VendorFileError
        The file is not there or not understood.
    SettingError
        Not a kind of result.
    """
    if isinstance(result, Measurement):
        return (result,)
    if isinstance(result, Analysis | SizeDistribution):
        return (MeasuredAnalysis(result),)
    if isinstance(result, VendorResult):
        return tuple(MeasuredRun(result, run) for run in result.runs)
    if isinstance(result, str | Path):
        return _from_path(Path(result))
    raise SettingError(
        f"{type(result).__name__} is no result; give a path, an Analysis, a SizeDistribution or a VendorResult"
    )


def _from_path(path: Path) -> tuple[Measurement, ...]:
    if path.is_dir() and (files := results_files(path)):
        names = [path.name] if len(files) == 1 else [f"{path.name} {file.parents[1].name}" for file in files]
        return tuple(
            MeasuredAnalysis(load_analysis(file), name) for file, name in zip(files, names, strict=True)
        )
    if path.is_dir():
        if any((path / name).is_file() for name in (RESULT_FILE, SIZES_FILE)):
            raise SettingError(
                f"{path} is what nta import made of an export or of tracks; give the export itself"
            )
        if viewsizer.folder_table(path) is None:
            raise SettingError(f"{path} holds neither {RESULTS_FILE} nor a ViewSizer table of bins")
    elif path.suffix.lower() in (".h5", ".hdf5"):
        name = path.name if path.name != RESULTS_FILE else path.resolve().parent.name
        return (MeasuredAnalysis(load_analysis(path), name),)
    return open_measurements(read_vendor(path))
