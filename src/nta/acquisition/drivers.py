"""Finding drivers: the entry points of every installed package, imported only when opened."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.metadata import EntryPoint, entry_points
from typing import Any

from nta.devices import Instrument
from nta.errors import DeviceError, SettingError

GROUP = "nta.drivers"


@dataclass(frozen=True)
class DriverInfo:
    """A driver as its package registers it; nothing of it has been imported."""

    name: str
    target: str  # "package.module:callable"
    package: str
    version: str


def list_drivers() -> tuple[DriverInfo, ...]:
    """Return the registered drivers, by name."""
    found = []
    for entry in _entries().values():
        package = entry.dist.metadata["Name"] if entry.dist else "?"
        version = entry.dist.version if entry.dist else "?"
        found.append(DriverInfo(entry.name, entry.value, package, version))
    return tuple(sorted(found, key=lambda driver: driver.name))


def open_driver(name: str, **settings: Any) -> Instrument:
    """Return the instrument of a driver; enter it (``with``) or call its `open` to open the device.

    Raises
    ------
    SettingError
        There is no such driver (the known ones are listed), or it refuses the settings.
    DeviceError
        The driver cannot be imported; says what to install.
    """
    factory = load_entry(GROUP, name, "driver")
    try:
        instrument = factory(**settings)
    except TypeError as error:
        if "argument" not in str(error):
            raise
        raise SettingError(f"driver {name!r}: {str(error).partition(') ')[2] or error}") from error
    if not isinstance(instrument, Instrument):
        raise DeviceError(f"driver {name!r} made a {type(instrument).__name__}, not an Instrument")
    return instrument


def load_entry(group: str, name: str, what: str) -> Any:
    """Return what a package registers under a name; `what` it is called in errors, which are those of `open_driver`."""
    entries = _entries(group)
    if name not in entries:
        raise SettingError(f"no {what} {name!r}; there are {', '.join(sorted(entries)) or 'none'}")
    entry = entries[name]
    try:
        return entry.load()
    except (ImportError, AttributeError) as error:
        package = entry.dist.metadata["Name"] if entry.dist else "its package"
        extra = entry.extras[0] if entry.extras else name
        raise DeviceError(
            f"{what} {name!r} of {package} cannot be loaded ({error}); try pip install '{package}[{extra}]'"
        ) from error


def _entries(group: str = GROUP) -> dict[str, EntryPoint]:
    return {entry.name: entry for entry in entry_points(group=group)}
