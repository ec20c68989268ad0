"""The head of the page: the main results with intervals, and the findings that limit their use."""

from __future__ import annotations

from nta.assessment import Finding, Verdict
from nta.pipeline import Analysis
from nta.quantity import Quantity
from nta.report.markup import box, element, marked, table, text
from nta.report.reliance import sentence_on
from nta.report.wording import (
    MOODS,
    VERDICT_WORDS,
    as_percent,
    background,
    capitalised,
    concentration_words,
    confidence_words,
    control_words,
    count,
    findings_worst_first,
    grouped,
    number,
    prettied,
    value_and_interval,
    verdict_counts,
    when,
    why_no_distribution,
    why_none,
    window_name,
)
from nta.sizes.table import IN_VIEW, SUSPENSION, TRACKS


def headline(analysis: Analysis) -> str:
    """Return title, verdict, the four main numbers, and the size range in one sentence."""
    return "\n".join(
        (
            element("p", "Nanoparticle tracking analysis", kind="kicker"),
            element("h1", text(analysis.provenance.called)),
            element("p", text(_about(analysis)), kind="about"),
            element("p", _judged(analysis), kind="judged"),
            element("div", "\n".join(_boxes(analysis)), kind="headline"),
            element("p", text(_sentence(analysis)), kind="lead"),
        )
    )


def findings(analysis: Analysis) -> str:
    """Return the findings, the worst first, each with advice; findings that passed are only named."""
    ordered = findings_worst_first(analysis.assessment)
    parts = [element("h2", f"Findings: {text(verdict_counts(analysis.assessment))}")]
    if rows := [_finding(f) for f in ordered if f.verdict is not Verdict.PASS]:
        parts.append(table((), rows, kind="findings"))
    if names := [text(f.title).lower() for f in ordered if f.verdict is Verdict.PASS]:
        parts.append(element("p", f"{_mark(Verdict.PASS)} {'; '.join(names)}.", kind="names"))
    return "\n".join(parts)


def what_passed(analysis: Analysis) -> str:
    """Return the findings that passed, with their evidence."""
    passed = [f for f in analysis.assessment.findings if f.verdict is Verdict.PASS]
    lines = (element("li", f"{text(f.title)}: {_sentence_of(f)}") for f in passed)
    if not passed:
        return ""
    return element("h2", "Findings that passed") + element("ul", "\n".join(lines), kind="passed")


def _judged(analysis: Analysis) -> str:
    """Say whether the numbers may be used, and name the findings against it; of a control, say what it was made for."""
    assessment = analysis.assessment
    control = f"{capitalised(words)}." if (words := prettied(control_words(analysis))) else ""
    no_sizes = analysis.sizes.distribution is None and assessment.kind != "blank"
    if no_sizes and assessment.worst is not Verdict.FAIL:
        why = text(why_none(analysis.sizes.summary["d50_nm"]))
        return marked(MOODS[Verdict.NOT_ASSESSED], f"No sizes: {why}.")
    judged = sentence_on(assessment.worst, assessment.findings)
    said = (judged, control) if assessment.worst is Verdict.FAIL else (control, judged)
    return marked(MOODS[assessment.worst], text(" ".join(filter(None, said))))


def _about(analysis: Analysis) -> str:
    conditions, said = analysis.conditions, analysis.provenance.about
    measured = [when(said["date"])] if "date" in said else []
    measured += [f"by {said['operator']}"] if "operator" in said else []
    parts = [
        conditions.sample,
        " ".join(["measured", *measured]) if measured else "",
        f"analysed {when(analysis.provenance.date)}",
        f"{conditions.medium}, {number(analysis.sizes.temperature_c)} °C",
        f"{count(analysis.spots.scene.n_frames, 'frame')} at {number(1 / analysis.diffusion.frame_interval_s)} Hz, "
        f"{number(analysis.duration_s)} s",
    ]
    return " · ".join(part for part in parts if part)


def _boxes(analysis: Analysis) -> list[str]:
    tracks = box(
        "Tracks used",
        grouped(analysis.sizes.n_tracks_used),
        f"of {count(analysis.tracks.n_tracks, 'track')} found",
    )
    if analysis.assessment.kind == "blank":
        few = [] if analysis.sizes.distribution is None else _size_boxes(analysis)
        return [box("Background", background(analysis), "of the diluent alone", words=True), tracks, *few]
    value, below = concentration_words(analysis)
    return [*_size_boxes(analysis), tracks, box("Concentration", value, below, words="10" not in value)]


def _size_boxes(analysis: Analysis) -> list[str]:
    sizes = analysis.sizes
    of = (
        {SUSPENSION: ", in suspension"}.get(sizes.distribution.describes, ", in view")
        if sizes.distribution
        else ""
    )
    window, share = next(iter(sizes.fractions.items()), ((30.0, 150.0), None))
    return [
        _quantity_box(f"Median diameter D50{of}", sizes.summary.get("d50_nm"), analysis),
        _quantity_box(f"Share in {window_name(*window)}{of}", as_percent(share) if share else None, analysis),
    ]


def _quantity_box(name: str, quantity: Quantity | None, analysis: Analysis) -> str:
    if quantity is None or quantity.value is None:
        return box(name, "no result", quantity.method if quantity else "", words=True)
    value, interval = value_and_interval(quantity)
    return box(name, value, f"{interval} ({confidence_words(analysis)})" if interval else "no interval")


def _sentence(analysis: Analysis) -> str:
    sizes = analysis.sizes
    if sizes.distribution is None and analysis.assessment.kind == "blank":
        return "Too few particles for a size distribution, as it should be in a blank."
    if sizes.distribution is None:
        return f"No size distribution. {why_no_distribution(analysis)}"
    d10, d90 = (sizes.summary.get(key) for key in ("d10_nm", "d90_nm"))
    subject = {
        IN_VIEW: "the particles in view",
        SUSPENSION: "the particles in suspension",
        TRACKS: "the particles in view, every track counted once,",
    }.get(sizes.distribution.describes, sizes.distribution.describes)
    if d10 is None or d90 is None or d10.value is None or d90.value is None:
        return f"The numbers describe {subject}."
    low, high = value_and_interval(d10)[0], value_and_interval(d90)[0]
    return f"Eight in ten of {subject} have a hydrodynamic diameter between {low} and {high}."


def _finding(finding: Finding) -> list[str]:
    words = [_sentence_of(finding)]
    if finding.advice:
        words.append(element("span", text(prettied(finding.advice)), kind="advice"))
    return [_mark(finding.verdict), text(finding.title), " ".join(words)]


def _sentence_of(finding: Finding) -> str:
    return element("span", text(prettied(finding.evidence)), kind="evidence")


def _mark(verdict: Verdict) -> str:
    return marked(MOODS[verdict], VERDICT_WORDS[verdict])
