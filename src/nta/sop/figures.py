"""The figures of a procedure: distributions of all videos on common axes, and their medians."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from nta.measurements.replicates import LEAST_FOR_BAND, mean_curve
from nta.quantity import CONFIDENCE
from nta.report.curves import central_range_nm, tenths_of_decade
from nta.report.figures.style import (
    BLUE,
    DENSITY_LABEL,
    GREY,
    INK,
    PER_CENT,
    WIDTH,
    Picture,
    house_style,
    log_axis,
    new_figure,
)
from nta.report.wording import count, number
from nta.sizes import Distribution
from nta.sop.outcome import PlannedVideo, ProcedureOutcome

_OUTSIDE = 0.005  # share of the particles outside the axis, at each end


def draw_all(outcome: ProcedureOutcome) -> tuple[Picture, ...]:
    """Draw both figures."""
    with house_style():
        return distributions(outcome), medians(outcome)


def distributions(outcome: ProcedureOutcome) -> Picture:
    """Draw the distribution of each video, and the mean distribution with its interval over videos."""
    curves = [n.distribution for n in outcome.numbers() if n.distribution is not None]
    title, name = "Size distributions of the videos", "sop_distributions"
    if not curves:
        return Picture(name=name, title=title, caption="No video has a size distribution.", figure=None)
    figure = new_figure((WIDTH, 3.8))
    axis = figure.subplots()
    diameter = curves[0].diameter_nm
    shares = np.stack([curve.weight for curve in curves]) / tenths_of_decade(curves[0].edges_nm)
    for share in shares:
        axis.plot(diameter, share, color=GREY, linewidth=0.8, alpha=0.8)
    mean, low, high = mean_curve(shares)
    axis.plot(diameter, mean, color=BLUE, linewidth=2)
    axis.fill_between(diameter, low, high, color=BLUE, alpha=0.25, linewidth=0)
    log_axis(axis)
    axis.set_xlim(*_range(curves))
    axis.set_ylim(bottom=0)
    axis.set_xlabel("hydrodynamic diameter, nm")
    axis.set_ylabel(DENSITY_LABEL)
    axis.yaxis.set_major_formatter(PER_CENT)
    caption = (
        f"Grey: the {curves[0].describes} of {count(len(curves), 'video')}, one line each. Blue: their mean"
        + (
            f", with its {100 * CONFIDENCE:g} % interval over videos (Student's t)."
            if len(curves) >= LEAST_FOR_BAND
            else "."
        )
        + " Equal areas are equal shares."
    )
    return Picture(name=name, title=title, caption=caption, figure=figure)


def medians(outcome: ProcedureOutcome) -> Picture:
    """Draw D50 of each video with its interval, and the mean."""
    title, name = "D50 of the videos", "sop_medians"
    rows = [video for video in outcome.of("sample") if _has_median(video)]
    spread = outcome.spreads.get("d50_nm")
    if not rows or spread is None:
        return Picture(name=name, title=title, caption="No video has a D50.", figure=None)
    figure = new_figure((WIDTH, 1.0 + 0.24 * len(rows)))
    axis = figure.subplots()
    if spread.low is not None and spread.high is not None:
        axis.axvspan(spread.low, spread.high, color=BLUE, alpha=0.2, linewidth=0)
    axis.axvline(spread.mean, color=BLUE, linewidth=1.2)
    for row, video in enumerate(rows):
        assert video.numbers is not None
        q = video.numbers.sizes["d50_nm"]
        if q.ends is not None:
            axis.plot(q.ends, [row, row], color=INK, linewidth=2, solid_capstyle="butt")
        axis.plot([q.value or 0.0], [row], marker="o", markersize=5, color=INK)
    axis.set_yticks(range(len(rows)), [video.step.name for video in rows])
    axis.set_ylim(len(rows) - 0.4, -0.6)
    axis.set_xlabel("D50, nm")
    caption = (
        f"Points: every video with the interval that its own tracks and the systematic budget give. Blue: the mean of "
        f"{count(len(rows), 'video')}, {number(spread.mean, 4)} nm"
        + (", with its interval over videos." if spread.low is not None else ".")
    )
    return Picture(name=name, title=title, caption=caption, figure=figure)


def _has_median(video: PlannedVideo) -> bool:
    return video.numbers is not None and video.numbers.sizes["d50_nm"].value is not None


def _range(curves: Sequence[Distribution]) -> tuple[float, float]:
    ends = [central_range_nm(curve, _OUTSIDE, 1 - _OUTSIDE) for curve in curves]
    return min(low for low, _ in ends) / 1.15, max(high for _, high in ends) * 1.15
