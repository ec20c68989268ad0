"""The values of the instrument in the form of the protocol: knobs, camera settings, facts about the camera."""

from __future__ import annotations

import math
import re
from contextlib import suppress
from typing import Any

from nta.devices import Instrument, Knob
from nta.errors import DeviceError
from nta_drivers.serial_nta.registers import Refused
from nta_drivers.serial_nta.vocabulary import (
    CAMERA,
    OPTIONS,
    UNKNOWN,
    WHOLE_NUMBERS,
    Command,
    find_command,
)

_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")


class Values:
    """Reads and sets the values of an instrument by their commands."""

    def __init__(self, instrument: Instrument) -> None:
        self._camera = instrument.camera
        self._knobs = instrument.knobs()
        self._set_point_c: float | None = None

    def options(self) -> str:
        """Return the names of the devices that are built in."""
        return ",".join(["CAMERA", *(OPTIONS[name] for name in self._knobs)])

    def measured(self) -> dict[str, Any]:
        """Return the present values of the knobs, without those that do not answer."""
        values = {}
        for name, knob in self._knobs.items():
            with suppress(DeviceError):  # the frame is good even without this value
                values[name] = knob.get()
        return values

    def read(self, command: Command, argument: str) -> str:
        """Answer the query for a value, or for a limit of it."""
        if command.name not in OPTIONS:
            return said(getattr(self._camera.state(), command.name))
        knob = self._knob(command.name)
        if argument:
            return said(_limit(knob, argument.upper()))
        if command.short == "TEMP:SETP" and self._set_point_c is not None:
            return said(self._set_point_c)
        return said(knob.get())

    def turn(self, command: Command, value: float) -> None:
        """Set a knob."""
        taken = self._knob(command.name).set(value)
        if command.name == "temperature_c":
            self._set_point_c = taken

    def configure(self, settings: dict[str, float]) -> None:
        """Set the camera; values that are unchanged are not set, since not every camera can set everything."""
        state = self._camera.state()
        changed = {name: value for name, value in settings.items() if value != getattr(state, name)}
        if changed:
            self._camera.configure(**changed)

    def _knob(self, name: str) -> Knob:
        if name not in self._knobs:
            raise Refused(-241, f"no {OPTIONS[name].lower()}")
        return self._knobs[name]


def read_settings(given: list[str]) -> dict[str, float]:
    """Return camera settings from alternating names and values."""
    if len(given) % 2:
        raise Refused(-109, "a value")
    settings: dict[str, float] = {}
    for name, text in zip(given[::2], given[1::2], strict=True):
        command = find_command(name.strip()) or find_command(f"CAM:{name.strip()}")
        if command is None or command not in CAMERA:
            raise Refused(-104, f"{name.strip()} is no setting of the camera")
        settings[command.name] = _whole(command.name, text) if command.name in WHOLE_NUMBERS else number(text)
    return settings


def number(text: str) -> float:
    """Return a decimal number, or refuse it."""
    if not _NUMBER.fullmatch(text.strip()):
        raise Refused(-104, f"{text.strip()} is no number")
    value = float(text)
    if math.isinf(value):
        raise Refused(-222, text.strip())
    return value


def said(value: float | None) -> str:
    """Return a number as text: the shortest that reads back the same, SCPI's not-a-number if unknown."""
    if value is None or not math.isfinite(value):
        return f"{UNKNOWN:E}"
    return repr(value)


def _whole(name: str, text: str) -> int:
    value = number(text)
    if value != int(value):
        raise Refused(-104, f"{name} must be a whole number")
    return int(value)


def _limit(knob: Knob, which: str) -> float:
    if which not in ("MIN", "MAX"):
        raise Refused(-104, which)
    limits = knob.limits()
    return limits.low if which == "MIN" else limits.high
