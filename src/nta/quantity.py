"""A number that says how sure it is: value, interval, unit and how the interval was made."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray


@dataclass(frozen=True, slots=True)
class Quantity:
    """A result with its interval. `low` and `high` are None where no interval could be made; `value` None: no result.

    method : one phrase on how value and interval were made, e.g. "bootstrap over particles, 95 %".
    """

    value: float | None
    low: float | None
    high: float | None
    unit: str
    method: str = ""

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
        text = f"{self.value:.4g}"
        if self.low is not None and self.high is not None:
            text += f" ({self.low:.4g} to {self.high:.4g})"
        return f"{text} {self.unit}" if self.unit not in ("", "1") else text


Z_95 = 1.959963984540054
"""Half the width of an interval of 95 % of a normal law, in standard deviations."""


def coverage_factor(confidence: float) -> float:
    """Half the width of an interval of a normal law, in standard deviations: 1.96 for 0.95 (GUM, 6.3.3)."""
    from scipy.special import ndtri

    return float(ndtri(0.5 + confidence / 2))


def student_half_width(values: ArrayLike, confidence: float = 0.95) -> NDArray[np.float64]:
    """Half the width of the interval of the mean of two or more independent values, over the first axis.

    Student's t with n - 1 degrees of freedom. Source: ISO/IEC Guide 98-3 (GUM), G.3.
    """
    from scipy.special import stdtrit

    each = np.asarray(values, dtype=np.float64)
    n = len(each)
    return np.asarray(stdtrit(n - 1, 0.5 + confidence / 2) * each.std(axis=0, ddof=1) / np.sqrt(n))
