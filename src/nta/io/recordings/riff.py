"""Find the chunks of an AVI file by walking through it.

Layout from Microsoft's "AVI RIFF File Reference" and the OpenDML AVI file format extensions 1.02 (1997): several
RIFF segments, each with a ``movi`` list. The claims of headers and indices are only compared with the chunks found,
because they are wrong in a file whose writer was killed.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from io import BufferedReader
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from nta.errors import RecordingError
from nta.io.recordings.raw import Place

_CHUNK = re.compile(rb"\d\d(db|dc|wb|tx|pc)|ix\d\d|JUNK|junk|idx1|LIST|RIFF|hdrl|strl|[a-z]{4}|[A-Z]{4}")
_NOTHING = b"\0\0\0\0"  # space reserved by a writer but not filled
_WINDOW = 1 << 20


@dataclass(frozen=True, kw_only=True)
class Header:
    """Header of the first video stream."""

    stream: int
    frames: int
    rate: Fraction | None
    width: int
    height: int  # negative if the top row is stored first
    bits: int
    code: bytes
    palette: NDArray[np.uint8]  # (entries, 3) red, green, blue


@dataclass(kw_only=True)
class Walk:
    """The frame chunks in file order, and the indices of those whose header is damaged."""

    places: list[Place] = field(default_factory=list)
    damaged: list[int] = field(default_factory=list)
    frames: int = 0  # number of frames, found and damaged
    cut: bool = False  # whether the last chunk extends beyond the end of the file


def read_header(file: BufferedReader, size: int, path: Path) -> Header:
    """Read the header list.

    Raises
    ------
    RecordingError
        The file holds no video stream.
    """
    found: dict[bytes, bytes] = {}
    streams, video, claims = 0, -1, [0]
    for code, offset, length in _chunks(file, 12, _first_movi(file, size)):
        file.seek(offset)
        data = file.read(min(length, 4096))
        if code == b"avih" and len(data) >= 20:
            claims.append(struct.unpack_from("<I", data, 16)[0])
        elif code == b"dmlh" and len(data) >= 4:
            claims.append(struct.unpack_from("<I", data)[0])
        elif code == b"strh":
            if data[:4] == b"vids" and video < 0:
                video, found[code] = streams, data
            streams += 1
        elif code == b"strf" and video == streams - 1:
            found.setdefault(code, data)
    about, layout = found.get(b"strh", b""), found.get(b"strf", b"")
    if len(about) < 36 or len(layout) < 40:
        raise RecordingError(f"{path} is an AVI without a readable video stream in its header")
    scale, rate, _, length = struct.unpack_from("<4I", about, 20)
    width, height, _, bits = struct.unpack_from("<iiHH", layout, 4)
    if width <= 0 or height == 0:
        raise RecordingError(f"{path}: the AVI header says {width} x {abs(height)} px")
    entries = min(struct.unpack_from("<I", layout, 32)[0] or 256, (len(layout) - 40) // 4)
    palette = np.frombuffer(layout, np.uint8, 4 * entries, 40).reshape(-1, 4)  # blue, green, red, nothing
    return Header(
        stream=video,
        frames=max(*claims, length),
        rate=Fraction(rate, scale) if rate and scale else None,
        width=width,
        height=height,
        bits=bits,
        code=layout[16:20],
        palette=palette[:, 2::-1],
    )


def walk(file: BufferedReader, size: int, stream: int, frame_bytes: int) -> Walk:
    """Find every frame chunk of a stream.

    After a damaged chunk header, the walk continues at the next chunk of the size of a frame; the number of frames
    between follows from the distance.
    """
    codes = tuple(b"%02d%s" % (stream, kind) for kind in (b"db", b"dc"))
    found = Walk()
    at = last = _first_movi(file, size)
    while at + 8 <= size:
        file.seek(at)
        code, length = struct.unpack("<4sI", file.read(8))
        if not _CHUNK.fullmatch(code):
            following = _next_frame(file, last + 8, size, codes, frame_bytes)
            if following is None and code == _NOTHING:
                found.cut = True
                break
            missing = max(
                1, round(((size if following is None else following) - last) / (frame_bytes + 8)) - 1
            )
            found.damaged.extend(range(found.frames, found.frames + missing))
            found.frames += missing
            if following is None:
                break
            at = last = following
            continue
        last = at
        if code in (b"RIFF", b"LIST"):
            at += 12
            continue
        if code in codes:
            found.places.append(Place(found.frames, at + 8, length))
            found.frames += 1
        at += 8 + length + (length & 1)
        found.cut = at > size + 1
    return found


def _next_frame(
    file: BufferedReader, start: int, size: int, codes: tuple[bytes, ...], length: int
) -> int | None:
    """Return the offset of the next header of a frame of the given length."""
    wanted = [code + struct.pack("<I", length) for code in codes]
    at = start
    while at < size:
        file.seek(at)
        window = file.read(_WINDOW)
        hits = [hit for hit in (window.find(header) for header in wanted) if hit >= 0]
        if hits:
            return at + min(hits)
        at += _WINDOW - 7  # a header may extend over two windows
    return None


def _chunks(file: BufferedReader, start: int, end: int) -> Iterator[tuple[bytes, int, int]]:
    """Yield (code, offset of the data, length) of every chunk except lists, which are entered."""
    at = start
    while at + 8 <= end:
        file.seek(at)
        code, length = struct.unpack("<4sI", file.read(8))
        if code == _NOTHING:
            break
        if code in (b"RIFF", b"LIST"):
            at += 12
            continue
        yield code, at + 8, length
        at += 8 + length + (length & 1)


def _first_movi(file: BufferedReader, size: int) -> int:
    """Return the offset of the first list of frames; the end of the file if there is none."""
    at = 12
    while at + 12 <= size:
        file.seek(at)
        code, length, kind = struct.unpack("<4sI4s", file.read(12))
        if code == _NOTHING:
            break
        if code == b"LIST" and kind == b"movi":
            return at
        at += 8 + length + (length & 1)
    return size
