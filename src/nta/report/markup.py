"""The HTML elements of the pages; `text` escapes its argument, all other functions take finished markup."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape
from importlib import resources

from nta.errors import printable
from nta.report.wording import SIGNS, Mood


def text(words: object) -> str:
    """Escape words for HTML."""
    return escape(printable(str(words)), quote=True)


def whole_page(title: str, body: str, *, more_css: str = "") -> str:
    """Return finished markup as one self-contained HTML file in the common style of all pages."""
    css = resources.files("nta.report").joinpath("page.css").read_text(encoding="utf-8")
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{text(title)}</title>\n<style>\n{css}{more_css}</style>\n</head>\n<body>\n{body}\n</body>\n</html>\n"
    )


def element(name: str, content: str, *, kind: str = "") -> str:
    """Return an element around finished markup."""
    return f'<{name} class="{kind}">{content}</{name}>' if kind else f"<{name}>{content}</{name}>"


def stacked(words: str) -> str:
    """Return a cell for a narrow column: the first line, and below it the other lines in smaller grey type."""
    first, *below = words.split("\n")
    return text(first) + "".join(element("span", text(line), kind="interval") for line in below)


def marked(mood: Mood, words: str) -> str:
    """Return finished markup preceded by the sign of its mood, in the colour of that mood."""
    return element("span", f'<span class="mark">{SIGNS[mood]}</span>{words}', kind=f"verdict {mood}")


def box(name: str, value: str, below: str, *, words: bool = False) -> str:
    """Return one of the boxes at the head of a page; words : the value is text, set in smaller type."""
    return element(
        "div",
        element("div", text(name), kind="name")
        + element("div", text(value), kind="value words" if words else "value")
        + element("div", text(below), kind="interval"),
    )


def table(
    head: Sequence[str], rows: Iterable[Sequence[str]], *, numbers: Sequence[int] = (), kind: str = ""
) -> str:
    """Return a table of finished cells; columns in `numbers` are set flush right."""

    def row(cells: Sequence[str], tag: str) -> str:
        return (
            "<tr>"
            + "".join(
                element(tag, cell, kind="number" if i in numbers else "") for i, cell in enumerate(cells)
            )
            + "</tr>"
        )

    top = f"<thead>{row(head, 'th')}</thead>" if head else ""
    body = "\n".join(row(cells, "td") for cells in rows)
    return element("table", f"{top}<tbody>{body}</tbody>", kind=kind)


def definitions(rows: Iterable[tuple[str, str, str, bool]]) -> str:
    """Return a definition list. rows : name, value, letter of a note (or empty), whether it differs from the default."""
    items = []
    for name, value, letter, changed in rows:
        mark = ' class="changed"' if changed else ""
        note = element("sup", text(letter)) if letter else ""
        items.append(f"<dt{mark}>{text(name)}</dt><dd{mark}>{text(value)}{note}</dd>")
    return element("dl", "\n".join(items))
