"""Bundles of arrays and numbers shared by the compiled kernels; numba accesses named tuples by field name."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

import nta.compiled
from nta.columns import BoolArray, FloatArray, IntArray

Y, X = 0, 1  # columns of Open.shown: where the next spot is expected,
SQUARED_STEPS, N_STEPS = 2, 3  # sum of squared steps per frame (both axes), and how many,
LOG_LIGHT, LIGHT_NOISE = 4, 5  # ln intensity of the last spot, and the variance of its error
N_SHOWN = 6
TRACK, MISSED = 0, 1  # columns of Open.label
N_LABELS = 2
MOST_STEPS = 50  # number of last steps by which the mobility of a track is judged

compiled = nta.compiled.compiled(error_model="numpy")
"""Decorator of the kernels of this room that both Python and other kernels call."""

outer = nta.compiled.compiled(outer=True, error_model="numpy")
"""Decorator of those that only Python calls."""

inner = nta.compiled.compiled(inner=True, error_model="numpy")
"""Decorator of those that only other kernels call."""


class FrameSpots(NamedTuple):
    """Spots of a frame, or of several: positions, ln intensity (NaN if unknown) and the variance of its error."""

    y: FloatArray
    x: FloatArray
    log_light: FloatArray
    light_noise: FloatArray


class Open(NamedTuple):
    """Open tracks, one per row, with spare rows; in the graph they are the sources of links.

    shown : expected position of the next spot, and statistics of the track so far: columns Y to LIGHT_NOISE.
    label : columns TRACK and MISSED.
    """

    shown: FloatArray
    label: IntArray


class Grid(NamedTuple):
    """Cells over the image, no side shorter than the longest link; spots beyond its edge belong to the outermost cells.

    With a single column, three neighbouring rows of cells are one contiguous stretch of the sorted spots.
    """

    rows_per_px: float
    columns_per_px: float
    n_rows: int
    n_columns: int


class Cells(NamedTuple):
    """Spots of one frame sorted into the cells: cell c holds order[start[c]:start[c + 1]]."""

    of_spot: IntArray
    start: IntArray
    order: IntArray
    y: FloatArray
    x: FloatArray


class Graph(NamedTuple):
    """Candidates for links: those of source i are first[i]:first[i + 1], with the spot and the cost (<= 0) of each."""

    first: IntArray
    spot: IntArray
    cost: FloatArray


class Matching(NamedTuple):
    """Partners (-1: none) and the dual prices that prove the matching optimal: cost - u - v >= 0, = 0 where matched."""

    spot_of: IntArray
    source_of: IntArray
    u: FloatArray
    v: FloatArray


class Search(NamedTuple):
    """Scratch of a shortest-path search over one side of the graph; clean (inf, False) between searches."""

    distance: FloatArray
    via: IntArray
    visited: BoolArray
    touched: IntArray


class Odds(NamedTuple):
    """Statistics of a recording that decide on links, learned before linking; see `nta.tracks.odds`.

    shape, scale_px2 : parameters of the inverse-gamma distribution of step variances over the particles.
    light_step_variance : variance of the change of ln intensity of one particle in one frame.
    darkest, classes_per_log : ln intensity in the middle of the first class of light, and classes per unit of it.
    absurd : by number of steps so far, squared step over scale beyond which the particle is not searched for.
    log_seen, log_returns : per class of light, ln odds that a particle is seen in the next frame if it was seen, or missed,
        in this one.
    log_new : per class of light, ln density of new spots per frame, px2 and unit of ln intensity.
    """

    shape: float
    scale_px2: float
    light_step_variance: float
    darkest: float
    classes_per_log: float
    absurd: FloatArray
    log_returns: FloatArray
    log_seen: FloatArray
    log_new: FloatArray


def no_odds() -> Odds:
    """Return empty odds, for links by distance alone."""
    nothing = np.zeros(1)
    return Odds(0.0, 0.0, 0.0, 0.0, 0.0, nothing, nothing, nothing, nothing)
