"""The file under the HDF5 library while a recording or a result is written: it stays as it was before a write that failed.

HDF5 must not learn of such a failure: it would end the process while it lets go of what it could not write, or write
half of its tables over those of the last flush. It is told that all went well, and whoever writes asks `failed`.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from itertools import pairwise
from pathlib import Path
from typing import Any


class DiskFile(io.RawIOBase):
    """A file that writes what a flush adds before what it changes, and nothing more once a write failed.

    failed : the error of that write; None as long as all went well.
    """

    def __init__(self, path: Path, *, replace: bool) -> None:
        # "x", not a look beforehand: of two that begin at once, one gets the name
        self._file = path.open("rb+" if replace and path.exists() else "xb+", buffering=0)
        try:
            _lock(self._file)
            self._file.truncate(0)
        except BaseException:
            self._file.close()
            raise
        self.failed: OSError | None = None
        self._at = self._size = 0
        self._held: list[tuple[int, bytes]] | None = None

    @contextmanager
    def one_flush(self) -> Iterator[None]:
        """Hold what is written, and hand it over when the block ends: what lies last in the file comes first.

        A table that is changed in place then never points to one for which there was no room.
        """
        self._held = []
        try:
            yield
        finally:
            self._hand_over()

    def _hand_over(self) -> None:
        held, self._held = self._held or [], None
        in_order = sorted(held, key=lambda piece: piece[0])
        apart = all(a + len(one) <= b for (a, one), (b, _) in pairwise(in_order))
        for offset, data in reversed(in_order) if apart else held:  # of what overlaps the last written stands
            self._put(offset, data)

    def _put(self, offset: int, data: Any) -> None:
        if self.failed is not None:
            return
        try:
            self._file.seek(offset)
            left = memoryview(data).cast("B")
            while left:
                left = left[self._file.write(left) :]
        except OSError as error:
            self.failed = error

    def write(self, data: Any) -> int:  # noqa: D102
        offset, length = self._at, memoryview(data).nbytes
        self._at += length
        self._size = max(self._size, self._at)
        if self._held is None:
            self._put(offset, data)
        else:
            self._held.append((offset, bytes(data)))
        return length

    def readinto(self, buffer: Any) -> int:  # noqa: D102
        if self._held:
            self._hand_over()
            self._held = []
        self._file.seek(self._at)
        count = self._file.readinto(buffer) or 0
        self._at += count
        return count

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:  # noqa: D102
        self._at = offset + {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._size}[whence]
        return self._at

    def tell(self) -> int:  # noqa: D102
        return self._at

    def truncate(self, size: int | None = None) -> int:  # noqa: D102
        self._size = self._at if size is None else size
        if self.failed is None:
            self._file.truncate(self._size)
        return self._size

    def readable(self) -> bool:  # noqa: D102
        return True

    def writable(self) -> bool:  # noqa: D102
        return True

    def seekable(self) -> bool:  # noqa: D102
        return True

    def close(self) -> None:  # noqa: D102
        self._file.close()
        super().close()


def _lock(file: io.FileIO) -> None:
    """Keep others from reading a file that is being written, as HDF5 does with those it opens itself."""
    with suppress(ImportError):  # there is none outside POSIX
        import fcntl

        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise
        except OSError:  # a file system without locks
            pass
