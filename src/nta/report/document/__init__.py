"""What a report is made of, before it is a page or a PDF: both are written from the same blocks."""

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
    """The head of the document: a kicker above the title, a line of facts below."""

    kicker: str
    words: str
    about: str


@dataclass(frozen=True)
class Heading:
    """A heading; level 2 opens a section, 3 a part of it."""

    words: str
    level: int = 2


@dataclass(frozen=True)
class Paragraph:
    """Running text; a note is smaller."""

    words: str
    note: bool = False


@dataclass(frozen=True)
class Conclusion:
    """What is concluded of one group: the word, why in one sentence, and how sure."""

    group: str
    word: str
    mood: Mood
    sentence: str
    confidence: str


@dataclass(frozen=True)
class Mark:
    """A table cell that says how something came out; sign and word, so that it survives a grey printer."""

    mood: Mood
    word: str

    @classmethod
    def of(cls, verdict: Verdict) -> Self:
        """Return the mark of a finding."""
        return cls(MOODS[verdict], VERDICT_WORDS[verdict])


Cell = str | Mark


@dataclass(frozen=True)
class Table:
    """Rows under a head. widths : relative; numbers : columns set flush right."""

    head: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]
    widths: tuple[float, ...]
    numbers: tuple[int, ...] = ()


@dataclass(frozen=True)
class Bullets:
    """A list of sentences; each may begin with words that stand out."""

    items: tuple[tuple[str, str], ...]  # (lead, words)


@dataclass(frozen=True)
class Pictures:
    """Figures with their captions, side by side where there are two."""

    pictures: tuple[Picture, ...]


Block = Title | Heading | Paragraph | Conclusion | Table | Bullets | Pictures


def footer() -> str:
    """Return the line below a document that is written now: the program with its version, and the time."""
    return f"{software()} · {datetime.now(UTC):%Y-%m-%d %H:%M} UTC"
