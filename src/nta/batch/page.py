"""The overview of a batch: one self-contained page, in the style of the report, with links to every recording's own."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

from nta.batch.figures import group_curves, replicate_figure, small_multiples
from nta.batch.job import RESULTS, Job
from nta.batch.outcome import Outcome
from nta.batch.replicates import Replicates, group_of
from nta.io.atomic import new_file
from nta.measurements.replicates import Spread
from nta.quantity import Quantity
from nta.report import REPORT_FILE
from nta.report.figures.style import Picture, as_svg
from nta.report.markup import element, table, text, whole_page
from nta.report.wording import (
    SUMMARY_NAMES,
    as_percent,
    count,
    grouped,
    in_one,
    scientific,
    value_and_interval,
    window_name,
)

if TYPE_CHECKING:
    from nta.batch.running import Batch

_MARKS = {
    "result": ("pass", "✓", "Result"),
    "incomplete": ("warn", "▲", "Cut off"),
    "failed": ("fail", "✕", "No result"),
    "skipped": ("open", "○", "No recording"),
}
_NAMES = {
    **SUMMARY_NAMES,
    "in_cell_per_ml": "Particles per ml, in the cell",
    "in_sample_per_ml": "Particles per ml, in the sample",
    "per_frame": "Seen per frame, in tracks",
    "brightness_e_per_ms": "Median light of the tracks, e/ms",
}
_HOW_TO_READ = (
    "<b>The video is the unit.</b> Means, standard deviations and intervals of a group are over its videos. The thousands "
    "of particles in one video are no replicates: they share its filling, its temperature and its drift.",
    "<b>Two intervals of a mean.</b> The first holds the scatter between videos, by Student's t, on logarithms but for "
    "shares. The second adds what shifts all videos alike, such as the pixel size or the viscosity, and is never narrower "
    "than the tracks leave open.",
    "<b>Cut off</b> recordings were analysed as far as they are whole. Their numbers are shown, and count in no mean unless "
    "that was asked for. A recording that is there twice, byte by byte, counts once.",
)


def write_page(batch: Batch, path: Path) -> Path:
    """Write the page; it appears when it is whole."""
    with new_file(path) as partial:
        partial.write_text(page(batch), encoding="utf-8")
    return path


def page(batch: Batch) -> str:
    """Return the whole page."""
    css = resources.files("nta.batch").joinpath("batch.css").read_text(encoding="utf-8")
    body = "\n".join(part for part in _parts(batch) if part)
    return whole_page(f"{batch.folder.absolute().name} · batch", body, more_css=css)


def _parts(batch: Batch) -> Iterator[str]:
    yield element("p", "Nanoparticle tracking analysis · batch", kind="kicker")
    yield element("h1", text(batch.folder.absolute().name))
    yield element("div", "\n".join(_boxes(batch)), kind="headline")
    without = [(job, outcome) for job, outcome in batch.done if outcome.status != "result"]
    if without:
        yield element("h2", f"{len(without)} without a full result")
        yield table((), [_reason_row(job, outcome) for job, outcome in without], kind="findings")
    if batch.groups:
        yield element("h2", "Replicates")
        if (picture := replicate_figure(batch.done, batch.groups)) is not None:
            yield _figure(picture)
        yield from map(_figure, group_curves(batch.done, batch.groups))
    pictures = small_multiples(batch.done)
    if pictures:
        yield element("h2", "Size distributions")
        yield from map(_figure, pictures)
    if batch.groups:
        yield element("h2", "Numbers of the groups")
        yield element("div", _groups(batch.groups), kind="wide")
    yield element("h2", "Recordings")
    yield element("div", _recordings(batch.done), kind="wide")
    yield element("h2", "How to read this")
    yield element("ul", "\n".join(element("li", words) for words in _HOW_TO_READ), kind="read")
    yield element("footer", text(_footer(batch)))


def _boxes(batch: Batch) -> Iterator[str]:
    yield _box("Recordings", str(len(batch.done)), _watched(batch))
    yield _box("Results", str(batch.count("result")), f"{batch.count('incomplete')} more cut off")
    yield _box("No result", str(batch.count("failed")), f"{batch.count('skipped')} files are no recording")
    yield _box("Groups of replicates", str(len(batch.groups)), _largest(batch))


def _watched(batch: Batch) -> str:
    failing = sum(bool(outcome.facts.get("failed_findings")) for _, outcome in batch.done)
    return f"{failing} with a finding that failed"


def _largest(batch: Batch) -> str:
    sizes = [len(group.videos) for group in batch.groups]
    return f"{min(sizes)} to {max(sizes)} videos each" if sizes else "no group and no sample is named"


def _box(name: str, value: str, below: str) -> str:
    parts = ((name, "name"), (value, "value"), (below, "interval"))
    return element("div", "".join(element("div", text(words), kind=kind) for words, kind in parts))


def _reason_row(job: Job, outcome: Outcome) -> list[str]:
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
        _quantity_name(quantity),
        mean,
        over_videos or "–",
        written(s.mean, s.full_low, s.full_high)[1] or "–",
        "–" if s.sd is None else written(s.sd)[0],
        "–" if s.cv is None else f"{100 * s.cv:.1f} %",
        str(s.n) if s.n == n_videos else f"{s.n} of {n_videos}",
    )


def _recordings(done: Sequence[tuple[Job, Outcome]]) -> str:
    head = (
        "Recording",
        "Group",
        "",
        "D50 (interval)",
        "D10",
        "D90",
        "Tracks",
        "Per ml",
        "Findings that failed",
    )
    rows = []
    for job, outcome in done:
        numbers = outcome.numbers
        tracks = numbers.get("tracks_used")
        median, *ends = (numbers.get(key) for key in ("d50_nm", "d10_nm", "d90_nm"))
        rows.append(
            [
                _name(job),
                text(group_of(job, outcome)),
                _mark(outcome),
                text("–" if median is None else in_one(median)),
                *(text("–" if q is None else _written("d50_nm", q)[0]) for q in ends),
                text("–" if tracks is None or tracks.value is None else grouped(int(tracks.value))),
                text(_per_ml(numbers)),
                text("; ".join(outcome.facts.get("failed_findings", ()))),
            ]
        )
    return table(head, rows, numbers=(3, 4, 5, 6, 7))


def _per_ml(numbers: Mapping[str, Quantity]) -> str:
    """Write the concentration in the sample; that in the cell, said so, where nobody stated the dilution."""
    for name, where in (("in_sample_per_ml", ""), ("in_cell_per_ml", " in the cell")):
        found = numbers.get(name)
        if found is not None and found.value is not None:
            return f"{scientific(found.value)}{where}"
    return "–"


def _name(job: Job) -> str:
    """Return the name of a recording, as a link to its report where there is one."""
    if not (job.folder / REPORT_FILE).is_file():
        return text(job.name)
    return f'<a href="{text(quote(f"{RESULTS}/{job.name}/{REPORT_FILE}"))}">{text(job.name)}</a>'


def _mark(outcome: Outcome) -> str:
    kind, sign, word = _MARKS[outcome.status]
    return element("span", f'<span class="mark">{sign}</span>{word}', kind=f"verdict {kind}")


def _quantity_name(name: str) -> str:
    if name.startswith("share_"):
        low, high = name.removeprefix("share_").removesuffix("_nm").split("_")
        return f"Share in {window_name(float(low), float(high))}"
    return _NAMES.get(name, name)


def _written(name: str, quantity: Quantity) -> tuple[str, str]:
    """Write a value and its interval, shares as percentages and concentrations as powers of ten."""
    if name.endswith("_per_ml") and quantity.value is not None:
        ends = [q for q in (quantity.low, quantity.high) if q is not None]
        return scientific(quantity.value), " to ".join(map(scientific, ends))
    return value_and_interval(as_percent(quantity) if name.startswith("share_") else quantity)


def _figure(picture: Picture) -> str:
    caption = f"<b>{text(picture.title)}.</b> {text(picture.caption)}"
    return element("figure", f"{as_svg(picture)}\n{element('figcaption', caption)}")


def _footer(batch: Batch) -> str:
    versions = sorted({str(o.facts["software"]) for _, o in batch.done if o.facts.get("software")})
    by = f" by nta-lab {', '.join(versions)}" if versions else ""
    return (
        f"{count(len(batch.done), 'recording')} analysed{by}. The same numbers, for programs: recordings.csv, "
        "recordings.parquet, groups.csv and groups.parquet beside this page."
    )
