"""Figures of motion: mean squared displacement, drift, track lengths."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from numpy.typing import NDArray

from nta.diffusion import EnsembleMotion
from nta.pipeline import Analysis
from nta.quantity import Z_95
from nta.report.figures.style import (
    BLUE,
    GREY,
    HALF,
    INK,
    LIGHT,
    VERMILLION,
    Picture,
    new_figure,
    plain_numbers,
)
from nta.report.wording import count, grouped, number, value_and_interval

_MOST_LINES = 150  # single tracks drawn behind the ensemble


def mean_squared_displacement(analysis: Analysis) -> Picture:
    """Draw the mean squared displacement of the ensemble with the line fitted to its first lags."""
    name, title = "mean_squared_displacement", "Mean squared displacement"
    msd = analysis.msd
    known = np.isfinite(msd.ensemble_um2)
    if not known.any():
        why = "No track may be given a size, so there is no ensemble whose displacements could be averaged."
        return Picture(name=name, title=title, caption=why, figure=None)
    figure = new_figure(HALF)
    axis = figure.subplots()
    lag, mean = msd.lag_s[known], msd.ensemble_um2[known]
    error = np.nan_to_num(msd.std_err_um2[known])
    top = 1.35 * float(np.max(mean + Z_95 * error))
    rows = np.flatnonzero(analysis.diffusion.has_size)
    shown = msd.track_um2[rows[:: max(1, rows.size // _MOST_LINES)]]
    single = [np.column_stack([msd.lag_s, squared]) for squared in shown]
    axis.add_collection(LineCollection(single, colors=LIGHT, linewidths=0.5, zorder=0))
    axis.errorbar(lag, mean, Z_95 * error, fmt="o", color=INK, markersize=4, linewidth=1, zorder=3)
    line = ""
    if np.isfinite(msd.diffusion_um2_s):
        last = msd.first_fit_lag + msd.fit_lags - 1
        line = f"blue: line through lags {msd.first_fit_lag} to {last}, dashed where it is only prolonged; "
        fitted = lag[msd.first_fit_lag - 1 : last]
        slope, offset = 4 * msd.diffusion_um2_s, msd.intercept_um2
        for x, dashes in ((np.array([0.0, fitted[-1]]), "-"), (np.array([fitted[-1], lag[-1]]), "--")):
            axis.plot(x, slope * x + offset, color=BLUE, linestyle=dashes, zorder=2)
        value, interval = value_and_interval(msd.diffusion)
        axis.text(
            0.03,
            0.96,
            f"D = {value}\n({interval})",
            transform=axis.transAxes,
            va="top",
            color=BLUE,
            fontsize=9,
        )
    axis.set_xlim(0, 1.04 * lag[-1])
    axis.set_ylim(min(0.0, 1.2 * float(np.nan_to_num(msd.intercept_um2))), top)
    axis.set_xlabel("lag, s")
    axis.set_ylabel("mean squared displacement, µm²")
    caption = (
        f"Black: mean over {count(int(msd.n_tracks[known][0]), 'track')} that may be given a size, with 95 % "
        f"intervals; {line}grey: single tracks. Free diffusion is straight. "
        "The slope is that of the mixture: a check on the motion, not "
        f"where the sizes come from.{_motion_words(msd.motion)}"
    )
    return Picture(name=name, title=title, caption=caption, figure=figure)


def _motion_words(motion: EnsembleMotion | None) -> str:
    """Return exponent and isotropy of the motion in words, as far as they are known."""
    if motion is None or motion.exponent.value is None or motion.isotropy.value is None:
        return ""
    (exponent, e_interval), (ratio, r_interval) = map(value_and_interval, (motion.exponent, motion.isotropy))
    return (
        f" Exponent {exponent} ({e_interval}), mobility along y over x {ratio} ({r_interval}): both are 1 for free "
        "diffusion."
    )


def drift(analysis: Analysis) -> Picture:
    """Draw the drift that was subtracted from the tracks."""
    name, title = "drift", "Drift"
    scene, linking = analysis.spots.scene, analysis.tracks.linking
    if scene.n_frames < 2 or analysis.tracks.n_tracks == 0:
        return Picture(name=name, title=title, caption="No tracks to see a drift from.", figure=None)
    pixel, interval = analysis.diffusion.pixel_size_um, analysis.diffusion.frame_interval_s
    time = scene.frame_index * interval
    figure = new_figure(HALF)
    axis = figure.subplots()
    for values, colour, label, dashes in (
        (linking.drift_x_px, BLUE, "x, to the right", "-"),
        (linking.drift_y_px, VERMILLION, "y, downwards", (0, (4, 1.5))),
    ):
        axis.plot(time, pixel * values, color=colour, linestyle=dashes, label=label)
    reach = pixel * max(float(np.ptp(linking.drift_x_px)), float(np.ptp(linking.drift_y_px)))
    if reach < pixel:  # The axis has a minimum range, so that a drift of nearly zero looks flat.
        axis.set_ylim(-pixel, pixel)
    axis.set_xlim(time[0], time[-1])
    axis.set_xlabel("time, s")
    axis.set_ylabel("drift, µm")
    axis.legend(loc="best")
    path = float(np.hypot(np.diff(linking.drift_x_px), np.diff(linking.drift_y_px)).sum()) * pixel
    caption = (
        f"Common motion of all particles, subtracted before sizing: {number(path)} µm in "
        f"{number(float(time[-1] - time[0]))} s. "
        + (
            "Only what is significant against Brownian motion counts as drift."
            if analysis.settings.linking.drift == "auto"
            else "Drift was not looked for (setting drift = none)."
        )
    )
    return Picture(name=name, title=title, caption=caption, figure=figure)


def track_lengths(analysis: Analysis) -> Picture:
    """Draw the distribution of track lengths."""
    name, title = "track_lengths", "Track lengths"
    n_points = analysis.diffusion.n_points
    if not n_points.size:
        return Picture(name=name, title=title, caption="No tracks.", figure=None)
    figure = new_figure(HALF)
    axis = figure.subplots()
    has_size = analysis.diffusion.has_size
    _draw_survival(axis, n_points, GREY, "all tracks", dashes=(0, (4, 1.5)))
    if has_size.any():
        _draw_survival(axis, n_points[has_size], BLUE, "with a size")
    axis.set_xscale("log")
    axis.set_yscale("log")
    plain_numbers(axis.xaxis)
    plain_numbers(axis.yaxis)
    least = analysis.settings.diffusion.min_track_frames
    axis.axvline(least, color=GREY, linewidth=0.6, linestyle=(0, (2, 3)))
    axis.set_xlabel("spots in a track, n")
    axis.set_ylabel("tracks with n spots or more")
    axis.legend(loc="upper right")
    median = float(np.median(n_points[has_size])) if has_size.any() else None
    caption = (
        f"{count(n_points.size, 'track')}, of which {grouped(int(has_size.sum()))} may be given a size"
        + (f" (median {median:.0f} spots)" if median else "")
        + f". Dotted: the least that the estimate takes, {least} spots. A track of n spots knows its diffusion to about "
        "1/√(n − 1) at best."
    )
    return Picture(name=name, title=title, caption=caption, figure=figure)


def _draw_survival(
    axis: Axes, n_points: NDArray[np.int32], colour: str, label: str, dashes: Any = "-"
) -> None:
    """Draw the number of tracks with at least a given length."""
    lengths, counts = np.unique(n_points, return_counts=True)
    at_least = np.cumsum(counts[::-1])[::-1]
    axis.step(lengths, at_least, where="pre", color=colour, linestyle=dashes, label=label)
