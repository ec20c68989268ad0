"""Phantom `.cine`: uncompressed frames of Vision Research's high-speed cameras.

Layout after Vision Research, "Cine File Format" (2007 and later): file header of 44 bytes, a bitmap header, the
SETUP record, blocks tagged by a number, and a table of the offsets of the images. All little-endian; rows bottom-up.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from io import BufferedReader
from pathlib import Path

import numpy as np

from nta.clock import agreed_rate, rate_of_clock, rises
from nta.errors import RecordingError
from nta.io.recordings.grey import LUMA_NOTE, grey
from nta.io.recordings.raw import Place, chosen, read_images
from nta.io.recordings.reader import NO_CLOCK, Claim, Shot, Tally

# tags of two blocks with one entry per image: TIME64 (seconds times 2^32), and seconds times 2^32
_TIMES, _EXPOSURES = 1002, 1003
# offsets within SETUP
_LENGTH, _FRAME_RATE, _COLOUR_FILTER, _REAL_BITS, _SHUTTER_NS = 142, 768, 808, 896, 1568


@dataclass(frozen=True, kw_only=True)
class _Header:
    count: int
    width: int
    height: int
    bits: int
    real_bits: int
    frame_rate_hz: int
    shutter_ns: int
    offsets: tuple[int, ...]
    times_ns: tuple[int, ...]
    exposures_s: tuple[float, ...]


class CineReader:
    """Grey or already interpolated colour frames of 8 or 16 bits a channel."""

    def __init__(self, path: Path) -> None:
        self.path = path
        size = path.stat().st_size
        with path.open("rb") as file:
            try:
                self._header = h = _header(file, path)
            except struct.error:
                raise RecordingError(f"{path} is a .cine that was cut within its header") from None
            self._channels = 3 if h.bits in (24, 48) else 1
            self._dtype = np.dtype("u1" if h.bits in (8, 24) else "<u2")
            self._shape = (h.height, h.width * self._channels)
            length = int(np.prod(self._shape)) * self._dtype.itemsize
            places = []
            for k, offset in enumerate(h.offsets):
                file.seek(min(offset, size))  # a damaged offset may be anything
                annotation = file.read(4)  # the annotation begins with its own size; the image follows it
                start = offset + struct.unpack("<I", annotation)[0] if len(annotation) == 4 else size
                places.append(Place(k, start, length))
        self._places = [place for place in places if place.offset + length <= size]
        if not self._places:
            raise RecordingError(f"{path} holds no whole image ({h.count} claimed)")
        frame_rate_hz, notes = agreed_rate(h.frame_rate_hz, rate_of_clock(h.times_ns))
        self.claim = Claim(
            format=f"Phantom cine, {h.bits} bit",
            width_px=h.width,
            height_px=h.height,
            bit_depth=8 if self._dtype.itemsize == 1 else (h.real_bits or None),
            stored_bits=8 * self._dtype.itemsize,
            frame_rate_hz=frame_rate_hz,
            exposure_s=(float(np.median(h.exposures_s)) if h.exposures_s else h.shutter_ns / 1e9)
            or None,  # 0 means not stated
            frames=h.count,
            truncated=len(self._places) < h.count,
            notes=notes if rises(h.times_ns) or not h.times_ns else (*notes, NO_CLOCK),
            clock="device" if rises(h.times_ns) else None,
        )

    def shots(self, tally: Tally, positions: Sequence[int] | None = None) -> Iterator[Shot]:
        """Yield the complete frames, with the times of the camera."""
        h = self._header
        for place, stored in read_images(
            self.path, chosen(self._places, positions), self._shape, self._dtype
        ):
            if stored is None:
                tally.truncated = True
                continue
            pixels = stored.reshape(h.height, h.width, self._channels)[::-1, :, ::-1]
            image, coloured = grey(pixels)
            if coloured:
                tally.note(LUMA_NOTE)
            yield Shot(place.index, image, device_time_ns=h.times_ns[place.index] if h.times_ns else None)


def _header(file: BufferedReader, path: Path) -> _Header:
    start = file.read(44)
    compression, _ = struct.unpack_from("<HH", start, 4)
    count, bitmap_at, setup_at, offsets_at = struct.unpack_from("<IIII", start, 20)
    file.seek(bitmap_at)
    width, height, _, bits = struct.unpack_from("<iiHH", file.read(16), 4)
    file.seek(setup_at)
    setup = file.read(max(_SHUTTER_NS + 4, 4096))
    (length,) = struct.unpack_from("<H", setup, _LENGTH)

    def number(offset: int) -> int:
        return int(struct.unpack_from("<I", setup, offset)[0]) if offset + 4 <= length else 0

    if count == 0:
        raise RecordingError(f"{path} is a .cine without a single image")
    if compression != 0 or bits not in (8, 16, 24, 48) or (number(_COLOUR_FILTER) != 0 and bits in (8, 16)):
        raise RecordingError(
            f"{path}: a .cine of {bits} bits a pixel with compression {compression} and colour filter "
            f"{number(_COLOUR_FILTER)} is not read; export it as uncompressed grey .cine or TIFF with Phantom PCC"
        )
    if width <= 0 or height <= 0:
        raise RecordingError(f"{path}: the .cine header says {width} x {height} px")
    tags = _tagged(file, setup_at + length, offsets_at)
    file.seek(offsets_at)
    real_bits = number(_REAL_BITS)
    return _Header(
        count=count,
        width=width,
        height=height,
        bits=bits,
        real_bits=real_bits if 8 <= real_bits <= 16 else 0,
        frame_rate_hz=number(_FRAME_RATE),
        shutter_ns=number(_SHUTTER_NS),
        offsets=struct.unpack(f"<{count}Q", file.read(8 * count)),
        times_ns=_times_ns(tags.get(_TIMES, b""), count),
        exposures_s=tuple(
            value / 2**32 for (value,) in struct.iter_unpack("<I", tags.get(_EXPOSURES, b"")[: 4 * count])
        ),
    )


def _tagged(file: BufferedReader, start: int, end: int) -> dict[int, bytes]:
    """Return the data of the tagged blocks: size with its 8 bytes of header, tag, whether more follow."""
    blocks: dict[int, bytes] = {}
    more = 1
    while more and start + 8 <= end:
        file.seek(start)
        size, tag, more = struct.unpack("<IHH", file.read(8))
        if size < 8:
            break
        blocks[tag] = file.read(size - 8)
        start += size
    return blocks


def _times_ns(data: bytes, count: int) -> tuple[int, ...]:
    times = [value for (value,) in struct.iter_unpack("<Q", data[: len(data) // 8 * 8])]
    return tuple((value * 1_000_000_000) >> 32 for value in times) if len(times) == count else ()
