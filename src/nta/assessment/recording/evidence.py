"""What the findings on a recording look at, and how a finding of it is made."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from nta.assessment.finding import Finding, Kind, Verdict
from nta.assessment.limits import Limit, judged
from nta.frames import RecordingReport
from nta.spots import Spots
from nta.visibility import Run


@dataclass(frozen=True, kw_only=True, eq=False)
class Evidence:
    """What the findings look at: a run, all its spots, and what the recording says."""

    run: Run
    report: RecordingReport
    metadata: Mapping[str, Any]
    spots: Spots
    limits: Mapping[str, Limit]
    kind: Kind = "sample"


def finding(
    evidence: Evidence,
    name: str,
    title: str,
    value: float,
    seen: str,
    advice: str,
    *,
    limit: str | None = None,
) -> Finding:
    """Make the finding of a value that has a limit."""
    return judged(evidence.limits.get(limit or name), name, title, value, seen, advice)


def not_assessed(name: str, title: str, why: str, advice: str) -> Finding:
    """Make the finding of what the evidence is missing for."""
    return Finding(name=name, title=title, verdict=Verdict.NOT_ASSESSED, evidence=why, advice=advice)
