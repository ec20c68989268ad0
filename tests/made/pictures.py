"""Pictures that are drawn, but not written: that takes longer than most analyses, and says nothing more."""

from contextlib import contextmanager
from unittest import mock


@contextmanager
def unwritten():
    """See to it that in place of a picture an empty one stands on the page and in the files of figures."""
    style = "nta.report.figures.style"
    with (
        mock.patch("nta.report.document.html.as_svg", _empty),
        mock.patch(f"{style}.as_svg", _empty),
        mock.patch(f"{style}.as_pdf", _no_bytes),
        mock.patch(f"{style}.as_png", _no_bytes),
    ):
        yield


def _empty(picture):
    assert picture.figure is not None
    return f'<svg role="img" aria-label="{picture.title}"></svg>'


def _no_bytes(picture):
    assert picture.figure is not None
    return b""
