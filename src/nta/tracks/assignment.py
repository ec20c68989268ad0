"""Compiled assignment of spots to tracks: candidates within reach, then the exact minimum of the summed cost.

The problem of one frame: every source (the end of a track) may take at most one destination (a spot) and the other way
round; taking costs c < 0 (a gain), staying alone costs 0. Minimising the sum is the classic assignment problem; it is
solved by shortest augmenting paths with dual potentials (Jonker and Volgenant, Computing 38, 325 (1987)) on the sparse
graph of candidates. A path explores only what is connected to its start, so the connected components need not be built,
and there is no limit on their size.

With c = distance**2 - search_range**2 this is the objective of trackpy's linker (Crocker and Grier, J. Colloid Interface
Sci. 179, 298 (1996)): least sum of squared displacements, an unlinked track costing search_range**2.
"""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

COMPILED = {"cache": True, "nogil": True, "error_model": "numpy"}


@njit(**COMPILED)
def sort_into_cells(y, x, n, grid, cell_of, cell_start, order, y_sorted, x_sorted):
    """Counting sort of spots 0..n-1 into the cells of the grid; cell c holds order[cell_start[c]:cell_start[c + 1]]."""
    y0, x0, per_px, n_rows, n_columns = grid
    cell_start[:] = 0
    for k in range(n):
        row = min(max(int((y[k] - y0) * per_px), 0), n_rows - 1)
        column = min(max(int((x[k] - x0) * per_px), 0), n_columns - 1)
        cell_of[k] = row * n_columns + column
        cell_start[cell_of[k] + 1] += 1
    for c in range(n_rows * n_columns):
        cell_start[c + 1] += cell_start[c]
    for k in range(n - 1, -1, -1):
        c = cell_of[k] + 1
        cell_start[c] -= 1
        order[cell_start[c]] = k
        y_sorted[cell_start[c]] = y[k]
        x_sorted[cell_start[c]] = x[k]
    # the loop above left in cell_start[c + 1] the start of cell c: move it down and close the last cell
    for c in range(n_rows * n_columns):
        cell_start[c] = cell_start[c + 1]
    cell_start[n_rows * n_columns] = n


@njit(**COMPILED)
def assign(
    first_edge,
    destination,
    cost,
    n_sources,
    n_destinations,
    match,
    taken_by,
    u,
    v,
    distance,
    via,
    visited,
    touched,
):
    """Match sources to destinations at least summed cost; edges of source i are first_edge[i]:first_edge[i + 1].

    All costs are <= 0, staying unmatched costs 0. On return match[i] is the destination of source i or -1, taken_by[j]
    the source of destination j or -1; u and v are the dual prices: cost - u - v >= 0, equal on every match, u, v <= 0.
    """
    for j in range(n_destinations):
        taken_by[j] = -1
        v[j] = 0.0
        distance[j] = np.inf
        visited[j] = False
    n_waiting = 0
    for i in range(n_sources):
        best, best_cost = -1, 0.0
        for e in range(first_edge[i], first_edge[i + 1]):
            if cost[e] < best_cost:
                best, best_cost = destination[e], cost[e]
        u[i] = best_cost
        match[i] = best
        if best >= 0:
            if taken_by[best] < 0:
                taken_by[best] = i
            else:
                match[i] = -2
                n_waiting += 1
    if n_waiting:
        for i in range(n_sources):
            if match[i] == -2:
                match[i] = -1
                _augment(
                    i, first_edge, destination, cost, match, taken_by, u, v, distance, via, visited, touched
                )


@njit(**COMPILED)
def _augment(start, first_edge, destination, cost, match, taken_by, u, v, distance, via, visited, touched):
    """Bring source `start` into the matching along the cheapest alternating path; it may end in a source giving up."""
    i, reached, n_touched = start, 0.0, 0
    giving_up, least = start, np.inf
    last = -1
    while True:
        if reached - u[i] < least:
            giving_up, least = i, reached - u[i]
        for e in range(first_edge[i], first_edge[i + 1]):
            j = destination[e]
            if not visited[j]:
                d = reached + cost[e] - u[i] - v[j]
                if d < distance[j]:
                    if distance[j] == np.inf:
                        touched[n_touched] = j
                        n_touched += 1
                    distance[j] = d
                    via[j] = i
        nearest = -1
        for k in range(n_touched):
            j = touched[k]
            if not visited[j] and distance[j] < least and (nearest < 0 or distance[j] < distance[nearest]):
                nearest = j
        if nearest < 0:
            break
        if taken_by[nearest] < 0:
            last, least = nearest, distance[nearest]
            break
        visited[nearest] = True
        i, reached = taken_by[nearest], distance[nearest]
    u[start] += least
    for k in range(n_touched):
        j = touched[k]
        if visited[j]:
            u[taken_by[j]] += least - distance[j]
            v[j] += distance[j] - least
    for k in range(n_touched):
        distance[touched[k]] = np.inf
        visited[touched[k]] = False
    if last < 0:  # the path ends in a source that gives its destination away
        last = match[giving_up]
        match[giving_up] = -1
    while last >= 0:  # hand each destination to the source it was reached from
        i = via[last]
        given_up = match[i]
        match[i] = last
        taken_by[last] = i
        if i == start:
            break
        last = given_up
