"""Figures of scattered light: brightness against diameter, signal-to-noise ratio of the spots."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap

from nta.assessment.recording.instrument import doubt_about_gain
from nta.columns import BoolArray, FloatArray
from nta.pipeline import Analysis
from nta.report.figures.style import (
    BLUE,
    GREY,
    HALF,
    INK,
    LIGHT,
    Picture,
    label_log10,
    log_axis,
    new_figure,
)
from nta.report.wording import count, number
from nta.visibility import light_of_spheres

_LINES_OF_INDEX = (1.36, 1.40, 1.46, 1.60)
_SINGLE_POINTS = 1500  # most tracks that are drawn as points; more are drawn as a density
_DENSITY = LinearSegmentedColormap.from_list("density", ["#ffffff", "#9ecae1", BLUE, "#08306b"])


def brightness_map(analysis: Analysis) -> Picture:
    """Draw brightness against diameter, one point per track."""
    name, title = "brightness_map", "Diameter and brightness"
    diameter, light = analysis.sizes.tracks.diameter_nm, analysis.diffusion.intensity
    low_nm, high_nm = analysis.settings.sizing.grid_low_nm, analysis.settings.sizing.grid_high_nm
    known = np.isfinite(diameter) & (light > 0) & np.isfinite(light)
    shown = known & (diameter >= low_nm) & (diameter <= high_nm)
    if shown.sum() < 2:
        why = "Fewer than two tracks have both a diameter and a brightness."
        return Picture(name=name, title=title, caption=why, figure=None)
    x, y = np.log10(diameter[shown]), np.log10(light[shown].astype(np.float64))
    figure = new_figure(HALF)
    axis = figure.subplots()
    if x.size <= _SINGLE_POINTS:
        axis.scatter(x, y, s=8, color=BLUE, alpha=0.4, linewidths=0)
    else:
        axis.hist2d(x, y, bins=(70, 50), cmap=_DENSITY, cmin=1, rasterized=True)
    axis.set_xlim(*_span(x))
    axis.set_ylim(*_span(y))
    _draw_blur(axis, analysis, shown)
    indices = _draw_indices(axis, analysis)
    for which in (axis.xaxis, axis.yaxis):
        label_log10(which)
    axis.set_xlabel("hydrodynamic diameter of the track, nm")
    source = analysis.spots.scene.camera.source
    doubt = doubt_about_gain(analysis.spots.scene.camera, analysis.recording)
    unit = "in units of an estimated gain" if doubt else "photo-electrons"
    axis.set_ylabel(f"light of its spots, {unit}")
    outside = int(known.sum() - shown.sum())
    caption = (
        f"{count(int(shown.sum()), 'track')} with a size"
        + (f" ({outside} beyond {low_nm:g}–{high_nm:g} nm not shown)" if outside else "")
        + ". Particles much smaller than the wavelength scatter with the sixth power of their diameter; "
        "what lies far off the trend differs in refractive index, or is more than one particle. The bar is the "
        "median interval of a single track's diameter; brightness also varies with the depth in the light sheet."
        + (
            ""
            if source != "estimated"
            else f" The camera model is doubtful: {doubt}."
            if doubt
            else " Photo-electrons by a camera model estimated from this recording."
        )
        + indices
    )
    return Picture(name=name, title=title, caption=caption, figure=figure)


def _draw_indices(axis: Axes, analysis: Analysis) -> str:
    """Draw the brightness of spheres of a few refractive indices, if it is calibrated; return words for the caption."""
    seen = analysis.visibility
    if seen is None or seen.indices is None:
        return ""
    low, high = axis.get_xlim()
    x = np.linspace(low, high, 80)
    bottom, top = axis.get_ylim()
    for index in _LINES_OF_INDEX:
        light = np.log10(light_of_spheres(seen, analysis.conditions, analysis.profile, 10**x, index))
        axis.plot(x, light, color=GREY, linewidth=0.7, linestyle="--")
        inside = np.flatnonzero((light > bottom) & (light < top))
        if inside.size:
            rising = np.split(inside, np.flatnonzero(np.diff(inside) > 1) + 1)[0]
            at = rising[-1] - rising.size // 12
            axis.annotate(f"{index:g}", (x[at], light[at]), fontsize=7, color=GREY)
    axis.set_ylim(bottom, top)
    median = float(np.nanmedian(seen.indices.refractive_index))
    half = float(np.nanmedian(seen.indices.high - seen.indices.low)) / 2
    named = ", ".join(f"{index:g}" for index in _LINES_OF_INDEX)
    return (
        f" Dashed: spheres of refractive index {named} at the mean depth. Median of the tracks {median:.3f}; a single "
        f"track knows its index to ± {half:.2f} (95 %)."
    )


def spot_light(analysis: Analysis) -> Picture:
    """Draw the signal-to-noise ratio of all spots, with the detection threshold."""
    name, title = "signal_over_noise", "Signal-to-noise ratio"
    snr = analysis.spots.snr
    snr = snr[np.isfinite(snr) & (snr > 0)]
    if not snr.size:
        return Picture(name=name, title=title, caption="No spots.", figure=None)
    figure = new_figure(HALF)
    axis = figure.subplots()
    low, high = float(snr.min()), float(snr.max())
    edges = np.geomspace(low * 0.98, max(high, low * 1.1) * 1.02, 61)
    in_track = np.zeros(len(analysis.spots), dtype=bool)
    in_track[analysis.tracks.spot] = True
    axis.hist(snr, edges.tolist(), color=LIGHT, label="all spots")
    tracked = analysis.spots.snr[in_track]
    axis.hist(tracked, edges.tolist(), color=BLUE, alpha=0.75, histtype="stepfilled", label="in a track")
    threshold = analysis.spots.scene.threshold_sd
    axis.axvline(threshold, color=GREY, linewidth=0.8, linestyle="--")
    log_axis(axis)
    axis.set_xlabel("signal-to-noise ratio of a spot")
    axis.set_ylabel("spots")
    axis.set_ylim(top=1.25 * axis.get_ylim()[1])  # room for the legend above the bars
    axis.legend(loc="upper right", ncols=2)
    caption = (
        f"{count(len(analysis.spots), 'spot')}, median {number(float(np.median(snr)))}. Dashed: the detection threshold, "
        f"{number(threshold)} standard deviations of the noise. It is put to the filtered picture; the fit of a spot may "
        "find a little less light than that, so that some spots lie below the line. A distribution cut off steeply there "
        "means that fainter particles were missed."
    )
    return Picture(name=name, title=title, caption=caption, figure=figure)


def _draw_blur(axis: Axes, analysis: Analysis, shown: BoolArray) -> None:
    """Draw the median uncertainty of a single track's diameter in a corner."""
    sizes = analysis.sizes.tracks
    low, high = (
        float(np.median(np.log10(v[shown] / sizes.diameter_nm[shown]))) for v in (sizes.low_nm, sizes.high_nm)
    )
    if not (np.isfinite(low) and np.isfinite(high)):
        return
    left, right = axis.get_xlim()
    y = axis.get_ylim()[0] + 0.06 * float(np.ptp(axis.get_ylim()))
    centre = right - high - 0.03 * (right - left)
    axis.plot([centre + low, centre + high], [y, y], color=INK, linewidth=1, marker="|", markersize=5)
    axis.plot([centre], [y], color=INK, marker="o", markersize=3)


def _span(values: FloatArray) -> tuple[float, float]:
    """Return a range that shows nearly all points and ignores outliers."""
    low, high = np.quantile(values, [0.002, 0.998])
    margin = max(0.06 * float(high - low), 0.04)
    return float(low) - margin, float(high) + margin
