"""Tracks of other programs, read and written: ISBI-challenge XML, Icy, TrackMate, Mosaic, CellProfiler, trackpy."""

from __future__ import annotations

from pathlib import Path

from nta.io.tracks.table import TrackFileError, TrackTable, UnknownTracksError
from nta.io.tracks.text import read_table
from nta.io.tracks.xml import TrackMateScale, read_xml, write_isbi, write_trackmate

__all__ = [
    "TrackFileError",
    "TrackMateScale",
    "TrackTable",
    "UnknownTracksError",
    "read_tracks",
    "write_isbi",
    "write_trackmate",
]


def read_tracks(path: str | Path, pixel_size_um: float | None = None) -> TrackTable:
    """Read tracks that another program wrote, recognised by content.

    pixel_size_um : needed for a file with positions in um that does not state it.

    Raises
    ------
    TrackFileError
        The file is of no known program, or damaged; the message says what was found.
    """
    path = Path(path)
    if not path.is_file():
        raise TrackFileError(f"{path}: no such file")
    read = read_xml if path.suffix.lower() == ".xml" else read_table
    return read(path, pixel_size_um)
