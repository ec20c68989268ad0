"""The blocks of a report; the HTML page and the PDF are both written from them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Self

from nta.assessment import Verdict
from nta.report.figures.style import Picture
from nta.report.wording import MOODS, VERDICT_WORDS, Mood
from nta.version import software


@dataclass(frozen=True)
class Title:
    """The head of the document: a line above the title (`kicker`), the title, a line of facts below."""

    kicker: str
    words: str
    about: str


@dataclass(frozen=True)
class Heading:
    """A heading; level 2 opens a section, level 3 a subsection."""

    words: str
    level: int = 2


@dataclass(frozen=True)
class Paragraph:
    """Running text; a note is set in smaller type, a sentence that judges has the sign and colour of its mood."""

    words: str
    note: bool = False
    mood: Mood | None = None


@dataclass(frozen=True)
class Conclusion:
    """The conclusion on one group: verdict, reason in one sentence, and confidence."""

    group: str
    word: str
    mood: Mood
    sentence: str
    confidence: str


@dataclass(frozen=True)
class Mark:
    """A table cell with a verdict as sign and word, so that it is readable without colour."""

    mood: Mood
    word: str

    @classmethod
    def of(cls, verdict: Verdict) -> Self:
        """Return the mark of a finding."""
        return cls(MOODS[verdict], VERDICT_WORDS[verdict])


@dataclass(frozen=True)
class Link:
    """A table cell with a name that leads to a file beside the document; without a `target` it leads nowhere."""

    words: str
    target: str = ""


Cell = str | Mark | Link


@dataclass(frozen=True)
class Table:
    """Rows below a head; the lines of a cell after the first are set smaller.

    widths : relative widths of the columns. numbers : columns aligned to the right.
    """

    head: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]
    widths: tuple[float, ...]
    numbers: tuple[int, ...] = ()


@dataclass(frozen=True)
class Bullets:
    """A list of sentences; each may begin with emphasised words."""

    items: tuple[tuple[str, str], ...]  # (lead, words)


@dataclass(frozen=True)
class Pictures:
    """Figures with captions; two figures stand side by side."""

    pictures: tuple[Picture, ...]


Block = Title | Heading | Paragraph | Conclusion | Table | Bullets | Pictures


def footer() -> str:
    """Return the footer of a document written now: program, version and time."""
    return f"{software()} · {datetime.now(UTC):%Y-%m-%d %H:%M} UTC"
