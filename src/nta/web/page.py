"""The page: image and its faults on the left; settings, recording and results on the right."""

from __future__ import annotations

from importlib import resources

from nicegui import run, ui

from nta.assessment import Verdict
from nta.errors import in_words
from nta.live import Snapshot
from nta.live.wording import (
    Line,
    preview_rows,
    recording_rows,
    result_rows,
    why_no_sizes,
)
from nta.live.wording import lines as lines_of
from nta.report.markup import text
from nta.web import charts, words
from nta.web.fields import Fields
from nta.web.look import Look
from nta.web.order_fields import OrderFields
from nta.web.run_list import RunList
from nta.web.session import Session

_EVERY_S = 0.5
_RUNS_EVERY = 6  # the disk is looked at, and the folder of runs read, at every sixth refresh
_MOST_NOTES = 5


def static(name: str) -> str:
    """Return the path of a static file of this package."""
    return resources.files("nta.web").joinpath("static", name).read_text(encoding="utf-8")


class Page:
    """The page of one browser; all pages show the same session."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._ticks = 0
        self._html: dict[int, str] = {}
        self._drawn: object = None
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
        self._runs.show(self._session.runs.list(), self._session.look())
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
        with ui.element("div").classes("nta-card nta-record-card"):
            self._order = OrderFields(self._session)
            with ui.element("div").classes("nta-record"):
                self._start = ui.button("Record", icon="fiber_manual_record", on_click=self._record)
                self._start.props("no-caps unelevated color=deep-orange-10").mark("record")
                self._end = ui.button("Stop", icon="stop", on_click=self._session.stop)
                self._end.props("no-caps unelevated color=grey-9").mark("stop")
                self._plan = ui.label().props(_SPOKEN).mark("plan")
                self._progress = ui.linear_progress(0.0, show_value=False).style("flex: 1")
                self._progress.props("aria-label='progress of the recording'")
            self._rows = ui.html("", sanitize=False).mark("recording")

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
            self._runs = RunList(self._session.report)

    async def _tick(self) -> None:
        self._show(self._session.look())
        self._ticks += 1
        if self._ticks % _RUNS_EVERY == 0:
            await run.io_bound(self._order.look_at_the_disk)
            self._runs.show(await run.io_bound(self._session.runs.list) or [], self._session.look())

    async def _record(self) -> None:
        try:
            await run.io_bound(self._session.record, self._order.order())
            self._order.taken()
        except Exception as error:  # the page goes on
            self._order.refusal = in_words(error)
        self._show(self._session.look())

    def _show(self, look: Look) -> None:
        recording = look.phase == "recording"
        self._set(self._phase, words.phase(look))
        self._set(self._busy, words.reporting(look))
        previewed = look.snapshot.frames > 0 and not recording
        self._set(self._now, words.rows(preview_rows(look.snapshot)) if previewed else "")
        told = _told(look)
        self._set(self._lines, words.lines(told))
        self._now_card.set_visibility(bool(told) or previewed)
        self._set(self._notes, words.notes(look.notes, _MOST_NOTES))
        self._notes_card.set_visibility(bool(look.notes))
        self._order.show(visible=not recording)
        self._start.set_visibility(not recording)
        self._start.set_enabled(look.phase == "previewing")
        wrong = self._order.refusal or self._order.room
        self._plan.text = wrong or self._order.planned()
        self._plan.classes(add="bad" if wrong else "quiet", remove="quiet" if wrong else "bad")
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
        if self._drawn != (key := (name, why_no_sizes(seen) if sizing is None else sizing.at_s)):
            self._drawn = key
            self._draw(seen)

    def _draw(self, seen: Snapshot) -> None:
        sizing = seen.sizing
        curve = None if sizing is None else sizing.distribution
        d50 = None if sizing is None else sizing.d50_statistical
        self._set(self._distribution, charts.distribution_chart(curve, d50, why_no_sizes(seen)))
        self._set(self._history, charts.history_chart(seen.history, seen.target))

    def _set(self, box: ui.html, content: str) -> None:
        """Update only the content that changed."""
        if self._html.get(box.id) != content:
            self._html[box.id] = content
            box.set_content(content)


_SPOKEN = "role=status"  # a screen reader says what changes


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
