"""`nta batch`: analyse a folder or list of recordings into one table and one page."""

from __future__ import annotations

import argparse
import json
import os
from pathlib import Path
from typing import Any

from nta.batch import PAGE, Batch, Job, JobOutcome, plan, run_batch
from nta.batch.tables import groups_table, recordings_table
from nta.catalogue import CatalogueError
from nta.cli import EXIT_FAILED, EXIT_OK
from nta.cli.arguments import camera_from_options, chosen_profile, chosen_settings, said_conditions
from nta.cli.catalogue_entries import about_in, catalogue_address, open_catalogue, record_outcome
from nta.cli.progress import file_progress, say
from nta.measurements.replicates import Spread
from nta.one_recording import Request
from nta.quantity import Quantity
from nta.report.terminal import plain
from nta.report.wording import count, in_one, number


def run(options: argparse.Namespace) -> int:
    """Analyse the recordings that have no results yet; a bad file gives a row with its reason, and exit code 1."""
    request = Request(
        camera=camera_from_options(options),
        conditions=said_conditions(options),
        profile=chosen_profile(options),
        settings=chosen_settings(options),
        blank=None if options.blank is None else options.blank.absolute(),
        report=not options.no_reports,
    )
    jobs = plan(options.source, options.output, request=request, about=about_in(options))
    unrecorded: list[str] = []
    with (
        open_catalogue(catalogue_address(options)) as catalogue,
        file_progress({job.name: _size(job.recording) for job in jobs}, quiet=options.quiet) as progress,
    ):

        def on_done(job: Job, outcome: JobOutcome) -> None:
            progress(job.name, _words(outcome), outcome.kept)
            if catalogue is None:
                return
            try:
                record_outcome(catalogue, job, outcome)
            except CatalogueError as error:
                # the batch continues: a database that is away for an hour must not cost a night
                unrecorded.append(str(error))

        batch = run_batch(
            jobs,
            options.output,
            workers=options.workers,
            executor=options.executor,
            use_incomplete=options.use_incomplete,
            on_done=on_done,
        )
    if options.json:
        print(json.dumps(_rows(batch), indent=2, ensure_ascii=False))
    elif not options.quiet:
        print(plain(_summary(batch)))
    say(f"overview: {options.output / PAGE}", quiet=options.quiet)
    if unrecorded:
        say(
            f"nta: {len(unrecorded)} results are not in the catalogue ({unrecorded[0]}); the same command again records them"
        )
    return EXIT_OK if batch.whole and not unrecorded else EXIT_FAILED


def _words(outcome: JobOutcome) -> str:
    """Return the outcome of a recording in a few words."""
    d50 = outcome.numbers.get("d50_nm")
    words = plain(f"D50 {in_one(d50)}") if d50 is not None else outcome.reason or "no size distribution"
    if outcome.status == "incomplete" and d50 is not None:
        words += f", {outcome.reason}"
    return words + (", done before" if outcome.kept else "")


def _summary(batch: Batch) -> str:
    """Return a summary of the batch: counts, reasons, groups."""
    kept = sum(outcome.kept for _, outcome in batch.done)
    before = f" ({kept} done before)" if kept else ""
    lines = [f"{batch.count('result')} of {count(len(batch.done), 'file')} gave a result{before}"]
    lines += [
        f"  {outcome.status.upper():<11}{job.name}: {outcome.reason}"
        for job, outcome in batch.done
        if outcome.status != "result"
    ]
    lines += [
        f"  {'COPY':<11}{name}: byte by byte {first}, counts once in {group.group}"
        for group in batch.groups
        for name, first in group.copies.items()
    ]
    lines += [
        f"  {group.group}: D50 {_mean(group.spreads['d50_nm'])}"
        for group in batch.groups
        if "d50_nm" in group.spreads
    ]
    return "\n".join(lines)


def _mean(s: Spread) -> str:
    """Return a mean over videos in words; its interval includes the uncertainty that all videos share."""
    mean = Quantity(s.mean, s.full_low, s.full_high, s.unit)
    scatter = "" if s.sd is None or s.cv is None else f", SD {number(s.sd)} nm, CV {100 * s.cv:.1f} %"
    return f"{in_one(mean)}{scatter}, {count(s.n, 'video')}"


def _rows(batch: Batch) -> dict[str, Any]:
    return {
        "recordings": recordings_table(batch.done).to_pylist(),
        "groups": groups_table(batch.groups).to_pylist(),
    }


def _size(recording: Path) -> int:
    """Return the size of a recording in bytes; for a folder, the sum over its files if it can be read."""
    if recording.is_dir() and os.access(recording, os.R_OK | os.X_OK):
        return 1 + sum(file.stat().st_size for file in recording.iterdir() if file.is_file())
    return 1 + (recording.stat().st_size if recording.exists() else 0)
