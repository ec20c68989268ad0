"""Controls of a measurement: certified beads for its sizes, a blank for its concentration."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

from nta.assessment.finding import Assessment, Finding, Verdict
from nta.assessment.limits import Limit, judged
from nta.quantity import fixed
from nta.visibility import Concentration, less_blank


def bead_check(
    bias: float, bias_std: float, n_videos: int, beads: str, limits: Mapping[str, Limit]
) -> Finding:
    """Judge the size bias of certified beads; bias : measured divided by certified diameter, minus one."""
    videos = "one video" if n_videos == 1 else f"{n_videos} videos"
    return judged(
        limits.get("bead_check"),
        "bead_check",
        "Size standard",
        abs(bias),
        f"{beads}: {fixed(100 * bias, 1, signed=True)} % of the certified diameter in {videos}, "
        f"standard uncertainty {100 * bias_std:.1f} %"
        + ("" if abs(bias) > 2 * bias_std else ": they agree within twice of it"),
        "check temperature, frame rate and pixel size before believing the sizes; nta calibrate makes a new profile",
    )


def against_blank(
    sample: Concentration, blank: Concentration, limits: Mapping[str, Limit]
) -> tuple[Concentration, Finding]:
    """Subtract a blank from the concentration of a sample, and judge it: per ml if both are known, else per frame."""
    pairs = (
        ("particles per ml", sample.in_cell_per_ml, blank.in_cell_per_ml),
        ("particles per frame", sample.per_frame, blank.per_frame),
    )
    for counted, mine, other in pairs:
        if mine.value and other.high is not None:
            found = blank_check((other.value or 0.0) / mine.value, other.high / mine.value, counted, limits)
            break
    else:
        found = Finding(
            name="blank",
            title="Blank",
            verdict=Verdict.NOT_ASSESSED,
            evidence="nothing was counted in the sample",
        )
    net = less_blank(sample, blank)
    if not net.is_less_blank:
        advice = "analyse sample and blank with a calibrated --profile, then both have a concentration"
        found = doubted(found, net.blank, advice)
    elif net.in_cell_per_ml.value is None:
        found = doubted(found, net.why_not, "record more of both, or a cleaner blank")
    return net, found


def doubted(finding: Finding, doubt: str, advice: str) -> Finding:
    """Return the finding with an objection added to its evidence; a pass becomes a warning."""
    return replace(
        finding,
        verdict=Verdict.FAIL if finding.verdict is Verdict.FAIL else Verdict.WARN,
        evidence=f"{finding.evidence}; {doubt}",
        advice="; ".join(words for words in (finding.advice, advice) if words),
    )


def blank_check(share: float, share_high: float, counted: str, limits: Mapping[str, Limit]) -> Finding:
    """Judge the counts of the diluent alone, relative to those of the sample; share_high : upper end of the share."""
    return judged(
        limits.get("blank"),
        "blank",
        "Blank",
        share,
        f"the diluent alone has {100 * share:.3g} % (at most {100 * share_high:.3g} %) of the sample's {counted}",
        "filter the diluent freshly, rinse the cell, measure the blank again: its particles are in the sizes too",
    )


def with_findings(assessment: Assessment, findings: Iterable[Finding]) -> Assessment:
    """Return the assessment with these findings, which replace findings of the same name."""
    new = {finding.name: finding for finding in findings}
    kept = tuple(new.pop(finding.name, finding) for finding in assessment.findings)
    return replace(assessment, findings=(*kept, *new.values()))
