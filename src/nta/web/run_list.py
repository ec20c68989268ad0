"""The list of the runs in the folder, with what is becoming of their reports."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from urllib.parse import quote

from nicegui import ui

from nta.report.wording import SIGNS
from nta.web.look import Look
from nta.web.runs import KeptRun

RUNS_PATH = "/runs"
_MOST_RUNS = 30


class RunList:
    """Rows of runs. ask : called with the name of a run whose report is asked for."""

    def __init__(self, ask: Callable[[str], None]) -> None:
        self._ask = ask
        self._shown: list[tuple[KeptRun, str, str]] | None = None
        self._box = ui.element("div").classes("nta-runs").mark("runs")

    def show(self, runs: list[KeptRun], look: Look) -> None:
        """Show the newest runs, if anything about them has changed."""
        shown = [(found, _becoming(found, look), _why_none(found, look)) for found in runs[:_MOST_RUNS]]
        if shown == self._shown:
            return
        self._shown = shown
        self._box.clear()
        with self._box:
            if not shown:
                ui.label("none yet").classes("nta-none")
            for found, becoming, why_none in shown:
                self._row(found, becoming)
                if found.failed:
                    ui.label(f"do not rely on it: {', '.join(found.failed).lower()}").classes("why bad")
                if found.unusable and not becoming:
                    ui.label(found.unusable).classes("why bad")
                elif why_none:
                    ui.label(f"no report: {why_none}").classes("why bad")

    def _row(self, found: KeptRun, becoming: str) -> None:
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
            ask = ui.button("make report", on_click=lambda: self._ask(found.name))
            ask.props("flat dense no-caps color=primary")


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
