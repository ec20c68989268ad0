"""Several results of one sample made one: means and coefficients of variation with their intervals.

Sources: Student's t on the replicates; interval of a coefficient of variation, Vangel, Am. Stat. 50, 21 (1996), eq. 6
(modified McKay), for normal scatter.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np

from nta.measurements.table import Measurement, unknown
from nta.quantity import Quantity, student_half_width


def mean_over(
    measurements: Sequence[Measurement],
    number: Callable[[Measurement], Quantity],
    name: str,
    confidence: float,
) -> Quantity:
    """Return the mean over replicates with its interval; of one result, the number as it is.

    The interval holds the scatter of the replicates (Student's t), never less than their own counting errors leave, and
    what moves all of them alike (temperature, pixel size), which no number of replicates makes smaller. Where
    a result does not tell the two parts of its interval apart, the whole of it counts as common.
    """
    found = [number(m) for m in measurements]
    if len(found) == 1:
        return found[0]
    if missing := [
        f"{m.name}: {q.method}" for m, q in zip(measurements, found, strict=True) if q.value is None
    ]:
        return unknown(missing[0], found[0].unit)
    values = np.array([q.value for q in found], dtype=np.float64)
    own = [m.statistical(name) for m in measurements]
    counting = [_half(q) for q in own if q is not None]
    common = [
        math.sqrt(max(_half(q) ** 2 - (_half(o) if o is not None else 0.0) ** 2, 0.0))
        for q, o in zip(found, own, strict=True)
    ]
    spread = float(student_half_width(values, confidence))
    least = math.sqrt(sum(h**2 for h in counting)) / len(found) if counting else 0.0
    half = math.hypot(max(spread, least), max(common))
    mean = float(values.mean())
    words = f"mean of {len(found)} results, their scatter and what is common to them, {100 * confidence:g} %"
    return Quantity(mean, mean - half, mean + half, found[0].unit, words)


def variation(values: Sequence[Quantity], confidence: float) -> Quantity:
    """Return the coefficient of variation of replicates with its interval.

    Three replicates know a coefficient of variation to a factor of six upwards, ten to a factor of 1.9.
    """
    known = np.array([q.value for q in values if q.value is not None], dtype=np.float64)
    if known.size < len(values):
        return unknown(next(q.method for q in values if q.value is None), "1")
    if known.size < 2:
        return unknown("one result has no scatter; give two at least, better five", "1")
    if known.mean() <= 0:
        return unknown("the mean is not above zero", "1")
    from scipy.stats import chi2

    n = known.size
    cv = float(known.std(ddof=1) / known.mean())
    low, high = (
        _vangel(cv, n, float(chi2.ppf(p, n - 1))) for p in ((1 + confidence) / 2, (1 - confidence) / 2)
    )
    words = (
        f"standard deviation over mean of {n} results, interval after Vangel (1996), {100 * confidence:g} %"
    )
    return Quantity(cv, low, high, "1", words)


def ratio(above: Quantity, below: Quantity) -> Quantity:
    """Return the ratio of two independent numbers; the relative half widths of their intervals add in quadrature."""
    for q in (above, below):
        if q.value is None:
            return unknown(q.method, "1")
    assert above.value is not None
    assert below.value is not None
    if not (above.value > 0 and below.value > 0):
        return unknown("a ratio needs two numbers above zero", "1")
    value = above.value / below.value
    sides = (above.low, above.high, below.low, below.high)
    if None in sides or min(s for s in sides if s is not None) <= 0:
        return Quantity(
            value, None, None, "1", "no interval: one of the two numbers has none, or reaches zero"
        )
    a_low, a_high, b_low, b_high = (float(s) for s in sides if s is not None)
    down = math.hypot(math.log(above.value / a_low), math.log(b_high / below.value))
    up = math.hypot(math.log(a_high / above.value), math.log(below.value / b_low))
    return Quantity(value, value * math.exp(-down), value * math.exp(up), "1", "ratio, errors in quadrature")


def _vangel(cv: float, n: int, u: float) -> float:
    inside = ((u + 2) / n - 1) * cv**2 + u / (n - 1)
    return cv / math.sqrt(inside) if inside > 0 else math.inf


def _half(q: Quantity) -> float:
    return 0.0 if q.low is None or q.high is None else (q.high - q.low) / 2
