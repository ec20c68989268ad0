"""Scenarios as TOML files: read, written, and listed by name."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any

from nta.errors import SettingError
from nta.simulation.scenario import Scenario
from nta.stated import build, read_toml, toml_text


def list_scenarios() -> dict[str, str]:
    """Return name and description of the scenarios included in nta."""
    folder = files("nta.simulation") / "scenarios"
    names = sorted(
        entry.name.removesuffix(".toml") for entry in folder.iterdir() if entry.name.endswith(".toml")
    )
    return {name: load_scenario(name).description for name in names}


def load_scenario(name_or_path: str | Path) -> Scenario:
    """Read a scenario: one included in nta, by name, or a TOML file.

    Raises
    ------
    SettingError
        No such scenario, or an unknown key, a wrong type or an impossible value; names file, table and key.
    """
    text = str(name_or_path)
    if not text.endswith(".toml") and not isinstance(name_or_path, Path):
        entry = files("nta.simulation") / "scenarios" / f"{text}.toml"
        if not text.isidentifier() or not entry.is_file():
            known = ", ".join(list_scenarios())
            raise SettingError(f"no scenario named {text!r}; there are {known}; a file must end in .toml")
        return scenario_from_mapping(tomllib.loads(entry.read_text(encoding="utf-8")), f"scenario {text}")
    path = Path(name_or_path)
    try:
        return scenario_from_mapping(read_toml(path), str(path))
    except FileNotFoundError:
        raise SettingError(f"{path}: no such scenario file") from None


def scenario_from_mapping(table: Mapping[str, Any], origin: str = "scenario") -> Scenario:
    """Build a scenario from plain nested data, as read from TOML."""
    return build(Scenario, table, origin)


def scenario_to_toml(scenario: Scenario) -> str:
    """Return the scenario as TOML text, every value written out."""
    plain = _plain(scenario)
    populations = plain.pop("populations")
    lines = [f"{key} = {_value(value)}" for key, value in plain.items() if not isinstance(value, dict)]
    sections = [(f"[{name}]", table) for name, table in plain.items() if isinstance(table, dict)]
    for heading, table in sections + [("[[populations]]", table) for table in populations]:
        lines += ["", heading, *(f"{key} = {_value(value)}" for key, value in table.items())]
    if not populations:
        lines.insert(0, "populations = []")
    return "\n".join(lines) + "\n"


def _plain(value: Any) -> Any:
    if is_dataclass(value):
        named = {f.name: getattr(value, f.name) for f in fields(value)}
        return {name: _plain(item) for name, item in named.items() if item is not None}
    if isinstance(value, tuple):
        return [_plain(item) for item in value]
    return value


def _value(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return toml_text(value) if isinstance(value, str) else repr(value)
