"""The numbers under the distribution: every one with its interval, and where the uncertainty comes from."""

from __future__ import annotations

from collections.abc import Iterator

from nta.pipeline import Analysis
from nta.quantity import Quantity
from nta.report.markup import element, table, text
from nta.report.wording import (
    SUMMARY_NAMES,
    as_percent,
    concentration_words,
    confidence_words,
    in_one,
    number,
    percent,
    value_and_interval,
    window_name,
)
from nta.sizes.uncertainty import combined

_PER_FRAME = "particles in tracks per frame"


def numbers(analysis: Analysis) -> str:
    """Return the tables of numbers and of the systematic budget; nothing where there is no distribution."""
    if analysis.sizes.distribution is None:
        return ""
    right = f"{_budget(analysis)}{_visibility(analysis)}"
    return element("div", f"<div>{_summary(analysis)}</div>\n<div>{right}</div>", kind="numbers")


def _summary(analysis: Analysis) -> str:
    sizes = analysis.sizes
    assert sizes.distribution is not None
    head = ("", "Value", f"{confidence_words(analysis)} interval", "of which statistical")
    rows = [
        _row(SUMMARY_NAMES.get(key, key), quantity, sizes.statistical.get(key))
        for key, quantity in sizes.summary.items()
    ]
    rows += [
        _row(f"Share in {window_name(*window)}", as_percent(share), None)
        for window, share in sizes.fractions.items()
    ]
    return (
        element("h3", f"Numbers of the {text(sizes.distribution.describes)}")
        + table(head, rows, numbers=(1, 2, 3))
        + element("p", text(_method(sizes.summary.get("d50_nm"))), kind="note")
    )


def _row(name: str, quantity: Quantity, statistical: Quantity | None) -> list[str]:
    value, interval = value_and_interval(quantity)
    return [
        text(name),
        text(value),
        text(interval),
        text(value_and_interval(statistical)[1] if statistical else ""),
    ]


def _method(quantity: Quantity | None) -> str:
    return f"Intervals: {quantity.method}." if quantity and quantity.method else ""


def _budget(analysis: Analysis) -> str:
    sizes = analysis.sizes
    rows = [[text(name.capitalize()), f"{100 * share:.2f} %"] for name, share in _terms(analysis)]
    if not rows:
        rows = [["No systematic term was stated", "–"]]
    total = combined(sizes.budget)
    rows.append([element("b", "All together"), element("b", f"{100 * total:.2f} %")])
    missing = [] if any("pixel" in name for name in sizes.budget) else ["the pixel size"]
    missing += [] if any("viscosity" in name for name in sizes.budget) else ["the viscosity"]
    words = (
        "What shifts every diameter of this recording alike, as relative standard uncertainty. "
        f"Temperature {number(sizes.temperature_c, 4)} °C, viscosity {number(1e3 * sizes.viscosity_pa_s, 4)} mPa s."
    )
    if missing:
        words += f" Nobody stated the uncertainty of {' and '.join(missing)}: it is not in the intervals."
    return (
        element("h3", "Systematic budget")
        + table(("Source", "of the diameter"), rows, numbers=(1,))
        + element("p", text(words), kind="note")
    )


def _visibility(analysis: Analysis) -> str:
    """Return what the run could see and how much there is of it."""
    seen = analysis.visibility
    if seen is None:
        return ""
    found = seen.concentration
    rows = [["Seen per frame, in tracks", text(in_one(found.per_frame))]]
    if seen.limit_nm.value is not None:
        rows.append(["Detection limit (half found)", text(in_one(seen.limit_nm))])
        rows.append(["Share of the result below it", percent(seen.share_below_limit)])
    if seen.law is not None:
        rows.append([f"Refractive index, {text(seen.law.index_source)}", f"{seen.law.refractive_index:.3f}"])
    if found.volume_ml is not None:
        rows.append(["Visible volume", text(f"{number(1e6 * found.volume_ml)} nl")])
    rows.append(["Dilution", "not stated" if found.dilution is None else f"{found.dilution:g}"])
    if found.blank:
        rows.append(["Blank", text(found.blank)])
    value, below = concentration_words(analysis)
    note = (
        found.why_not or f"{found.in_cell_per_ml.method}. Particles per ml = {_PER_FRAME} / visible volume."
    )
    notes = [below] if note in below else [below, note]
    return (
        element("h3", "Visibility and concentration")
        + table(("", ""), [*rows, [element("b", "Concentration"), element("b", text(value))]], numbers=(1,))
        + element("p", text(". ".join(f"{words[:1].upper()}{words[1:]}" for words in notes)), kind="note")
    )


def _terms(analysis: Analysis) -> Iterator[tuple[str, float]]:
    """Yield the terms, the largest first."""
    yield from sorted(analysis.sizes.budget.items(), key=lambda item: -item[1])
