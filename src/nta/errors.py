"""What can go wrong, in the user's words: every error nta raises on purpose is an `NtaError`."""

from __future__ import annotations


class NtaError(Exception):
    """Base of the errors a user can mend; the command line prints the message alone."""


class RecordingError(NtaError):
    """A file is no recording, or nothing in it can be read."""


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
