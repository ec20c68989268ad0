"""`nta analyze`: recordings in, results and reports out."""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import replace
from pathlib import Path

from nta.assessment import load_limits
from nta.calibration import load_medium
from nta.cli import EXIT_FAILED, EXIT_OK
from nta.cli.arguments import (
    camera_from_options,
    chosen_profile,
    chosen_settings,
    conditions_in,
    result_folders,
    said_conditions,
)
from nta.cli.catalogue_entries import about_in, chosen_catalogue, record_analysis
from nta.cli.progress import compiling_said, frame_progress, say
from nta.errors import SettingError, in_words
from nta.io.atomic import check_writable, new_folder
from nta.io.results import RESULTS_FILE, load_analysis, results_files, summary
from nta.one_recording import Request, analyze_file, write_results
from nta.pipeline import Analysis
from nta.report import REPORT_FILE, summary_text


def run(options: argparse.Namespace) -> int:
    """Analyse every recording; one that fails says why and the others go on."""
    request = asked_of(options)
    folders = result_folders(options.recordings, options.output)
    several = len(folders) > 1
    summaries, failed = [], 0
    for path, folder in folders.items():
        try:
            analysis = analyze_recording(path, folder, request, options)
        except BrokenPipeError:  # nobody reads our output any more
            raise
        except Exception as error:  # one bad file never ends the others, not even by a fault of ours
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


def asked_of(options: argparse.Namespace) -> Request:
    """Return what is asked of a recording; a wrong word is refused here, before anything is recorded or analysed."""
    settings = chosen_settings(options)
    load_limits(settings.assessment.limits)
    conditions_in(options, {})
    if options.medium is not None:
        load_medium(options.medium)
    if options.blank is not None:
        load_analysis(options.blank)
    about = about_in(options)
    about.refuse_of_no_beads("add --kind beads")
    return Request(
        camera=camera_from_options(options),
        conditions=said_conditions(options),
        profile=chosen_profile(options),
        settings=settings,
        blank=options.blank,
        beads=getattr(options, "certificate", about.standard) if about.kind == "beads" else None,
    )


def analyze_recording(path: Path, folder: Path, request: Request, options: argparse.Namespace) -> Analysis:
    """Analyse one recording into a folder, which appears only when everything in it is whole; put it on record if asked."""
    force = getattr(options, "force", False)
    refuse_taken(folder, force=force)
    with chosen_catalogue(options) as catalogue:
        with compiling_said(quiet=options.quiet):
            analysis, metadata = analyze_file(
                path,
                request,
                watch=lambda source: frame_progress(
                    source.name, source.report.claimed_frames, quiet=options.quiet
                ),
                on_sweep=(lambda words: say(f"sweep: {words}", quiet=options.quiet))
                if getattr(options, "sweep", False)
                else None,
            )
        about = about_in(options).completed(metadata)
        analysis = replace(analysis, provenance=replace(analysis.provenance, about=about.reported))
        with new_folder(folder, replace=force) as partial:
            write_results(analysis, partial)
        if catalogue is not None:
            record_analysis(catalogue, analysis, folder, about)
    return analysis


def show(analysis: Analysis, folder: Path, *, quiet: bool) -> None:
    """Print the summary for people, and where the report is."""
    if not quiet:
        print(summary_text(analysis))
    say(f"report: {folder / REPORT_FILE}", quiet=quiet)


def refuse_taken(folder: Path, *, force: bool | None = None) -> None:
    """Refuse a result folder that is in use, before the work and not after it; None: this command replaces nothing."""
    if folder.exists() and not folder.is_dir():
        raise SettingError(f"{folder} is a file; -o needs a folder")
    check_writable(folder.resolve())  # of a link the folder it leads to
    if not folder.exists() or not any(folder.iterdir()):
        return
    if not results_files(folder):
        raise SettingError(f"{folder} is not empty and holds no nta results; choose another folder with -o")
    # results of its own: where they are those of a measurement, a recording lies beside them that is not made again
    replaceable = (folder / RESULTS_FILE).exists()
    if not (force and replaceable):
        remedy = ", or replace them with --force" if force is not None and replaceable else ""
        raise SettingError(f"{folder} already holds results; choose another folder with -o{remedy}")
