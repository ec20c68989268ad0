"""`nta report`: write the report of saved results again."""

from __future__ import annotations

import argparse

from nta.cli import EXIT_OK
from nta.cli.progress import say
from nta.io.results import load_analysis, results_file
from nta.report import write_figures, write_report


def run(options: argparse.Namespace) -> int:
    """Load results and write their report."""
    results = results_file(options.results)
    folder = options.output or results.parent
    analysis = load_analysis(results)
    folder.mkdir(parents=True, exist_ok=True)
    page = write_report(analysis, folder)
    if options.figures:
        write_figures(analysis, folder / "figures")
    say(f"report: {page}", quiet=options.quiet)
    return EXIT_OK
