"""Messages on the line: frame blocks and checked lines, each with its checksum.

`docs/serial_protocol.md` describes both byte by byte; the examples there are read by a test.
"""

from __future__ import annotations

import re
import struct
import zlib
from dataclasses import dataclass
from enum import IntFlag

MAGIC = b"NTAF"
VERSION = 1
PROTOCOL = f"NTA-SERIAL,{VERSION}"
REFUSAL = "?"  # answer to a line with a wrong checksum
MAX_HEADER_BYTES = 1024
MAX_PAYLOAD_BYTES = 1 << 28

# GenICam Pixel Format Naming Convention, 32-bit identifiers
PIXEL_FORMATS = {8: 0x01080001, 10: 0x01100003, 12: 0x01100005, 14: 0x01100025, 16: 0x01100007}
BIT_DEPTHS = {code: depth for depth, code in PIXEL_FORMATS.items()}

_FIELDS = struct.Struct("<4sHHIHHQQQQIII4fII")
_CRC = struct.Struct("<I")
HEADER_BYTES = _FIELDS.size + _CRC.size
_CHECKED = re.compile(rb"(.*)\|([0-9A-F]{4})\|([0-9A-F]{8})", re.DOTALL)


class Flags(IntFlag):
    """Flags of a frame block."""

    FRAME = 1  # the payload is a frame; otherwise none came in time
    ACQUIRING = 2  # the camera is acquiring
    END = 4  # no more frames will come in this run
    FAULT = 8  # the camera failed; CAMera:FAULt? returns the reason


@dataclass(frozen=True, slots=True, kw_only=True)
class Header:
    """The header of a frame block.

    run : counts INITiate since power-on; 0 before the first.
    request : request number of the answered line, 0 for an unchecked line.
    sequence : number of the frame in its run, from 0; counts every frame of the sensor, kept or not.
    device_time_ns : the instrument's clock at the start of the exposure.
    dropped : earlier frames of this run that the instrument did not keep and never sent.
    temperature_c, laser_mw, pump_ul_min, focus_um : values measured with the frame, NaN if the device
        is missing or does not answer.
    """

    run: int
    request: int
    flags: Flags
    sequence: int = 0
    device_time_ns: int = 0
    dropped: int = 0
    exposure_ns: int = 0
    bit_depth: int = 8
    width_px: int = 0
    height_px: int = 0
    temperature_c: float = float("nan")
    laser_mw: float = float("nan")
    pump_ul_min: float = float("nan")
    focus_um: float = float("nan")
    payload_bytes: int = 0
    payload_crc: int = 0
    header_bytes: int = HEADER_BYTES

    def pack(self) -> bytes:
        """Return the header as bytes, with its own checksum at the end."""
        fields = _FIELDS.pack(
            MAGIC,
            VERSION,
            HEADER_BYTES,
            self.run,
            self.request,
            self.flags,
            self.sequence,
            self.device_time_ns,
            self.dropped,
            self.exposure_ns,
            PIXEL_FORMATS[self.bit_depth],
            self.width_px,
            self.height_px,
            self.temperature_c,
            self.laser_mw,
            self.pump_ul_min,
            self.focus_um,
            self.payload_bytes,
            self.payload_crc,
        )
        return fields + _CRC.pack(zlib.crc32(fields))


def header_length(begin: bytes) -> int | None:
    """Return the stated length of a header, None if it is not a header. begin : its first 8 bytes."""
    magic, version, length = struct.unpack_from("<4sHH", begin)
    is_header = magic == MAGIC and version == VERSION and HEADER_BYTES <= length <= MAX_HEADER_BYTES
    return int(length) if is_header else None


def read_header(data: bytes) -> Header | None:
    """Return the header in `data`, which has the stated length; None if it is damaged.

    Later versions may add fields between the known ones and the checksum; they are ignored.
    """
    if header_length(data) != len(data) or _CRC.unpack_from(data, len(data) - 4)[0] != zlib.crc32(data[:-4]):
        return None
    (_, _, length, run, request, flags, sequence, time_ns, dropped, exposure_ns, pixel_format, *rest) = (
        _FIELDS.unpack_from(data)
    )
    width_px, height_px, temperature_c, laser_mw, pump_ul_min, focus_um, payload_bytes, payload_crc = rest
    bit_depth = BIT_DEPTHS.get(pixel_format, 0)
    picture_bytes = width_px * height_px * (1 if bit_depth == 8 else 2)
    if not bit_depth or payload_bytes > MAX_PAYLOAD_BYTES or payload_bytes not in (0, picture_bytes):
        return None
    return Header(
        run=run,
        request=request,
        flags=Flags(flags),
        sequence=sequence,
        device_time_ns=time_ns,
        dropped=dropped,
        exposure_ns=exposure_ns,
        bit_depth=bit_depth,
        width_px=width_px,
        height_px=height_px,
        temperature_c=temperature_c,
        laser_mw=laser_mw,
        pump_ul_min=pump_ul_min,
        focus_um=focus_um,
        payload_bytes=payload_bytes,
        payload_crc=payload_crc,
        header_bytes=length,
    )


def block_prefix(length: int) -> bytes:
    """Return the start of an IEEE 488.2 definite-length block of this many bytes."""
    digits = b"%d" % length
    return b"#%d%s" % (len(digits), digits)


def checked_line(text: str, request: int) -> bytes:
    """Return a line with its request number and checksum, ready to be sent."""
    body = b"%s|%04X" % (text.encode("ascii", "replace"), request)
    return b"%s|%08X\n" % (body, zlib.crc32(body))


def read_checked_line(line: bytes) -> tuple[str, int] | None:
    """Return text and request number of a line without its end, or None if the checksum is wrong or missing."""
    found = _CHECKED.fullmatch(line)
    if found is None or zlib.crc32(line[: found.end(2)]) != int(found[3], 16):
        return None
    return found[1].decode("ascii", "replace"), int(found[2], 16)
