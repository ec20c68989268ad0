"""The overview of a batch: one self-contained page in the style of the report, with links to each report."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from nta.assessment import Verdict
from nta.batch.batch import Batch
from nta.batch.figures import group_curves, replicate_figure, small_multiples
from nta.batch.job import Job
from nta.batch.outcome import ANALYSED, JobOutcome, Status
from nta.batch.replicates import Replicates, group_of
from nta.io.atomic import write_text
from nta.io.results import BATCH_RESULTS
from nta.measurements.replicates import Spread
from nta.quantity import Quantity
from nta.report import REPORT_FILE
from nta.report import document as doc
from nta.report.document import html
from nta.report.reliance import mark_of, with_reasons
from nta.report.wording import (
    SUMMARY_NAMES,
    TRACKED_PER_FRAME,
    UNITS,
    Mood,
    as_percent,
    count,
    grouped,
    in_column,
    window_name,
    without_unit,
)

_LACKING: Mapping[Status, tuple[Mood, str]] = {
    "incomplete": ("warn", "Cut off"),
    "unsized": ("warn", "No size"),
    "failed": ("fail", "No result"),
    "skipped": ("open", "No recording"),
}
_NAMES = {
    **SUMMARY_NAMES,
    "in_cell_per_ml": "Concentration in the cell",
    "in_sample_per_ml": "Concentration in the sample",
    "per_frame": TRACKED_PER_FRAME,
    "brightness_e_per_ms": "Median light of the tracks",
}
_HOW_TO_READ = (
    (
        "The video is the unit.",
        "Means, standard deviations and intervals of a group are over its videos. The thousands of particles in one video "
        "are no replicates: they share its filling, its temperature and its drift.",
    ),
    (
        "Two intervals of a mean.",
        "The first holds the scatter between videos, by Student's t, on logarithms but for shares. The second adds what "
        "shifts all alike, such as the pixel size or the viscosity, and is never narrower than the tracks leave open.",
    ),
    (
        "Cut off",
        "recordings were analysed as far as they are whole. Their numbers are shown, and count in no mean unless that was "
        "asked for. A recording that is there twice, byte by byte, counts once.",
    ),
    (
        "Do not rely on it",
        "stands at a recording with a finding that failed. It counts in the means, since leaving out what one dislikes is a "
        "choice to be made by people: list the recordings to be kept in a manifest to leave it out.",
    ),
)


def write_page(batch: Batch, path: Path) -> Path:
    """Write the page; the file appears only when it is complete."""
    return write_text(path, page(batch))


def page(batch: Batch) -> str:
    """Return the whole page as HTML."""
    return html.page(_content(batch), f"{batch.folder.absolute().name} · batch", _footer(batch))


def _content(batch: Batch) -> Iterator[doc.Block]:
    yield doc.Title("Nanoparticle tracking analysis · batch", batch.folder.absolute().name, _about(batch))
    yield _conclusion(batch)
    yield from _without_result(batch)
    if batch.groups:
        yield doc.Heading("Replicates")
        if (picture := replicate_figure(batch.done, batch.groups)) is not None:
            yield doc.Pictures((picture,))
        yield from (doc.Pictures((picture,)) for picture in group_curves(batch.done, batch.groups))
    pictures = small_multiples(batch.done)
    if pictures:
        yield doc.Heading("Size distributions")
        yield from (doc.Pictures((picture,)) for picture in pictures)
    if batch.groups:
        yield doc.Heading("Numbers of the groups")
        yield from (doc.Paragraph(words, mood="warn") for words in _doubts(batch))
        yield _groups(batch.groups)
    yield doc.Heading("Recordings")
    yield _recordings(batch)
    yield doc.Heading("How to read this")
    yield doc.Bullets(_HOW_TO_READ)


def _about(batch: Batch) -> str:
    skipped = batch.count("skipped")
    sizes = [len(group.videos) for group in batch.groups]
    parts = [
        count(len(batch.done) - skipped, "recording"),
        f"{count(skipped, 'file that is none', 'files that are none')}" if skipped else "",
        f"{count(len(sizes), 'group')} of replicates, {_from_to(sizes)}"
        if sizes
        else "no group or sample is named",
    ]
    return " · ".join(filter(None, parts))


def _from_to(sizes: Sequence[int]) -> str:
    least, most = min(sizes), max(sizes)
    return f"{count(most, 'video')} each" if least == most else f"{least} to {most} videos each"


def _conclusion(batch: Batch) -> doc.Conclusion:
    """Say how many recordings gave a result, and which of them must not be relied on."""
    results, of = batch.count("result"), len(batch.done) - batch.count("skipped")
    failing = batch.of(Verdict.FAIL)
    lacking: Mapping[Status, str] = {"incomplete": "cut off", "unsized": "without a size", "failed": "failed"}
    without = [f"{n} {words}" for status, words in lacking.items() if (n := batch.count(status))]
    sentences = [
        f"{', '.join(without)}: the reasons are below." if without else "",
        f"Do not rely on {with_reasons(failing)}; the reports say what to do." if failing else "",
    ]
    return doc.Conclusion(
        group="",
        word=f"{results} of {count(of, 'recording')} gave a result",
        mood="fail" if not results else "warn" if without or failing else "pass",
        sentence=" ".join(filter(None, sentences))
        or "Nothing that was assessed speaks against relying on them.",
        confidence="",
    )


def _without_result(batch: Batch) -> Iterator[doc.Block]:
    rows = [
        (_link(job), doc.Mark(*_LACKING[outcome.status]), outcome.reason)
        for job, outcome in batch.done
        if outcome.status != "result"
    ]
    if rows:
        yield doc.Heading("Without a full result")
        yield doc.Table(("File", "", "Why"), tuple(rows), widths=(2, 1, 4))


def _doubts(batch: Batch) -> Iterator[str]:
    for name, first in batch.in_two_groups.items():
        yield f"{name} is byte by byte {first} of another group, and counts in both: one name is wrong."
    for group in batch.groups:
        if words := group.words_on_failed:
            yield f"{group.group}: {words}."


def _groups(groups: Sequence[Replicates]) -> doc.Table:
    head = (
        "Group",
        "Number",
        "Mean",
        "95 % over videos",
        "and with the systematic budget",
        "SD",
        "CV",
        "Videos",
    )
    rows: list[tuple[str, ...]] = []
    for group in groups:
        name = group.group
        for quantity, spread in group.spreads.items():
            rows.append((name, *_spread_cells(quantity, spread, len(group.videos))))
            name = ""
    return doc.Table(head, tuple(rows), widths=(2, 2.5, 1, 1.5, 1.5, 1, 1, 1), numbers=(2, 3, 4, 5, 6, 7))


def _spread_cells(quantity: str, s: Spread, n_videos: int) -> tuple[str, ...]:
    def written(value: float | None, low: float | None = None, high: float | None = None) -> tuple[str, str]:
        return _written(quantity, Quantity(value, low, high, s.unit))

    mean, over_videos = written(s.mean, s.low, s.high)
    return (
        _quantity_name(quantity, s.unit),
        mean,
        over_videos or "–",
        written(s.mean, s.full_low, s.full_high)[1] or "–",
        "–" if s.sd is None else written(s.sd)[0],
        "–" if s.cv is None else f"{100 * s.cv:.1f} %",
        str(s.n) if s.n == n_videos else f"{s.n} of {n_videos}",
    )


def _recordings(batch: Batch) -> doc.Table:
    copies = {name: first for group in batch.groups for name, first in group.copies.items()}
    head = (
        "Recording",
        "Group",
        "",
        "D50, nm",
        "D10, nm",
        "D90, nm",
        "Tracks",
        "Concentration, per ml",
    )
    rows = tuple(_recording(job, outcome, copies.get(job.name)) for job, outcome in batch.done)
    return doc.Table(head, rows, widths=(2.5, 2, 2, 1, 1, 1, 1, 1.5), numbers=(3, 4, 5, 6, 7))


def _recording(job: Job, outcome: JobOutcome, copy_of: str | None) -> tuple[doc.Cell, ...]:
    """Return the row of a recording. copy_of : the recording that counts in its place."""
    numbers = outcome.numbers
    group = group_of(job, outcome)
    tracks = numbers.get("tracks_used")
    sizes = (numbers.get(key) for key in ("d50_nm", "d10_nm", "d90_nm"))
    return (
        _link(job),
        f"{group}\ncopy of {copy_of}, not counted" if copy_of else group,
        _mark(outcome),
        *("–" if q is None else in_column(q) for q in sizes),
        "–" if tracks is None or tracks.value is None else grouped(int(tracks.value)),
        _per_ml(numbers),
    )


def _per_ml(numbers: Mapping[str, Quantity]) -> str:
    """Write the concentration in the sample, or in the cell if the dilution is not stated."""
    for name, where in (("in_sample_per_ml", "in the sample"), ("in_cell_per_ml", "in the cell")):
        found = numbers.get(name)
        if found is not None:
            return in_column(found, where)
    return "–"


def _link(job: Job) -> doc.Link:
    """Return the name of a recording, which leads to its report if there is one."""
    there = (job.folder / REPORT_FILE).is_file()
    return doc.Link(job.name, f"{BATCH_RESULTS}/{job.name}/{REPORT_FILE}" if there else "")


def _mark(outcome: JobOutcome) -> doc.Mark:
    """Return the mark of a recording: what it lacks, else whether its result may be relied on, with what failed."""
    mood, words = mark_of(outcome.verdict, _LACKING.get(outcome.status))
    failed = ", ".join(outcome.facts.get("failed_findings", ())).lower()
    return doc.Mark(mood, f"{words}: {failed}" if failed else words)


def _quantity_name(name: str, unit: str) -> str:
    """Return the name of a number with its unit, which its row does not repeat."""
    if name.startswith("share_"):
        low, high = name.removeprefix("share_").removesuffix("_nm").split("_")
        return f"Share in {window_name(float(low), float(high))}, %"
    shown = UNITS.get(unit, unit)
    return ", ".join(filter(None, (_NAMES.get(name, name), shown)))


def _written(name: str, quantity: Quantity) -> tuple[str, str]:
    """Return value and interval as texts without the unit; shares in per cent, of which no tracks know a thousandth."""
    if not name.startswith("share_"):
        return without_unit(quantity)
    share = as_percent(quantity)
    return without_unit(share if share.value is None else replace(share, value=round(share.value, 2)))


def _footer(batch: Batch) -> str:
    versions = sorted({str(o.facts["software"]) for _, o in batch.done if o.facts.get("software")})
    analysed = sum(batch.count(status) for status in ANALYSED)
    by = f" by nta-lab {', '.join(versions)}" if versions else ""
    return (
        f"{count(analysed, 'recording')} of {len(batch.done)} files analysed{by}. The same numbers, for programs: "
        "recordings.csv, recordings.parquet, groups.csv and groups.parquet beside this page."
    )
