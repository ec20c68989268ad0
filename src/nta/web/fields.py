"""Input fields for numbers, and for settings of devices: a field sends its value and shows the one accepted."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Collection
from functools import partial

from nicegui import run, ui

from nta.errors import SettingError, in_words
from nta.io import text as io_text
from nta.web.look import KnobSeen

_SETTINGS = {
    "exposure_s": ("Exposure", "ms", 1e3),
    "frame_rate_hz": ("Frame rate", "Hz", 1.0),
    "gain": ("Gain", "", 1.0),
    "temperature_c": ("Temperature", "°C", 1.0),
    "laser_mw": ("Laser", "mW", 1.0),
    "pump_ul_min": ("Pump", "µL/min", 1.0),
    "focus_um": ("Focus", "µm", 1.0),
}
"""Label, unit and factor from the unit of the device to that on the page."""
_NUMBER = re.compile(r"(?<![\w.])(-?\d++(?:\.\d++)?(?:e[-+]?\d++)?)(?! ?(?:Hz|px|%)|-)(?: s\b)?")
_OTHER_TIME = re.compile(r"\d ?[uµm]s\b")
_REFUSAL_S = 10.0  # a refusal stays below its field so long: to be read, not to mark the good value as bad
_FINE, _COARSE = 1.0, 5.0  # steps in um of the buttons beside the focus


class NumberInput(ui.input):
    """A text field for a number with point or comma: the number field of a browser turns 7,5 into 75."""

    def __init__(self, label: str, value: float | None = None) -> None:
        super().__init__(label, value=_written(value))
        self.props("dense outlined hide-bottom-space inputmode=decimal")

    @property
    def number(self) -> float | None:
        """Return the entered number; None if the field is empty.

        Raises
        ------
        SettingError
            The text is not a number.
        """
        words = (self.value or "").strip().replace("−", "-")
        if not words:
            return None
        value = io_text.number(words)
        if value is None:
            raise SettingError(f"{self.label}: {words!r} is no number")
        return value

    def write(self, value: float | None) -> None:
        """Show a number in the field."""
        self.value = _written(value)


class Field:
    """A setting of a device, sent when Enter is pressed or the field is left; a refusal is shown below it.

    scale : factor from the unit of the device to that on the page.
    """

    def __init__(
        self, name: str, label: str, unit: str, scale: float, send: Callable[[str, float], float]
    ) -> None:
        self._name, self._scale, self._send = name, scale, send
        self._value: float | None = None
        self._editing = False
        self._refused_at: float | None = None
        self.input = NumberInput(f"{label}, {unit}" if unit else label)
        self.input.mark(name)
        self.input.on("focus", self._begin)
        self.input.on("blur", self._leave)
        self.input.on("keydown.enter", self._apply)

    def show(self, value: float | None, hint: str, *, locked: bool) -> None:
        """Show the present value of the device, unless the field is being edited."""
        if value is not None and not self._editing and value != self._value:
            self._value = value
            self.input.write(value * self._scale)
        if self._refused_at is not None and time.monotonic() > self._refused_at + _REFUSAL_S:
            self._forgive()
        self.input.set_enabled(not locked)
        if hint:
            self.input.props["hint"] = hint

    async def move(self, by: float) -> None:
        """Change the setting by a step, in the unit of the page."""
        if self._value is not None:
            await self._ask(self._value * self._scale + by)

    def _begin(self) -> None:
        self._editing = True
        self._forgive()

    def _forgive(self) -> None:
        """Remove the refusal of an earlier value: the field shows the accepted one."""
        self._refused_at, self.input.error = None, None

    async def _leave(self) -> None:
        self._editing = False
        await self._apply()

    async def _apply(self) -> None:
        shown = _written(None if self._value is None else self._value * self._scale)
        if self.input.value == shown:
            return
        try:
            value = self.input.number
        except SettingError as error:
            self.input.error = in_words(error)
            return
        if value is None:
            self.input.value = shown
        else:
            await self._ask(value)

    async def _ask(self, value: float) -> None:
        refusal = None
        try:
            self._value = await run.io_bound(self._send, self._name, value / self._scale)
        except Exception as error:  # also for a bug of a driver: the page must go on
            refusal = refused_here(in_words(error))
        if self._value is not None:
            self.input.write(self._value * self._scale)
        self.input.error = refusal  # last, because changing the value clears it
        self._refused_at = None if refusal is None else time.monotonic()


def refused_here(words: str) -> str:
    """Return a refusal with the label of the setting that it names, and its numbers in the unit of the field.

    Numbers without a unit are in that of the setting; a text with a finer unit of time is ambiguous and stays unchanged,
    as does one that names several settings, or none.
    """
    named = [name for name in _SETTINGS if re.search(rf"\b{name}\b", words)]
    if len(named) != 1:
        return words
    (name,) = named
    label, unit, scale = _SETTINGS[name]
    shown = words.replace(f"{name}=", f"{name} ")
    if scale != 1.0:
        if _OTHER_TIME.search(words):
            return words
        shown = _NUMBER.sub(lambda n: f"{float(n[1]) * scale:.6g} {unit}", shown)
    shown = shown.replace(name, label.lower())
    return f"{shown[:1].upper()}{shown[1:]}"


class Fields:
    """Fields for exactly the settings that an instrument has."""

    def __init__(
        self, set_camera: Callable[[str, float], float], set_knob: Callable[[str, float], float]
    ) -> None:
        self._set_camera, self._set_knob = set_camera, set_knob
        self._fields: dict[str, Field] = {}
        self._moves: list[ui.button] = []
        self._known: tuple[str, ...] = ()
        self._box = ui.element("div").classes("nta-fields")

    def show(self, camera: dict[str, float], knobs: dict[str, KnobSeen], *, locked: bool) -> None:
        """Show the settings of the instrument; the fields are made when the settings are first known."""
        if (known := (*camera, *knobs)) != self._known:
            self._build(camera, knobs)
            self._known = known
        for name, value in camera.items():
            self._fields[name].show(value, "", locked=locked)
        for button in self._moves:
            button.set_enabled(not locked)
        for name, seen in knobs.items():
            self._fields[name].show(
                seen.now if seen.asked is None else seen.asked, _hint(seen), locked=locked
            )

    def _build(self, camera: Collection[str], knobs: Collection[str]) -> None:
        self._box.clear()
        with self._box:
            for names, send in ((camera, self._set_camera), (knobs, self._set_knob)):
                for name in names:
                    self._fields[name] = Field(name, *_SETTINGS[name], send)
            if "focus_um" in knobs:
                self._moves = _focus_buttons(self._fields["focus_um"])


def _focus_buttons(field: Field) -> list[ui.button]:
    """Add buttons that move the focus, which is hard to find by typing."""
    with ui.element("div").classes("wide nta-moves"):
        ui.label("Focus").classes("quiet")
        moves = {by: f"{by:+g} µm".replace("-", "−") for by in (-_COARSE, -_FINE, _FINE, _COARSE)}
        return [
            ui.button(words, on_click=partial(field.move, by)).props("flat dense no-caps color=primary")
            for by, words in moves.items()
        ]


def _hint(seen: KnobSeen) -> str:
    limits = seen.limits
    span = f"{limits.low:g} to {limits.high:g}".replace("-", "−")
    return span if seen.now is None else f"now {seen.now:.4g} · {span}"


def _written(value: float | None) -> str:
    """Return a value as text for a field."""
    return "" if value is None else f"{value:.6g}"
