"""Store frozen dataclasses in HDF5 exactly: their values decide the storage, their declared types the form when read.

- A number, truth value, text, date or enum member is an attribute; None is an empty one.
- An array is a dataset; a column of a table carries its unit and meaning.
- A dataclass, tuple, list or mapping is a group; its attribute `nta_type` states which.
- An object that occurs in two places is stored once and linked, and read as one object.

The file names no class that is imported from it: a class must be among the declared types of the field.
"""

from __future__ import annotations

import datetime
import enum
from collections.abc import Mapping
from dataclasses import MISSING, Field, fields, is_dataclass
from functools import cache
from types import UnionType
from typing import Any, Union, get_args, get_origin, get_type_hints

import h5py
import numpy as np
from h5py import h5a, h5d, h5p, h5s, h5t

_TYPE = "nta_type"
_MEMBERS = "members"  # keys of a mapping in their order, which HDF5 does not store
_LONG_TEXT = 30_000  # bytes; all attributes of an object share 64 KiB of header
_WORTH_PACKING = 4096  # bytes; compressing less costs more than it saves


class Writer:
    """Writes values into HDF5 groups and remembers the objects already written."""

    def __init__(self) -> None:
        self._written: dict[int, tuple[Any, str]] = {}  # keeps the object too, so that its id is not reused

    def write(self, parent: h5py.Group, name: str, value: Any) -> None:
        """Write a value as a member of `parent`."""
        if isinstance(value, np.ndarray) or is_dataclass(value):
            known = self._written.get(id(value))
            if known is not None:
                parent[name] = parent.file[known[1]]  # a hard link
                return
            self._written[id(value)] = (value, f"{parent.name.rstrip('/')}/{name}")
        if isinstance(value, np.ndarray):
            _write_array(parent, name, value)
        elif is_dataclass(value) and not isinstance(value, type):
            self._write_dataclass(parent, name, value)
        elif isinstance(value, Mapping):
            self._write_mapping(parent, name, value)
        elif isinstance(value, tuple | list):
            group = _group(parent, name, "tuple" if isinstance(value, tuple) else "list")
            _write_scalar(group, "length", len(value))
            for i, item in enumerate(value):
                self.write(group, str(i), item)
        else:
            _write_scalar(parent, name, value)

    def _write_dataclass(self, parent: h5py.Group, name: str, value: Any) -> None:
        group = _group(parent, name, type(value).__name__)
        for f in fields(value):
            self.write(group, f.name, getattr(value, f.name))
            if "unit" in f.metadata:
                column = group[f.name]
                _set(column, "unit", _text(f.metadata["unit"]), _TEXT)
                _set(column, "meaning", _text(f.metadata["meaning"]), _TEXT)

    def _write_mapping(self, parent: h5py.Group, name: str, value: Mapping[Any, Any]) -> None:
        if all(isinstance(key, str) and _is_plain_name(key) for key in value):
            group = _group(parent, name, "mapping")
            for key, item in value.items():
                self.write(group, key, item)
            group.create_dataset(_MEMBERS, data=list(value), dtype=h5py.string_dtype(), shape=(len(value),))
        else:
            group = _group(parent, name, "mapping of pairs")
            self.write(group, "keys", tuple(value.keys()))
            self.write(group, "values", tuple(value.values()))


class Reader:
    """Reads values; linked values become one object again."""

    def __init__(self) -> None:
        self._read: dict[int, Any] = {}

    def read(self, parent: h5py.Group, name: str, hint: Any = Any) -> Any:
        """Read a member of `parent` that was declared as `hint`."""
        if h5a.exists(parent.id, name.encode()):
            return _as_declared(_scalar(parent, name), hint)
        member = parent[name]
        if isinstance(member, h5py.Dataset) and member.shape == () and member.attrs.get(_TYPE) == "text":
            return _as_declared(member.asstr()[()], hint)
        place = int(h5py.h5o.get_info(member.id).addr)
        if place not in self._read:
            self._read[place] = (
                _read_array(member) if isinstance(member, h5py.Dataset) else self._read_group(member, hint)
            )
        return self._read[place]

    def _read_group(self, group: h5py.Group, hint: Any) -> Any:
        kind = _scalar(group, _TYPE)
        if kind in ("tuple", "list"):
            hints = _item_hints(hint, int(_scalar(group, "length")))
            items = [self.read(group, str(i), item_hint) for i, item_hint in enumerate(hints)]
            return tuple(items) if kind == "tuple" else items
        if kind == "mapping":
            names = group[_MEMBERS].asstr()[()]
            return {str(key): self.read(group, str(key), _value_hint(hint)) for key in names}
        if kind == "mapping of pairs":
            keys = self.read(group, "keys", _tuple_of(_key_hint(hint)))
            return dict(zip(keys, self.read(group, "values", _tuple_of(_value_hint(hint))), strict=True))
        return self._read_dataclass(group, _class_named(kind, hint))

    def _read_dataclass(self, group: h5py.Group, kind: type) -> Any:
        hints = _hints(kind)
        known = {f.name: f for f in fields(kind)}
        present = set(group) | set(group.attrs) - {_TYPE}
        if unknown := sorted(present - set(known)):
            raise ValueError(f"{group.name} has a field {unknown[0]!r} that {kind.__name__} does not know")
        values = {}
        for name, f in known.items():
            if name in present:
                values[name] = self.read(group, name, hints[name])
            elif not _has_default(f):
                raise ValueError(f"{group.name} lacks the field {name!r} of {kind.__name__}")
        return kind(**values)


def _group(parent: h5py.Group, name: str, kind: str) -> h5py.Group:
    group = parent.create_group(name)
    _set(group, _TYPE, _text(kind), _TEXT)
    return group


def _write_array(parent: h5py.Group, name: str, value: np.ndarray[Any, Any]) -> None:
    if value.dtype.kind not in "biufc":
        raise TypeError(f"{parent.name}/{name}: an array of {value.dtype} cannot be kept; only numbers can")
    if value.nbytes >= _WORTH_PACKING:
        packed = {"compression": "gzip", "compression_opts": 1, "shuffle": True, "fletcher32": True}
        parent.create_dataset(name, data=value, **packed)
        return
    in_file, here = _forms(value.dtype)
    space = h5s.create_simple(value.shape)
    dataset = h5d.create(parent.id, name.encode(), in_file, space, dcpl=_SMALL, lcpl=_NAMED)
    dataset.write(h5s.ALL, h5s.ALL, np.asarray(value, order="C"), mtype=here)


def _write_scalar(parent: h5py.Group, name: str, value: Any) -> None:
    if value is None:
        h5a.create(parent.id, name.encode(), h5t.IEEE_F64LE, _NOTHING)
    elif isinstance(value, enum.Enum):
        _write_scalar(parent, name, value.value)
    elif isinstance(value, datetime.date):
        _write_text(parent, name, value.isoformat())
    elif isinstance(value, bool | np.generic | float):
        number = np.asarray(value)
        _set(parent, name, number, _forms(number.dtype))
    elif isinstance(value, int):
        _write_scalar(parent, name, np.int64(value))  # OverflowError beyond 64 bits
    elif isinstance(value, str):
        _write_text(parent, name, value)
    else:
        raise TypeError(
            f"{parent.name}/{name}: {value!r} of type {type(value).__name__} cannot be kept in HDF5"
        )


def _write_text(parent: h5py.Group, name: str, value: str) -> None:
    """Write text: plain, or as bytes if HDF5 text cannot hold it (a zero byte, a file name that is not UTF-8)."""
    encoded = value.encode("utf-8", "surrogateescape")
    if "\0" in value or encoded.decode("utf-8", "replace") != value:
        parent.attrs[name] = np.void(encoded)
    elif len(encoded) > _LONG_TEXT:
        parent.create_dataset(name, data=value, dtype=h5py.string_dtype()).attrs[_TYPE] = "text"
    else:
        _set(parent, name, _text(value), _TEXT)


_Forms = tuple[h5t.TypeID, h5t.TypeID]
"""Types of a value in the file and in memory."""

_ONE, _NOTHING = h5s.create(h5s.SCALAR), h5s.create(h5s.NULL)
_SMALL = h5p.create(h5p.DATASET_CREATE)
_SMALL.set_obj_track_times(False)
_NAMED = h5p.create(h5p.LINK_CREATE)
_NAMED.set_char_encoding(h5t.CSET_UTF8)
_PLAIN_TEXT = h5py.string_dtype()
_TEXT: _Forms = h5t.py_create(_PLAIN_TEXT, logical=True), h5t.py_create(_PLAIN_TEXT)


@cache
def _forms(dtype: np.dtype[Any]) -> _Forms:
    return h5t.py_create(dtype, logical=True), h5t.py_create(dtype)


def _text(value: str) -> np.ndarray[Any, Any]:
    return np.array(value, dtype=_PLAIN_TEXT)


def _set(owner: h5py.HLObject, name: str, value: np.ndarray[Any, Any], forms: _Forms) -> None:
    """Set an attribute, as `owner.attrs` does, which works out the types of each anew, at several times the cost."""
    key = name.encode()
    if h5a.exists(owner.id, key):  # a column that stands in two tables
        h5a.delete(owner.id, key)
    h5a.create(owner.id, key, forms[0], _ONE).write(value, mtype=forms[1])


def _scalar(owner: h5py.HLObject, name: str) -> Any:
    """Return an attribute that `_set` made, or an empty one as None; see there why not by `owner.attrs`."""
    attribute = h5a.open(owner.id, name.encode())
    if attribute.get_space().get_simple_extent_type() == h5s.NULL:
        return None
    dtype = attribute.dtype
    value = np.empty(attribute.shape, dtype)
    attribute.read(value, mtype=_TEXT[1] if dtype.kind == "O" else _forms(dtype)[1])
    found = value[()] if dtype.kind == "V" else value.item()
    if isinstance(found, np.void):
        found = found.tobytes()
    return found.decode("utf-8", "surrogateescape") if isinstance(found, bytes) else found


def _read_array(member: h5py.Dataset) -> np.ndarray[Any, Any]:
    values: np.ndarray[Any, Any] = np.asarray(member[()])
    return values


def _as_declared(value: Any, hint: Any) -> Any:
    """Return the scalar as the declared type, since HDF5 has neither dates nor enums."""
    for arm in _arms(hint):
        if value is None or not isinstance(arm, type):
            continue
        if issubclass(arm, enum.Enum):
            return arm(value)
        if issubclass(arm, datetime.datetime | datetime.date) and isinstance(value, str):
            return arm.fromisoformat(value)
    return value


def _arms(hint: Any) -> tuple[Any, ...]:
    """Return the types a hint allows."""
    if get_origin(hint) in (Union, UnionType):
        return tuple(inner for arm in get_args(hint) for inner in _arms(arm))
    return (hint,)


def _item_hints(hint: Any, length: int) -> list[Any]:
    for arm in _arms(hint):
        args = get_args(arm)
        if not args or get_origin(arm) not in (tuple, list):
            continue
        if get_origin(arm) is list or args[-1] is Ellipsis:
            return [args[0]] * length
        if len(args) == length:
            return list(args)
    return [Any] * length


def _key_hint(hint: Any) -> Any:
    return next((get_args(arm)[0] for arm in _arms(hint) if len(get_args(arm)) == 2), Any)


def _value_hint(hint: Any) -> Any:
    return next((get_args(arm)[1] for arm in _arms(hint) if len(get_args(arm)) == 2), Any)


def _tuple_of(hint: Any) -> Any:
    return tuple.__class_getitem__((hint, ...))


@cache
def _hints(kind: type) -> dict[str, Any]:
    return get_type_hints(kind)


def _class_named(name: str, hint: Any) -> type:
    for arm in _arms(hint):
        if isinstance(arm, type) and is_dataclass(arm) and arm.__name__ == name:
            return arm
    raise ValueError(f"a {name} was found where {hint} is expected")


def _has_default(f: Field[Any]) -> bool:
    return f.default is not MISSING or f.default_factory is not MISSING


def _is_plain_name(key: str) -> bool:
    """Return whether a key can be used unchanged as the name of an HDF5 member."""
    return bool(key) and key.isprintable() and "/" not in key and key not in (".", "..", _MEMBERS, _TYPE)
