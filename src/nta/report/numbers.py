"""The numbers under the distribution: every one with its interval, and where the uncertainty comes from."""

from __future__ import annotations

import math
from collections.abc import Iterator

from nta.pipeline import Analysis
from nta.quantity import Quantity
from nta.report.markup import element, table, text
from nta.report.wording import (
    SUMMARY_NAMES,
    as_percent,
    confidence_words,
    number,
    value_and_interval,
    window_name,
)


def numbers(analysis: Analysis) -> str:
    """Return the tables of numbers and of the systematic budget; nothing where there is no distribution."""
    if analysis.sizes.distribution is None:
        return ""
    return element("div", f"<div>{_summary(analysis)}</div>\n<div>{_budget(analysis)}</div>", kind="numbers")


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
        text(_bare(interval)),
        text(_bare(value_and_interval(statistical)[1]) if statistical else ""),
    ]


def _bare(interval: str) -> str:
    """Leave out the unit: it stands at the value."""
    return interval.removesuffix(" nm").removesuffix("%")


def _method(quantity: Quantity | None) -> str:
    return f"Intervals: {quantity.method}." if quantity and quantity.method else ""


def _budget(analysis: Analysis) -> str:
    sizes = analysis.sizes
    rows = [[text(name.capitalize()), f"{100 * share:.2f} %"] for name, share in _terms(analysis)]
    if not rows:
        rows = [["No systematic term was stated", "–"]]
    total = math.hypot(*sizes.budget.values()) if sizes.budget else 0.0
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


def _terms(analysis: Analysis) -> Iterator[tuple[str, float]]:
    """Yield the terms, the largest first."""
    yield from sorted(analysis.sizes.budget.items(), key=lambda item: -item[1])
