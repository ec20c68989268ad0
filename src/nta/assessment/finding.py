"""A finding: one question about a recording, with its verdict, evidence and advice."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Literal

Kind = Literal["sample", "beads", "blank"]
"""What a recording is of: certified beads and the diluent alone are controls of a sample, and judged as such."""


class Verdict(StrEnum):
    """Result of a finding; NOT_ASSESSED if the evidence is missing."""

    PASS = "pass"
    WARN = "warn"
    FAIL = "fail"
    NOT_ASSESSED = "not assessed"

    @property
    def severity(self) -> int:
        """Rank of the verdict: 0 for a pass, larger for worse verdicts, negative for NOT_ASSESSED."""
        return _SEVERITY[self]


_SEVERITY = {Verdict.NOT_ASSESSED: -1, Verdict.PASS: 0, Verdict.WARN: 1, Verdict.FAIL: 2}


def worst(verdicts: Iterable[Verdict]) -> Verdict:
    """Return the worst of several verdicts; a pass if there are none, or none was assessed."""
    return max((Verdict.PASS, *verdicts), key=lambda verdict: verdict.severity)


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One judgement with its evidence.

    name : short identifier, e.g. "enough_tracks"; title : name shown to people.
    value, low, high, limit : numbers in `unit`; None if there is no such number.
    evidence : one sentence on the observation; advice : recommended action, empty for a pass; source : origin of the limit.
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
    """All findings of one analysis. kind : what the recording was judged as."""

    findings: tuple[Finding, ...]
    kind: Kind = "sample"

    @property
    def worst(self) -> Verdict:
        """The worst verdict among the findings; a pass if there are no findings."""
        return worst(finding.verdict for finding in self.findings)

    @property
    def failed(self) -> list[str]:
        """The titles of the findings that failed."""
        return [finding.title for finding in self.findings if finding.verdict is Verdict.FAIL]

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
