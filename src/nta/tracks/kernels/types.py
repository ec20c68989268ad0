"""Bundles of arrays and numbers that the compiled kernels share (named tuples are what numba takes by name)."""

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
MOST_STEPS = 50  # the mobility of a track is judged by its last so many steps

compiled = nta.compiled.compiled(error_model="numpy")
"""Decorator of the kernels of this room."""


class FrameSpots(NamedTuple):
    """Spots of a frame, or of several: positions, ln intensity (NaN if unknown) and the variance of its error."""

    y: FloatArray
    x: FloatArray
    log_light: FloatArray
    light_noise: FloatArray


class Open(NamedTuple):
    """Tracks that may go on, one a row, with room for more; in the graph they are the sources of links.

    shown : where the next spot is expected, and what the track has shown so far: columns Y to LIGHT_NOISE.
    label : columns TRACK and MISSED.
    """

    shown: FloatArray
    label: IntArray


class Grid(NamedTuple):
    """Cells over the image, no side shorter than the longest link; spots beyond its edge belong to the outermost cells.

    With one column, a cell's three neighbouring rows are one stretch of the sorted spots.
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
    """Who takes whom (-1: nobody) and the dual prices that prove it best: cost - u - v >= 0, = 0 where matched."""

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
    """What is known of a recording's links before one is made; see `nta.tracks.odds`.

    shape, scale_px2 : of the inverse-gamma law of step variances over the particles.
    light_step_variance : variance of the change of ln intensity of one particle in one frame.
    darkest, classes_per_log : ln intensity in the middle of the first class of light, and classes per unit of it.
    absurd : by number of steps so far, squared step in scales beyond which no particle is looked for.
    log_seen, log_returns : per class of light, ln odds that a particle that was seen, or was missing, is seen in the next
        frame.
    log_new : per class, ln of the new spots per frame, px2 and unit of ln intensity.
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
    """Return odds that say nothing, for links by distance alone."""
    nothing = np.zeros(1)
    return Odds(0.0, 0.0, 0.0, 0.0, 0.0, nothing, nothing, nothing, nothing)
