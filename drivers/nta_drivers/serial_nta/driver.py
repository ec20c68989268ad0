"""Driver of an NTA instrument on a serial line: camera, thermostat, laser, pump and focus over one port."""

from __future__ import annotations

from nta.devices import Instrument, Limits, SetKnob
from nta.errors import DeviceError, SettingError
from nta.stated import is_number
from nta_drivers.serial_nta.camera import SerialCamera
from nta_drivers.serial_nta.link import Link, numbers
from nta_drivers.serial_nta.vocabulary import KNOBS, MEASURED, OPTIONS, Command

_LARGEST = 2**31 - 1  # the highest rate that an operating system can be asked for
_UNITS = {"temperature_c": "°C", "laser_mw": "mW", "pump_ul_min": "uL/min", "focus_um": "um"}


class SerialInstrument(Instrument):
    """An instrument that speaks the protocol of `docs/serial_protocol.md`.

    port : serial port (/dev/ttyACM0, COM3) or URL: socket://host:port, hwgrep://text to find it by.
    baud_rate : rate of a real serial line; USB and TCP ignore it.
    resends : how often a damaged frame is requested again before it is given up.
    answer_s : longest time until an answer begins.
    width_px, height_px, bit_depth, frame_rate_hz, exposure_s, buffer_frames : set at opening; unchanged
        if not given.

    Camera and knobs can also be opened separately, so that a knob of this line can be bundled with another camera.
    """

    def __init__(
        self,
        port: str = "",
        *,
        baud_rate: int = 115_200,
        resends: int = 8,  # at 1 damaged byte in 10^6, a quarter of VGA frames is hit, and one frame in 10^5 is given up
        answer_s: float = 1.0,
        width_px: int | None = None,
        height_px: int | None = None,
        bit_depth: int | None = None,
        frame_rate_hz: float | None = None,
        exposure_s: float | None = None,
        buffer_frames: int | None = None,
    ) -> None:
        if not port or not isinstance(port, str):
            raise SettingError(
                "the serial instrument needs its port: port=/dev/ttyACM0 or port=socket://host:5025"
            )
        for name, value, least in (("baud_rate", baud_rate, 1), ("resends", resends, 0)):
            if not is_number(value, whole=True) or not least <= value <= _LARGEST:
                raise SettingError(f"{name} must be a whole number from {least} to {_LARGEST}, got {value!r}")
        if not is_number(answer_s) or not 0 < answer_s < 60:
            raise SettingError(f"answer_s must be between 0 and 60 s, got {answer_s!r}")
        wanted = {
            "width_px": width_px,
            "height_px": height_px,
            "bit_depth": bit_depth,
            "frame_rate_hz": frame_rate_hz,
            "exposure_s": exposure_s,
            "buffer_frames": buffer_frames,
        }
        link = Link(port, baud_rate=baud_rate, answer_s=answer_s)
        camera = SerialCamera(
            link, {name: value for name, value in wanted.items() if value is not None}, resends=resends
        )
        thermostat, laser, pump, focus = (SerialKnob(link, command) for command in KNOBS)
        super().__init__(f"serial at {port}", camera, thermostat, laser, pump, focus)
        self._link = link

    def knobs(self) -> dict[str, SetKnob]:
        """Return the devices other than the camera; after opening, only those that the instrument has."""
        knobs, there = super().knobs(), self._link.options
        return {name: knob for name, knob in knobs.items() if not there or OPTIONS[name] in there}


class SerialKnob:
    """An adjustable value of the instrument."""

    def __init__(self, link: Link, command: Command) -> None:
        self._link, self._name = link, command.name
        self._command = command.short
        measured = [measured.short for measured in MEASURED if measured.name == command.name]
        self._measured = measured[0] if measured else command.short
        self._limits: Limits | None = None

    def open(self) -> None:
        """Connect and read the limits, if the instrument has this device."""
        self._link.attach(self)
        if OPTIONS[self._name] in self._link.options:
            low, high = numbers(self._link.ask(f"{self._command}? MIN", f"{self._command}? MAX"))
            self._limits = Limits(low, high, _UNITS[self._name])

    def close(self) -> None:
        """Release the line."""
        self._link.detach(self)

    def get(self) -> float:
        """Return the value measured now."""
        return next(numbers(self._link.ask(f"{self._measured}?")))

    def set(self, value: float) -> float:
        """Set a value; return the one the instrument accepted."""
        value = self.limits().check(self._name, value)
        return next(numbers(self._link.ask(f"{self._command} {value!r}", f"{self._command}?")))

    def limits(self) -> Limits:
        """Return the range and the unit, as the instrument states them."""
        if self._limits is None:
            raise DeviceError(
                f"{self._link.url}: the instrument has no {OPTIONS[self._name].lower()}, or is not open"
            )
        return self._limits
