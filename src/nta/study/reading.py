"""Read ``study.toml``; every error message names file, place and key, and says what to do."""

from __future__ import annotations

import datetime
import difflib
import math
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import MISSING, Field, fields, replace
from pathlib import Path
from types import UnionType
from typing import Any, Literal, NoReturn, TypeVar, get_args, get_origin, get_type_hints

from nta.errors import SettingError
from nta.io.recordings import checksum
from nta.io.results import results_files
from nta.stated import is_number, read_toml
from nta.study.study import (
    ARMS,
    Analysing,
    Dosing,
    Isolation,
    Preparation,
    Sample,
    StatedInstrument,
    Storage,
    Study,
)

Noun = TypeVar("Noun")
_SHELVES = {
    "sample": ("samples", Sample),
    "isolation": ("isolations", Isolation),
    "storage": ("storages", Storage),
}
_TABLES = {"instrument": StatedInstrument, "analysis": Analysing, "dose": Dosing}


def read_study(path: str | Path) -> Study:
    """Read and check a study file.

    Raises
    ------
    SettingError
        Not TOML, an unknown key, a value of the wrong type or unit, a reference to nothing, a file that does not exist,
        two preparations of one name, a recording that is there twice, no test arm.
    """
    path = Path(path)
    if path.is_dir():
        path = path / "study.toml"
    try:
        table = read_toml(path)
    except FileNotFoundError:
        raise SettingError(f"{path}: no such study file; make one with nta study init {path}") from None
    study = _study(table, path)
    for complaint in _contradictions(study):
        raise SettingError(f"{path} {complaint}")
    return study


def _study(table: Mapping[str, Any], path: Path) -> Study:
    plain = {k: v for k, v in table.items() if k not in (*_TABLES, *_SHELVES, "preparation")}
    known = [
        f.name
        for f in fields(Study)
        if f.name not in ("samples", "isolations", "storages", "preparations", "file")
    ]
    _refuse_unknown(plain, [*known, *_SHELVES, "preparation"], str(path))
    values: dict[str, Any] = {"file": path}
    for name, kind in _TABLES.items():
        if name in table:
            values[name] = _noun(kind, table[name], f"{path} [{name}]")
    for name, (shelf, kind) in _SHELVES.items():
        entries = table.get(name, {})
        if not isinstance(entries, Mapping) or not all(isinstance(e, Mapping) for e in entries.values()):
            _refuse(f"{path} [{name}]", f"each needs a name: write [{name}.my_name] above its keys")
        values[shelf] = {key: _noun(kind, entry, f"{path} [{name}.{key}]") for key, entry in entries.items()}
    tubes = table.get("preparation", [])
    if not isinstance(tubes, list):
        _refuse(f"{path} [preparation]", "there can be several: write [[preparation]] in double brackets")
    values["preparations"] = tuple(
        _found(_noun(Preparation, tube, _place(path, tube, i)), path) for i, tube in enumerate(tubes, start=1)
    )
    return _noun(Study, plain, str(path), **values)


def _place(path: Path, tube: Any, number: int) -> str:
    name = str(tube.get("name", "")) if isinstance(tube, Mapping) else ""
    return f"{path} [[preparation]] {name if name.strip() and name.isprintable() else f'number {number}'}"


def _noun(kind: type[Noun], table: Any, origin: str, **more: Any) -> Noun:
    """Build a dataclass of the ledger from a table; every value is checked against the declared type of its field."""
    if not isinstance(table, Mapping):
        _refuse(origin, f"expected a table of keys, got {table!r}")
    declared = {f.name: f for f in fields(kind)}  # type: ignore[arg-type]
    hints = get_type_hints(kind)
    _refuse_unknown(table, [name for name in declared if name not in more], origin)
    for name, f in declared.items():
        if name not in table and name not in more and _is_required(f):
            _refuse(origin, f"{name} is missing; add {_example(name, hints[name])}")
    values = {key: _value(key, value, hints[key], origin) for key, value in table.items()}
    try:
        return kind(**values, **more)
    except SettingError as error:
        _refuse(origin, str(error))


def _refuse_unknown(table: Mapping[str, Any], known: Sequence[str], origin: str) -> None:
    for key in table:
        if key in known:
            continue
        stem = key.rsplit("_", 1)[0]
        unit = [k for k in known if "_" in k and k.rsplit("_", 1)[0] == stem]
        if unit:
            _refuse(origin, f"unknown key {key!r}: wrong unit? give {unit[0]}, in {_unit(unit[0])}")
        close = difflib.get_close_matches(key, known, n=1)
        meant = f"did you mean {close[0]!r}?" if close else f"there are {', '.join(known)}"
        _refuse(origin, f"unknown key {key!r}; {meant}")


def _value(key: str, value: Any, hint: Any, origin: str) -> Any:
    """Return a TOML value as the declared type; the message of a refusal says what was expected."""
    arms = [a for a in get_args(hint) if a is not type(None)] if get_origin(hint) is UnionType else [hint]
    want = arms[0]
    if get_origin(want) is Literal:
        if value not in get_args(want):
            _refuse(origin, f"{key} = {value!r} is not one of {', '.join(w for w in get_args(want) if w)}")
        return value
    if get_origin(want) is tuple:
        if not isinstance(value, list):
            _refuse(origin, f"{key} = {value!r} must be a list: {key} = [{_shown(value)}]")
        return tuple(_value(key, item, get_args(want)[0], origin) for item in value)
    if want is float:
        if not (is_number(value) and math.isfinite(value)):
            written = (
                "; write it without quotes, with a point" if isinstance(value, str) and "," in value else ""
            )
            _refuse(
                origin,
                f"{key} = {value!r} must be a number, in {_unit(key)}: the unit is in the key's name{written}",
            )
        return float(value)
    if want is Path:
        if not isinstance(value, str) or not value:
            _refuse(origin, f"{key} must hold paths in quotes, got {value!r}")
        return Path(value)
    if not (is_number(value, whole=True) if want is int else isinstance(value, want)):
        words = {
            str: "text in quotes",
            int: "a whole number",
            datetime.date: "a date like 2026-11-24",
            bool: "true or false",
        }
        _refuse(origin, f"{key} = {value!r} must be {words.get(want, want.__name__)}")
    return value


def _found(tube: Preparation, path: Path) -> Preparation:
    """Return the preparation with its paths taken from the study's folder; all of them must exist."""
    where = tuple(p if p.is_absolute() else path.parent / p for p in tube.recordings)
    for given, full in zip(tube.recordings, where, strict=True):
        if not full.exists():
            _refuse(
                f"{path} [[preparation]] {tube.name}",
                f"recordings: {given} does not exist; paths start from the study's folder, {path.parent.resolve()}",
            )
    return replace(tube, recordings=where)


def _contradictions(study: Study) -> Iterator[str]:
    """Yield contradictions between the parts of a study."""
    names = Counter(p.name for p in study.preparations)
    if double := next((n for n, count in names.items() if count > 1), None):
        yield f"[[preparation]] {double}: the name is used {names[double]} times; give each tube a name of its own"
    if not study.arm("test"):
        yield 'has no test arm: what is to be judged? Add a [[preparation]] with arm = "test"'
    attached = Counter(path.resolve() for p in study.preparations for path in p.recordings)
    if twice := next((path for path, count in attached.items() if count > 1), None):
        yield f"attaches {twice} twice; a recording belongs to one preparation"
    for one, other in _copies(path for p in study.preparations for path in p.recordings):
        yield f"attaches {one} and {other}, which hold the same; a recording belongs to one preparation and counts once"
    for tube in study.preparations:
        yield from _contradictions_of(tube, study)


def _copies(paths: Iterable[Path]) -> Iterator[tuple[Path, Path]]:
    """Yield files that occur twice under two names; only files of equal size are read."""
    sized: dict[int, list[Path]] = {}
    for path in paths:
        for file in (path.is_dir() and results_files(path)) or (path,):  # a folder may be one of images
            sized.setdefault(file.stat().st_size, []).append(file)
    for alike in sized.values():
        seen: dict[str, Path] = {}
        for file in alike if len(alike) > 1 else ():
            first = seen.setdefault(checksum(file), file)
            if first is not file:
                yield first, file


def _contradictions_of(tube: Preparation, study: Study) -> Iterator[str]:
    place = f"[[preparation]] {tube.name}:"
    for key, (shelf, _) in _SHELVES.items():
        named, there = getattr(tube, key), getattr(study, shelf)
        if named and named not in there:
            listed = f"there are {', '.join(there)}" if there else "there is none"
            yield f"{place} {key} = {named!r} leads nowhere; {listed}; add a table [{key}.{named}]"
    arms = {p.name: p.arm for p in study.preparations}
    if tube.arm == "detergent" and arms.get(tube.of) not in ("reference", "test"):
        yield f"{place} of = {tube.of!r} must name the reference or test preparation that was split for detergent"
    if tube.arm == "beads" and not tube.certificate:
        yield f'{place} certificate is missing; name a file of calibration/beads: certificate = "my_beads_100nm"'
    if tube.group in ARMS and tube.group != "test":
        yield f"{place} group = {tube.group!r} is the name of an arm; call the group after what was done to it"
    if tube.group and tube.arm != "test":
        yield f"{place} group belongs to test preparations; leave it out of arm = {tube.arm!r}"


def _is_required(f: Field[Any]) -> bool:
    return f.default is MISSING and f.default_factory is MISSING


def _example(name: str, hint: Any) -> str:
    if name == "arm":
        return f'arm = "test" (one of {", ".join(ARMS)})'
    return f'{name} = "..."' if hint is str else f"{name} = ..."


def _unit(key: str) -> str:
    known = {
        "ml": "ml", "nm": "nm", "um": "um", "hz": "Hz", "ms": "ms", "c": "degrees Celsius", "g": "g (relative force)",
        "min": "minutes", "kda": "kDa", "hours": "hours", "mv": "mV", "dilution": "a factor (200 for 1:200)",
    }  # fmt: skip
    if key.endswith("ug_per_ml"):
        return "ug/ml"
    if key.endswith("per_ml"):
        return "particles per ml"
    return known.get(key.rsplit("_", 1)[-1], "the unit of its name")


def _shown(value: Any) -> str:
    return f'"{value}"' if isinstance(value, str) else str(value)


def _refuse(origin: str, why: str) -> NoReturn:
    raise SettingError(f"{origin}: {why}")
