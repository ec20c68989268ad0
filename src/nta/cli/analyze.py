"""`nta analyze`: analyse recordings, and write results and reports."""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import dataclass, replace
from pathlib import Path
from typing import get_args

from nta.assessment import Kind, load_limits
from nta.calibration import load_medium
from nta.catalogue import About
from nta.cli import EXIT_FAILED, EXIT_OK
from nta.cli.arguments import (
    camera_from_options,
    chosen_profile,
    chosen_settings,
    conditions_in,
    result_folders,
    said_conditions,
)
from nta.cli.catalogue_entries import about_in, catalogue_address, open_catalogue, record_analysis
from nta.cli.progress import compiling_said, frame_progress, say
from nta.errors import SettingError, in_words
from nta.io.atomic import check_writable, new_folder
from nta.io.recordings import labels_of
from nta.io.results import RESULTS_FILE, load_analysis, not_analysed, results_files, summary
from nta.one_recording import Request, analyze_file, write_results
from nta.pipeline import Analysis
from nta.report import REPORT_FILE, summary_text


@dataclass(frozen=True, kw_only=True)
class Handling:
    """How a command handles every analysis that it makes.

    catalogue : address of the catalogue that records the analysis (None: not recorded). about : labels stated by the user.
    force : replace existing results. sweep : repeat the analysis over a grid of settings.
    """

    catalogue: str | None
    about: About
    quiet: bool
    force: bool = False
    sweep: bool = False


def handling_of(options: argparse.Namespace, *, force: bool = False, sweep: bool = False) -> Handling:
    """Return the handling that the options of a command ask for."""
    return Handling(
        catalogue=catalogue_address(options),
        about=about_in(options),
        quiet=options.quiet,
        force=force,
        sweep=sweep,
    )


def run(options: argparse.Namespace) -> int:
    """Analyse every recording; if one fails, print why and continue with the others."""
    request = asked_of(options)
    handling = handling_of(options, force=options.force, sweep=options.sweep)
    folders = result_folders(options.recordings, options.output)
    several = len(folders) > 1
    summaries, failed = [], 0
    for path, folder in folders.items():
        try:
            analysis = analyze_recording(path, folder, *_as_ordered(path, options, request, handling))
        except Exception as error:  # one bad file must not end the others, not even by a defect of nta
            if options.debug or not several:
                raise
            failed += 1
            print(f"nta: {path}: {in_words(error)}", file=sys.stderr)
            continue
        summaries.append(summary(analysis))
        if not options.json:
            show(analysis, folder, quiet=options.quiet)
    if options.json:
        print(json.dumps(summaries if several else summaries[0], indent=2))
    return EXIT_FAILED if failed else EXIT_OK


def _as_ordered(
    path: Path, options: argparse.Namespace, request: Request, handling: Handling
) -> tuple[Request, Handling]:
    """Return the analysis of a recording as what it was ordered to be, unless the options say of what kind it is."""
    ordered = None if options.kind else labels_of(path).get("kind")
    kind: Kind | None = next((kind for kind in get_args(Kind) if kind == ordered), None)
    if kind is None:
        return request, handling
    return replace(request, kind=kind), replace(handling, about=replace(handling.about, kind=kind))


def asked_of(options: argparse.Namespace) -> Request:
    """Return the analysis that the options ask for; refuse wrong options before anything is recorded or analysed."""
    about = about_in(options)
    about.refuse_of_no_beads("add --kind beads")
    return replace(asked_of_any_kind(options), kind=about.kind, standard=about.standard)


def asked_of_any_kind(options: argparse.Namespace) -> Request:
    """Return the analysis that the options ask for, whatever the kind of recording; refuse what is wrong or not there."""
    settings = chosen_settings(options)
    load_limits(settings.assessment.limits)
    conditions_in(options, {})
    if options.medium is not None:
        load_medium(options.medium)
    if options.blank is not None:
        load_analysis(options.blank)
    return Request(
        camera=camera_from_options(options),
        conditions=said_conditions(options),
        profile=chosen_profile(options),
        settings=settings,
        blank=options.blank,
    )


def analyze_recording(path: Path, folder: Path, request: Request, handling: Handling) -> Analysis:
    """Analyse one recording, write its results into a folder, which appears only when complete, and record the analysis."""
    refuse_taken(folder, force=handling.force)
    with open_catalogue(handling.catalogue) as catalogue:
        with compiling_said(quiet=handling.quiet):
            analysis, metadata = analyze_file(
                path,
                request,
                watch=lambda source: frame_progress(
                    source.name, source.report.claimed_frames, quiet=handling.quiet
                ),
                on_sweep=(lambda words: say(f"sweep: {words}", quiet=handling.quiet))
                if handling.sweep
                else None,
            )
        about = handling.about.completed(metadata)
        analysis = replace(analysis, provenance=replace(analysis.provenance, about=about.reported))
        with new_folder(folder, replace=handling.force) as partial:
            write_results(analysis, partial)
        if catalogue is not None:
            record_analysis(catalogue, analysis, folder, about)
    return analysis


def show(analysis: Analysis, folder: Path, *, quiet: bool) -> None:
    """Print the summary for the user, and the path of the report."""
    if not quiet:
        print(summary_text(analysis))
    say(f"report: {folder / REPORT_FILE}", quiet=quiet)


def refuse_taken(folder: Path, *, force: bool | None = None) -> None:
    """Refuse a result folder that is in use, before the work. force : None if this command never replaces results."""
    if folder.exists() and not folder.is_dir():
        raise SettingError(f"{folder} is a file; -o needs a folder")
    check_writable(folder.resolve())  # a link is checked by its target
    if not folder.exists() or not any(folder.iterdir()):
        return
    if not results_files(folder):
        raise SettingError(
            f"{folder} is not empty and holds no nta results; choose another folder with -o{not_analysed(folder)}"
        )
    # only results in the folder itself: those of a measurement lie beside a recording that cannot be made again
    replaceable = (folder / RESULTS_FILE).exists()
    if not (force and replaceable):
        remedy = ", or replace them with --force" if force is not None and replaceable else ""
        raise SettingError(f"{folder} already holds results; choose another folder with -o{remedy}")
