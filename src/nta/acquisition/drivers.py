"""Find drivers by the entry points of installed packages; a driver is imported only when it is opened."""

from __future__ import annotations

import re
from dataclasses import dataclass
from importlib.metadata import EntryPoint, PackageNotFoundError, entry_points, version
from inspect import signature
from typing import Any

from nta.devices import FoundDevice, Instrument
from nta.errors import DeviceError, SettingError, how_to_install

GROUP = "nta.drivers"


@dataclass(frozen=True)
class DriverInfo:
    """A driver as registered by its package; it is not imported.

    libraries : libraries of the driver, by package, with the installed version or None.
    extra : what to install for them, "nta-lab[basler]"; empty if the driver needs no library.
    """

    name: str
    target: str  # "package.module:callable"
    package: str
    version: str
    libraries: dict[str, str | None]
    extra: str

    @property
    def missing(self) -> tuple[str, ...]:
        """Libraries that are not installed; the driver can be opened if there are none."""
        return tuple(name for name, installed in self.libraries.items() if installed is None)


def list_drivers() -> tuple[DriverInfo, ...]:
    """Return the registered drivers, by name."""
    found = []
    for entry in _entries().values():
        package = entry.dist.metadata["Name"] if entry.dist else "?"
        release = entry.dist.version if entry.dist else "?"
        extra = f"{package}[{entry.extras[0]}]" if entry.extras else ""
        target = f"{entry.module}:{entry.attr}"
        found.append(DriverInfo(entry.name, target, package, release, _libraries(entry), extra))
    return tuple(sorted(found, key=lambda driver: driver.name))


def open_driver(name: str, **settings: Any) -> Instrument:
    """Return the instrument of a driver; enter it (``with``) or call its `open` to open the device.

    Raises
    ------
    SettingError
        There is no such driver (the known ones are listed), or it refuses the settings.
    DeviceError
        The driver cannot be imported; the message says what to install.
    """
    factory = load_entry(GROUP, name, "driver")
    try:
        instrument = factory(**settings)
    except TypeError as error:
        if "argument" not in str(error):
            raise
        known = ", ".join(signature(factory).parameters) or "none"
        raise SettingError(f"driver {name!r} {_refused(str(error))}; its settings are {known}") from error
    if not isinstance(instrument, Instrument):
        raise DeviceError(f"driver {name!r} made a {type(instrument).__name__}, not an Instrument")
    instrument.opened_as = {"driver": name, **settings}
    return instrument


def _refused(words: str) -> str:
    """Return in the user's words what Python says of a call: "f() got an unexpected keyword argument 'x'"."""
    if unknown := re.search(r"unexpected keyword argument '(.*)'", words):
        return f"has no setting {unknown[1]!r}"
    if missing := re.search(r"missing .* arguments?: (.*)", words):
        return f"needs {missing[1]}, given by --set NAME=VALUE"
    return f"refuses its settings: {words}"


def find_devices(name: str) -> list[FoundDevice]:
    """Return the devices that a driver finds now; empty if it cannot search for them.

    Raises
    ------
    SettingError
        There is no such driver.
    DeviceError
        The driver or its library cannot be imported (the message says what to install), or the search failed.
    """
    look = getattr(load_entry(GROUP, name, "driver"), "find_devices", None)
    return [] if look is None else list(look())


def load_entry(group: str, name: str, what: str) -> Any:
    """Return the object registered under a name. what : its name in error messages, which are those of `open_driver`."""
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
            f"{what} {name!r} of {package} cannot be loaded ({error}); {how_to_install(extra, package)}"
        ) from error


def _libraries(entry: EntryPoint) -> dict[str, str | None]:
    """Return the libraries required by the driver's extra, from the metadata of its package."""
    needed = entry.dist.requires or [] if entry.dist else []
    libraries: dict[str, str | None] = {}
    for extra in entry.extras:
        marked = re.compile(rf"([\w.-]+).*\bextra\s*==\s*['\"]{re.escape(extra)}['\"]")
        for library in (found[1] for line in needed if (found := marked.match(line))):
            try:
                libraries[library] = version(library)
            except PackageNotFoundError:
                libraries[library] = None
    return libraries


def _entries(group: str = GROUP) -> dict[str, EntryPoint]:
    return {entry.name: entry for entry in entry_points(group=group)}
