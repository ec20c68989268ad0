"""Recordings: files and folders read as a `FrameSource`; HDF5 of nta is written."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from nta.io.recordings.images import from_frames
from nta.io.recordings.opening import checksum, labels_of, open_recording
from nta.io.recordings.recording import Recording

if TYPE_CHECKING:
    from nta.io.recordings.export import copy_to_hdf5, write_ome_tiff
    from nta.io.recordings.hdf5_disk import room_s
    from nta.io.recordings.hdf5_writer import RecordingWriter, new_recording

_HOMES = {
    "RecordingWriter": "nta.io.recordings.hdf5_writer",
    "copy_to_hdf5": "nta.io.recordings.export",
    "new_recording": "nta.io.recordings.hdf5_writer",
    "room_s": "nta.io.recordings.hdf5_disk",
    "write_ome_tiff": "nta.io.recordings.export",
}

__all__ = [
    "Recording",
    "RecordingWriter",
    "checksum",
    "copy_to_hdf5",
    "from_frames",
    "labels_of",
    "new_recording",
    "open_recording",
    "room_s",
    "write_ome_tiff",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)
