"""The report of a procedure: mean and spread over videos, each video, controls, and failures."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields, replace
from pathlib import Path

from nta.assessment import Finding, Verdict
from nta.assessment.finding import worst
from nta.io.atomic import write_text
from nta.measurements.replicates import Spread
from nta.quantity import CONFIDENCE, Quantity
from nta.report import REPORT_FILE
from nta.report import document as doc
from nta.report.figures.style import Picture
from nta.report.reliance import mark_of, sentence_on, with_reasons
from nta.report.wording import (
    FIXED_SPACE,
    MOODS,
    SUMMARY_NAMES,
    TRACKED_PER_FRAME,
    UNITS,
    capitalised,
    count,
    in_column,
    number,
    prettied,
    scientific,
    when,
    without_unit,
)
from nta.sop.outcome import PER_FRAME, PER_ML, SIZES, Numbers, PlannedVideo, ProcedureOutcome
from nta.sop.summary import write_summary
from nta.version import software
from nta.visibility import Concentration

NAMES = {
    **{name: SUMMARY_NAMES[name] for name in SIZES},
    "mean_nm": "Mean diameter",  # beside a column of means
    PER_FRAME: TRACKED_PER_FRAME,
    PER_ML: "Concentration",
}
_SAID = {
    "exposure_s": ("exposure", 1e3, "ms"),
    "frame_rate_hz": ("frame rate", 1.0, "Hz"),
    "laser_mw": ("laser", 1.0, "mW"),
    "temperature_c": ("temperature", 1.0, "°C"),
    "temperature_std_c": ("standard uncertainty of the temperature", 1.0, "°C"),
    "temperature_within_c": ("videos begin within", 1.0, "°C of it"),
    "viscosity_mpas": ("viscosity", 1.0, "mPa s"),
    "viscosity_rel_std": ("relative standard uncertainty of the viscosity", 1.0, ""),
    "dilution": ("dilution", 1.0, ""),
}
"""Words, factor and unit with which a page writes an entry of a procedure."""


def write_sop_report(outcome: ProcedureOutcome) -> Path:
    """Write `report.html`, `videos.csv` and `summary.json` into the folder of the outcome; return the report."""
    from nta.report.document.html import page
    from nta.sop.figures import draw_all

    title = f"{outcome.procedure.name} · nanoparticle tracking"
    footer = f"{software()} · {when(outcome.date)} · {outcome.procedure.file.name}, kept as sop.toml"
    html = page(blocks(outcome, draw_all(outcome)), title, footer)
    write_summary(outcome)
    return write_text(outcome.folder / REPORT_FILE, html)


def blocks(outcome: ProcedureOutcome, pictures: tuple[Picture, ...]) -> list[doc.Block]:
    """Return all blocks of the report."""
    p = outcome.procedure
    return [
        doc.Title("Protocol of measurement", p.name, _about(outcome)),
        *_judged(outcome),
        *(doc.Paragraph(f"{capitalised(note)}.") for note in outcome.notes),
        doc.Heading("Over all videos"),
        *_over_videos(outcome),
        doc.Pictures(pictures[:1]),
        doc.Pictures(pictures[1:]),
        doc.Heading("Controls and what to watch"),
        _findings(outcome),
        doc.Heading("Every video"),
        _videos(outcome),
        doc.Paragraph(
            "Recording and results of each video lie in the folder of its name, beside this page. Beads and blank are "
            "counted in the cell, where nothing was diluted; the sample in the sample where its dilution was stated.",
            note=True,
        ),
        *_failures(outcome),
        doc.Heading("How it was measured"),
        doc.Bullets(tuple((f"{name}:", words) for name, words in _conditions(outcome))),
    ]


def _about(outcome: ProcedureOutcome) -> str:
    p = outcome.procedure
    sample = str(p.conditions.get("sample", ""))
    parts = [sample, p.device.driver, p.operator, f"measured {when(outcome.date)}", p.comment]
    return " · ".join(part for part in parts if part)


def _judged(outcome: ProcedureOutcome) -> Iterator[doc.Block]:
    """Say first whether the numbers may be relied on, and which videos must not."""
    if outcome.not_to_rely_on:
        yield doc.Paragraph(f"{words_on_failed(outcome)}.", mood="fail")
    elif outcome.spreads:
        found = (*outcome.findings, *(finding for finding, _ in _common(outcome).values()))
        verdict = worst(finding.verdict for finding in found)
        yield doc.Paragraph(sentence_on(verdict, found), mood=MOODS[verdict])


def words_on_failed(outcome: ProcedureOutcome) -> str:
    """Say which videos must not be relied on, and why; empty if there are none."""
    if not outcome.not_to_rely_on:
        return ""
    words = f"Do not rely on {with_reasons(outcome.not_to_rely_on, at_most=len(outcome.videos))}"
    inside = sum(video.step.name in outcome.not_to_rely_on for video in outcome.of("sample"))
    return f"{words}; the means below hold {count(inside, 'video')} of these" if inside else words


def _over_videos(outcome: ProcedureOutcome) -> Iterator[doc.Block]:
    if not outcome.spreads:
        yield doc.Paragraph("No video of the sample could be used; the reasons are below.")
        return
    rows = tuple(_spread_row(name, spread, outcome) for name, spread in outcome.spreads.items())
    percent = f"{100 * CONFIDENCE:g} %"
    head = (
        "",
        "Videos",
        "Unit",
        "Mean",
        "SD",
        "CV",
        f"{percent} interval over videos",
        "and with the systematic budget",
    )
    yield doc.Table(head, rows, widths=(3, 1, 1, 1.5, 1.2, 1, 3, 3), numbers=(1, 3, 4, 5, 6, 7))
    yield doc.Paragraph(
        "The unit is the video, not the particle: the particles of one video share cell, focus and moment, so that more of "
        "them do not replace videos. Intervals of the mean: Student's t with one degree of freedom less than videos, on "
        "logarithms. The systematic budget (temperature, viscosity, pixel size, depth of the light sheet) shifts all videos "
        "alike and is in the last column only, which is never narrower than the tracks leave open.",
        note=True,
    )


def _spread_row(name: str, s: Spread, outcome: ProcedureOutcome) -> tuple[str, ...]:
    mean, interval = without_unit(Quantity(s.mean, s.low, s.high, s.unit))
    _, full = without_unit(Quantity(s.mean, s.full_low, s.full_high, s.unit))
    cv = "–" if s.cv is None else f"{100 * s.cv:.1f} %"
    sd = "–" if s.sd is None else scientific(s.sd) if name == PER_ML else number(s.sd, 2)
    words = f"{NAMES[name]} {_counted(outcome)}" if name == PER_ML else NAMES[name]
    unit = UNITS.get(s.unit, s.unit).replace(" ", FIXED_SPACE)
    return words, str(s.n), unit, mean, sd, cv, interval or "–", full or "–"


def _counted(outcome: ProcedureOutcome) -> str:
    """Return the place, dilution and least diameter of the concentration over videos, in words."""
    found = [n.concentration for n in outcome.numbers() if n.concentration is not None]
    least = [c.least_nm for c in found if c.least_nm is not None]
    words = [where(found[0])]
    if found[0].dilution is not None:
        words.append(f"dilution {found[0].dilution:g} applied")
    if least:
        low, high = number(min(least)), number(max(least))
        words.append(f"from {low if low == high else f'{low} to {high}'} nm on")
    return ", ".join(words)


def where(found: Concentration) -> str:
    """Return the place of the best known concentration: the sample if the dilution is stated, else the cell."""
    return "in the cell" if found.dilution is None else "in the sample"


def _findings(outcome: ProcedureOutcome) -> doc.Block:
    rows = [_finding_row("controls", finding) for finding in outcome.findings]
    for finding, videos in _common(outcome).values():
        rows.append(_finding_row(", ".join(videos), finding))
    if not rows:
        return doc.Paragraph("No control was measured, and no video has anything to watch.")
    return doc.Table(("", "Finding", "In", "What was seen"), tuple(rows), widths=(1.2, 2, 2, 6))


def _common(outcome: ProcedureOutcome) -> dict[str, tuple[Finding, list[str]]]:
    """Return findings to watch or failed, by name, each with its worst example and the videos concerned."""
    of_controls = {finding.name for finding in outcome.findings}
    found: dict[str, tuple[Finding, list[str]]] = {}
    for video in outcome.videos:
        for finding in video.numbers.assessment.findings if video.numbers else ():
            if finding.verdict not in (Verdict.FAIL, Verdict.WARN) or finding.name in of_controls:
                continue
            this = replace(finding, evidence=f"{video.step.name}: {finding.evidence}")
            example, videos = found.get(finding.name, (this, []))
            worse = finding.verdict.severity > example.verdict.severity
            found[finding.name] = (this if worse else example, [*videos, video.step.name])
    return found


def _finding_row(where: str, finding: Finding) -> tuple[doc.Cell, ...]:
    words = prettied(finding.evidence) + (f" → {prettied(finding.advice)}" if finding.advice else "")
    return doc.Mark.of(finding.verdict), finding.title, where, words


def _videos(outcome: ProcedureOutcome) -> doc.Table:
    head = (
        "Video",
        "",
        "Frames",
        "Lost",
        "Tracks",
        "°C",
        "D10, nm",
        "D50, nm",
        "D90, nm",
        "Concentration, per ml",
    )
    rows = tuple(_video_row(video) for video in outcome.videos)
    return doc.Table(head, rows, widths=(1.3, 1, 1, 0.8, 1, 0.9, 2.4, 2.4, 2.4, 3), numbers=(2, 3, 4, 5))


def _video_row(video: PlannedVideo) -> tuple[doc.Cell, ...]:
    n = video.numbers
    mark = doc.Mark(*mark_of(video.verdict, None if video.good else ("fail", "See below")))
    place = "" if video.step.focus_um is None else f" at {video.step.focus_um:g} µm"
    frames, lost = ("–" if known is None else str(known) for known in (video.n_frames, video.n_lost))
    recorded = (f"{video.step.name}{place}", mark, frames, lost)
    if n is None:
        return (*recorded, *("–",) * 6)
    return (
        *recorded,
        str(n.n_tracks),
        f"{n.temperature_c:.2f}",
        *(in_column(n.sizes[name]) for name in ("d10_nm", "d50_nm", "d90_nm")),
        _concentration(n),
    )


def _concentration(n: Numbers) -> str:
    q = n.number(PER_ML)
    if q is None or n.concentration is None or (q.value is None and q.high is None):
        return "–"
    return in_column(q, where(n.concentration))


def _failures(outcome: ProcedureOutcome) -> Iterator[doc.Block]:
    bad = [video for video in outcome.videos if video.reason]
    if bad:
        yield doc.Heading(f"{count(len(bad), 'video')} not used", level=3)
        yield doc.Bullets(tuple((f"{video.step.name}:", video.reason) for video in bad))


def _conditions(outcome: ProcedureOutcome) -> Iterator[tuple[str, str]]:
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
    for stage, control in (("Beads", p.beads), ("Blank", p.blank)):
        if control is not None:
            liquid = f" in {control.medium}" if control.medium else ""
            against = f", certificate {control.certificate}" if control.certificate else ""
            yield (
                stage,
                f"{count(control.videos, 'video')} of {control.duration_s:g} s{liquid}{against}, before the sample.",
            )
    set_to = [
        _said(f.name, value)
        for f in fields(p.device)
        if f.name not in ("driver", "settings", "temperature_wait_s")
        and (value := getattr(p.device, f.name)) is not None
    ]
    yield "Instrument", f"{p.device.driver}, profile {p.profile or 'none'}; {', '.join(set_to)}."
    yield (
        "Sample",
        f"{', '.join(_said(key, value) for key, value in p.conditions.items()) or 'nothing was said of it'}.",
    )
    yield (
        "Temperature",
        "sizes are made with the mean of what was measured during each video, unless the procedure states one.",
    )


def _said(key: str, value: object) -> str:
    """Write an entry of a procedure in words, with its unit."""
    words, factor, unit = _SAID.get(key, (key.replace("_", " "), 1.0, ""))
    written = f"{factor * value:g}" if isinstance(value, int | float) else str(value)
    return f"{words} {written} {unit}".rstrip()
