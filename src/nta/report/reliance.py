"""Mark a result in a list of results: may it be relied on? All lists and pages of several results use this mark."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from nta.assessment import Verdict
from nta.report.wording import Mood

_MARKS: Mapping[Verdict, tuple[Mood, str]] = {
    Verdict.FAIL: ("fail", "Do not rely on it"),
    Verdict.WARN: ("warn", "Use with care"),
    Verdict.PASS: ("pass", "Good"),
    Verdict.NOT_ASSESSED: ("open", "Not assessed"),
}
_NAMED = 4  # in one line; pages and tables name all


def mark_of(verdict: Verdict, lacking: tuple[Mood, str] | None = None) -> tuple[Mood, str]:
    """Return sign and words for a result with this worst finding.

    lacking : mark of what the result lacks, such as a size; a failed finding takes precedence over it.
    """
    return lacking if lacking and verdict is not Verdict.FAIL else _MARKS[verdict]


def with_reasons(reasons: Mapping[str, Sequence[str]], *, at_most: int = _NAMED) -> str:
    """Name results with the titles of their failed findings: "video_1, video_2 (drift); video_3 (focus)"."""
    names: dict[str, list[str]] = {}
    for name, titles in list(reasons.items())[:at_most]:
        names.setdefault(", ".join(titles).lower(), []).append(name)
    words = "; ".join(f"{', '.join(of)} ({why})" for why, of in names.items())
    more = len(reasons) - at_most
    return f"{words}; and {more} more" if more > 0 else words
