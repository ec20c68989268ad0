"""Tracks in micrometres and frames, arranged for the estimators; units are converted only here."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from nta.columns import BoolArray, FloatArray, IntArray
from nta.errors import SettingError
from nta.frames import refuse_pixel_size
from nta.stated import stated_number
from nta.tracks.table import Tracks

_REACH_SD = 2.5  # distance from the border, in standard steps, within which steps are not used


@dataclass(frozen=True, kw_only=True, eq=False)
class Steps:
    """Positions of all tracks in um, with their errors and the durations of their displacements.

    error_variance_um2 : localization variance of each position per axis, as reported by the spots; 0 if not reported.
    drift_y_um, drift_x_um : drift that was subtracted from each position; position + drift is the place in the image.
    drift_variance_um2 : variance that the error of the drift adds to a displacement of one frame, per axis.
    wait_frames : frames from each position to the next of its track; 0 if there is no next one, and if the displacement is
        not used because only short ones are observed. This holds over frames in which the particle was searched for but not
        found: the linker joins particles that reappear nearby and misses those that went far (over frames that were never
        recorded none is missed). It also holds near the border of the frame: steps beyond it are not observed.
    start : (n_tracks + 1,) row where each track starts.
    """

    y_um: FloatArray
    x_um: FloatArray
    frame: IntArray
    error_variance_um2: FloatArray
    drift_y_um: FloatArray
    drift_x_um: FloatArray
    drift_variance_um2: float
    wait_frames: IntArray
    start: IntArray
    track: IntArray
    frame_interval_s: float
    pixel_size_um: float

    @classmethod
    def of(
        cls,
        tracks: Tracks,
        pixel_size_um: float,
        frame_interval_s: float,
        kept_share: FloatArray | None = None,
    ) -> Steps:
        """Convert the tracks of a recording.

        kept_share : (n_tracks,) share of D in the observed steps (`nta.diffusion.selection`), for which positions are
            corrected; None: 1.
        """
        refuse_pixel_size(stated_number("pixel_size_um", pixel_size_um))
        if not 0 < stated_number("frame_interval_s", frame_interval_s) < np.inf:
            raise SettingError(f"frame_interval_s must be > 0, got {frame_interval_s}")
        drift_y, drift_x, drift_variance = _drift_px(tracks)
        # corrects for the share of the Brownian motion that was subtracted with the drift, or not observed
        kept = 1.0 if kept_share is None else kept_share[tracks.track]
        stretched_um = pixel_size_um / np.sqrt((1 - tracks.linking.brownian_share) * kept)
        # errors are stretched with the positions, except by the drift's share, which was subtracted from them as well
        error_variance_um2 = _error_variance_px2(tracks) * pixel_size_um**2 / kept
        return cls(
            y_um=tracks.y_px * stretched_um,
            x_um=tracks.x_px * stretched_um,
            frame=tracks.frame.astype(np.int64),
            error_variance_um2=error_variance_um2,
            drift_y_um=drift_y * pixel_size_um - tracks.y_px * (stretched_um - pixel_size_um),
            drift_x_um=drift_x * pixel_size_um - tracks.x_px * (stretched_um - pixel_size_um),
            drift_variance_um2=drift_variance * pixel_size_um**2,
            wait_frames=np.where(_may_leave(tracks, drift_y, drift_x), 0, _wait_frames(tracks)),
            start=tracks.first_row,
            track=tracks.track.astype(np.int64),
            frame_interval_s=float(frame_interval_s),
            pixel_size_um=float(pixel_size_um),
        )

    def select(self, tracks: IntArray) -> Steps:
        """Return only the given tracks, renumbered."""
        counts = self.n_points[tracks]
        start = np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
        rows = np.arange(start[-1]) + np.repeat(self.start[tracks] - start[:-1], counts)
        names = ("y_um", "x_um", "frame", "error_variance_um2", "drift_y_um", "drift_x_um", "wait_frames")
        return replace(
            self,
            **{name: getattr(self, name)[rows] for name in names},
            start=start,
            track=np.repeat(np.arange(counts.size), counts),
        )

    def rows_apart(self, lag_frames: int, *, one_chain: bool = False) -> IntArray:
        """Return the rows of every track in chains of positions `lag_frames` apart: all chains, or only the first."""
        phase = (self.frame - self.first_frame[self.track]) % lag_frames
        rows = np.lexsort((self.frame, phase, self.track))
        return rows[phase[rows] == 0] if one_chain else rows

    def apart(self, lag_frames: int, *, one_chain: bool = False) -> Steps:
        """Return the chains of `rows_apart` as steps with a frame interval `lag_frames` times as long; 1: unchanged.

        All chains of a track describe the same motion: their likelihood counts it `lag_frames` times.
        """
        if lag_frames == 1:
            return self
        rows = self.rows_apart(lag_frames, one_chain=one_chain)
        track, frame = self.track[rows], self.frame[rows]
        broken = self.wait_frames == 0
        before = (np.cumsum(broken) - broken)[rows]  # breaks before each row
        later = np.diff(frame)
        chained = (np.diff(track) == 0) & (later > 0) & (later % lag_frames == 0) & (np.diff(before) == 0)
        wait = np.append(np.where(chained, later // lag_frames, 0), 0)[: rows.size]
        names = ("y_um", "x_um", "error_variance_um2", "drift_y_um", "drift_x_um")
        return replace(
            self,
            **{name: getattr(self, name)[rows] for name in names},
            frame=(frame - self.first_frame[track]) // lag_frames,
            drift_variance_um2=self.drift_variance_um2 * lag_frames,
            wait_frames=wait,
            start=np.searchsorted(track, np.arange(self.n_tracks + 1)).astype(np.int64),
            track=track,
            frame_interval_s=self.frame_interval_s * lag_frames,
        )

    def cut(self, most_points: int) -> Steps:
        """Cut tracks into pieces of at most about `most_points` spots, renumbered."""
        n_pieces = np.maximum(1, np.round(self.n_points / most_points)).astype(np.int64)
        track = np.repeat(np.arange(self.n_tracks), self.n_points)
        place = np.arange(self.track.size) - self.start[track]
        piece = place * n_pieces[track] // self.n_points[track] + (np.cumsum(n_pieces) - n_pieces)[track]
        start = np.searchsorted(piece, np.arange(n_pieces.sum() + 1))
        wait = np.where(np.append(np.diff(piece), 1) == 0, self.wait_frames, 0)
        return replace(self, start=start.astype(np.int64), track=piece, wait_frames=wait)

    def frames_of_rest(self) -> list[tuple[FloatArray, FloatArray, float]]:
        """Return y, x and creep in the two frames of reference in which a particle may rest: image and drift-corrected.

        Creep is the apparent diffusion coefficient of a resting particle due to the error of the drift.
        """
        creep = self.drift_variance_um2 / (2 * self.frame_interval_s)
        drifting = (self.y_um, self.x_um, creep)
        if not (self.drift_y_um.any() or self.drift_x_um.any()):
            return [drifting]
        return [(self.y_um + self.drift_y_um, self.x_um + self.drift_x_um, 0.0), drifting]

    @property
    def n_tracks(self) -> int:
        """Number of tracks."""
        return self.start.size - 1

    @cached_property
    def n_points(self) -> IntArray:
        """Spots per track."""
        return np.diff(self.start)

    @cached_property
    def row_of_step(self) -> IntArray:
        """Row from which each usable displacement starts."""
        return np.flatnonzero(self.wait_frames)

    @cached_property
    def track_of_step(self) -> IntArray:
        """Track of each displacement."""
        return self.track[self.row_of_step]

    @cached_property
    def n_steps(self) -> IntArray:
        """Usable displacements per track."""
        return np.bincount(self.track_of_step, minlength=self.n_tracks)

    @cached_property
    def dy_um(self) -> FloatArray:
        """Displacements along y, track after track."""
        return self.y_um[self.row_of_step + 1] - self.y_um[self.row_of_step]

    @cached_property
    def dx_um(self) -> FloatArray:
        """Displacements along x, track after track."""
        return self.x_um[self.row_of_step + 1] - self.x_um[self.row_of_step]

    @cached_property
    def dt_s(self) -> FloatArray:
        """Duration of each displacement."""
        return np.asarray(self.wait_frames[self.row_of_step] * self.frame_interval_s, dtype=np.float64)

    @cached_property
    def first_frame(self) -> IntArray:
        """Frame of the first spot of each track."""
        return self.frame[self.start[:-1]]

    @cached_property
    def last_frame(self) -> IntArray:
        """Frame of the last spot of each track."""
        return self.frame[self.start[1:] - 1]


def _wait_frames(tracks: Tracks) -> IntArray:
    """Return the frames to the next position; 0 at the end of a track, and if recorded frames lie between."""
    frame = tracks.frame.astype(np.int64)
    recorded = tracks.scene.frame_index
    place = np.searchsorted(recorded, frame) if recorded.size else frame
    follows = (np.diff(tracks.track) == 0) & (np.diff(place) == 1)
    return np.append(np.where(follows, np.diff(frame), 0), 0)[: frame.size]


def _may_leave(tracks: Tracks, drift_y_px: FloatArray, drift_x_px: FloatArray) -> BoolArray:
    """Select rows from which a typical step may reach the border of the frame: particles that cross it are lost.

    Particles that stay made a short step, or a step inward. For steps of 1/300 of the frame, the border would take a quarter
    of a per cent of the mean squared step; 4 % of that loss remains beyond this reach. The typical step is from the Rayleigh
    median: sd sqrt(2 ln 2).
    """
    scene = tracks.scene
    follows = np.flatnonzero((np.diff(tracks.track) == 0) & (np.diff(tracks.frame) == 1))
    if not (follows.size and scene.has_borders):
        return np.zeros(len(tracks), dtype=bool)
    square = (tracks.y_px[follows + 1] - tracks.y_px[follows]) ** 2
    square += (tracks.x_px[follows + 1] - tracks.x_px[follows]) ** 2
    reach = _REACH_SD * np.sqrt(np.median(square) / (2 * np.log(2)))
    y, x = tracks.y_px + drift_y_px, tracks.x_px + drift_x_px
    away = np.minimum.reduce([y, x, scene.height_px - 1 - y, scene.width_px - 1 - x])
    return np.asarray(away < reach)


def _error_variance_px2(tracks: Tracks) -> FloatArray:
    """Squared localization errors; missing or non-positive ones are replaced by the recording's median."""
    error = tracks.localization_error_px.astype(np.float64)
    good = np.isfinite(error) & (error > 0)
    typical = float(np.median(error[good])) if good.any() else 0.0
    return np.asarray(np.where(good, error, typical) ** 2)


def _drift_px(tracks: Tracks) -> tuple[FloatArray, FloatArray, float]:
    """Drift at each row along y and x, and the variance of one drift step."""
    linking, frames = tracks.linking, tracks.scene.frame_index
    if linking.drift_y_px.size != frames.size or frames.size == 0:
        return np.zeros(len(tracks)), np.zeros(len(tracks)), 0.0
    at = np.clip(np.searchsorted(frames, tracks.frame), 0, frames.size - 1)
    drifted = np.ptp(linking.drift_y_px) + np.ptp(linking.drift_x_px) > 0
    errors = linking.drift_std_err_px[np.isfinite(linking.drift_std_err_px)]
    variance = float(np.median(errors) ** 2) if drifted and errors.size else 0.0
    return linking.drift_y_px[at], linking.drift_x_px[at], variance
