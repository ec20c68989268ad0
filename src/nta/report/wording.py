"""Numbers and verdicts in words: one way of writing each, on the page, in the figures and on the terminal."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Literal

from nta.assessment import Assessment, Finding, Verdict
from nta.pipeline import Analysis
from nta.quantity import Quantity

SUMMARY_NAMES = {
    "d10_nm": "D10",
    "d50_nm": "D50 (median)",
    "d90_nm": "D90",
    "mean_nm": "Mean",
    "mode_nm": "Mode",
    "sd_nm": "Standard deviation",
    "geometric_sd": "Geometric standard deviation",
    "span": "Span (D90 − D10) / D50",
}
UNITS = {"um2/s": "µm²/s", "um": "µm", "um/s": "µm/s", "1": "", "degC": "°C", "1/ml": "per ml"}
Mood = Literal["pass", "warn", "fail", "open"]
"""How good something is, whatever it is; "open": nobody can tell yet."""
SIGNS: Mapping[Mood, str] = {"pass": "✓", "warn": "▲", "fail": "✕", "open": "○"}
MOODS: Mapping[Verdict, Mood] = {
    Verdict.FAIL: "fail",
    Verdict.WARN: "warn",
    Verdict.NOT_ASSESSED: "open",
    Verdict.PASS: "pass",
}
"""In the order in which findings are told: what passed is told last, by name alone."""
VERDICT_WORDS: Mapping[Verdict, str] = {
    Verdict.FAIL: "Fail",
    Verdict.WARN: "Watch",
    Verdict.NOT_ASSESSED: "Not assessed",
    Verdict.PASS: "Pass",
}
_FIXED_SPACE = "\u00a0"  # keeps a value and its unit on one line
_TO = f"{_FIXED_SPACE}to{_FIXED_SPACE}"
_RAISED = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")
_COUNTED = r"\b\d{5,}(?= (?:tracks|spots|links|frames|found))"


def number(value: float | None, digits: int = 3) -> str:
    """Write a number with so many significant digits, without an exponent where it can be read without."""
    if value is None or math.isnan(value):
        return "–"
    if math.isinf(value):
        return "∞" if value > 0 else "−∞"
    if value != 0 and not 1e-4 <= abs(value) < 1e7:
        return f"{value:.{digits - 1}e}".replace("-", "−")
    decimals = max(0, digits - 1 - _exponent(value, digits))
    return f"{value:.{decimals}f}".replace("-", "−")


def percent(share: float | None) -> str:
    """Write a share in per cent to two digits; what is as good as nothing is 0."""
    return f"{number(100 * share if share and share > 1e-6 else 0.0, 2)} %"


def value_and_interval(quantity: Quantity) -> tuple[str, str]:
    """Write value and interval alike, to the second significant digit of the interval's half width, with the unit.

    Concentrations are written with powers of ten.

    The second text is empty where there is no interval, the first says so where there is no value.
    """
    q = replace_unit(quantity)
    if q.value is None or not math.isfinite(q.value):
        return "no result", ""
    unit = f"{_FIXED_SPACE}{q.unit}" if q.unit else ""
    if quantity.unit == "1/ml":
        interval = f"{' to '.join(map(scientific, q.ends))}{unit}" if q.ends else ""
        return f"{scientific(q.value)}{unit}", interval
    half = q.half_width
    if half is None or not math.isfinite(half):
        return f"{number(q.value)}{unit}", ""
    decimals = max(0, 1 - _exponent(half)) if half > 0 else max(0, 3 - _exponent(q.value))
    # an interval of nearly nothing shows no more digits
    decimals = min(decimals, max(0, 5 - _exponent(q.value)))
    decimals = min(decimals, 1) if q.unit == "%" else decimals
    value, low, high = (f"{v:.{decimals}f}".replace("-", "−") for v in (q.value, q.low, q.high))
    return f"{value}{unit}", f"{low} to {high}{unit}"


def in_one(quantity: Quantity) -> str:
    """Write value and interval as one: "104.8 nm (101.2 to 108.1 nm)", "2.1·10⁸ (1.9·10⁸ to 2.3·10⁸) per ml"."""
    value, interval = value_and_interval(quantity)
    if not interval:
        return value
    unit = (
        f"{_FIXED_SPACE}{UNITS['1/ml']}" if quantity.unit == "1/ml" else ""
    )  # long: it stands once, at the end
    return f"{value.removesuffix(unit)} ({interval.removesuffix(unit).replace(' to ', _TO)}){unit}"


def replace_unit(quantity: Quantity) -> Quantity:
    """Return the quantity in the unit people read: µm²/s, no "1"."""
    return replace(quantity, unit=UNITS.get(quantity.unit, quantity.unit))


def as_percent(quantity: Quantity) -> Quantity:
    """Return a share as a percentage."""
    return quantity.times(100, "%")


def prettied(words: str) -> str:
    """Write the units and counts in a sentence as people do."""
    words = re.sub(_COUNTED, lambda found: grouped(int(found[0])), words)
    words = re.sub(r"(?<=\d)%", f"{_FIXED_SPACE}%", words)
    return re.sub(r"(?<=\d )um\b", "µm", words).replace(" degC", " °C")


def count(n: int, singular: str, plural: str = "") -> str:
    """Write how many there are: "1 track", "1234 tracks", "12 345 tracks"."""
    return f"{grouped(n)} {singular if n == 1 else plural or singular + 's'}"


def grouped(n: int) -> str:
    """Write a whole number, from five digits on with narrow spaces between thousands."""
    return f"{n:,}".replace(",", "\u202f") if abs(n) >= 10_000 else str(n)


def when(moment: str) -> str:
    """Write a moment as people do; what is no ISO text in UTC stays as somebody wrote it."""
    return re.sub(r"^(\d{4}-\d\d-\d\d)T(\d\d:\d\d:\d\d)(?:\.\d+)?(?:\+00:00|Z)$", r"\1 \2 UTC", moment)


def capitalised(words: str) -> str:
    """Write the first letter as a capital."""
    return words[:1].upper() + words[1:]


def window_name(low_nm: float, high_nm: float) -> str:
    """Write a window of diameters."""
    return f"{low_nm:g}–{high_nm:g}{_FIXED_SPACE}nm"


def findings_worst_first(assessment: Assessment) -> list[Finding]:
    """Return the findings, the worst first, otherwise in the order of the assessment."""
    return [finding for verdict in MOODS for finding in assessment.findings if finding.verdict is verdict]


def verdict_counts(assessment: Assessment) -> str:
    """Write how the findings came out, the worst first; what did not occur is left out."""
    names = {
        Verdict.FAIL: "failed",
        Verdict.WARN: "to watch",
        Verdict.NOT_ASSESSED: "not assessed",
        Verdict.PASS: "passed",
    }
    counts = {v: sum(f.verdict is v for f in assessment.findings) for v in MOODS}
    return ", ".join(f"{n} {names[verdict]}" for verdict, n in counts.items() if n) or "nothing was assessed"


def confidence_words(analysis: Analysis) -> str:
    """Write the confidence of the intervals."""
    distribution = analysis.sizes.distribution
    confidence = distribution.confidence if distribution else analysis.settings.sizing.confidence
    return f"{100 * confidence:g} %"


def concentration_words(analysis: Analysis) -> tuple[str, str]:
    """Write the concentration and what it stands on; a count per frame and the reason where there is none per ml."""
    seen = analysis.visibility
    if seen is None:
        return "not calibrated", f"{number(analysis.spots.per_frame)} spots per frame"
    found = seen.concentration
    per_frame_words = f"{number(found.per_frame.value)} tracked particles per frame"
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


def as_limit(quantity: Quantity) -> str:
    """Write the upper end of a concentration that has no number: "below 3.4·10⁶ per ml"."""
    return f"below {scientific(quantity.high or 0.0)}{_FIXED_SPACE}per ml"


def suspension_from(analysis: Analysis) -> str:
    """Write the diameter from which on the distribution in suspension is known."""
    seen = analysis.visibility
    return f"{number(seen.concentration.least_nm if seen else None)} nm"


def scientific(value: float) -> str:
    """Write a large number as people write concentrations: 2.6·10⁸."""
    if not value > 0:
        return "0"
    exponent = _exponent(value, digits=3)
    if exponent < 4:
        return number(value)
    return f"{value / 10**exponent:.2f}·10{superscript(exponent)}"


def superscript(exponent: int) -> str:
    """Write an exponent with raised digits."""
    return str(exponent).translate(_RAISED)


def why_no_distribution(analysis: Analysis) -> str:
    """Say why there is no size distribution."""
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
    """Say why a quantity has no value."""
    return quantity.method.removeprefix("not assessed: ")


def _exponent(value: float, digits: int = 17) -> int:
    """Return the power of ten of a number as it is written with so many digits: 9.996 with three is 10.0."""
    return int(f"{value:.{digits - 1}e}".partition("e")[2])
