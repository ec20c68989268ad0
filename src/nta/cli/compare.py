"""`nta compare`: show several results on one page."""

from __future__ import annotations

import argparse

from nta.cli import EXIT_OK
from nta.cli.arguments import refuse_existing
from nta.cli.progress import say
from nta.errors import SettingError
from nta.measurements import distinct_names, result_name
from nta.overlay import NoResultError, not_to_rely_on, open_entry, write_overlay
from nta.overlay.figures import draw_all
from nta.report import write_pictures
from nta.report.reliance import with_reasons


def run(options: argparse.Namespace) -> int:
    """Read every result and write the page."""
    if options.output.suffix.lower() not in (".html", ".htm"):
        raise SettingError(f"-o {options.output}: the page is an .html file")
    refuse_existing(options.output, force=options.force)
    entries, empty = [], []
    names = distinct_names([result_name(path) for path in options.results], options.results)
    for path, name in zip(options.results, names, strict=True):
        try:
            entries.append(open_entry(path, name=name, same_viscosity=options.same_viscosity))
        except NoResultError as error:
            empty.append(error)
            say(f"nta: {error}", quiet=options.quiet)
    if not entries:
        raise SettingError("none of these has a result to show")
    options.output.parent.mkdir(parents=True, exist_ok=True)
    write_overlay(entries, options.output, options.title, empty)
    if options.figures is not None:
        curves, percentiles, concentrations = draw_all(entries)
        write_pictures((curves, percentiles, *concentrations), options.figures)
    if not options.quiet:
        for entry in entries:
            print(
                f"{entry.name}: D50 {entry.number('d50_nm')}, {entry.program}, {entry.results[0].describes}"
            )
        if failed := not_to_rely_on(entries):
            print(f"Do not rely on {with_reasons(failed)}")
    say(f"page: {options.output}", quiet=options.quiet)
    return EXIT_OK
