"""The report as a PDF, laid out with fpdf2, which needs no browser and no system library.

The font is DejaVu Sans, which comes with matplotlib and has all signs that the report uses.
"""

from __future__ import annotations

import io
from collections.abc import Iterable, Mapping
from functools import singledispatchmethod
from pathlib import Path

from fpdf import FPDF, XPos, YPos
from fpdf.enums import TableBordersLayout
from fpdf.fonts import FontFace
from fpdf.table import Row

from nta.report import document as doc
from nta.report.figures.style import GREY, INK, Picture
from nta.report.wording import SIGNS, Mood

_FONT = "DejaVu"
_COLOURS: dict[Mood, str] = {"pass": "#00734f", "warn": "#9a6700", "fail": "#b23c00", "open": "#5f5f5f"}
_HALF_GAP_MM = 6.0
_HEADING_MM, _CAPTION_MM, _VERDICT_MM = 14.0, 14.0, 40.0


def pdf(blocks: Iterable[doc.Block], pictures: Mapping[str, bytes], title: str, footer: str) -> bytes:
    """Return the PDF. pictures : the drawn figures as PNG, by name."""
    sheet = _Sheet(pictures, footer)
    sheet.set_title(title)
    sheet.add_page()
    following = list(blocks)
    for block, after in zip(following, [*following[1:], None], strict=True):
        if isinstance(block, doc.Heading):
            sheet.keep_together(
                _HEADING_MM + (sheet.height_of(after) if isinstance(after, doc.Pictures) else 15)
            )
        sheet.put(block)
    return bytes(sheet.output())


class _Sheet(FPDF):
    """A4 pages with a layout method for each kind of block."""

    def __init__(self, pictures: Mapping[str, bytes], footer: str) -> None:
        super().__init__(format="A4")
        self._pictures = pictures
        self._foot = footer
        self.set_margins(16, 15, 16)
        self.set_auto_page_break(True, margin=18)
        for style, file in (("", "DejaVuSans.ttf"), ("B", "DejaVuSans-Bold.ttf")):
            self.add_font(_FONT, style, _font_folder() / file)
        self._write(9)

    def footer(self) -> None:
        """Write footer and page number at the foot of each page."""
        self.set_y(-13)
        self._write(7, colour=GREY)
        self.cell(0, 5, self._foot)
        self.set_x(self.l_margin)
        self.cell(0, 5, f"{self.page_no()}", align="R")

    @singledispatchmethod
    def put(self, block: object) -> None:
        """Lay out one block."""
        raise TypeError(f"no layout for {type(block).__name__}")

    @put.register
    def _(self, block: doc.Title) -> None:
        self._line(block.kicker, 8.5, colour=GREY)
        self._line(block.words, 16, bold=True)
        self._line(block.about, 8.5, colour=GREY)
        self.ln(2)

    @put.register
    def _(self, block: doc.Heading) -> None:
        self.ln(4 if block.level == 2 else 2)
        if block.level == 2:
            self.set_draw_color(INK)
            self.set_line_width(0.2)
            self.line(self.l_margin, self.y, self.w - self.r_margin, self.y)
            self.ln(1.5)
        self._line(block.words, 12 if block.level == 2 else 9.5, bold=True)
        self.ln(1)

    @put.register
    def _(self, block: doc.Paragraph) -> None:
        if block.mood:
            self._line(f"{SIGNS[block.mood]} {block.words}", 9, bold=True, colour=_COLOURS[block.mood])
        else:
            self._line(block.words, 7.5 if block.note else 9, colour=GREY if block.note else INK)
        self.ln(1)

    @put.register
    def _(self, block: doc.Conclusion) -> None:
        self.keep_together(_VERDICT_MM)
        page, top = self.page, self.y
        self._verdict(block)
        if self.page == page:
            self.set_fill_color(_COLOURS[block.mood])
            self.rect(self.l_margin, top, 2.4, self.y - top, style="F")
            self.set_fill_color("#ffffff")  # tables fill their cells with the last fill colour
        self.ln(3)

    def _verdict(self, block: doc.Conclusion) -> None:
        left = self.l_margin
        self.set_left_margin(left + 6)
        self.set_xy(left + 6, self.y + 2)
        self._line(block.group, 8.5, colour=GREY)
        self._line(f"{SIGNS[block.mood]} {block.word}", 18, bold=True, colour=_COLOURS[block.mood])
        self._line(block.sentence, 9.5)
        self._line(f"Confidence {block.confidence}." if block.confidence else "", 8, colour=GREY)
        self.ln(2)
        self.set_left_margin(left)
        self.set_x(left)

    @put.register
    def _(self, block: doc.Table) -> None:
        self._write(7.8)
        self.set_draw_color("#d9d9d9")
        self.set_line_width(0.1)
        align = tuple("RIGHT" if i in block.numbers else "LEFT" for i in range(len(block.head)))
        head = FontFace(emphasis="BOLD", color=GREY, size_pt=7.5)
        with self.table(
            col_widths=block.widths,
            text_align=align,
            headings_style=head,
            line_height=3.7,
            padding=(0.7, 1.4, 0.7, 0),
            borders_layout=TableBordersLayout.HORIZONTAL_LINES,
        ) as grid:
            grid.row(block.head)
            for cells in block.rows:
                row = grid.row()
                for cell in cells:
                    _put_cell(row, cell)
        self.ln(1.5)

    @put.register
    def _(self, block: doc.Bullets) -> None:
        self._write(8.7)
        for lead, words in block.items:
            self.keep_together(9)
            self.set_x(self.l_margin + 4)
            self.set_left_margin(self.l_margin + 4)
            self.set_font(_FONT, "B", 8.7)
            self.write(4.4, f"{lead} ")
            self.set_font(_FONT, "", 8.7)
            self.write(4.4, words)
            self.set_left_margin(self.l_margin - 4)
            self.ln(5.2)

    @put.register
    def _(self, block: doc.Pictures) -> None:
        shown = [p for p in block.pictures if p.figure is not None]
        width = self._width_of(block)
        heights = [_height(p, width) for p in shown]
        self.keep_together(self.height_of(block))
        top, bottom = self.y, self.y
        for i, picture in enumerate(shown):
            left = self.l_margin + i * (width + _HALF_GAP_MM)
            self.image(
                io.BytesIO(self._pictures[picture.name]), x=left, y=top, w=width, alt_text=picture.title
            )
            self.set_xy(left, top + heights[i] + 1)
            self._caption(picture, width)
            bottom = max(bottom, self.y)
        for picture in block.pictures:
            if picture.figure is None:
                self._caption(picture, self.epw)
                bottom = max(bottom, self.y)
        self.set_xy(self.l_margin, bottom + 2)

    def _caption(self, picture: Picture, width: float) -> None:
        self._write(7.5, colour=GREY)
        self.multi_cell(width, 3.6, f"**{picture.title}.** {picture.caption}", markdown=True, align="L")

    def _line(self, words: str, size: float, *, bold: bool = False, colour: str = INK) -> None:
        if not words:
            return
        self._write(size, bold=bold, colour=colour)
        self.multi_cell(0, size * 0.48, words, align="L", new_x=XPos.LMARGIN, new_y=YPos.NEXT)

    def _write(self, size: float, *, bold: bool = False, colour: str = INK) -> None:
        self.set_font(_FONT, "B" if bold else "", size)
        self.set_text_color(colour)

    def height_of(self, block: doc.Pictures) -> float:
        """Return the height of figures and captions, in mm."""
        width = self._width_of(block)
        return max((_height(p, width) for p in block.pictures if p.figure), default=0.0) + _CAPTION_MM

    def _width_of(self, block: doc.Pictures) -> float:
        return self.epw if len(block.pictures) == 1 else (self.epw - _HALF_GAP_MM) / 2

    def keep_together(self, height_mm: float) -> None:
        """Begin a new page if the next `height_mm` do not fit on this page."""
        if self.will_page_break(height_mm):
            self.add_page()


def _put_cell(row: Row, cell: doc.Cell) -> None:
    if isinstance(cell, str):
        row.cell(cell)
    elif isinstance(cell, doc.Link):
        row.cell(cell.words)  # a PDF is sent alone, without the files beside it
    else:
        style = FontFace(emphasis="BOLD", color=_COLOURS[cell.mood])
        row.cell(f"{SIGNS[cell.mood]} {cell.word}", style=style)


def _height(picture: Picture, width_mm: float) -> float:
    assert picture.figure is not None
    width, height = picture.figure.get_size_inches()
    return float(width_mm * height / width)


def _font_folder() -> Path:
    import matplotlib as mpl

    return Path(mpl.get_data_path()) / "fonts" / "ttf"
