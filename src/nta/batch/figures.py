"""The figures of the overview: a small size distribution for every recording, and the groups beside one another."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter, NullFormatter

from nta.batch.job import Job
from nta.batch.outcome import Curve, Outcome
from nta.batch.replicates import Replicates, group_of
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
)
from nta.report.wording import scientific

COLUMNS, ROWS = 5, 6
_COLOURS = (BLUE, VERMILLION, GREEN, ORANGE, SKY)
_ROW_HEIGHT = 1.25  # inches
_MOST_LETTERS = 22
_QUANTILES = (0.005, 0.995)
_TICKS_NM = (10, 20, 50, 100, 200, 500, 1000, 2000)
Done = tuple[Job, Outcome]


def small_multiples(done: Sequence[Done]) -> list[Picture]:
    """Draw the distribution of every recording on one scale, thirty to a figure."""
    drawn = [(job, outcome) for job, outcome in done if outcome.curve is not None]
    if not drawn:
        return []
    colours = group_colours(done)
    limits = _limits([o.curve for _, o in drawn if o.curve is not None])
    size = COLUMNS * ROWS
    return [
        _sheet(drawn[start : start + size], limits, colours, f"sizes_{start // size + 1}")
        for start in range(0, len(drawn), size)
    ]


def group_colours(done: Sequence[Done]) -> dict[str, str]:
    """Return a colour for every group, in the order in which they come; they repeat after five."""
    groups = dict.fromkeys(group_of(job, outcome) for job, outcome in done)
    named = [group for group in groups if group]
    return {"": BLUE, **{group: _COLOURS[i % len(_COLOURS)] for i, group in enumerate(named)}}


def replicate_figure(done: Sequence[Done], groups: Sequence[Replicates]) -> Picture | None:
    """Draw the videos of every group with their intervals, and the mean of the group with its own."""
    panels = [
        (name, label)
        for name, label in (("d50_nm", "median diameter D50, nm"), (_counted(groups), "particles per ml"))
        if name and any(r.quantity == name for r in groups)
    ]
    names = list(dict.fromkeys(r.group for r in groups))
    if not panels or not names:
        return None
    colours = group_colours(done)
    with house_style():
        figure = new_figure((WIDTH, 0.9 + 0.55 * len(names)))
        axes = figure.subplots(1, len(panels), sharey=True, squeeze=False)[0]
        for axis, (name, label) in zip(axes, panels, strict=True):
            for row, group in enumerate(names):
                _draw_videos(axis, row, colours[group], name, [o for j, o in done if group_of(j, o) == group])
            _draw_means(axis, [r for r in groups if r.quantity == name], names)
            axis.set_xlabel(label)
            if name != "d50_nm":
                axis.xaxis.set_major_formatter(FuncFormatter(lambda v, _: scientific(v)))
                axis.tick_params(axis="x", labelrotation=20)
        axes[0].set_yticks(range(len(names)), [_short(name) for name in names])
        axes[0].set_ylim(len(names) - 0.4, -0.6)
    return Picture(
        name="replicates",
        title="Replicates",
        caption="Points: the videos, each with the interval of its own analysis; open ones are cut off and not counted. "
        "Black: mean of the group with its 95 % interval over videos (Student's t), from the scatter between videos alone.",
        figure=figure,
    )


def _counted(groups: Sequence[Replicates]) -> str:
    """Return the concentration that is shown: in the sample where every group that has one has that."""
    having = {
        name: {r.group for r in groups if r.quantity == name}
        for name in ("in_sample_per_ml", "in_cell_per_ml")
    }
    if having["in_sample_per_ml"] and having["in_sample_per_ml"] >= having["in_cell_per_ml"]:
        return "in_sample_per_ml"
    return "in_cell_per_ml" if having["in_cell_per_ml"] else ""


def _draw_videos(axis: Axes, row: int, colour: str, name: str, videos: Sequence[Outcome]) -> None:
    shown = [v for v in videos if name in v.numbers]
    offsets = np.linspace(-0.2, 0.2, len(shown)) if len(shown) > 1 else [0.0]
    for offset, video in zip(offsets, shown, strict=False):
        quantity, y = video.numbers[name], row + float(offset)
        if quantity.low is not None and quantity.high is not None:
            axis.plot([quantity.low, quantity.high], [y, y], color=colour, linewidth=0.9, alpha=0.7)
        filled = colour if video.status == "result" else "white"
        axis.plot(
            np.array([quantity.value], float), [y], "o", markersize=4, color=colour, markerfacecolor=filled
        )


def _draw_means(axis: Axes, groups: Sequence[Replicates], names: Sequence[str]) -> None:
    for r in groups:
        y = names.index(r.group) + 0.33
        if r.mean.low is not None and r.mean.high is not None:
            axis.plot([r.mean.low, r.mean.high], [y, y], color=INK, linewidth=2, solid_capstyle="butt")
        axis.plot(np.array([r.mean.value], float), [y], "d", markersize=5, color=INK)


def _sheet(
    shown: Sequence[Done], limits: tuple[float, float, float], colours: dict[str, str], name: str
) -> Picture:
    rows = -(-len(shown) // COLUMNS)
    with house_style():
        figure = new_figure((WIDTH, 0.35 + _ROW_HEIGHT * rows))
        axes = figure.subplots(rows, COLUMNS, sharex=True, sharey=True, squeeze=False)
        for axis, (job, outcome) in zip(axes.flat, shown, strict=False):
            _panel(axis, job, outcome, limits, colours[group_of(job, outcome)])
        for axis in axes.flat[len(shown) :]:
            axis.set_axis_off()
        for column in range(COLUMNS):  # ticks below the last panel of each column
            last = max((r for r in range(rows) if r * COLUMNS + column < len(shown)), default=None)
            if last is not None:
                axes[last, column].tick_params(labelbottom=True)
        figure.supxlabel("hydrodynamic diameter, nm", fontsize=9)
    return Picture(
        name=name,
        title="Size distributions",
        caption="One panel a recording, all on one scale: number distribution over the logarithm of the diameter with its "
        "pointwise band; the line marks D50. Grey panels are of recordings that are cut off.",
        figure=figure,
    )


def _panel(axis: Axes, job: Job, outcome: Outcome, limits: tuple[float, float, float], colour: str) -> None:
    assert outcome.curve is not None
    low, high, top = limits
    x, (weight, below, above) = _density(outcome.curve)
    shade = GREY if outcome.status == "incomplete" else colour
    axis.fill_between(x, below, np.minimum(above, 1.05 * top), color=shade, alpha=0.25, linewidth=0)
    axis.plot(x, weight, color=shade, linewidth=1.2)
    d50 = outcome.numbers.get("d50_nm")
    if d50 is not None and d50.value is not None:
        axis.axvline(d50.value, color=INK, linewidth=0.6)
        axis.text(
            0.98, 0.93, f"{d50.value:.0f} nm", transform=axis.transAxes, ha="right", va="top", fontsize=8
        )
    axis.set_title(_short(job.name), fontsize=8, loc="left", color=INK, pad=2)
    axis.set_xscale("log")
    axis.set_xlim(low, high)
    axis.set_ylim(0, 1.05 * top)
    axis.set_yticks([])
    axis.spines["left"].set_visible(False)
    axis.axhline(0, color=LIGHT, linewidth=0.5)
    axis.set_xticks([tick for tick in _TICKS_NM if low <= tick <= high])
    axis.xaxis.set_major_formatter(FuncFormatter(lambda v, _: f"{v:g}"))
    axis.xaxis.set_minor_formatter(NullFormatter())


def _density(curve: Curve) -> tuple[np.ndarray, tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """Return diameters and shares per tenth of a decade, with their band."""
    edges = np.array(curve.edges_nm)
    width = 10 * np.diff(np.log10(edges))
    weight, low, high = (np.array(values) / width for values in (curve.weight, curve.low, curve.high))
    return np.sqrt(edges[1:] * edges[:-1]), (weight, low, high)


def _limits(curves: Sequence[Curve]) -> tuple[float, float, float]:
    """Return the diameters between which nearly everything lies, and the height of the highest curve."""
    lows, highs, tops = [], [], []
    for curve in curves:
        cumulative = np.cumsum(curve.weight)
        ends = [np.searchsorted(cumulative, q * cumulative[-1]) for q in _QUANTILES]
        lows.append(curve.edges_nm[int(ends[0])])
        highs.append(curve.edges_nm[min(int(ends[1]) + 1, len(curve.edges_nm) - 1)])
        tops.append(float(_density(curve)[1][0].max()))
    return min(lows) / 1.15, max(highs) * 1.15, max(tops)


def _short(name: str) -> str:
    """Return the end of a long name, which is what differs."""
    return name if len(name) <= _MOST_LETTERS else f"…{name[-_MOST_LETTERS + 1 :]}"
