"""The fields in which the next recording is ordered; what stands in them is the same in all browsers."""

from __future__ import annotations

from contextlib import suppress
from functools import partial
from typing import Any, get_args

from nicegui import ui
from nicegui.elements.mixins.value_element import ValueElement
from nicegui.events import ValueChangeEventArguments

from nta.acquisition import dated_name
from nta.assessment import Kind
from nta.calibration import list_certificates, list_media
from nta.errors import SettingError, in_words
from nta.io import text as io_text
from nta.io.recordings import room_s
from nta.live import LiveSettings
from nta.web.fields import NumberInput
from nta.web.look import Order
from nta.web.session import Session

_WITHIN = 0.03  # any target gives the usual duration with a target
_TEXT = "dense outlined hide-bottom-space"


class OrderFields:
    """Name, sample, duration and kind of the next recording.

    refusal : why the last order was refused, else empty.
    """

    def __init__(self, session: Session) -> None:
        self.refusal = ""
        self._room_s: float | None = None  # as last seen
        self._session = session
        said = session.conditions
        with ui.element("div").classes("nta-fields nta-order") as self._box:
            self._name = _text("Name of the run", "date and time").mark("name")
            sample = _text("Sample", value=said.get("sample", "")).mark("sample")
            self._duration = NumberInput("Seconds at most").mark("duration")
            self._until = NumberInput("D50 within ± %").mark("until")
            diluted = "" if (factor := said.get("dilution")) is None else f"{factor:.12g}"
            # not a number field, in which a browser turns 1:100 into 1100
            dilution = _text("Dilution", "1:100", diluted).mark("dilution")
            medium = _text("Medium", "water", said.get("medium", ""), list(list_media())).mark("medium")
            viscosity = NumberInput("Viscosity, mPa s", said.get("viscosity_mpas")).mark("viscosity")
            viscosity.props("placeholder='of the medium'")
            self._said: dict[str, ui.input] = {
                "sample": sample,
                "dilution": dilution,
                "medium": medium,
                "viscosity_mpas": viscosity,
            }
            if session.instrument.thermostat is None:
                here = NumberInput("Temperature in the cell, °C", said.get("temperature_c"))
                self._said["temperature_c"] = here.mark("temperature")
            self._kind, self._standard = _kind_fields(session)
        self._entries: dict[str, ValueElement[Any]] = {
            "name": self._name,
            "duration": self._duration,
            "until": self._until,
            **self._said,
            "kind": self._kind,
            "standard": self._standard,
        }
        for name, entry in self._entries.items():
            entry.value = session.entered.setdefault(name, entry.value)
            entry.on_value_change(partial(self._enter, name))

    def show(self, *, visible: bool) -> None:
        """Show what was entered here or in another browser."""
        for name, entry in self._entries.items():
            entry.value = self._session.entered[name]
        self._box.set_visibility(visible)

    def _about(self) -> dict[str, Any]:
        about = {**self._session.about, "kind": self._kind.value, "standard": self._standard.value}
        if about["kind"] != "beads":
            about.pop("lot", None)
            about["standard"] = ""
        return about

    def taken(self) -> None:
        """Empty what holds for one recording only: its name."""
        self.refusal, self._name.value = "", ""

    def order(self) -> Order:
        """Return the order entered in the fields."""
        said = dict(self._session.conditions)
        for key, given in self._said.items():
            said.pop(key, None)
            if given.value:
                said[key] = _read(key, given)
        until = self._until.number
        return Order(
            name=self._name.value.strip() or dated_name(),
            duration_s=self._duration.number,
            until_d50_within=None if until is None else until / 100,
            conditions=said,
            about=self._about(),
        )

    def look_at_the_disk(self) -> None:
        """See for how many seconds the disk has room; it may take a while to answer."""
        state = self._session.look().state
        self._room_s = None if state is None else room_s(self._session.runs.folder, state)

    @property
    def room(self) -> str:
        """Say that the disk has no room for what will be recorded; empty where it has."""
        with suppress(SettingError):  # the plan says it
            if self._room_s is not None and self._room_s < (longest_s := self._longest_s()):
                return f"the disk has room for {self._room_s:.0f} s of {longest_s:g} s: make room, or record less"
        return ""

    def planned(self) -> str:
        """Return, in words, what will be recorded."""
        try:
            until, longest = self._until.number, f"at most {self._longest_s():g} s"
        except SettingError as error:
            return in_words(error)
        return longest if until is None else f"until D50 is within ±{until:g} %, {longest}"

    def _longest_s(self) -> float:
        usual = LiveSettings(until_d50_within=None if self._until.number is None else _WITHIN)
        return self._duration.number or usual.usual_s

    def _enter(self, name: str, changed: ValueChangeEventArguments[Any]) -> None:
        """Keep what was entered: a page that is loaded again, or another one, shows it."""
        self._session.entered[name] = changed.value
        self.refusal = ""


def _text(label: str, placeholder: str = "", value: str = "", known: list[str] | None = None) -> ui.input:
    return ui.input(label, placeholder=placeholder, value=value, autocomplete=known).props(_TEXT)


def _kind_fields(session: Session) -> tuple[ui.select, ui.select]:
    """Add the fields that say whether the recording is of a sample, of beads or of a blank."""
    kind = ui.select(list(get_args(Kind)), label="Kind", value=session.about.get("kind", "sample"))
    kind.props(_TEXT).mark("kind")
    names = ["", *list_certificates()]
    chosen = session.about.get("standard", "")
    standard = ui.select(
        names if chosen in names else [*names, chosen], label="Certificate of the beads", value=chosen
    )
    standard.props(_TEXT).classes("wide").mark("standard")
    standard.bind_visibility_from(kind, "value", value="beads")
    return kind, standard


def _read(key: str, given: ui.input) -> str | float | None:
    """Return the content of a field: text, a number, or the factor of a dilution."""
    if isinstance(given, NumberInput):
        return given.number
    if key != "dilution":
        return str(given.value)
    factor = io_text.dilution(given.value)
    if factor is None:
        raise SettingError(io_text.no_dilution(given.value))
    return factor
