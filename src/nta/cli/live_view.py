"""What `nta live` shows: a snapshot as rows of a terminal, drawn anew a few times a second."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

from nta.assessment import Verdict
from nta.live import Sizing, Snapshot
from nta.quantity import Quantity
from nta.report.wording import grouped, number, prettied, value_and_interval
from nta.sizes import Distribution

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.text import Text

_SPARKS = " ▁▂▃▄▅▆▇█"
_BAR = 44  # characters of the longest bar
_BINS = 16
_OUTSIDE = 0.01  # share of the particles beyond each end of what is drawn
_STYLES = {
    Verdict.PASS: "green",
    Verdict.WARN: "yellow",
    Verdict.FAIL: "bold red",
    Verdict.NOT_ASSESSED: "dim",
}


def view(snapshot: Snapshot, title: str, longest_s: float | None = None) -> RenderableType:
    """Return the whole view."""
    from rich.console import Group
    from rich.panel import Panel
    from rich.text import Text

    rows: list[RenderableType] = [_numbers(snapshot, longest_s), Text()]
    sizing = snapshot.sizing
    if sizing is not None and sizing.distribution is not None:
        rows += [*_bars(sizing.distribution), Text()]
    else:
        rows += [Text(_why_no_sizes(snapshot), style="dim"), Text()]
    rows += list(_advice(snapshot))
    return Panel(Group(*rows), title=f"[bold]{title}[/]", title_align="left", expand=False, width=100)


def line(snapshot: Snapshot) -> str:
    """Return the snapshot in one line, for where nobody watches a terminal."""
    sizing = snapshot.sizing
    parts = [
        f"{snapshot.elapsed_s:6.1f} s",
        f"{snapshot.frames} frames",
        f"{snapshot.frames_lost} lost",
        f"{number(snapshot.spots_per_frame)} particles per frame",
    ]
    if sizing is not None:
        parts.append(f"{sizing.n_tracks} tracks")
        if sizing.d50.value is not None:
            parts.append("D50 " + " ".join(_words(sizing.d50_statistical)))
    parts += [finding.title + ": " + finding.evidence for finding in snapshot.advice[:1]]
    return " | ".join(parts)


def _numbers(snapshot: Snapshot, longest_s: float | None) -> RenderableType:
    from rich.table import Table

    table = Table.grid(padding=(0, 3))
    table.add_column(style="dim")
    table.add_column()
    table.add_column(style="dim")
    table.add_column()
    left, right = list(_acquisition(snapshot, longest_s)), list(_results(snapshot))
    for i in range(max(len(left), len(right))):
        table.add_row(*(left[i] if i < len(left) else ("", "")), *(right[i] if i < len(right) else ("", "")))
    return table


def _acquisition(s: Snapshot, longest_s: float | None) -> Iterator[tuple[str, str]]:
    of = "" if longest_s is None else f" of at most {longest_s:g} s"
    yield "recording", f"{s.elapsed_s:.1f} s{of}"
    yield "frames", f"{grouped(s.frames)} at {number(s.frame_rate_hz)} Hz"
    yield "lost", f"[bold red]{s.frames_lost}[/]" if s.frames_lost else "[green]0[/]"
    shed = f", [yellow]{s.frames_shed} left out[/]" if s.frames_shed else ""
    yield "still to search", f"{s.frames_waiting}{shed}"
    if s.temperature_c is not None:
        yield "temperature", f"{s.temperature_c:.2f} °C"


def _results(s: Snapshot) -> Iterator[tuple[str, str]]:
    yield "particles per frame", f"{number(s.spots_per_frame)}  {sparks(s.recent_spots)}"
    sizing = s.sizing
    if sizing is None:
        return
    yield "tracks", f"{grouped(sizing.n_tracks)}, {grouped(sizing.n_tracks_used)} sized"
    if sizing.d50.value is None:
        return
    value, interval = _words(sizing.d50_statistical)
    yield "D50", f"[bold]{value}[/] {interval}"
    yield "D10, D90", f"{_words(sizing.d10)[0]}, {_words(sizing.d90)[0]}"
    within = sizing.d50_within
    if within is not None:
        yield "known to", f"±{100 * within:.1f} %" + _against(s)
        yield from _still_needed(s, sizing, within)


def _against(s: Snapshot) -> str:
    if s.target is None:
        return ""
    if s.enough:
        return f", [green]good enough[/] (±{100 * s.target:g} %)"
    return f", aim ±{100 * s.target:g} %"


def _still_needed(s: Snapshot, sizing: Sizing, within: float) -> Iterator[tuple[str, str]]:
    """Yield how long it still takes: the width of the interval goes with one over the root of the time."""
    if s.target is not None and not s.enough and within > s.target:
        total_s = sizing.at_s * (within / s.target) ** 2
        yield "good enough in", f"about {max(total_s - s.elapsed_s, 0):.0f} s"


def sparks(counts: tuple[int, ...], width: int = 24) -> str:
    """Return counts as a row of little bars, from zero to the largest."""
    if not counts:
        return ""
    parts = np.array_split(np.array(counts, dtype=float), min(width, len(counts)))
    means = [float(part.mean()) for part in parts]
    top = max(*means, 1e-9) if len(means) > 1 else max(means[0], 1e-9)
    return "".join(_SPARKS[round(8 * mean / top)] for mean in means)


def _bars(curve: Distribution) -> Iterator[Text]:
    """Yield a bar per bin of diameter: full up to the share, faint up to the upper end of its band."""
    from rich.text import Text

    low, high = _range(curve)
    edges = np.geomspace(low, high, _BINS + 1)
    share, upper = (_rebinned(curve, values, edges) for values in (curve.weight, np.nan_to_num(curve.high)))
    upper = np.maximum(upper, share)
    top = max(float(share.max()) * 1.25, 1e-9)
    for i in range(_BINS):
        solid = round(_BAR * share[i] / top)
        faint = max(0, min(_BAR, round(_BAR * upper[i] / top)) - solid)
        yield Text.assemble(
            (f"{edges[i]:6.0f} to {edges[i + 1]:4.0f} nm ", "dim"),
            ("█" * solid, "cyan"),
            ("░" * faint, "cyan dim"),
            (f" {100 * share[i]:.1f} %", ""),
        )


def _range(curve: Distribution) -> tuple[float, float]:
    """Return the diameters between which nearly all of the distribution lies."""
    cumulative = np.cumsum(curve.weight)
    low, high = np.searchsorted(cumulative, [_OUTSIDE, 1 - _OUTSIDE])
    last = curve.edges_nm.size - 1
    return float(curve.edges_nm[max(low - 1, 0)]), float(curve.edges_nm[min(high + 1, last)])


def _rebinned(curve: Distribution, weight: np.ndarray, edges: np.ndarray) -> np.ndarray:
    """Sum shares of the fine bins into coarse ones."""
    cumulative = np.append(0.0, np.cumsum(weight))
    return np.diff(np.interp(np.log(edges), np.log(curve.edges_nm), cumulative))


def _advice(s: Snapshot) -> Iterator[Text]:
    from rich.text import Text

    if s.fault:
        yield Text(f"live analysis stopped ({s.fault}); the recording goes on", style="bold red")
    if s.frames_shed:
        yield Text(
            "this computer is too slow to analyze live; the report will have every frame", style="yellow"
        )
    if s.enough:
        yield Text("enough: D50 is known as well as was asked for", style="bold green")
    for finding in s.advice:
        sign = "✕" if finding.verdict is Verdict.FAIL else "▲"
        yield Text(f"{sign} {finding.title}: {prettied(finding.evidence)}", style=_STYLES[finding.verdict])
        if finding.advice:
            yield Text(f"  → {finding.advice}")
    if s.sizing is not None and not s.advice:
        yield Text("✓ concentration, light, drift and number of tracks are good", style="green")


def _why_no_sizes(s: Snapshot) -> str:
    if s.sizing is None:
        return "sizes follow when the first frames are linked"
    return f"no distribution yet: {s.sizing.d50.method}"


def _words(quantity: Quantity) -> tuple[str, str]:
    value, interval = value_and_interval(quantity)
    return value, f"({interval})" if interval else ""
