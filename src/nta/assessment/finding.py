"""A finding: one question about a recording, with its verdict, evidence and advice."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Literal

from nta.stated import check_choice

Kind = Literal["sample", "beads", "blank"]
"""What a recording is of: certified beads and the diluent alone are controls of a sample, and judged as such."""

FindingName = Literal[
    "enough_tracks", "beyond_range", "spots_per_frame_low", "spots_per_frame_high", "ambiguous_links", "drift",
    "full_scale", "clipped_at_black", "saturated_spots", "out_of_focus", "spot_shape", "steady_number",
    "even_field", "immobile_tracks", "free_diffusion", "isotropic_motion", "held_positions", "local_flow",
    "mixed_tracks", "lost_frames", "damaged_frames", "unmarked_losses", "interlaced", "overruled", "codec",
    "frame_rate_agreement", "exposure", "temperature_range", "temperature_stated", "laser_range",
    "focus_range", "camera", "calibration_age", "profile_fits", "blank", "bead_check", "sweep",
]  # fmt: skip
"""Names of the findings on a recording; docs/findings.md says what each looks at."""


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
        return self.failed_besides()

    def failed_besides(self, *names: FindingName) -> list[str]:
        """Return the titles of the findings that failed, without those of these names."""
        return [f.title for f in self.findings if f.verdict is Verdict.FAIL and f.name not in names]

    def finding(self, name: FindingName) -> Finding | None:
        """Return the finding of this name; None if the question was not asked.

        Raises
        ------
        SettingError
            No finding has this name.
        """
        check_choice("name", name, FindingName)
        return next((finding for finding in self.findings if finding.name == name), None)

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
