"""Figures of the image: a frame with tracks, and the number of spots per frame over time."""

from __future__ import annotations

from dataclasses import dataclass
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
from nta.report.figures.style import BLUE, HALF, INK, LIGHT, WIDTH, Picture, new_figure
from nta.report.wording import count, number
from nta.spots import SeenContrast

_WINDOW_S = (
    1.0  # tracks that begin within this time are drawn: enough to see motion, few enough to tell apart
)
_MOST_TRACKS = 250
_ZOOM = 5  # magnification of the detail
_MOST_PIXELS = 1400  # largest number of pixels along a side; more cannot be resolved on the page
_MOST_POINTS = 3000  # longest curve over time; a longer one is drawn as the range of neighbouring frames

# Parts of "plasma" (van der Walt and Smith, matplotlib 1.5) with contrast to the background; lightness is uniform,
# so that grey prints are readable too.
_ON_DARK = ListedColormap(colormaps["plasma"](np.linspace(0.38, 1.0, 128)), "on_dark")
_ON_LIGHT = ListedColormap(colormaps["plasma"](np.linspace(0.0, 0.72, 128)), "on_light")


@dataclass(frozen=True)
class _Box:
    """A part of the frame, in pixels."""

    left: float
    top: float
    width: float
    height: float

    def cut(self, image: NDArray[np.uint8]) -> tuple[NDArray[np.uint8], tuple[float, float, float, float]]:
        """Return the pixels of the box, binned if they are too many to be seen, and their extent."""
        rows = slice(int(self.top), int(np.ceil(self.top + self.height)))
        columns = slice(int(self.left), int(np.ceil(self.left + self.width)))
        part = image[rows, columns]
        coarse = max(1, int(np.ceil(max(part.shape) / _MOST_PIXELS)))
        high, wide = part.shape[0] // coarse * coarse, part.shape[1] // coarse * coarse
        blocks = part[:high, :wide].reshape(high // coarse, coarse, wide // coarse, coarse)
        left, top = columns.start - 0.5, rows.start - 0.5
        return blocks.mean(axis=(1, 3)).astype(np.uint8), (left, left + wide, top + high, top)


def frame_with_tracks(analysis: Analysis) -> Picture:
    """Draw the first frame with the tracks of the first second, and an enlarged detail."""
    name, title = "frame_with_tracks", "First frame with tracks"
    scene = analysis.spots.scene
    image = stretched(scene.example_image, scene.contrast)
    height, width = image.shape
    chosen = _tracks_to_draw(analysis)
    dark = scene.contrast != "dark"  # the background of bright spots
    edge = "white" if dark else INK
    norm = _diameter_norm(analysis, chosen)
    frame = _Box(0, 0, width, height)
    part = _detail(analysis, chosen, frame)

    figure = new_figure((WIDTH, WIDTH * 0.48 * height / width + (0.75 if norm else 0.1)))
    whole, detail = figure.subplots(1, 2)
    for axis, box, line in ((whole, frame, 0.9), (detail, part, 1.5)):
        pixels, extent = box.cut(image)
        axis.imshow(pixels, cmap="gray", vmin=0, vmax=255, interpolation="none", extent=extent)
        _draw_tracks(axis, analysis, chosen, norm, dark=dark, width=line)
        axis.set_xlim(box.left - 0.5, box.left + box.width - 0.5)
        axis.set_ylim(box.top + box.height - 0.5, box.top - 0.5)
        axis.set_xticks([])
        axis.set_yticks([])
        for spine in axis.spines.values():
            spine.set(visible=True, edgecolor=INK, linewidth=0.7)
        _scale_bar(axis, analysis.diffusion.pixel_size_um, box, edge)
    whole.add_patch(Rectangle((part.left, part.top), part.width, part.height, fill=False, edgecolor=edge))
    if norm is not None:
        _colour_bar(figure, (whole, detail), norm, dark=dark)
    return Picture(name=name, title=title, caption=_frame_caption(analysis, chosen), figure=figure)


def spots_per_frame(analysis: Analysis) -> Picture:
    """Draw the number of spots in each frame."""
    name, title = "spots_per_frame", "Spots per frame"
    scene = analysis.spots.scene
    if scene.n_frames < 2:
        return Picture(name=name, title=title, caption="Fewer than two frames.", figure=None)
    per_frame = analysis.spots.counts
    time = np.asarray(scene.frame_index * analysis.diffusion.frame_interval_s, dtype=np.float64)
    smooth = _running_mean(per_frame.astype(np.float64), max(1, scene.n_frames // 20))
    figure = new_figure(HALF)
    axis = figure.subplots()
    _draw_frames(axis, time, per_frame)
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


def _draw_frames(axis: Axes, time: FloatArray, per_frame: IntArray) -> None:
    """Draw the value of every frame, or the range over neighbouring frames if there are too many."""
    together = int(np.ceil(time.size / _MOST_POINTS))
    if together == 1:
        axis.plot(time, per_frame, color=LIGHT, linewidth=0.7)
        return
    n = time.size // together * together
    blocks = per_frame[:n].reshape(-1, together)
    least, most = blocks.min(axis=1), blocks.max(axis=1)
    axis.fill_between(time[:n:together], least, most, color=LIGHT, linewidth=0)


def stretched(image: NDArray[Any], contrast: SeenContrast) -> NDArray[np.uint8]:
    """Stretch grey values to 8 bit so that faint spots are visible.

    The scale is linear from the background (the median) to the strongest 0.05 % of the pixels, but spans at least ten
    robust standard deviations of the background (1.4826 times the median absolute deviation). A root then brightens faint
    spots.
    """
    sign = -1.0 if contrast == "dark" else 1.0
    light = sign * image.astype(np.float64)
    middle = float(np.median(light))
    noise = max(1.4826 * float(np.median(np.abs(light - middle))), 0.5)
    low, high = middle, max(float(np.quantile(light, 0.9995)), middle + 10 * noise)
    shown = np.clip((light - low) / (high - low), 0, 1) ** 0.7
    return np.rint(255 * (shown if sign > 0 else 1 - shown)).astype(np.uint8)


def _tracks_to_draw(analysis: Analysis) -> IntArray:
    """Return the tracks that begin in the first second, in the order of their first frame."""
    diffusion, scene = analysis.diffusion, analysis.spots.scene
    if not len(diffusion) or not scene.n_frames:
        return np.empty(0, dtype=np.int64)
    end = scene.frame_index[0] + _window_frames(analysis)
    rows = np.flatnonzero(diffusion.first_frame < end)
    return rows[np.argsort(diffusion.first_frame[rows], kind="stable")][:_MOST_TRACKS].astype(np.int64)


def _window_frames(analysis: Analysis) -> int:
    """Return the number of frames in the first second, at least one."""
    return max(1, round(_WINDOW_S / analysis.diffusion.frame_interval_s))


def _path(analysis: Analysis, track: int) -> FloatArray:
    """Return the positions (x, y) of a track in the image, with the drift added back."""
    start, stop = np.searchsorted(analysis.tracks.track, [track, track + 1])
    y, x = analysis.tracks.select(slice(int(start), int(stop))).in_image()
    return np.column_stack([x, y])


def _diameter_norm(analysis: Analysis, chosen: IntArray) -> Normalize | None:
    """Return the colour scale for the diameters of the drawn tracks, without outliers; None if no track has a size."""
    diameter, sizing = analysis.sizes.tracks.diameter_nm[chosen], analysis.settings.sizing
    known = diameter[(diameter >= sizing.grid_low_nm) & (diameter <= sizing.grid_high_nm)]
    if not known.size:
        return None
    low, high = np.quantile(known, [0.05, 0.95])
    return LogNorm(float(low), float(max(high, 1.05 * low)), clip=True)


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


def _detail(analysis: Analysis, chosen: IntArray, frame: _Box) -> _Box:
    """Return the part of the frame with the most sized tracks."""
    width, height = frame.width / _ZOOM, frame.height / _ZOOM
    sized = chosen[np.isfinite(analysis.sizes.tracks.diameter_nm[chosen])]
    shown = sized if sized.size else chosen
    if not shown.size:
        return _Box((frame.width - width) / 2, (frame.height - height) / 2, width, height)
    centres = np.array([_path(analysis, int(t)).mean(axis=0) for t in shown])
    near = np.abs(centres[:, None] - centres[None]) < np.array([width / 2, height / 2])
    x, y = centres[int(near.all(axis=2).sum(axis=1).argmax())]
    left = float(np.clip(x - width / 2, 0, frame.width - width))
    return _Box(left, float(np.clip(y - height / 2, 0, frame.height - height)), width, height)


def _scale_bar(axis: Axes, pixel_size_um: float, box: _Box, colour: str) -> None:
    """Draw a scale bar of a round length, about a fifth of the picture."""
    target = 0.2 * box.width * pixel_size_um
    step = 10 ** np.floor(np.log10(target))
    length = float(step * max(s for s in (1, 2, 5) if s * step <= target))
    x, y = box.left + 0.04 * box.width, box.top + 0.95 * box.height
    axis.plot([x, x + length / pixel_size_um], [y, y], color=colour, linewidth=2.5, solid_capstyle="butt")
    axis.text(x, y - 0.015 * box.height, f"{length:g} µm", color=colour, va="bottom", ha="left", fontsize=9)


def _colour_bar(figure: Figure, axes: tuple[Axes, ...], norm: Normalize, *, dark: bool) -> None:
    mappable = ScalarMappable(norm, _ON_DARK if dark else _ON_LIGHT)
    bar = figure.colorbar(
        mappable, ax=list(axes), orientation="horizontal", fraction=0.035, pad=0.02, aspect=60
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
    found = f"Circles: the {count(n_spots, 'spot')} found in this frame."
    parts = [found if n_spots else "No spot was found in this frame."]
    if chosen.size:
        sized = int(np.isfinite(analysis.sizes.tracks.diameter_nm[chosen]).sum())
        parts.append(
            f"Lines: {count(chosen.size, 'track')} that {'begins' if chosen.size == 1 else 'begin'} in the first "
            f"{_WINDOW_S:g} s ({count(_window_frames(analysis), 'frame')}), each drawn to its end, {sized} of them "
            "coloured by diameter; thin lines have no size (too short, or immobile). Right: the framed part, "
            f"{_ZOOM} times enlarged."
        )
    else:
        parts.append("No tracks begin here.")
    parts.append("Contrast is stretched for the eye.")
    return " ".join(parts)


def _running_mean(values: FloatArray, width: int) -> FloatArray:
    """Return the mean over a centred window, which is shorter at the ends."""
    total = np.concatenate([[0.0], np.cumsum(values)])
    at = np.arange(values.size)
    low, high = np.maximum(at - width, 0), np.minimum(at + width + 1, values.size)
    return np.asarray((total[high] - total[low]) / (high - low))
