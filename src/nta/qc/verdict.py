"""A check: one criterion, what was measured, and what its interval says of the limits."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Literal, get_args

from nta.assessment import Verdict
from nta.errors import SettingError
from nta.quantity import Quantity
from nta.stated import is_number

RANKS = (Verdict.PASS, Verdict.WARN, Verdict.FAIL)
"""What the worst finding may say of a recording; as a number its severity, which is its place here."""


class CheckVerdict(StrEnum):
    """What an interval says of limits."""

    PASS = "pass"  # all of the interval lies within
    FAIL = "fail"  # all of the interval lies beyond one of them
    # neither, or there is no interval: more data or another measurement would decide
    INCONCLUSIVE = "inconclusive"

    @classmethod
    def worst(cls, verdicts: Iterable[CheckVerdict]) -> CheckVerdict:
        """Return the worst: a failure stands before a doubt, and nothing at all is a doubt."""
        found = set(verdicts)
        for verdict in (cls.FAIL, cls.INCONCLUSIVE, cls.PASS):
            if verdict in found:
                return verdict
        return cls.INCONCLUSIVE


JudgedOn = Literal["interval", "value"]
"""The interval, or the value where a laboratory judges on the number alone."""


@dataclass(frozen=True, kw_only=True)
class Limits:
    """What is allowed, ends included."""

    at_least: float | None = None
    at_most: float | None = None
    on: JudgedOn = "interval"
    source: str = ""

    def __post_init__(self) -> None:
        if self.at_least is None and self.at_most is None:
            raise SettingError("a limit needs at_least or at_most")
        for name in ("at_least", "at_most"):
            value = getattr(self, name)
            if value is not None and not (is_number(value) and math.isfinite(value)):
                raise SettingError(f"{name} must be a finite number, got {value!r}")
        if self.at_least is not None and self.at_most is not None and self.at_least > self.at_most:
            raise SettingError(f"at_least = {self.at_least:g} lies above at_most = {self.at_most:g}")
        if self.on not in get_args(JudgedOn):
            raise SettingError(f'on must be "interval" or "value", got {self.on!r}')

    def judge(self, quantity: Quantity) -> CheckVerdict:
        """Judge a number by its interval, or by its value where these limits say so."""
        ends = self.judged_ends(quantity)
        if ends is None:
            return CheckVerdict.INCONCLUSIVE
        low, high = ends
        if (self.at_least is not None and high < self.at_least) or (
            self.at_most is not None and low > self.at_most
        ):
            return CheckVerdict.FAIL
        if (self.at_least is None or low >= self.at_least) and (self.at_most is None or high <= self.at_most):
            return CheckVerdict.PASS
        return CheckVerdict.INCONCLUSIVE

    def judged_ends(self, quantity: Quantity) -> tuple[float, float] | None:
        """Return the ends of what is judged; None where there is nothing to judge.

        An interval without a value is a limit ("at most 1e6 per ml") and judged as any other; one of no width is then no
        interval.
        """
        low, high = (quantity.value, quantity.value) if self.on == "value" else (quantity.low, quantity.high)
        if low is None or high is None or math.isnan(low) or math.isnan(high):
            return None
        return None if quantity.value is None and low == high else (low, high)

    def __str__(self) -> str:
        low, high = self.at_least, self.at_most
        words = f"{low:g} to {high:g}" if low is not None and high is not None else ""
        words = words or (f"at least {low:g}" if low is not None else f"at most {high:g}")
        return f"{words}, on the value" if self.on == "value" else words


@dataclass(frozen=True, kw_only=True)
class Check:
    """One criterion applied to one result, or to several results together.

    of : the result. words : one sentence on what was seen and what would decide a doubt.
    """

    name: str
    title: str
    of: str
    verdict: CheckVerdict
    quantity: Quantity
    limits: Limits
    words: str = ""

    def as_dict(self) -> dict[str, Any]:
        """Return plain data for JSON."""
        limits = {key: value for key, value in vars(self.limits).items() if value not in (None, "")}
        return {
            "name": self.name,
            "title": self.title,
            "of": self.of,
            "verdict": str(self.verdict),
            "measured": self.quantity.as_dict(),
            "limits": limits,
            "words": self.words,
        }
