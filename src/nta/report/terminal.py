"""The summary printed on the terminal when an analysis is finished."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from nta.assessment import Finding, Verdict
from nta.errors import printable
from nta.pipeline import Analysis
from nta.report.wording import (
    as_percent,
    concentration_words,
    confidence_words,
    control_words,
    count,
    findings_worst_first,
    number,
    percent,
    prettied,
    superscript,
    suspension_from,
    value_and_interval,
    verdict_counts,
    why_no_distribution,
    window_name,
)

_DIGITS = {superscript(digit): str(digit) for digit in range(10)} | {"⁻": "-"}
_PLAIN = str.maketrans({"\u00a0": " ", "\u202f": " ", "–": "-", "−": "-", "→": "->", "∞": "inf"} | _DIGITS)
"""Replacements for signs outside Latin-1, which a terminal or a pipe may not be able to show."""


def for_terminal(words: str) -> str:
    """Replace the typographic signs of a page by signs that every terminal can show: 2.6·10⁸ becomes 2.6e8."""
    return re.sub("·10(?=[⁻⁰¹²³⁴-⁹])", "e", words).translate(_PLAIN)


def summary_text(analysis: Analysis) -> str:
    """Return the result in a few lines: sizes with intervals, counts, and the findings that failed or need watching."""
    lines = [
        _title(analysis),
        *_control(analysis),
        *_sizes(analysis),
        *_counts(analysis),
        *_findings(analysis),
    ]
    return for_terminal("\n".join(lines))


def _title(analysis: Analysis) -> str:
    sample = f" · {analysis.conditions.sample}" if analysis.conditions.sample else ""
    return printable(f"{analysis.provenance.recording}{sample}")


def _control(analysis: Analysis) -> list[str]:
    words = control_words(analysis)
    return [f"  {prettied(words)}"] if words else []


def _sizes(analysis: Analysis) -> list[str]:
    sizes = analysis.sizes
    if sizes.distribution is None and analysis.assessment.kind == "blank":
        return ["  too few particles for a size distribution, as it should be in a blank"]
    if sizes.distribution is None:
        return [f"  no size distribution. {why_no_distribution(analysis)}"]
    rows = [("D50", sizes.summary.get("d50_nm")), ("D10", sizes.summary.get("d10_nm"))]
    rows += [("D90", sizes.summary.get("d90_nm")), ("mode", sizes.summary.get("mode_nm"))]
    rows += [(window_name(*window), as_percent(share)) for window, share in sizes.fractions.items()]
    lines = [f"  {sizes.distribution.describes}, {confidence_words(analysis)} intervals"]
    for name, quantity in rows:
        if quantity is None:
            continue
        value, interval = value_and_interval(quantity)
        lines.append(f"  {name:<12}{value:>12}{f'   ({interval})' if interval else ''}")
    if (median := analysis.in_suspension.get("d50_nm")) is not None:
        value, interval = value_and_interval(median)
        words = f" ({interval})" if interval else ""
        lines.append(f"  in suspension, from {suspension_from(analysis)} on: D50 {value}{words}")
    return lines


def _counts(analysis: Analysis) -> list[str]:
    return [
        f"  {count(analysis.sizes.n_tracks_used, 'track')} used of {count(analysis.tracks.n_tracks, 'track')}; "
        f"{number(analysis.spots.per_frame)} spots per frame in {count(analysis.spots.scene.n_frames, 'frame')}",
        *_visibility(analysis),
    ]


def _visibility(analysis: Analysis) -> list[str]:
    value, below = concentration_words(analysis)
    lines = [f"  concentration {value} ({below})"]
    seen = analysis.visibility
    if seen is not None and seen.limit_nm.value is not None and seen.law is not None:
        limit, share = number(seen.limit_nm.value), percent(seen.share_below_limit)
        index = f"{seen.law.refractive_index:.3f}"
        lines.append(f"  detection limit {limit} nm for index {index}; {share} of the result lie below")
    return lines


def _findings(analysis: Analysis) -> list[str]:
    told = [f for f in findings_worst_first(analysis.assessment) if f.verdict in (Verdict.FAIL, Verdict.WARN)]
    return [f"  findings: {verdict_counts(analysis.assessment)}", *finding_lines(told)]


def finding_lines(findings: Iterable[Finding]) -> Iterator[str]:
    """Yield the lines of the findings, each followed by its advice."""
    for finding in findings:
        yield f"  {finding.verdict.upper()}  {finding.title}: {prettied(finding.evidence)}"
        if finding.advice:
            yield f"        → {finding.advice}"
