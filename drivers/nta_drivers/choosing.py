"""Choose a device by the name that the user gives, and read further features to set."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from nta.devices import FoundDevice
from nta.errors import DeviceLost, SettingError


def chosen(device: str, found: Sequence[FoundDevice], what: str) -> int:
    """Return the index of the named device; of the only one if no name is given.

    Raises
    ------
    DeviceLost
        There is none, or none of that name; it may be plugged in again.
    SettingError
        There are several, and no name is given, or one that they share.
    """
    if not found:
        raise DeviceLost(
            f"no {what} was found; is it plugged in and powered, and does no other program hold it?"
        )
    listed = "; ".join(f"{one.names[0]} ({one.description})" for one in found)
    if device:
        fits = [
            place for place, one in enumerate(found) if any(_is_called(device, name) for name in one.names)
        ]
        if len(fits) == 1:
            return fits[0]
        if fits:
            raise SettingError(
                f"{len(fits)} {what}s are called {device!r}; say which by a name of its own: {listed}"
            )
        raise DeviceLost(f"no {what} is called {device!r}; there are {listed}")
    if len(found) > 1:
        raise SettingError(f"there is more than one {what}; say which with device=...: {listed}")
    return 0


def _is_called(device: str, name: str) -> bool:
    """Compare names; a number on the command line has lost its leading zeros."""
    return device == name or (device.isdigit() and name.isdigit() and int(device) == int(name))


def assignments(given: str | Mapping[str, Any]) -> dict[str, Any]:
    """Return values by name from a mapping or from a text, "GainAuto=Off; BinningHorizontal=2"."""
    if not isinstance(given, str):
        return dict(given)
    values: dict[str, Any] = {}
    for word in filter(None, (part.strip() for part in given.split(";"))):
        name, equals, value = (part.strip() for part in word.partition("="))
        if not equals or not name or not value:
            raise SettingError(f'expected "Name=value; Name=value", got {word!r}')
        values[name] = value
    return values
