"""Compiled solver of the assignment problem: open tracks take spots at the least total cost; margins of the solution.

The problem of one frame: every source (the end of a track) may take at most one spot, every spot may go to at most one
source. A link costs c <= 0 (a gain), an unlinked source or spot costs 0. Minimising the sum is the linear assignment
problem, solved by shortest augmenting paths with dual prices (Jonker and Volgenant, Computing 38, 325 (1987)) on the sparse
graph of candidates. A path explores only what is connected to its start: connected components need not be built, and may
have any size.

With c = distance**2 - range**2 this is the objective of trackpy's linker (Crocker and Grier, J. Colloid Interface Sci. 179,
298 (1996)): least sum of squared displacements, where an unlinked track costs range**2.
"""

from __future__ import annotations

import numpy as np

from nta.columns import IntArray
from nta.tracks.kernels.types import Graph, Matching, Search, compiled, inner


@compiled
def assign(graph: Graph, n_sources: int, n_spots: int, matching: Matching, search: Search) -> None:
    """Match sources to spots at the least total cost."""
    spot_of, source_of, u, v = matching
    for j in range(n_spots):
        source_of[j] = -1
        v[j] = 0.0
    waiting = False
    for i in range(n_sources):
        best, least = -1, 0.0
        for e in range(graph.first[i], graph.first[i + 1]):
            if graph.cost[e] < least:
                best, least = graph.spot[e], graph.cost[e]
        u[i] = least  # with v = 0 these prices are feasible and each source's best candidate is tight
        spot_of[i] = best
        if best >= 0:
            if source_of[best] < 0:
                source_of[best] = i
            else:
                spot_of[i] = -2
                waiting = True
    if waiting:
        for i in range(n_sources):
            if spot_of[i] == -2:
                spot_of[i] = -1
                _augment(i, graph, matching, search)


@inner
def _augment(start: int, graph: Graph, matching: Matching, search: Search) -> None:
    """Bring a source into the matching along the cheapest alternating path, which may end in a source giving up its spot."""
    spot_of, source_of, u, v = matching
    distance, via, visited, touched = search
    i, reached, n_touched = start, 0.0, 0
    gives_up, least, last = start, np.inf, -1
    while True:
        if reached - u[i] < least:
            gives_up, least = i, reached - u[i]
        for e in range(graph.first[i], graph.first[i + 1]):
            j = graph.spot[e]
            if not visited[j]:
                d = reached + graph.cost[e] - u[i] - v[j]
                if d < distance[j]:
                    if distance[j] == np.inf:
                        touched[n_touched] = j
                        n_touched += 1
                    distance[j] = d
                    via[j] = i
        nearest = _nearest(search, n_touched, least)
        if nearest < 0:
            break
        if source_of[nearest] < 0:
            last, least = nearest, distance[nearest]
            break
        visited[nearest] = True
        i, reached = source_of[nearest], distance[nearest]
    u[start] += least
    for k in range(n_touched):
        j = touched[k]
        if visited[j]:
            u[source_of[j]] += least - distance[j]
            v[j] += distance[j] - least
    _clean(search, n_touched)
    if last < 0:
        last = spot_of[gives_up]
        spot_of[gives_up] = -1
    while last >= 0:  # hand each spot to the source it was reached from
        i = via[last]
        given_up = spot_of[i]
        spot_of[i] = last
        source_of[last] = i
        last = -1 if i == start else given_up


@inner
def _nearest(search: Search, n_touched: int, below: float) -> int:
    """Return the touched, unvisited node of least distance, or -1 where none is below the bound."""
    nearest, least = -1, below
    for k in range(n_touched):
        j = search.touched[k]
        if not search.visited[j] and search.distance[j] < least:
            nearest, least = j, search.distance[j]
    return nearest


@inner
def _clean(search: Search, n_touched: int) -> None:
    for k in range(n_touched):
        search.distance[search.touched[k]] = np.inf
        search.visited[search.touched[k]] = False


@inner
def ways_out(
    start: int, partner: int, graph: Graph, matching: Matching, search: Search, limit: float
) -> tuple[float, float]:
    """Return the costs if `start` loses its partner: of the cheapest path to a free end, and of that round to the partner.

    Shortest alternating paths in reduced costs, followed up to `limit`; infinity if there is no path. The same function
    serves both sides: for a spot, pass the transposed graph and the matching with its sides exchanged.
    """
    _, source_of, u, v = matching
    distance, _, visited, touched = search
    i, reached, n_touched = start, 0.0, 0
    free, swap = np.inf, np.inf
    while True:
        if i != start:
            free = min(free, reached - u[i])
        for e in range(graph.first[i], graph.first[i + 1]):
            j = graph.spot[e]
            if visited[j] or (i == start and j == partner):
                continue
            d = reached + graph.cost[e] - u[i] - v[j]
            if j == partner:
                swap = min(swap, d)
            elif d < distance[j]:
                if distance[j] == np.inf:
                    touched[n_touched] = j
                    n_touched += 1
                distance[j] = d
        i = -1
        while i < 0:
            nearest = _nearest(search, n_touched, limit)
            if nearest < 0:
                _clean(search, n_touched)
                return free, swap
            visited[nearest] = True
            reached = distance[nearest]
            i = source_of[nearest]
            if i < 0:
                free = min(free, reached)


@compiled
def transpose(graph: Graph, n_sources: int, n_spots: int, other: Graph) -> None:
    """Write the transposed graph, from spots to sources."""
    first = other.first
    first[: n_spots + 1] = 0
    n_edges = graph.first[n_sources]
    for e in range(n_edges):
        first[graph.spot[e] + 1] += 1
    for j in range(n_spots):
        first[j + 1] += first[j]
    for i in range(n_sources):
        for e in range(graph.first[i], graph.first[i + 1]):
            j = graph.spot[e]
            other.spot[first[j]] = i
            other.cost[first[j]] = graph.cost[e]
            first[j] += 1
    for j in range(n_spots, 0, -1):
        first[j] = first[j - 1]
    first[0] = 0


@compiled
def margin(
    source: int,
    graph: Graph,
    transposed: Graph,
    matching: Matching,
    search: Search,
    back: Search,
    limit: float,
) -> float:
    """Return the increase of the total cost if this source's link is forbidden (exact below `limit`).

    The next best matching differs by one alternating cycle through the forbidden link: either a path leads from the source
    round to the spot, or one path leads from the source to a free end and another from the spot to a free end. The case
    that both simply stay unlinked is not counted: whether there is a link at all has been decided by its cost.
    """
    spot = matching.spot_of[source]
    free, swap = ways_out(source, spot, graph, matching, search, limit)
    mirrored = Matching(matching.source_of, matching.spot_of, matching.v, matching.u)
    spot_free, _ = ways_out(spot, source, transposed, mirrored, back, limit)
    alone, spot_alone = -matching.u[source], -matching.v[spot]
    rise: float = min(swap, min(free + min(spot_free, spot_alone), alone + spot_free))
    return rise


@compiled
def has_rivals(
    source: int, spot: int, graph: Graph, transposed: Graph, matching: Matching, limit: float
) -> bool:
    """Whether any other candidate of the source or of the spot has a reduced cost, hence perhaps a margin, below `limit`."""
    for e in range(graph.first[source], graph.first[source + 1]):
        j = graph.spot[e]
        if j != spot and graph.cost[e] - matching.u[source] - matching.v[j] < limit:
            return True
    for e in range(transposed.first[spot], transposed.first[spot + 1]):
        i = transposed.spot[e]
        if i != source and transposed.cost[e] - matching.u[i] - matching.v[spot] < limit:
            return True
    return False


@inner
def plausible_rivals(spot: int, transposed: Graph, matching: Matching, limit: float, rivals: IntArray) -> int:
    """List the unmatched sources that might have taken a spot: reduced cost (a lower bound of the margin) below `limit`."""
    n = 0
    for e in range(transposed.first[spot], transposed.first[spot + 1]):
        i = transposed.spot[e]
        if matching.spot_of[i] < 0 and transposed.cost[e] - matching.u[i] - matching.v[spot] < limit:
            rivals[n] = i
            n += 1
    return n
