"""A number with its uncertainty: value, interval, unit and how the interval was made."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray


@dataclass(frozen=True, slots=True)
class Quantity:
    """A result with its interval. `low` and `high` are None if there is no interval; `value` is None if there is no result.

    method : one phrase on how value and interval were made, e.g. "bootstrap over particles, 95 %".
    """

    value: float | None
    low: float | None
    high: float | None
    unit: str
    method: str = ""

    @classmethod
    def from_dict(cls, said: Mapping[str, Any]) -> Quantity:
        """Make a quantity from plain data; the inverse of `as_dict`."""
        return cls(said["value"], said.get("low"), said.get("high"), said["unit"], said.get("method", ""))

    @property
    def ends(self) -> tuple[float, float] | None:
        """Both ends of the interval; None if there is no interval."""
        return None if self.low is None or self.high is None else (self.low, self.high)

    @property
    def half_width(self) -> float | None:
        """Half the width of the interval; None if there is no interval."""
        return None if self.low is None or self.high is None else (self.high - self.low) / 2

    @property
    def half_width_ln(self) -> float | None:
        """Half the width of the interval in the logarithm; None if there is no interval, or if it reaches zero."""
        if self.low is None or self.high is None or not self.low > 0:
            return None
        return math.log(self.high / self.low) / 2

    def times(self, factor: float, unit: str) -> Quantity:
        """Return the quantity times an exactly known factor."""
        value, low, high = (None if v is None else v * factor for v in (self.value, self.low, self.high))
        return Quantity(value, low, high, unit, self.method)

    def as_dict(self) -> dict[str, Any]:
        """Return plain data for JSON."""
        return {
            "value": self.value,
            "low": self.low,
            "high": self.high,
            "unit": self.unit,
            "method": self.method,
        }

    def __str__(self) -> str:
        if self.value is None:
            return "no result"
        text, ends = rounded(self)
        if ends is not None:
            text += f" ({ends[0]} to {ends[1]})"
        return f"{text} {self.unit}" if self.unit not in ("", "1") else text


def quantities(said: Mapping[str, Mapping[str, Any]]) -> dict[str, Quantity]:
    """Return quantities by name from plain data."""
    return {name: Quantity.from_dict(q) for name, q in said.items()}


def unknown(why: str, unit: str = "") -> Quantity:
    """Return a quantity without a value; its method says why there is none."""
    return Quantity(None, None, None, unit, why)


def rounded(quantity: Quantity, *, signed: bool = False) -> tuple[str, tuple[str, str] | None]:
    """Write value and ends of the interval in ASCII, all to the second digit of the interval's half width.

    Concentrations are written with powers of ten, values without an interval with three digits. signed : with "+" before
    what is above zero, for differences.
    """
    if quantity.value is None or not math.isfinite(quantity.value):
        raise ValueError("a quantity without a value has no digits")
    value, ends = quantity.value, quantity.ends
    if quantity.unit == "1/ml":
        return with_power(value), None if ends is None else (with_power(ends[0]), with_power(ends[1]))
    half = quantity.half_width
    if half is None or not math.isfinite(half) or ends is None:
        text = in_digits(value)
        return f"+{text}" if signed and value > 0 else text, None
    decimals = max(0, 1 - decimal_exponent(half)) if half > 0 else max(0, 3 - decimal_exponent(value))
    # A very narrow interval does not add digits beyond the sixth of the value.
    decimals = min(decimals, max(0, 5 - decimal_exponent(value)))
    decimals = min(decimals, 1) if quantity.unit == "%" else decimals
    written, low, high = (fixed(v, decimals, signed=signed) for v in (value, *ends))
    return written, (low, high)


def fixed(value: float, decimals: int, *, signed: bool = False) -> str:
    """Write a number with a fixed number of decimals, never as "-0.0"."""
    value = round(value, decimals) + 0.0  # of a negative zero this makes zero
    return f"{value:{'+' if signed and value else ''}.{decimals}f}"


def in_digits(value: float, digits: int = 3) -> str:
    """Write a finite number with the given significant digits; very small and very large ones as "3.07e8"."""
    if value != 0 and not 1e-4 <= abs(value) < 1e7:
        mantissa, _, exponent = f"{value:.{digits - 1}e}".partition("e")
        return f"{mantissa}e{int(exponent)}"
    return f"{value:.{max(0, digits - 1 - decimal_exponent(value, digits))}f}"


def with_power(value: float) -> str:
    """Write a number with three digits, from 10^4 on with a power of ten: "2.60e8"."""
    if not abs(value) > 0:
        return "0"
    exponent = decimal_exponent(value, digits=3)
    return in_digits(value) if exponent < 4 else f"{value / 10**exponent:.2f}e{exponent}"


def decimal_exponent(value: float, digits: int = 17) -> int:
    """Return the decimal exponent of a number rounded to the given digits: 1 for 9.996 with three digits (10.0)."""
    return int(f"{value:.{digits - 1}e}".partition("e")[2])


CONFIDENCE = 0.95
"""Confidence level of an interval unless another is chosen."""

Z_95 = 1.959963984540054
"""Half the width of a 95 % interval of a normal distribution, in standard deviations."""


def coverage_factor(confidence: float) -> float:
    """Half the width of an interval of a normal distribution, in standard deviations: 1.96 for 0.95 (GUM, 6.3.3)."""
    from scipy.special import ndtri

    return float(ndtri(0.5 + confidence / 2))


def student_half_width(values: ArrayLike, confidence: float = CONFIDENCE) -> NDArray[np.float64]:
    """Half the width of the interval of the mean of two or more independent values, over the first axis.

    Student's t with n - 1 degrees of freedom. Source: ISO/IEC Guide 98-3 (GUM), G.3.
    """
    from scipy.special import stdtrit

    each = np.asarray(values, dtype=np.float64)
    n = len(each)
    return np.asarray(stdtrit(n - 1, 0.5 + confidence / 2) * each.std(axis=0, ddof=1) / np.sqrt(n))


def student_mean(values: ArrayLike, unit: str, replicate: str, *, logs: bool = False) -> Quantity:
    """Return the mean of values, one for each replicate, with Student's interval; a single value has no interval.

    logs : the values are logarithms; the result is their geometric mean, back in original units.
    """
    each, back = np.asarray(values, dtype=np.float64), np.exp if logs else float
    mean = float(each.mean())
    if len(each) < 2:
        return Quantity(float(back(mean)), None, None, unit, f"one {replicate}")
    half = float(student_half_width(each))
    value, low, high = (float(back(v)) for v in (mean, mean - half, mean + half))
    return Quantity(
        value, low, high, unit, f"Student t over {len(each)} {replicate}s, {100 * CONFIDENCE:g} %"
    )
