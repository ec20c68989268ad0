"""Names of new recordings: by date and time, or chosen by the user and then valid on every computer."""

from __future__ import annotations

from datetime import datetime

from nta.errors import SettingError

_LONGEST_NAME, _MOST_BYTES = 100, 200  # a name may have 255 bytes, and a character up to 4
_FORBIDDEN = '/\\:*?"<>|'
_DEVICES = {"con", "prn", "aux", "nul", "conin$", "conout$"} | {
    f"{port}{number}" for port in ("com", "lpt") for number in "0123456789¹²³"
}
"""Names of devices on Windows, also with an extension: what is written to nul.h5 is lost there."""


def dated_name() -> str:
    """Return the local date and time as a name for a new recording."""
    return datetime.now().strftime("%Y-%m-%d_%H%M%S")


def refuse_lost_on_windows(name: str) -> None:
    """Refuse the name of a new file or folder that Windows takes for a device or for another name."""
    if name.endswith((".", " ")):
        raise SettingError(f"the name {name!r} ends with {name[-1]!r}, which Windows drops; leave it out")
    if name.split(".")[0].rstrip().casefold() in _DEVICES:
        raise SettingError(f"{name!r} is the name of a device on Windows; choose another name")


def checked_name(name: str) -> str:
    """Return the name of a new run or file without spaces around it.

    Raises
    ------
    SettingError
        It is no name, or none on Windows, where a recording may be made or be taken to.
    """
    name = name.strip()
    if not name or name.startswith(".") or set(name) & set(_FORBIDDEN) or not name.isprintable():
        raise SettingError(
            f"{name!r} is no name for a run: give letters and digits, none of {' '.join(_FORBIDDEN)} and no dot in front"
        )
    refuse_lost_on_windows(name)
    if len(name) > _LONGEST_NAME or len(name.encode()) > _MOST_BYTES:
        raise SettingError(
            f"the name has {len(name)} letters, {len(name.encode())} bytes; {_LONGEST_NAME} letters and "
            f"{_MOST_BYTES} bytes are the most"
        )
    return name
