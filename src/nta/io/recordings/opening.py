"""`open_recording`: the reader is chosen by the content of the file, not by its name."""

from __future__ import annotations

import hashlib
from os import PathLike
from pathlib import Path
from typing import Any

from nta.errors import NoRecordingError, NtaError, RecordingError, SettingError
from nta.io.recordings.reader import Reader
from nta.io.recordings.recording import Recording
from nta.io.recordings.refusal import FIRST_BYTES, FROM_ARRAYS, refusal
from nta.io.recordings.sidecar import read_sidecar
from nta.io.recordings.words import frame_rate
from nta.stated import stated_number

_TIFFS = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
_FILMS = (b"\x1aE\xdf\xa3", b"0&\xb2u\x8ef\xcf\x11", b"\0\0\x01\xba", b"FLV\x01", b"OggS")
_MOV_ATOMS = (b"ftyp", b"moov", b"mdat", b"wide", b"free", b"skip", b"pnot")
_ZARR = (".zgroup", ".zarray", ".zattrs", "zarr.json")


def open_recording(
    path: str | PathLike[str],
    *,
    frame_rate_hz: float | str | None = None,
    exposure_s: float | None = None,
    pixel_size_um: float | None = None,
    bit_depth: int | None = None,
) -> Recording:
    """Open a recorded file or a folder of images; only headers are read.

    Values given here take precedence over the side-car TOML, and the side-car over the file;
    `metadata["sources"]` names the source of each value.

    Parameters
    ----------
    path
        nta's HDF5, a TIFF stack, an AVI, MP4, MOV or MKV film, a Phantom `.cine`, a Norpix `.seq` or a
        folder of images.
    frame_rate_hz
        Frames per second [Hz], also as a fraction ("24000/1001").
    exposure_s
        Time the shutter is open [s].
    pixel_size_um
        Size of a pixel in the sample plane [um].
    bit_depth
        Significant bits of 16-bit data.

    Raises
    ------
    RecordingError
        The file does not exist, is not a recording, or holds nothing that can be read.
    SettingError
        A given value or the side-car is wrong.
    """
    if not isinstance(path, str | PathLike):
        raise SettingError(
            f"{type(path).__name__} is no path of a recording; frames in memory are taken by "
            "nta.from_frames(images, frame_rate_hz=..., pixel_size_um=...)"
        )
    said = checked_camera(
        frame_rate_hz=frame_rate_hz, exposure_s=exposure_s, pixel_size_um=pixel_size_um, bit_depth=bit_depth
    )
    where = Path(path)
    sidecar, remarks = read_sidecar(where) if where.exists() else ({}, ())
    known = said["frame_rate_hz"] or sidecar.get("frame_rate_hz")
    reader = _reader(where, None if known is None else float(known))
    return Recording(reader, said, sidecar, str(path), remarks)


def labels_of(recording: str | Path) -> dict[str, str]:
    """Return the labels with which a recording was ordered; none if it states none or cannot be read."""
    try:
        with open_recording(recording) as source:
            labels = source.metadata.get("labels")
    except (NtaError, OSError):  # whoever analyses it is told why
        return {}
    return labels if isinstance(labels, dict) else {}


def checked_camera(**said: Any) -> dict[str, Any]:
    """Return stated camera settings as a recording uses them; refuse values that are not numbers, naming them."""
    checked: dict[str, Any] = dict.fromkeys(said)
    for name, value in said.items():
        if name == "frame_rate_hz" and value is not None:
            checked[name] = frame_rate(value, "frame rate")
        elif value is not None:
            checked[name] = stated_number(name, value)
    return checked


def _reader(path: Path, known_hz: float | None) -> Reader:
    """Return the reader chosen by the first bytes; `known_hz` is the frame rate that the user or a side-car states."""
    if not path.exists():
        raise RecordingError(f"there is no {path}")
    if path.is_dir():
        if any((path / name).is_file() for name in _ZARR):
            raise RecordingError(f"{path} is a Zarr store; {FROM_ARRAYS}")
        from nta.io.recordings.folder import FolderReader

        return FolderReader(path, known_hz)
    if not path.is_file():
        raise RecordingError(f"{path} is neither a file nor a folder: a recording is read more than once")
    with path.open("rb") as file:
        start = file.read(FIRST_BYTES)
    if not start:
        raise NoRecordingError(f"{path} is empty (0 bytes)")
    if start[:8] == b"\x89HDF\r\n\x1a\n":
        from nta.io.recordings.hdf5 import Hdf5Reader

        return Hdf5Reader(path)
    if start[:4] in _TIFFS:
        from nta.io.recordings.tiff import TiffReader

        return TiffReader(path, known_hz)
    if start[:4] == b"CI\x2c\0":
        from nta.io.recordings.cine import CineReader

        return CineReader(path)
    if start[:4] == b"\xed\xfe\0\0":
        from nta.io.recordings.seq import SeqReader

        return SeqReader(path)
    if start[:4] == b"RIFF" and start[8:12] == b"AVI ":
        from nta.io.recordings.avi import AviReader, is_uncompressed_avi

        if is_uncompressed_avi(path):
            return AviReader(path)
    elif not (start.startswith(_FILMS) or start[4:8] in _MOV_ATOMS):
        raise refusal(path, start)
    from nta.io.recordings.film import FilmReader

    return FilmReader(path, known_hz)


def checksum(path: str | Path) -> str:
    """Return the SHA-256 of a file, or of names and contents of the files of a set or a folder, in hexadecimal."""
    where = Path(path)
    files = _files(where)
    if files == (where,):
        with where.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    total = hashlib.sha256()
    for file_path in files:
        total.update(file_path.name.encode())
        with file_path.open("rb") as file:
            total.update(hashlib.file_digest(file, "sha256").digest())
    return total.hexdigest()


def _files(path: Path) -> tuple[Path, ...]:
    """Return the files of a recording."""
    if path.is_dir():
        from nta.io.recordings.folder import image_files
        from nta.io.recordings.micromanager import BESIDE

        beside = path / BESIDE
        return (*image_files(path), *((beside,) if beside.is_file() else ()))
    with path.open("rb") as file:
        if file.read(4) not in _TIFFS:
            return (path,)
    from nta.io.recordings.tiff import files_of

    return files_of(path)
