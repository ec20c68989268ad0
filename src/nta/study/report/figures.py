"""The figures of a study: distributions, brightness maps, criteria with their margins, groups, trends."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from matplotlib.axes import Axes

from nta.assessment.integrity import FLAGGING, Arm, BrightnessCurve, Criterion, Decision
from nta.columns import FloatArray
from nta.errors import SettingError
from nta.quantity import student_half_width
from nta.report.curves import tenths_of_decade
from nta.report.figures.style import (
    BLUE,
    DENSITY_LABEL,
    GREEN,
    GREY,
    HALF,
    INK,
    LIGHT,
    ORANGE,
    PER_CENT,
    SKY,
    VERMILLION,
    WIDTH,
    Picture,
    house_style,
    label_log10,
    log_axis,
    new_figure,
)
from nta.report.wording import count
from nta.study.outcome import Judged, StudyOutcome, Trend
from nta.study.wording import as_read, measured_words

_COLOURS = (BLUE, VERMILLION, GREEN, ORANGE, SKY, INK)
_DASHES = ("-", "--", "-.", ":", (0, (5, 1, 1, 1, 1, 1)))
_GRID_NM = np.geomspace(30.0, 600.0, 160)
_BANDWIDTH = 0.08  # of ln diameter; small compared with the uncertainty of single tracks (0.2 and more)
_MOST = 2.6  # margins from no difference at which intervals are clipped
_DECIDED = {
    Decision.EQUIVALENT: (BLUE, "o", "equivalent"),
    Decision.CHANGED: (VERMILLION, "D", "changed"),
    Decision.INCONCLUSIVE: (GREY, "s", "not decided"),
}


def draw_all(outcome: StudyOutcome) -> dict[str, Picture]:
    """Draw all figures that have data, by name."""
    with house_style():
        return {picture.name: picture for picture in _pictures(outcome)}


def _pictures(outcome: StudyOutcome) -> Iterator[Picture]:
    yield distributions(outcome)
    for number, item in enumerate(outcome.judged):
        if any(c.comparison is not None for c in item.judgement.criteria.values()):
            yield criteria(item, number)
        if item.evidence.reference is not None and _has_light(item):
            yield brightness_maps(item, number)
    if recovery := _recovery(outcome.judged):
        yield recovery
    if outcome.groups_differ:
        yield side_by_side(outcome.judged)
    for trend in outcome.trends:
        yield course(trend)


def distributions(outcome: StudyOutcome) -> Picture:
    """Draw the size distributions of the reference and of all groups on common axes, with bands."""
    figure = new_figure((WIDTH, 3.6))
    axis = figure.subplots()
    for i, (name, arm) in enumerate(outcome.arms.items()):
        colour, dash = _COLOURS[i % len(_COLOURS)], _DASHES[i % len(_DASHES)]
        curves = np.array([_density(v.diameter_nm) for v in arm.videos if v.diameter_nm.size])
        if not len(curves):
            continue
        middle, half = curves.mean(axis=0), _half_width(curves)
        axis.fill_between(
            _GRID_NM, np.maximum(middle - half, 0), middle + half, color=colour, alpha=0.22, linewidth=0
        )
        label = f"{name}: {count(arm.n_tracks, 'track')}, {count(len(arm.videos), 'video')}"
        axis.plot(_GRID_NM, middle, color=colour, linestyle=dash, linewidth=1.8, label=label)
    log_axis(axis)
    axis.set_xlim(_GRID_NM[0], _GRID_NM[-1])
    axis.set_ylim(bottom=0)
    axis.set_xlabel("hydrodynamic diameter of the tracks, nm")
    axis.set_ylabel(DENSITY_LABEL)
    axis.yaxis.set_major_formatter(PER_CENT)
    if axis.get_legend_handles_labels()[0]:
        axis.legend(loc="upper right")
    caption = (
        "Every track counts once; the curves are means over videos and the bands their 95 % intervals (Student t). "
        f"Short tracks know their size roughly, so all curves are wider than the samples{_alike(outcome)}."
    )
    return Picture(name="distributions", title="Size distributions", caption=caption, figure=figure)


def _alike(outcome: StudyOutcome) -> str:
    """Return words on the track lengths of the arms: the shorter the tracks, the wider the curve."""
    lengths = {name: arm.track_frames for name, arm in outcome.arms.items()}
    known = {name: frames for name, frames in lengths.items() if frames is not None}
    if len(known) < len(lengths):
        return ", the more the shorter the tracks of an arm are"
    means = ", ".join(f"{frames:.0f} frames in {name}" for name, frames in known.items())
    return f", the more the shorter the tracks ({means}, on average)"


def criteria(item: Judged, number: int = 0) -> Picture:
    """Draw the interval of each criterion relative to its margin, on a common scale."""
    rows = [c for c in item.judgement.criteria.values() if c.comparison is not None]
    figure = new_figure((WIDTH, 0.75 + 0.34 * len(rows)))
    axis = figure.subplots()
    axis.axvspan(-1, 1, color=LIGHT, alpha=0.45, linewidth=0)
    axis.axvline(0, color=GREY, linewidth=0.6)
    for y, criterion in enumerate(rows):
        _draw_criterion(axis, y, criterion, item.judgement.decision(criterion.name))
    axis.set_yticks(range(len(rows)), [_starred(c) for c in rows])
    axis.set_ylim(len(rows) - 0.4, -0.6)
    axis.set_xlim(-_MOST - 0.1, _MOST + 2.4)
    axis.set_xticks([-2, -1, 0, 1, 2], ["", "lower margin", "equal", "upper margin", ""])
    axis.tick_params(axis="y", length=0)
    axis.spines["left"].set_visible(False)
    handles = [
        axis.plot([], [], color=colour, marker=marker, linewidth=2.4, label=label)[0]
        for colour, marker, label in _DECIDED.values()
    ]
    figure.legend(handles=handles, loc="outside upper center", ncols=3)
    caption = (
        f"Group {item.group} against the reference. Grey: the margin within which a difference counts as none. Thick bars "
        "are 90 % intervals (inside: equivalent), thin ones 95 % (outside, with p below 0.05 after Holm: changed), clipped "
        "at the edge of the plot. On the right the values with their 95 % intervals. The verdict rests on those with an "
        "asterisk; the others support."
    )
    return Picture(
        name=f"criteria_{number + 1}", title="Criteria against their margins", caption=caption, figure=figure
    )


def _draw_criterion(axis: Axes, y: int, criterion: Criterion, decision: Decision | None) -> None:
    c = criterion.comparison
    assert c is not None and decision is not None  # noqa: PT018
    colour, marker, _ = _DECIDED[decision]
    points = (c.low, c.equivalence_low, c.estimate, c.equivalence_high, c.high)
    low, inner_low, middle, inner_high, high = (
        float(np.clip(_scaled(criterion, v), -_MOST, _MOST)) for v in points
    )
    axis.plot([low, high], [y, y], color=colour, linewidth=1.2, solid_capstyle="butt")
    axis.plot([inner_low, inner_high], [y, y], color=colour, linewidth=3.6, solid_capstyle="butt")
    axis.plot([middle], [y], marker=marker, color=colour, markersize=6, markeredgecolor="white")
    words = measured_words(criterion).replace("95 % interval ", "")
    axis.text(_MOST + 0.15, y, words, va="center", fontsize=8.5)


def brightness_maps(item: Judged, number: int = 0) -> Picture:
    """Draw size against brightness for both arms on the same scale, with the curve of the reference in both."""
    reference = item.evidence.reference
    assert reference is not None
    figure = new_figure((WIDTH, 3.2))
    axes = figure.subplots(1, 2, sharex=True, sharey=True)
    both = [_points(arm) for arm in (reference, item.evidence.test)]
    light = np.concatenate([i for i, _ in both])
    span = np.percentile(light, [0.5, 99.5])
    for axis, (x, y), arm in zip(axes, both, (reference, item.evidence.test), strict=True):
        axis.hexbin(
            y,
            x,
            gridsize=45,
            cmap="Greys",
            bins="log",
            mincnt=1,
            extent=(np.log10(25), np.log10(500), *span),
            linewidths=0.1,
        )
        axis.set_title(f"{arm.name}, {count(x.size, 'track')}", loc="left")
        axis.set_xlabel("diameter of the track, nm")
        _curve(axis, reference)
    axes[0].set_ylabel("light of its spots, photo-electrons")
    for ticked in (axes[0].xaxis, axes[0].yaxis):
        label_log10(ticked)
    caption = (
        "One point per track, darker where there are more. The line is the reference's median diameter at a "
        "brightness, drawn where the criterion is read. Emptied vesicles lie right of it (dim for their size), "
        "lipoproteins and dense protein left."
    )
    return Picture(
        name=f"brightness_{number + 1}", title="Size and brightness", caption=caption, figure=figure
    )


def side_by_side(judged: Sequence[Judged]) -> Picture:
    """Draw the main criteria of all groups side by side."""
    names = [n for n in FLAGGING if any(_known(item, n) for item in judged)]
    if not names:
        return Picture(
            name="groups", title="Groups side by side", caption="No criterion could be computed.", figure=None
        )
    figure = new_figure((WIDTH, 0.9 + 0.3 * len(judged)))
    axes = np.atleast_1d(figure.subplots(1, len(names), sharey=True))
    for axis, name in zip(axes, names, strict=True):
        for y, item in enumerate(judged):
            if _known(item, name):
                _interval(axis, item, name, y)
        axis.set_title(_short(name), loc="left", fontsize=8.5)
        axis.locator_params(axis="x", nbins=3)
    axes[0].set_yticks(range(len(judged)), [item.group for item in judged])
    axes[0].set_ylim(len(judged) - 0.4, -0.6)
    caption = "Each group against the reference: value with 95 % interval, the margin in grey."
    return Picture(name="groups", title="Groups side by side", caption=caption, figure=figure)


def course(trend: Trend) -> Picture:
    """Draw a criterion against storage time or freeze-thaw cycles."""
    figure = new_figure(HALF)
    axis = figure.subplots()
    criterion = Criterion(name=trend.name, title=trend.title, scale=trend.scale, comparison=None)
    low, high = (as_read(criterion, v) for v in trend.margin)
    axis.axhspan(low, high, color=LIGHT, alpha=0.45, linewidth=0)
    x = [point[1] for point in trend.points]
    y, below, above = np.array([[as_read(criterion, v) for v in point[2:]] for point in trend.points]).T
    axis.errorbar(x, y, yerr=[y - below, above - y], color=BLUE, marker="o", capsize=3, linewidth=1.4)
    axis.set_xlabel(trend.along)
    axis.locator_params(axis="x", integer=True, nbins=6)
    axis.set_ylabel(f"{trend.title.lower()}, {'pp' if trend.scale == '1' else '%'}")
    caption = "Each group against the reference, with 95 % intervals; the margin in grey."
    return Picture(name=f"course_{trend.name}_{trend.along.split()[0]}", title=f"{trend.title} over {trend.along}",
                   caption=caption, figure=figure)  # fmt: skip


def _recovery(judged: Sequence[Judged]) -> Picture | None:
    known = [item for item in judged if _known(item, "recovery")]
    if not known:
        return None
    figure = new_figure((WIDTH, 0.9 + 0.36 * len(known)))
    axis = figure.subplots()
    for y, item in enumerate(known):
        _interval(axis, item, "recovery", y)
    axis.axvline(100, color=GREY, linewidth=0.6)
    axis.set_yticks(range(len(known)), [item.group for item in known])
    axis.set_ylim(len(known) - 0.4, -0.6)
    axis.set_xlim(left=0)
    axis.set_xlabel("particles, % of the reference")
    caption = (
        "Concentration × volume of the test arm over the reference, background subtracted, with 95 % interval; margin in "
        "grey. Tubes alone may take 15–51 % (Evtushenko 2020): a loss alone neither shows nor excludes damage."
    )
    return Picture(name="recovery", title="Recovery", caption=caption, figure=figure)


def _interval(axis: Axes, item: Judged, name: str, y: float) -> None:
    criterion, decision = item.judgement.criteria[name], item.judgement.decision(name)
    c = criterion.comparison
    assert c is not None and decision is not None  # noqa: PT018
    colour, marker, _ = _DECIDED[decision]
    low, middle, high = (as_read(criterion, v) for v in (c.low, c.estimate, c.high))
    left, right = (as_read(criterion, v) for v in (c.margin.low, c.margin.high))
    axis.fill_betweenx([y - 0.4, y + 0.4], left, right, color=LIGHT, alpha=0.45, linewidth=0)
    axis.plot([low, high], [y, y], color=colour, linewidth=2, solid_capstyle="butt")
    axis.plot([middle], [y], marker=marker, color=colour, markersize=6, markeredgecolor="white")


def _density(diameter_nm: FloatArray) -> FloatArray:
    """Return the kernel density of ln diameter on the grid per tenth of a decade, from a fine histogram."""
    step = np.log(_GRID_NM[1] / _GRID_NM[0])
    edges = np.exp(np.append(np.log(_GRID_NM) - step / 2, np.log(_GRID_NM[-1]) + step / 2))
    counts = np.histogram(diameter_nm, edges)[0] / diameter_nm.size
    reach = np.arange(-30, 31) * step / _BANDWIDTH
    kernel = np.exp(-0.5 * reach**2)
    return np.asarray(np.convolve(counts, kernel / kernel.sum(), mode="same") / tenths_of_decade(edges))


def _half_width(curves: FloatArray) -> FloatArray:
    return student_half_width(curves) if len(curves) > 1 else np.zeros(curves.shape[1])


def _scaled(criterion: Criterion, value: float) -> float:
    """Return a value on the scale on which the margin extends from -1 to 1."""
    c = criterion.comparison
    assert c is not None
    return value / (c.margin.high if value > 0 else -c.margin.low)


def _points(arm: Arm) -> tuple[FloatArray, FloatArray]:
    """Return log10 of brightness and of diameter in nm, of all tracks that have both."""
    light = np.concatenate([v.intensity for v in arm.videos])
    size = np.concatenate([v.diameter_nm for v in arm.videos])
    usable = np.isfinite(light) & (light > 0) & (size > 0)
    return np.log10(light[usable]), np.log10(size[usable])


def _curve(axis: Axes, reference: Arm) -> None:
    try:
        curve = BrightnessCurve.of(reference.videos)
    except SettingError:
        return
    axis.plot(
        curve.log_diameter / np.log(10), curve.log_intensity / np.log(10), color=VERMILLION, linewidth=2
    )


def _has_light(item: Judged) -> bool:
    return all(_points(arm)[0].size > 1 for arm in item.evidence.arms)


def _known(item: Judged, name: str) -> bool:
    criterion = item.judgement.criteria.get(name)
    return criterion is not None and criterion.comparison is not None


def _starred(criterion: Criterion) -> str:
    return (
        f"{criterion.title} *"
        if criterion.name in (*FLAGGING, "sealed", "detergent_labile")
        else criterion.title
    )


def _short(name: str) -> str:
    return {
        "d50": "median of the\ntracks, %",
        "above_150": "> 150 nm, pp",
        "above_200": "> 200 nm, pp",
        "below_60": "< 60 nm, pp",
        "recovery": "recovery, %",
        "size_at_brightness": "size at\nbrightness, %",
    }[name]
