"""Uncompressed AVI by our own walk over the chunks: decoders change palette pixels and trust headers.

Layout from Microsoft's "AVI RIFF File Reference" and the OpenDML AVI file format extensions 1.02 (1997):
several RIFF segments, each with a ``movi`` list. What the headers claim is only compared with the chunks.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from nta.errors import RecordingError
from nta.frames import Image
from nta.io.recordings.grey import LUMA_NOTE, grey
from nta.io.recordings.raw import Place, chosen, read_images
from nta.io.recordings.reader import Claim, Shot, Tally

_GREY_CODES: dict[bytes, np.dtype[Any]] = {
    b"Y800": np.dtype("u1"),
    b"GREY": np.dtype("u1"),
    b"Y8  ": np.dtype("u1"),
    b"Y16 ": np.dtype("<u2"),
    b"Y1\x00\x10": np.dtype("<u2"),  # ffmpeg's tag of gray16le
}
_DIB_CODES = (b"\0\0\0\0", b"DIB ", b"RGB ", b"RAW ")


@dataclass(frozen=True, kw_only=True)
class _Header:
    """What the header lists say of the video stream."""

    stream: int
    frames: int
    rate: Fraction | None
    width: int
    height: int  # negative or positive as stored: the sign tells which row comes first
    bits: int
    code: bytes
    palette: NDArray[np.uint8]


class AviReader:
    """Grey, palette and RGB images stored as they are."""

    def __init__(self, path: Path) -> None:
        self.path = path
        with path.open("rb") as file:
            size = path.stat().st_size
            self._header = _header(file, size, path)
            if not is_uncompressed(self._header):
                raise RecordingError(f"{path}: {self._header.code!r} is a codec, not an uncompressed AVI")
            places, ended_well = _frame_places(file, size, self._header)
        h = self._header
        self._shape, self._dtype, self._top_down = _storage(h, path)
        expected = int(np.prod(self._shape)) * self._dtype.itemsize
        # a chunk without data stands for a frame that the writer dropped; the index goes on
        self._places = [p for p in places if p.size >= expected and p.offset + expected <= size]
        short = sum(0 < p.size < expected for p in places)
        cut = any(p.size >= expected and p.offset + expected > size for p in places)
        if not self._places:
            raise RecordingError(f"{path} is an AVI without a single whole frame ({h.frames} claimed)")
        self._lut = _grey_palette(h.palette) if h.bits == 8 and h.code in _DIB_CODES else None
        self._short = short
        notes = [] if short == 0 else [f"{short} chunks are smaller than a frame"]
        self.claim = Claim(
            format=f"AVI, uncompressed {_words(h)}",
            width_px=h.width,
            height_px=abs(h.height),
            bit_depth=8 if self._dtype.itemsize == 1 else None,
            frame_rate_hz=h.rate,
            frames=h.frames or None,
            truncated=cut or not ended_well,
            notes=tuple(notes),
        )

    def shots(self, tally: Tally, positions: Sequence[int] | None = None) -> Iterator[Shot]:
        """Yield the frames that are whole."""
        tally.damaged += self._short
        for place, pixels in read_images(
            self.path, chosen(self._places, positions), self._shape, self._dtype
        ):
            if pixels is None:
                tally.truncated = True
                continue
            yield Shot(place.index, self._image(pixels, tally))

    def _image(self, stored: NDArray[Any], tally: Tally) -> Image:
        width = self._header.width
        if self._header.code in _DIB_CODES and self._header.bits >= 24:
            channels = self._header.bits // 8
            pixels = stored[:, : width * channels].reshape(-1, width, channels)[
                ..., [2, 1, 0]
            ]  # stored B, G, R
        elif self._lut is not None:
            pixels = (
                self._lut[stored[:, :width]][..., None]
                if self._lut.ndim == 1
                else self._lut[stored[:, :width]]
            )
        else:
            pixels = stored[:, :width, None]
        image, coloured = grey(pixels if self._top_down else pixels[::-1])
        if coloured:
            tally.note(LUMA_NOTE)
        return image


def is_uncompressed_avi(path: Path) -> bool:
    """Tell whether this AVI's video is stored without a codec, in a way this reader knows."""
    with path.open("rb") as file:
        return is_uncompressed(_header(file, path.stat().st_size, path))


def is_uncompressed(header: _Header) -> bool:
    """Tell whether this reader knows the storage that the header names."""
    return header.code in _GREY_CODES or (header.code in _DIB_CODES and header.bits in (8, 16, 24, 32))


def _storage(h: _Header, path: Path) -> tuple[tuple[int, int], np.dtype[Any], bool]:
    """Return shape (rows, stored columns), dtype, and whether the first row stored is the top one."""
    if h.code in _GREY_CODES:
        return (abs(h.height), h.width), _GREY_CODES[h.code], True
    if h.bits == 16:
        raise RecordingError(f"{path}: uncompressed AVI of 16 bits may be grey or 5-5-5 colour; export TIFF")
    stride = (h.width * h.bits + 31) // 32 * 4  # rows of a DIB are padded to 4 bytes
    return (abs(h.height), stride), np.dtype("u1"), h.height < 0


def _grey_palette(palette: NDArray[np.uint8]) -> NDArray[np.uint8] | None:
    """Return what index stands for what, None where the index is the grey value itself."""
    if palette.size == 0 or not palette.any():
        return None
    entries = np.zeros((256, 3), np.uint8)
    entries[: len(palette)] = palette
    if (entries[:, 0] == entries[:, 1]).all() and (entries[:, 1] == entries[:, 2]).all():
        used = slice(0, len(palette))
        return (
            None if np.array_equal(entries[used, 0], np.arange(256, dtype=np.uint8)[used]) else entries[:, 0]
        )
    return entries


def _words(h: _Header) -> str:
    if h.code in _GREY_CODES:
        return h.code.decode("latin-1").strip().replace("\0", "").replace("\x10", "_16")
    return f"{h.bits} bit " + ("palette" if h.bits == 8 else "RGB")


def _header(file: BinaryIO, size: int, path: Path) -> _Header:
    """Read the header list; the first video stream counts."""
    found: dict[bytes, bytes] = {}
    stream, streams, dmlh, total = -1, 0, 0, 0
    for code, offset, length in _chunks(file, 12, min(size, _first_movi(file, size))):
        file.seek(offset)
        data = file.read(min(length, 4096))
        if code == b"avih" and len(data) >= 20:
            total = struct.unpack_from("<I", data, 16)[0]
        elif code == b"dmlh" and len(data) >= 4:
            dmlh = struct.unpack_from("<I", data)[0]
        elif code == b"strh":
            if data[:4] == b"vids" and stream < 0:
                stream = streams
                found[b"strh"] = data
            streams += 1
        elif code == b"strf" and stream == streams - 1 and b"strf" not in found:
            found[b"strf"] = data
    if len(found.get(b"strh", b"")) < 36 or len(found.get(b"strf", b"")) < 40:
        raise RecordingError(f"{path} is an AVI without a readable video stream in its header")
    scale, rate, _, length = struct.unpack_from("<4I", found[b"strh"], 20)
    format_ = found[b"strf"]
    width, height, _, bits = struct.unpack_from("<iiHH", format_, 4)
    used = struct.unpack_from("<I", format_, 32)[0] or 256
    if width <= 0 or height == 0:
        raise RecordingError(f"{path}: the AVI header says {width} x {abs(height)} px")
    palette = np.frombuffer(format_[40 : 40 + 4 * used][: (len(format_) - 40) // 4 * 4], np.uint8).reshape(
        -1, 4
    )
    return _Header(
        stream=stream,
        frames=max(length, dmlh, total),
        rate=Fraction(rate, scale) if rate and scale else None,
        width=width,
        height=height,
        bits=bits,
        code=format_[16:20],
        palette=palette[:, [2, 1, 0]],
    )


def _chunks(file: BinaryIO, start: int, end: int) -> Iterator[tuple[bytes, int, int]]:
    """Yield (code, offset of the data, length) of every chunk that is no list; lists are entered."""
    at = start
    while at + 8 <= end:
        file.seek(at)
        code, length = struct.unpack("<4sI", file.read(8))
        if code in (b"RIFF", b"LIST"):
            at += 12
            continue
        yield code, at + 8, length
        at += 8 + length + (length & 1)


def _first_movi(file: BinaryIO, size: int) -> int:
    """Return where the first list of frames begins; the end of the file where there is none."""
    at = 12
    while at + 12 <= size:
        file.seek(at)
        code, length, kind = struct.unpack("<4sI4s", file.read(12))
        if code == b"LIST" and kind == b"movi":
            return at
        at += 8 + length + (length & 1)
    return size


def _frame_places(file: BinaryIO, size: int, header: _Header) -> tuple[list[Place], bool]:
    """Return the stream's frame chunks in file order, and whether the walk ended with the file."""
    codes = {b"%02d%s" % (header.stream, kind) for kind in (b"db", b"dc")}
    places: list[Place] = []
    end = 0
    for code, offset, length in _chunks(file, _first_movi(file, size), size):
        if code in codes:
            places.append(Place(len(places), offset, length))
        end = offset + length
    return places, end <= size
