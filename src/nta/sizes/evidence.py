"""Likelihoods of diameter on a logarithmic grid; tracks with similar likelihoods share a cell."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nta.columns import Float32Array, FloatArray
from nta.sizes.settings import SizingSettings

MARGIN = 4.0
"""The population is inferred on a grid that extends beyond the reported one by this factor, so that particles
outside do not pile up at the edges of the reported range."""

_NODES_PER_E_FOLD = 16  # log-likelihoods are smooth in ln D: a cubic through them errs < 1e-3
_LOCATION_CELL = 0.25  # width of a cell in standard deviations of its likelihoods: widens them by 0.3 %
_WIDTH_CELL = 0.10  # ratio step of likelihood widths within a cell
_CHUNK = 4096  # tracks expanded onto the grid at a time: 10 MB


@dataclass(frozen=True, kw_only=True)
class Grid:
    """Bins of equal width in x = ln(diameter / nm); `inner` selects the reported bins."""

    edges: FloatArray
    inner: slice

    @classmethod
    def of(cls, settings: SizingSettings) -> Grid:
        """Return the grid of the reported bins with the margin on both sides."""
        step = np.log(settings.grid_high_nm / settings.grid_low_nm) / settings.bins
        outside = int(np.ceil(np.log(MARGIN) / step))
        edges = np.log(settings.grid_low_nm) + step * np.arange(-outside, settings.bins + outside + 1)
        return cls(edges=edges, inner=slice(outside, outside + settings.bins))

    @property
    def x(self) -> FloatArray:
        """Centres of the bins."""
        return (self.edges[1:] + self.edges[:-1]) / 2

    @property
    def step(self) -> float:
        """Width of a bin."""
        return float((self.edges[-1] - self.edges[0]) / (self.edges.size - 1))

    @property
    def edges_nm(self) -> FloatArray:
        """Edges of the reported bins."""
        return np.exp(self.edges[self.inner.start : self.inner.stop + 1])

    def nodes(self) -> FloatArray:
        """Values of x, fewer than the bins, at which log-likelihoods are computed."""
        span = self.edges[-1] - self.edges[0]
        n = int(np.ceil(span * _NODES_PER_E_FOLD)) + 1
        return np.asarray(self.edges[0] + span * np.arange(n) / (n - 1), dtype=np.float64)


@dataclass(frozen=True, kw_only=True, eq=False)
class Evidence:
    """Likelihoods of diameter, cell by cell; a cell holds tracks with similar likelihoods.

    likelihood : (n_cells, n_bins), largest value of a row 1.
    cell : (n_tracks,) cell of every track.
    n_points : (n_tracks,) number of spots of every track, its time in view in frames.
    particle : (n_tracks,) number of the particle of every track, as far as it can be identified.
    in_view : (n_tracks,) time in view including the time of too short tracks of similar light, in frames.
    """

    grid: Grid
    likelihood: Float32Array
    cell: NDArray[np.int64]
    n_points: FloatArray
    in_view: FloatArray
    particle: NDArray[np.int64]

    @property
    def n_tracks(self) -> int:
        """Number of tracks."""
        return int(self.cell.size)

    def per_cell(self, weight_per_track: FloatArray) -> FloatArray:
        """Sum a weight per track over the tracks of each cell."""
        return np.bincount(self.cell, weight_per_track, len(self.likelihood)).astype(np.float64)


def gather_evidence(
    grid: Grid,
    node_x: FloatArray,
    log_likelihood: NDArray[np.floating],
    n_points: FloatArray,
    in_view: FloatArray | None = None,
    particle: NDArray[np.int64] | None = None,
) -> Evidence:
    """Interpolate log-likelihoods given at `node_x` (ascending ln diameter) to the grid; pool similar tracks in cells.

    Cells limit time and memory for any number of tracks. Within a cell the likelihoods differ in position by less
    than a quarter of their width and in width by a tenth, so that their mean can represent each of them.

    particle : (n_tracks,) any numbers; None: each track has its own particle.
    """
    interpolation = _cubic_interpolation(node_x, grid.x)
    known: dict[tuple[int, int], int] = {}
    cell = np.empty(len(log_likelihood), dtype=np.int64)
    total = np.zeros((64, grid.x.size), dtype=np.float32)
    for start in range(0, cell.size, _CHUNK):
        log_rows = np.asarray(log_likelihood[start : start + _CHUNK]) @ interpolation
        rows = np.exp(log_rows - log_rows.max(axis=1, keepdims=True)).astype(np.float32)
        keys, inverse = np.unique(_cell_keys(grid.x, rows), axis=0, return_inverse=True)
        named = np.array([known.setdefault((int(a), int(b)), len(known)) for a, b in keys], dtype=np.int64)
        cell[start : start + _CHUNK] = named[inverse.ravel()]
        if len(known) > len(total):
            more = max(len(known), len(total))
            total = np.concatenate([total, np.zeros((more, grid.x.size), dtype=np.float32)])
        order = np.argsort(inverse.ravel(), kind="stable")
        first = np.searchsorted(inverse.ravel()[order], np.arange(len(keys)))
        total[named] += np.add.reduceat(rows[order], first, axis=0)
    total = total[: len(known)]
    return Evidence(
        grid=grid,
        likelihood=total / np.maximum(total.max(axis=1, keepdims=True), np.finfo(np.float32).tiny),
        cell=cell,
        n_points=np.asarray(n_points, dtype=np.float64),
        in_view=np.asarray(n_points if in_view is None else in_view, dtype=np.float64),
        particle=np.arange(cell.size) if particle is None else np.unique(particle, return_inverse=True)[1],
    )


def _cell_keys(x: FloatArray, likelihood: Float32Array) -> NDArray[np.int64]:
    """Return the cell of each likelihood as two integers, from its width and its position: (n, 2)."""
    total = likelihood.sum(axis=1, dtype=np.float64)
    moments = likelihood @ np.stack([x, x**2], axis=1)
    mean = moments[:, 0] / total
    variance = moments[:, 1] / total - mean**2
    step = (x[-1] - x[0]) / (x.size - 1)
    width = np.sqrt(np.maximum(variance, (step / 2) ** 2))
    row = np.floor(np.log(width) / _WIDTH_CELL)
    place = np.floor(mean / (_LOCATION_CELL * np.exp(row * _WIDTH_CELL)))
    return np.stack([row, place], axis=1).astype(np.int64)


def _cubic_interpolation(node_x: FloatArray, x: FloatArray) -> FloatArray:
    """Matrix (n_nodes, n_x) of cubic spline interpolation: values at the nodes times the matrix are values at x."""
    from scipy.interpolate import CubicSpline

    return np.asarray(CubicSpline(node_x, np.eye(node_x.size), axis=0)(x), dtype=np.float64).T
