"""Second opinions: plain linkers that share no code with the compiled one, selected by `LinkingSettings.engine`.

Both minimise the sum of squared displacements within the search range, where a track without a spot costs the squared
range (Crocker and Grier, J. Colloid Interface Sci. 179, 298 (1996)). They keep every link and do not predict flow.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator

import numpy as np

from nta.columns import BoolArray, FloatArray, IntArray
from nta.errors import SettingError, how_to_install
from nta.spots.table import Spots


class ScipyChain:
    """Linker that solves a dense assignment problem for every frame by `scipy.optimize.linear_sum_assignment`."""

    links_cut = 0

    def __init__(self, search_range_px: float, memory_frames: int) -> None:
        self.search_range_px = search_range_px
        self._memory = memory_frames
        self._place = np.empty((0, 2))  # position of the last spot of every open track
        self._last_frame = np.empty(0, dtype=np.int64)
        self._name = np.empty(0, dtype=np.int64)
        self._n_tracks = 0

    def link(self, spots: Spots) -> IntArray:
        """Return the track number of each spot of some whole frames."""
        places = np.stack([spots.y_px, spots.x_px], axis=1)
        track = np.empty(len(spots), dtype=np.int64)
        for rows in _frames(spots):
            track[rows] = self._link_frame(places[rows], int(spots.frame[rows.start]))
        return track

    def _link_frame(self, places: FloatArray, frame: int) -> IntArray:
        from scipy.optimize import linear_sum_assignment
        from scipy.spatial.distance import cdist

        awaited = frame - self._last_frame <= self._memory + 1
        self._keep(awaited)
        gain = np.minimum(cdist(self._place, places, "sqeuclidean") - self.search_range_px**2, 0.0)
        sources, taken = linear_sum_assignment(gain)
        linked = gain[sources, taken] < 0
        name = np.full(len(places), -1, dtype=np.int64)
        name[taken[linked]] = self._name[sources[linked]]
        new = np.flatnonzero(name < 0)
        name[new] = self._n_tracks + np.arange(new.size)
        self._n_tracks += new.size
        waiting = np.ones(self._name.size, dtype=bool)
        waiting[sources[linked]] = False
        self._keep(waiting)
        self._place = np.concatenate([places, self._place])
        self._last_frame = np.append(np.full(len(places), frame), self._last_frame)
        self._name = np.append(name, self._name)
        return name

    def _keep(self, chosen: BoolArray) -> None:
        self._place, self._last_frame, self._name = (
            self._place[chosen],
            self._last_frame[chosen],
            self._name[chosen],
        )


class TrackpyChain:
    """`trackpy.link_iter`, fed frame by frame (Allan et al., doi:10.5281/zenodo.4682814)."""

    links_cut = 0

    def __init__(self, search_range_px: float, memory_frames: int) -> None:
        self.search_range_px = search_range_px
        self._memory = memory_frames
        self._waiting: deque[tuple[int, FloatArray]] = deque()
        self._links: Iterator[tuple[int, list[int]]] | None = None
        self._last_frame = -1

    def link(self, spots: Spots) -> IntArray:
        """Return the track number of each spot of some whole frames."""
        places = np.stack([spots.y_px, spots.x_px], axis=1)
        track = np.empty(len(spots), dtype=np.int64)
        for rows in _frames(spots):
            track[rows] = self._link_frame(places[rows], int(spots.frame[rows.start]))
        return track

    def _link_frame(self, places: FloatArray, frame: int) -> IntArray:
        if self._links is None:
            self._links, self._last_frame = self._start(), frame - 1
        # trackpy counts the frames it is given: frames without spots must be given too, as many as its memory lasts
        missed = min(frame - self._last_frame - 1, self._memory + 1)
        self._waiting.extend((frame - k, np.empty((0, 2))) for k in range(missed, 0, -1))
        self._waiting.append((frame, places))
        self._last_frame = frame
        numbers: list[int] = []
        while self._waiting:
            numbers = self._next()
        return np.asarray(numbers, dtype=np.int64)

    def _start(self) -> Iterator[tuple[int, list[int]]]:
        try:
            import trackpy
        except ImportError:
            raise SettingError(
                f'the linking engine "trackpy" needs trackpy; {how_to_install("reference")}'
            ) from None
        trackpy.quiet()
        fed = iter(self._waiting.popleft, None)
        links: Iterator[tuple[int, list[int]]] = trackpy.link_iter(
            fed, self.search_range_px, memory=self._memory
        )
        return links

    def _next(self) -> list[int]:
        import trackpy

        assert self._links is not None
        try:
            return next(self._links)[1]
        except trackpy.SubnetOversizeException as error:
            raise SettingError(
                f"trackpy gives up on crowds this dense within {self.search_range_px:.1f} px ({error}); "
                "choose a shorter search_range_px or another engine"
            ) from None


def _frames(spots: Spots) -> Iterator[slice]:
    """Yield the rows of each frame."""
    starts = np.append(0, np.flatnonzero(np.diff(spots.frame)) + 1)
    for start, end in zip(starts, np.append(starts[1:], len(spots)), strict=True):
        yield slice(int(start), int(end))
