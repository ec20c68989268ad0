"""What a device has to be: the small protocols that every driver fulfils, and the bundle they come in.

A driver is a callable that takes its settings as keywords and returns an `Instrument`; a package registers it
under the entry-point group ``nta.drivers``. Nothing is opened and no vendor library imported before
`Instrument.open`.

Rules for a camera, held by one conformance suite over all drivers:

- `open`, `close` and `stop` may be called twice and after a fault; `close` leaves no thread and no file
  behind;
- `configure` returns what the device really took; an unknown or impossible value is a `SettingError` and
  changes nothing, it is never clipped;
- `read` returns owned frames of native depth with strictly increasing `index`: a gap is that many lost
  frames. It raises `DeviceTimeout` when none came in time, `DeviceLost` when the device is gone,
  `EndOfFrames` when there are no more to come;
- `stop` returns within a second and says how many frames were delivered and where the others were lost.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import dataclass, fields
from importlib import import_module
from types import ModuleType, TracebackType
from typing import Any, Protocol, Self, runtime_checkable

from nta.errors import DeviceError, DeviceLost, SettingError
from nta.frames import CameraState, Frame

_SAME = 1e-3  # of a value, or of its unit below 1; less is the rounding of a device


class EndOfFrames(DeviceError):  # noqa: N818 - an end, not a fault
    """The device has no more frames to give: the asked number is reached, or the recording played is over."""


@dataclass(frozen=True, kw_only=True)
class Losses:
    """What became of the frames between `start` and `stop`.

    delivered : frames handed out whole.
    lost_device : the device counted them and did not send them (its own buffer was overwritten).
    lost_transport : sent and not arrived: packets, noise on the line, a cable out.
    lost_host : arrived and dropped here, because nobody read in time.
    incomplete : arrived damaged or cut, and dropped.
    resent : of those delivered, how many came only when they were sent again.
    """

    delivered: int = 0
    lost_device: int = 0
    lost_transport: int = 0
    lost_host: int = 0
    incomplete: int = 0
    resent: int = 0

    @property
    def lost(self) -> int:
        """All frames that were not delivered."""
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
    """The range a value may be set to, ends included."""

    low: float
    high: float
    unit: str

    def check(self, name: str, value: float) -> float:
        """Return the value, or refuse it by name, range and unit."""
        if not (isinstance(value, int | float) and self.low <= value <= self.high):
            raise SettingError(
                f"{name} must be between {self.low:g} and {self.high:g} {self.unit}, got {value!r}"
            )
        return float(value)


@runtime_checkable
class Camera(Protocol):
    """A source of frames that is acquiring; see the module for the rules."""

    @property
    def name(self) -> str:
        """Return what the device is called in messages."""
        ...

    def open(self) -> None:
        """Connect to the device; does nothing where it is open."""
        ...

    def close(self) -> None:
        """Let go of the device, also after a fault; does nothing where it is closed."""
        ...

    def settings(self) -> dict[str, Any]:
        """Return what the device is set to now (exposure_s, frame_rate_hz, width_px, ...)."""
        ...

    def configure(self, **settings: Any) -> dict[str, Any]:
        """Set what is named and return all settings as the device took them."""
        ...

    def state(self) -> CameraState:
        """Return the settings as what a recording says of its camera."""
        ...

    def start(self, n_frames: int | None = None) -> None:
        """Begin to acquire, with `index` from 0; for ever, or for a number of frames."""
        ...

    def read(self, timeout_s: float = 1.0) -> Frame:
        """Return the next frame."""
        ...

    def stop(self) -> Losses:
        """End the acquisition and account for its frames; zero where none was running."""
        ...


class Knob(Protocol):
    """A single value of a device, in the unit of its limits."""

    def get(self) -> float:
        """Return the value as it is measured now, not as it was asked for."""
        ...

    def set(self, value: float) -> float:
        """Ask for a value; return what the device took. Out of range is a `SettingError`."""
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
    """A device beside the camera that has something of its own to open: a line, a port."""

    def open(self) -> None:
        """Connect to the device; does nothing where it is open."""
        ...

    def close(self) -> None:
        """Let go of the device, also after a fault; does nothing where it is closed."""
        ...


_KNOBS = {
    "temperature_c": "thermostat",
    "laser_mw": "laser",
    "pump_ul_min": "pump",
    "focus_um": "focus",
}


class SetKnob:
    """A knob that remembers what it was set to: a device whose power was off does not.

    device : the knob itself. asked : what it took last since it was opened; None where it was left as it was.
    """

    def __init__(self, device: Knob) -> None:
        self.device = device
        self.asked: float | None = None

    def get(self) -> float:
        """Return the value as it is measured now."""
        return self.device.get()

    def set(self, value: float) -> float:
        """Ask for a value, and remember what the device took."""
        self.asked = self.device.set(value)
        return self.asked

    def set_again(self, name: str) -> None:
        """Set what was taken before its device was lost; does nothing where it was left as it was.

        Raises
        ------
        DeviceError
            The device is gone, or does not take it any more.
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
    """A device that a driver found: any of its names is what to give it as ``device``.

    A driver that can look for its devices has a static method ``find_devices() -> list[FoundDevice]``.
    """

    names: tuple[str, ...]
    description: str


class Instrument:
    """A named bundle of a camera and whatever else there is; a context manager that opens and closes.

    The devices beside the camera remember what they are set to.

    opened_as : the driver's name and the settings that it was given, kept with what is recorded.
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
        """Return the devices beside the camera, by the name under which telemetry keeps them."""
        named = {name: getattr(self, attribute) for name, attribute in _KNOBS.items()}
        return {name: knob for name, knob in named.items() if knob is not None}

    def open(self) -> None:
        """Open every part that has something to open; what was opened is closed again if one fails."""
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
        """Close every part, and forget what it was set to; one that fails does not keep the others open."""
        failures = []
        for name in _KNOBS.values():
            if (knob := getattr(self, name)) is not None:
                knob.asked = None
        for part in reversed(self._parts()):
            try:
                part.close()
            except DeviceError as error:  # a lost device is as closed as it gets
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
    """Refuse settings that a device does not have, naming those it has."""
    if unknown := sorted(set(given) - set(known)):
        raise SettingError(f"unknown setting {unknown[0]!r}; there are {', '.join(sorted(known))}")


def vendor_library(module: str, extra: str) -> ModuleType:
    """Import the library that a driver speaks through, or say what to install. To be called from `open`."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter(
                "ignore"
            )  # SWIG's, raised as errors while a module loads, end the interpreter
            return import_module(module)
    except ImportError as error:
        raise DeviceError(
            f"this device needs {module}, which cannot be imported ({error}); pip install 'nta-lab[{extra}]'"
        ) from None
