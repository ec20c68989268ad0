"""A number that says how sure it is: value, interval, unit and how the interval was made."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Quantity:
    """A result with its interval. `low` and `high` are None where no interval could be made; `value` None: no result.

    method : one phrase on how value and interval were made, e.g. "bootstrap over tracks, 95 %".
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
