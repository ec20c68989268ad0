"""Record analyses in the catalogue given by `--catalogue` or by the environment."""

from __future__ import annotations

import argparse
import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nta.calibration import load_certificate
from nta.catalogue import About, CatalogueError, RunRecord
from nta.catalogue.record import as_time
from nta.cli.commands import as_options, command
from nta.errors import NtaError, SettingError
from nta.io.recordings import open_recording
from nta.io.results import ANALYSIS_FOLDER

if TYPE_CHECKING:
    from nta.batch import Job, JobOutcome
    from nta.catalogue import Catalogue
    from nta.pipeline import Analysis
    from nta.sop import ProcedureOutcome

ENVIRONMENT_VARIABLE = "NTA_CATALOGUE"
_NONE = "none"
_ABOUT = ("kind", "standard", "lot", "instrument", "operator")


def catalogue_address(options: argparse.Namespace) -> str | None:
    """Return the catalogue given by the option, else by the environment; None if nothing is to be recorded."""
    named = options.catalogue or os.environ.get(ENVIRONMENT_VARIABLE)
    return None if named in (None, "", _NONE) else str(named)


@contextmanager
def open_catalogue(address: str | None) -> Iterator[Catalogue | None]:
    """Yield the opened catalogue; None if there is no address.

    Open it before the work: a catalogue that cannot be reached is then reported at once, not after a night.
    """
    if address is None:
        yield None
        return
    from nta.catalogue import Catalogue

    with Catalogue.open(address) as catalogue:
        yield catalogue


def about_in(options: argparse.Namespace) -> About:
    """Return the labels of a recording in these options."""
    return About(**labels_in(options))


def labels_in(options: argparse.Namespace) -> dict[str, Any]:
    """Return those labels that the options state."""
    return {name: value for name in _ABOUT if (value := getattr(options, name, None))}


def record_analysis(
    catalogue: Catalogue, analysis: Analysis | Mapping[str, Any], folder: Path, about: About
) -> RunRecord:
    """Record an analysis whose results are in a folder.

    Raises
    ------
    CatalogueError
        It could not be written; the message says how to record it later.
    """
    try:
        return catalogue.record(analysis, results=folder, **_columns(about))
    except CatalogueError as error:
        said = {"catalogue": catalogue.name, **{name: getattr(about, name) for name in _ABOUT}}
        later = command("catalogue", "add", folder, *as_options(said))
        raise CatalogueError(
            f"{error}; the results are whole in {folder}, record them later with: {later}"
        ) from error


def record_outcome(catalogue: Catalogue, job: Job, outcome: JobOutcome) -> None:
    """Record the outcome of a job, if it was analysed."""
    if not outcome.analysed:
        return
    said = {name: value for name, value in vars(job.about).items() if value}
    about = replace(outcome.about, **said)
    if outcome.status == "incomplete":
        about = replace(about, comment="; ".join(filter(None, (about.comment, outcome.reason))))
    record_analysis(catalogue, _kept_summary(job.folder), job.folder, about)


def record_videos(catalogue: Catalogue, carried_out: ProcedureOutcome, about: About) -> list[str]:
    """Record every good video of a procedure, controls with their kind; return the reasons of failures."""
    procedure, unrecorded = carried_out.procedure, []
    for video in carried_out.videos:
        if not video.good or video.recording is None:
            continue
        comment = "; ".join(filter(None, (f"{procedure.name}: {video.step.name}", procedure.comment)))
        said = replace(about, kind=video.stage, operator=procedure.operator, comment=comment)
        if video.stage == "beads" and procedure.beads is not None:
            certificate = load_certificate(procedure.beads.certificate)
            said = replace(said, standard=certificate.name, lot=certificate.lot)
        path = carried_out.folder / video.recording
        folder = path.parent / ANALYSIS_FOLDER
        try:
            with open_recording(path) as source:
                said = said.completed(source.metadata)
            record_analysis(catalogue, _kept_summary(folder), folder, said)
        except (NtaError, OSError, ValueError) as error:  # the report must still be shown
            unrecorded.append(str(error))
    return unrecorded


def _kept_summary(folder: Path) -> dict[str, Any]:
    summary: dict[str, Any] = json.loads((folder / "summary.json").read_text(encoding="utf-8"))
    return summary


def _columns(about: About) -> dict[str, Any]:
    try:
        measured_at, comment = as_time(about.date, "date") if about.date else None, about.comment
    except SettingError:  # a date in free text, from a side-car, becomes part of the comment
        measured_at, comment = None, "; ".join(filter(None, (about.comment, f"measured {about.date}")))
    return {
        "kind": about.kind,
        "standard": about.standard,
        "lot": about.lot,
        "instrument": about.instrument,
        "operator": about.operator,
        "comment": comment,
        "measured_at": measured_at,
    }
