"""Scenarios as TOML files: read, written, and listed by name."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import MISSING, fields, is_dataclass
from importlib.resources import files
from pathlib import Path
from types import NoneType, UnionType
from typing import Any, Literal, get_args, get_origin, get_type_hints

from nta.errors import SettingError
from nta.simulation.populations import Population
from nta.simulation.scenario import Scenario
from nta.stated import read_toml


def list_scenarios() -> dict[str, str]:
    """Return the scenarios that come with nta: name and description."""
    folder = files("nta.simulation") / "scenarios"
    names = sorted(
        entry.name.removesuffix(".toml") for entry in folder.iterdir() if entry.name.endswith(".toml")
    )
    return {name: load_scenario(name).description for name in names}


def load_scenario(name_or_path: str | Path) -> Scenario:
    """Read a scenario: one that comes with nta, by name, or a TOML file.

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
    """Build a scenario from plain nested data, as TOML gives it."""
    made: Scenario = _build(Scenario, table, origin)
    return made


def scenario_to_mapping(scenario: Scenario) -> dict[str, Any]:
    """Return plain nested data without what is None; the inverse of `scenario_from_mapping`."""
    plain: dict[str, Any] = _plain(scenario)
    return plain


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


def _build(kind: type[Any], table: Mapping[str, Any], origin: str) -> Any:
    if not isinstance(table, Mapping):
        raise SettingError(f"{origin}: must be a table, got {table!r}")
    hints = get_type_hints(kind)
    known = [f.name for f in fields(kind)]
    if unknown := sorted(set(table) - set(known)):
        raise SettingError(f"{origin}: unknown key {unknown[0]!r}; there are {', '.join(known)}")
    needed = [f.name for f in fields(kind) if f.default is MISSING and f.default_factory is MISSING]
    if missing := [name for name in needed if name not in table]:
        raise SettingError(f"{origin}: {missing[0]} is missing")
    values = {key: _read(hints[key], value, key, origin) for key, value in table.items()}
    try:
        return kind(**values)
    except SettingError as error:
        raise SettingError(f"{origin}: {error}") from None


def _read(hint: Any, value: Any, key: str, origin: str) -> Any:
    if is_dataclass(hint):
        return _build(hint, value, f"{origin} [{key}]")  # type: ignore[arg-type]
    if hint == tuple[Population, ...]:
        if not isinstance(value, list):
            raise SettingError(f"{origin}: write populations as [[populations]]")
        return tuple(
            _build(Population, row, f"{origin} [[populations]] {i + 1}") for i, row in enumerate(value)
        )
    if isinstance(hint, UnionType):
        hint = next(part for part in get_args(hint) if part is not NoneType)
    if get_origin(hint) is Literal:
        hint = str
    fits = isinstance(value, (int, float) if hint is float else hint) and isinstance(value, bool) == (
        hint is bool
    )
    if not fits:
        raise SettingError(f"{origin}: {key} = {value!r} is of the wrong type, {hint.__name__} is wanted")
    return float(value) if hint is float else value


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
    if isinstance(value, str):
        escaped = value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
        return f'"{escaped}"'
    return repr(value)
