"""The two charts of a running recording, as SVG: distribution with band, and D50 over time."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from nta.columns import FloatArray
from nta.live import D50Point
from nta.quantity import Quantity
from nta.report.curves import central_range_nm, tenths_of_decade
from nta.report.figures.style import BLUE, DENSITY_LABEL, GREY, INK, LIGHT
from nta.report.markup import text
from nta.sizes import Distribution

_WIDTH, _LEFT, _RIGHT, _TOP, _BOTTOM = 460.0, 46.0, 12.0, 10.0, 40.0
_OUTSIDE = 0.005  # share of the particles outside the drawn range, at each end
# Ends of an axis, times a power of ten; with few possible ends the axis does not move with every update.
_ENDS = (1.0, 1.5, 2.0, 3.0, 4.0, 5.0, 6.0, 8.0, 10.0)
_LEAST_RATIO = 4.0  # of the ends of a diameter axis, so that beads are a peak and do not fill the chart
_TICKS = 5


@dataclass(frozen=True)
class _Axis:
    """An axis: conversion of values to px, and positions of the ticks."""

    low: float
    high: float
    start_px: float
    end_px: float
    ticks: tuple[float, ...]
    log: bool = False

    def px(self, values: FloatArray | float) -> FloatArray:
        v, low, high = np.asarray(values, dtype=np.float64), self.low, self.high
        if self.log:
            v, low, high = np.log(v), float(np.log(low)), float(np.log(high))
        share = np.clip((v - low) / (high - low), 0.0, 1.0)
        return np.asarray(self.start_px + share * (self.end_px - self.start_px))


def distribution_chart(
    curve: Distribution | None, d50: Quantity | None, why_none: str, height: float = 190.0
) -> str:
    """Draw the distribution on a logarithmic axis of diameters, with its band and the interval of D50."""
    if curve is None:
        return _empty(why_none, height)
    low_nm, high_nm = _range_nm(curve)
    widths = tenths_of_decade(curve.edges_nm)
    low, middle, high = (
        100 * w / widths for w in (np.nan_to_num(curve.low), curve.weight, np.nan_to_num(curve.high))
    )
    shown = (curve.diameter_nm >= low_nm) & (curve.diameter_nm <= high_nm)
    top = float(max(middle[shown].max(), min(high[shown].max(), 1.8 * middle[shown].max()), 1e-9))
    x = _Axis(low_nm, high_nm, _LEFT, _WIDTH - _RIGHT, _marks_nm(low_nm, high_nm), log=True)
    y = _linear(0.0, top, height - _BOTTOM, _TOP)
    at = x.px(curve.diameter_nm[shown])
    parts = [_grid(x, y, "hydrodynamic diameter, nm", DENSITY_LABEL, height)]
    parts.append(_band(at, y.px(low[shown]), y.px(high[shown])))
    parts.append(_line(at, y.px(middle[shown])))
    if d50 is not None and d50.value is not None:
        parts.append(_interval_of(d50, x, y))
    return _svg(parts, height, f"size distribution, {100 * curve.confidence:g} % band")


def history_chart(history: Sequence[D50Point], target: float | None, height: float = 140.0) -> str:
    """Draw D50 with its interval over time; dotted lines show the target interval."""
    known = [p for p in history if p.d50.value is not None and p.d50.ends is not None]
    if not known:
        return _empty("D50 over the time follows", height)
    at_s = np.array([p.at_s for p in known])
    low, middle, high = (np.array([getattr(p.d50, name) for p in known]) for name in ("low", "value", "high"))
    last = float(middle[-1])
    spread = max(float(np.quantile(high, 0.9) - last), float(last - np.quantile(low, 0.1)), 0.02 * last)
    spread = max(spread, 1.3 * (target or 0.0) * last)
    x = _linear(0.0, float(at_s[-1]), _LEFT, _WIDTH - _RIGHT)
    y = _linear(max(0.0, last - 1.15 * spread), last + 1.15 * spread, height - _BOTTOM, _TOP, from_zero=False)
    parts = [_grid(x, y, "time, s", "D50, nm", height)]
    parts.append(_band(x.px(at_s), y.px(low), y.px(high)))
    parts.append(_line(x.px(at_s), y.px(middle)))
    now, (below, above) = float(x.px(at_s[-1])), y.px(np.array((low[-1], high[-1])))
    parts.append(f'<line x1="{now:.1f}" x2="{now:.1f}" y1="{below:.1f}" y2="{above:.1f}" stroke="{BLUE}"/>')
    parts.append(f'<circle cx="{now:.1f}" cy="{y.px(last):.1f}" r="3" fill="{BLUE}"/>')
    aims = () if target is None else (last * (1 - target), last * (1 + target))
    parts += [_across(x, float(y.px(aim)), f'stroke="{GREY}" stroke-dasharray="2 4"') for aim in aims]
    return _svg(parts, height, "D50 over the time of the recording")


def _across(x: _Axis, at_px: float, look: str) -> str:
    return f'<line x1="{x.start_px}" x2="{x.end_px}" y1="{at_px:.1f}" y2="{at_px:.1f}" {look}/>'


def _interval_of(d50: Quantity, x: _Axis, y: _Axis) -> str:
    at, base = float(x.px(d50.value or 0.0)), y.start_px
    line = f'<line x1="{at:.1f}" x2="{at:.1f}" y1="{y.end_px}" y2="{base}" stroke="{INK}" stroke-dasharray="2 3"/>'
    if d50.ends is None:
        return line
    ends = x.px(np.array(d50.ends))
    return (
        f'{line}<line x1="{ends[0]:.1f}" x2="{ends[1]:.1f}" y1="{base}" y2="{base}" stroke="{INK}" stroke-width="4"/>'
        f'<text x="{at + 5:.1f}" y="{y.end_px + 9:.1f}" class="strong">D50</text>'
    )


def _range_nm(curve: Distribution) -> tuple[float, float]:
    """Return axis ends that contain nearly all of the distribution; they are round, so that they change in steps."""
    low, high = central_range_nm(curve, _OUTSIDE, 1 - _OUTSIDE, bins_beyond=1)
    short = max(1.0, (_LEAST_RATIO / (high / low)) ** 0.5)
    low, high = low / short, high * short
    below = max(end * 10**p for p in range(-1, 6) for end in _ENDS if end * 10**p <= low)
    above = min(end * 10**p for p in range(-1, 6) for end in _ENDS if end * 10**p >= high)
    return below, above


def _marks_nm(low: float, high: float) -> tuple[float, ...]:
    """Return ticks at 1, 2 and 5 times the powers of ten; more of them on a short axis."""
    steps = (1, 2, 5) if high / low > 8 else (1, 1.5, 2, 3, 4, 5, 6, 8)
    return tuple(step * 10.0**p for p in range(-1, 6) for step in steps if low <= step * 10.0**p <= high)


def _linear(low: float, high: float, start_px: float, end_px: float, *, from_zero: bool = True) -> _Axis:
    """Return an axis with round ticks; if it starts at zero, it ends at a tick, so that it grows in steps."""
    span = max(high - low, 1e-9)
    rough = span / _TICKS
    power = 10.0 ** np.floor(np.log10(rough))
    step = float(next(s * power for s in (1, 2, 2.5, 5, 10) if s * power >= rough))
    if from_zero:
        high = step * float(np.ceil(high / step))
    ticks = np.arange(np.ceil(low / step), np.floor(high / step) + 1) * step
    return _Axis(low, high, start_px, end_px, tuple(float(t) for t in ticks))


def _grid(x: _Axis, y: _Axis, x_words: str, y_words: str, height: float) -> str:
    base = y.start_px
    parts = [_across(x, base, f'stroke="{GREY}"')]
    for value, at in zip(y.ticks, y.px(np.array(y.ticks)), strict=True):
        parts.append(_across(x, at, f'stroke="{LIGHT}"'))
        parts.append(f'<text x="{x.start_px - 6}" y="{at + 4:.1f}" text-anchor="end">{value:g}</text>')
    for value, at in zip(x.ticks, x.px(np.array(x.ticks)), strict=True):
        parts.append(f'<line x1="{at:.1f}" x2="{at:.1f}" y1="{base}" y2="{base + 4}" stroke="{GREY}"/>')
        parts.append(f'<text x="{at:.1f}" y="{base + 16:.1f}" text-anchor="middle">{value:g}</text>')
    middle = (y.start_px + y.end_px) / 2
    parts.append(f'<text x="{x.end_px}" y="{height - 6:.1f}" text-anchor="end" class="axis">{x_words}</text>')
    parts.append(
        f'<text transform="translate(11 {middle:.1f}) rotate(-90)" text-anchor="middle" class="axis">{y_words}</text>'
    )
    return "".join(parts)


def _band(x: FloatArray, low: FloatArray, high: FloatArray) -> str:
    around = [*zip(x, high, strict=True), *zip(x[::-1], low[::-1], strict=True)]
    return f'<polygon points="{_points(around)}" fill="{BLUE}" fill-opacity="0.22"/>'


def _line(x: FloatArray, y: FloatArray) -> str:
    return (
        f'<polyline points="{_points(zip(x, y, strict=True))}" fill="none" stroke="{BLUE}" stroke-width="2"/>'
    )


def _points(pairs: Iterable[tuple[float, float]]) -> str:
    return " ".join(f"{x:.1f},{y:.1f}" for x, y in pairs)


def _empty(words: str, height: float) -> str:
    return _svg(
        [
            f'<rect x="1" y="1" width="{_WIDTH - 2}" height="{height - 2}" rx="6" fill="none" stroke="{LIGHT}" '
            f'stroke-dasharray="4 4"/><text x="{_WIDTH / 2}" y="{height / 2 + 4}" text-anchor="middle">{text(words)}</text>'
        ],
        height,
        words,
    )


def _svg(parts: Sequence[str], height: float, label: str) -> str:
    return (
        f'<svg class="nta-chart" viewBox="0 0 {_WIDTH:g} {height:g}" role="img" aria-label="{text(label)}">'
        f"{''.join(parts)}</svg>"
    )
