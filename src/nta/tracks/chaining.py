"""Compiled pass over the frames: from spots to a track number per spot, with memory, carrying its state between calls."""

from __future__ import annotations

import numpy as np
from numba import njit

from nta.tracks.assignment import COMPILED, assign, sort_into_cells

# columns of the open tracks (sources): where the next spot is expected, and what the track has shown so far
Y, X = 0, 1
N_SOURCE_COLUMNS = 2
# columns of their whole numbers
TRACK, MISSED = 0, 1
N_LABEL_COLUMNS = 2
# counters carried along
N_SOURCES, N_TRACKS, LAST_FRAME, LINKS_CUT = 0, 1, 2, 3
N_COUNTERS = 4


@njit(**COMPILED)
def link_frames(y, x, frame, first_row, grid, range_px, memory, sources, labels, counters, track):
    """Link the frames first_row[f]:first_row[f + 1] of the spots; writes a track number per spot into `track`.

    sources, labels : open tracks, room for those of two successive frames; counters[N_SOURCES] of them are valid.
    """
    most = 0
    for f in range(first_row.size - 1):
        most = max(most, first_row[f + 1] - first_row[f])
    room = sources.shape[1]
    n_cells = grid[3] * grid[4]
    cell_of, cell_start = np.empty(most, np.int64), np.empty(n_cells + 1, np.int64)
    order, y_sorted, x_sorted = np.empty(most, np.int64), np.empty(most), np.empty(most)
    first_edge = np.empty(room + 1, np.int64)
    edges = 16 * room
    destination, cost = np.empty(edges, np.int64), np.empty(edges)
    match, u = np.empty(room, np.int64), np.empty(room)
    taken_by, v = np.empty(most, np.int64), np.empty(most)
    distance, via = np.empty(most), np.empty(most, np.int64)
    visited, touched = np.empty(most, np.bool_), np.empty(most, np.int64)
    side = 0
    for f in range(first_row.size - 1):
        a, n = first_row[f], first_row[f + 1] - first_row[f]
        if n == 0:
            continue
        here, there = sources[side], sources[1 - side]
        names, next_names = labels[side], labels[1 - side]
        skipped = frame[a] - counters[LAST_FRAME] - 1
        counters[LAST_FRAME] = frame[a]
        n_sources = _age(here, names, counters[N_SOURCES], skipped, memory)
        sort_into_cells(y[a:], x[a:], n, grid, cell_of, cell_start, order, y_sorted, x_sorted)
        n_edges = _candidates(
            here,
            n_sources,
            grid,
            cell_start,
            order,
            y_sorted,
            x_sorted,
            range_px,
            first_edge,
            destination,
            cost,
        )
        if n_edges > edges:
            edges = 2 * n_edges
            destination, cost = np.empty(edges, np.int64), np.empty(edges)
            _candidates(
                here,
                n_sources,
                grid,
                cell_start,
                order,
                y_sorted,
                x_sorted,
                range_px,
                first_edge,
                destination,
                cost,
            )
        assign(
            first_edge,
            destination,
            cost,
            n_sources,
            n,
            match,
            taken_by,
            u,
            v,
            distance,
            via,
            visited,
            touched,
        )
        _carry_on(
            y, x, a, n, here, names, n_sources, match, taken_by, memory, there, next_names, counters, track
        )
        side = 1 - side
    if side == 1:
        n_sources = counters[N_SOURCES]
        sources[0, :n_sources] = sources[1, :n_sources]
        labels[0, :n_sources] = labels[1, :n_sources]


@njit(**COMPILED)
def _age(sources, labels, n_sources, skipped, memory):
    """Let the tracks miss the frames in which nothing was seen; those beyond memory end here. Returns how many are left."""
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


@njit(**COMPILED)
def _candidates(
    sources, n_sources, grid, cell_start, order, y_sorted, x_sorted, range_px, first_edge, destination, cost
):
    """List the spots within range of each source with the cost of taking them; returns how many (perhaps beyond room)."""
    y0, x0, per_px, n_rows, n_columns = grid
    limit = range_px * range_px
    room, n = cost.size, 0
    for i in range(n_sources):
        first_edge[i] = min(n, room)
        row = min(max(int((sources[i, Y] - y0) * per_px), 0), n_rows - 1)
        column = min(max(int((sources[i, X] - x0) * per_px), 0), n_columns - 1)
        left, right = max(column - 1, 0), min(column + 2, n_columns)
        for r in range(max(row - 1, 0), min(row + 2, n_rows)):
            for k in range(cell_start[r * n_columns + left], cell_start[r * n_columns + right]):
                dy, dx = y_sorted[k] - sources[i, Y], x_sorted[k] - sources[i, X]
                squared = dy * dy + dx * dx
                if squared <= limit:
                    if n < room:
                        destination[n] = order[k]
                        cost[n] = squared - limit
                    n += 1
    first_edge[n_sources] = min(n, room)
    return n


@njit(**COMPILED)
def _carry_on(
    y,
    x,
    a,
    n,
    sources,
    labels,
    n_sources,
    match,
    taken_by,
    memory,
    next_sources,
    next_labels,
    counters,
    track,
):
    """Name the frame's spots by their tracks and write the tracks that stay open for the next frame."""
    for j in range(n):
        i = taken_by[j]
        if i >= 0:
            name = labels[i, TRACK]
        else:
            name = counters[N_TRACKS]
            counters[N_TRACKS] += 1
        track[a + j] = name
        next_sources[j, Y], next_sources[j, X] = y[a + j], x[a + j]
        next_labels[j, TRACK], next_labels[j, MISSED] = name, 0
    kept = n
    for i in range(n_sources):
        if match[i] < 0 and labels[i, MISSED] < memory:
            next_sources[kept] = sources[i]
            next_labels[kept, TRACK], next_labels[kept, MISSED] = labels[i, TRACK], labels[i, MISSED] + 1
            kept += 1
    counters[N_SOURCES] = kept


@njit(**COMPILED)
def pair_distances(y, x, first_row, successive, per_root_px, reach_px, counts):
    """Histogram of the distances between the spots of successive frames; bin = sqrt(distance) * per_root_px."""
    limit = reach_px * reach_px
    for f in range(successive.size):
        if successive[f]:
            for i in range(first_row[f], first_row[f + 1]):
                for j in range(first_row[f + 1], first_row[f + 2]):
                    dy, dx = y[j] - y[i], x[j] - x[i]
                    squared = dy * dy + dx * dx
                    if squared < limit:
                        counts[int(np.sqrt(np.sqrt(squared)) * per_root_px)] += 1.0
