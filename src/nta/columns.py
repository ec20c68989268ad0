"""Frozen tables of NumPy columns: what `Spots`, `Tracks` and the estimates per track are made of.

A column is a dataclass field declared with `column`. Its dtype, unit and meaning are stored with the field, so that readers,
writers and reports take them from one place.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import Field, dataclass, field, fields, replace
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

BoolArray = NDArray[np.bool_]
FloatArray = NDArray[np.float64]
Float32Array = NDArray[np.float32]
IntArray = NDArray[np.int64]


def column(dtype: Any, unit: str, meaning: str, *, every_row: float | None = None) -> Any:
    """Declare a column of a `Columns` table: dtype, unit ("1" for none) and meaning in one line.

    every_row : value for every row if the table is built without this column, as from files written before it existed.
    """
    about = {"dtype": np.dtype(dtype), "unit": unit, "meaning": meaning, "every_row": every_row}
    return field(metadata=about) if every_row is None else field(default=None, metadata=about)


def first_not_whole(values: ArrayLike) -> int | None:
    """Return the index of the first value that conversion to whole numbers would change; None if there is none."""
    given = np.ravel(values)
    if given.dtype.kind != "f":  # integers and booleans need no test
        return None
    changed = ~np.isfinite(given) | (np.trunc(given) != given)
    return int(np.argmax(changed)) if changed.any() else None


class Brief:
    """Base of dataclasses that hold arrays (with repr=False): an array is printed as its type and shape."""

    def __repr__(self) -> str:
        shown = (f"{f.name}={_short(getattr(self, f.name))}" for f in fields(self))  # type: ignore[arg-type]
        return f"{type(self).__name__}({', '.join(shown)})"


def _short(value: Any) -> str:
    return f"<{value.dtype} {value.shape}>" if isinstance(value, np.ndarray) else repr(value)


@dataclass(frozen=True, eq=False, repr=False)
class Columns:
    """Base of the tables (with repr=False): one-dimensional columns of equal length; other fields hold for all rows."""

    def __post_init__(self) -> None:
        lengths = {}
        for declared in self.columns():
            given = getattr(self, declared.name)
            if given is None:
                given = np.full(len(self), declared.metadata["every_row"])
            dtype = declared.metadata["dtype"]
            if dtype.kind in "iu" and (row := first_not_whole(given)) is not None:
                raise ValueError(
                    f"{type(self).__name__}.{declared.name} must be whole numbers, got {np.ravel(given)[row]} in row {row}"
                )
            values = np.ascontiguousarray(given, dtype=dtype)
            if values.ndim != 1:
                raise ValueError(
                    f"{type(self).__name__}.{declared.name} must have one dimension, got {values.ndim}"
                )
            object.__setattr__(self, declared.name, values)
            lengths[declared.name] = values.size
        if len(set(lengths.values())) > 1:
            raise ValueError(f"columns of {type(self).__name__} differ in length: {lengths}")

    @classmethod
    def columns(cls) -> tuple[Field[Any], ...]:
        """Return the declared columns, in order."""
        return tuple(f for f in fields(cls) if "dtype" in f.metadata)

    def __len__(self) -> int:
        return len(getattr(self, self.columns()[0].name))

    def __repr__(self) -> str:
        return f"<{type(self).__name__}: {self._extent()} of {', '.join(self.as_dict())}>"

    def _extent(self) -> str:
        """Return the number of rows in words."""
        return f"{len(self)} rows"

    def select(self, rows: ArrayLike | slice) -> Self:
        """Return the table of the given rows (a mask, indices or a slice)."""
        index: Any = rows if isinstance(rows, slice) else np.asarray(rows)
        return replace(self, **{c.name: getattr(self, c.name)[index] for c in self.columns()})

    @classmethod
    def concatenate(cls, tables: Iterable[Self]) -> Self:
        """Append tables row by row; fields that are not columns are taken from the last table."""
        parts = list(tables)
        if not parts:
            raise ValueError(f"no {cls.__name__} to join")
        joined = {c.name: np.concatenate([getattr(p, c.name) for p in parts]) for c in cls.columns()}
        return replace(parts[-1], **joined)

    def as_dict(self) -> dict[str, NDArray[Any]]:
        """Return the columns by name."""
        return {c.name: getattr(self, c.name) for c in self.columns()}
