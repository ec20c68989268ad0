"""The noun of this room: tracks, spots of one particle linked from frame to frame."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

from nta.columns import Brief, Columns, column
from nta.errors import SettingError
from nta.spots.table import Scene


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class Linking(Brief):
    """How the spots were linked: parameters chosen by the user or from the data, and the drift found."""

    search_range_px: float
    memory_frames: int
    drift_y_px: NDArray[np.float64]  # cumulative drift at scene.frame_index, subtracted from y_px
    drift_x_px: NDArray[np.float64]
    drift_std_err_px: NDArray[np.float64]  # standard error of one frame-to-frame drift step, per axis
    links_cut: int  # links given up because crowding made them ambiguous
    step_px: float = 0.0  # standard step per axis and frame of the typical particle, with localization error
    vibration_px: float = 0.0  # standard deviation per axis of the common jitter from frame to frame
    brownian_share: float = 0.0  # of the particles' own step variance, subtracted along: D / (1 - share)


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class Tracks(Columns):
    """Spots that belong to tracks, sorted by (track, frame); tracks are numbered 0..n-1 without gaps.

    `select` keeps the track numbers of the selected rows; use `only` to select whole tracks.
    `y_px`, `x_px` are drift-subtracted; add `linking.drift_*_px` at the frame to get the position in the image.
    """

    track: NDArray[np.int32] = column(np.int32, "1", "track number")
    frame: NDArray[np.int32] = column(np.int32, "1", "frame index")
    spot: NDArray[np.int64] = column(np.int64, "1", "row of the spot in the recording's spot table")
    y_px: NDArray[np.float64] = column(np.float64, "px", "row, drift subtracted")
    x_px: NDArray[np.float64] = column(np.float64, "px", "column, drift subtracted")
    intensity: NDArray[np.float32] = column(np.float32, "e", "light of the spot above its background")
    width_px: NDArray[np.float32] = column(np.float32, "px", "standard deviation of the fitted Gaussian")
    snr: NDArray[np.float32] = column(np.float32, "1", "matched-filter signal over noise")
    localization_error_px: NDArray[np.float32] = column(
        np.float32, "px", "standard error per axis (Cramer-Rao)"
    )
    flags: NDArray[np.uint16] = column(np.uint16, "1", "SpotFlag bits")
    linking: Linking
    scene: Scene

    def only(self, which: ArrayLike) -> Tracks:
        """Return the tracks of a mask over tracks, numbered anew; `select` with the same mask gives their estimates."""
        mask = np.asarray(which)
        if mask.dtype != bool or mask.shape != (self.n_tracks,):
            raise SettingError(
                f"which must be a mask over {self.n_tracks} tracks, got {mask.dtype} {mask.shape}"
            )
        rows = self.select(mask[self.track])
        return replace(rows, track=(np.cumsum(mask) - 1)[rows.track])

    def in_image(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return (y, x) of the spots as they were in the image, drift included: where a stuck spot stays in one place."""
        place = np.searchsorted(self.scene.frame_index, self.frame)
        return self.y_px + self.linking.drift_y_px[place], self.x_px + self.linking.drift_x_px[place]

    def _extent(self) -> str:
        return f"{super()._extent()}, {self.n_tracks} tracks"

    @property
    def n_tracks(self) -> int:
        """Number of tracks."""
        return int(self.track[-1]) + 1 if len(self) else 0

    @property
    def share_given_up(self) -> float:
        """Share of the links that were given up because crowding made them ambiguous; NaN without links."""
        links = len(self) - self.n_tracks + self.linking.links_cut
        return self.linking.links_cut / links if links else math.nan

    @property
    def first_row(self) -> NDArray[np.int64]:
        """Row where each track starts, and the number of rows at the end: track i is first_row[i]:first_row[i + 1]."""
        return np.searchsorted(self.track, np.arange(self.n_tracks + 1)).astype(np.int64)
