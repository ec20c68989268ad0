"""Draw the curves of all sources on common axes, and their percentiles side by side."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from nta.columns import FloatArray
from nta.overlay.source import EDGES_NM, Source
from nta.report.curves import tenths_of_decade
from nta.report.figures.style import (
    BLUE,
    DENSITY_LABEL,
    GREEN,
    INK,
    ORANGE,
    PER_CENT,
    SKY,
    VERMILLION,
    WIDTH,
    Picture,
    house_style,
    log_axis,
    new_figure,
)

_COLOURS = (BLUE, VERMILLION, GREEN, ORANGE, SKY, INK)
_MANY = 20.0
# Heights: the legend stands below the axes, where no curve can lie under it.
_FIGURE_IN, _LEGEND_ROW_IN = 4.2, 0.2
_NAME_CHARACTERS = (32, 56)  # longest names for three and two columns of the legend; longer names: one column
_LINES = ("-", "--", "-.", ":")
_PERCENTILES = ("d10_nm", "d50_nm", "d90_nm")


def draw_all(sources: Sequence[Source]) -> tuple[Picture, ...]:
    """Draw the figures of the page."""
    with house_style():
        return _curves(sources), _concentrations(sources), _percentiles(sources)


def _curves(sources: Sequence[Source]) -> Picture:
    figure, axis = _figure([source.name for source in sources])
    widths = tenths_of_decade(EDGES_NM)
    for number, source in enumerate(sources):
        _draw(axis, number, source.name, tuple(part / widths for part in source.shares()))
    _finish(axis, sources, DENSITY_LABEL)
    _legend(figure, [source.name for source in sources])
    axis.yaxis.set_major_formatter(PER_CENT)
    caption = (
        "Number distributions as densities, each of area one, on one logarithmic axis: a narrow one may stand above 100 % "
        "per tenth of a decade. Bands: of an analysis the 95 % band of its "
        "inference; of several videos in one export the 95 % interval of their mean at each diameter; a single run of a "
        "vendor's program has none. Programs that show single tracks give wider curves than those that infer the "
        "sample: look at the table."
    )
    return Picture(name="curves", title="Size distributions", caption=caption, figure=figure)


def _concentrations(sources: Sequence[Source]) -> Picture:
    known = [(number, s, *s.concentration()) for number, s in enumerate(sources)]
    drawn = [(number, s, q, words) for number, s, q, words in known if q.value is not None]
    if not drawn:
        return Picture(
            name="concentrations",
            title="Concentrations",
            caption="No source states a concentration.",
            figure=None,
        )
    names = [f"{source.name} ({words})" for _, source, _, words in drawn]
    figure, axis = _figure(names)
    widths = tenths_of_decade(EDGES_NM)
    peaks = []
    for name, (number, source, total, _) in zip(names, drawn, strict=True):
        band = tuple((total.value or 0.0) * part / widths for part in source.shares())
        _draw(axis, number, name, band)
        peaks.append(float(band[0].max()))
    _finish(axis, [source for _, source, _, _ in drawn], "particles per ml and tenth of a decade")
    _legend(figure, names)
    least = min((peak for peak in peaks if peak > 0), default=0.0)
    if least and max(peaks) > _MANY * least:
        # On a linear axis the lower curves would lie along the bottom.
        axis.set_yscale("log")
        axis.set_ylim(bottom=least / 300)
    missing = [s.name for _, s, q, _ in known if q.value is None]
    caption = "The same distributions times the concentration; a dilution is applied once, where it is known."
    if missing:
        caption += f" No number: {', '.join(missing)}."
    return Picture(name="concentrations", title="Concentrations", caption=caption, figure=figure)


def _percentiles(sources: Sequence[Source]) -> Picture:
    figure = new_figure((WIDTH, 0.9 + 0.42 * len(sources)))
    axis = figure.subplots()
    for row, source in enumerate(sources):
        colour = _COLOURS[row % len(_COLOURS)]
        for name, mark in zip(_PERCENTILES, "<o>", strict=True):
            q = source.number(name)
            if q.ends is not None:
                axis.plot(q.ends, [row, row], color=colour, linewidth=2.2, solid_capstyle="butt")
            axis.plot(
                [np.nan if q.value is None else q.value], [row], marker=mark, markersize=6, color=colour
            )
    axis.set_yticks(range(len(sources)), [source.name for source in sources])
    axis.set_ylim(len(sources) - 0.5, -0.5)
    _nanometres(axis)
    caption = (
        "D10, D50 and D90, all read off in one way: interpolated within bins, without the offsets that some programs have. "
        "Lines: 95 % intervals, where there are any."
    )
    return Picture(name="percentiles", title="Percentiles", caption=caption, figure=figure)


def _figure(names: Sequence[str]) -> tuple[Figure, Axes]:
    """Return a figure with one pair of axes, and room below for the legend that `_legend` draws."""
    rows = math.ceil(len(names) / _columns(names))
    figure = new_figure((WIDTH, _FIGURE_IN + _LEGEND_ROW_IN * rows))
    return figure, figure.subplots()


def _columns(names: Sequence[str]) -> int:
    """Return the number of columns for a legend with these names."""
    longest = max(map(len, names))
    return 1 + sum(longest <= most for most in _NAME_CHARACTERS)


def _legend(figure: Figure, names: Sequence[str]) -> None:
    figure.legend(loc="outside lower center", ncols=_columns(names))


def _draw(axis: Axes, number: int, name: str, band: tuple[FloatArray, ...]) -> None:
    middle, low, high = band
    centre = np.sqrt(EDGES_NM[1:] * EDGES_NM[:-1])
    colour, line = _COLOURS[number % len(_COLOURS)], _LINES[number // len(_COLOURS) % len(_LINES)]
    axis.plot(centre, middle, color=colour, linestyle=line, label=name)
    if np.isfinite(low).all():
        axis.fill_between(centre, low, high, color=colour, alpha=0.2, linewidth=0)


def _finish(axis: Axes, sources: Sequence[Source], label: str) -> None:
    total = np.sum([source.shares()[0] for source in sources], axis=0)
    below = np.cumsum(total) / total.sum()
    low = float(EDGES_NM[int(np.searchsorted(below, 0.002))])
    high = float(EDGES_NM[min(int(np.searchsorted(below, 0.995)) + 1, EDGES_NM.size - 1)])
    _nanometres(axis)
    axis.set_xlim(low / 1.1, high * 1.1)
    axis.set_ylim(bottom=0)
    axis.set_ylabel(label)


def _nanometres(axis: Axes) -> None:
    axis.set_xlabel("hydrodynamic diameter, nm")
    log_axis(axis)
