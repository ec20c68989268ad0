"""A specification of results, read from TOML or plain data; errors name the place in the file."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from nta.assessment import Verdict
from nta.errors import SettingError
from nta.measurements.table import check_name
from nta.qc.verdict import RANKS, Limits
from nta.quantity import CONFIDENCE
from nta.stated import Table


@dataclass(frozen=True, kw_only=True)
class Criterion:
    """One line of a specification.

    section, key : place in the specification, e.g. "size", "d50_nm". window_nm : range of diameters of a share. given :
        other entries of the section, e.g. a certificate or a path.
    """

    section: str
    key: str
    limits: Limits
    window_nm: tuple[float, float] | None = None
    given: Mapping[str, Any] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """Short identifier, e.g. "size.d50_nm" or "window.30-150"."""
        if self.window_nm is not None:
            return f"{self.section}.{self.window_nm[0]:g}-{self.window_nm[1]:g}"
        return f"{self.section}.{self.key}"


@dataclass(frozen=True, kw_only=True)
class Specification:
    """All criteria of a specification.

    confidence : lowest confidence level of an interval that is accepted. replicates : there is a section [replicates], and
    several results are replicates of one sample.
    """

    name: str
    criteria: tuple[Criterion, ...]
    confidence: float = 0.95
    replicates: bool = False
    file: str = ""

    def __post_init__(self) -> None:
        if not self.criteria:
            raise SettingError(
                f"{self.file or 'the specification'}: nothing is specified; name one criterion at least"
            )
        if not 0.5 <= self.confidence < 1:
            raise SettingError(
                f"{self.file}: confidence must be at least 0.5 and below 1, got {self.confidence}"
            )


def read_specification(source: str | Path | Mapping[str, Any] | Specification) -> Specification:
    """Read a specification from a TOML file, or from nested plain data of the same form.

    Raises
    ------
    SettingError
        The file does not exist, is not TOML, or has an unknown section or key or an impossible limit.
    """
    if isinstance(source, Specification):
        return source
    table = Table(source, "specification") if isinstance(source, Mapping) else Table.read(Path(source))
    folder = Path() if isinstance(source, Mapping) else Path(source).parent
    name = table.text("name", "specification" if isinstance(source, Mapping) else Path(source).stem)
    confidence = table.finite("confidence", CONFIDENCE)
    criteria: list[Criterion] = []
    for section, read in _SECTIONS.items():
        if table.has(section):
            criteria.extend(read(table, section, folder))
    table.close()
    return Specification(
        name=name,
        criteria=tuple(criteria),
        confidence=confidence,
        replicates=table.has("replicates"),
        file=table.origin,
    )


def _size(table: Table, section: str, _: Path) -> Iterator[Criterion]:
    inner = table.table(section)
    for key in inner.values:
        try:
            check_name(key)
        except SettingError as error:
            inner.refuse(str(error))
        yield Criterion(section=section, key=key, limits=_limits(inner, key))


def _windows(table: Table, section: str, _: Path) -> Iterator[Criterion]:
    rows = table.get(section, (list, dict))
    if not all(isinstance(row, Mapping) for row in rows):
        table.refuse(f"{section} must be tables; write [[{section}]]")
    for number, row in enumerate(rows, start=1):
        inner = Table(row, f"{table.origin} [[{section}]] {number}", table)
        low, high = inner.finite("low_nm", required=True), inner.finite("high_nm", required=True)
        if not 0 <= low < high:
            inner.refuse(f"a window needs 0 <= low_nm < high_nm, got {low:g} to {high:g} nm")
        yield Criterion(section=section, key="share", limits=_limits(inner, "share"), window_nm=(low, high))
        inner.close()


def _plain(
    *keys: str, extra: tuple[str, ...] = (), paths: tuple[str, ...] = ()
) -> Callable[..., Iterator[Criterion]]:
    """Return a reader for a section of named limits, with texts and paths that apply to all of them."""

    def read(table: Table, section: str, folder: Path) -> Iterator[Criterion]:
        inner = table.table(section)
        given: dict[str, Any] = {key: inner.text(key) for key in extra if inner.has(key)}
        given |= {key: _paths(inner, key, folder) for key in paths if inner.has(key)}
        found = [key for key in keys if inner.has(key)]
        inner.close()
        if not found:
            inner.refuse(f"names no limit; there are {', '.join(keys)}")
        for key in found:
            yield Criterion(section=section, key=key, limits=_limits(inner, key), given=given)

    return read


def _whole(unit: str) -> Callable[..., Iterator[Criterion]]:
    """Return a reader for a section that is a single limit, e.g. [tracks] at_least = 500."""

    def read(table: Table, section: str, _: Path) -> Iterator[Criterion]:
        yield Criterion(section=section, key=unit, limits=_limits(table, section))

    return read


def _replicates(table: Table, section: str, _: Path) -> Iterator[Criterion]:
    inner = table.table(section)
    for key in inner.values:
        if key == "at_least":
            least = inner.get(key, int)
            if least < 2:
                inner.refuse(f"at_least must be 2 or more, got {least}: one result has no scatter")
            yield Criterion(section=section, key="number", limits=Limits(at_least=least))
            continue
        of = key.removesuffix("_cv")
        if not key.endswith("_cv"):
            inner.refuse(
                f"unknown key {key!r}; there are at_least, concentration_cv and NUMBER_cv, e.g. d50_nm_cv"
            )
        if of != "concentration":
            try:
                check_name(of)
            except SettingError as error:
                inner.refuse(str(error))
        yield Criterion(section=section, key=key, limits=_limits(inner, key))
    if not inner.values:
        yield Criterion(section=section, key="number", limits=Limits(at_least=2))


def _recording(table: Table, section: str, _: Path) -> Iterator[Criterion]:
    inner = table.table(section)
    word = inner.text("at_worst")
    inner.close()
    if word not in RANKS:
        inner.refuse(f"at_worst must be one of {', '.join(RANKS)}, got {word!r}")
    yield Criterion(section=section, key="at_worst", limits=Limits(at_most=float(Verdict(word).severity)))


def _limits(table: Table, key: str) -> Limits:
    values = table.get(key, (dict, float, int, str), required=True)
    if not isinstance(values, dict):
        table.refuse(f"{key} is a range; write {key} = {{ at_least = ..., at_most = ... }}, got {values!r}")
    inner = Table(values, f"{table.origin} {key}", table)
    bounds = {name: inner.finite(name) if inner.has(name) else None for name in ("at_least", "at_most")}
    on: Any = inner.text("on", "interval")  # checked by the limits themselves
    source = inner.text("source", "")
    inner.close()
    try:
        limits = Limits(**bounds, on=on, source=source)
    except SettingError as error:
        inner.refuse(str(error))
    _check_range(table, key, limits)
    return limits


def _check_range(table: Table, key: str, limits: Limits) -> None:
    """Refuse a limit that no such quantity can reach: most often a percentage where a fraction is meant."""
    least, most, meaning = next(
        (found for end, found in _RANGES.items() if key.endswith(end)), (0.0, math.inf, "is never negative")
    )
    for value in (limits.at_least, limits.at_most):
        if value is not None and not least <= value <= most:
            table.refuse(f"{key} {meaning}, got {value:g}")


def _paths(table: Table, key: str, folder: Path) -> tuple[Path, ...]:
    value = table.get(key, (str, list))
    words = [value] if isinstance(value, str) else value
    if not words or not all(isinstance(word, str) and word for word in words):
        table.refuse(f"{key} must be a path or a list of paths, got {value!r}")
    return tuple(folder / word for word in words)


_RANGES = {
    "share": (0.0, 1.0, "is a share between 0 and 1 (0.6 for 60 %)"),
    "_cv": (0.0, 1.0, "is a share of the mean between 0 and 1 (0.05 for 5 %)"),
    "bias": (-1.0, 1.0, "is a share of the certified diameter between -1 and 1 (0.05 for 5 %)"),
    "_ratio": (0.0, 20.0, "is a ratio between 0 and 20 (1.1 for 10 % more)"),
    "distance": (0.0, 1.0, "is a distance in ln d between 0 and 1 (0.10 for 10 % in size)"),
}

_SECTIONS: Mapping[str, Callable[..., Iterator[Criterion]]] = {
    "size": _size,
    "window": _windows,
    "concentration": _plain("in_sample_per_ml", "in_cell_per_ml"),
    "tracks": _whole("number"),
    "replicates": _replicates,
    "blank": _plain("share", paths=("result",)),
    "beads": _plain("bias", extra=("certificate",), paths=("result",)),
    "detection_limit": _whole("nm"),
    "drift": _whole("um_s"),
    "recording": _recording,
    "reference": _plain(
        "d10_ratio", "d50_ratio", "d90_ratio", "concentration_ratio", "distance", paths=("result",)
    ),
}
