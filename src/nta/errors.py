"""What can go wrong, in the user's words: every error nta raises on purpose is an `NtaError`."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_FULL = (errno.ENOSPC, errno.EDQUOT)


class NtaError(Exception):
    """Base of the errors a user can mend; the command line prints the message alone."""


class RecordingError(NtaError):
    """A file is no recording, or nothing in it can be read."""


class NoRecordingError(RecordingError):
    """A file is by its content none of a recording's formats: a note, a table, a single image."""


class MissingInputError(NtaError):
    """A number that a size needs was given by nobody; the message names it and how to give it."""


class SettingError(NtaError, ValueError):
    """A setting, profile or device value is out of range, unknown or of the wrong type."""


class DeviceError(NtaError):
    """A device did not do what was asked."""


class DeviceTimeout(DeviceError):  # noqa: N818 - reads as the device's state, not as our fault
    """No frame or answer came in time; the device may still be there."""


class DeviceLost(DeviceError):  # noqa: N818
    """The device is gone (unplugged, powered off, link closed)."""


def in_words(error: BaseException) -> str:
    """Return an error in one line; what the operating system says without its number, a fault of ours by its kind."""
    if isinstance(error, OSError) and error.strerror:
        words = f"{error.filename}: {error.strerror}" if error.filename else error.strerror
    else:
        words = " ".join(str(error).split()) or type(error).__name__
    return printable(words if is_foreseen(error) else f"unexpected {type(error).__name__}: {words}")


@contextmanager
def full_disk_named(target: Path) -> Iterator[None]:
    """Tell of a disk that is full by the name of what people know, whatever was being written under another."""
    try:
        yield
    except OSError as error:
        if error.errno not in _FULL:
            raise
        words = f"{os.strerror(error.errno)}; free some space, or choose another disk"
        raise OSError(error.errno, words, str(target)) from error


def is_foreseen(error: BaseException) -> bool:
    """Whether an error tells of the input or the machine; any other is a fault of ours, whose traceback is of use."""
    return isinstance(error, NtaError | OSError | MemoryError)


def printable(text: str) -> str:
    """Return text that can be written in UTF-8: of a file name that is none, its strange bytes in hexadecimal."""
    return text.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
