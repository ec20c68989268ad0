"""Read values that users state in TOML files and settings; unknown keys are refused, and messages name the place."""

from __future__ import annotations

import datetime
import json
import math
import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import MISSING, dataclass, fields, is_dataclass
from numbers import Integral, Real
from pathlib import Path
from types import UnionType
from typing import Any, Literal, NoReturn, TypeVar, Union, get_args, get_origin, get_type_hints

from nta.errors import SettingError

Noun = TypeVar("Noun")

_NUMBER_KEYS = {"value", "unit", "std", "rel_std", "expanded_uncertainty", "k", "source", "date"}

_KINDS = {
    str: "a text in quotes",
    int: "a whole number",
    float: "a number",
    list: "a list",
    dict: "a table, { key = value }",
    datetime.date: "a date, 2026-01-05",
}

_DECIMAL_COMMA = re.compile(r"^\s*[\w.-]+\s*=\s*([+-]?\d+),(\d+)\s*(?:#.*)?$", re.MULTILINE)
_ZERO = re.compile(r"\\u0000|\\U00000000")


@dataclass(frozen=True)
class Number:
    """A number from a calibration file in the requested unit, with its standard uncertainty and source."""

    value: float
    std: float | None
    source: str
    date: datetime.date


def read_toml(path: Path) -> dict[str, Any]:
    """Return the content of a TOML file.

    Raises
    ------
    SettingError
        The file is not TOML, or a text in it has a zero byte, which no file name may contain.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
        if _ZERO.search(text):
            raise SettingError(f"{path}: not valid TOML: a zero byte (\\u0000) in a text")
        return tomllib.loads(text)
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        comma = _DECIMAL_COMMA.search(text) if isinstance(error, tomllib.TOMLDecodeError) else None
        hint = f"; use a point: {comma[1]}.{comma[2]} instead of {comma[1]},{comma[2]}" if comma else ""
        raise SettingError(f"{path}: not valid TOML: {error}{hint}") from None
    except RecursionError:
        raise SettingError(f"{path}: not valid TOML: brackets within brackets, too deep to be read") from None


def toml_text(words: str) -> str:
    """Return a quoted TOML string; it has the escapes of JSON, and one for DEL, which JSON does not escape."""
    return json.dumps(words, ensure_ascii=False).replace("\x7f", "\\u007f")


def is_number(value: Any, *, whole: bool = False) -> bool:
    """Return whether a stated value is a number (and, on request, whole); `true` is not a number."""
    return isinstance(value, Integral if whole else Real) and not isinstance(value, bool)


def stated_number(name: str, value: Any) -> float:
    """Return a number as a float; refuse other values, naming them."""
    if not is_number(value):
        raise SettingError(f"{name} must be a number, got {value!r}")
    return float(value)


def refuse_other(name: str, value: Any, kind: type | tuple[type, ...], remedy: str) -> None:
    """Refuse a value of another type, naming it, with the remedy."""
    if not isinstance(value, kind):
        kinds = kind if isinstance(kind, tuple) else (kind,)
        wanted = " or ".join(k.__name__ for k in kinds)
        raise SettingError(f"{name} must be {wanted}, got {type(value).__name__}; {remedy}")


def check_choice(name: str, value: Any, choices: Any) -> None:
    """Refuse a value that is not among the values of a `Literal`."""
    if value not in get_args(choices):
        raise SettingError(f"{name} must be one of {', '.join(get_args(choices))}, got {value!r}")


def build(kind: type[Noun], table: Any, origin: str) -> Noun:
    """Build a frozen dataclass from plain nested data: each key a field, each value of the type declared for it.

    A field that is a dataclass is a nested table, a tuple of dataclasses a list of tables. Missing keys keep their defaults.

    Raises
    ------
    SettingError
        A key is unknown or missing, or a value of the wrong type or refused by the dataclass; the message names `origin`,
        table and key.
    """
    if not isinstance(table, Mapping):
        raise SettingError(f"{origin}: expected a table, got {table!r}")
    declared = {f.name: f for f in fields(kind)}  # type: ignore[arg-type]
    if unknown := sorted(set(table) - set(declared)):
        what = f"section [{unknown[0]}]" if isinstance(table[unknown[0]], Mapping) else f"key {unknown[0]!r}"
        there = _where(unknown[0], kind) or f"there are {', '.join(sorted(declared))}"
        raise SettingError(f"{origin}: unknown {what}; {there}")
    for name, f in declared.items():
        if name not in table and f.default is MISSING and f.default_factory is MISSING:
            raise SettingError(f"{origin}: {name} is missing")
    hints = get_type_hints(kind)
    values = {key: _typed(key, value, hints[key], origin) for key, value in table.items()}
    try:
        return kind(**values)
    except ValueError as error:
        raise SettingError(f"{origin}: {error}") from None


def _typed(key: str, value: Any, hint: Any, origin: str) -> Any:
    """Return a plain value as the declared type."""
    if is_dataclass(hint):
        return build(hint, value, f"{origin} [{key}]")  # type: ignore[arg-type]
    if get_origin(hint) is tuple and is_dataclass(inner := get_args(hint)[0]):
        if not isinstance(value, list | tuple):
            raise SettingError(f"{origin}: write {key} as [[{key}]]")
        return tuple(
            build(inner, row, f"{origin} [[{key}]] {i}")  # type: ignore[arg-type]
            for i, row in enumerate(value, start=1)
        )
    if not _fits(value, hint):
        raise SettingError(f"{origin}: {key} must be {_in_words(hint)}, got {value!r}")
    return _as_declared(value, hint)


def _fits(value: Any, hint: Any) -> bool:
    """Return whether a plain value fits the declared type; the values of a `Literal` are checked by its dataclass."""
    origin, args = get_origin(hint), get_args(hint)
    if origin in (Union, UnionType):
        return any(_fits(value, arm) for arm in args)
    if origin is Literal:
        return isinstance(value, str)
    if origin is tuple:
        return (
            isinstance(value, list | tuple)
            and len(arms := _arms(args, value)) == len(value)
            and all(map(_fits, value, arms))
        )
    if hint in (int, float):
        return is_number(value, whole=hint is int)
    return isinstance(value, hint)


def _as_declared(value: Any, hint: Any) -> Any:
    """Turn TOML lists into tuples, and whole numbers into floats if a float is declared."""
    origin, args = get_origin(hint), get_args(hint)
    if origin in (Union, UnionType):
        return next(_as_declared(value, arm) for arm in args if _fits(value, arm))
    if origin is tuple:
        return tuple(map(_as_declared, value, _arms(args, value)))
    return float(value) if hint is float else value


def _arms(args: tuple[Any, ...], value: Sequence[Any]) -> Sequence[Any]:
    """Return the declared type of each item of a tuple."""
    return [args[0]] * len(value) if args[1:] == (Ellipsis,) else args


def _in_words(hint: Any) -> str:
    """Return what a declared type asks for, in the words of a TOML file."""
    origin, args = get_origin(hint), get_args(hint)
    if origin in (Union, UnionType):
        return " or ".join(_in_words(arm) for arm in args if arm is not type(None))
    if origin is Literal:
        return " or ".join(map(repr, args))
    if origin is tuple and args[1:] == (Ellipsis,):
        return f"a list, each item {_in_words(args[0])}"
    if origin is tuple:
        return f"[{', '.join(map(_in_words, args))}]"
    words = {int: "a whole number", float: "a number", bool: "true or false", str: "text in quotes"}
    return words.get(hint, getattr(hint, "__name__", str(hint)))


def _where(key: str, kind: type[Any]) -> str:
    """Return in which section of a dataclass a key belongs that does not belong to it itself; nothing if in none."""
    hints = get_type_hints(kind)
    sections = [name for name, hint in hints.items() if is_dataclass(hint) and key in get_type_hints(hint)]
    return f"it belongs in {' or '.join(f'[{name}]' for name in sections)}" if sections else ""


class Table:
    """A TOML table that knows its file and refuses, when closed, all keys that were not read."""

    def __init__(self, values: Mapping[str, Any], origin: str, parent: Table | None = None) -> None:
        self.values = values
        self.origin = origin
        self._parent = parent
        self._asked = {"source", "date"}  # allowed in every table: used for numbers without their own

    @classmethod
    def read(cls, path: Path) -> Table:
        """Read a TOML file."""
        try:
            return cls(read_toml(path), str(path))
        except OSError as error:
            raise SettingError(f"{path}: cannot be read: {error.strerror}") from None

    def refuse(self, why: str) -> NoReturn:
        """Raise, naming file and table."""
        raise SettingError(f"{self.origin}: {why}")

    def close(self) -> None:
        """Refuse keys that were not read."""
        if unknown := sorted(set(self.values) - self._asked):
            self.refuse(f"unknown key {unknown[0]!r}; there are {', '.join(sorted(self._asked))}")

    def has(self, key: str) -> bool:
        """Return whether the key exists; it then counts as read."""
        self._asked.add(key)
        return key in self.values

    def get(
        self, key: str, kind: type | tuple[type, ...], default: Any = None, *, required: bool = False
    ) -> Any:
        """Return a plain value of the given type."""
        if not self.has(key):
            if required:
                self.refuse(f"{key} is missing")
            return default
        value = self.values[key]
        if not isinstance(value, kind) or isinstance(value, bool):
            kinds = kind if isinstance(kind, tuple) else (kind,)
            words = [_KINDS[k] for k in kinds if k is not int or float not in kinds]
            self.refuse(f"{key} must be {' or '.join(words)}, got {value!r}")
        return value

    def text(self, key: str, default: str | None = None) -> str:
        """Return a text; required if there is no default."""
        value = str(self.get(key, str, default, required=default is None))
        if not value and default is None:
            self.refuse(f"{key} is empty")
        return value

    def table(self, key: str) -> Table:
        """Return a required table within this one."""
        return Table(self.get(key, dict, required=True), f"{self.origin} [{key}]", self)

    def source(self) -> str:
        """Return this table's source, or that of the table around it."""
        value: str = self._inherited("source", str)
        return value

    def date(self) -> datetime.date:
        """Return this table's date, or that of the table around it."""
        value: datetime.date = self._inherited("date", datetime.date)
        return value

    def number(
        self, key: str, unit: str, scales: Mapping[str, float] | None = None, *, required: bool = False
    ) -> Number | None:
        """Return a number ``key = { value, unit, std | rel_std | expanded_uncertainty + k, source, date }``.

        scales : other accepted units, with their values in `unit`.
        """
        if not self.has(key):
            if required:
                self.refuse(f"{key} is missing")
            return None
        values = self.values[key]
        if not isinstance(values, Mapping):
            self.refuse(f'{key} has no unit; write {key} = {{ value = {values!r}, unit = "{unit}" }}')
        inner = Table(values, f"{self.origin} {key}", self)
        inner._asked |= _NUMBER_KEYS
        inner.close()
        known = {unit: 1.0, **(scales or {})}
        given = inner.get("unit", str)
        if given is None:
            inner.refuse(f'unit is missing; write unit = "{unit}"')
        if given not in known:
            inner.refuse(f"unit {given!r} is not understood; use {' or '.join(known)}")
        scale = known[given]
        value = inner.finite("value", required=True)
        std = inner._std(value)
        return Number(value * scale, None if std is None else std * scale, inner.source(), inner.date())

    def finite(self, key: str, default: float | None = None, *, required: bool = False) -> float:
        """Return a finite plain number (one whose unit is in the key's name)."""
        value = float(self.get(key, (float, int), default, required=required))
        if not math.isfinite(value):
            self.refuse(f"{key} must be finite, got {value}")
        return value

    def numbers(self, key: str) -> tuple[float, ...]:
        """Return a required list of finite numbers."""
        values = self.get(key, list, required=True)
        if not values or not all(is_number(v) and math.isfinite(v) for v in values):
            self.refuse(f"{key} must be a list of numbers, got {values!r}")
        return tuple(float(v) for v in values)

    def _std(self, value: float) -> float | None:
        given = [key for key in ("std", "rel_std", "expanded_uncertainty") if key in self.values]
        if len(given) > 1:
            self.refuse(f"give one of {' and '.join(given)}, not both")
        if not given:
            return None
        width = self.finite(given[0])
        if width < 0:
            self.refuse(f"{given[0]} must be >= 0, got {width}")
        if given[0] == "rel_std":
            return width * abs(value)
        if given[0] == "expanded_uncertainty":
            k = self.finite("k", required=True)
            if k <= 0:
                self.refuse(f"k must be > 0, got {k}")
            return width / k
        return width

    def _inherited(self, key: str, kind: type) -> Any:
        table: Table | None = self
        while table is not None and key not in table.values:
            table = table._parent
        if table is None:
            self.refuse(f"{key} is missing: every number here needs to say where and when it comes from")
        value = table.get(key, kind)
        if not value:
            table.refuse(f"{key} is empty")
        return value
