"""Tracks as tables: Mosaic, CellProfiler, trackpy, stracking, the biotracks data package, and our own spots.csv."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from nta.io.text import number, read_text, rows_of
from nta.io.tracks.table import TrackFileError, TrackTable, UnknownTracksError

Columns = Mapping[str, list[str]]


@dataclass(frozen=True)
class _Form:
    """How a program names its columns, and where it counts from.

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
        """The columns as a person names them."""
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


def read_table(path: Path) -> TrackTable:
    """Read a table of tracks, recognised by the names of its columns; separated by comma, tab or semicolon.

    Raises
    ------
    TrackFileError
        The columns are of no program that is understood, or a cell is no number.
    """
    if path.name.endswith("objects.csv"):
        return _data_package(path)
    columns = _columns(path)
    names = list(columns)
    for form in _FORMS:
        found = [
            next((n for n in names if re.fullmatch(pattern, n)), None)
            for pattern in (form.track, form.frame, form.y, form.x)
        ]
        if None not in found:
            return _table(path, columns, form, [name for name in found if name is not None])
    if any(name.startswith("TrackObjects_Label") for name in names):
        raise TrackFileError(
            f"{path}: a CellProfiler table without Location_Center_X and Location_Center_Y: no positions in it; export "
            "these measurements too"
        )
    needed = "; ".join(f"{form.program}: {', '.join(form.names)}" for form in _FORMS)
    raise UnknownTracksError(
        f"{path}: no table of tracks that is understood; its columns are {', '.join(names[:12])}. Name them as one of these "
        f"does: {needed}"
    )


def _table(path: Path, columns: Columns, form: _Form, names: Sequence[str]) -> TrackTable:
    track, frame, y, x = (_numbers(path, columns, name) for name in names)
    linked = np.isfinite(track) & (track >= 0)  # -1, NaN or an empty cell: a spot that no track took
    return TrackTable.of(
        track[linked].astype(np.int64),
        frame[linked].astype(np.int64) - form.first_frame,
        y[linked] - form.centre,
        x[linked] - form.centre,
        program=form.program,
    )


def _data_package(path: Path) -> TrackTable:
    """Read the three tables of a biotracks data package: objects, links (unbranched chains of objects), tracks of links.

    Every link becomes a track of its own, so that a track that splits or merges comes in its branches; the object at
    which they part stands in each. Frames are numbered as the program did whose tracks were converted.
    """
    stem = str(path).removesuffix("objects.csv")
    objects, links, tracks = (_columns(Path(f"{stem}{part}.csv")) for part in ("objects", "links", "tracks"))
    place = {name: row for row, name in enumerate(_whole(path, objects, "cmso_object_id").tolist())}
    frame, y, x = (_numbers(path, objects, f"cmso_{name}") for name in ("frame_id", "y_coord", "x_coord"))
    try:
        rows = np.array(
            [place[name] for name in _whole(path, links, "cmso_object_id").tolist()], dtype=np.int64
        )
    except KeyError as error:
        raise TrackFileError(
            f"{path}: a link names the object {error}, which is not among the objects"
        ) from None
    link = _whole(path, links, "cmso_link_id")
    branches = (
        len(links["cmso_link_id"])
        and np.unique(link).size - np.unique(_whole(path, tracks, "cmso_track_id")).size
    )
    notes = (
        [f"{branches} branches of tracks that split or merge were made tracks of their own"]
        if branches
        else []
    )
    return TrackTable.of(
        link, frame[rows].astype(np.int64), y[rows], x[rows], program="biotracks data package", notes=notes
    )


def _columns(path: Path) -> Columns:
    text, _ = read_text(path)
    head = text.lstrip("\ufeff").splitlines()[0]
    delimiter = max("\t;,", key=head.count)
    rows = [row for _, row in rows_of(path, text, delimiter) if row]
    short = next((i for i, row in enumerate(rows, start=1) if len(row) < len(rows[0])), None)
    if short is not None:
        raise TrackFileError(
            f"{path}: row {short} has {len(rows[short - 1])} cells instead of {len(rows[0])}: cut off?"
        )
    return {name: [row[i] for row in rows[1:]] for i, name in enumerate(rows[0])}


def _numbers(path: Path, columns: Columns, name: str) -> NDArray[np.float64]:
    values = []
    for row, cell in enumerate(columns[name], start=2):
        value = number(cell)
        if value is None and cell.strip().lower() not in ("", "nan"):
            raise TrackFileError(f"{path}: {name} is {cell!r} in row {row}, not a number")
        values.append(np.nan if value is None else value)
    return np.array(values, dtype=np.float64)


def _whole(path: Path, columns: Columns, name: str) -> NDArray[np.int64]:
    if name not in columns:
        raise TrackFileError(f"{path}: the data package has no column {name}")
    return _numbers(path, columns, name).astype(np.int64)
