"""May a result be relied on? One sentence for the head of a page, one mark for a list of results."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from nta.assessment import Finding, Verdict
from nta.report.wording import Mood

_MARKS: Mapping[Verdict, tuple[Mood, str]] = {
    Verdict.FAIL: ("fail", "Do not rely on it"),
    Verdict.WARN: ("warn", "Use with care"),
    Verdict.PASS: ("pass", "Good"),
    Verdict.NOT_ASSESSED: ("open", "Not assessed"),
}
_NAMED = 4  # in one line; pages and tables name all


def sentence_on(worst: Verdict, findings: Iterable[Finding]) -> str:
    """Say whether the numbers may be used, and name the findings with the worst verdict."""
    named = "; ".join(dict.fromkeys(f.title.lower() for f in findings if f.verdict is worst))
    return {
        Verdict.FAIL: f"Do not rely on these numbers as they are. Failed: {named}.",
        Verdict.WARN: f"Usable with care. To watch: {named}.",
    }.get(worst, "Nothing that was assessed speaks against these numbers.")


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
