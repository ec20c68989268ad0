"""Write numbers and verdicts in the same way on pages, in figures and on the terminal."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Literal

from nta.assessment import Assessment, Finding, Verdict
from nta.pipeline import Analysis
from nta.quantity import Quantity, in_digits, rounded, with_power

SUMMARY_NAMES = {
    "d10_nm": "D10",
    "d50_nm": "D50 (median)",
    "d90_nm": "D90",
    "mean_nm": "Mean",
    "mode_nm": "Mode (per nm)",  # the peak of the density per nm; on a log axis the peak lies elsewhere
    "sd_nm": "Standard deviation",
    "geometric_sd": "Geometric standard deviation",
    "span": "Span (D90 − D10) / D50",
}
TRACKED_PER_FRAME = "Tracked particles per frame"
UNITS = {"um2/s": "µm²/s", "um": "µm", "um/s": "µm/s", "1": "", "degC": "°C", "1/ml": "per ml"}
Mood = Literal["pass", "warn", "fail", "open"]
"""Rating that sets sign and colour on a page; "open": not decided."""
SIGNS: Mapping[Mood, str] = {"pass": "✓", "warn": "▲", "fail": "✕", "open": "○"}
MOODS: Mapping[Verdict, Mood] = {
    Verdict.FAIL: "fail",
    Verdict.WARN: "warn",
    Verdict.NOT_ASSESSED: "open",
    Verdict.PASS: "pass",
}
"""Mood of each verdict, in the order in which findings are listed."""
VERDICT_WORDS: Mapping[Verdict, str] = {
    Verdict.FAIL: "Fail",
    Verdict.WARN: "Watch",
    Verdict.NOT_ASSESSED: "Not assessed",
    Verdict.PASS: "Pass",
}
FIXED_SPACE = "\u00a0"  # no-break space: keeps a value and its unit on one line
_TO = f"{FIXED_SPACE}to{FIXED_SPACE}"
_RAISED = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")
_POWER = r"(?<=\d)e([+-]?\d{1,3})\b"
_NUMBER_WITH_POWER = r"(?<![\w.-])-?\d(?:\.\d+)?e[+-]?\d{1,3}(?!\w|\.\w)"
_COUNTED = r"\b\d{5,}(?= (?:tracks|spots|links|frames|found))"


def number(value: float | None, digits: int = 3) -> str:
    """Write a number with the given significant digits; very small and very large numbers get an exponent."""
    if value is None or math.isnan(value):
        return "–"
    if math.isinf(value):
        return "∞" if value > 0 else "−∞"
    return _typeset(in_digits(value, digits))


def percent(share: float | None) -> str:
    """Write a share in per cent to two digits; shares up to 1e-6 are written as 0."""
    return f"{number(100 * share if share and share > 1e-6 else 0.0, 2)} %"


def value_and_interval(quantity: Quantity, *, signed: bool = False) -> tuple[str, str]:
    """Return value and interval as texts with the unit, both to the second digit of the interval's half width.

    Concentrations are written with powers of ten. Without a value the first text is "no result"; without an interval the
    second text is empty. signed : with a sign before what is above zero too.
    """
    shown = replace_unit(quantity).unit
    unit = f"{FIXED_SPACE}{shown}" if shown else ""
    value, interval = without_unit(quantity, signed=signed)
    known = quantity.value is not None and math.isfinite(quantity.value)
    return f"{value}{unit}" if known else value, f"{interval}{unit}" if interval else ""


def without_unit(quantity: Quantity, *, signed: bool = False) -> tuple[str, str]:
    """Return value and interval as `value_and_interval`, for a column that has the unit in its head."""
    if quantity.value is None or not math.isfinite(quantity.value):
        return "no result", ""
    value, ends = rounded(quantity, signed=signed)
    return _typeset(value), _typeset(" to ".join(ends)) if ends else ""


def in_one(quantity: Quantity) -> str:
    """Write value and interval as one text: "104.8 nm (101.2 to 108.1 nm)", "2.1·10⁸ (1.9·10⁸ to 2.3·10⁸) per ml".

    Where only an upper limit is known, write that: "below 3.4·10⁶ per ml".
    """
    if quantity.value is None and quantity.high is not None:
        return as_limit(quantity)
    value, interval = value_and_interval(quantity)
    if not interval:
        return value
    # The long unit "per ml" is written once, after the interval.
    unit = f"{FIXED_SPACE}{UNITS['1/ml']}" if quantity.unit == "1/ml" else ""
    return f"{value.removesuffix(unit)} ({interval.removesuffix(unit).replace(' to ', _TO)}){unit}"


def in_column(quantity: Quantity, *below: str) -> str:
    """Write value, interval and further words on lines of their own, for a column that has the unit in its head.

    Where only an upper limit is known, write that.
    """
    limited = quantity.value is None and quantity.high is not None
    value, interval = (as_limit(quantity, with_unit=False), "") if limited else without_unit(quantity)
    return "\n".join(line for line in (value, interval.replace(" to ", _TO), *below) if line)


def replace_unit(quantity: Quantity) -> Quantity:
    """Return the quantity with its unit as shown to readers: "µm²/s" for "um2/s", no unit for "1"."""
    return replace(quantity, unit=UNITS.get(quantity.unit, quantity.unit))


def as_percent(quantity: Quantity) -> Quantity:
    """Return a share as a percentage."""
    return quantity.times(100, "%")


def prettied(words: str) -> str:
    """Return a sentence with units and large counts in typographic form."""
    words = re.sub(_NUMBER_WITH_POWER, lambda found: _typeset(found[0]), words)
    words = re.sub(_COUNTED, lambda found: grouped(int(found[0])), words)
    words = re.sub(r"(?<![\w-])-(?=\d+(?:\.\d+)? ?%)", "−", words)
    words = re.sub(r"(?<=\d)%", f"{FIXED_SPACE}%", words)
    return re.sub(r"(?<=\d )um\b", "µm", words).replace(" degC", " °C")


def count(n: int, singular: str, plural: str = "") -> str:
    """Write a count with its noun: "1 track", "1234 tracks", "12 345 tracks"."""
    return f"{grouped(n)} {singular if n == 1 else plural or singular + 's'}"


def grouped(n: int) -> str:
    """Write an integer; numbers of five and more digits get narrow spaces between thousands."""
    return f"{n:,}".replace(",", "\u202f") if abs(n) >= 10_000 else str(n)


def when(moment: str) -> str:
    """Write an ISO time in UTC as "2026-03-02 09:30:00 UTC"; return any other text unchanged."""
    return re.sub(r"^(\d{4}-\d\d-\d\d)T(\d\d:\d\d:\d\d)(?:\.\d+)?(?:\+00:00|Z)$", r"\1 \2 UTC", moment)


def capitalised(words: str) -> str:
    """Return the words with a capital first letter."""
    return words[:1].upper() + words[1:]


def window_name(low_nm: float, high_nm: float) -> str:
    """Write a range of diameters: "30–150 nm"."""
    return f"{low_nm:g}–{high_nm:g}{FIXED_SPACE}nm"


def findings_worst_first(assessment: Assessment) -> list[Finding]:
    """Return the findings, the worst first; findings of one verdict keep the order of the assessment."""
    return [finding for verdict in MOODS for finding in assessment.findings if finding.verdict is verdict]


def verdict_counts(assessment: Assessment) -> str:
    """Write the number of findings for each verdict that occurs, the worst first."""
    names = {
        Verdict.FAIL: "failed",
        Verdict.WARN: "to watch",
        Verdict.NOT_ASSESSED: "not assessed",
        Verdict.PASS: "passed",
    }
    counts = {v: sum(f.verdict is v for f in assessment.findings) for v in MOODS}
    return ", ".join(f"{n} {names[verdict]}" for verdict, n in counts.items() if n) or "nothing was assessed"


def confidence_words(analysis: Analysis) -> str:
    """Write the confidence level of the intervals: "95 %"."""
    distribution = analysis.sizes.distribution
    confidence = distribution.confidence if distribution else analysis.settings.sizing.confidence
    return f"{100 * confidence:g} %"


def concentration_words(analysis: Analysis) -> tuple[str, str]:
    """Return concentration and basis as texts; without a value: an upper limit with the reason, or the count per frame."""
    seen = analysis.visibility
    if seen is None:
        return "not calibrated", f"{number(analysis.spots.per_frame)} spots per frame"
    found = seen.concentration
    per_frame, interval = value_and_interval(found.per_frame)
    per_frame_words = ", ".join(filter(None, (f"{per_frame} tracked particles per frame", interval)))
    measured = found.best_known_per_ml
    where = (
        f"in the sample, dilution {found.dilution:g} applied"
        if found.dilution
        else "in the cell, no dilution stated"
    )
    if measured.value is None and measured.high is not None:
        return as_limit(measured), f"{where}; {found.why_not}"
    if measured.value is None or measured.ends is None:
        return "not calibrated", per_frame_words
    least = f", from {number(found.least_nm)} nm on" if found.least_nm else ""
    value, interval = value_and_interval(measured)
    return value, f"{interval} {where}{least}"


def control_words(analysis: Analysis) -> str:
    """Return what the recording of a control was made for: background of a blank, bias of beads; empty for a sample."""
    kind = analysis.assessment.kind
    if kind == "beads":
        found = analysis.assessment.finding("bead_check")
        return f"beads: {found.evidence}" if found else ""
    return f"blank: background {background(analysis)}" if kind == "blank" else ""


def background(analysis: Analysis) -> str:
    """Write the particles of a blank: per ml in the cell or, without a calibration, per frame."""
    seen = analysis.visibility
    found = seen.concentration.in_cell_per_ml if seen else None
    if seen is None or found is None or (found.value is None and found.high is None):
        counted = (
            f"{in_one(seen.concentration.per_frame)} tracked particles"
            if seen
            else f"{number(analysis.spots.per_frame)} spots"
        )
        return f"{counted} per frame, not calibrated per ml"
    return f"{in_one(found)} in the cell"


def as_limit(quantity: Quantity, *, with_unit: bool = True) -> str:
    """Write the upper limit of a quantity without a value: "below 3.4·10⁶ per ml"."""
    unit = UNITS.get(quantity.unit, quantity.unit) if with_unit else ""
    written = scientific if quantity.unit == "1/ml" else number
    return f"below {written(quantity.high or 0.0)}{FIXED_SPACE if unit else ''}{unit}"


def suspension_from(analysis: Analysis) -> str:
    """Write the smallest diameter at which the distribution in suspension is known."""
    seen = analysis.visibility
    return f"{number(seen.concentration.least_nm if seen else None)} nm"


def scientific(value: float) -> str:
    """Write a number; from 10⁴ on with a power of ten: 2.6·10⁸."""
    return _typeset(with_power(value))


def superscript(exponent: int) -> str:
    """Write an exponent in superscript digits."""
    return str(exponent).translate(_RAISED)


def why_no_distribution(analysis: Analysis) -> str:
    """Return why there is no size distribution, as sentences."""
    if not len(analysis.spots):
        return "No spot was found in this recording, so there is nothing to size."
    if not analysis.tracks.n_tracks:
        return f"{count(len(analysis.spots), 'spot')} were found, but no two of them make a track."
    sized = int(analysis.diffusion.has_size.sum())
    if not sized:
        return (
            f"None of the {count(analysis.tracks.n_tracks, 'track')} moves more than its localization error explains, "
            "or is long enough to tell: there is no size."
        )
    why = why_none(analysis.sizes.summary["d50_nm"])
    return f"{capitalised(why)}. The sizes of the single tracks are in tracks.csv."


def why_none(quantity: Quantity) -> str:
    """Return why a quantity has no value."""
    return quantity.method.removeprefix("not assessed: ")


def _typeset(words: str) -> str:
    """Return numbers with a true minus and with powers of ten: "2.6·10⁸" for "2.6e8" or "2.6e+08"."""
    return re.sub(_POWER, lambda found: f"·10{superscript(int(found[1]))}", words).replace("-", "−")
