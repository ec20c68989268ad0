"""`nta sop`: write a protocol of measurement to fill in, or check one; `nta run --sop` carries it out."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from nta.cli import EXIT_FAILED, EXIT_INTERRUPTED, EXIT_OK
from nta.cli.catalogue_entries import about_in, catalogue_address, open_catalogue, record_videos
from nta.cli.commands import as_options, command
from nta.cli.progress import compiling_said, frame_progress, say
from nta.cli.templates import write_template
from nta.cli.verbs.options import CATALOGUE_OPTIONS
from nta.errors import SettingError, Terminated
from nta.one_recording import write_results
from nta.quantity import Quantity
from nta.report.terminal import for_terminal
from nta.report.wording import count, prettied, value_and_interval
from nta.sop import TEMPLATE, Procedure, ProcedureOutcome, carry_out, read_procedure, write_sop_report
from nta.sop.instrument import made
from nta.sop.report import NAMES, words_on_failed
from nta.sop.summary import summary


def run(options: argparse.Namespace) -> int:
    """Write a template of a procedure, or check a procedure."""
    if options.action == "check":
        procedure = read_procedure(options.procedure)
        for stage in procedure.stages():
            made(procedure, stage)
        videos = ", ".join(f"{len(procedure.steps(stage))} of {stage}" for stage in procedure.stages())
        say(f"{options.procedure}: {videos}, good", quiet=options.quiet)
        return EXIT_OK
    if options.procedure.exists():
        raise SettingError(f"{options.procedure} exists already; name another file: nta sop init other.toml")
    then = f"fill it in, then: {command('run', '--sop', options.procedure)}"
    write_template(options.procedure, TEMPLATE, then, quiet=options.quiet)
    return EXIT_OK


def carry_out_sop(procedure: Procedure, folder: Path, options: argparse.Namespace) -> int:
    """Carry out a procedure and report; the exit code is that of a failure if one video failed."""
    if not options.yes and not (sys.stdin and sys.stdin.isatty()):
        raise SettingError("nobody is there to load the cell; give --yes where that is not needed")
    with (
        open_catalogue(catalogue_address(options)) as catalogue,
        compiling_said(quiet=options.quiet),
    ):
        try:
            outcome = carry_out(
                procedure,
                folder,
                tell=lambda words: say(words, quiet=options.quiet),
                ask=_unasked if options.yes else _asked,
                make_bar=lambda title, total: frame_progress(title, total, quiet=options.quiet),
                keep=write_results,
                resumed=options.resume,
            )
            report = write_sop_report(outcome)
        except Terminated:
            say(f"measure what is missing, and make the report, with: {_going_on(folder, options)}")
            raise
        unrecorded = [] if catalogue is None else record_videos(catalogue, outcome, about_in(options))
    for video in outcome.videos if options.debug else ():
        say(video.detail, quiet=not video.detail)
    if options.json:
        print(json.dumps(summary(outcome), indent=2))
    elif not options.quiet:
        print("\n".join(_lines(outcome)))
    say(f"report: {report}", quiet=options.quiet)
    for words in unrecorded:
        say(f"nta: {words}")
    if outcome.interrupted:
        say(f"go on with what is missing: {_going_on(folder, options)}", quiet=options.quiet)
        return EXIT_INTERRUPTED
    return EXIT_FAILED if outcome.failed or unrecorded else EXIT_OK


def _going_on(folder: Path, options: argparse.Namespace) -> str:
    """Return the command that resumes the run in a folder."""
    stated = {name: getattr(options, name) for name in ("sample", "dilution", *CATALOGUE_OPTIONS)}
    yes = ["--yes"] if options.yes else []
    return command("run", "--sop", options.sop, "-o", folder, "--resume", *yes, *as_options(stated))


def _lines(outcome: ProcedureOutcome) -> list[str]:
    """Return a summary of the result, line by line, for a terminal."""
    failed = words_on_failed(outcome)
    lines = [outcome.procedure.name, *([f"  {for_terminal(failed)}"] if failed else [])]
    for name, s in outcome.spreads.items():
        value, interval = value_and_interval(Quantity(s.mean, s.full_low, s.full_high, s.unit))
        cv = "" if s.cv is None else f"   CV {100 * s.cv:.1f} %"
        ends = f"   ({interval})" if interval else ""
        lines.append(for_terminal(f"  {NAMES[name]:<32}{value:>16}{ends}{cv}   {count(s.n, 'video')}"))
    lines += [
        for_terminal(f"  {finding.verdict.upper()}  {finding.title}: {prettied(finding.evidence)}")
        for finding in outcome.findings
    ]
    lines += [f"  {video.step.name}: {video.reason}" for video in outcome.videos if video.reason]
    return [*lines, *(f"  {note}" for note in outcome.notes)]


def _asked(words: str) -> None:
    try:
        input(f"{words} Then press Enter. ")
    except EOFError:  # Ctrl-D, or the terminal is gone: no one will load the cell
        raise KeyboardInterrupt from None


def _unasked(words: str) -> None:
    """Go on at once."""
