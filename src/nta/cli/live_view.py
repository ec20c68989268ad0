"""The terminal view of `nta live`, redrawn a few times per second from a snapshot."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice, zip_longest
from typing import TYPE_CHECKING

import numpy as np

from nta.assessment import Verdict
from nta.live import Snapshot
from nta.live.wording import Piece, Row, lines, recording_rows, result_rows, why_no_sizes, with_interval
from nta.report.curves import central_range_nm
from nta.report.wording import number
from nta.sizes import Distribution
from nta.sizes.numbers import rebinned

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.text import Text

_BAR = 44  # characters in the longest bar
_BINS = 16
_OUTSIDE = 0.01  # share of the particles outside the drawn range, at each end
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
        rows += [Text(why_no_sizes(snapshot), style="dim"), Text()]
    rows += list(_advice(snapshot))
    return Panel(Group(*rows), title=f"[bold]{title}[/]", title_align="left", expand=False, width=100)


def line(snapshot: Snapshot) -> str:
    """Return the snapshot in one line, for output that is not a terminal."""
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
            parts.append("D50 " + " ".join(with_interval(sizing.d50_statistical)))
    bad = (said for said in lines(snapshot) if said.verdict in (Verdict.FAIL, Verdict.WARN))
    parts += [said.text for said in islice(bad, 1)]
    return " | ".join(parts)


def _numbers(snapshot: Snapshot, longest_s: float | None) -> RenderableType:
    from rich.table import Table

    table = Table.grid(padding=(0, 3))
    table.add_column(style="dim")
    table.add_column()
    table.add_column(style="dim")
    table.add_column()
    left, right = map(_texts, (recording_rows(snapshot, longest_s), result_rows(snapshot)))
    for (name, value), (other_name, other) in zip_longest(left, right, fillvalue=("", "")):
        table.add_row(name, value, other_name, other)
    return table


def _texts(rows: Iterable[Row]) -> Iterator[tuple[str, Text | str]]:
    """Yield name and coloured value of each row."""
    from rich.text import Text

    for name, pieces in rows:
        yield name, Text.assemble(*((said.text, _style(said)) for said in pieces))


def _style(said: Piece) -> str:
    return " ".join(
        filter(None, (_STYLES[said.verdict] if said.verdict else "", "bold" if said.strong else ""))
    )


def _bars(curve: Distribution) -> Iterator[Text]:
    """Yield a bar for each bin of diameter: solid up to the share, faint up to the upper end of the band."""
    from rich.text import Text

    low, high = central_range_nm(curve, _OUTSIDE, 1 - _OUTSIDE, bins_beyond=1)
    edges = np.geomspace(low, high, _BINS + 1)
    share, upper = (
        rebinned(curve.edges_nm, values, edges) for values in (curve.weight, np.nan_to_num(curve.high))
    )
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


def _advice(s: Snapshot) -> Iterator[Text]:
    from rich.text import Text

    for said in lines(s):
        yield Text(said.text, style=_STYLES[said.verdict])
        if said.todo:
            yield Text(f"  → {said.todo}")
