"""Rows, lines and notes as markup; their texts come from `nta.live.wording`."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from nta.assessment import Verdict
from nta.live.wording import Line, Piece, Row
from nta.report.markup import element, text
from nta.web.look import Look
from nta.web.notes import Note

_KINDS = {
    Verdict.PASS: "good",
    Verdict.WARN: "watch",
    Verdict.FAIL: "bad",
    Verdict.NOT_ASSESSED: "quiet",
}
_PHASES = {
    "opening": ("watch", "opening the instrument"),
    "previewing": ("good", "preview, nothing is recorded"),
    "recording": ("bad", "recording"),
    "lost": ("watch", "device lost"),
    "closed": ("quiet", "closed"),
}


def rows(told: Iterable[Row]) -> str:
    """Return names and values as a list of two columns."""
    items = (
        f"<div><dt>{text(name)}</dt><dd>{''.join(map(_piece, pieces))}</dd></div>" for name, pieces in told
    )
    return element("dl", "".join(items), kind="nta-rows")


def lines(told: Iterable[Line]) -> str:
    """Return sentences, each with the recommended action."""
    return "".join(element("p", _line(line), kind=f"nta-line {_KINDS[line.verdict]}") for line in told)


def notes(told: Sequence[Note], most: int) -> str:
    """Return the newest notes with their time, the newest first."""
    newest = list(told)[: -most - 1 : -1]
    return "".join(
        element(
            "p",
            element("time", f"{note.at:%H:%M:%S}") + _line(note.line),
            kind=f"nta-line {_KINDS[note.line.verdict]}",
        )
        for note in newest
    )


def phase(look: Look) -> str:
    """Return the state of the instrument, in large type."""
    kind, words = _PHASES[look.phase]
    if look.phase == "recording":
        words = f"recording {look.recording}" if look.snapshot.frames else f"about to record {look.recording}"
    return element("span", f"<i></i>{text(words)}", kind=f"nta-phase {kind} {look.phase}")


def reporting(look: Look) -> str:
    """Return which reports are being made; empty if none."""
    names = [task.name for task in look.tasks if task.state in ("waiting", "analyzing")]
    if not names:
        return ""
    more = f", then of {len(names) - 1} more" if len(names) > 1 else ""
    return element("span", text(f"making the report of {names[0]}{more} …"), kind="nta-busy")


def _piece(piece: Piece) -> str:
    kind = " ".join(
        filter(None, (_KINDS[piece.verdict] if piece.verdict else "", "strong" if piece.strong else ""))
    )
    return element("span", text(piece.text), kind=kind)


def _line(line: Line) -> str:
    todo = element("span", f" → {text(line.todo)}", kind="todo") if line.todo else ""
    return element("span", text(line.text), kind="said") + todo
