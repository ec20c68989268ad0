"""Compiled search for the spots that each open track may take, and the cost of each link."""

from __future__ import annotations

import numpy as np

from nta.columns import FloatArray, IntArray
from nta.tracks.kernels.types import (
    LIGHT_NOISE,
    LOG_LIGHT,
    MISSED,
    N_STEPS,
    SQUARED_STEPS,
    Cells,
    FrameSpots,
    Graph,
    Grid,
    Odds,
    Open,
    X,
    Y,
    compiled,
    inner,
)

SURE = -1e6  # the cost of a certain link
SURE_SQUARED = 9.0  # a lone candidate within 3 sd of the track's own steps needs no further evidence


@inner
def sort_into_cells(seen: FrameSpots, grid: Grid, cells: Cells) -> None:
    """Sort the spots into the cells of the grid (counting sort)."""
    start, y, x = cells.start, seen.y, seen.x
    start[:] = 0
    for k in range(y.size):
        row = min(max(int(y[k] * grid.rows_per_px), 0), grid.n_rows - 1)
        column = min(max(int(x[k] * grid.columns_per_px), 0), grid.n_columns - 1)
        cells.of_spot[k] = row * grid.n_columns + column
        start[cells.of_spot[k] + 1] += 1
    n_cells = grid.n_rows * grid.n_columns
    for c in range(n_cells):
        start[c + 1] += start[c]
    for k in range(y.size):
        c = cells.of_spot[k]
        place = start[c]
        start[c] += 1
        cells.order[place] = k
        cells.y[place] = y[k]
        cells.x[place] = x[k]
    for c in range(n_cells, 0, -1):  # each start has moved to the end of its cell, where the next one starts
        start[c] = start[c - 1]
    start[0] = 0


@inner
def set_limits(
    tracks: Open, n_open: int, range_px: float, weighed: bool, odds: Odds, limit: FloatArray
) -> None:
    """Write the squared search range of each track: the common range, or less if its own steps make that absurd."""
    for i in range(n_open):
        limit[i] = range_px * range_px
        if weighed:
            scale = odds.scale_px2 + 0.5 * tracks.shown[i, SQUARED_STEPS]
            frames = tracks.label[i, MISSED] + 1  # the squared step grows with them, as diffusion does
            limit[i] = frames * min(limit[i], scale * odds.absurd[int(tracks.shown[i, N_STEPS])])


@inner
def list_candidates(
    tracks: Open, n_open: int, grid: Grid, cells: Cells, limit: FloatArray, graph: Graph
) -> bool:
    """List the spots within reach of each track; cost = distance**2 - limit. Returns False if `graph` is too small."""
    spot, cost, y, x, order, start = graph.spot, graph.cost, cells.y, cells.x, cells.order, cells.start
    room, n = cost.size, 0
    for i in range(n_open):
        graph.first[i] = n
        at_y, at_x = tracks.shown[i, Y], tracks.shown[i, X]
        row = min(max(int(at_y * grid.rows_per_px), 0), grid.n_rows - 1)
        column = min(max(int(at_x * grid.columns_per_px), 0), grid.n_columns - 1)
        top, bottom = max(row - 1, 0), min(row + 1, grid.n_rows - 1)
        left, right = max(column - 1, 0), min(column + 2, grid.n_columns)
        for r in range(top, (top if grid.n_columns == 1 else bottom) + 1):
            lowest = start[r * grid.n_columns + left]
            highest = start[bottom + 1 if grid.n_columns == 1 else r * grid.n_columns + right]
            if n + highest - lowest > room:
                return False
            n += _near(
                y[lowest:highest], x[lowest:highest], order[lowest:highest], at_y, at_x, limit[i],
                spot[n : n + highest - lowest], cost[n : n + highest - lowest],
            )  # fmt: skip
    graph.first[n_open] = n
    return True


@inner
def _near(
    y: FloatArray, x: FloatArray, order: IntArray, at_y: float, at_x: float, limit: float, spot: IntArray, cost: FloatArray
) -> int:  # fmt: skip
    """Write the spots nearer than the limit and their costs; return their number.

    Every spot is written and then kept or overwritten: a branch would be mispredicted twice per source, which takes longer
    than everything else. The unsigned index avoids the test for negative indices.
    """
    n, one, none = np.uint64(0), np.uint64(1), np.uint64(0)
    for k in range(y.size):
        excess = (y[k] - at_y) ** 2 + (x[k] - at_x) ** 2 - limit
        spot[n], cost[n] = order[k], excess
        n += one if excess <= 0 else none
    return int(n)


@inner
def weigh_candidates(
    tracks: Open, n_open: int, seen: FrameSpots, limit: FloatArray, odds: Odds, graph: Graph, rivals: IntArray
) -> bool:
    """Replace the costs by minus the log odds of each link; links less likely than not get cost 0 and are not made.

    A single candidate close by is accepted without weighing. Returns whether there were other cases.
    """
    rivals[: seen.y.size] = 0
    for e in range(graph.first[n_open]):
        rivals[graph.spot[e]] += 1
    doubtful = False
    for i in range(n_open):
        first, last = graph.first[i], graph.first[i + 1]
        if first == last:
            continue
        frames = tracks.label[i, MISSED] + 1
        shape, scale = step_law(tracks, i, odds)
        alone = last == first + 1 and rivals[graph.spot[first]] == 1
        if frames == 1 and alone and (graph.cost[first] + limit[i]) * shape < SURE_SQUARED * scale:
            graph.cost[first] = SURE
            continue
        doubtful = True
        light = light_class(tracks.shown[i, LOG_LIGHT], odds)
        common = odds.log_seen[light] if frames == 1 else odds.log_returns[light]
        common += np.log(shape / (2 * np.pi * scale))
        for e in range(first, last):
            j = graph.spot[e]
            gain = common - (shape + 1) * np.log1p((graph.cost[e] + limit[i]) / (2 * scale))
            gain -= odds.log_new[light_class(seen.log_light[j], odds)]
            noise = tracks.shown[i, LIGHT_NOISE] + seen.light_noise[j]
            change = seen.log_light[j] - tracks.shown[i, LOG_LIGHT]
            gain += log_density_of_change(change, odds.light_step_variance * frames + noise)
            graph.cost[e] = min(-gain, 0.0)
    return doubtful


@inner
def step_law(tracks: Open, i: int, odds: Odds) -> tuple[float, float]:
    """Return shape and scale (px2) of the step variance of a track given its steps so far, for the next step or a gap."""
    shape: float = odds.shape + tracks.shown[i, N_STEPS]
    scale: float = odds.scale_px2 + 0.5 * tracks.shown[i, SQUARED_STEPS]
    return shape, scale * (tracks.label[i, MISSED] + 1)


@inner
def light_class(log_light: float, odds: Odds) -> int:
    """Return the class of light of a spot; the first class if its light is unknown."""
    k = (log_light - odds.darkest) * odds.classes_per_log + 0.5
    return min(int(k), odds.log_new.size - 1) if k > 0 else 0


@compiled
def log_density_of_change(change: float, variance: float) -> float:
    """Return the ln density of a change of ln intensity in one particle; a change of NaN, without intensity, gives 0.

    Student's t with 4 degrees of freedom, ln Gamma(5/2) - ln Gamma(2) - ln(4 pi) / 2 = -0.98: a flash or an overlap does
    not veto a link.
    """
    if np.isnan(change):
        return 0.0
    density: float = (
        -0.98082925301172622 - 0.5 * np.log(variance) - 2.5 * np.log1p(0.25 * change**2 / variance)
    )
    return density
