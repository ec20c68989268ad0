"""Write control charts as a page and as PNG images."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import matplotlib.dates as mdates
import numpy as np
from matplotlib.axes import Axes

from nta.calibration import BeadCertificate
from nta.io.atomic import write_text
from nta.qc.baseline import GOOD_RUNS, QUANTITIES
from nta.qc.chart import Chart, ChartSet, Point
from nta.qc.rules import EWMA_WEIGHT, EWMA_WIDTH_SD, hints
from nta.quantity import fixed
from nta.report import document as doc
from nta.report import write_pictures
from nta.report.document.html import page
from nta.report.figures.style import (
    BLUE,
    GREEN,
    GREY,
    INK,
    LIGHT,
    VERMILLION,
    WIDTH,
    Picture,
    house_style,
    new_figure,
)
from nta.report.wording import capitalised, number, prettied, scientific

_STRETCH = (
    10  # a rule that a run broke is not written again beside so many runs after it: the words would overlap
)


def write_charts(sets: Sequence[ChartSet], path: str | Path, *, png: str | Path | None = None) -> Path:
    """Write the page of all charts. png : folder for each chart as PNG; None: no PNG."""
    pictures = {(i, c.quantity): _picture(s, c, i) for i, s in enumerate(sets) for c in s.charts}
    if png is not None:
        write_pictures(pictures.values(), png, ("png",))
    fewest = min((c.level.n for s in sets for c in s.charts), default=None)
    blocks = [
        doc.Title(
            "Nanoparticle tracking analysis", "Control charts", " · ".join(s.baseline.name for s in sets)
        ),
        *(
            block
            for i, s in enumerate(sets)
            for block in _of_set(s, [pictures[i, c.quantity] for c in s.charts])
        ),
        doc.Heading("The rules"),
        doc.Bullets(tuple((f"{name}:", f"{words}.") for name, words in hints(fewest).items())),
        doc.Paragraph(
            "Rules after Westgard et al., Clin. Chem. 27, 493 (1981); a rule is marked at the run that completes its "
            f"breaking. Moving average with weight {EWMA_WEIGHT:g} and limits of {EWMA_WIDTH_SD:g} of its standard "
            "deviations, Lucas and Saccucci, Technometrics 32, 1 (1990).",
            note=True,
        ),
    ]
    return write_text(path, page(blocks, "Control charts", doc.footer()))


def _of_set(charts: ChartSet, pictures: Iterable[Picture]) -> Iterator[doc.Block]:
    baseline = charts.baseline
    yield doc.Heading(baseline.name)
    broken = [_breaks(c, c.points[-1]) for c in charts.charts if not c.in_control]
    broken += [f"{_lower(QUANTITIES[name][0])} is not known" for name in charts.lacking]
    if charts.none_since and not broken:
        yield doc.Conclusion(
            group="",
            word="No run since the baseline",
            mood="open",
            sentence="The newest run is one that the baseline was made of; none came after it to be held against it.",
            confidence="",
        )
    else:
        yield doc.Conclusion(
            group="",
            word="In control" if charts.in_control else "Out of control",
            mood="pass" if charts.in_control else "fail",
            sentence=f"The newest run: {'; '.join(broken)}." if broken else "The newest run breaks no rule.",
            confidence="",
        )
    yield doc.Paragraph(f"Baseline of {baseline.date.isoformat()}: {baseline.source}.", note=True)
    for words in _doubts(charts):
        yield doc.Paragraph(words, note=True)
    for picture in pictures:
        yield doc.Pictures((picture,))
    rows = [_row(c, p) for c in charts.charts for p in c.points if p.rules or p.changed or p.failed]
    if rows:
        head = (
            "Quantity",
            "Run",
            "When",
            "Value",
            "Off the mean",
            "Breaks",
            "Assessment",
            "Changed before it",
        )
        yield doc.Table(head, tuple(rows), widths=(2, 0.6, 1.2, 1.2, 1, 1.5, 1, 2), numbers=(1, 3, 4))


def _breaks(chart: Chart, point: Point) -> str:
    return f"{_lower(chart.title)} breaks {', '.join(point.rules)}"


def _lower(title: str) -> str:
    return f"{title[0].lower()}{title[1:]}"


def _doubts(charts: ChartSet) -> Iterator[str]:
    few = {c.level.n for c in charts.charts if c.level.n < GOOD_RUNS}
    if few:
        doubt = 100 / np.sqrt(2 * (min(few) - 1))
        yield f"The baseline stands on {min(few)} runs: its SD, and so every limit, is known to {doubt:.0f} % only."
    if (off := charts.baseline.against_certificate()) is not None:
        yield f"{prettied(capitalised(off.evidence))}{f'. {capitalised(off.advice)}' if off.advice else ''}."
    yield from (f"{words}." for words in charts.missing)
    failed = sorted({p.run for c in charts.charts for p in c.points if p.failed})
    if failed:
        yield (
            f"Runs that failed their own assessment, hollow in the chart: {', '.join(map(str, failed))}. Their values "
            "say little of the instrument; see why in their results."
        )
    if any(p.changed for c in charts.charts for p in c.points):
        yield (
            "Settings, software or lot changed within the series (grey lines): what follows is compared with another way "
            "of measuring."
        )


def _row(chart: Chart, point: Point) -> tuple[doc.Cell, ...]:
    breaks: doc.Cell = doc.Mark("fail", ", ".join(point.rules)) if point.rules else ""
    when = f"{point.when:%Y-%m-%d %H:%M}"
    return (
        chart.title,
        str(point.run),
        when,
        _written(chart, point.value),
        f"{fixed(point.z, 1, signed=True)} SD".replace("-", "−"),
        breaks,
        doc.Mark("fail", "failed") if point.failed else "",
        point.changed,
    )


def _written(chart: Chart, value: float) -> str:
    return f"{scientific(value)} per ml" if chart.unit == "1/ml" else f"{number(value, 4)} {chart.unit}"


def _picture(charts: ChartSet, chart: Chart, index: int) -> Picture:
    name = f"{index + 1}_{chart.quantity}"
    with house_style():
        figure = new_figure((WIDTH, 3.6))
        top, below = figure.subplots(2, 1, sharex=True, height_ratios=(3, 1.4))
        certified = charts.baseline.certificate if chart.quantity == "d50_nm" else None
        _draw_values(top, chart, certified)
        _draw_average(below, chart)
        locator = mdates.AutoDateLocator()  # type: ignore[no-untyped-call]
        below.xaxis.set_major_locator(locator)
        below.xaxis.set_major_formatter(mdates.ConciseDateFormatter(locator))  # type: ignore[no-untyped-call]
    level = chart.level
    caption = (
        f"Mean {_written(chart, level.mean)} and lines at 1, 2 and 3 SD "
        f"({number(100 * level.sd / abs(level.mean))} % each) "
        f"of the baseline, {level.n} runs. Bars: 95 % interval of a run, with a triangle where it "
        "reaches beyond the axis. Below: moving average in SD, with its limits. "
        "Marked runs break rules; a rule stands beside the first run of a stretch that breaks it, and the table names all."
        + (
            " Grey dots: runs that the baseline was made of."
            if any(p.of_baseline for p in chart.points)
            else ""
        )
        + ("" if certified is None else f" Green: the certified {certified.diameter_nm:g} nm.")
    )
    return Picture(name=name, title=f"{chart.title}, {charts.baseline.name}", caption=caption, figure=figure)


def _draw_values(axis: Axes, chart: Chart, certified: BeadCertificate | None) -> None:
    level, when = chart.level, _dates(chart)
    values = np.array([p.value for p in chart.points])
    axis.axhline(level.mean, color=INK, linewidth=0.8)
    for k, line in ((1, ":"), (2, "--"), (3, "-")):
        for side in (-k, k):
            axis.axhline(
                level.mean + side * level.sd,
                color=GREY if k < 3 else VERMILLION,
                linewidth=0.7,
                linestyle=line,
            )
    for x, p in zip(when, chart.points, strict=True):
        if p.low is not None and p.high is not None:
            axis.plot([x, x], [p.low, p.high], color=LIGHT, linewidth=2.0, zorder=1)
        if p.changed:
            axis.axvline(x, color=GREY, linewidth=0.6, linestyle=(0, (1, 2)))
    axis.plot(when, values, color=BLUE, marker="o", markersize=3.5, linewidth=0.8, zorder=2)
    own = [(x, p.value) for x, p in zip(when, chart.points, strict=True) if p.of_baseline]
    if own:
        axis.plot(*zip(*own, strict=True), "o", color=GREY, markersize=3.5, zorder=3)
    failed = [(x, p.value) for x, p in zip(when, chart.points, strict=True) if p.failed]
    if failed:
        axis.plot(
            *zip(*failed, strict=True), "o", color=BLUE, markersize=3.5, markerfacecolor="white", zorder=4
        )
    for x, p, named in zip(when, chart.points, _named(chart), strict=True):
        if p.rules:
            axis.plot([x], [p.value], marker="s", markersize=6.5, color=VERMILLION, zorder=3)
            axis.annotate(
                "\n".join(named), (x, p.value), xytext=(0, 7 if p.z > 0 else -9), textcoords="offset points",
                ha="center", va="bottom" if p.z > 0 else "top", fontsize=7.5, color=VERMILLION, zorder=5,
            )  # fmt: skip
    reach = max(4.2, float(np.abs(chart.z()).max()) + 1.5) * level.sd
    if certified is not None:
        axis.axhline(certified.diameter_nm, color=GREEN, linewidth=1.2)
        reach = max(reach, 1.1 * abs(certified.diameter_nm - level.mean))
    axis.set_ylim(level.mean - reach, level.mean + reach)
    for x, p in zip(when, chart.points, strict=True):
        for end, mark, side in ((p.low, "v", -1), (p.high, "^", 1)):
            if end is not None and side * (end - level.mean) > reach:
                edge = level.mean + side * reach
                axis.plot([x], [edge], marker=mark, markersize=4, color=GREY, clip_on=False)
    axis.set_ylabel("per ml" if chart.unit == "1/ml" else chart.unit)


def _named(chart: Chart) -> Iterator[tuple[str, ...]]:
    """Yield the rules to write at each run: those that no run shortly before it breaks; EWMA has a panel of its own."""
    before: deque[tuple[str, ...]] = deque(maxlen=_STRETCH)
    for p in chart.points:
        known = {"EWMA", *(rule for rules in before for rule in rules)}
        yield tuple(rule for rule in p.rules if rule not in known)
        before.append(p.rules)


def _draw_average(axis: Axes, chart: Chart) -> None:
    when = _dates(chart)
    average, limit = (
        np.array([getattr(p, name) for p in chart.points]) for name in ("average", "average_limit")
    )
    axis.axhline(0, color=INK, linewidth=0.8)
    axis.plot(when, average, color=BLUE)
    for side in (-1, 1):
        axis.plot(when, side * limit, color=VERMILLION, linewidth=0.8)
    axis.set_ylabel("moving\naverage, SD")
    reach = 1.15 * float(max(np.abs(average).max(), limit.max()))
    axis.set_ylim(-reach, reach)


def _dates(chart: Chart) -> list[float]:
    return [float(mdates.date2num(p.when)) for p in chart.points]  # type: ignore[no-untyped-call, unused-ignore]
