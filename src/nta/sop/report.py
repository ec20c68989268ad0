"""The one report of a procedure: mean and spread over videos, every video, controls, what went wrong."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from dataclasses import fields
from importlib.metadata import version
from pathlib import Path
from typing import Any

from nta.assessment import Finding, Verdict
from nta.io.atomic import new_file
from nta.io.results.summary import plain
from nta.measurements.replicates import CONFIDENCE, Spread
from nta.report import document as doc
from nta.report.figures.style import Picture
from nta.report.wording import count, in_one, number, prettied, scientific
from nta.sop.outcome import PER_FRAME, PER_ML, SIZES, Numbers, Outcome, Video

NAMES = {
    "d10_nm": "D10",
    "d50_nm": "D50 (median)",
    "d90_nm": "D90",
    "mean_nm": "Mean",
    PER_FRAME: "Particles per frame, in tracks",
    PER_ML: "Concentration",
}
_MOODS: dict[Verdict, doc.Mood] = {
    Verdict.PASS: "pass",
    Verdict.WARN: "warn",
    Verdict.FAIL: "fail",
    Verdict.NOT_ASSESSED: "open",
}
_WORDS = {
    Verdict.PASS: "Pass",
    Verdict.WARN: "Watch",
    Verdict.FAIL: "Fail",
    Verdict.NOT_ASSESSED: "Not assessed",
}


def write_sop_report(outcome: Outcome) -> Path:
    """Write `report.html`, `videos.csv` and `summary.json` into the folder of the outcome; return the report."""
    from nta.report.document.html import page
    from nta.sop.figures import draw_all

    title = f"{outcome.procedure.name} · nanoparticle tracking"
    footer = (
        f"nta-lab {version('nta-lab')} · {outcome.date} · {outcome.procedure.file.name}, kept as sop.toml"
    )
    html = page(blocks(outcome, draw_all(outcome)), title, footer)
    report = outcome.folder / "report.html"
    with new_file(report) as partial:
        partial.write_text(html, encoding="utf-8")
    with (
        new_file(outcome.folder / "videos.csv") as partial,
        partial.open("w", encoding="utf-8", newline="") as file,
    ):
        rows = [row_of(video) for video in outcome.videos]
        writer = csv.DictWriter(file, list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    with new_file(outcome.folder / "summary.json") as partial:
        partial.write_text(
            json.dumps(summary(outcome), indent=2, ensure_ascii=False, allow_nan=False) + "\n", "utf-8"
        )
    return report


def summary(outcome: Outcome) -> dict[str, Any]:
    """Return the numbers of a procedure as plain data."""
    values: dict[str, Any] = plain(
        {
            "format": "nta sop summary",
            "version": 1,
            "procedure": outcome.procedure,
            "date": outcome.date,
            "software": f"nta-lab {version('nta-lab')}",
            "unit": "video",
            "confidence": CONFIDENCE,
            "over_videos": outcome.spreads,
            "videos": [row_of(video) for video in outcome.videos],
            "findings": [finding.as_dict() for finding in outcome.findings],
            "notes": outcome.notes,
        }
    )
    return values


def row_of(video: Video) -> dict[str, Any]:
    """Return one video as a row of a table; empty where there is no value."""
    n = video.numbers
    row: dict[str, Any] = {
        "stage": video.stage,
        "video": video.step.name,
        "focus_um": video.step.focus_um,
        "recording": None if video.recording is None else video.recording.as_posix(),
        "good": video.good,
        "reason": video.reason,
        "n_frames": n and n.n_frames,
        "n_lost": n and n.n_lost,
        "n_tracks": n and n.n_tracks,
        "temperature_c": n and round(n.temperature_c, 3),
    }
    for name in SIZES:
        q = n.sizes[name] if n else None
        row |= {name: q and q.value, f"{name}_low": q and q.low, f"{name}_high": q and q.high}
    found = n.concentration if n else None
    row["per_frame"] = found and found.per_frame.value
    row["in_cell_per_ml"] = found and found.in_cell_per_ml.value
    row["in_sample_per_ml"] = found and found.in_sample_per_ml.value
    row["blank"] = found.blank if found else ""
    worst = [
        f"{f.name}:{f.verdict}"
        for f in (n.findings if n else ())
        if f.verdict in (Verdict.FAIL, Verdict.WARN)
    ]
    row["findings"] = ";".join(worst)
    return row


def blocks(outcome: Outcome, pictures: tuple[Picture, ...]) -> list[doc.Block]:
    """Return the whole report."""
    p = outcome.procedure
    return [
        doc.Title("Protocol of measurement", p.name, _about(outcome)),
        *(doc.Paragraph(f"{note[:1].upper()}{note[1:]}.") for note in outcome.notes),
        doc.Heading("Over all videos"),
        *_over_videos(outcome),
        doc.Pictures(pictures[:1]),
        doc.Pictures(pictures[1:]),
        doc.Heading("Controls and what to watch"),
        _findings(outcome),
        doc.Heading("Every video"),
        _videos(outcome),
        *_failures(outcome),
        doc.Heading("How it was measured"),
        doc.Bullets(tuple(_conditions(outcome))),
    ]


def _about(outcome: Outcome) -> str:
    p = outcome.procedure
    parts = [str(p.conditions.get("sample", "")), p.device.driver, p.operator, outcome.date, p.comment]
    return " · ".join(part for part in parts if part)


def _over_videos(outcome: Outcome) -> Iterator[doc.Block]:
    if not outcome.spreads:
        yield doc.Paragraph("No video of the sample could be used; the reasons are below.")
        return
    rows = tuple(_spread_row(name, spread) for name, spread in outcome.spreads.items())
    percent = f"{100 * CONFIDENCE:g} %"
    head = ("", "Videos", "Mean", "SD", "CV", f"{percent} interval over videos", "with what they share")
    yield doc.Table(head, rows, widths=(3, 1, 1.5, 1.2, 1, 3, 3), numbers=(1, 2, 3, 4, 5, 6))
    yield doc.Paragraph(
        "The unit is the video: its particles share cell, focus and moment, so that their number does not make the result "
        "surer than the videos agree. Intervals of the mean: Student's t with one degree of freedom less than videos, on "
        "logarithms. What shifts all videos alike (temperature, viscosity, pixel size, depth of the light sheet) is in the "
        "last column only, which is never narrower than the tracks leave open.",
        note=True,
    )


def _spread_row(name: str, s: Spread) -> tuple[str, ...]:
    def write(value: float | None) -> str:
        if value is None:
            return "–"
        return f"{scientific(value)} per ml" if name == PER_ML else number(value, 4)

    def interval(low: float | None, high: float | None) -> str:
        return "–" if low is None or high is None else f"{write(low)} to {write(high)}"

    unit = " nm" if s.unit == "nm" else ""
    cv = "–" if s.cv is None else f"{100 * s.cv:.1f} %"
    full = interval(s.full_low, s.full_high)
    return NAMES[name], str(s.n), write(s.mean) + unit, write(s.sd), cv, interval(s.low, s.high), full


def _findings(outcome: Outcome) -> doc.Block:
    rows = [_finding_row("controls", finding) for finding in outcome.findings]
    for finding, videos in _common(outcome).values():
        rows.append(_finding_row(", ".join(videos), finding))
    if not rows:
        return doc.Paragraph("No control was measured, and no video has anything to watch.")
    return doc.Table(("", "Finding", "In", "What was seen"), tuple(rows), widths=(1.2, 2, 2, 6))


def _common(outcome: Outcome) -> dict[str, tuple[Finding, list[str]]]:
    """Return the bad findings of the videos, each once with its worst example and the videos that have it."""
    of_controls = {finding.name for finding in outcome.findings}
    found: dict[str, tuple[Finding, list[str]]] = {}
    for video in outcome.of("sample"):
        for finding in video.numbers.findings if video.numbers else ():
            if finding.verdict not in (Verdict.FAIL, Verdict.WARN) or finding.name in of_controls:
                continue
            example, videos = found.get(finding.name, (finding, []))
            worse = finding.verdict is Verdict.FAIL and example.verdict is Verdict.WARN
            found[finding.name] = (finding if worse else example, [*videos, video.step.name])
    return found


def _finding_row(where: str, finding: Finding) -> tuple[doc.Cell, ...]:
    words = prettied(finding.evidence) + (f" → {prettied(finding.advice)}" if finding.advice else "")
    return doc.Mark(_MOODS[finding.verdict], _WORDS[finding.verdict]), finding.title, where, words


def _videos(outcome: Outcome) -> doc.Table:
    head = ("Video", "", "Frames", "Lost", "Tracks", "°C", "D10", "D50", "D90", "Concentration", "Folder")
    rows = tuple(_video_row(video) for video in outcome.videos)
    return doc.Table(
        head, rows, widths=(1.3, 1, 1, 0.8, 1, 0.9, 2.4, 2.4, 2.4, 2.8, 1.6), numbers=(2, 3, 4, 5)
    )


def _video_row(video: Video) -> tuple[doc.Cell, ...]:
    n = video.numbers
    good = doc.Mark("pass", "good") if video.good else doc.Mark("fail", "see below")
    place = "" if video.step.focus_um is None else f" at {video.step.focus_um:g} µm"
    folder = "" if video.recording is None else str(video.recording.parent)
    if n is None:
        return (f"{video.step.name}{place}", good, *("–",) * 8, folder)
    return (
        f"{video.step.name}{place}",
        good,
        str(n.n_frames),
        str(n.n_lost),
        str(n.n_tracks),
        f"{n.temperature_c:.2f}",
        *(in_one(n.sizes[name]) for name in ("d10_nm", "d50_nm", "d90_nm")),
        _concentration(n),
        folder,
    )


def _concentration(n: Numbers) -> str:
    q = n.number(PER_ML)
    if q is None or q.high is None:
        return "–" if q is None or q.value is None else f"{scientific(q.value)} per ml"
    if q.value is None or q.low is None:
        return f"below {scientific(q.high)} per ml"
    return f"{scientific(q.value)} ({scientific(q.low)} to {scientific(q.high)}) per ml"


def _failures(outcome: Outcome) -> Iterator[doc.Block]:
    bad = [video for video in outcome.videos if video.reason]
    if bad:
        yield doc.Heading(f"{count(len(bad), 'video')} not used", level=3)
        yield doc.Bullets(tuple((video.step.name, video.reason) for video in bad))


def _conditions(outcome: Outcome) -> Iterator[tuple[str, str]]:
    p = outcome.procedure
    m = p.measurement
    where = (
        f" at each of the positions {', '.join(f'{x:g} µm' for x in m.positions_um)}"
        if m.positions_um
        else ""
    )
    if m.pump_steps:
        where = (
            f" after each of {m.pump_steps} steps of the pump ({m.pump_ul_min:g} µl/min for {m.pump_s:g} s)"
        )
    flow = "" if m.flow_ul_min is None else f", under a flow of {m.flow_ul_min:g} µl/min"
    yield "Videos", f"{m.videos} of {m.duration_s:g} s{where}{flow}, {m.settle_s:g} s of rest before each."
    set_to = [
        f"{f.name} = {value}"
        for f in fields(p.device)
        if f.name not in ("driver", "settings", "temperature_wait_s")
        and (value := getattr(p.device, f.name)) is not None
    ]
    yield "Instrument", f"{p.device.driver}, profile {p.profile or 'none'}; {', '.join(set_to)}."
    yield (
        "Sample",
        "; ".join(f"{key} = {value}" for key, value in p.conditions.items()) or "nothing was said of it",
    )
    yield (
        "Temperature",
        "sizes are made with the mean of what was measured during each video, unless [sample] states one.",
    )
