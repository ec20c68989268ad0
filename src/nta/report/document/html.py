"""The report as a page: one file that can be mailed, printed and archived."""

from __future__ import annotations

from collections.abc import Iterable
from functools import singledispatch
from importlib import resources

from nta.report import document as doc
from nta.report.figures.style import Picture, as_svg
from nta.report.markup import element, table, text, whole_page
from nta.report.wording import SIGNS


def page(blocks: Iterable[doc.Block], title: str, footer: str) -> str:
    """Return the whole page."""
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
    figures = "\n".join(_figure(picture) for picture in block.pictures)
    return element("div", figures, kind="pairs") if len(block.pictures) > 1 else figures


def _figure(picture: Picture) -> str:
    caption = f"<b>{text(picture.title)}.</b> {text(picture.caption)}"
    if picture.figure is None:
        return element("div", element("p", caption), kind="nothing")
    return element("figure", f"{as_svg(picture)}\n{element('figcaption', caption)}")


def _cell(cell: doc.Cell) -> str:
    if isinstance(cell, str):
        return text(cell)
    first, space, more = cell.word.partition(" ")
    sign = f'<span class="mark">{SIGNS[cell.mood]}</span>{text(first)}'  # which stay on one line
    return element(
        "span", f"{element('span', sign, kind='verdict')}{space}{text(more)}", kind=f"verdict {cell.mood}"
    )
