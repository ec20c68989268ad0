"""The overview of a batch: one self-contained page in the style of the report, with links to each report."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from importlib import resources
from pathlib import Path
from urllib.parse import quote

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
from nta.report.document.html import figure
from nta.report.markup import box, element, marked, stacked, table, text, whole_page
from nta.report.reliance import mark_of, with_reasons
from nta.report.wording import (
    SUMMARY_NAMES,
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
    "per_frame": "Seen per frame, in tracks",
    "brightness_e_per_ms": "Median light of the tracks",
}
_HOW_TO_READ = (
    "<b>The video is the unit.</b> Means, standard deviations and intervals of a group are over its videos. The thousands "
    "of particles in one video are no replicates: they share its filling, its temperature and its drift.",
    "<b>Two intervals of a mean.</b> The first holds the scatter between videos, by Student's t, on logarithms but for "
    "shares. The second adds what shifts all videos alike, such as the pixel size or the viscosity, and is never narrower "
    "than the tracks leave open.",
    "<b>Cut off</b> recordings were analysed as far as they are whole. Their numbers are shown, and count in no mean unless "
    "that was asked for. A recording that is there twice, byte by byte, counts once.",
    "<b>Do not rely on it</b> stands at a recording with a finding that failed. It counts in the means, since leaving out "
    "what one dislikes is a choice to be made by people: list the recordings to be kept in a manifest to leave it out.",
)


def write_page(batch: Batch, path: Path) -> Path:
    """Write the page; the file appears only when it is complete."""
    return write_text(path, page(batch))


def page(batch: Batch) -> str:
    """Return the whole page as HTML."""
    css = resources.files("nta.batch").joinpath("batch.css").read_text(encoding="utf-8")
    body = "\n".join(part for part in _parts(batch) if part)
    return whole_page(f"{batch.folder.absolute().name} · batch", body, more_css=css)


def _parts(batch: Batch) -> Iterator[str]:
    yield element("p", "Nanoparticle tracking analysis · batch", kind="kicker")
    yield element("h1", text(batch.folder.absolute().name))
    failing = batch.of(Verdict.FAIL)
    if failing:
        yield element("p", marked("fail", text(_not_to_rely_on(failing))), kind="judged")
    yield element("div", "\n".join(_boxes(batch)), kind="headline")
    without = [(job, outcome) for job, outcome in batch.done if outcome.status != "result"]
    if without:
        yield element("h2", f"{len(without)} without a full result")
        yield table((), [_reason_row(job, outcome) for job, outcome in without], kind="findings")
    if batch.groups:
        yield element("h2", "Replicates")
        if (picture := replicate_figure(batch.done, batch.groups)) is not None:
            yield figure(picture)
        yield from map(figure, group_curves(batch.done, batch.groups))
    pictures = small_multiples(batch.done)
    if pictures:
        yield element("h2", "Size distributions")
        yield from map(figure, pictures)
    if batch.groups:
        yield element("h2", "Numbers of the groups")
        for name, first in batch.in_two_groups.items():
            words = f"{name} is byte by byte {first} of another group, and counts in both: one name is wrong."
            yield element("p", marked("warn", text(words)), kind="judged")
        for group in batch.groups:
            if words := group.words_on_failed:
                yield element("p", marked("warn", text(f"{group.group}: {words}.")), kind="judged")
        yield element("div", _groups(batch.groups), kind="wide")
    yield element("h2", "Recordings")
    yield element("div", _recordings(batch), kind="wide")
    yield element("h2", "How to read this")
    yield element("ul", "\n".join(element("li", words) for words in _HOW_TO_READ), kind="read")
    yield element("footer", text(_footer(batch)))


def _not_to_rely_on(failing: Mapping[str, Sequence[str]]) -> str:
    return f"Do not rely on {with_reasons(failing)}. The reports say what to do."


def _boxes(batch: Batch) -> Iterator[str]:
    cut, skipped = batch.count("incomplete"), batch.count("skipped")
    yield box("Recordings", str(len(batch.done) - skipped), _not_recordings(skipped))
    yield box("Results", str(batch.count("result")), _watched(batch, cut))
    without = batch.count("failed") + batch.count("unsized")
    yield box("No result", str(without), "the reasons are below" if without else "")
    yield box("Groups of replicates", str(len(batch.groups)), _largest(batch))


def _not_recordings(n: int) -> str:
    """Return in words how many of the files are no recordings."""
    return f"and {count(n, 'file that is none', 'files that are none')}" if n else "every file is one"


def _watched(batch: Batch, cut: int) -> str:
    more = [f"{cut} more cut off"] if cut else []
    return "; ".join([*more, f"{len(batch.of(Verdict.FAIL)) or 'none'} not to be relied on"])


def _largest(batch: Batch) -> str:
    sizes = [len(group.videos) for group in batch.groups]
    if not sizes:
        return "no group and no sample is named"
    least, most = min(sizes), max(sizes)
    return f"{count(most, 'video')} each" if least == most else f"{least} to {most} videos each"


def _reason_row(job: Job, outcome: JobOutcome) -> list[str]:
    return [_mark(outcome), _name(job), element("span", text(outcome.reason), kind="evidence")]


def _groups(groups: Sequence[Replicates]) -> str:
    head = ("Group", "Number", "Mean", "95 % over videos", "with what they share", "SD", "CV", "Videos")
    rows = []
    for group in groups:
        name = element("b", text(group.group))
        for quantity, spread in group.spreads.items():
            rows.append([name, *map(text, _spread_cells(quantity, spread, len(group.videos)))])
            name = ""
    return table(head, rows, numbers=(2, 3, 4, 5, 6, 7))


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


def _recordings(batch: Batch) -> str:
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
        "Failed",
    )
    rows = []
    for job, outcome in batch.done:
        numbers = outcome.numbers
        tracks = numbers.get("tracks_used")
        sizes = (numbers.get(key) for key in ("d50_nm", "d10_nm", "d90_nm"))
        rows.append(
            [
                _name(job),
                text(group_of(job, outcome)),
                _mark(outcome) + _copy_of(copies.get(job.name)),
                *(stacked("–" if q is None else in_column(q)) for q in sizes),
                text("–" if tracks is None or tracks.value is None else grouped(int(tracks.value))),
                stacked(_per_ml(numbers)),
                text("; ".join(outcome.facts.get("failed_findings", ()))),
            ]
        )
    return table(head, rows, numbers=(3, 4, 5, 6, 7))


def _copy_of(first: str | None) -> str:
    """Return a note for a recording that is a copy and therefore not counted in its group."""
    return (
        "" if first is None else f"<br>{element('span', text(f'copy of {first}, not counted'), kind='note')}"
    )


def _per_ml(numbers: Mapping[str, Quantity]) -> str:
    """Write the concentration in the sample, or in the cell if the dilution is not stated."""
    for name, where in (("in_sample_per_ml", "in the sample"), ("in_cell_per_ml", "in the cell")):
        found = numbers.get(name)
        if found is not None:
            return in_column(found, where)
    return "–"


def _name(job: Job) -> str:
    """Return the name of a recording, as a link to its report if there is one."""
    if not (job.folder / REPORT_FILE).is_file():
        return text(job.name)
    return f'<a href="{text(quote(f"{BATCH_RESULTS}/{job.name}/{REPORT_FILE}"))}">{text(job.name)}</a>'


def _mark(outcome: JobOutcome) -> str:
    """Return the mark of a recording: what it lacks, else whether its result may be relied on."""
    return marked(*mark_of(outcome.verdict, _LACKING.get(outcome.status)))


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
