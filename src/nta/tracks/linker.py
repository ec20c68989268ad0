"""Linking of spots to tracks, as a stream of frames or all at once."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from nta.columns import IntArray
from nta.errors import SettingError
from nta.spots.table import Scene, Spots, join_spots
from nta.tracks.chain import Chain, CompiledChain, log_light
from nta.tracks.drift import Drift, find_drift, no_drift
from nta.tracks.motion import Motion, learn_motion, unknown_motion
from nta.tracks.odds import learn_odds
from nta.tracks.reference import ScipyChain, TrackpyChain
from nta.tracks.settings import LinkingSettings
from nta.tracks.table import Linking, Tracks

# the motion is learned from the first frames that hold so many spots, or from so many frames, whichever comes first
LEARNING_SPOTS, LEARNING_FRAMES = 8000, 300
LEAST_RANGE_PX = 1.0  # search range if nothing moves, or if there are no spots
CARRIED_OVER = (
    "intensity",
    "width_px",
    "snr",
    "localization_error_px",
    "flags",
)  # columns of spots and tracks


def link_spots(spots: Spots, settings: LinkingSettings | None = None) -> Tracks:
    """Link the spots of a whole recording to tracks and subtract the drift that their particles share."""
    linker = TrackLinker(settings)
    linker.push(spots)
    return linker.finish()


class TrackLinker:
    """Links a stream of spots: `push` chunks of whole frames in order, `snapshot` for tracks so far, `finish` at the end.

    The tracks do not depend on how the frames are divided into chunks. The first frames are kept until the recording's
    motion can be learned from them (`LEARNING_SPOTS`, `LEARNING_FRAMES`); from the other frames only the table is kept.
    """

    def __init__(self, settings: LinkingSettings | None = None) -> None:
        self.settings = settings or LinkingSettings()
        self.motion: Motion | None = None
        self._chunks: list[Spots] = []
        self._tracks: list[IntArray] = []  # track number of every spot, one array per linked chunk
        self._chain: Chain | None = None
        self._last_frame = -1

    def push(self, spots: Spots) -> None:
        """Add the spots of the next frames; a frame must not be divided between two chunks."""
        if len(spots):
            if np.any(np.diff(spots.frame) < 0):
                raise SettingError("spots must be sorted by frame")
            if spots.frame[0] <= self._last_frame:
                raise SettingError(
                    f"spots of frame {spots.frame[0]} came after frame {self._last_frame} was closed; "
                    "push whole frames in order"
                )
            self._last_frame = int(spots.frame[-1])
        self._chunks.append(spots)
        if self._chain is None and len(spots):
            held = self.spots
            learned_from = _learning_rows(held.frame)
            if learned_from is not None:
                self._chain = self._started(held.select(slice(0, learned_from)))
        self._link_waiting()

    def snapshot(self) -> Tracks:
        """Return the tracks of all spots pushed so far, without affecting further linking."""
        if self._chain is not None:
            return self._table()
        preview = TrackLinker(self.settings)
        preview._chunks = list(self._chunks)
        return preview.finish()

    def finish(self) -> Tracks:
        """Return the tracks of the whole recording."""
        if self._chain is None:
            self._chain = self._started(self.spots)
            self._link_waiting()
        return self._table()

    @property
    def spots(self) -> Spots:
        """All spots pushed so far, with the frames of all their scenes."""
        if not self._chunks:
            raise SettingError("no spots were pushed: there is no scene to make tracks in")
        if len(self._chunks) > 1:
            linked = len(self._tracks) == len(self._chunks)
            self._chunks = [join_spots(self._chunks)]
            self._tracks = [np.concatenate(self._tracks)] if linked else []
        return self._chunks[0]

    def _link_waiting(self) -> None:
        if self._chain is not None:
            for chunk in self._chunks[len(self._tracks) :]:
                none = np.empty(0, dtype=np.int64)
                self._tracks.append(self._chain.link(chunk) if len(chunk) else none)

    def _started(self, first_spots: Spots) -> Chain:
        """Learn motion and odds from the first spots; later frames are linked as they come."""
        scene, settings = first_spots.scene, self.settings
        frame = first_spots.frame.astype(np.int64)
        ambiguous = settings.ambiguous if settings.engine == "fast" else "keep"
        if settings.search_range_px and ambiguous == "keep" and settings.drift == "none":
            n_frames = int(frame[-1] - frame[0]) + 1 if frame.size else 0
            motion = unknown_motion(frame.size, n_frames, scene.height_px, scene.width_px)
        else:
            motion = learn_motion(first_spots.y_px, first_spots.x_px, frame, scene.height_px, scene.width_px)
        reach = float(settings.search_range_px or max(motion.search_range_px(ambiguous), LEAST_RANGE_PX))
        self.motion = motion
        if settings.engine != "fast":
            plain = ScipyChain if settings.engine == "reference" else TrackpyChain
            return plain(reach, settings.memory_frames)
        odds = None
        if settings.ambiguous == "cut" and motion.anything_moves:
            by_distance = CompiledChain(settings, motion, reach, scene).link(first_spots)
            area = float(scene.height_px * scene.width_px)
            odds = learn_odds(
                motion, by_distance, frame, *log_light(first_spots), settings.memory_frames, area
            )
        return CompiledChain(settings, motion, reach, scene, odds)

    def _table(self) -> Tracks:
        assert self._chain is not None
        spots = self.spots
        number, rows = _by_track(self._tracks[0], self.settings.min_track_frames)
        frame, y, x = spots.frame[rows], spots.y_px[rows], spots.x_px[rows]
        drift = no_drift()
        if self.settings.drift == "auto":
            first_row = np.append(np.flatnonzero(np.diff(number, prepend=-1)), number.size)
            drift = find_drift(first_row, frame.astype(np.int64), y, x)
        y, x = drift.subtracted(frame, y, x)
        return Tracks(
            track=number.astype(np.int32),
            frame=frame,
            spot=rows,
            y_px=y,
            x_px=x,
            **{name: getattr(spots, name)[rows] for name in CARRIED_OVER},
            linking=self._linking(drift, spots.scene),
            scene=spots.scene,
        )

    def _linking(self, drift: Drift, scene: Scene) -> Linking:
        assert self._chain is not None
        assert self.motion is not None
        drift_y, drift_x = drift.at(scene.frame_index)
        return Linking(
            search_range_px=self._chain.search_range_px,
            memory_frames=self.settings.memory_frames,
            drift_y_px=drift_y,
            drift_x_px=drift_x,
            drift_std_err_px=drift.std_err_at(scene.frame_index),
            links_cut=self._chain.links_cut,
            step_px=math.sqrt(self.motion.typical_variance_px2),
            vibration_px=drift.vibration_px,
            brownian_share=drift.brownian_share,
        )


def _learning_rows(frame: NDArray[np.int32]) -> int | None:
    """Return the number of rows from which the motion is learned (whole frames); None while there are too few."""
    last_of_frame = np.append(np.flatnonzero(np.diff(frame)), frame.size - 1) + 1
    enough = (last_of_frame >= LEARNING_SPOTS) | (np.arange(1, last_of_frame.size + 1) >= LEARNING_FRAMES)
    return int(last_of_frame[np.argmax(enough)]) if enough.any() else None


def _by_track(track: IntArray, least: int) -> tuple[IntArray, IntArray]:
    """Drop tracks with fewer than `least` spots; return the numbers of the other tracks and the sorted rows of their spots.

    Tracks are numbered in the order of their first spots.
    """
    from nta.tracks.kernels.steps import order_by_track

    return order_by_track(track, np.bincount(track) >= least)
