"""The evidence that findings on a recording are based on, and the functions that make a finding."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from nta.assessment.finding import Finding, Kind, Verdict
from nta.assessment.limits import Limit, judged
from nta.frames import RecordingReport
from nta.sized_tracks import SizedTracks
from nta.spots import Spots


@dataclass(frozen=True, kw_only=True, eq=False)
class Evidence:
    """Evidence for the findings: sized tracks, all spots, and what the recording states of itself."""

    sized: SizedTracks
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
    """Judge a value by its limit; limit : name of the limit, if it differs from that of the finding."""
    return judged(evidence.limits.get(limit or name), name, title, value, seen, advice)


def not_assessed(name: str, title: str, why: str, advice: str) -> Finding:
    """Return the finding of a question for which the evidence is missing."""
    return Finding(name=name, title=title, verdict=Verdict.NOT_ASSESSED, evidence=why, advice=advice)
