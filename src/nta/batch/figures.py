"""The figures of the overview: a small size distribution for each recording, and the groups compared."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, NullFormatter

from nta.batch.outcome import Done, JobOutcome
from nta.batch.replicates import Replicates, group_of
from nta.columns import FloatArray
from nta.measurements.replicates import Spread, mean_curve
from nta.report.curves import flattened, tenths_of_decade
from nta.report.figures.style import (
    BLUE,
    GREEN,
    GREY,
    INK,
    LIGHT,
    ORANGE,
    SKY,
    VERMILLION,
    WIDTH,
    Picture,
    house_style,
    new_figure,
    powers_of_ten,
)
from nta.sizes import Distribution

COLUMNS, ROWS = 5, 6
_COLOURS = (BLUE, VERMILLION, GREEN, ORANGE, SKY)
_ROW_HEIGHT = 1.25  # inches
_MOST_LETTERS, _MOST_LETTERS_OF_ROW = 22, 34
_LEAST_VIDEOS = 2
_MOST_BAND = 1.8  # height of the axis at most, relative to the highest curve
_OWN_SCALES = (
    "each to its own height, because the sharpest would flatten the others (compare positions and widths)"
)
_QUANTILES = (0.005, 0.995)
_TICKS_NM = (10, 20, 50, 100, 200, 500, 1000, 2000)
_COUNTED = {
    "in_sample_per_ml": "particles per ml in the sample",
    "in_cell_per_ml": "particles per ml in the cell",
}


@dataclass(frozen=True, kw_only=True, eq=False)
class _Panel:
    """A small distribution: shares per tenth of a decade with band. beside : curves of its videos, drawn thin."""

    title: str
    colour: str
    diameter_nm: FloatArray
    share: FloatArray
    low: FloatArray
    high: FloatArray
    d50_nm: float | None
    beside: Sequence[FloatArray] = ()


def small_multiples(done: Sequence[Done]) -> list[Picture]:
    """Draw the distribution of each recording, thirty per figure."""
    colours = group_colours(done)
    panels = []
    for job, outcome in done:
        curve = outcome.distribution
        if curve is None:
            continue
        share, low, high = _per_tenth_of_decade(curve)
        d50 = outcome.numbers.get("d50_nm")
        panels.append(
            _Panel(
                title=job.name,
                colour=GREY if outcome.status == "incomplete" else colours[group_of(job, outcome)],
                diameter_nm=curve.diameter_nm,
                share=share,
                low=low,
                high=high,
                d50_nm=d50.value if d50 is not None else None,
            )
        )
    return _sheets(
        panels,
        "sizes",
        "Size distributions",
        "One panel a recording, {scale}: number distribution over the logarithm of the diameter with its "
        "pointwise band, which is cut where it reaches far above the curves; the line marks D50. Grey panels are of "
        "recordings that are cut off.",
    )


def group_curves(done: Sequence[Done], groups: Sequence[Replicates]) -> list[Picture]:
    """Draw the mean distribution of each group of at least two videos, thirty per figure."""
    colours = group_colours(done)
    panels = []
    for group in groups:
        curves = list(group.distributions)
        # bins differ if settings differ: no mean then
        same = len({curve.edges_nm.tobytes() for curve in curves}) == 1
        if len(curves) < _LEAST_VIDEOS or not same:
            continue
        shares = np.stack([_per_tenth_of_decade(curve)[0] for curve in curves])
        mean, low, high = mean_curve(shares)
        d50 = group.spreads.get("d50_nm")
        panels.append(
            _Panel(
                title=group.group,
                colour=colours[group.group],
                diameter_nm=curves[0].diameter_nm,
                share=mean,
                low=low,
                high=high,
                d50_nm=d50.mean if d50 is not None else None,
                beside=tuple(shares),
            )
        )
    return _sheets(
        panels,
        "groups",
        "Mean distributions of the groups",
        "One panel a group, {scale}. Grey: its videos. Coloured: their mean with its 95 % interval over videos "
        "(Student's t) at each diameter, from three videos on; the line marks the mean of their D50.",
    )


def group_colours(done: Sequence[Done]) -> dict[str, str]:
    """Return a colour for each group, in order of appearance; colours repeat after five groups."""
    groups = dict.fromkeys(group_of(job, outcome) for job, outcome in done)
    named = [group for group in groups if group]
    return {"": BLUE, **{group: _COLOURS[i % len(_COLOURS)] for i, group in enumerate(named)}}


def replicate_figure(done: Sequence[Done], groups: Sequence[Replicates]) -> Picture | None:
    """Draw the videos of each group with their intervals, and the mean of the group with its interval."""
    panels = [
        (name, label)
        for name, label in (
            ("d50_nm", "median diameter D50, nm"),
            (_counted(groups), _COUNTED.get(_counted(groups), "")),
        )
        if name and any(name in group.spreads for group in groups)
    ]
    names = [group.group for group in groups]
    if not panels or not names:
        return None
    colours = group_colours(done)
    with house_style():
        figure = new_figure((WIDTH, 0.9 + 0.55 * len(names)))
        axes = figure.subplots(1, len(panels), sharey=True, squeeze=False)[0]
        for axis, (name, label) in zip(axes, panels, strict=True):
            for row, group in enumerate(groups):
                videos = [o for j, o in done if group_of(j, o) == group.group and j.name not in group.copies]
                _draw_videos(axis, row, colours[group.group], name, videos)
            _draw_means(axis, [group.spreads.get(name) for group in groups])
            axis.set_xlabel(label)
            if name != "d50_nm":
                powers_of_ten(axis.xaxis, max(abs(end) for end in axis.get_xlim()), label)
        axes[0].set_yticks(range(len(names)), shortened(names, _MOST_LETTERS_OF_ROW))
        axes[0].set_ylim(len(names) - 0.4, -0.6)
    return Picture(
        name="replicates",
        title="Replicates",
        caption="Points: the videos, each with the interval of its own analysis; open ones are cut off and not counted. "
        "Black: mean of the group with its 95 % interval over videos (Student's t); thin: with what all videos "
        "share, such as the pixel size.",
        figure=figure,
    )


def _counted(groups: Sequence[Replicates]) -> str:
    """Return the concentration to draw: in the sample if all groups with a concentration have that, else in the cell."""
    having = {
        name: {group.group for group in groups if name in group.spreads}
        for name in ("in_sample_per_ml", "in_cell_per_ml")
    }
    if having["in_sample_per_ml"] and having["in_sample_per_ml"] >= having["in_cell_per_ml"]:
        return "in_sample_per_ml"
    return "in_cell_per_ml" if having["in_cell_per_ml"] else ""


def _draw_videos(axis: Axes, row: int, colour: str, name: str, videos: Sequence[JobOutcome]) -> None:
    shown = [v for v in videos if name in v.numbers and v.numbers[name].value is not None]
    offsets = np.linspace(-0.2, 0.2, len(shown)) if len(shown) > 1 else [0.0]
    for offset, video in zip(offsets, shown, strict=False):
        quantity, y = video.numbers[name], row + float(offset)
        if quantity.ends is not None:
            axis.plot(quantity.ends, [y, y], color=colour, linewidth=0.9, alpha=0.7)
        filled = "white" if video.status == "incomplete" else colour
        axis.plot(
            np.array([quantity.value], float), [y], "o", markersize=4, color=colour, markerfacecolor=filled
        )


def _draw_means(axis: Axes, spreads: Sequence[Spread | None]) -> None:
    for row, s in enumerate(spreads):
        if s is None:
            continue
        y = row + 0.33
        for ends, width in (((s.full_low, s.full_high), 0.9), ((s.low, s.high), 2.4)):
            if None not in ends:
                axis.plot(np.array(ends, float), [y, y], color=INK, linewidth=width, solid_capstyle="butt")
        axis.plot([s.mean], [y], "d", markersize=5, color=INK)


def _sheets(panels: Sequence[_Panel], name: str, title: str, caption: str) -> list[Picture]:
    if not panels:
        return []
    size, ends, heights = COLUMNS * ROWS, _ends(panels), _heights(panels)
    scale = _OWN_SCALES if len(set(heights)) > 1 else "all on one scale"
    return [
        Picture(
            name=f"{name}_{start // size + 1}",
            title=title,
            caption=caption.format(scale=scale),
            figure=_sheet(panels[start : start + size], ends, heights[start : start + size]),
        )
        for start in range(0, len(panels), size)
    ]


def _sheet(panels: Sequence[_Panel], ends: tuple[float, float], heights: Sequence[float]) -> Figure:
    rows = -(-len(panels) // COLUMNS)
    with house_style():
        figure = new_figure((WIDTH, 0.35 + _ROW_HEIGHT * rows))
        axes = figure.subplots(rows, COLUMNS, sharex=True, squeeze=False)
        titles = shortened([panel.title for panel in panels], _MOST_LETTERS)
        for axis, panel, words, height in zip(axes.flat, panels, titles, heights, strict=False):
            _draw_panel(axis, panel, ends, height)
            axis.set_title(words, fontsize=8, loc="left", color=INK, pad=2)
        for axis in axes.flat[len(panels) :]:
            axis.set_axis_off()
        for column in range(COLUMNS):  # tick labels below the last panel of each column
            last = max((r for r in range(rows) if r * COLUMNS + column < len(panels)), default=None)
            if last is not None:
                axes[last, column].tick_params(labelbottom=True)
        figure.supxlabel("hydrodynamic diameter, nm", fontsize=9)
    return figure


def _draw_panel(axis: Axes, panel: _Panel, ends: tuple[float, float], height: float) -> None:
    (low, high), x, top = ends, panel.diameter_nm, 1.05 * height
    for share in panel.beside:
        axis.plot(x, share, color=GREY, linewidth=0.6, alpha=0.7)
    axis.fill_between(x, panel.low, np.minimum(panel.high, top), color=panel.colour, alpha=0.25, linewidth=0)
    axis.plot(x, panel.share, color=panel.colour, linewidth=1.2)
    if panel.d50_nm is not None:
        axis.axvline(panel.d50_nm, color=INK, linewidth=0.6)
        words = f"{panel.d50_nm:.0f} nm"
        axis.text(0.98, 0.93, words, transform=axis.transAxes, ha="right", va="top", fontsize=8)
    axis.set_xscale("log")
    axis.set_xlim(low, high)
    axis.set_ylim(0, top)
    axis.set_yticks([])
    axis.spines["left"].set_visible(False)
    axis.axhline(0, color=LIGHT, linewidth=0.5)
    axis.set_xticks([tick for tick in _TICKS_NM if low <= tick <= high])
    axis.xaxis.set_major_formatter(FuncFormatter(lambda v, _: f"{v:g}"))
    axis.xaxis.set_minor_formatter(NullFormatter())


def _per_tenth_of_decade(curve: Distribution) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return shares and their band per tenth of a decade."""
    width = tenths_of_decade(curve.edges_nm)
    return curve.weight / width, curve.low / width, curve.high / width


def _ends(panels: Sequence[_Panel]) -> tuple[float, float]:
    """Return the range of diameters that contains nearly all particles."""
    lows, highs = [], []
    for panel in panels:
        cumulative = np.cumsum(panel.share)
        ends = [int(np.searchsorted(cumulative, q * cumulative[-1])) for q in _QUANTILES]
        lows.append(float(panel.diameter_nm[ends[0]]))
        highs.append(float(panel.diameter_nm[min(ends[1], len(cumulative) - 1)]))
    return min(lows) / 1.2, max(highs) * 1.2


def _heights(panels: Sequence[_Panel]) -> list[float]:
    """Return the height of each panel: one for all, or each its own where a sharp peak would flatten the others."""
    if flattened([float(panel.share.max()) for panel in panels]):
        return [_height([panel]) for panel in panels]
    return [_height(panels)] * len(panels)


def _height(panels: Sequence[_Panel]) -> float:
    """Return the height of all curves and bands of these panels."""
    top = max(float(share.max()) for panel in panels for share in (panel.share, *panel.beside))
    # a band may stand far above its curve: then it is cut, so that the curves are still to be seen
    return max(top, min(max(float(np.nan_to_num(panel.high).max()) for panel in panels), _MOST_BAND * top))


def shortened(names: Sequence[str], most: int) -> list[str]:
    """Shorten long names in the middle; names that then look alike are shown from their first difference on."""
    keep = most - 1
    short = [
        name if len(name) <= most else f"{name[: keep - keep // 2]}…{name[-(keep // 2) :]}" for name in names
    ]
    for words in {words for words in short if short.count(words) > 1}:
        alike = [i for i, found in enumerate(short) if found == words]
        letters = enumerate(zip(*(names[i] for i in alike), strict=False))
        start = next((place for place, each in letters if len(set(each)) > 1), 0)
        while start and names[alike[0]][start - 1].isdigit():  # a number is shown whole
            start -= 1
        for i in alike:
            if names[i] not in [names[j] for j in alike if j != i]:
                first = names[i][: most // 3]
                short[i] = f"{first}…{names[i][start:][: most - len(first) - 2]}…"
    return short
