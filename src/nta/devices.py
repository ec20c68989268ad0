"""Protocols that every driver implements, and the `Instrument` that bundles its devices.

A driver is a callable that takes its settings as keywords and returns an `Instrument`; a package registers it
under the entry-point group ``nta.drivers``. Nothing is opened and no vendor library imported before
`Instrument.open`.

Rules for a camera, checked for all drivers by one conformance suite:

- `open`, `close` and `stop` may be called twice and after a fault; `close` leaves no thread and no file
  behind;
- `configure` returns the values that the device accepted; an unknown or impossible value is a `SettingError` and
  changes nothing, it is never clipped;
- `read` returns owned frames of native depth with strictly increasing `index`: a gap in it means lost
  frames. It raises `DeviceTimeout` if no frame came in time, `DeviceLost` if the device is gone,
  `EndOfFrames` if there are no more frames;
- `stop` returns within a second, with the numbers of frames delivered and of those lost, by place of loss.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import dataclass, fields
from importlib import import_module
from types import ModuleType, TracebackType
from typing import Any, Protocol, Self, runtime_checkable

from nta.errors import OURS, DeviceError, DeviceLost, SettingError, how_to_install
from nta.frames import CameraState, Frame

_SAME = 1e-3  # tolerance for rounding by the device: relative, or absolute for values below 1


class EndOfFrames(DeviceError):  # noqa: N818 - an end, not a fault
    """The device has no more frames: the requested number is reached, or the played recording has ended."""


@dataclass(frozen=True, kw_only=True)
class Losses:
    """Counts of delivered and lost frames between `start` and `stop`.

    delivered : complete frames returned by `read`.
    lost_device : counted but not sent by the device (its buffer was overwritten).
    lost_transport : sent but not received: lost packets, noise on the line, an unplugged cable.
    lost_host : received but dropped here, because they were not read in time.
    incomplete : received damaged or cut, and dropped.
    resent : delivered frames that arrived only after being sent again.
    """

    delivered: int = 0
    lost_device: int = 0
    lost_transport: int = 0
    lost_host: int = 0
    incomplete: int = 0
    resent: int = 0

    @property
    def lost(self) -> int:
        """Number of frames that were not delivered."""
        return self.lost_device + self.lost_transport + self.lost_host + self.incomplete

    def __add__(self, other: Losses) -> Losses:
        return Losses(**{f.name: getattr(self, f.name) + getattr(other, f.name) for f in fields(self)})

    def __str__(self) -> str:
        where = (("device", "lost_device"), ("transport", "lost_transport"), ("host", "lost_host"))
        lost = [f"{getattr(self, name)} by the {said}" for said, name in where if getattr(self, name)]
        if self.incomplete:
            lost.append(f"{self.incomplete} incomplete")
        again = f", {self.resent} sent again" if self.resent else ""
        return f"{self.delivered} frames, " + (f"lost {', '.join(lost)}" if lost else "none lost") + again


@dataclass(frozen=True)
class Limits:
    """The range of values that a setting may take, ends included."""

    low: float
    high: float
    unit: str

    def check(self, name: str, value: float) -> float:
        """Return the value; refuse one out of range, with name, range and unit."""
        if not (isinstance(value, int | float) and self.low <= value <= self.high):
            raise SettingError(
                f"{name} must be between {self.low:g} and {self.high:g} {self.unit}, got {value!r}"
            )
        return float(value)


@runtime_checkable
class Camera(Protocol):
    """A camera that acquires frames; see the module for the rules."""

    @property
    def name(self) -> str:
        """Return the name of the device for messages."""
        ...

    def open(self) -> None:
        """Connect to the device; do nothing if it is open."""
        ...

    def close(self) -> None:
        """Release the device, also after a fault; do nothing if it is closed."""
        ...

    def settings(self) -> dict[str, Any]:
        """Return the present settings of the device (exposure_s, frame_rate_hz, width_px, ...)."""
        ...

    def configure(self, **settings: Any) -> dict[str, Any]:
        """Set the given values and return all settings as accepted by the device."""
        ...

    def state(self) -> CameraState:
        """Return the settings as the camera state of a recording."""
        ...

    def start(self, n_frames: int | None = None) -> None:
        """Begin to acquire, with `index` from 0: without end, or a number of frames."""
        ...

    def read(self, timeout_s: float = 1.0) -> Frame:
        """Return the next frame."""
        ...

    def stop(self) -> Losses:
        """End the acquisition and return the counts of its frames; zero if none was running."""
        ...


class Knob(Protocol):
    """A single adjustable value of a device, in the unit of its limits."""

    def get(self) -> float:
        """Return the value measured now, not the one that was set."""
        ...

    def set(self, value: float) -> float:
        """Set a value and return the one the device accepted; a value out of range is a `SettingError`."""
        ...

    def limits(self) -> Limits:
        """Return the range and the unit."""
        ...


class Thermostat(Knob, Protocol):
    """Temperature of the cell, in °C."""


class Laser(Knob, Protocol):
    """Laser power, in mW."""


class Pump(Knob, Protocol):
    """Flow through the cell, in uL/min; 0 is off."""


class Focus(Knob, Protocol):
    """Position of the focal plane, in um."""


@runtime_checkable
class SelfOpening(Protocol):
    """A device other than the camera with its own connection to open: a line, a port."""

    def open(self) -> None:
        """Connect to the device; do nothing if it is open."""
        ...

    def close(self) -> None:
        """Release the device, also after a fault; do nothing if it is closed."""
        ...


_KNOBS = {
    "temperature_c": "thermostat",
    "laser_mw": "laser",
    "pump_ul_min": "pump",
    "focus_um": "focus",
}


class SetKnob:
    """A knob that remembers its setting, which a device loses when its power is off.

    device : the knob itself. asked : value accepted last since it was opened; None if it was not set.
    """

    def __init__(self, device: Knob) -> None:
        self.device = device
        self.asked: float | None = None

    def get(self) -> float:
        """Return the value measured now."""
        return self.device.get()

    def set(self, value: float) -> float:
        """Set a value, and remember the one the device accepted."""
        self.asked = self.device.set(value)
        return self.asked

    def set_again(self, name: str) -> None:
        """Restore the value that was set before the device was lost; do nothing if none was set.

        Raises
        ------
        DeviceError
            The device is gone, or no longer accepts the value.
        """
        if self.asked is None:
            return
        try:
            took = self.device.set(self.asked)
        except DeviceLost:
            if not isinstance(self.device, SelfOpening):
                raise
            self.device.close()
            self.device.open()
            took = self.device.set(self.asked)
        if abs(took - self.asked) > _SAME * max(abs(self.asked), 1.0):
            raise DeviceError(
                f"{name} was set to {self.asked:g} before the device was lost, and now it takes {took:g}"
            )

    def limits(self) -> Limits:
        """Return the range and the unit."""
        return self.device.limits()


@dataclass(frozen=True)
class FoundDevice:
    """A device that a driver found; any of its names can be given to the driver as ``device``.

    A driver that can look for its devices has a static method ``find_devices() -> list[FoundDevice]``.
    """

    names: tuple[str, ...]
    description: str


class Instrument:
    """A named bundle of a camera and further devices; a context manager that opens and closes them.

    The further devices remember their settings.

    opened_as : name and settings of the driver, stored with every recording.
    """

    def __init__(
        self,
        name: str,
        camera: Camera,
        thermostat: Thermostat | None = None,
        laser: Laser | None = None,
        pump: Pump | None = None,
        focus: Focus | None = None,
    ) -> None:
        self.name, self.camera = name, camera
        self.thermostat, self.laser = _remembering(thermostat), _remembering(laser)
        self.pump, self.focus = _remembering(pump), _remembering(focus)
        self.opened_as: Mapping[str, Any] = {}

    def knobs(self) -> dict[str, SetKnob]:
        """Return the devices other than the camera, by their name in the telemetry."""
        named = {name: getattr(self, attribute) for name, attribute in _KNOBS.items()}
        return {name: knob for name, knob in named.items() if knob is not None}

    def open(self) -> None:
        """Open every part; if one fails, close those already opened."""
        opened: list[SelfOpening] = []
        try:
            for part in self._parts():
                part.open()
                opened.append(part)
        except BaseException:
            for part in reversed(opened):
                part.close()
            raise

    def close(self) -> None:
        """Close every part, and forget its settings; if one fails, the others are still closed."""
        failures = []
        for name in _KNOBS.values():
            if (knob := getattr(self, name)) is not None:
                knob.asked = None
        for part in reversed(self._parts()):
            try:
                part.close()
            except DeviceError as error:  # a lost device counts as closed
                failures.append(error)
        if failures:
            raise failures[0]

    def _parts(self) -> list[SelfOpening]:
        devices = (knob.device for knob in self.knobs().values())
        return [self.camera, *(device for device in devices if isinstance(device, SelfOpening))]

    def __enter__(self) -> Self:
        self.open()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _remembering(knob: Knob | None) -> SetKnob | None:
    return knob if knob is None or isinstance(knob, SetKnob) else SetKnob(knob)


def checked_settings(given: dict[str, Any], known: dict[str, Any]) -> None:
    """Refuse settings that a device does not have; the message names those it has."""
    if unknown := sorted(set(given) - set(known)):
        raise SettingError(f"unknown setting {unknown[0]!r}; there are {', '.join(sorted(known))}")


def vendor_library(module: str, extra: str, package: str = OURS) -> ModuleType:
    """Import the library of a driver; a missing one is refused with what to install. To be called from `open`.

    extra, package : the optional part that brings it, and the package of the driver.
    """
    try:
        with warnings.catch_warnings():
            # SWIG's, raised as errors while a module loads, end the interpreter
            warnings.simplefilter("ignore")
            return import_module(module)
    except ImportError as error:
        raise DeviceError(
            f"this device needs {module}, which cannot be imported ({error}); {how_to_install(extra, package)}"
        ) from None
