"""Combine several results of one sample: means and coefficients of variation with their intervals.

This works for results of any program, from one number with its interval. For size distributions by nta and videos of
several preparations, `nta.sizes.combine_replicates` also makes the mean curve, and takes the preparation as the unit; for
one preparation, both give the same interval.

Sources: Student's t on the replicates; interval of a coefficient of variation, Vangel, Am. Stat. 50, 21 (1996), eq. 6
(modified McKay), for normal scatter.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from nta.columns import FloatArray
from nta.measurements.table import Measurement
from nta.quantity import CONFIDENCE, Quantity, student_half_width, unknown

LEAST_FOR_BAND = 3  # fewest curves whose mean has an interval


def mean_over(
    measurements: Sequence[Measurement],
    number: Callable[[Measurement], Quantity],
    name: str,
    confidence: float,
    *,
    share: bool = False,
) -> Quantity:
    """Return the mean over replicates with its interval, as `mean_of` makes it; a single result is returned unchanged."""
    found = [number(m) for m in measurements]
    if len(found) == 1:
        return found[0]
    if missing := [
        f"{m.name}: {q.method}" for m, q in zip(measurements, found, strict=True) if q.value is None
    ]:
        return unknown(missing[0], found[0].unit)
    return mean_of(found, [m.statistical(name) for m in measurements], confidence, share=share)


def mean_of(
    found: Sequence[Quantity], own: Sequence[Quantity | None], confidence: float, *, share: bool = False
) -> Quantity:
    """Return the mean of two or more numbers that cannot be negative, with its interval.

    The interval contains the scatter of the replicates (Student's t), at least their own counting errors, and the errors
    common to all (temperature, pixel size), which more replicates do not reduce: fully correlated errors of a mean add up
    (JCGM 100:2008 (GUM), 5.2.2, note 1). If the two parts of a result's interval are not known, the whole interval counts as
    common.

    own : each number with only the statistical part of its interval; None if the parts are not known.
    share : whether the numbers are shares, with absolute errors and at most 1; errors of sizes and counts are relative, and
        the interval is computed on logarithms unless a number or its interval reaches zero.
    """
    logarithm = not share and _are_positive(found, own)
    counting = [0.0 if q is None else _half(q, logarithm=logarithm) for q in own]
    common = [
        math.sqrt(max(_half(q, logarithm=logarithm) ** 2 - c**2, 0.0))
        for q, c in zip(found, counting, strict=True)
    ]
    values = np.array([q.value for q in found], dtype=np.float64)
    spread = _scatter(values, confidence, logarithm=logarithm)
    half = math.hypot(max(spread, math.hypot(*counting) / len(found)), sum(common) / len(found))
    if half == 0 and any(q.low is None for q in found):
        why = f"no interval: {len(found)} results are the same to the last digit, and none has an interval of its own"
        return Quantity(float(values.mean()), None, None, found[0].unit, why)
    low, high = _ends(values, half, logarithm=logarithm, share=share)
    words = f"mean of {len(found)} results, their scatter and what is common to them, {100 * confidence:g} %"
    return Quantity(float(values.mean()), low, high, found[0].unit, words)


def _scatter(values: FloatArray, confidence: float, *, logarithm: bool) -> float:
    """Return half the width of Student's interval of the mean, of the logarithms or of the values."""
    return float(student_half_width(np.log(values) if logarithm else values, confidence))


def _ends(values: FloatArray, half: float, *, logarithm: bool, share: bool) -> tuple[float, float]:
    mean = float(values.mean())
    if logarithm:
        return mean * math.exp(-half), mean * math.exp(half)
    return max(mean - half, 0.0), min(mean + half, 1.0) if share else mean + half


@dataclass(frozen=True, kw_only=True)
class Spread:
    """Mean of a number over videos with its spread; None if there are too few videos. The video is the unit.

    sd : standard deviation between videos. cv : sd over mean.
    low, high : interval of the mean by the scatter of the videos only, Student's t with n - 1 degrees of freedom
        (ISO/IEC Guide 98-3 (GUM), G.3), on logarithms except for shares.
    full_low, full_high : with the errors common to all videos, and at least their counting errors, as in `nta check`.
    """

    n: int
    mean: float
    unit: str
    sd: float | None = None
    cv: float | None = None
    low: float | None = None
    high: float | None = None
    full_low: float | None = None
    full_high: float | None = None


def spread_over_videos(
    numbers: Sequence[Quantity], own: Sequence[Quantity | None], *, share: bool = False
) -> Spread | None:
    """Sum up one number of several videos, with both intervals as `mean_of` makes them; None if there is none."""
    if not numbers:
        return None
    values = np.array([q.value for q in numbers], dtype=np.float64)
    mean, n, unit = float(values.mean()), len(numbers), numbers[0].unit
    if n < 2:
        return Spread(n=n, mean=mean, unit=unit)
    sd = float(values.std(ddof=1))
    logarithm = not share and _are_positive(numbers, own)  # the same scale for both intervals
    half = _scatter(values, CONFIDENCE, logarithm=logarithm)
    low, high = _ends(values, half, logarithm=logarithm, share=share)
    full = mean_of(numbers, own, CONFIDENCE, share=share)
    return Spread(
        n=n,
        mean=mean,
        unit=unit,
        sd=sd,
        cv=sd / mean if mean else None,
        low=low,
        high=high,
        full_low=full.low,
        full_high=full.high,
    )


def mean_curve(curves: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return the mean of curves, (n, bins), and its pointwise Student's t interval; NaN for fewer than three curves.

    The interval of two curves would be very wide except where they cross.
    """
    mean = curves.mean(axis=0)
    enough = len(curves) >= LEAST_FOR_BAND
    half = student_half_width(curves) if enough else np.full_like(mean, np.nan)
    return mean, np.maximum(mean - half, 0.0), mean + half


def variation(values: Sequence[Quantity], confidence: float) -> Quantity:
    """Return the coefficient of variation of replicates, whose values are all known, with its interval.

    The upper limit is six times the value for three replicates, 1.9 times for ten.
    """
    known = np.array([q.value for q in values], dtype=np.float64)
    if known.size < 2:
        return unknown("one result has no scatter; give two at least, better five", "1")
    if known.mean() <= 0:
        return unknown("the mean is not above zero", "1")
    if np.ptp(known) == 0:
        return unknown(
            "the results are the same to the last digit: rounded too coarsely to show their scatter", "1"
        )
    from scipy.special import chdtri

    n = known.size
    cv = float(known.std(ddof=1) / known.mean())
    low, high = (
        _vangel(cv, n, float(chdtri(n - 1, above))) for above in ((1 - confidence) / 2, (1 + confidence) / 2)
    )
    words = (
        f"standard deviation over mean of {n} results, interval after Vangel (1996), {100 * confidence:g} %"
    )
    return Quantity(cv, low, high, "1", words)


def ratio(above: Quantity, below: Quantity) -> Quantity:
    """Return the ratio of two independent numbers; the relative half widths of their intervals add in quadrature."""
    if above.value is None or below.value is None:
        return unknown((above if above.value is None else below).method, "1")
    if not (above.value > 0 and below.value > 0):
        return unknown("a ratio needs two numbers above zero", "1")
    value = above.value / below.value
    if above.ends is None or below.ends is None or min(*above.ends, *below.ends) <= 0:
        return Quantity(
            value, None, None, "1", "no interval: one of the two numbers has none, or reaches zero"
        )
    (a_low, a_high), (b_low, b_high) = above.ends, below.ends
    down = math.hypot(math.log(above.value / a_low), math.log(b_high / below.value))
    up = math.hypot(math.log(a_high / above.value), math.log(below.value / b_low))
    return Quantity(value, value * math.exp(-down), value * math.exp(up), "1", "ratio, errors in quadrature")


def _vangel(cv: float, n: int, u: float) -> float:
    inside = ((u + 2) / n - 1) * cv**2 + u / (n - 1)
    return cv / math.sqrt(inside) if inside > 0 else math.inf


def _half(q: Quantity, *, logarithm: bool) -> float:
    """Return half the width of an interval, of the logarithm or of the value; 0 if there is none."""
    return (q.half_width_ln if logarithm else q.half_width) or 0.0


def _are_positive(found: Sequence[Quantity], own: Sequence[Quantity | None]) -> bool:
    return all(_is_positive(q) for q in (*found, *own) if q is not None)


def _is_positive(q: Quantity) -> bool:
    return (q.value or 0.0) > 0 and (q.low is None or q.low > 0)
