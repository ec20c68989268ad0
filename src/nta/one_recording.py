"""Analyse one recording, and write all results of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from nta.assessment import Kind
from nta.beads import against_certificate
from nta.calibration import InstrumentProfile, known_certificate
from nta.circumstances import known_conditions
from nta.io.recordings import Recording, checksum, open_recording
from nta.io.results import RESULTS_FILE, load_analysis, save_analysis, write_tables
from nta.pipeline import Analysis, analyze, subtract_blank
from nta.progress import Progress, Tell
from nta.report import REPORT_FILE, write_report
from nta.settings import AnalysisSettings
from nta.stated import refuse_other
from nta.sweep import sweep

Watch = Callable[[Recording], AbstractContextManager[Progress]]
"""Returns the progress display for an open recording."""


@dataclass(frozen=True, kw_only=True)
class Request:
    """How one recording is to be analysed.

    camera : stated settings, as arguments of `open_recording`. conditions : stated conditions, as arguments of
        `SampleConditions`. blank : results of the diluent alone, to be subtracted.
    kind : what the recording is of. standard : for beads, the name of the certificate that they are compared with; empty if
        the side-car states it.
    report : whether to write a report page, which takes longer than the analysis of a short recording.
    """

    camera: Mapping[str, Any] = field(default_factory=dict)
    conditions: Mapping[str, Any] = field(default_factory=dict)
    profile: InstrumentProfile | None = None
    settings: AnalysisSettings = field(default_factory=AnalysisSettings)
    blank: Path | None = None
    kind: Kind = "sample"
    standard: str = ""
    report: bool = True


@contextmanager
def unwatched(_: Recording) -> Iterator[Progress]:
    """Show no progress."""
    yield lambda _: None


def analyze_file(
    path: Path,
    request: Request,
    *,
    watch: Watch = unwatched,
    sha256: str | None = None,
    on_sweep: Tell | None = None,
) -> tuple[Analysis, dict[str, Any]]:
    """Analyse a recorded file; return the analysis and the metadata of the recording and its side-car.

    Parameters
    ----------
    sha256
        Checksum of the file, if already known.
    on_sweep
        If given, the analysis is repeated over a grid of settings, and this is told of the progress.
    """
    if request.standard:
        known_certificate(request.standard)  # refuse a wrong certificate before the long analysis
    blank = None if request.blank is None else load_analysis(request.blank)
    with open_recording(path, **request.camera) as source:
        conditions = known_conditions(source.metadata, **request.conditions)
        with watch(source) as progress:
            analysis = analyze(
                source,
                conditions,
                request.profile,
                request.settings,
                kind=request.kind,
                progress=progress,
                sha256=sha256 or checksum(path),
            )
        if on_sweep is not None:
            analysis = sweep(source, analysis, tell=on_sweep)
        metadata = dict(source.metadata)
    if blank is not None:
        analysis = subtract_blank(analysis, blank)
    if request.kind == "beads":
        analysis = against_certificate(analysis, request.standard or str(metadata.get("standard", "")))
    return analysis, metadata


def write_results(analysis: Analysis, folder: str | Path, *, report: bool = True) -> None:
    """Write results, tables and, if `report`, the report into a folder, which is created if it does not exist.

    Existing results are replaced, and their report is removed.
    """
    refuse_other("analysis", analysis, Analysis, "give the result of nta.analyze or nta.load")
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / REPORT_FILE).unlink(missing_ok=True)
    save_analysis(analysis, folder / RESULTS_FILE)
    write_tables(analysis, folder)
    if report:
        write_report(analysis, folder)
