"""`nta batch`: analyse a folder or list of recordings into one table and one page."""

from __future__ import annotations

import argparse
import json
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from nta.assessment import Verdict
from nta.batch import PAGE, Batch, Job, JobOutcome, plan, run_batch
from nta.batch.tables import groups_table, recordings_table
from nta.catalogue import CatalogueError
from nta.cli import EXIT_FAILED, EXIT_OK
from nta.cli.analyze import asked_of_any_kind
from nta.cli.catalogue_entries import about_in, catalogue_address, open_catalogue, record_outcome
from nta.cli.progress import file_progress, say, say_compiling
from nta.measurements.replicates import Spread
from nta.quantity import Quantity
from nta.report.reliance import with_reasons
from nta.report.terminal import for_terminal
from nta.report.wording import count, in_one, number


def run(options: argparse.Namespace) -> int:
    """Analyse the recordings that have no results yet; a bad file gives a row with its reason, and exit code 1."""
    request = replace(
        asked_of_any_kind(options),
        blank=None if options.blank is None else options.blank.absolute(),
        report=not options.no_reports,
    )
    jobs = plan(options.source, options.output, request=request, about=about_in(options))
    unrecorded: list[str] = []
    done: list[str] = []
    with (
        _going_on_said(done, len(jobs), quiet=options.quiet),
        open_catalogue(catalogue_address(options)) as catalogue,
        file_progress({job.name: _size(job.recording) for job in jobs}, quiet=options.quiet) as progress,
    ):

        def on_done(job: Job, outcome: JobOutcome) -> None:
            done.append(job.name)
            progress(job.name, _words(job, outcome), outcome.kept)
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
            on_compiling=(lambda: None) if options.quiet else say_compiling,
        )
    if options.json:
        print(json.dumps(_rows(batch), indent=2, ensure_ascii=False))
    elif not options.quiet:
        print(for_terminal(_summary(batch)))
    say(f"overview: {options.output / PAGE}", quiet=options.quiet)
    if unrecorded:
        say(
            f"nta: {len(unrecorded)} results are not in the catalogue ({unrecorded[0]}); the same command again records them"
        )
    return EXIT_OK if batch.whole and not unrecorded else EXIT_FAILED


@contextmanager
def _going_on_said(done: Sequence[str], of: int, *, quiet: bool) -> Iterator[None]:
    """Say after an interruption that nothing that is done is lost."""
    try:
        yield
    except KeyboardInterrupt:
        say(f"{len(done)} of {count(of, 'file')} done; the same command goes on with the others", quiet=quiet)
        raise


def _words(job: Job, outcome: JobOutcome) -> str:
    """Return the outcome of a recording in a few words."""
    d50 = outcome.numbers.get("d50_nm")
    per_ml = outcome.numbers.get("in_cell_per_ml")
    if outcome.about.kind == "blank" and per_ml is not None:
        words = for_terminal(f"background {in_one(per_ml)}")
    elif d50 is not None:
        words = for_terminal(f"D50 {in_one(d50)}")
    else:
        words = _reason(job, outcome) or "no size distribution"
    if outcome.status == "incomplete" and d50 is not None:
        words += f", {outcome.reason}"
    if outcome.verdict is Verdict.FAIL:
        words += f", do not rely on it ({', '.join(outcome.facts['failed_findings']).lower()})"
    return words + (", done before" if outcome.kept else "")


def _reason(job: Job, outcome: JobOutcome) -> str:
    """Return the reason of an outcome for a line that begins with the name of the recording."""
    name = job.recording.name
    return outcome.reason.removeprefix(f"{name} ").removeprefix(f"{name}: ")


def _summary(batch: Batch) -> str:
    """Return a summary of the batch: counts, reasons, groups."""
    kept = sum(outcome.kept for _, outcome in batch.done)
    before = f" ({kept} done before)" if kept else ""
    results, analysed = batch.count("result"), sum(outcome.analysed for _, outcome in batch.done)
    of_all = "" if analysed == results else f"of {analysed} analysed, "
    lines = [f"{results} of {count(len(batch.done), 'file')} gave a result{before}: {of_all}{_judged(batch)}"]
    lines += [
        f"  {outcome.status.upper():<11}{job.name}: {_reason(job, outcome)}"
        for job, outcome in batch.done
        if outcome.status != "result"
    ]
    lines += [
        f"  {'COPY':<11}{name}: byte by byte {first}, counts once in {group.group}"
        for group in batch.groups
        for name, first in group.copies.items()
    ]
    lines += [
        f"  {'COPY':<11}{name}: byte by byte {first} of another group, counts in both; one name is wrong"
        for name, first in batch.in_two_groups.items()
    ]
    lines += [
        f"  {group.group}: D50 {_mean(group.spreads['d50_nm'])}"
        for group in batch.groups
        if "d50_nm" in group.spreads
    ]
    lines += [f"  {group.group}: {words}" for group in batch.groups if (words := group.words_on_failed)]
    return "\n".join(lines)


def _judged(batch: Batch) -> str:
    """Return how many results are good and how many are not, and name those not to be relied on."""
    words = [
        f"{n} {judged}"
        for verdict, judged in ((Verdict.PASS, "good"), (Verdict.WARN, "to use with care"))
        if (n := len(batch.of(verdict)))
    ]
    failing = batch.of(Verdict.FAIL)
    if failing:
        words.append(f"{len(failing)} not to be relied on: {with_reasons(failing)}")
    return ", ".join(words) or "none was analysed"


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
