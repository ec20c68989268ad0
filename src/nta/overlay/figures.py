"""Draw the curves of all entries on common axes, and their percentiles side by side."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from nta.columns import FloatArray
from nta.overlay.entry import Entry
from nta.quantity import Quantity
from nta.report.curves import central_range_nm, flattened, tenths_of_decade
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
    powers_of_ten,
)
from nta.sizes import Distribution
from nta.visibility import per_ml_by_size

_COLOURS = (BLUE, VERMILLION, GREEN, ORANGE, SKY, INK)
_MANY = 20.0
_ABOVE_PEAK = (
    1.6  # top at most of an axis of curves over their peaks: the band of a sharp one may reach far above
)
_LEAST_BIN_DECADES = 1 / 40  # 6 %
_LEAST_NM = 5.0  # left end of the axis at least: the first bin of an export may begin at zero
# Heights: the legend stands below the axes, where no curve can lie under it.
_FIGURE_IN, _LEGEND_ROW_IN = 4.2, 0.2
_NAME_CHARACTERS = (32, 56)  # longest names for three and two columns of the legend; longer names: one column
_LINES = ("-", "--", "-.", ":")
_PERCENTILES = ("d10_nm", "d50_nm", "d90_nm")


def draw_all(entries: Sequence[Entry]) -> tuple[Picture, Picture, tuple[Picture, ...]]:
    """Draw the figures of the page: distributions, percentiles, and concentrations, in the cell and in the sample."""
    with house_style():
        return _curves(entries), _percentiles(entries), _concentrations(entries)


def _curves(entries: Sequence[Entry]) -> Picture:
    """Draw the densities; each over its own peak where the tallest would flatten the others."""
    figure, axis = _figure([entry.name for entry in entries])
    curves = [_drawable(entry.curve()) for entry in entries]
    peaks = [float(np.max(curve.weight / tenths_of_decade(curve.edges_nm))) for curve in curves]
    apart = flattened(peaks)
    for number, (entry, curve, peak) in enumerate(zip(entries, curves, peaks, strict=True)):
        band = (curve.weight, curve.low, curve.high)
        _draw(axis, number, entry.name, curve, tuple(part / peak for part in band) if apart else band)
    _finish(axis, curves, "density over its own peak" if apart else DENSITY_LABEL)
    _legend(figure, [entry.name for entry in entries])
    if apart:
        axis.set_ylim(top=min(axis.get_ylim()[1], _ABOVE_PEAK))
        heights = (
            "Number distributions as densities on a logarithmic axis, each over its own peak, because the tallest peak "
            f"stands {max(peaks) / min(peaks):.0f} times as high as the lowest: compare positions and widths, not heights "
            "or areas. Bands may go on above the picture."
        )
    else:
        axis.yaxis.set_major_formatter(PER_CENT)
        heights = (
            "Number distributions as densities, each of area one, on one logarithmic axis: a narrow one may stand above "
            "100 % per tenth of a decade."
        )
    caption = (
        f"{heights} Bands: of an analysis the 95 % band of its "
        "inference; of several videos in one export the 95 % interval of their mean at each diameter; a single run of a "
        "vendor's program has none, and is drawn in bins of a fortieth of a decade at least. Programs that show single "
        "tracks give wider curves than those that infer the sample: look at the table. The mode there is the peak of the "
        "density per nm, which lies at smaller diameters than the peak here."
    )
    return Picture(name="curves", title="Size distributions", caption=caption, figure=figure)


def _concentrations(entries: Sequence[Entry]) -> tuple[Picture, ...]:
    """Draw particles per ml over diameter; cell and sample apart, because a dilution lies between them."""
    numbered = [(number, entry, *entry.concentration()) for number, entry in enumerate(entries)]
    known = [one for one in numbered if one[2].value is not None]
    drawn = {words: [one for one in known if one[3] == words] for _, _, _, words in known}
    pictures = [_per_ml(words, [one[:3] for one in group]) for words, group in drawn.items()]
    lacking = [entry.name for _, entry, total, _ in numbered if total.value is None]
    if lacking:
        pictures.append(_none(f"No number of particles per ml: {', '.join(lacking)}."))
    return tuple(pictures)


def _per_ml(words: str, group: Sequence[tuple[int, Entry, Quantity]]) -> Picture:
    """Draw the entries whose concentration is known in one place, the cell or the sample."""
    title = f"Particles per ml {words}"
    shown = [
        (number, entry, total, _drawable(counted))
        for number, entry, total in group
        if (counted := entry.counted()) is not None
    ]
    unseen = [entry.name for _, entry, _ in group if entry.counted() is None]
    why = (
        f" No curve: {', '.join(unseen)}, because the concentration counts particles in suspension, and only the "
        "distribution in view is known."
        if unseen
        else ""
    )
    if not shown:
        return Picture(name="concentrations_none", title=title, caption=why.strip(), figure=None)
    names = [entry.name for _, entry, _, _ in shown]
    figure, axis = _figure(names)
    peaks = []
    for number, entry, total, counted in shown:
        band = per_ml_by_size(counted, total)
        widths = tenths_of_decade(counted.edges_nm)
        _draw(axis, number, entry.name, counted, band)
        peaks.append(float(np.nanmax(band[0] / widths)))
    label = "particles per ml and tenth of a decade"
    _finish(axis, [counted for *_, counted in shown], label)
    _legend(figure, names)
    least = min((peak for peak in peaks if peak > 0), default=0.0)
    if least and max(peaks) > _MANY * least:
        # On a linear axis the lower curves would lie along the bottom.
        axis.set_yscale("log")
        axis.set_ylim(bottom=least / 300)
    else:
        powers_of_ten(axis.yaxis, max(peaks), label)
    caption = (
        "The concentration divided over the diameters of the particles it counts: of an analysis those in suspension, from "
        "the least counted diameter on; of a vendor's export its own histogram. Bands: shares and concentration together, "
        f"95 %, where both have an interval.{why}"
    )
    return Picture(
        name=f"concentrations_{'sample' if 'sample' in words else 'cell'}",
        title=title,
        caption=caption,
        figure=figure,
    )


def _none(words: str) -> Picture:
    return Picture(name="concentrations_none", title="Concentrations", caption=words, figure=None)


def _percentiles(entries: Sequence[Entry]) -> Picture:
    figure = new_figure((WIDTH, 0.9 + 0.55 * len(entries)))
    axis = figure.subplots()
    for row, entry in enumerate(entries):
        colour = _COLOURS[row % len(_COLOURS)]
        # one above the other: the intervals of a narrow sample overlap
        for name, mark, y in zip(_PERCENTILES, "<o>", (row - 0.22, row, row + 0.22), strict=True):
            q = entry.number(name)
            if q.ends is not None:
                axis.plot(q.ends, [y, y], color=colour, linewidth=2.2, solid_capstyle="butt")
            axis.plot([np.nan if q.value is None else q.value], [y], marker=mark, markersize=5, color=colour)
    axis.set_yticks(range(len(entries)), [entry.name for entry in entries])
    axis.set_ylim(len(entries) - 0.5, -0.5)
    _nanometres(axis)
    caption = (
        "D10, D50 and D90 from above, all read off in one way: interpolated within bins, without the offsets that some "
        "programs have. Lines: 95 % intervals, where there are any."
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


def _draw(axis: Axes, number: int, name: str, curve: Distribution, band: tuple[FloatArray, ...]) -> None:
    """Draw numbers per bin as a density per tenth of a decade, with their band."""
    middle, low, high = (part / tenths_of_decade(curve.edges_nm) for part in band)
    colour, line = _COLOURS[number % len(_COLOURS)], _LINES[number // len(_COLOURS) % len(_LINES)]
    axis.plot(curve.diameter_nm, middle, color=colour, linestyle=line, label=name)
    if np.isfinite(low).any():
        axis.fill_between(curve.diameter_nm, low, high, color=colour, alpha=0.2, linewidth=0)


def _drawable(curve: Distribution) -> Distribution:
    """Merge narrow bins of a curve without a band: alone in a bin of 5 nm, one track of 1000 nm is the tallest peak."""
    if np.isfinite(curve.low).any():
        return curve
    at = np.log10(curve.edges_nm)
    kept = [0]
    for edge in range(1, at.size):
        if at[edge] - at[kept[-1]] > _LEAST_BIN_DECADES - 1e-9:
            kept.append(edge)
    kept[-1] = at.size - 1  # what is left over joins the last bin
    weight = np.add.reduceat(curve.weight, kept[:-1])
    nothing = np.full(weight.size, np.nan)
    return replace(curve, edges_nm=curve.edges_nm[kept], weight=weight, low=nothing, high=nothing)


def _finish(axis: Axes, curves: Sequence[Distribution], label: str) -> None:
    ranges = [central_range_nm(curve, 0.002, 0.995, bins_beyond=1) for curve in curves]
    _nanometres(axis)
    axis.set_xlim(max(min(low for low, _ in ranges), _LEAST_NM) / 1.1, max(high for _, high in ranges) * 1.1)
    axis.set_ylim(bottom=0)
    axis.set_ylabel(label)


def _nanometres(axis: Axes) -> None:
    axis.set_xlabel("hydrodynamic diameter, nm")
    log_axis(axis)
