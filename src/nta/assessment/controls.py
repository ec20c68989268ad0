"""Controls of a run: what certified beads and a blank say of the sample measured after them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from nta.assessment.finding import Assessment, Finding
from nta.assessment.limits import Limit, judged


def bead_check(
    bias: float, bias_std: float, n_videos: int, beads: str, limits: Mapping[str, Limit]
) -> Finding:
    """Judge the size bias of certified beads; bias : measured over certified diameter, less one."""
    return judged(
        limits.get("bead_check"),
        "bead_check",
        "Size standard",
        abs(bias),
        f"{beads}: {100 * bias:+.1f} % of the certified diameter in {n_videos} video(s), "
        f"standard uncertainty {100 * bias_std:.1f} %"
        + ("" if abs(bias) > 2 * bias_std else ": they agree within twice of it"),
        "check temperature, frame rate and pixel size before believing the sizes; nta calibrate makes a new profile",
    )


def blank_check(share: float, share_high: float, counted: str, limits: Mapping[str, Limit]) -> Finding:
    """Judge the share of the sample's counts that the diluent alone has, and its upper end."""
    return judged(
        limits.get("blank"),
        "blank",
        "Blank",
        share,
        f"the diluent alone has {100 * share:.2g} % (at most {100 * share_high:.2g} %) of the sample's {counted}",
        "filter the diluent freshly, rinse the cell, measure the blank again: its particles are in the sizes too",
    )


def with_findings(assessment: Assessment, findings: Iterable[Finding]) -> Assessment:
    """Return the assessment with these findings in the place of those of the same name."""
    new = {finding.name: finding for finding in findings}
    kept = tuple(new.pop(finding.name, finding) for finding in assessment.findings)
    return Assessment(findings=(*kept, *new.values()))
