"""A check: one criterion, the measured quantity, and the verdict of its interval on the limits."""

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
"""Verdicts of the worst finding of a recording, in order of severity; quantities and limits hold the index."""


class CheckVerdict(StrEnum):
    """Verdict of an interval on limits."""

    PASS = "pass"  # the whole interval lies within the limits
    FAIL = "fail"  # the whole interval lies beyond one limit
    # neither, or there is no interval; more data or another measurement are needed
    INCONCLUSIVE = "inconclusive"

    @classmethod
    def worst(cls, verdicts: Iterable[CheckVerdict]) -> CheckVerdict:
        """Return the worst verdict: fail, then inconclusive, then pass; inconclusive if there are none."""
        found = set(verdicts)
        for verdict in (cls.FAIL, cls.INCONCLUSIVE, cls.PASS):
            if verdict in found:
                return verdict
        return cls.INCONCLUSIVE


JudgedOn = Literal["interval", "value"]
"""Judge the interval, or only the value if a laboratory chooses so."""


@dataclass(frozen=True, kw_only=True)
class Limits:
    """Allowed range of a quantity, ends included."""

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
        """Judge a quantity by its interval, or by its value if `on` is "value"."""
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
        """Return the ends of the judged interval; None if there is nothing to judge.

        An interval without a value states a limit ("at most 1e6 per ml") and is judged like any other; without a value, an
        interval of zero width does not count.
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

    of : name of the result. words : reason and remedy of an inconclusive verdict, in one sentence.
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
