"""The numbers below the distribution, each with its interval, and the sources of uncertainty."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from nta.pipeline import Analysis
from nta.quantity import Quantity
from nta.report.markup import element, stacked, table, text
from nta.report.wording import (
    SUMMARY_NAMES,
    TRACKED_PER_FRAME,
    as_percent,
    capitalised,
    concentration_words,
    confidence_words,
    number,
    percent,
    prettied,
    suspension_from,
    value_and_interval,
    window_name,
)
from nta.sizes.uncertainty import combined

_TERMS: Mapping[str, str] = {
    "localization error and blur": "how well the tracks tell the errors of positions, and the motion while the shutter is "
    "open, from the motion of the particles",
    "motion not seen": "a particle that goes far from one frame to the next is missed or lost more often; sizes are "
    "corrected for that, a third of the correction stays in doubt, and half a per cent in any case",
    "flow that is left": "flow that differs from place to place, which cannot be subtracted as drift is",
    "choice of settings": "scatter of D50 over the settings of the sweep",
}
"""What the terms of the budget are whose names alone do not tell."""


def numbers(analysis: Analysis) -> str:
    """Return the tables of numbers and of the systematic budget; an empty text if there is no distribution."""
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
        + _in_suspension(analysis)
    )


def _in_suspension(analysis: Analysis) -> str:
    """Return the numbers in suspension, in a separate table so that they are not taken for those in view."""
    found = analysis.in_suspension
    if not found:
        return ""
    start = suspension_from(analysis)
    rows = [[text(SUMMARY_NAMES[name]), *map(text, value_and_interval(q))] for name, q in found.items()]
    note = (
        f"Of the particles from {start} on, as they are in the liquid: what other methods see is nearest to this. The "
        "intervals hold the error of the light as well, which moves the volume that particles of each diameter are seen in."
    )
    return (
        element("h3", f"Numbers in suspension, from {text(start)} on")
        + table(("", "Value", f"{confidence_words(analysis)} interval"), rows, numbers=(1, 2))
        + element("p", text(note), kind="note")
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
        + "".join(
            element("p", f"<i>{text(capitalised(name))}</i>: {text(_TERMS[name])}.", kind="note")
            for name, _ in _terms(analysis)
            if name in _TERMS
        )
    )


def _visibility(analysis: Analysis) -> str:
    """Return the table of detection limit, visible volume and concentration."""
    seen = analysis.visibility
    if seen is None:
        return ""
    found = seen.concentration
    rows = [[TRACKED_PER_FRAME, _one_below_the_other(found.per_frame)]]
    if seen.limit_nm.value is not None:
        rows.append(["Detection limit (half found)", _one_below_the_other(seen.limit_nm)])
        rows.append(["Share of the result below it", percent(seen.share_below_limit)])
    if seen.law is not None:
        law = seen.law
        index = Quantity(law.refractive_index, law.index_low, law.index_high, "1")
        words = f"{law.refractive_index:.3f}" if law.index_low is None else _one_below_the_other(index)
        rows.append([f"Refractive index, {text(law.index_source)}", words])
    if found.volume_ml is not None:
        rows.append(["Visible volume", text(f"{number(1e6 * found.volume_ml)} nl")])
    rows.append(["Dilution", "not stated" if found.dilution is None else f"{found.dilution:g}"])
    if found.blank:
        rows.append(["Blank", text(prettied(found.blank))])
    value, below = concentration_words(analysis)
    note = (
        found.why_not
        or f"{prettied(found.in_cell_per_ml.method)}. Particles per ml = {TRACKED_PER_FRAME.lower()} / visible volume"
    )
    notes = [below] if note in below else [below, note]
    return (
        element("h3", "Visibility and concentration")
        + table(("", ""), [*rows, [element("b", "Concentration"), element("b", text(value))]], numbers=(1,))
        + element("p", text(f"{'. '.join(map(capitalised, notes))}."), kind="note")
    )


def _one_below_the_other(quantity: Quantity) -> str:
    """Return a value with its interval below it, for a narrow column."""
    return stacked("\n".join(filter(None, value_and_interval(quantity))))


def _terms(analysis: Analysis) -> Iterator[tuple[str, float]]:
    """Yield the terms of the systematic budget, the largest first."""
    yield from sorted(analysis.sizes.budget.items(), key=lambda item: -item[1])
