"""Read all directories of a TIFF at once, if each image is stored like the first.

A program that saves frames writes one directory like the other, and to parse each with all its tags takes longer than
to read the pixels. Here they are read as tables and compared; a file with anything odd about it is left to tifffile.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from io import BufferedReader
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import tifffile

_STRIPS, _STRIP_BYTES = 273, 279
_STORED = (
    *(254, 255, 256, 257, 258, 259, 262, 266, 277, 278, 284, 317, 320, 322, 323, 324, 325, 330, 338, 339),
    *(347, 32997, 32998),
)
"""Tags that say how pixels are stored; those of strips differ from image to image."""
_TYPES = {3: "u2", 4: "u4", 16: "u8"}  # of whole numbers


@dataclass(frozen=True, eq=False)
class Directories:
    """The directories of a file whose images are all stored alike.

    tables : the entries of the first directory, which may have more tags, and those of the others, each (images, tags).
    """

    path: Path
    tables: tuple[NDArray[Any], ...]

    def __len__(self) -> int:
        return sum(map(len, self.tables))

    def pixels(self) -> list[int] | None:
        """Return where the pixels of each image begin; None if they are not in one piece each."""
        strips, sizes = self.numbers(_STRIPS), self.numbers(_STRIP_BYTES)
        if strips is None or sizes is None or strips.shape != sizes.shape or (sizes != sizes[0]).any():
            return None
        in_one_piece = (strips[:, 1:] == (strips + sizes)[:, :-1]).all()
        return strips[:, 0].tolist() if in_one_piece else None

    def numbers(self, tag: int) -> NDArray[np.int64] | None:
        """Return the whole numbers of a tag, (images, numbers); None if there are not as many in each."""
        entries = self._entries(tag)
        if entries is None or (entries[["type", "count"]] != entries[["type", "count"]][0]).any():
            return None
        kind, count = _TYPES.get(int(entries["type"][0])), int(entries["count"][0])
        if kind is None or count < 1:
            return None
        dtype = np.dtype(kind).newbyteorder(entries.dtype["tag"].byteorder)
        inline = entries["value"].copy().view(dtype).reshape(len(entries), -1)
        if count <= inline.shape[1]:
            return inline[:, :count].astype(np.int64)
        parts = self._parts(entries["value"].tolist(), [count * dtype.itemsize] * len(entries))
        return (
            None
            if parts is None
            else np.frombuffer(b"".join(parts), dtype).reshape(-1, count).astype(np.int64)
        )

    def texts(self, tag: int) -> list[bytes] | None:
        """Return the text of a tag in each directory, longer than an entry has room for; None if one lacks it."""
        entries = self._entries(tag)
        if entries is None or (entries["count"] <= entries["value"].itemsize).any():
            return None
        return self._parts(entries["value"].tolist(), entries["count"].tolist())

    def _entries(self, tag: int) -> NDArray[Any] | None:
        columns = [np.flatnonzero(table["tag"][0] == tag) for table in self.tables]
        if not all(column.size for column in columns):
            return None
        return np.concatenate(
            [table[:, column[0]] for table, column in zip(self.tables, columns, strict=True)]
        )

    def _parts(self, offsets: list[int], sizes: list[int]) -> list[bytes] | None:
        with self.path.open("rb") as file:
            parts = [_at(file, offset, size) for offset, size in zip(offsets, sizes, strict=True)]
        return parts if all(len(part) == size for part, size in zip(parts, sizes, strict=True)) else None


def read_directories(tiff: tifffile.TiffFile, path: Path) -> Directories | None:
    """Return the directories of a file; None if its images are not stored alike in strips, or one cannot be read."""
    form = _Form.of(tiff)
    found, seen, offset = [], set(), int(tiff.pages.first.offset)
    with path.open("rb") as file:
        while offset:
            if offset in seen or (read := form.directory(file, offset)) is None:
                return None
            seen.add(offset)
            entries, offset = read
            found.append(entries)
    if len(set(map(len, found[1:]))) > 1:
        return None
    same = [found[:1], found[1:]] if len(found) > 1 else [found]
    tables = tuple(np.frombuffer(b"".join(rows), form.entry).reshape(len(rows), -1) for rows in same)
    return Directories(path, tables) if _alike(tables) else None


def _alike(tables: tuple[NDArray[Any], ...]) -> bool:
    """Whether all directories of a table have the same tags, and those of all tables store their pixels alike."""
    if any((table["tag"] != table["tag"][0]).any() for table in tables):
        return False
    stored = [table[:, np.isin(table["tag"][0], _STORED)] for table in tables]
    return all(of.shape[1] == stored[0].shape[1] and (of == stored[0][0]).all() for of in stored)


@dataclass(frozen=True)
class _Form:
    """How a directory is written (TIFF 6.0, section 2, and in BigTIFF): number of entries, entries, offset of the next."""

    tags: str
    entry: np.dtype[Any]
    pointer: str

    @classmethod
    def of(cls, tiff: tifffile.TiffFile) -> _Form:
        order = tiff.byteorder
        tags, value, pointer = ("Q", "u8", "Q") if tiff.is_bigtiff else ("H", "u4", "I")
        fields = [("tag", "u2"), ("type", "u2"), ("count", value), ("value", value)]
        return cls(order + tags, np.dtype([(name, order + kind) for name, kind in fields]), order + pointer)

    def directory(self, file: BufferedReader, offset: int) -> tuple[bytes, int] | None:
        """Return the entries of a directory and the offset of the next one; None if the file ends before."""
        head = _at(file, offset, struct.calcsize(self.tags))
        if len(head) < struct.calcsize(self.tags):
            return None
        (tags,) = struct.unpack(self.tags, head)
        if not 0 < tags < 2**16:
            return None
        size = tags * self.entry.itemsize
        body = file.read(size + struct.calcsize(self.pointer))
        if len(body) < size + struct.calcsize(self.pointer):
            return None
        return body[:size], int(struct.unpack_from(self.pointer, body, size)[0])


def _at(file: BufferedReader, offset: int, size: int) -> bytes:
    file.seek(offset)
    return file.read(size)
