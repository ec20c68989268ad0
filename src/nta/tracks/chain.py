"""Linking of whole frames in order: the compiled pass over the frames, with its state between calls."""

from __future__ import annotations

import math
from typing import Protocol

import numpy as np

from nta.columns import FloatArray, IntArray
from nta.spots.table import Scene, Spots
from nta.tracks.kernels.types import N_LABELS, N_SHOWN, FrameSpots, Grid, Odds, Open, no_odds
from nta.tracks.motion import Motion
from nta.tracks.settings import LinkingSettings

FEW_IN_ROWS = 40  # with fewer candidates, scanning three rows is faster than dividing them into columns


class Chain(Protocol):
    """A linker of whole frames in order, which keeps its open tracks between calls."""

    @property
    def search_range_px(self) -> float:
        """Largest displacement of a particle between two frames."""
        ...

    @property
    def links_cut(self) -> int:
        """Links given up because crowding made them ambiguous."""
        ...

    def link(self, spots: Spots) -> IntArray:
        """Return the track number of each spot of some whole frames."""
        ...


class CompiledChain:
    """The compiled pass over the frames, with its state between calls: open tracks, counters, flow.

    odds : odds by which links are judged; None: links of the least sum of squared displacements.
    """

    def __init__(
        self,
        settings: LinkingSettings,
        motion: Motion,
        search_range_px: float,
        scene: Scene,
        odds: Odds | None = None,
    ) -> None:
        from nta.tracks.kernels import flow, frames

        self.search_range_px = search_range_px
        self._odds = odds
        self._memory = settings.memory_frames
        self._least_odds = math.log(1 / settings.max_wrong_link - 1)
        self._step_variance = motion.typical_variance_px2 if settings.drift == "auto" else 0.0
        widening = settings.memory_frames + 1 if settings.ambiguous == "cut" else 1
        self._grid = _grid(search_range_px * math.sqrt(widening), motion.density_per_px2, scene)
        self._open = Open(np.empty((0, N_SHOWN)), np.empty((0, N_LABELS), dtype=np.int64))
        self._counters = np.zeros(frames.N_COUNTERS, dtype=np.int64)
        self._counters[frames.LAST_FRAME] = -1
        self._flow = np.zeros(flow.N_FLOW)
        self._flow[:2] = motion.flow_y_px, motion.flow_x_px

    @property
    def links_cut(self) -> int:
        """Links given up because crowding made them ambiguous."""
        from nta.tracks.kernels.frames import LINKS_CUT

        return int(self._counters[LINKS_CUT])

    def link(self, spots: Spots) -> IntArray:
        """Return the track number of each spot of some whole frames."""
        from nta.tracks.kernels.frames import N_OPEN, Carried, Rules, link_frames

        frame = spots.frame.astype(np.int64)
        first_row = np.concatenate([[0], np.flatnonzero(np.diff(frame)) + 1, [frame.size]]).astype(np.int64)
        tracks, after = (self._with_room(int(np.diff(first_row).max())) for _ in range(2))
        track = np.empty(frame.size, dtype=np.int64)
        if self._odds:
            odds, least, light = self._odds, self._least_odds, log_light(spots)
        else:
            unknown = np.zeros(frame.size)  # not read without odds
            odds, least, light = no_odds(), 0.0, (unknown, unknown)
        rules = Rules(self._grid, self.search_range_px, self._memory, odds, least, self._step_variance)
        seen, carried = FrameSpots(spots.y_px, spots.x_px, *light), Carried(self._counters, self._flow)
        link_frames(seen, frame, first_row, rules, tracks, after, carried, track)
        n = int(self._counters[N_OPEN])
        self._open = Open(tracks.shown[:n].copy(), tracks.label[:n].copy())
        return track

    def _with_room(self, most_spots: int) -> Open:
        """Return a copy of the open tracks with room for all tracks that frames of so many spots can leave open."""
        n = self._open.label.shape[0]
        room = n + (self._memory + 2) * most_spots
        tracks = Open(np.empty((room, N_SHOWN)), np.empty((room, N_LABELS), dtype=np.int64))
        tracks.shown[:n], tracks.label[:n] = self._open
        return tracks


def _grid(longest_px: float, density_per_px2: float, scene: Scene) -> Grid:
    """Return a grid with rows as high as the longest link, divided into columns if three rows hold more than a few spots."""
    in_three_rows = 3 * longest_px * scene.width_px * density_per_px2
    n_columns = 1 if in_three_rows < FEW_IN_ROWS else int(scene.width_px / longest_px) + 1
    return Grid(
        rows_per_px=1 / longest_px,
        columns_per_px=1 / longest_px if n_columns > 1 else 0.0,
        n_rows=int(scene.height_px / longest_px) + 1,
        n_columns=n_columns,
    )


def log_light(spots: Spots) -> tuple[FloatArray, FloatArray]:
    """Return ln intensity (NaN if unknown) and the variance of its error from photon noise."""
    known = spots.intensity > 0
    log_light = np.log(spots.intensity, out=np.full(len(spots), np.nan), where=known)
    noise = np.divide(1.0, spots.snr, out=np.ones(len(spots)), where=spots.snr > 1) ** 2
    return log_light, noise
