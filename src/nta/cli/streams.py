"""Standard output and error that never stop a command: what they carry is commentary, and the results are files."""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout, suppress
from io import BufferedWriter, FileIO, TextIOWrapper
from typing import Any, TextIO

_READER_GONE = (errno.EPIPE, errno.EINVAL)  # the second on Windows


@contextmanager
def lasting_streams() -> Iterator[None]:
    """Let the block print, whether or not there is still, or ever was, a reader."""
    out, err = _lasting(sys.stdout), _lasting(sys.stderr)
    if isinstance(out, TextIOWrapper):
        # a name that the terminal cannot print must not make a command fail after its work
        out.reconfigure(errors="backslashreplace")
    with redirect_stdout(out), redirect_stderr(err):
        try:
            yield
        finally:
            for stream in (out, err):
                with suppress(OSError):
                    stream.flush()


def _lasting(stream: TextIO | None) -> TextIO:
    """Return a stream to the same place; to nowhere if it was closed before the start (`2>&-`, pythonw)."""
    if stream is None:
        return TextIOWrapper(BufferedWriter(FileIO(os.devnull, "w")), "utf-8")
    if not isinstance(stream, TextIOWrapper) or stream.isatty():
        return stream
    try:
        raw = _Lasting(stream.fileno(), "w", closefd=False)
    except OSError:  # a stream in memory
        return stream
    stream.flush()
    return TextIOWrapper(
        BufferedWriter(raw),
        stream.encoding,
        stream.errors,
        line_buffering=stream.line_buffering or stream.write_through,
    )


class _Lasting(FileIO):
    """A file that leads nowhere from the moment its reader is gone, e.g. with `nta batch ... | head -1`."""

    def write(self, data: Any, /) -> int:
        try:
            return super().write(data)
        except OSError as error:
            if error.errno not in _READER_GONE:
                raise
            with FileIO(os.devnull, "w") as nowhere:
                os.dup2(nowhere.fileno(), self.fileno())
            return len(data)
