"""Figures of what was seen: a frame with its tracks drawn on it, spots per frame over time."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.collections import LineCollection
from matplotlib.colors import ListedColormap, LogNorm, Normalize
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from matplotlib.ticker import FuncFormatter, NullFormatter
from numpy.typing import NDArray

from nta.columns import FloatArray, IntArray
from nta.pipeline import Analysis
from nta.report.figures.style import BLUE, HALF, INK, LIGHT, Picture, new_figure
from nta.report.wording import count, number

_WINDOW_S = 1.0  # tracks of the first second are drawn: enough to see motion, few enough to tell apart
_MOST_TRACKS = 250
_ZOOM = 5  # how many times the detail is enlarged

# parts of "plasma" (van der Walt and Smith, matplotlib 1.5) that stand out; even in lightness, also in grey print
_ON_DARK = ListedColormap(colormaps["plasma"](np.linspace(0.38, 1.0, 128)), "on_dark")
_ON_LIGHT = ListedColormap(colormaps["plasma"](np.linspace(0.0, 0.72, 128)), "on_light")


def frame_with_tracks(analysis: Analysis) -> Picture:
    """Draw the first frame with the tracks of the first second on it, and a detail of it enlarged."""
    name, title = "frame_with_tracks", "First frame with tracks"
    scene = analysis.spots.scene
    image = stretched(scene.example_image, scene.contrast)
    height, width = image.shape
    chosen = _tracks_to_draw(analysis)
    dark = scene.contrast != "dark"  # the background of bright spots
    figure = new_figure((10.4, 10.4 * 0.47 * height / width + 0.75))
    whole, detail = figure.subplots(1, 2)
    norm = _diameter_norm(analysis, chosen)
    for axis in (whole, detail):
        axis.imshow(image, cmap="gray", vmin=0, vmax=255, interpolation="none")
        axis.set_xticks([])
        axis.set_yticks([])
        for spine in axis.spines.values():
            spine.set_visible(False)
        _draw_tracks(axis, analysis, chosen, norm, dark=dark, width=0.9 if axis is whole else 1.5)
        axis.set_aspect("equal")
    left, top = _detail_corner(analysis, chosen, width, height)
    size = (width / _ZOOM, height / _ZOOM)
    for axis, box in ((whole, (0, 0, width, height)), (detail, (left, top, *size))):
        axis.set_xlim(box[0] - 0.5, box[0] + box[2] - 0.5)
        axis.set_ylim(box[1] + box[3] - 0.5, box[1] - 0.5)
        _scale_bar(axis, analysis.diffusion.pixel_size_um, box, dark=dark)
    edge = "white" if dark else INK
    whole.add_patch(Rectangle((left, top), *size, fill=False, edgecolor=edge, linewidth=0.9))
    for spine in detail.spines.values():
        spine.set(visible=True, edgecolor=INK, linewidth=0.9)
    if norm is not None:
        _colour_bar(figure, (whole, detail), norm, dark=dark)
    return Picture(name=name, title=title, caption=_frame_caption(analysis, chosen), figure=figure)


def spots_per_frame(analysis: Analysis) -> Picture:
    """Draw how many spots there are in each frame."""
    name, title = "spots_per_frame", "Particles per frame"
    scene = analysis.spots.scene
    if scene.n_frames < 2:
        return Picture(name=name, title=title, caption="Fewer than two frames.", figure=None)
    place = np.searchsorted(scene.frame_index, analysis.spots.frame)
    per_frame = np.bincount(place, minlength=scene.n_frames)[: scene.n_frames]
    time = scene.frame_index * analysis.diffusion.frame_interval_s
    smooth = _running_mean(per_frame.astype(np.float64), max(1, scene.n_frames // 20))
    figure = new_figure(HALF)
    axis = figure.subplots()
    axis.plot(time, per_frame, color=LIGHT, linewidth=0.7)
    axis.plot(time, smooth, color=BLUE)
    axis.set_xlim(time[0], time[-1])
    axis.set_ylim(0, max(1.0, 1.12 * float(per_frame.max())))
    axis.set_xlabel("time, s")
    axis.set_ylabel("spots in a frame")
    mean, spread = float(per_frame.mean()), float(per_frame.std())
    caption = (
        f"{number(mean)} spots per frame on average, standard deviation {number(spread, 2)} (counting alone: "
        f"{number(float(np.sqrt(mean)), 2)}). Grey: each frame; blue: running mean. A trend means that particles "
        "settle, stick or flow in. This is a count in view, not a concentration: that needs the depth of the layer "
        "that is seen."
    )
    return Picture(name=name, title=title, caption=caption, figure=figure)


def stretched(image: NDArray[Any], contrast: str) -> NDArray[np.uint8]:
    """Stretch grey values to 8 bit so that faint spots show: the background near one end, the strongest spots at the other.

    Linear from one robust standard deviation beyond the background to the strongest 0.05 %, then a root that lifts what
    is faint. The background is the median, its deviation 1.4826 times the median distance from it.
    """
    sign = -1.0 if contrast == "dark" else 1.0
    light = sign * image.astype(np.float64)
    middle = float(np.median(light))
    noise = max(1.4826 * float(np.median(np.abs(light - middle))), 0.5)
    low, high = middle - noise, max(float(np.quantile(light, 0.9995)), middle + 10 * noise)
    shown = np.clip((light - low) / (high - low), 0, 1) ** 0.7
    return np.rint(255 * (shown if sign > 0 else 1 - shown)).astype(np.uint8)


def _tracks_to_draw(analysis: Analysis) -> IntArray:
    """Choose the tracks that are in view in the first second, those of the first frame first."""
    diffusion, scene = analysis.diffusion, analysis.spots.scene
    if not len(diffusion) or not scene.n_frames:
        return np.empty(0, dtype=np.int64)
    last = scene.frame_index[0] + _WINDOW_S / diffusion.frame_interval_s
    rows = np.flatnonzero(diffusion.first_frame <= last)
    return rows[np.argsort(diffusion.first_frame[rows], kind="stable")][:_MOST_TRACKS].astype(np.int64)


def _path(analysis: Analysis, track: int) -> FloatArray:
    """Positions (x, y) of a track in the image, its drift put back."""
    tracks, scene = analysis.tracks, analysis.spots.scene
    start, stop = np.searchsorted(tracks.track, [track, track + 1])
    rows = slice(int(start), int(stop))
    at = np.searchsorted(scene.frame_index, tracks.frame[rows])
    x = tracks.x_px[rows] + tracks.linking.drift_x_px[at]
    y = tracks.y_px[rows] + tracks.linking.drift_y_px[at]
    return np.column_stack([x, y])


def _diameter_norm(analysis: Analysis, chosen: IntArray) -> Normalize | None:
    diameter = analysis.sizes.tracks.diameter_nm
    known = diameter[np.isfinite(diameter)]
    if not known.size or not np.isfinite(diameter[chosen]).any():
        return None
    low, high = np.quantile(known, [0.05, 0.95])
    return LogNorm(float(low), float(max(high, 1.05 * low)))


def _draw_tracks(
    axis: Axes, analysis: Analysis, chosen: IntArray, norm: Normalize | None, *, dark: bool, width: float
) -> None:
    diameter = analysis.sizes.tracks.diameter_nm[chosen]
    sized = np.isfinite(diameter)
    plain = [_path(analysis, int(t)) for t in chosen[~sized]]
    axis.add_collection(
        LineCollection(plain, colors="white" if dark else INK, linewidths=0.6 * width, alpha=0.65)
    )
    if norm is not None:
        paths = [_path(analysis, int(t)) for t in chosen[sized]]
        lines = LineCollection(paths, cmap=_ON_DARK if dark else _ON_LIGHT, norm=norm, linewidths=width)
        lines.set_array(diameter[sized])
        axis.add_collection(lines)
    here = analysis.spots.frame == analysis.spots.scene.frame_index[:1]
    axis.scatter(
        analysis.spots.x_px[here],
        analysis.spots.y_px[here],
        s=60 * width**2,
        facecolors="none",
        edgecolors="white" if dark else INK,
        linewidths=0.5 * width,
        alpha=0.8,
    )


def _detail_corner(analysis: Analysis, chosen: IntArray, width: int, height: int) -> tuple[float, float]:
    """Find the place where most spots of sized tracks lie: upper left corner (x, y) of the detail."""
    box_w, box_h = width / _ZOOM, height / _ZOOM
    sized = chosen[np.isfinite(analysis.sizes.tracks.diameter_nm[chosen])]
    shown = sized if sized.size else chosen
    if not shown.size:
        return (width - box_w) / 2, (height - box_h) / 2
    centres = np.array([_path(analysis, int(t)).mean(axis=0) for t in shown])
    near = np.abs(centres[:, None] - centres[None]) < np.array([box_w / 2, box_h / 2])
    x, y = centres[int(near.all(axis=2).sum(axis=1).argmax())]
    return (
        float(np.clip(x - box_w / 2, 0, width - box_w)),
        float(np.clip(y - box_h / 2, 0, height - box_h)),
    )


def _scale_bar(axis: Axes, pixel_size_um: float, box: tuple[float, ...], *, dark: bool) -> None:
    """Draw a bar of a round length, about a fifth of the picture."""
    target = 0.2 * box[2] * pixel_size_um
    step = 10 ** np.floor(np.log10(target))
    length = float(step * max(s for s in (1, 2, 5) if s * step <= target))
    colour = "white" if dark else INK
    x, y = box[0] + 0.04 * box[2], box[1] + 0.95 * box[3]
    axis.plot([x, x + length / pixel_size_um], [y, y], color=colour, linewidth=2.5, solid_capstyle="butt")
    axis.text(x, y - 0.015 * box[3], f"{length:g} µm", color=colour, va="bottom", ha="left", fontsize=9)


def _colour_bar(figure: Figure, axes: tuple[Axes, ...], norm: Normalize, *, dark: bool) -> None:
    mappable = ScalarMappable(norm, _ON_DARK if dark else _ON_LIGHT)
    bar = figure.colorbar(
        mappable, ax=list(axes), orientation="horizontal", fraction=0.035, pad=0.02, aspect=60, extend="both"
    )
    low, high = norm.vmin or 1.0, norm.vmax or 2.0
    bar.set_ticks(sorted({float(f"{v:.2g}") for v in np.geomspace(low, high, 5)}))
    bar.ax.xaxis.set_major_formatter(FuncFormatter(lambda v, _: f"{v:g}"))
    bar.ax.xaxis.set_minor_formatter(NullFormatter())
    bar.ax.minorticks_off()
    bar.set_label("diameter of the track, nm")
    bar.outline.set_visible(False)


def _frame_caption(analysis: Analysis, chosen: IntArray) -> str:
    n_spots = int((analysis.spots.frame == analysis.spots.scene.frame_index[:1]).sum())
    parts = [f"Circles: the {count(n_spots, 'spot')} found in this frame."]
    if chosen.size:
        sized = int(np.isfinite(analysis.sizes.tracks.diameter_nm[chosen]).sum())
        parts.append(
            f"Lines: {count(chosen.size, 'track')} of the first {_WINDOW_S:g} s and where they went, {sized} of them "
            "coloured by diameter; thin lines have no size (too short, or immobile). Right: the framed part, "
            f"{_ZOOM} times enlarged."
        )
    else:
        parts.append("No tracks begin here.")
    parts.append("Contrast is stretched for the eye.")
    return " ".join(parts)


def _running_mean(values: FloatArray, width: int) -> FloatArray:
    """Mean over a centred window, which is cut at the ends."""
    total = np.concatenate([[0.0], np.cumsum(values)])
    at = np.arange(values.size)
    low, high = np.maximum(at - width, 0), np.minimum(at + width + 1, values.size)
    return np.asarray((total[high] - total[low]) / (high - low))
