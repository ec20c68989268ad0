"""Read all directories of a TIFF at once, if each image is stored like the first.

A program that saves frames writes one directory like the other, and to parse each with all its tags takes longer than
to read the pixels. Here they are read as tables and compared; a file with anything odd about it is left to tifffile.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from io import BufferedReader
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

_STRIPS, _STRIP_BYTES = 273, 279
_STORED = {
    *(
        254,
        255,
        256,
        257,
        258,
        259,
        262,
        266,
        277,
        278,
        284,
        317,
        320,
        322,
        323,
        324,
        325,
        330,
        338,
        339,
        347,
    ),
    *(32997, 32998),
}
"""Tags that say how pixels are stored; those of strips differ from image to image."""
LONGEST_TEXT = 1 << 24  # bytes; a longer one is damage
_TYPES = {3: "u2", 4: "u4", 16: "u8"}  # of whole numbers


@dataclass(frozen=True)
class _Form:
    """How numbers are written (TIFF 6.0, section 2, and BigTIFF): their order, and the size of an offset."""

    order: str
    big: bool

    @property
    def entry(self) -> int:
        """Size of an entry: its tag, type, count and value."""
        return 20 if self.big else 12

    @property
    def offset(self) -> str:
        return self.order + ("Q" if self.big else "I")

    def directory(self, file: BufferedReader, at: int) -> tuple[bytes, int] | None:
        """Return the entries of a directory and the offset of the next one; None if the file ends before."""
        tags = self.order + ("Q" if self.big else "H")
        head = _at(file, at, struct.calcsize(tags))
        if len(head) < struct.calcsize(tags):
            return None
        size = struct.unpack(tags, head)[0] * self.entry
        if not 0 < size < 2**20:
            return None
        body = file.read(size + struct.calcsize(self.offset))
        if len(body) < size + struct.calcsize(self.offset):
            return None
        return body[:size], struct.unpack_from(self.offset, body, size)[0]


@dataclass(frozen=True, eq=False)
class Directories:
    """The directories of a file whose images are all stored alike.

    tables : the entries of the first directory, which may have more tags, and those of the others, in bytes: (images, tags,
        size of an entry).
    stored : the entries that say how pixels are stored, the same in files whose images are stored alike.
    whole : whether the last one says that it is the last; False if the file was cut, or not finished.
    """

    path: Path
    form: _Form
    tables: tuple[NDArray[np.uint8], ...]
    stored: bytes
    whole: bool

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
        half = (self.form.entry - 4) // 2  # a count, and as much for the value or where it is
        if entries is None or (entries[:, 2 : 4 + half] != entries[0, 2 : 4 + half]).any():
            return None
        kind = _TYPES.get(int(entries[0, 2:4].view(self.form.order + "u2")[0]))
        count = int(entries[0, 4 : 4 + half].view(f"{self.form.order}u{half}")[0])
        if kind is None or count < 1:
            return None
        dtype = np.dtype(self.form.order + kind)
        if count * dtype.itemsize <= half:
            inline = np.ascontiguousarray(entries[:, 4 + half :]).view(dtype)
            return inline[:, :count].astype(np.int64)
        parts = self._parts(self._values(entries), [count * dtype.itemsize] * len(entries))
        return (
            None
            if parts is None
            else np.frombuffer(b"".join(parts), dtype).reshape(-1, count).astype(np.int64)
        )

    def texts(self, tag: int) -> list[bytes] | None:
        """Return the text of a tag in each directory, longer than an entry has room for; None if one lacks it."""
        entries = self._entries(tag)
        if entries is None:
            return None
        half = (self.form.entry - 4) // 2
        counts = (
            np.ascontiguousarray(entries[:, 4 : 4 + half]).view(f"{self.form.order}u{half}")[:, 0].tolist()
        )
        if min(counts) <= half or max(counts) > LONGEST_TEXT:
            return None
        return self._parts(self._values(entries), counts)

    def _values(self, entries: NDArray[np.uint8]) -> list[int]:
        half = (self.form.entry - 4) // 2
        values: list[int] = (
            np.ascontiguousarray(entries[:, -half:]).view(f"{self.form.order}u{half}")[:, 0].tolist()
        )
        return values

    def _entries(self, tag: int) -> NDArray[np.uint8] | None:
        """Return the entries of a tag, (images, size of an entry); None if there is one without."""
        found = []
        for table in self.tables:
            tags = np.flatnonzero(_tags(table, self.form) == tag)
            if not tags.size:
                return None
            found.append(table[:, tags[0]])
        return np.concatenate(found)

    def _parts(self, offsets: list[int], sizes: list[int]) -> list[bytes] | None:
        with self.path.open("rb") as file:
            parts = [_at(file, offset, size) for offset, size in zip(offsets, sizes, strict=True)]
        return parts if all(len(part) == size for part, size in zip(parts, sizes, strict=True)) else None


def read_directories(path: Path) -> Directories | None:
    """Return the directories of a file up to one that cannot be read; None if their images are not stored alike."""
    found: list[bytes] = []
    seen: set[int] = set()
    with path.open("rb") as file:
        start = file.read(16).ljust(16, b"\0")
        form = _Form("<" if start[:2] == b"II" else ">", start[2:4] in (b"+\0", b"\0+"))
        (offset,) = struct.unpack_from(form.offset, start, 8 if form.big else 4)
        while offset:
            if offset in seen or (read := form.directory(file, offset)) is None:
                break
            seen.add(offset)
            entries, offset = read
            found.append(entries)
    if not found or len(set(map(len, found[1:]))) > 1:
        return None
    groups = [found[:1], found[1:]] if len(found) > 1 else [found]
    tables = tuple(
        np.frombuffer(b"".join(group), np.uint8).reshape(len(group), -1, form.entry) for group in groups
    )
    first, *others = [_stored(table, form) for table in tables]
    if first is None or any(other != first for other in others):
        return None
    return Directories(path, form, tables, first, whole=not offset)


def _stored(table: NDArray[np.uint8], form: _Form) -> bytes | None:
    """Return the entries that say how pixels are stored; None if they, or the tags, differ between the directories."""
    if (table[:, :, :2] != table[0, :, :2]).any():
        return None
    entries = table[:, [tag in _STORED for tag in _tags(table, form).tolist()]]
    return None if (entries != entries[0]).any() else form.order.encode() + entries[0].tobytes()


def _tags(table: NDArray[np.uint8], form: _Form) -> NDArray[np.uint16]:
    return np.ascontiguousarray(table[0, :, :2]).view(form.order + "u2")[:, 0]


def _at(file: BufferedReader, offset: int, size: int) -> bytes:
    file.seek(offset)
    return file.read(size)
