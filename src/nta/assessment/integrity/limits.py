"""Gates, margins and thresholds of the integrity judgement, read from ``calibration/limits/integrity.toml``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from nta.assessment.integrity.comparison import Margin
from nta.calibration import find_file
from nta.stated import Table


@dataclass(frozen=True, kw_only=True)
class IntegrityLimits:
    """All limits by name, with the unit and the source of each."""

    gates: Mapping[str, float]
    margins: Mapping[str, Margin]
    thresholds: Mapping[str, float]
    units: Mapping[str, str]
    sources: Mapping[str, str]
    file: str


def load_integrity_limits(name_or_path: str = "integrity") -> IntegrityLimits:
    """Read the limits by name from ``calibration/limits`` or from a laboratory's own file.

    Raises
    ------
    SettingError
        No such file, an unknown or missing key, or a limit without unit or source; names file and key.
    """
    path = find_file(name_or_path, "limits")
    table = Table.read(path)
    units: dict[str, str] = {}
    sources: dict[str, str] = {}
    values: dict[str, dict[str, float]] = {}
    for section in ("gates", "thresholds"):
        inner = table.table(section)
        values[section] = {}
        for key in inner.values:
            entry = inner.table(key)
            values[section][key] = entry.finite("value", required=True)
            units[key], sources[key] = entry.text("unit"), entry.source()
            entry.close()
    margins = {}
    inner = table.table("margins")
    for key in inner.values:
        entry = inner.table(key)
        margins[key] = Margin(
            low=entry.finite("low", required=True), high=entry.finite("high", required=True)
        )
        units[key], sources[key] = entry.text("unit"), entry.source()
        entry.close()
    table.close()
    return IntegrityLimits(
        gates=values["gates"],
        margins=margins,
        thresholds=values["thresholds"],
        units=units,
        sources=sources,
        file=str(path),
    )
