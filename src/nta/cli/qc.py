"""`nta qc`: control charts of the beads in the catalogue, and the baseline that they are compared with."""

from __future__ import annotations

import argparse
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime

from nta.catalogue import Catalogue
from nta.cli import EXIT_FAILED, EXIT_OK
from nta.cli.arguments import refuse_existing
from nta.cli.progress import say
from nta.errors import SettingError
from nta.qc.baseline import GOOD_RUNS, Baseline, make_baseline, read_baseline, write_baseline
from nta.qc.chart import chart_runs
from nta.qc.chart_page import write_charts
from nta.report.wording import count


def run(options: argparse.Namespace) -> int:
    """Make a baseline or a chart from the catalogue."""
    with Catalogue.open(options.catalogue, create=False) as catalogue:
        return _baseline(catalogue, options) if options.action == "baseline" else _chart(catalogue, options)


def _baseline(catalogue: Catalogue, options: argparse.Namespace) -> int:
    if options.output.suffix != ".toml":
        raise SettingError(f"-o {options.output}: a baseline is a .toml file")
    refuse_existing(options.output, force=options.force)
    runs = catalogue.runs(
        kind="beads",
        instrument=options.instrument,
        standard=options.standard,
        lot=options.lot,
        since=options.since,
        until=options.until,
    )
    if not runs:
        raise SettingError(f"{catalogue.name} holds no such run of beads; {_beads_in(catalogue)}")
    baseline = make_baseline(runs, catalogue=catalogue.name, date=datetime.now(UTC).date())
    write_baseline(baseline, options.output, replace=options.force)
    say(f"{options.output}: {baseline.source}", quiet=options.quiet)
    if (n := min(level.n for level in baseline.levels.values())) < GOOD_RUNS:
        say(f"{n} runs are few for a baseline; make it again once there are {GOOD_RUNS}", quiet=options.quiet)
    for words in _off_certificate(baseline):
        say(words, quiet=options.quiet)
    say(f"baseline: {options.output}; look at it before you use it", quiet=options.quiet)
    return EXIT_OK


def _beads_in(catalogue: Catalogue) -> str:
    """Return a list, in words, of the beads that have runs: it reveals a mistyped name or date."""
    names = ("instrument", "standard", "lot")
    series = Counter(
        ", ".join(f"{name} {getattr(run, name) or 'not said'}" for name in names)
        for run in catalogue.runs(kind="beads")
    )
    if not series:
        return "none of its runs is of beads: record them with --kind beads --standard NAME"
    return "there are " + "; ".join(f"{count(n, 'run')} of {of}" for of, n in sorted(series.items()))


def _off_certificate(baseline: Baseline) -> Iterator[str]:
    found = baseline.against_certificate()
    if found is not None:
        yield f"{found.evidence}{f': {found.advice}' if found.advice else ''}"


def _chart(catalogue: Catalogue, options: argparse.Namespace) -> int:
    if not options.baseline:
        raise SettingError(
            "a chart needs a baseline that the laboratory fixed: nta qc baseline ... -o baseline.toml"
        )
    if options.output.suffix.lower() not in (".html", ".htm"):
        raise SettingError(f"-o {options.output}: the page is an .html file")
    if of_runs := [f"--{name}" for name in ("instrument", "standard", "lot") if getattr(options, name)]:
        raise SettingError(
            f"a chart takes the runs of its baseline and no {', '.join(of_runs)}; make a baseline of those runs first"
        )
    baselines = [read_baseline(path) for path in options.baseline]
    sets = [chart_runs(catalogue, b, since=options.since, until=options.until) for b in baselines]
    options.output.parent.mkdir(parents=True, exist_ok=True)
    write_charts(sets, options.output, png=options.png)
    for found in sets:
        for item in found.charts:
            last = item.points[-1]
            good = "no run since the baseline" if found.none_since else "in control"
            word = good if item.in_control else f"OUT OF CONTROL: {', '.join(last.rules)}"
            if item.quantity in found.lacking:
                word = f"NOT KNOWN in the newest run, {found.newest}"
            say(f"{found.baseline.name}: {item.title}: {word} ({len(item.points)} runs)", quiet=options.quiet)
        for words in (*found.missing, *_off_certificate(found.baseline)):
            say(f"{found.baseline.name}: {words}", quiet=options.quiet)
    say(f"page: {options.output}", quiet=options.quiet)
    return EXIT_FAILED if options.strict and not all(found.in_control for found in sets) else EXIT_OK
