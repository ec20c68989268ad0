"""`nta check`: compare results with a specification; the exit code is the verdict."""

from __future__ import annotations

import argparse
import json
import sys
import traceback
from pathlib import Path

from nta.cli import EXIT_OK
from nta.cli.commands import command
from nta.cli.progress import say
from nta.cli.templates import write_template
from nta.cli.verbs.quality import EXIT_CHECK_USAGE
from nta.errors import NtaError, SettingError
from nta.qc import TEMPLATE, CheckVerdict, QcReport, check, read_specification

EXIT_UNREADABLE, EXIT_FAULT = 65, 70  # EX_DATAERR and EX_SOFTWARE of BSD's sysexits.h
_PRINTED = Path("-")
_EXIT = {CheckVerdict.PASS: 0, CheckVerdict.FAIL: 1, CheckVerdict.INCONCLUSIVE: 2}


def run(options: argparse.Namespace) -> int:
    """Check, print and write; the exit codes of failures differ from those of verdicts."""
    try:
        return _run(options)
    except SettingError as error:
        return _refused(error, EXIT_CHECK_USAGE, debug=options.debug)
    except (NtaError, OSError) as error:
        return _refused(error, EXIT_UNREADABLE, debug=options.debug)
    except Exception as error:  # the interpreter would exit with 1, which means "fail"
        return _refused(error, EXIT_FAULT, debug=True)


def _refused(error: Exception, code: int, *, debug: bool) -> int:
    if debug:
        traceback.print_exception(error)
    say(f"nta: {error}")
    return code


def _run(options: argparse.Namespace) -> int:
    if options.init is not None:
        then = f"set your limits, then: {command('check', 'RESULT', '--spec', options.init)}"
        write_template(options.init, TEMPLATE, then, quiet=options.quiet)
        return EXIT_OK
    if options.junit == _PRINTED and (options.json or options.output == _PRINTED):
        raise SettingError("JSON and JUnit XML cannot both be printed; give one of them a file")
    if options.spec is None or not options.results:
        raise SettingError("say what to check and against what: nta check RESULT... --spec spec.toml")
    report = check(
        options.results,
        read_specification(options.spec),
        blank=options.blank,
        beads=options.beads,
        reference=options.reference,
    )
    _write(report, options)
    return _EXIT[report.verdict]


def _write(report: QcReport, options: argparse.Namespace) -> None:
    if options.output not in (None, _PRINTED):
        report.write_json(options.output)
    if options.junit not in (None, _PRINTED):
        report.write_junit(options.junit)
    if options.json or options.output == _PRINTED:
        print(json.dumps(report.as_dict(), indent=2))
    elif options.junit == _PRINTED:
        print(report.junit())
    elif not options.quiet:
        from rich.console import Console

        # a log has no width, and wrapped cells are hard to search
        width = None if sys.stdout.isatty() else 140
        report.print_to(Console(file=sys.stdout, width=width))
