"""The report as one self-contained HTML page."""

from __future__ import annotations

from collections.abc import Iterable
from functools import singledispatch
from importlib import resources
from urllib.parse import quote

from nta.report import document as doc
from nta.report.figures.style import Picture, as_svg
from nta.report.markup import element, marked, stacked, table, text, whole_page
from nta.report.wording import SIGNS

_ONE_LINE = 14  # letters of a verdict that is never broken, such as "Not assessed"


def page(blocks: Iterable[doc.Block], title: str, footer: str) -> str:
    """Return the whole page as HTML."""
    css = resources.files("nta.report.document").joinpath("document.css").read_text(encoding="utf-8")
    body = "\n".join([*map(_html, blocks), element("footer", text(footer))])
    return whole_page(title, body, more_css=css)


@singledispatch
def _html(block: object) -> str:
    raise TypeError(f"no markup for {type(block).__name__}")


@_html.register
def _(block: doc.Title) -> str:
    parts = (element("p", text(block.kicker), kind="kicker"), element("h1", text(block.words)))
    return "\n".join((*parts, element("p", text(block.about), kind="about")))


@_html.register
def _(block: doc.Heading) -> str:
    return element(f"h{block.level}", text(block.words))


@_html.register
def _(block: doc.Paragraph) -> str:
    if block.mood:
        return element("p", marked(block.mood, text(block.words)), kind="judged")
    return element("p", text(block.words), kind="note" if block.note else "")


@_html.register
def _(block: doc.Conclusion) -> str:
    word = f'<span class="mark">{SIGNS[block.mood]}</span> {text(block.word)}'
    return element(
        "div",
        element("div", text(block.group), kind="group")
        + element("div", word, kind="word")
        + element("p", text(block.sentence))
        + (element("p", f"Confidence {text(block.confidence)}.", kind="note") if block.confidence else ""),
        kind=f"judgement {block.mood}",
    )


@_html.register
def _(block: doc.Table) -> str:
    rows = ([_cell(cell) for cell in row] for row in block.rows)
    return element("div", table([text(h) for h in block.head], rows, numbers=block.numbers), kind="wide")


@_html.register
def _(block: doc.Bullets) -> str:
    lines = (element("li", f"{element('b', text(lead))} {text(words)}") for lead, words in block.items)
    return element("ul", "\n".join(lines), kind="read")


@_html.register
def _(block: doc.Pictures) -> str:
    figures = "\n".join(figure(picture) for picture in block.pictures)
    return element("div", figures, kind="pairs") if len(block.pictures) > 1 else figures


def figure(picture: Picture, *, kind: str = "") -> str:
    """Return a figure with its caption; without a figure, only the caption, which says why there is none."""
    if picture.figure is None:
        return captions_alone([picture])
    return element("figure", f"{as_svg(picture)}\n{element('figcaption', _caption(picture))}", kind=kind)


def captions_alone(pictures: Iterable[Picture]) -> str:
    """Return the captions of pictures that have no figure."""
    return element("div", "".join(element("p", _caption(picture)) for picture in pictures), kind="nothing")


def _caption(picture: Picture) -> str:
    return f"<b>{text(picture.title)}.</b> {text(picture.caption)}"


def _cell(cell: doc.Cell) -> str:
    if isinstance(cell, str):
        return stacked(cell)
    if isinstance(cell, doc.Link):
        words = text(cell.words)
        inner = f'<a href="{text(quote(cell.target))}">{words}</a>' if cell.target else words
        return element("span", inner, kind="link")
    if len(cell.word) <= _ONE_LINE:
        first, space, more = cell.word, "", ""
    else:
        first, space, more = cell.word.partition(" ")
    sign = (
        f'<span class="mark">{SIGNS[cell.mood]}</span>{text(first)}'  # sign and first word stay on one line
    )
    return element(
        "span", f"{element('span', sign, kind='verdict')}{space}{text(more)}", kind=f"verdict {cell.mood}"
    )
