"""Find complete messages in a stream of bytes that may be damaged anywhere."""

from __future__ import annotations

import re
import zlib
from collections.abc import Iterator
from dataclasses import dataclass

from nta_drivers.serial_nta.message import MAGIC, Header, header_length, read_checked_line, read_header

_MAX_LINE_BYTES = 4096
_ROOM_BYTES = 1 << 16
_FIRST_BYTES = 40  # enough to identify the device
_MARK = re.compile(re.escape(MAGIC) + rb"|\|[0-9A-F]{4}\|[0-9A-F]{8}\n")
_MARK_BYTES = 15  # length of the longer of the two marks


@dataclass(frozen=True, slots=True)
class Line:
    """A checked line that arrived complete."""

    text: str
    request: int


@dataclass(frozen=True, slots=True, eq=False)
class Block:
    """A frame block that arrived complete; it owns its payload."""

    header: Header
    payload: bytearray


@dataclass(frozen=True, slots=True)
class DamagedBlock:
    """A frame block that arrived damaged; its header is None if that was damaged."""

    header: Header | None


@dataclass(frozen=True, slots=True)
class DamagedLine:
    """A line with a wrong checksum."""


Message = Line | Block | DamagedBlock | DamagedLine


class Parser:
    """Takes bytes in pieces of any size and yields the messages in them, in order.

    A message is verified by its checksum, so bytes between messages do not matter. After a damaged block
    the search continues directly behind its header: if bytes were lost, the next message begins inside the
    announced payload.
    """

    def __init__(self) -> None:
        self._buffer = bytearray(_ROOM_BYTES)
        self._begin = self._end = 0  # range of the waiting bytes
        self._search = 0  # where to search for the next mark
        self.missing = 0  # bytes still missing in the arriving block
        self.first = b""  # first bytes of the stream

    def room(self) -> memoryview:
        """Return a buffer for the next bytes; then call `added` with their number."""
        needed = max(self.missing + 1, _ROOM_BYTES // 2)
        if len(self._buffer) - self._end < needed:
            waiting = self._buffer[self._begin : self._end]
            if len(self._buffer) < len(waiting) + needed:
                self._buffer = bytearray(len(waiting) + 2 * needed)
            self._buffer[: len(waiting)] = waiting
            self._search -= self._begin
            self._begin, self._end = 0, len(waiting)
        return memoryview(self._buffer)[self._end :]

    def added(self, n_bytes: int) -> None:
        """Note the number of bytes put into `room`."""
        if len(self.first) < _FIRST_BYTES:
            came = self._buffer[self._end : self._end + n_bytes]
            self.first += bytes(came[: _FIRST_BYTES - len(self.first)])
        self._end += n_bytes

    def feed(self, data: bytes) -> None:
        """Add bytes."""
        while data:
            room = self.room()
            n_bytes = min(len(room), len(data))
            room[:n_bytes] = data[:n_bytes]
            self.added(n_bytes)
            data = data[n_bytes:]

    def messages(self, *, final: bool = False) -> Iterator[Message]:
        """Yield complete messages. final : no more bytes will come, so give up an incomplete block."""
        while (mark := self._next_mark()) is not None:
            is_block = mark[0] == MAGIC
            message = self._block(mark.start(), final) if is_block else self._line(mark.start(), mark.end())
            if message is None:
                return
            yield message

    def _next_mark(self) -> re.Match[bytes] | None:
        self.missing = 0
        mark = _MARK.search(self._buffer, self._search, self._end)
        if mark is None:
            self._search = max(self._search, self._end - _MARK_BYTES)
            self._begin = max(self._begin, self._search - _MAX_LINE_BYTES)
        return mark

    def _block(self, at: int, final: bool) -> Message | None:
        """Return the block that begins at a mark; None to wait for more bytes."""
        there = self._end - at
        length = header_length(bytes(self._buffer[at : at + 8])) if there >= 8 else 8
        if length is not None and there < length:
            if not final:
                self._wait_for(at, length - there)
                return None
            length = None
        header = None if length is None else read_header(bytes(self._buffer[at : at + length]))
        if header is None:
            self._search = at + 1
            return DamagedBlock(None)
        payload_at = at + header.header_bytes
        after = payload_at + header.payload_bytes
        if after > self._end and not final:
            self._wait_for(at, after - self._end)
            return None
        self._search = self._begin = payload_at
        with memoryview(self._buffer)[payload_at : min(after, self._end)] as payload:
            if len(payload) < header.payload_bytes or zlib.crc32(payload) != header.payload_crc:
                return DamagedBlock(header)
            block = Block(header, bytearray(payload))
        self._search = self._begin = after
        return block

    def _wait_for(self, at: int, missing: int) -> None:
        self._search = self._begin = at
        self.missing = missing

    def _line(self, mark_at: int, after: int) -> Message:
        begin = self._buffer.rfind(b"\n", self._begin, mark_at) + 1 or self._begin
        read = read_checked_line(bytes(self._buffer[begin : after - 1]))
        self._search = self._begin = after
        return Line(*read) if read else DamagedLine()
