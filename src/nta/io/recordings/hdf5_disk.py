"""Give the HDF5 library a file to write into that keeps its last good state if a write fails.

The failure is hidden from HDF5, which would crash the process while releasing unwritten data, or overwrite the tables of
the last flush with half of the new ones. The library sees a success; the writer checks `failed`. Nothing may be raised to
it either: it calls on with the Python exception pending, and the next call then fails for no reason of its own.
"""

from __future__ import annotations

import errno
import io
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from itertools import pairwise
from pathlib import Path
from typing import Any

from nta.frames import CameraState

_SPARE_BYTES, _FRAMES_SPARE = 1 << 20, 4


def refuse_full(path: Path, frame_bytes: int) -> None:
    """Stop while there is room to close in order: if HDF5 cannot write a table, the file can never be opened."""
    free = shutil.disk_usage(path.parent).free
    if free < _spare_bytes(frame_bytes):
        raise OSError(errno.ENOSPC, f"{free / 2**20:.1f} MB are free", str(path))


def room_s(folder: Path, camera: CameraState) -> float | None:
    """Return for how many seconds of frames the disk of a folder has room; None if the frame rate is not known."""
    if camera.frame_rate_hz is None:
        return None
    above = next(part for part in (folder.absolute(), *folder.absolute().parents) if part.exists())
    room = shutil.disk_usage(above).free - _spare_bytes(camera.frame_bytes)
    return max(room, 0) / (camera.frame_bytes * camera.frame_rate_hz)


def _spare_bytes(frame_bytes: int) -> int:
    """Bytes that are kept free on the disk, for the tables of the file."""
    return _FRAMES_SPARE * frame_bytes + _SPARE_BYTES


class DiskFile(io.RawIOBase):
    """A file in which a flush first appends and then overwrites, and which writes nothing more after a failure.

    failed : error of the failed write; None as long as none failed.
    """

    def __init__(self, path: Path, *, replace: bool) -> None:
        # "x" instead of a test beforehand: if two processes begin at once, only one gets the name
        self._path = path
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
        """Buffer all writes, and perform them when the block ends, from the end of the file to its beginning.

        A table changed in place then never points to one that did not fit on the disk.
        """
        self._held = []
        try:
            yield
        finally:
            self._hand_over()

    def refuse_gone(self) -> None:
        """Refuse to go on when the file is no longer there: nobody would find what is written to it."""
        try:
            self._path.stat()
        except FileNotFoundError:
            words = "it was removed or moved while it was being written"
            raise FileNotFoundError(errno.ENOENT, words, str(self._path)) from None
        except OSError:
            return  # its folder may not be looked into any more, and it can still be written

    def _hand_over(self) -> None:
        held, self._held = self._held or [], None
        in_order = sorted(held, key=lambda piece: piece[0])
        apart = all(a + len(one) <= b for (a, one), (b, _) in pairwise(in_order))
        for offset, data in reversed(in_order) if apart else held:  # if writes overlap, the last one must win
            self._put(offset, data)

    def _put(self, offset: int, data: Any) -> None:
        if self.failed is not None:
            return
        with self._keep_failure():
            self._file.seek(offset)
            left = memoryview(data).cast("B")
            while left:
                left = left[self._file.write(left) :]

    @contextmanager
    def _keep_failure(self) -> Iterator[None]:
        try:
            yield
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
        count = 0
        with self._keep_failure():
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
            with self._keep_failure():  # a file may not grow at all beyond a quota, or 4 GiB on FAT
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
    """Lock the file against readers while it is written, as HDF5 does with files that it opens itself."""
    with suppress(ImportError):  # the module exists only on POSIX
        import fcntl

        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise
        except OSError:  # the file system has no locks
            pass
