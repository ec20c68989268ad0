"""Style of the figures: colours that are distinct for colour-blind readers and in grey print, text kept as text."""

from __future__ import annotations

import base64
import io
import math
import re
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.axis import XAxis, YAxis
from matplotlib.backend_bases import FigureCanvasBase
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.backends.backend_pdf import FigureCanvasPdf
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine
from matplotlib.ticker import FuncFormatter, Locator, MaxNLocator, NullFormatter
from PIL import Image

from nta.report.wording import grouped, superscript

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

_LARGE = 4  # exponent from which an axis shows a power of ten
_LEAST_TICKS = 4  # of a logarithmic axis, with the first of these steps of a decade that give so many
_STEPS = (
    (1, 2, 5),
    (1, 1.5, 2, 3, 4, 5, 7),
    (1, 1.2, 1.4, 1.6, 1.8, 2, 2.5, 3, 3.5, 4, 5, 6, 7, 8, 9),
)

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
    "savefig.dpi": 300,  # what journals ask of a picture in pixels
    "svg.fonttype": "none",
    "pdf.fonttype": 42,  # whole fonts, which journals ask for and drawing programs can edit
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

    def _repr_svg_(self) -> str | None:
        """Show the figure in a notebook."""
        return None if self.figure is None else as_svg(self)


@contextmanager
def house_style() -> Iterator[None]:
    """Apply the common style of all figures, independent of the user's matplotlib settings."""
    with mpl.rc_context(), warnings.catch_warnings():
        # of names in scripts that the font for measuring lacks; the reader's own font shows them
        warnings.filterwarnings("ignore", message=r"Glyph .* missing from font")
        mpl.rcdefaults()
        mpl.rcParams.update(_STYLE)  # type: ignore[arg-type, unused-ignore]
        yield


def new_figure(size: tuple[float, float]) -> Figure:
    """Return an empty figure. size : width and height in inches."""
    return Figure(figsize=size, layout="constrained")


def as_svg(picture: Picture) -> str:
    """Return the figure as an SVG element; its text depends only on the data, its ids are unique on the page."""
    buffer = io.StringIO()
    nothing = dict.fromkeys(("Creator", "Date", "Format", "Type"))
    with _canvas(picture, FigureCanvasSVG) as canvas, mpl.rc_context({"svg.hashsalt": picture.name}):
        canvas.print_svg(buffer, metadata=nothing)
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
    buffer = io.BytesIO()
    with _canvas(picture, FigureCanvasAgg) as canvas:
        canvas.print_png(buffer, metadata={"Software": None})
    return buffer.getvalue()


def as_pdf(picture: Picture) -> bytes:
    """Return the figure as a PDF of one page, with vector graphics for print."""
    buffer = io.BytesIO()
    with _canvas(picture, FigureCanvasPdf) as canvas:
        canvas.print_pdf(buffer, metadata={"CreationDate": None})
    return buffer.getvalue()


@contextmanager
def _canvas(picture: Picture, kind: type[FigureCanvasBase]) -> Iterator[Any]:
    """Yield a canvas that writes the figure, whose layout is solved at the first time and kept.

    `Figure.savefig` solves it again for each format, and draws everything twice to do so.
    """
    figure = picture.figure
    if figure is None:
        raise ValueError(f"{picture.name} has no figure")
    with house_style():
        engine = figure.get_layout_engine()
        if isinstance(engine, ConstrainedLayoutEngine):
            FigureCanvasSVG(figure)  # measures text without regard to pixels
            engine.execute(figure)
            figure.set_layout_engine("none")
        dpi = figure.dpi
        figure.set_dpi(mpl.rcParams["savefig.dpi"])
        try:
            yield kind(figure)
        finally:
            figure.set_dpi(dpi)  # drawings of lines set it to their own


class _Steps(Locator):
    """Labelled ticks of a logarithmic axis: at 1, 2 and 5, and closer ones on a short axis."""

    def __call__(self) -> list[float]:
        assert self.axis is not None
        return self.tick_values(*self.axis.get_view_interval())

    def tick_values(self, vmin: float, vmax: float) -> list[float]:
        low, high = sorted((max(vmin, 1e-12), max(vmax, 1e-12)))
        decades = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
        for steps in _STEPS:
            ticks = [step * 10.0**decade for decade in decades for step in steps]
            shown = [tick for tick in ticks if low * (1 - 1e-9) <= tick <= high * (1 + 1e-9)]
            if len(shown) >= _LEAST_TICKS:
                return shown
        return [float(tick) for tick in MaxNLocator(5).tick_values(low, high) if low <= tick <= high]


def log_axis(axis: Axes) -> None:
    """Make the x axis logarithmic, labelled with plain numbers."""
    axis.set_xscale("log")
    plain_numbers(axis.xaxis)


def plain_numbers(axis: XAxis | YAxis) -> None:
    """Label a logarithmic axis with plain numbers, at least four of them."""
    axis.set_major_locator(_Steps())
    axis.set_major_formatter(lambda value, _: f"{value:g}" if value < 1e4 else grouped(int(value)))
    axis.set_minor_formatter(NullFormatter())


def label_log10(axis: XAxis | YAxis) -> None:
    """Label an axis of log10 values with the values themselves."""
    low, high = axis.get_view_interval()
    decades = np.arange(np.floor(low), np.ceil(high) + 1)
    steps = (1, 2, 5) if high - low < 2.2 else (1,)
    places = sorted(float(d + np.log10(s)) for d in decades for s in steps)
    places = [p for p in places if low <= p <= high]
    axis.set_ticks(places, labels=[_power(10**p) for p in places])


def _power(value: float) -> str:
    if value < 1e5:
        return f"{value:.3g}" if value < 1e3 else f"{value:.0f}"
    exponent = int(np.floor(np.log10(value) + 1e-9))
    mantissa = round(value / 10**exponent)
    return (f"{mantissa}·" if mantissa != 1 else "") + f"10{superscript(exponent)}"


def powers_of_ten(axis: XAxis | YAxis, most: float, label: str) -> None:
    """Label an axis of large numbers with one common power of ten, which stands in the label of the axis."""
    exponent = math.floor(math.log10(most)) if most > 0 else 0
    if exponent < _LARGE:
        axis.set_label_text(label)
        return
    axis.set_major_formatter(lambda value, _: f"{value / 10.0**exponent:.3g}")
    axis.set_label_text(f"10{superscript(exponent)} {label}")


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
