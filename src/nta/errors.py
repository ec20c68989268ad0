"""Errors with messages for the user: every error that nta raises on purpose is an `NtaError`."""

from __future__ import annotations

OURS = "nta-lab"


class NtaError(Exception):
    """Base of the errors a user can remedy; the command line prints the message alone."""


class RecordingError(NtaError):
    """A file is not a recording, or nothing in it can be read."""


class NoRecordingError(RecordingError):
    """The content of a file is in no recording format: a note, a table, a single image."""


class MissingInputError(NtaError):
    """A number that sizing requires is not stated; the message names it and how to state it."""


class SettingError(NtaError, ValueError):
    """A setting, profile or device value is out of range, unknown or of the wrong type."""


class DeviceError(NtaError):
    """A device did not do what was asked."""


class DeviceTimeout(DeviceError):  # noqa: N818 - reads as the device's state, not as a bug
    """No frame or answer came in time; the device may still be there."""


class DeviceLost(DeviceError):  # noqa: N818
    """The device is gone (unplugged, powered off, link closed)."""


class LiveAnalysisError(NtaError):
    """The analysis beside a recording failed; the recording is not affected and can be analysed as any other."""


class Terminated(KeyboardInterrupt):
    """SIGTERM was received, or the terminal was closed: nobody waits for anything more."""


def how_to_install(extra: str, package: str = OURS) -> str:
    """Return how to install an optional part of a package; ours is on no index and is installed from its folder."""
    if package == OURS:
        return f"pip install -e '.[{extra}]' in the project's folder installs it"
    return f"pip install '{package}[{extra}]' installs it"


def in_words(error: BaseException) -> str:
    """Return an error as one line: a system error without its number, an unexpected error with its type."""
    if isinstance(error, OSError) and error.strerror:
        words = f"{error.filename}: {error.strerror}" if error.filename else error.strerror
    elif isinstance(error, MemoryError) and not str(error):
        words = "the memory of this computer does not suffice; close other programs"
    else:
        words = " ".join(str(error).split()) or type(error).__name__
    return printable(words if is_foreseen(error) else f"unexpected {type(error).__name__}: {words}")


def is_foreseen(error: BaseException) -> bool:
    """Whether an error is due to the input or the machine; any other is a bug in nta, whose traceback is useful."""
    return isinstance(error, NtaError | OSError | MemoryError)


def printable(text: str) -> str:
    """Return text that can be written as UTF-8; bytes of a file name that are not UTF-8 become hexadecimal."""
    return text.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
