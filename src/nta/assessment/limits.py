"""Limits are data: read from ``calibration/limits/*.toml``, each with its source and date."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import date as Date  # noqa: N812 - a type name
from pathlib import Path
from typing import Any

from nta.assessment.finding import Verdict
from nta.calibration import calibration_folder
from nta.errors import SettingError


@dataclass(frozen=True, kw_only=True)
class Limit:
    """Where a value stops being good: beyond `warn` a warning, beyond `fail` a failure."""

    warn: float | None = None
    fail: float | None = None
    sense: str
    unit: str
    source: str
    date: Date

    def __post_init__(self) -> None:
        if self.sense not in ("at least", "at most"):
            raise SettingError(f'sense must be "at least" or "at most", got {self.sense!r}')
        if self.warn is None and self.fail is None:
            raise SettingError("a limit needs warn or fail")
        for name in ("unit", "source"):
            if not isinstance(getattr(self, name), str) or not getattr(self, name):
                raise SettingError(f"{name} must be a text, got {getattr(self, name)!r}")

    def verdict(self, value: float) -> Verdict:
        """Judge a value against this limit."""
        sign = 1.0 if self.sense == "at most" else -1.0
        if self.fail is not None and sign * value > sign * self.fail:
            return Verdict.FAIL
        if self.warn is not None and sign * value > sign * self.warn:
            return Verdict.WARN
        return Verdict.PASS

    def crossed(self, verdict: Verdict) -> float | None:
        """Return the number that the verdict was made on."""
        if verdict is Verdict.FAIL or self.warn is None:
            return self.fail
        return self.warn


def load_limits(name_or_path: str) -> Mapping[str, Limit]:
    """Read limits by name from ``calibration/limits`` or from a file of the laboratory's own.

    Raises
    ------
    SettingError
        No such file, no TOML, an unknown key or a limit without unit, source or date; names the file and the key.
    """
    path = Path(name_or_path)
    if path.suffix != ".toml":
        path = calibration_folder() / "limits" / f"{name_or_path}.toml"
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise SettingError(f"{path}: no such limits file") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SettingError(f"{path}: not valid TOML: {error}") from None
    return {name: _limit(values, f"{path} [{name}]") for name, values in table.items()}


def _limit(values: Any, origin: str) -> Limit:
    known = {f.name for f in fields(Limit)}
    if not isinstance(values, Mapping):
        raise SettingError(f"{origin}: expected a table, got {values!r}")
    if unknown := sorted(set(values) - known):
        raise SettingError(f"{origin}: unknown key {unknown[0]!r}; there are {', '.join(sorted(known))}")
    if missing := sorted({"sense", "unit", "source", "date"} - set(values)):
        raise SettingError(f"{origin}: {missing[0]} is missing")
    try:
        return Limit(**values)
    except SettingError as error:
        raise SettingError(f"{origin}: {error}") from None
