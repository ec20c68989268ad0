"""The figure of the size distribution: curve with band, histogram of single tracks, percentiles with intervals."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes

from nta.columns import FloatArray
from nta.pipeline import Analysis
from nta.report.curves import central_range_nm, tenths_of_decade
from nta.report.figures.style import (
    BLUE,
    DENSITY_LABEL,
    GREY,
    INK,
    LIGHT,
    PER_CENT,
    VERMILLION,
    WIDTH,
    Picture,
    log_axis,
    new_figure,
    powers_of_ten,
)
from nta.report.wording import (
    confidence_words,
    count,
    in_one,
    number,
    percent,
    suspension_from,
    value_and_interval,
    why_no_distribution,
)
from nta.sizes import Distribution
from nta.sizes.table import SUSPENSION, TRACKS
from nta.visibility import per_ml_by_size

# Ratio of the largest to the smallest diameter beyond which a linear axis hides the small diameters.
_LOG_FROM = 12.0
_MARKS = (("d10_nm", "D10"), ("d50_nm", "D50"), ("d90_nm", "D90"))
_TITLE = "Size distribution"
_NAME = "size_distribution"
_Entry = tuple[tuple[Artist, ...], str]  # entry of the legend: artists that share one label, and the label


@dataclass(frozen=True)
class _Scale:
    """Range and scale of the diameter axis; densities are per nm, or per tenth of a decade on a log axis."""

    low_nm: float
    high_nm: float
    log: bool

    @classmethod
    def of(cls, curve: Distribution, single_nm: FloatArray) -> _Scale:
        """Choose the range that contains the curve and nearly all single tracks."""
        low, high = central_range_nm(curve, 0.004, 0.99)
        if single_nm.size:
            low = min(low, float(np.quantile(single_nm, 0.01)))
            high = max(high, min(float(np.quantile(single_nm, 0.98)), 1.4 * high))
        if high / low > _LOG_FROM:
            return cls(low / 1.3, high * 1.3, True)
        margin = 0.15 * (high - low)
        return cls(max(0.0, low - margin), high + margin, False)

    def density(self, weight: FloatArray, edges_nm: FloatArray) -> FloatArray:
        """Return the share per nm or per tenth of a decade."""
        width = tenths_of_decade(edges_nm) if self.log else np.diff(edges_nm)
        return np.asarray(weight / width)

    def bins(self, n: int) -> FloatArray:
        """Return bin edges for a histogram of single tracks."""
        spread = np.geomspace if self.log else np.linspace
        return np.asarray(spread(max(self.low_nm, 1e-3), self.high_nm, n + 1))

    @property
    def label(self) -> str:
        return DENSITY_LABEL if self.log else "density, % per nm"


def size_distribution(analysis: Analysis) -> Picture:
    """Draw the size distribution."""
    sizes = analysis.sizes
    if sizes.distribution is None:
        return Picture(name=_NAME, title=_TITLE, caption=why_no_distribution(analysis), figure=None)
    single, weight = _single_tracks(analysis)
    scale = _Scale.of(sizes.distribution, single)
    figure = new_figure((WIDTH, 4.9))
    top, below = figure.subplots(2, 1, sharex=True, height_ratios=(5, 1))
    entries = [_draw_curve(top, scale, sizes.distribution, BLUE, _n_tracks(analysis))]
    if sizes.suspension is not None:
        entries.append(_draw_curve(top, scale, sizes.suspension, VERMILLION, "", dashed=True))
    entries.append(_draw_single_tracks(top, scale, single, weight))
    _draw_percentiles(top, below, analysis)
    entries += _draw_limit(top, analysis)
    top.set_ylabel(scale.label)
    top.yaxis.set_major_formatter(PER_CENT)
    top.set_ylim(bottom=0)
    top.set_xlim(scale.low_nm, scale.high_nm)
    if scale.log:
        log_axis(below)  # the upper axes share this axis
    top.legend(  # above the axes: any place inside would hide the peak of some sample
        [handles for handles, _ in entries],
        [label for _, label in entries],
        loc="lower left",
        bbox_to_anchor=(0, 1.01),
        borderaxespad=0,
        ncols=2,
        columnspacing=1.6,
    )
    below.set_xlabel("hydrodynamic diameter, nm")
    return Picture(name=_NAME, title=_TITLE, caption=_caption(analysis, scale), figure=figure)


def particles_per_ml(analysis: Analysis) -> Picture:
    """Draw the particles per ml and nm in suspension, in the sample if the dilution was stated."""
    name, title, seen = "particles_per_ml", "Particles per ml over diameter", analysis.visibility
    counted, total = analysis.sizes.suspension, seen.concentration.best_known_per_ml if seen else None
    if seen is None or total is None or total.value is None or counted is None:
        why = "Not known without a concentration and the distribution in suspension."
        return Picture(name=name, title=title, caption=why, figure=None)
    widths = np.diff(counted.edges_nm)
    density = [part / widths for part in per_ml_by_size(counted, total)]
    figure = new_figure((WIDTH, 3.2))
    axis = figure.subplots()
    _draw_band(axis, counted, density, VERMILLION)
    scale = _Scale.of(counted, np.empty(0))
    axis.set_xlim(scale.low_nm, scale.high_nm)
    if scale.log:
        log_axis(axis)
    axis.set_ylim(bottom=0)
    where = "sample" if seen.concentration.dilution else "cell"
    powers_of_ten(axis.yaxis, float(np.nanmax(density)), f"particles per ml and nm, in the {where}")
    axis.set_xlabel("hydrodynamic diameter, nm")
    diluted = (
        f"with the dilution of {seen.concentration.dilution:g} applied"
        if seen.concentration.dilution
        else "no dilution was stated"
    )
    caption = (
        f"The concentration of {in_one(total)} divided over the diameters of the particles that it counts, those in "
        f"suspension from {suspension_from(analysis)} on; in the {where}, {diluted}. The area below the line is the "
        "concentration. Band: 95 % at each diameter, shares and concentration together, their errors taken as independent. "
        "The numbers are in distribution.csv."
    )
    return Picture(name=name, title=title, caption=caption, figure=figure)


def _single_tracks(analysis: Analysis) -> tuple[FloatArray, FloatArray]:
    """Return the diameters of the tracks used, and their weights."""
    diameter = analysis.sizes.tracks.diameter_nm
    settings = analysis.settings.sizing
    used = analysis.diffusion.used(settings.min_points)
    by_time = settings.counting == "time"
    weight = analysis.diffusion.n_points if by_time else np.ones(len(analysis.diffusion))
    return diameter[used], np.asarray(weight[used], dtype=np.float64)


def _draw_single_tracks(axis: Axes, scale: _Scale, single_nm: FloatArray, weight: FloatArray) -> _Entry:
    edges = scale.bins(int(np.clip(2 * single_nm.size ** (1 / 2.5), 12, 80)))
    counts, _ = np.histogram(single_nm, edges, weights=weight)
    density = scale.density(counts / max(float(weight.sum()), 1.0), edges)
    steps = axis.stairs(density, edges, fill=True, color=LIGHT, alpha=0.8, zorder=0)
    return (steps,), f"estimates of the {count(single_nm.size, 'single track')}, blurred by their own error"


def _draw_curve(
    axis: Axes, scale: _Scale, curve: Distribution, colour: str, n_tracks: str, *, dashed: bool = False
) -> _Entry:
    known = (
        np.cumsum(curve.weight) > 0
    )  # the distribution in suspension begins where its volume is known, not at zero
    shares = (np.where(known, share, np.nan) for share in (curve.weight, curve.low, curve.high))
    drawn = _draw_band(axis, curve, [scale.density(w, curve.edges_nm) for w in shares], colour, dashed=dashed)
    label = f"{_name_of(curve)}, {100 * curve.confidence:g} % band"
    return drawn, f"{label}, {n_tracks}" if n_tracks else label


def _draw_band(
    axis: Axes, curve: Distribution, density: Sequence[FloatArray], colour: str, *, dashed: bool = False
) -> tuple[Artist, ...]:
    """Draw a density and the ends of its band over the diameters of a curve."""
    x, (middle, low, high) = curve.diameter_nm, density
    band = axis.fill_between(x, low, high, color=colour, alpha=0.25, linewidth=0)
    (line,) = axis.plot(x, middle, color=colour, linewidth=1.8, linestyle="--" if dashed else "-")
    return band, line


def _draw_percentiles(top: Axes, below: Axes, analysis: Analysis) -> None:
    """Draw D10, D50 and D90 with intervals on a separate strip, and hairlines up to the curve."""
    rows = [(name, analysis.sizes.summary.get(key)) for key, name in _MARKS]
    for row, (name, q) in enumerate(rows):
        if q is None or q.value is None:
            continue
        if q.ends is not None:
            below.plot(q.ends, [row, row], color=INK, linewidth=2.2, solid_capstyle="butt")
        below.plot([q.value], [row], marker="o", markersize=5, color=INK)
        top.axvline(q.value, color=GREY, linewidth=0.6, linestyle=(0, (2, 3)), zorder=0)
        value, interval = value_and_interval(q)
        at = q.high if q.high is not None and np.isfinite(q.high) else q.value
        below.annotate(
            f"{name}  {value}" + (f"  ({interval})" if interval else ""),
            (at, row),
            xytext=(7, 0),
            textcoords="offset points",
            va="center",
            fontsize=8.5,
        )
    below.set_ylim(len(_MARKS) - 0.4, -0.6)
    below.set_yticks([])
    below.spines["left"].set_visible(False)


def _draw_limit(axis: Axes, analysis: Analysis) -> list[_Entry]:
    """Hatch the range below the detection limit; grey is already used for the single tracks."""
    seen = analysis.visibility
    if seen is None or seen.limit_nm.value is None or seen.law is None:
        return []
    hatched = axis.axvspan(
        0.1, seen.limit_nm.value, facecolor="none", edgecolor=GREY, alpha=0.55, hatch="///", linewidth=0
    )
    share = percent(seen.share_below_limit)
    words = f"below the detection limit of {number(seen.limit_nm.value)} nm: {share} of the result"
    return [((hatched,), words)]


def _n_tracks(analysis: Analysis) -> str:
    return count(analysis.sizes.n_tracks_used, "track")


def _name_of(curve: Distribution) -> str:
    """Return an unambiguous name for the population that a curve describes."""
    return {
        SUSPENSION: "in suspension (corrected for visibility)",
        TRACKS: "particles in view, every track counted once",
    }.get(curve.describes, curve.describes)


def _caption(analysis: Analysis, scale: _Scale) -> str:
    sizes = analysis.sizes
    assert sizes.distribution is not None
    words = [
        f"The line is the number distribution of the {_name_of(sizes.distribution)} ({sizes.distribution.method}); "
        f"the band holds it with {confidence_words(analysis)} confidence at each diameter.",
        "Grey: the diameters of the single tracks, one estimate each. A short track knows its diffusion only roughly, so "
        "the grey is wider than the sample.",
    ]
    if sizes.suspension is None:
        words.append(
            "In view is not in suspension: bright particles are seen in a deeper layer, and that depth is not calibrated "
            "here."
        )
    else:
        words.append(
            "Dashed: the same particles as they are in suspension, where log-normal populations are taken for what the "
            "volume of each diameter lets be seen of them; only from the diameter on at which that volume is known well."
        )
    seen = analysis.visibility
    if seen is None or seen.limit_nm.value is None:
        words.append("The detection limit in nm is not known without a calibrated light sheet.")
    else:
        words.append(f"Hatched: below the detection limit ({seen.limit_nm.method}).")
    if scale.log:
        words.append("Logarithmic axis: equal areas are equal shares.")
    return " ".join(words)
