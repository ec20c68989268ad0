"""The page: image and its faults on the left; settings, recording and results on the right."""

from __future__ import annotations

from datetime import datetime
from functools import partial
from importlib import resources
from typing import Any, get_args
from urllib.parse import quote

from nicegui import run, ui
from nicegui.elements.mixins.value_element import ValueElement
from nicegui.events import ValueChangeEventArguments

from nta.acquisition import dated_name
from nta.assessment import Kind, Verdict
from nta.calibration import list_certificates, list_media
from nta.errors import SettingError, in_words
from nta.io import text as io_text
from nta.live import LiveSettings, Snapshot
from nta.live.wording import (
    Line,
    preview_rows,
    recording_rows,
    result_rows,
    why_no_sizes,
)
from nta.live.wording import lines as lines_of
from nta.report.markup import text
from nta.report.wording import SIGNS
from nta.web import charts, words
from nta.web.fields import Fields, NumberInput
from nta.web.look import Look, Order
from nta.web.runs import KeptRun
from nta.web.session import Session

RUNS_PATH = "/runs"
_EVERY_S = 0.5
_RUNS_EVERY = 6  # the folder of runs is read at every sixth refresh
_MOST_NOTES = 5
_MOST_RUNS = 30
_WITHIN = 0.03  # any target gives the usual duration with a target


def static(name: str) -> str:
    """Return the path of a static file of this package."""
    return resources.files("nta.web").joinpath("static", name).read_text(encoding="utf-8")


class Page:
    """The page of one browser; all pages show the same session."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._ticks = 0
        self._html: dict[int, str] = {}
        self._runs: list[tuple[KeptRun, str, str]] | None = None
        self._drawn: object = None
        self._refusal = ""
        ui.add_css(static("page.css"))
        ui.colors(primary="#0072B2")
        self._head()
        with ui.element("div").classes("nta-page"):
            with ui.element("div").classes("nta-main"):
                self._picture()
                self._messages()
                self._runs_card()
            with ui.element("div").classes("nta-side"):
                self._recording()
                self._sizes()
                self._instrument()
        ui.add_body_html(f"<script>{static('view.js')}</script>")
        self._show(self._session.look())
        self._show_runs(self._session.runs.list(), self._session.look())
        ui.timer(_EVERY_S, self._tick)

    def _head(self) -> None:
        with ui.element("header").classes("nta-head"):
            ui.html(f"<h1>nta · {text(self._session.instrument.name)}</h1>", sanitize=False)
            self._phase = ui.html("", sanitize=False).props(_SPOKEN).mark("phase")
            self._busy = ui.html("", sanitize=False).mark("busy")
            ui.label(str(self._session.runs.folder.resolve())).classes("nta-where")

    def _picture(self) -> None:
        with ui.element("div").classes("nta-card nta-picture-card"):
            ui.html(
                '<div class="nta-stage" id="nta-stage"><canvas id="nta-picture" role="img" '
                'aria-label="live picture of the camera" width="640" height="480"></canvas>'
                '<canvas id="nta-spots"></canvas></div>',
                sanitize=False,
            )
            with ui.element("div").classes("nta-tools"):
                _wish("Spots", "spots", value=False)
                _wish("Auto contrast", "stretch", value=True)
                _wish("Mark saturation", "mark", value=True)
                full = ui.button(icon="fullscreen").props(
                    "flat dense round color=grey-8 aria-label=Fullscreen"
                )
                full.on("click", js_handler="() => document.getElementById('nta-stage').requestFullscreen()")
                ui.html('<div id="nta-caption"></div>', sanitize=False)

    def _messages(self) -> None:
        with ui.element("div").classes("nta-card nta-now-card") as self._now_card:
            self._now = ui.html("", sanitize=False).classes("nta-now").mark("now")
            self._lines = ui.html("", sanitize=False).mark("advice")
        with ui.element("div").classes("nta-card nta-notes-card") as self._notes_card:
            ui.html("<h2>What happened</h2>", sanitize=False)
            self._notes = ui.html("", sanitize=False).props(_SPOKEN).mark("notes")

    def _recording(self) -> None:
        said = self._session.conditions
        with ui.element("div").classes("nta-card nta-record-card"):
            with ui.element("div").classes("nta-fields nta-order") as self._order:
                self._name = (
                    ui.input("Name of the run", placeholder="date and time").props(_TEXT).mark("name")
                )
                sample = ui.input("Sample", value=said.get("sample", "")).props(_TEXT).mark("sample")
                self._duration = NumberInput("Seconds at most").mark("duration")
                self._until = NumberInput("D50 within ± %").mark("until")
                diluted = "" if (factor := said.get("dilution")) is None else f"{factor:.12g}"
                # not a number field, in which a browser turns 1:100 into 1100
                dilution = (
                    ui.input("Dilution", placeholder="1:100", value=diluted).props(_TEXT).mark("dilution")
                )
                medium = ui.input(
                    "Medium",
                    placeholder="water",
                    value=said.get("medium", ""),
                    autocomplete=list(list_media()),
                )
                self._said: dict[str, ui.input] = {
                    "sample": sample,
                    "dilution": dilution,
                    "medium": medium.props(_TEXT).mark("medium"),
                    "viscosity_mpas": NumberInput("Viscosity, mPa s", said.get("viscosity_mpas")).mark(
                        "viscosity"
                    ),
                }
                self._said["viscosity_mpas"].props("placeholder='of the medium'")
                if self._session.instrument.thermostat is None:
                    here = NumberInput("Temperature in the cell, °C", said.get("temperature_c"))
                    self._said["temperature_c"] = here.mark("temperature")
                self._kind_fields()
            with ui.element("div").classes("nta-record"):
                self._start = ui.button("Record", icon="fiber_manual_record", on_click=self._record)
                self._start.props("no-caps unelevated color=deep-orange-10").mark("record")
                self._end = ui.button("Stop", icon="stop", on_click=self._session.stop)
                self._end.props("no-caps unelevated color=grey-9").mark("stop")
                self._plan = ui.label().props(_SPOKEN).mark("plan")
                self._progress = ui.linear_progress(0.0, show_value=False).style("flex: 1")
                self._progress.props("aria-label='progress of the recording'")
            self._rows = ui.html("", sanitize=False).mark("recording")
        self._entries: dict[str, ValueElement[Any]] = {
            "name": self._name,
            "duration": self._duration,
            "until": self._until,
            **self._said,
            "kind": self._kind,
            "standard": self._standard,
        }
        for name, entry in self._entries.items():
            entry.value = self._session.entered.setdefault(name, entry.value)
            entry.on_value_change(partial(self._enter, name))

    def _enter(self, name: str, changed: ValueChangeEventArguments[Any]) -> None:
        """Keep what was entered: a page that is loaded again, or another one, shows it."""
        self._session.entered[name] = changed.value
        self._refusal = ""

    def _kind_fields(self) -> None:
        """Add the fields that say whether the recording is of a sample, of beads or of a blank."""
        about = self._session.about
        self._kind = ui.select(list(get_args(Kind)), label="Kind", value=about.get("kind", "sample"))
        self._kind.props(_TEXT).mark("kind")
        names = ["", *list_certificates()]
        standard = about.get("standard", "")
        self._standard = ui.select(
            names if standard in names else [*names, standard],
            label="Certificate of the beads",
            value=standard,
        )
        self._standard.props(_TEXT).classes("wide").mark("standard")
        self._standard.bind_visibility_from(self._kind, "value", value="beads")

    def _sizes(self) -> None:
        with ui.element("div").classes("nta-card nta-sizes-card") as self._sizes_card:
            self._sizes_title = ui.html("", sanitize=False)
            self._results = ui.html("", sanitize=False).mark("results")
            self._distribution = ui.html("", sanitize=False).mark("distribution")
            self._history = ui.html("", sanitize=False).mark("history")

    def _instrument(self) -> None:
        with ui.element("div").classes("nta-card nta-instrument-card") as self._instrument_card:
            ui.html("<h2>Instrument</h2>", sanitize=False)
            self._fields = Fields(self._session.set_camera, self._session.set_knob)

    def _runs_card(self) -> None:
        with ui.element("div").classes("nta-card nta-runs-card"):
            ui.html("<h2>Runs in this folder</h2>", sanitize=False)
            self._runs_box = ui.element("div").classes("nta-runs").mark("runs")

    async def _tick(self) -> None:
        self._show(self._session.look())
        self._ticks += 1
        if self._ticks % _RUNS_EVERY == 0:
            self._show_runs(await run.io_bound(self._session.runs.list) or [], self._session.look())

    async def _record(self) -> None:
        try:
            await run.io_bound(self._session.record, self._ordered())
            self._refusal, self._name.value = "", ""
        except Exception as error:  # the page goes on
            self._refusal = in_words(error)
        self._show(self._session.look())

    def _ordered(self) -> Order:
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
            about={
                "kind": self._kind.value,
                "standard": self._standard.value if self._kind.value == "beads" else "",
            },
        )

    def _planned(self) -> str:
        """Return, in words, what will be recorded."""
        try:
            until, duration_s = self._until.number, self._duration.number
        except SettingError as error:
            return in_words(error)
        usual_s = LiveSettings(until_d50_within=None if until is None else _WITHIN).usual_s
        longest = f"at most {duration_s or usual_s:g} s"
        return longest if until is None else f"until D50 is within ±{until:g} %, {longest}"

    def _show(self, look: Look) -> None:
        recording = look.phase == "recording"
        for name, entry in self._entries.items():
            entry.value = self._session.entered[name]
        self._set(self._phase, words.phase(look))
        self._set(self._busy, words.reporting(look))
        self._set(self._now, "" if recording else words.rows(preview_rows(look.snapshot)))
        told = _told(look)
        self._set(self._lines, words.lines(told))
        self._now_card.set_visibility(bool(told) or not recording)
        self._set(self._notes, words.notes(look.notes, _MOST_NOTES))
        self._notes_card.set_visibility(bool(look.notes))
        self._order.set_visibility(not recording)
        self._start.set_visibility(not recording)
        self._start.set_enabled(look.phase == "previewing")
        self._plan.text = self._refusal or self._planned()
        self._plan.classes(
            add="bad" if self._refusal else "quiet", remove="quiet" if self._refusal else "bad"
        )
        self._plan.set_visibility(not recording)
        self._end.set_visibility(recording)
        self._progress.set_visibility(recording)
        self._progress.value = min(look.snapshot.elapsed_s / look.longest_s, 1.0) if look.longest_s else 0.0
        self._set(self._rows, words.rows(recording_rows(look.snapshot, look.longest_s)) if recording else "")
        self._show_sizes(look)
        self._instrument_card.set_visibility(bool(look.camera or look.knobs))
        self._fields.show(dict(look.camera), dict(look.knobs), locked=look.phase != "previewing")

    def _show_sizes(self, look: Look) -> None:
        """Show the sizes of the running recording, else of the previous one; a preview is not a measurement."""
        recording = look.phase == "recording"
        if recording:
            name, seen = look.recording, look.snapshot
        elif look.last is not None and look.last[1].sizing is not None:
            name, seen = look.last
        else:
            self._sizes_card.set_visibility(False)
            return
        self._sizes_card.set_visibility(True)
        self._sizes_card.classes(add="first" if recording else "", remove="" if recording else "first")
        of = "so far, of" if recording else "as seen live, of"
        self._set(self._sizes_title, f"<h2>Sizes {of} {text(name)}</h2>")
        self._set(self._results, words.rows(result_rows(seen, goes_on=recording)))
        sizing = seen.sizing
        if self._drawn != (key := (name, sizing and sizing.at_s)):
            self._drawn = key
            self._draw(seen)

    def _draw(self, seen: Snapshot) -> None:
        sizing = seen.sizing
        curve = None if sizing is None else sizing.distribution
        d50 = None if sizing is None else sizing.d50_statistical
        self._set(self._distribution, charts.distribution_chart(curve, d50, why_no_sizes(seen)))
        self._set(self._history, charts.history_chart(seen.history, seen.target))

    def _show_runs(self, runs: list[KeptRun], look: Look) -> None:
        shown = [(found, _becoming(found, look), _why_none(found, look)) for found in runs[:_MOST_RUNS]]
        if shown == self._runs:
            return
        self._runs = shown
        self._runs_box.clear()
        with self._runs_box:
            if not shown:
                ui.label("none yet").classes("nta-none")
            for found, becoming, why_none in shown:
                self._run_row(found, becoming)
                if found.failed:
                    ui.label(f"do not rely on it: {', '.join(found.failed).lower()}").classes("why bad")
                if found.unusable and not becoming:
                    ui.label(found.unusable).classes("why bad")
                elif why_none:
                    ui.label(f"no report: {why_none}").classes("why bad")

    def _run_row(self, found: KeptRun, becoming: str) -> None:
        when = f"{found.measured:%H:%M}" if _is_today(found.measured) else f"{found.measured:%Y-%m-%d}"
        ui.label(found.name).classes("name")
        ui.label(when).classes("when")
        ui.label(becoming or _marked(found)).classes("d50")
        if found.report:
            link = f"{RUNS_PATH}/{quote(found.report)}"
            ui.html(f'<a href="{link}" target="_blank">report</a>', sanitize=False)
        elif becoming or found.unusable:
            ui.label()
        else:
            ask = ui.button("make report", on_click=lambda: self._session.report(found.name))
            ask.props("flat dense no-caps color=primary")

    def _set(self, box: ui.html, content: str) -> None:
        """Update only the content that changed."""
        if self._html.get(box.id) != content:
            self._html[box.id] = content
            box.set_content(content)


_TEXT = "dense outlined hide-bottom-space"
_SPOKEN = "role=status"  # a screen reader says what changes


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


def _wish(label: str, name: str, *, value: bool) -> None:
    """Add a switch for the display of the image in this browser only."""
    script = "ntaView.want({{{}: {}}})"
    switch = ui.switch(
        label,
        value=value,
        on_change=lambda event: ui.run_javascript(script.format(name, str(bool(event.value)).lower())),
    )
    switch.props("dense").mark(name)


def _told(look: Look) -> list[Line]:
    if look.phase == "lost":
        return [Line(f"✕ {look.why}", Verdict.FAIL, "it is opened again as soon as it answers")]
    waiting = [Line(look.why, Verdict.NOT_ASSESSED)] if look.why else []
    return [*waiting, *lines_of(look.snapshot)]


def _is_today(moment: datetime) -> bool:
    return moment.date() == datetime.now().date()


def _becoming(found: KeptRun, look: Look) -> str:
    """Return, in words, what is being done with a run; empty if nothing."""
    if found.name == look.recording:
        return "recording"
    states = {task.name: task.state for task in look.tasks}
    return {"waiting": "its report is waiting", "analyzing": "its report is being made"}.get(
        states.get(found.name, ""), ""
    )


def _marked(found: KeptRun) -> str:
    """Return the D50 of a run, with the sign of whether it may be relied on."""
    return f"{SIGNS[found.mark[0]]} {found.d50}" if found.mark and found.d50 else found.d50


def _why_none(found: KeptRun, look: Look) -> str:
    """Return why the report of a run failed; empty if it was made or not requested."""
    return next((task.why for task in look.tasks if task.name == found.name and task.state == "failed"), "")
