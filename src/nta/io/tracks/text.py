"""Read tracks in tables: Mosaic, CellProfiler, trackpy, stracking, TrackMate's spots, biotracks data packages, nta."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from nta.columns import first_not_whole
from nta.io.text import number, read_text, rows_of
from nta.io.tracks.scale import frame_rate_hz, positions_in
from nta.io.tracks.table import TrackFileError, TrackTable, UnknownTracksError


@dataclass(frozen=True)
class _Form:
    """Column names of a program, and its numbering.

    first_frame, centre : number of the first frame, and coordinate of the centre of the first pixel.
    """

    program: str
    track: str
    frame: str
    y: str
    x: str
    first_frame: int = 0
    centre: float = 0.0

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the columns, for messages."""
        return tuple(pattern.partition("(")[0] for pattern in (self.track, self.frame, self.y, self.x))


_FORMS = (
    _Form("nta", "track", "frame", "y_px", "x_px"),
    _Form("trackpy", "particle", "frame", "y", "x"),
    _Form("Mosaic", "Trajectory", "Frame", "y", "x", centre=0.5),
    _Form("stracking", "TrackID", "t", "y", "x"),
    _Form(
        "CellProfiler",
        r"TrackObjects_Label(_\d+)?",
        "ImageNumber",
        "Location_Center_Y",
        "Location_Center_X",
        first_frame=1,
    ),
)
_TRACKMATE = ("TRACK_ID", "FRAME", "POSITION_X", "POSITION_Y")
_NOTHING = ("", "nan", "none")


@dataclass(frozen=True)
class _Table:
    """Cells of a file: the names of its columns, and the rows below, of which the first has the number 2."""

    path: Path
    names: list[str]
    rows: list[list[str]]
    decimal_comma: bool

    @classmethod
    def read(cls, path: Path) -> _Table:
        """Read a table that is separated by comma, tab or semicolon."""
        text, _ = read_text(path)
        head = text.lstrip("\ufeff").splitlines()[0]
        delimiter = max("\t;,", key=head.count)
        names, *rows = [row for _, row in rows_of(path, text, delimiter) if row]
        return cls(path, names, rows, decimal_comma=delimiter != ",")

    def numbers(self, name: str) -> NDArray[np.float64]:
        """Return a column; NaN for empty cells.

        Raises
        ------
        TrackFileError
            A row is cut off, or a cell is not a number.
        """
        column, values = self.names.index(name), []
        for line, row in enumerate(self.rows, start=2):
            if len(row) < len(self.names):
                raise TrackFileError(
                    f"{self.path}: row {line} has {len(row)} cells instead of {len(self.names)}: cut off?"
                )
            value = number(row[column], decimal_comma=self.decimal_comma)
            if value is None and row[column].strip().lower() not in _NOTHING:
                raise TrackFileError(f"{self.path}: {name} is {row[column]!r} in row {line}, not a number")
            values.append(np.nan if value is None else value)
        return np.array(values, dtype=np.float64)

    def whole(self, name: str) -> NDArray[np.int64]:
        """Return a column of whole numbers."""
        if name not in self.names:
            raise TrackFileError(f"{self.path}: the data package has no column {name}")
        values = self.numbers(name)
        if (row := first_not_whole(values)) is not None:
            raise TrackFileError(
                f"{self.path}: {name} is {values[row]:g} in row {row + 2}, not a whole number"
            )
        return values.astype(np.int64)


def read_table(path: Path, pixel_size_um: float | None = None) -> TrackTable:
    """Read a table of tracks, recognised by the names of its columns; separated by comma, tab or semicolon.

    pixel_size_um : needed for positions in um in a file that does not state it.

    Raises
    ------
    TrackFileError
        The columns are of no known program, or a cell is not a number.
    """
    if path.name.endswith("objects.csv"):
        return _data_package(path)
    table = _Table.read(path)
    if set(_TRACKMATE) <= set(table.names):
        return _trackmate_spots(table, pixel_size_um)
    for form in _FORMS:
        found = [
            next((n for n in table.names if re.fullmatch(pattern, n)), None)
            for pattern in (form.track, form.frame, form.y, form.x)
        ]
        if None not in found:
            return _of_form(table, form, [name for name in found if name is not None])
    if any(name.startswith("TrackObjects_Label") for name in table.names):
        raise TrackFileError(
            f"{path}: a CellProfiler table without Location_Center_X and Location_Center_Y: no positions in it; export "
            "these measurements too"
        )
    needed = "; ".join(f"{form.program}: {', '.join(form.names)}" for form in _FORMS)
    raise UnknownTracksError(
        f"{path}: no table of tracks that is understood; its columns are {', '.join(table.names[:12])}. Name them as one of "
        f"these does: {needed}"
    )


def _of_form(table: _Table, form: _Form, names: Sequence[str]) -> TrackTable:
    track, frame, y, x = (table.numbers(name) for name in names)
    linked = np.isfinite(track) & (track >= 0)  # -1, NaN or an empty cell: a spot that is in no track
    return TrackTable.of(
        track[linked],
        frame[linked] - form.first_frame,
        y[linked] - form.centre,
        x[linked] - form.centre,
        program=form.program,
        rows_at=np.flatnonzero(linked) + 2,  # row 1 holds the names of the columns
    )


def _trackmate_spots(table: _Table, pixel_size_um: float | None) -> TrackTable:
    """Read TrackMate's table of spots, which has a row of units below the names of the columns."""
    at = table.names.index("FRAME")
    n_head = next((i for i, row in enumerate(table.rows) if len(row) > at and number(row[at]) is not None), 0)
    above = [dict(zip(table.names, row, strict=False)) for row in table.rows[:n_head]]
    units = next((row for row in above if row.get("POSITION_X", "").startswith("(")), None)
    if units is None:
        raise TrackFileError(
            f"{table.path}: TrackMate's spots without the row that gives the units of their positions; export the tracks to "
            "an XML file"
        )
    table = replace(table, rows=table.rows[n_head:])
    space, time = (units.get(name, "").strip("()") for name in ("POSITION_X", "POSITION_T"))
    scale, stated_um = positions_in(table.path, space, pixel_size_um)
    form = _Form("TrackMate", *("TRACK_ID", "FRAME", "POSITION_Y", "POSITION_X"))
    tracks = _of_form(table, form, (form.track, form.frame, form.y, form.x))
    interval = np.nan
    if "POSITION_T" in table.names:
        frame, seconds = table.numbers("FRAME"), table.numbers("POSITION_T")
        interval = float(np.median(seconds[frame > 0] / frame[frame > 0])) if (frame > 0).any() else np.nan
    return replace(
        tracks,
        y_px=tracks.y_px / scale,
        x_px=tracks.x_px / scale,
        pixel_size_um=stated_um,
        frame_rate_hz=frame_rate_hz(interval, time),
    )


def _data_package(path: Path) -> TrackTable:
    """Read the three tables of a biotracks data package: objects, links (unbranched chains of objects), tracks of links.

    Every link becomes a separate track, so a track that splits or merges is read as its branches, each with the object
    where they meet. Frames are numbered as by the program whose tracks were converted.
    """
    stem = str(path).removesuffix("objects.csv")
    objects, links, tracks = (
        _Table.read(Path(f"{stem}{part}.csv")) for part in ("objects", "links", "tracks")
    )
    place = {name: row for row, name in enumerate(objects.whole("cmso_object_id").tolist())}
    frame, y, x = (objects.numbers(f"cmso_{name}") for name in ("frame_id", "y_coord", "x_coord"))
    try:
        rows = np.array([place[name] for name in links.whole("cmso_object_id").tolist()], dtype=np.int64)
    except KeyError as error:
        raise TrackFileError(
            f"{path}: a link names the object {error}, which is not among the objects"
        ) from None
    link = links.whole("cmso_link_id")
    branches = link.size and np.unique(link).size - np.unique(tracks.whole("cmso_track_id")).size
    notes = (
        [f"{branches} branches of tracks that split or merge were made tracks of their own"]
        if branches
        else []
    )
    return TrackTable.of(link, frame[rows], y[rows], x[rows], program="biotracks data package", notes=notes)
