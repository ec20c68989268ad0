"""Limits are data: read from ``calibration/limits/*.toml``, each with its source and date."""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, get_args

from nta.assessment.finding import Finding, Verdict
from nta.calibration import find_file
from nta.errors import SettingError
from nta.stated import Table

Sense = Literal["at least", "at most"]


@dataclass(frozen=True, kw_only=True)
class Limit:
    """Limits of a value: beyond `warn` a warning, beyond `fail` a failure."""

    warn: float | None = None
    fail: float | None = None
    sense: Sense
    unit: str
    source: str
    date: datetime.date

    def __post_init__(self) -> None:
        if self.sense not in get_args(Sense):
            raise SettingError(f'sense must be "at least" or "at most", got {self.sense!r}')
        if self.warn is None and self.fail is None:
            raise SettingError("a limit needs warn or fail")

    def verdict(self, value: float) -> Verdict:
        """Judge a value against this limit."""
        sign = 1.0 if self.sense == "at most" else -1.0
        if self.fail is not None and sign * value > sign * self.fail:
            return Verdict.FAIL
        if self.warn is not None and sign * value > sign * self.warn:
            return Verdict.WARN
        return Verdict.PASS

    def crossed(self, verdict: Verdict) -> float | None:
        """Return the limit that decided the verdict."""
        if verdict is Verdict.FAIL or self.warn is None:
            return self.fail
        return self.warn


def judged(limit: Limit | None, name: str, title: str, value: float, seen: str, advice: str) -> Finding:
    """Judge a value; not assessed if the limits file sets no limit."""
    if limit is None:
        return Finding(
            name=name,
            title=title,
            verdict=Verdict.NOT_ASSESSED,
            value=value,
            evidence=f"{seen}; the limits file sets no limit",
        )
    verdict = limit.verdict(value)
    return Finding(
        name=name,
        title=title,
        verdict=verdict,
        value=value,
        limit=limit.crossed(verdict),
        unit=limit.unit,
        evidence=seen,
        advice="" if verdict is Verdict.PASS else advice,
        source=limit.source,
    )


def load_limits(name_or_path: str) -> Mapping[str, Limit]:
    """Read limits by name from ``calibration/limits`` or from a file of the laboratory's own.

    Raises
    ------
    SettingError
        No such file, no TOML, an unknown key or a limit without unit, source or date; names the file and the key.
    """
    table = Table.read(find_file(name_or_path, "limits"))
    return {name: _limit(table.table(name)) for name in table.values}


def _limit(table: Table) -> Limit:
    bounds = {key: table.finite(key) if table.has(key) else None for key in ("warn", "fail")}
    sense: Any = table.text("sense")  # checked by the limit itself
    unit = table.text("unit")
    table.close()
    try:
        return Limit(**bounds, sense=sense, unit=unit, source=table.source(), date=table.date())
    except SettingError as error:
        table.refuse(str(error))
