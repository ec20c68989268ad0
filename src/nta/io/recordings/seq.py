"""Norpix `.seq`: uncompressed grey frames of StreamPix.

Layout after Norpix, "StreamPix sequence file format": a header of 1024 bytes (8192 from version 5 on), then images
in blocks of one size, each followed by its time. All little-endian; rows top-down.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from io import BufferedReader
from pathlib import Path

import numpy as np

from nta.clock import agreed_rate, rate_of_clock, rises
from nta.errors import RecordingError
from nta.io.recordings.raw import Place, chosen, read_array
from nta.io.recordings.reader import NO_CLOCK, Claim, Shot, Tally

_MONO = 100


class SeqReader:
    """Grey frames of 8 or 16 bits, with times by the host's clock."""

    def __init__(self, path: Path) -> None:
        self.path = path
        size = path.stat().st_size
        with path.open("rb") as file:
            start = file.read(1024)
            if len(start) < 1024:
                raise RecordingError(f"{path} is a .seq that was cut within its header")
            (version,) = struct.unpack_from("<i", start, 28)
            width, height, bits, real_bits, length, kind, claimed, _, block = struct.unpack_from(
                "<9I", start, 548
            )
            (rate,) = struct.unpack_from("<d", start, 584)
            if not (width and height):
                raise RecordingError(f"{path}: the .seq header says {width} x {height} px")
            if kind != _MONO or bits not in (8, 16) or length < width * height * bits // 8 or block < length:
                raise RecordingError(
                    f"{path}: a .seq of image format {kind} and {bits} bits is not read, uncompressed grey is; "
                    "export it as TIFF with StreamPix"
                )
            self._microseconds = version >= 5
            self._length = length
            self._shape = (height, width)
            self._dtype = np.dtype("u1" if bits == 8 else "<u2")
            first = 8192 if version >= 5 else 1024
            image = width * height * bits // 8
            count = max((size - first - image) // block + 1, 0) if size >= first + image else 0
            self._places = [Place(k, first + k * block, image) for k in range(count)]
            if not self._places:
                raise RecordingError(f"{path} holds no whole image ({claimed} claimed)")
            times = [self._time_ns(file, place) for place in self._places]
        stamped = [time for time in times if time is not None]
        all_stamped = len(stamped) == len(times)
        clocked = all_stamped and rises(stamped)
        frame_rate_hz, notes = agreed_rate(rate, rate_of_clock(stamped) if all_stamped else None)
        self.claim = Claim(
            format=f"Norpix seq, {bits} bit",
            width_px=width,
            height_px=height,
            bit_depth=real_bits if 8 <= real_bits <= bits else None,
            stored_bits=bits,
            frame_rate_hz=frame_rate_hz,
            frames=claimed or None,
            truncated=count < claimed,
            notes=notes if clocked else (*notes, NO_CLOCK),
            clock="host" if clocked else None,
        )

    def shots(self, tally: Tally, positions: Sequence[int] | None = None) -> Iterator[Shot]:
        """Yield the complete frames."""
        with self.path.open("rb") as file:
            for place in chosen(self._places, positions):
                image = read_array(file, place.offset, self._shape, self._dtype)
                if image is None:
                    tally.truncated = True
                    continue
                yield Shot(place.index, image, host_time_ns=self._time_ns(file, place))

    def _time_ns(self, file: BufferedReader, place: Place) -> int | None:
        """Return the time stored after an image: seconds, milliseconds, and from version 5 on microseconds."""
        file.seek(place.offset + self._length)
        stamp = file.read(8 if self._microseconds else 6)
        if len(stamp) < (8 if self._microseconds else 6):
            return None
        seconds, milliseconds = struct.unpack_from("<IH", stamp)
        microseconds = struct.unpack_from("<H", stamp, 6)[0] if self._microseconds else 0
        return int((seconds * 1000 + milliseconds) * 1000 + microseconds) * 1000
