"""A finding: one thing that was looked at, what came out, and what to do about it."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from enum import StrEnum
from typing import Any


class Verdict(StrEnum):
    """What a finding says; NOT_ASSESSED is said where the evidence is missing."""

    PASS = "pass"
    WARN = "warn"
    FAIL = "fail"
    NOT_ASSESSED = "not assessed"


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One judgement with its evidence.

    name : short identifier, e.g. "enough_tracks"; title : the same for people.
    value, low, high, limit : in `unit`; None where there is none.
    evidence : one sentence on what was seen; advice : what to do, empty for a pass; source : where the limit comes from.
    """

    name: str
    title: str
    verdict: Verdict
    value: float | None = None
    low: float | None = None
    high: float | None = None
    limit: float | None = None
    unit: str = ""
    evidence: str = ""
    advice: str = ""
    source: str = ""

    def as_dict(self) -> dict[str, Any]:
        """Return plain data for JSON."""
        return {key: str(value) if isinstance(value, Verdict) else value for key, value in vars(self).items()}


@dataclass(frozen=True, kw_only=True, repr=False)
class Assessment:
    """All findings of one analysis."""

    findings: tuple[Finding, ...]

    @property
    def worst(self) -> Verdict:
        """The worst verdict among the findings; a pass where there are none."""
        verdicts = {finding.verdict for finding in self.findings}
        for verdict in (Verdict.FAIL, Verdict.WARN):
            if verdict in verdicts:
                return verdict
        return Verdict.PASS

    def __repr__(self) -> str:
        counts = Counter(finding.verdict for finding in self.findings)
        lines = [
            f"Assessment: {', '.join(f'{counts[v]} {v}' for v in Verdict if counts[v]) or 'no findings'}"
        ]
        for verdict in (Verdict.FAIL, Verdict.WARN):
            lines += [
                f"{verdict.upper()}  {finding.title}: {finding.evidence}{f'; {finding.advice}' if finding.advice else ''}"
                for finding in self.findings
                if finding.verdict is verdict
            ]
        return "\n  ".join(lines)
