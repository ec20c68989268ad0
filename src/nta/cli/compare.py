"""`nta compare`: show results of several sources on one page."""

from __future__ import annotations

import argparse

from nta.cli import EXIT_OK
from nta.cli.arguments import refuse_existing
from nta.cli.progress import say
from nta.errors import SettingError
from nta.measurements import distinct_names, result_name
from nta.overlay import NoResultError, not_to_rely_on, open_source, write_overlay
from nta.overlay.figures import draw_all
from nta.report import write_pictures
from nta.report.reliance import with_reasons


def run(options: argparse.Namespace) -> int:
    """Read every result and write the page."""
    if options.output.suffix.lower() not in (".html", ".htm"):
        raise SettingError(f"-o {options.output}: the page is an .html file")
    refuse_existing(options.output, force=options.force)
    sources, empty = [], []
    names = distinct_names([result_name(path) for path in options.results], options.results)
    for path, name in zip(options.results, names, strict=True):
        try:
            sources.append(open_source(path, name=name, same_viscosity=options.same_viscosity))
        except NoResultError as error:
            empty.append(error)
            say(f"nta: {error}", quiet=options.quiet)
    if not sources:
        raise SettingError("none of these has a result to show")
    options.output.parent.mkdir(parents=True, exist_ok=True)
    write_overlay(sources, options.output, options.title, empty)
    if options.figures is not None:
        curves, percentiles, concentrations = draw_all(sources)
        write_pictures((curves, percentiles, *concentrations), options.figures)
    if not options.quiet:
        for source in sources:
            print(
                f"{source.name}: D50 {source.number('d50_nm')}, {source.program}, {source.results[0].describes}"
            )
        if failed := not_to_rely_on(sources):
            print(f"Do not rely on {with_reasons(failed)}")
    say(f"page: {options.output}", quiet=options.quiet)
    return EXIT_OK
