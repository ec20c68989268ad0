"""Figures of the visibility: detection curve, and visible volume for each size."""

from __future__ import annotations

import numpy as np
from matplotlib.ticker import FuncFormatter

from nta.physics import ML_PER_UM3
from nta.pipeline import Analysis
from nta.quantity import CONFIDENCE
from nta.report.curves import central_range_nm
from nta.report.figures.style import BLUE, GREY, HALF, VERMILLION, Picture, log_axis, new_figure
from nta.report.wording import number
from nta.sizes.numbers import clopper_pearson
from nta.visibility import DetectionCurve

_PERCENT = FuncFormatter(lambda v, _: f"{100 * v:g} %")


def detection(analysis: Analysis) -> Picture:
    """Draw the share of simulated spots that were detected, against their light."""
    name, title = "detection_curve", "Detection curve of this run"
    seen = analysis.visibility
    if seen is None or seen.curve is None:
        return Picture(
            name=name, title=title, caption="No simulated spots were put into the frames.", figure=None
        )
    curve = seen.curve
    figure = new_figure(HALF)
    axis = figure.subplots()
    light = np.geomspace(curve.light_e[0] / 1.2, curve.light_e[-1] * 1.2, 300)
    axis.plot(light, curve.probability(light, curve.width_px[0]), color=BLUE, label="in focus")
    wide = curve.probability(light, curve.width_px[2])
    times = f"{curve.width_px[2] / curve.width_px[0]:.1f} times as wide"
    axis.plot(light, wide, color=VERMILLION, linestyle="--", label=times)
    ends = [
        clopper_pearson(float(share), int(n), CONFIDENCE)
        for share, n in zip(curve.found_share, curve.found_count, strict=True)
    ]
    error = np.abs(np.transpose(ends) - curve.found_share)
    axis.errorbar(curve.light_e, curve.found_share, error, fmt="o", markersize=3.5, color=BLUE, linewidth=1)
    axis.axhline(0.5, color=GREY, linewidth=0.6, linestyle="--")
    log_axis(axis)
    axis.set_ylim(0, 1.03)
    axis.yaxis.set_major_formatter(_PERCENT)
    axis.set_xlabel("light of a spot, photo-electrons")
    axis.set_ylabel("found")
    axis.legend(loc="lower right")
    caption = (
        f"{curve.trials} simulated spots were put into the run's own frames and looked for by the run's own detector; "
        f"bars: {100 * CONFIDENCE:g} % intervals of the shares found, curves: the model fitted to all of them. "
        f"Half of the spots in focus are found at {number(float(curve.light_50_e[0]))} photo-electrons; of those well above "
        f"that {number(100 * curve.ceiling)} % are found{_of_bright(curve)}, the rest falls onto other particles."
    )
    return Picture(name=name, title=title, caption=caption, figure=figure)


def _of_bright(curve: DetectionCurve) -> str:
    if not curve.bright_share.size:
        return ""
    return f", of the brightest {number(100 * float(curve.bright_share[-1]))} %"


def visible_volume(analysis: Analysis) -> Picture:
    """Draw detection probability and visible volume against diameter."""
    name, title = "visible_volume", "What was seen of each size"
    seen = analysis.visibility
    if seen is None or seen.volume is None or seen.law is None:
        why = (seen.concentration.why_not or "; ".join(seen.notes)) if seen else "it was not measured"
        return Picture(name=name, title=title, caption=f"No visible volume: {why}.", figure=None)
    volume = seen.volume
    figure = new_figure(HALF)
    axis = figure.subplots()
    low, high = _range(analysis)
    axis.plot(volume.diameter_nm, volume.probability, color=BLUE)
    axis.set_ylim(0, 1.03)
    axis.yaxis.set_major_formatter(_PERCENT)
    axis.set_ylabel("found in a frame, in focus", color=BLUE)
    axis.set_xlabel("hydrodynamic diameter, nm")
    other = axis.twinx()
    other.plot(volume.diameter_nm, volume.volume_ml / ML_PER_UM3 / 1e3, color=VERMILLION, linestyle="--")
    other.set_ylabel("visible volume, 1000 µm³", color=VERMILLION)
    other.set_ylim(bottom=0)
    other.spines["right"].set_visible(True)
    if seen.limit_nm.value is not None:
        axis.axvspan(low, seen.limit_nm.value, color=GREY, alpha=0.18, linewidth=0)
    axis.set_xlim(low, high)
    law = seen.law
    caption = (
        f"For spheres of refractive index {law.refractive_index:.3f} ({law.index_source}). Grey band: below the "
        f"detection limit of {number(seen.limit_nm.value)} nm. Dashed: the volume in which a particle is lit, found "
        "and followed long enough to be sized; the concentration is the number seen divided by it."
    )
    return Picture(name=name, title=title, caption=caption, figure=figure)


def _range(analysis: Analysis) -> tuple[float, float]:
    """Return a range of diameters that contains the distribution and the detection limit."""
    curve = analysis.sizes.distribution
    assert curve is not None
    low, high = central_range_nm(curve, 0.005, 0.99)
    limit = analysis.visibility.limit_nm.value if analysis.visibility else None
    return 0.7 * min(low, limit or low), 1.4 * max(high, limit or high)
