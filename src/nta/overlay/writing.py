"""The comparison page: curves, numbers, and how each program obtained them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from nta.assessment import Verdict
from nta.io.atomic import write_text
from nta.measurements import MeasuredRun
from nta.overlay.entry import Entry, NoResultError
from nta.overlay.figures import draw_all
from nta.quantity import fixed
from nta.report import document as doc
from nta.report.document.html import page
from nta.report.reliance import mark_of, with_reasons
from nta.report.wording import SUMMARY_NAMES, as_limit, grouped, in_column, number

_NUMBERS = ("d10_nm", "d50_nm", "d90_nm", "mean_nm", "mode_nm", "sd_nm", "span")
_COUNTED = ("d10_nm", "d50_nm", "d90_nm")
_PRINTED = ("mean_nm", "mode_nm", "sd_nm", "d10_nm", "d50_nm", "d90_nm")


def write_overlay(
    entries: Sequence[Entry],
    path: str | Path,
    title: str = "Comparison of results",
    empty: Sequence[NoResultError] = (),
) -> Path:
    """Write the comparison as one self-contained page.

    empty : errors of entries without a result; the page lists their reasons.
    """
    return write_text(path, page(_content(entries, title, empty), title, doc.footer()))


def _content(entries: Sequence[Entry], title: str, empty: Sequence[NoResultError]) -> list[doc.Block]:
    curves, percentiles, concentrations = draw_all(entries)
    return [
        doc.Title("Nanoparticle tracking analysis", title, " · ".join(s.name for s in entries)),
        *_judged(entries),
        doc.Pictures((curves,)),
        doc.Heading("Numbers"),
        _numbers(entries),
        doc.Paragraph(
            "All from the distributions above, in one way, with 95 % intervals; a number without one comes from a single "
            "run of a program that gives none. Intervals of replicates hold their scatter and no systematic part that the "
            "program does not state.",
            note=True,
        ),
        doc.Pictures((percentiles,)),
        *(doc.Pictures((picture,)) for picture in concentrations),
        doc.Heading("How each was made"),
        _makings(entries),
        *_printed(entries),
        doc.Heading("What the programs do not say in their files", 3),
        doc.Bullets(tuple(_hidden(entries))),
        *_failed(entries, empty),
    ]


def _numbers(entries: Sequence[Entry]) -> doc.Table:
    rows: list[tuple[doc.Cell, ...]] = [
        ("Own report", *(_mark(s) for s in entries)),
        *((_row_name(key), *(in_column(s.number(key)) for s in entries)) for key in _NUMBERS),
        *(
            (_row_name(key, " in suspension"), *(_counted(s, key) for s in entries))
            for key in _COUNTED
            if any(s.number_counted(key).value is not None for s in entries)
        ),
        ("Concentration, per ml", *(_concentration(s) for s in entries)),
        ("Tracks", *(_tracks(s) for s in entries)),
        ("Results", *(str(len(s.results)) for s in entries)),
    ]
    return _table(("", *(s.name for s in entries)), rows)


def _table(
    head: tuple[str, ...], rows: Iterable[tuple[doc.Cell, ...]], numbers: tuple[int, ...] = ()
) -> doc.Table:
    return doc.Table(head, tuple(rows), widths=tuple(1.0 for _ in head), numbers=numbers)


def _concentration(entry: Entry) -> str:
    q, words = entry.concentration()
    if q.value is None and q.high is not None:
        return "\n".join(
            part for part in (f"{as_limit(q, with_unit=False)} {words}", entry.why_limit()) if part
        )
    return "–" if q.value is None else in_column(q, words)


def _counted(entry: Entry, key: str) -> str:
    q = entry.number_counted(key)
    return "–" if q.value is None else in_column(q)


def _row_name(key: str, where: str = "") -> str:
    """Return the name of a number with its unit."""
    return f"{SUMMARY_NAMES[key]}{where}{', nm' if key.endswith('_nm') else ''}"


def _tracks(entry: Entry) -> str:
    known = [m.n_tracks for m in entry.results if m.n_tracks is not None]
    return grouped(sum(known)) if len(known) == len(entry.results) else "–"


def _mark(entry: Entry) -> doc.Cell:
    """Return whether our own results may be relied on, with the findings against it; other programs assess nothing."""
    assessments = entry.assessments
    if not assessments:
        return "–"
    mood, words = mark_of(entry.verdict)
    against = entry.verdict in (Verdict.FAIL, Verdict.WARN)
    titles = dict.fromkeys(
        f.title for a in assessments for f in a.findings if against and f.verdict is entry.verdict
    )
    return doc.Mark(mood, f"{words}: {', '.join(titles)}" if titles else words)


def _judged(entries: Sequence[Entry]) -> Iterator[doc.Block]:
    """Say first which entries must not be relied on."""
    if failed := not_to_rely_on(entries):
        yield doc.Paragraph(f"Do not rely on {with_reasons(failed)}.", mood="fail")


def not_to_rely_on(entries: Sequence[Entry]) -> dict[str, list[str]]:
    """Return the names of the entries with a finding that failed, with the titles of these findings."""
    return {
        s.name: list(dict.fromkeys(title for a in s.assessments for title in a.failed))
        for s in entries
        if s.verdict is Verdict.FAIL
    }


def _makings(entries: Sequence[Entry]) -> doc.Table:
    head = ("Name", "Program", "Sizes are of", "Temperature", "Viscosity against water", "Percentiles")
    rows = tuple(
        (s.name, s.program, s.results[0].describes, _temperature(s), _viscosity(s), _percentiles(s))
        for s in entries
    )
    return _table(head, rows)


def _temperature(entry: Entry) -> str:
    value = entry.results[0].temperature_c
    return "not stated" if value is None else f"{number(value, 4)} °C"


def _viscosity(entry: Entry) -> str:
    if entry.viscosity_ratio is None:
        return "of its medium" if not isinstance(entry.results[0], MeasuredRun) else "not stated"
    shift = f"{fixed(100 * (entry.viscosity_ratio - 1), 1, signed=True)} %".replace("-", "−")
    if entry.rescaled:
        return f"{shift}: taken out, sizes here are {shift} against the file's"
    larger = "larger" if entry.viscosity_ratio > 1 else "smaller"
    return f"{shift}; by that of water sizes would be {larger} by as much"


def _percentiles(entry: Entry) -> str:
    first = entry.results[0]
    theirs = first.result.percentiles if isinstance(first, MeasuredRun) else None
    return (
        f"here {first.percentiles}; in the file {theirs.description}"
        if theirs
        else f"here {first.percentiles}"
    )


def _printed(entries: Sequence[Entry]) -> Iterator[doc.Block]:
    """Yield the statistics that the vendors' programs wrote into their files."""
    rows = [
        (
            s.name,
            m.run.name,
            *(f"{m.run.printed[key]:g}" if key in m.run.printed else "–" for key in _PRINTED),
        )
        for s in entries
        for m in s.results
        if isinstance(m, MeasuredRun) and m.run.printed
    ]
    if rows:
        yield doc.Heading("As printed by the programs, nm", 3)
        names = tuple(SUMMARY_NAMES[key].partition(" (")[0] for key in _PRINTED)
        yield _table(("Name", "Run", *names), rows, numbers=tuple(range(2, 2 + len(_PRINTED))))


def _hidden(entries: Sequence[Entry]) -> Iterator[tuple[str, str]]:
    said: dict[str, None] = {}
    for s in entries:
        for words in s.results[0].hidden:
            said[f"{s.program}|{words}"] = None
    if not said:
        yield ("Nothing", "is known to be hidden.")
    for line in said:
        program, _, words = line.partition("|")
        yield (f"{program}:", f"{words}.")


def _failed(entries: Sequence[Entry], empty: Sequence[NoResultError]) -> Iterator[doc.Block]:
    lines = tuple((f"{s.name}:", words) for s in entries for words in s.failed)
    lines += tuple((f"{error.name}:", error.why) for error in empty)
    if lines:
        yield doc.Heading("Runs without a result", 3)
        yield doc.Bullets(lines)
