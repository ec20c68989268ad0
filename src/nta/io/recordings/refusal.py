"""Say of a file that is not read what it is and what to do with it."""

from __future__ import annotations

from pathlib import Path

from nta.errors import NoRecordingError, RecordingError
from nta.io.text import SPREADSHEETS

FIRST_BYTES = 132
"""Bytes from the start of a file by which its format is recognised; DICOM's mark is the last of them."""

FROM_ARRAYS = (
    "nta takes arrays in Python: nta.from_frames(array, frame_rate_hz=..., pixel_size_um=...); or write TIFF"
)
_FIJI = "Fiji (Plugins > Bio-Formats)"

# recordings of other programs, by their first bytes, or by the ending of their name where they have no mark
_OTHERS = (
    (b"\xda\xce\xbe\x0a", "a Nikon ND2", f"NIS-Elements, {_FIJI} or the Python package nd2"),
    (b"ZISRAWFILE", "a Zeiss CZI", f"ZEN, {_FIJI} or the Python package czifile"),
    (b"p\0\0\0", "a Leica LIF", f"LAS X, {_FIJI} or the Python package liffile"),
    (b"OLYMPUSRAWFORMAT", "an Olympus OIR", f"cellSens, FluoView or {_FIJI}"),
    (b"Andor Technology Multi-Channel", "an Andor SIF", f"Andor Solis or {_FIJI}"),
    (b"DCIMG", "a Hamamatsu DCIMG", "HCImage, with which the camera was run"),
    (b"SIMPLE  =", "a FITS file", _FIJI),
    (b"LUCAM-RECORDER", "a SER film", "SER Player, or the program that recorded it"),
    (b"MATLAB ", "a MATLAB file", "MATLAB's imwrite, frame by frame (WriteMode append)"),
    (b"TDSm", "a LabVIEW TDMS file", "the program that recorded it, or the Python package npTDMS"),
)
_OTHERS_BY_ENDING = {
    ".nd2": ("an old Nikon ND2", f"NIS-Elements or {_FIJI}"),
    ".oib": ("an Olympus OIB", f"FluoView or {_FIJI}"),
    ".zvi": ("a Zeiss ZVI", f"AxioVision or {_FIJI}"),
    ".dv": ("a DeltaVision file", _FIJI),
    ".spe": ("a Princeton Instruments SPE", f"LightField or {_FIJI}"),
    ".mraw": ("a Photron MRAW", "Photron FASTCAM Viewer"),
}

_SINGLE_IMAGES = {b"\x89PNG": "PNG", b"\xff\xd8\xff": "JPEG", b"BM": "BMP"}
_ARCHIVES = {
    b"PK\x03\x04": "a zip",
    b"\x1f\x8b": "a gzip",
    b"7z\xbc\xaf": "a 7z",
    b"Rar!": "a rar",
    b"\xfd7zXZ": "an xz",
    b"BZh": "a bzip2",
}
_NO_HEADER = (".raw", ".bin", ".dat")
_TEXT_OF_BYTES = frozenset(b"\t\r\n") | frozenset(range(32, 127))


def refusal(path: Path, start: bytes) -> RecordingError:
    """Return the error about a file without a reader. start : its first `FIRST_BYTES` bytes, fewer if it is shorter.

    A recording that another program wrote is a `RecordingError`, anything else a `NoRecordingError`.
    """
    ending = path.suffix.lower()
    if other := _other(start, ending):
        kind, tool = other
        return RecordingError(
            f"{path} is {kind}, which nta does not read; turn it into TIFF or OME-TIFF with {tool}"
        )
    return NoRecordingError(f"{path} {_what_it_is(start, ending)}")


def _other(start: bytes, ending: str) -> tuple[str, str] | None:
    """Return which recording of another program a file is, and what turns it into OME-TIFF."""
    for mark, kind, tool in _OTHERS:
        if start.startswith(mark):
            return kind, tool
    if start[128:132] == b"DICM":
        return "a DICOM file", _FIJI
    return _OTHERS_BY_ENDING.get(ending)


def _what_it_is(start: bytes, ending: str) -> str:
    """Say what a file is that is no recording, and what to do."""
    for mark, kind in _SINGLE_IMAGES.items():
        if start.startswith(mark):
            return f"is a single {kind} image; give the folder that holds the frames"
    if start.startswith(b"GIF8") or start[8:12] == b"WEBP":
        return (
            "is a picture for web pages, with other grey values than the camera's; export TIFF or AVI instead"
        )
    if start.startswith(b"\x93NUMPY") or (start.startswith(b"PK\x03\x04") and ending == ".npz"):
        return f"is a NumPy array; {FROM_ARRAYS}"
    if start.startswith(b"PK\x03\x04") and ending in SPREADSHEETS:
        return "is a spreadsheet and no recording"
    for mark, kind in _ARCHIVES.items():
        if start.startswith(mark):
            return f"is {kind} archive; unpack it"
    if ending == ".nano":
        return "is an experiment of NanoSight's NTA; its frames are in the .avi films beside it, give those"
    if ending in _NO_HEADER:
        return (
            "has no header that says width, height and depth; read it with numpy.memmap and give that to nta.from_frames, "
            "or open it with Fiji (File > Import > Raw) and save it as TIFF"
        )
    if _TEXT_OF_BYTES.issuperset(start[:16]):
        return (
            "is no recording that nta knows (it is text); tables of results and tracks are read by nta import, "
            "recordings as its own HDF5, TIFF, AVI, MP4, MOV, MKV, CINE, SEQ and folders of images"
        )
    return (
        f"is no recording that nta knows (it begins with {start[:8].hex(' ')}); it reads its own HDF5, TIFF, AVI, MP4, MOV, "
        "MKV, CINE, SEQ and folders of images: export one of them from the program that recorded it"
    )
