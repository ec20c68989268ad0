"""Read the remains of an HDF5 file that was cut short, as by an interrupted copy, or damaged.

HDF5 refuses such a file completely, but opens it if it is padded to the length that its superblock claims. A chunk is
used only if it lies within the existing part. The padding is of ones, which are neither a valid address nor a valid length;
with zeros the library (2.0) searches for the end of a list for ever.
"""

from __future__ import annotations

import io
import struct
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import h5py


def claimed_size(path: Path) -> int:
    """Return the length that the superblock (versions 0 and 1) claims, or that of the file for other versions.

    Source: HDF5 file format specification 3.0, section II.A: the end-of-file address follows the base address and
    the free-space address.
    """
    size = path.stat().st_size
    with path.open("rb") as file:
        start = file.read(64)
    if len(start) < 64 or start[8] > 1 or start[13] != 8:
        return size
    return int(struct.unpack_from("<Q", start, 40 if start[8] == 0 else 44)[0])


class PaddedFile(io.RawIOBase):
    """A file that reads as ones beyond its end, up to the length that it should have."""

    def __init__(self, path: Path, length: int) -> None:
        self._file = path.open("rb", buffering=0)
        self._size = path.stat().st_size
        self._length = length
        self._at = 0

    def readable(self) -> bool:  # noqa: D102
        return True

    def seekable(self) -> bool:  # noqa: D102
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:  # noqa: D102
        self._at = offset + {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._length}[whence]
        return self._at

    def tell(self) -> int:  # noqa: D102
        return self._at

    def readinto(self, buffer: Any) -> int:  # noqa: D102
        wanted = memoryview(buffer).cast("B")
        wanted = wanted[: max(self._length - self._at, 0)]
        there = 0
        if self._at < self._size:  # damaged addresses may be any
            self._file.seek(self._at)
            there = self._file.readinto(wanted) or 0
        wanted[there:] = b"\xff" * (len(wanted) - there)
        self._at += len(wanted)
        return len(wanted)

    def close(self) -> None:  # noqa: D102
        self._file.close()
        super().close()


def is_there(dataset: h5py.Dataset, row: int, size: int) -> bool:
    """Return whether the chunk of a row lies within a file of `size` bytes."""
    chunk = row // dataset.chunks[0] * dataset.chunks[0]
    try:
        found = dataset.id.get_chunk_info_by_coord((chunk, *(0,) * (dataset.ndim - 1)))
    except (OSError, RuntimeError, ValueError):  # the index of the chunks is cut off itself
        return False
    return found.byte_offset is not None and found.byte_offset + found.size <= size


def rows_there(dataset: h5py.Dataset, count: int, size: int, missing: int) -> NDArray[np.int64]:
    """Return the first rows of a column; `missing` replaces rows cut off, damaged or lost by the disk.

    Rows lost by the disk in a power failure read as zeros with a valid checksum (zero); they are recognised because no
    column holds the same value twice.
    """
    rows = np.full(count, missing, np.int64)
    step = dataset.chunks[0]
    for start in range(0, count, step):
        with suppress(OSError):  # the checksum does not match
            if is_there(dataset, start, size):
                found = dataset[start : min(start + step, count)]
                rows[start : start + step] = found if found.any() or found.size == 1 else missing
    return rows
