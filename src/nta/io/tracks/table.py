"""Tracks of other programs: only positions by frame."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from nta.columns import Columns, column, first_not_whole
from nta.io.text import TextFileError


class TrackFileError(TextFileError):
    """A file is not a readable table of tracks."""


class UnknownTracksError(TrackFileError):
    """A file is of no program whose tracks can be read."""


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class TrackTable(Columns):
    """Positions sorted by (track, frame); tracks are numbered 0..n-1, frames from 0, also if the program counts from 1.

    program : program that wrote the file. notes : changes made to the tracks of the file. pixel_size_um, frame_rate_hz :
        as stated by the file, else None.
    """

    track: NDArray[np.int64] = column(np.int64, "1", "track number")
    frame: NDArray[np.int64] = column(np.int64, "1", "frame index")
    y_px: NDArray[np.float64] = column(np.float64, "px", "row; the centre of the first pixel is at 0")
    x_px: NDArray[np.float64] = column(np.float64, "px", "column")
    program: str
    notes: tuple[str, ...] = ()
    pixel_size_um: float | None = None
    frame_rate_hz: float | None = None

    @classmethod
    def of(
        cls,
        track: ArrayLike,
        frame: ArrayLike,
        y_px: ArrayLike,
        x_px: ArrayLike,
        *,
        program: str,
        notes: Sequence[str] = (),
        rows_at: ArrayLike | None = None,
    ) -> TrackTable:
        """Make a table from rows in any order; the names of tracks become numbers in their order.

        rows_at : row numbers for error messages; from 0 if None.

        Raises
        ------
        TrackFileError
            A track is in two places in one frame, a frame is not a whole number, or a track or position is not finite.
        """
        _refuse_frames(frame, program, rows_at)
        if (nameless := _first_nan(track)) is not None:
            raise TrackFileError(f"row {_at(nameless, rows_at)} of {program} is of no track; leave it out")
        names, number = np.unique(np.asarray(track), return_inverse=True)
        rows = cls(
            track=number,
            frame=np.asarray(frame),
            y_px=np.asarray(y_px),
            x_px=np.asarray(x_px),
            program=program,
        )
        rows = rows.select(np.lexsort((rows.frame, rows.track)))
        twice = np.flatnonzero((np.diff(rows.track) == 0) & (np.diff(rows.frame) == 0))
        if twice.size:
            first = twice[0]
            raise TrackFileError(
                f"track {_name(names[rows.track[first]])} of {program} is in two places in frame {rows.frame[first]}"
            )
        if not (np.isfinite(rows.y_px).all() and np.isfinite(rows.x_px).all()):
            raise TrackFileError(f"a position of {program} is not a number")
        return replace(rows, notes=tuple(notes))

    def _extent(self) -> str:
        return f"{super()._extent()}, {self.n_tracks} tracks"

    @property
    def n_tracks(self) -> int:
        """Number of tracks."""
        return int(self.track[-1]) + 1 if len(self) else 0

    @property
    def lengths(self) -> NDArray[np.int64]:
        """Number of positions in each track."""
        return np.bincount(self.track, minlength=self.n_tracks)


def _refuse_frames(frame: ArrayLike, program: str, rows_at: ArrayLike | None) -> None:
    """Refuse frames that are not whole numbers: most often they are times."""
    try:
        frames = np.asarray(frame, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise TrackFileError(f"the frames of {program} are no numbers: {error}") from None
    if (row := first_not_whole(frames)) is None:
        return
    value = frames[row]
    hint = "; is it a time? Multiply it by the frame rate and round" if np.isfinite(value) else ""
    raise TrackFileError(
        f"row {_at(row, rows_at)} of {program}: frame is {value:g}, not a whole number{hint}"
    )


def _first_nan(track: ArrayLike) -> int | None:
    names = np.asarray(track)
    nan = names != names  # names may be of any type; only NaN differs from itself
    return int(np.argmax(nan)) if nan.any() else None


def _at(row: int, rows_at: ArrayLike | None) -> int:
    return row if rows_at is None else int(np.asarray(rows_at)[row])


def _name(of_track: Any) -> str:
    return f"{of_track:g}" if isinstance(of_track, float) else str(of_track)
