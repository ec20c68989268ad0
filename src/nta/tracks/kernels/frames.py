"""Compiled pass over the frames: from spots to a track number per spot, carrying its state from call to call."""

from __future__ import annotations

import numpy as np

from nta.columns import BoolArray, FloatArray, IntArray
from nta.tracks.kernels.assignment import assign, has_rivals, margin, plausible_rivals, transpose
from nta.tracks.kernels.candidates import (
    LIGHT_NOISE,
    LOG_LIGHT,
    MISSED,
    N_STEPS,
    SQUARED_STEPS,
    TRACK,
    X,
    Y,
    list_candidates,
    set_limits,
    sort_into_cells,
    weigh_candidates,
)
from nta.tracks.kernels.flow import follow, leap, predict
from nta.tracks.kernels.types import MOST_STEPS, Cells, Graph, Grid, Matching, Odds, Search, compiled

N_SOURCES, N_TRACKS, LAST_FRAME, LINKS_CUT = 0, 1, 2, 3  # counters carried along
N_COUNTERS = 4
SHORT_STEP_DOUBT = 3.5  # log odds more are asked of the shortest step; see `_asked`
GAP_DOUBT = 1.25  # a link over missed frames is no step, and only joins: so much surer it has to be


@compiled
def link_frames(
    y: FloatArray, x: FloatArray, log_light: FloatArray, light_noise: FloatArray, frame: IntArray, first_row: IntArray,
    grid: Grid, range_px: float, memory: int, odds: Odds, doubt: float, step_variance: float,
    sources: FloatArray, labels: IntArray, counters: IntArray, flow: FloatArray, track: IntArray,
) -> None:  # fmt: skip
    """Link the frames first_row[f]:first_row[f + 1] of the spots; writes a track number per spot into `track`.

    doubt : links whose log odds against the next best explanation are below this are cut; 0 keeps every link and takes
        the least sum of squared displacements instead of the greatest odds.
    step_variance : typical step per axis, for following the flow; 0 expects none.
    sources, labels : open tracks, room for those of two successive frames; counters[N_SOURCES] of them are valid.
    """
    most = 0
    for f in range(first_row.size - 1):
        most = max(most, first_row[f + 1] - first_row[f])
    room = sources.shape[1]
    cells = Cells(
        np.empty(most, np.int64), np.empty(grid.n_rows * grid.n_columns + 1, np.int64), np.empty(most, np.int64),
        np.empty(most), np.empty(most),
    )  # fmt: skip
    graph, transposed = _graph(room, 8 * room), _graph(most, 8 * room)
    matching = Matching(np.empty(room, np.int64), np.empty(most, np.int64), np.empty(room), np.empty(most))
    over_spots, over_sources = _search(most), _search(room)
    cut, closed = np.zeros(most, np.bool_), np.zeros(room, np.bool_)
    numbers, limit = np.empty(max(most, room), np.int64), np.empty(room)
    weighed = doubt > 0
    side = 0
    for f in range(first_row.size - 1):
        a, b = first_row[f], first_row[f + 1]
        n = b - a
        here, names = sources[side], labels[side]
        frames = frame[a] - counters[LAST_FRAME]
        counters[LAST_FRAME] = frame[a]
        n_sources = _age(here, names, counters[N_SOURCES], frames - 1, memory)
        if step_variance > 0:
            predict(here, n_sources, flow, step_variance, frames)
        sort_into_cells(y[a:b], x[a:b], n, grid, cells)
        set_limits(here, names, n_sources, range_px, weighed, odds, limit)
        leapt = False
        while True:
            while not list_candidates(here, n_sources, grid, cells, limit, graph):
                graph, transposed = _graph(room, 2 * graph.cost.size), _graph(most, 2 * graph.cost.size)
            doubtful = weighed and weigh_candidates(
                here, names, n_sources, n, log_light[a:b], light_noise[a:b], limit, odds, graph, numbers
            )
            assign(graph, n_sources, n, matching, over_spots)
            if leapt or step_variance == 0:
                break
            leapt = leap(y[a:b], x[a:b], here, names, n_sources, matching.spot_of, flow, step_variance)
            if not leapt:
                break
        if doubtful:
            transpose(graph, n_sources, n, transposed)
            counters[LINKS_CUT] += _doubt_links(
                y[a:b], x[a:b], here, names, n_sources, graph, transposed, matching, over_spots, over_sources, odds,
                doubt, cut, closed, numbers,
            )  # fmt: skip
        if step_variance > 0:
            follow(y[a:b], x[a:b], here, names, n_sources, matching.spot_of, flow, step_variance)
        _carry_on(
            y[a:b], x[a:b], log_light[a:b], light_noise[a:b], here, names, n_sources, matching, cut, closed, memory,
            sources[1 - side], labels[1 - side], counters, track[a:b],
        )  # fmt: skip
        side = 1 - side
    if side == 1:
        n_sources = counters[N_SOURCES]
        sources[0, :n_sources] = sources[1, :n_sources]
        labels[0, :n_sources] = labels[1, :n_sources]


@compiled
def _graph(n_nodes: int, n_edges: int) -> Graph:
    return Graph(np.zeros(n_nodes + 1, np.int64), np.empty(n_edges, np.int64), np.empty(n_edges))


@compiled
def _search(n: int) -> Search:
    return Search(np.full(n, np.inf), np.empty(n, np.int64), np.zeros(n, np.bool_), np.empty(n, np.int64))


@compiled
def _age(sources: FloatArray, labels: IntArray, n_sources: int, skipped: int, memory: int) -> int:
    """Let the tracks miss the frames in which nothing was seen; those beyond memory end. Returns how many are left."""
    if skipped <= 0:
        return n_sources
    kept = 0
    for i in range(n_sources):
        if labels[i, MISSED] + skipped <= memory:
            sources[kept] = sources[i]
            labels[kept] = labels[i]
            labels[kept, MISSED] += skipped
            kept += 1
    return kept


@compiled
def _doubt_links(
    y: FloatArray, x: FloatArray, sources: FloatArray, labels: IntArray, n_sources: int, graph: Graph, transposed: Graph,
    matching: Matching, over_spots: Search, over_sources: Search, odds: Odds, doubt: float, cut: BoolArray,
    closed: BoolArray, rivals: IntArray,
) -> int:  # fmt: skip
    """Mark the spots whose link is doubtful, and the tracks that might as well have taken them; returns how many links.

    All links are judged before one is cut. The track ends and the spot starts a new one; an unmatched track that has a
    plausible claim on the spot ends too, for nobody can say where its particle went.
    """
    n = 0
    for i in range(n_sources):
        spot = matching.spot_of[i]
        if spot < 0:
            continue
        price = matching.u[i] + matching.v[spot]  # the cost of the link
        if labels[i, MISSED] and price > -GAP_DOUBT * doubt:
            cut[spot] = True
            n += 1
            continue
        if (
            graph.first[i + 1] - graph.first[i] == 1
            and transposed.first[spot + 1] - transposed.first[spot] == 1
        ):
            continue
        asked = _asked(doubt, y[spot], x[spot], sources, labels, i, odds)
        if has_rivals(i, spot, graph, transposed, matching, asked) and (
            margin(i, graph, transposed, matching, over_spots, over_sources, asked) < asked
        ):
            cut[spot] = True
            n += 1
            for k in range(plausible_rivals(spot, transposed, matching, doubt, rivals)):
                closed[rivals[k]] = True
    return n


@compiled
def _asked(
    doubt: float, y: float, x: float, sources: FloatArray, labels: IntArray, i: int, odds: Odds
) -> float:
    """Return the margin asked of a link: more than `doubt` where its step is shorter than usual for the particle.

    The longer a step, the sooner a rival is as likely: cutting at one margin takes away long steps, and D comes out low. As
    many short steps are cut in the same neighbourhoods by asking more of them: SHORT_STEP_DOUBT more of a step of no length,
    nothing more of one of the usual squared length. The number was found by simulation: with it the mean squared step
    of the links that are kept is that of all (tests/benchmarks/bench_linking.py).
    """
    shape = odds.shape + sources[i, N_STEPS]
    scale = (odds.scale_px2 + 0.5 * sources[i, SQUARED_STEPS]) * (labels[i, MISSED] + 1)
    squared = (y - sources[i, Y]) ** 2 + (x - sources[i, X]) ** 2
    known = 1 - 1 / max(
        shape, 1.0
    )  # what is usual for a particle of a mixture is not known at its first steps
    asked: float = doubt + SHORT_STEP_DOUBT * known * max(0.0, 1 - 0.5 * squared * shape / scale)
    return asked


@compiled
def _carry_on(
    y: FloatArray, x: FloatArray, log_light: FloatArray, light_noise: FloatArray, sources: FloatArray, labels: IntArray,
    n_sources: int, matching: Matching, cut: BoolArray, closed: BoolArray, memory: int,
    next_sources: FloatArray, next_labels: IntArray, counters: IntArray, track: IntArray,
) -> None:  # fmt: skip
    """Name the frame's spots by their tracks and write the tracks that stay open for the next frame."""
    for j in range(y.size):
        i = -1 if cut[j] else matching.source_of[j]
        if i >= 0:
            name = labels[i, TRACK]
            squared = (y[j] - sources[i, Y]) ** 2 + (x[j] - sources[i, X]) ** 2
            keep = min(1.0, (MOST_STEPS - 1) / max(sources[i, N_STEPS], 1.0))
            next_sources[j, SQUARED_STEPS] = keep * sources[i, SQUARED_STEPS] + squared / (
                labels[i, MISSED] + 1
            )
            next_sources[j, N_STEPS] = keep * sources[i, N_STEPS] + 1
        else:
            name = counters[N_TRACKS]
            counters[N_TRACKS] += 1
            next_sources[j, SQUARED_STEPS], next_sources[j, N_STEPS] = 0.0, 0.0
        track[j] = name
        next_sources[j, Y], next_sources[j, X] = y[j], x[j]
        next_sources[j, LOG_LIGHT], next_sources[j, LIGHT_NOISE] = log_light[j], light_noise[j]
        next_labels[j, TRACK], next_labels[j, MISSED] = name, 0
        cut[j] = False
    kept = y.size
    for i in range(n_sources):
        if matching.spot_of[i] < 0 and labels[i, MISSED] < memory and not closed[i]:
            next_sources[kept] = sources[i]
            next_labels[kept, TRACK], next_labels[kept, MISSED] = labels[i, TRACK], labels[i, MISSED] + 1
            kept += 1
        closed[i] = False
    counters[N_SOURCES] = kept
