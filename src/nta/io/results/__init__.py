"""Results: an analysis without loss in HDF5, as tables for other programs, and its numbers as JSON."""

from nta.io.results.layout import (
    ANALYSIS_FOLDER,
    BATCH_FILE,
    BATCH_RESULTS,
    RESULTS_FILE,
    not_analysed,
    refuse_batch,
    results_file,
    results_files,
)
from nta.io.results.store import FORMAT, VERSION, is_results, load_analysis, save_analysis
from nta.io.results.summary import summary, write_summary
from nta.io.results.tables import TABLES, write_tables
from nta.provenance import RECORDING_FILE

__all__ = [
    "ANALYSIS_FOLDER",
    "BATCH_FILE",
    "BATCH_RESULTS",
    "FORMAT",
    "RECORDING_FILE",
    "RESULTS_FILE",
    "TABLES",
    "VERSION",
    "is_results",
    "load_analysis",
    "not_analysed",
    "refuse_batch",
    "results_file",
    "results_files",
    "save_analysis",
    "summary",
    "write_summary",
    "write_tables",
]
