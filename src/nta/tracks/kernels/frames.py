"""Compiled pass over the frames: from spots to a track number per spot, carrying its state from call to call."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from nta.columns import BoolArray, FloatArray, IntArray
from nta.tracks.kernels.assignment import assign, has_rivals, margin, plausible_rivals, transpose
from nta.tracks.kernels.candidates import (
    list_candidates,
    set_limits,
    sort_into_cells,
    step_law,
    weigh_candidates,
)
from nta.tracks.kernels.flow import follow, leap, predict
from nta.tracks.kernels.types import (
    LIGHT_NOISE,
    LOG_LIGHT,
    MISSED,
    MOST_STEPS,
    N_LABELS,
    N_SHOWN,
    N_STEPS,
    SQUARED_STEPS,
    TRACK,
    Cells,
    FrameSpots,
    Graph,
    Grid,
    Matching,
    Odds,
    Open,
    Search,
    X,
    Y,
    inner,
    outer,
)

N_OPEN, N_TRACKS, LAST_FRAME, LINKS_CUT = 0, 1, 2, 3  # counters carried along
N_COUNTERS = 4
SHORT_STEP_ODDS = 4.0  # log odds asked of the shortest step on top; see `_asked`
FEW_STEPS = 3.0  # steps of a track that double the odds asked of a link; see `_asked`
GAP_ODDS = 1.25  # factor on the odds asked of a link over missed frames, which yields no step and only joins


class Rules(NamedTuple):
    """Rules of linking, constant over a recording.

    least_odds : links whose log odds against the next best explanation are below this are cut; 0 keeps every link and
        takes the least sum of squared displacements instead of the greatest odds.
    step_variance : typical variance of a step per axis, for following the flow; 0: no flow is expected.
    """

    grid: Grid
    range_px: float
    memory: int
    odds: Odds
    least_odds: float
    step_variance: float


class Carried(NamedTuple):
    """State kept from frame to frame besides the open tracks: counters (N_OPEN to LINKS_CUT), and the flow."""

    counters: IntArray
    flow: FloatArray


class Workspace(NamedTuple):
    """Scratch arrays for one frame at a time.

    cut : spots whose link is given up. closed : tracks that end with it. limit : squared search range of each track.
    numbers : indices or counts of spots or tracks.
    """

    cells: Cells
    matching: Matching
    over_spots: Search
    over_tracks: Search
    cut: BoolArray
    closed: BoolArray
    numbers: IntArray
    limit: FloatArray


@outer
def link_frames(
    spots: FrameSpots, frame: IntArray, first_row: IntArray, rules: Rules, tracks: Open, after: Open, carried: Carried,
    track: IntArray,
) -> None:  # fmt: skip
    """Link the spots of the frames first_row[f]:first_row[f + 1]; write the track number of each spot into `track`.

    tracks : the first counters[N_OPEN] rows are open tracks; the other rows, and all of `after`, are scratch.
    """
    grid, odds, counters, flow = rules.grid, rules.odds, carried.counters, carried.flow
    weighed, flows = rules.least_odds > 0, rules.step_variance > 0
    # a literal 0 would make a type of its own, for which the work arrays are compiled once more
    most: Any = np.int64(0)
    for f in range(first_row.size - 1):
        most = max(most, first_row[f + 1] - first_row[f])
    room = tracks.shown.shape[0]
    work = _workspace(grid, most, room)
    # unpacked once: inside the loop each access would change the array's reference count
    cells, matching, over_spots, limit, numbers = (
        work.cells,
        work.matching,
        work.over_spots,
        work.limit,
        work.numbers,
    )
    graph, transposed = _graph(room, 8 * room), _graph(most, 8 * room)
    for f in range(first_row.size - 1):
        a, b = first_row[f], first_row[f + 1]
        seen = FrameSpots(spots.y[a:b], spots.x[a:b], spots.log_light[a:b], spots.light_noise[a:b])
        frames = frame[a] - counters[LAST_FRAME]
        counters[LAST_FRAME] = frame[a]
        n_open = _age(tracks, counters[N_OPEN], frames - 1, rules.memory)
        if flows:
            predict(tracks, n_open, flow, rules.step_variance, frames)
        sort_into_cells(seen, grid, cells)
        set_limits(tracks, n_open, rules.range_px, weighed, odds, limit)
        doubtful = False
        for attempt in range(2):  # a second time if all particles have leapt
            while not list_candidates(tracks, n_open, grid, cells, limit, graph):
                graph, transposed = _graph(room, 2 * graph.cost.size), _graph(most, 2 * graph.cost.size)
            doubtful = weighed and weigh_candidates(tracks, n_open, seen, limit, odds, graph, numbers)
            assign(graph, n_open, b - a, matching, over_spots)
            again = flows and not attempt
            if not (again and leap(seen, tracks, n_open, matching.spot_of, flow, rules.step_variance)):
                break
        if doubtful:
            transpose(graph, n_open, b - a, transposed)
            counters[LINKS_CUT] += _doubt_links(seen, tracks, n_open, graph, transposed, rules, work)
        if flows:
            follow(seen, tracks, n_open, matching.spot_of, flow, rules.step_variance)
        counters[N_OPEN] = _carry_on(seen, tracks, n_open, rules.memory, work, after, counters, track[a:b])
        tracks, after = after, tracks
    if (first_row.size - 1) % 2:  # the open tracks are in the buffer that the caller does not read
        for i in range(counters[N_OPEN]):
            _copy(tracks, i, after, i)


@inner
def _workspace(grid: Grid, most: int, room: int) -> Workspace:
    """Return scratch arrays for frames with at most so many spots, and so many open tracks."""
    n_cells = grid.n_rows * grid.n_columns
    return Workspace(
        Cells(
            np.empty(most, np.int64), np.empty(n_cells + 1, np.int64), np.empty(most, np.int64), np.empty(most),
            np.empty(most),
        ),
        Matching(np.empty(room, np.int64), np.empty(most, np.int64), np.empty(room), np.empty(most)),
        _search(most), _search(room), np.zeros(most, np.bool_), np.zeros(room, np.bool_),
        np.empty(max(most, room), np.int64), np.empty(room),
    )  # fmt: skip


@inner
def _graph(n_nodes: int, n_edges: int) -> Graph:
    return Graph(np.zeros(n_nodes + 1, np.int64), np.empty(n_edges, np.int64), np.empty(n_edges))


@inner
def _search(n: int) -> Search:
    return Search(np.full(n, np.inf), np.empty(n, np.int64), np.zeros(n, np.bool_), np.empty(n, np.int64))


@inner
def _age(tracks: Open, n_open: int, skipped: int, memory: int) -> int:
    """Count frames without spots as missed by all tracks, end tracks beyond memory, and return how many are left."""
    if skipped <= 0:
        return n_open
    kept: Any = np.int64(0)  # not a literal, as above
    for i in range(n_open):
        if tracks.label[i, MISSED] + skipped <= memory:
            _copy(tracks, i, tracks, kept)
            tracks.label[kept, MISSED] += skipped
            kept += 1
    return int(kept)


@inner
def _copy(tracks: Open, i: int, other: Open, k: int) -> None:
    for column in range(N_SHOWN):
        other.shown[k, column] = tracks.shown[i, column]
    for column in range(N_LABELS):
        other.label[k, column] = tracks.label[i, column]


@inner
def _doubt_links(
    seen: FrameSpots, tracks: Open, n_open: int, graph: Graph, transposed: Graph, rules: Rules, work: Workspace
) -> int:  # fmt: skip
    """Mark spots with a doubtful link, and unmatched tracks that might have taken them; return the number of such links.

    All links are judged before any is cut. The track ends and the spot starts a new one. An unmatched track with a plausible
    claim on the spot ends too, because the position of its particle is unknown.
    """
    least, odds, matching, cut, rivals = rules.least_odds, rules.odds, work.matching, work.cut, work.numbers
    closed, over_spots, over_tracks = work.closed, work.over_spots, work.over_tracks
    n = 0
    for i in range(n_open):
        spot = matching.spot_of[i]
        if spot < 0:
            continue
        price = matching.u[i] + matching.v[spot]  # the cost of the link
        if tracks.label[i, MISSED] and price > -GAP_ODDS * least:
            cut[spot] = True
            n += 1
            continue
        if (
            graph.first[i + 1] - graph.first[i] == 1
            and transposed.first[spot + 1] - transposed.first[spot] == 1
        ):
            continue
        asked = _asked(least, seen, spot, tracks, i, odds)
        if has_rivals(i, spot, graph, transposed, matching, asked) and (
            margin(i, graph, transposed, matching, over_spots, over_tracks, asked) < asked
        ):
            cut[spot] = True
            n += 1
            for k in range(plausible_rivals(spot, transposed, matching, least, rivals)):
                closed[rivals[k]] = True
    return n


@inner
def _asked(least: float, seen: FrameSpots, spot: int, tracks: Open, i: int, odds: Odds) -> float:
    """Return the log odds asked of a link: `least`, and more of long tracks and of short steps.

    Long tracks: a wrong link spoils all spots of its track, while a long track cut in two loses little information. The odds
    asked are 1 + n / FEW_STEPS times as high after n steps.

    Short steps: the longer a step, the more rivals are as likely as its spot. Cutting at a fixed margin would remove long
    steps, and D would be too low. So short steps in the same neighbourhoods are cut as often: SHORT_STEP_ODDS more is asked
    of a step of length 0, and nothing more from the usual squared length on. The number was found by simulation: with it the
    mean squared step of the kept links equals that of all links (tests/benchmarks/bench_linking.py).
    """
    shape, scale = step_law(tracks, i, odds)
    squared = (seen.y[spot] - tracks.shown[i, Y]) ** 2 + (seen.x[spot] - tracks.shown[i, X]) ** 2
    # the usual step of a particle in a mixture is not known at its first steps
    known = 1 - 1 / max(shape, 1.0)
    for_length = np.log1p(tracks.shown[i, N_STEPS] / FEW_STEPS)
    asked: float = least + for_length + SHORT_STEP_ODDS * known * max(0.0, 1 - 0.5 * squared * shape / scale)
    return asked


@inner
def _carry_on(
    seen: FrameSpots, tracks: Open, n_open: int, memory: int, work: Workspace, after: Open, counters: IntArray,
    track: IntArray,
) -> int:  # fmt: skip
    """Write the track number of each spot, and the tracks that stay open after this frame; return their number."""
    shown, label = after
    matching, cut, closed = work.matching, work.cut, work.closed
    for j in range(seen.y.size):
        i = -1 if cut[j] else matching.source_of[j]
        if i >= 0:
            track[j] = tracks.label[i, TRACK]
            _learn_step(seen, j, tracks, i, shown)
        else:
            track[j] = counters[N_TRACKS]
            counters[N_TRACKS] += 1
            shown[j, SQUARED_STEPS], shown[j, N_STEPS] = 0.0, 0.0
        shown[j, Y], shown[j, X] = seen.y[j], seen.x[j]
        shown[j, LOG_LIGHT], shown[j, LIGHT_NOISE] = seen.log_light[j], seen.light_noise[j]
        label[j, TRACK], label[j, MISSED] = track[j], 0
        cut[j] = False
    kept: int = seen.y.size
    for i in range(n_open):
        if matching.spot_of[i] < 0 and tracks.label[i, MISSED] < memory and not closed[i]:
            _copy(tracks, i, after, kept)
            label[kept, MISSED] += 1
            kept += 1
        closed[i] = False
    return kept


@inner
def _learn_step(seen: FrameSpots, j: int, tracks: Open, i: int, shown: FloatArray) -> None:
    """Add the step to spot j to the step statistics of track i; old steps fade."""
    squared = (seen.y[j] - tracks.shown[i, Y]) ** 2 + (seen.x[j] - tracks.shown[i, X]) ** 2
    keep = min(1.0, (MOST_STEPS - 1) / max(tracks.shown[i, N_STEPS], 1.0))
    shown[j, SQUARED_STEPS] = keep * tracks.shown[i, SQUARED_STEPS] + squared / (tracks.label[i, MISSED] + 1)
    shown[j, N_STEPS] = keep * tracks.shown[i, N_STEPS] + 1
