"""Style of the figures: colours that are distinct for colour-blind readers and in grey print, text kept as text."""

from __future__ import annotations

import base64
import io
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter
from PIL import Image

# Okabe and Ito, Color Universal Design (2008), https://jfly.uni-koeln.de/color/; used in this order of lightness
BLUE = "#0072B2"
VERMILLION = "#D55E00"
ORANGE = "#E69F00"
SKY = "#56B4E9"
GREEN = "#009E73"
INK = "#1a1a1a"
GREY = "#6b6b6b"
LIGHT = "#d4d4d4"

DENSITY_LABEL = "density, % per tenth of a decade"
PER_CENT = FuncFormatter(
    lambda value, _: f"{100 * value:.3g}"
)  # of densities, whose unit stands in the label

WIDTH = 9.3  # inches at 72 points: the full width of the page
HALF = (4.55, 3.0)

_STACK = (
    "-apple-system, 'Segoe UI', Roboto, 'Helvetica Neue', Arial, 'Liberation Sans', 'DejaVu Sans', sans-serif"
)
_STYLE: dict[str, Any] = {
    "font.family": "sans-serif",
    "font.sans-serif": ["DejaVu Sans"],  # comes with matplotlib: measures the layout the same everywhere
    "font.size": 9,
    "axes.titlesize": 9,
    "axes.labelsize": 9,
    "xtick.labelsize": 8.5,
    "ytick.labelsize": 8.5,
    "legend.fontsize": 8.5,
    "legend.frameon": False,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.edgecolor": GREY,
    "axes.labelcolor": INK,
    "axes.linewidth": 0.7,
    "xtick.color": GREY,
    "ytick.color": GREY,
    "xtick.labelcolor": INK,
    "ytick.labelcolor": INK,
    "xtick.major.width": 0.7,
    "ytick.major.width": 0.7,
    "xtick.minor.width": 0.5,
    "ytick.minor.width": 0.5,
    "text.color": INK,
    "lines.linewidth": 1.5,
    "lines.solid_capstyle": "round",
    "figure.facecolor": "white",
    "figure.dpi": 72,
    "savefig.dpi": 200,
    "svg.fonttype": "none",
    "axes.formatter.use_mathtext": False,
    "axes.unicode_minus": True,
    "path.simplify": True,
}


@dataclass(frozen=True, kw_only=True, eq=False)
class Picture:
    """A figure with title and caption; figure : None if there is nothing to draw, the caption then says why."""

    name: str
    title: str
    caption: str
    figure: Figure | None


@contextmanager
def house_style() -> Iterator[None]:
    """Apply the common style of all figures, independent of the user's matplotlib settings."""
    with mpl.rc_context():
        mpl.rcdefaults()
        mpl.rcParams.update(_STYLE)  # type: ignore[arg-type, unused-ignore]
        yield


def new_figure(size: tuple[float, float]) -> Figure:
    """Return an empty figure. size : width and height in inches."""
    return Figure(figsize=size, layout="constrained")


def as_svg(picture: Picture) -> str:
    """Return the figure as an SVG element; its text depends only on the data, its ids are unique on the page."""
    if picture.figure is None:
        raise ValueError(f"{picture.name} has no figure")
    buffer = io.StringIO()
    with house_style(), mpl.rc_context({"svg.hashsalt": picture.name}):
        nothing = dict.fromkeys(("Creator", "Date", "Format", "Type"))
        picture.figure.savefig(buffer, format="svg", metadata=nothing)
    text = buffer.getvalue()
    text = text[text.index("<svg") :]
    text = re.sub(r'\bid="([^"]+)"', rf'id="{picture.name}-\1"', text)
    text = re.sub(r"url\(#([^)]+)\)", rf"url(#{picture.name}-\1)", text)
    text = re.sub(r'href="#([^"]+)"', rf'href="#{picture.name}-\1"', text)
    text = re.sub(r"'DejaVu Sans'[^;\"]*", _STACK, text)
    text = re.sub(r'(?<=href="data:image/png;base64,)([^"]+)', _smaller, text)
    return text.replace("<svg ", f'<svg role="img" aria-label="{picture.title}" ', 1)


def as_png(picture: Picture) -> bytes:
    """Return the figure as a PNG picture."""
    if picture.figure is None:
        raise ValueError(f"{picture.name} has no figure")
    buffer = io.BytesIO()
    with house_style():
        picture.figure.savefig(buffer, format="png", metadata={"Software": None})
    return buffer.getvalue()


def as_pdf(picture: Picture) -> bytes:
    """Return the figure as a PDF of one page, with vector graphics for print."""
    if picture.figure is None:
        raise ValueError(f"{picture.name} has no figure")
    buffer = io.BytesIO()
    with house_style():
        picture.figure.savefig(buffer, format="pdf", metadata={"CreationDate": None})
    return buffer.getvalue()


def log_axis(axis: Axes) -> None:
    """Make the x axis logarithmic, labelled with plain numbers at 1, 2 and 5."""
    axis.set_xscale("log")
    axis.xaxis.set_major_formatter(lambda value, _: f"{value:g}")
    axis.xaxis.set_minor_formatter(lambda value, _: f"{value:g}" if f"{value:.0e}"[0] in "25" else "")


def _smaller(match: re.Match[str]) -> str:
    """Return an opaque grey image as grey PNG, a quarter of the size of the RGBA that matplotlib writes."""
    picture = Image.open(io.BytesIO(base64.b64decode(match[1])))
    pixels = np.asarray(picture.convert("RGBA"))
    opaque = bool((pixels[..., 3] == 255).all())
    grey = bool((pixels[..., 0] == pixels[..., 1]).all() and (pixels[..., 0] == pixels[..., 2]).all())
    if not (opaque and grey):
        return match[1]
    buffer = io.BytesIO()
    Image.fromarray(np.ascontiguousarray(pixels[..., 0])).save(buffer, format="png", optimize=True)
    return base64.b64encode(buffer.getvalue()).decode("ascii")
