"""Write report and figures as files; a file appears only when it is complete."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from nta.errors import SettingError
from nta.io.atomic import new_file
from nta.pipeline import Analysis

if TYPE_CHECKING:
    from nta.report.figures.style import Picture

REPORT_FILE = "report.html"
FORMATS = ("svg", "pdf", "png")
"""Formats of single figures; PDF and SVG are drawings of lines for print, PNG has 300 pixels per inch."""


def write_report(analysis: Analysis, folder: str | Path) -> Path:
    """Write `report.html`, one self-contained page, into a folder, which is created if needed."""
    return _write(Path(folder) / REPORT_FILE, report_page(analysis).encode("utf-8"))


def report_page(analysis: Analysis) -> str:
    """Return the report as HTML."""
    from nta.report.figures import draw_all
    from nta.report.page import page

    return page(analysis, draw_all(analysis))


def write_figures(
    analysis: Analysis, folder: str | Path, formats: Sequence[str] = FORMATS
) -> tuple[Path, ...]:
    """Write every figure of the report into a folder, e.g. `size_distribution.svg`; figures without data are skipped."""
    from nta.report.figures import draw_all

    return write_pictures(draw_all(analysis), folder, formats)


def write_pictures(
    pictures: Iterable[Picture], folder: str | Path, formats: Sequence[str] = FORMATS
) -> tuple[Path, ...]:
    """Write pictures into a folder, by their names; those without data are skipped."""
    from nta.report.figures.style import as_pdf, as_png, as_svg

    unknown = sorted(set(formats) - set(FORMATS))
    if unknown:
        raise SettingError(f"figures are written as {', '.join(FORMATS)}, got {unknown[0]!r}")
    writers = {"svg": lambda picture: as_svg(picture).encode("utf-8"), "pdf": as_pdf, "png": as_png}
    return tuple(
        _write(Path(folder) / f"{picture.name}.{suffix}", writers[suffix](picture))
        for picture in pictures
        if picture.figure is not None
        for suffix in formats
    )


def _write(path: Path, content: bytes) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    with new_file(path) as partial:
        partial.write_bytes(content)
    return path
