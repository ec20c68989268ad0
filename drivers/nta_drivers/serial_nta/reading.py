"""Read bytes from a port into the parser, as fast as the port allows."""

from __future__ import annotations

import os
import select
import time
from typing import Any

from nta_drivers.serial_nta.parser import Parser


def read_into(parser: Parser, port: Any, fd: int | None, timeout_s: float) -> int:
    """Read bytes into the parser, and return their number. fd : read directly instead of the port, if not None."""
    room = parser.room()
    if fd is None:
        port.timeout = timeout_s
        data = port.read(min(max(1, port.in_waiting), len(room)))
        room[: len(data)] = data
        n_bytes = len(data)
    else:
        n_bytes = _read_direct(fd, room, parser.missing, timeout_s)
    parser.added(n_bytes)
    return n_bytes


def readable_fd(port: Any) -> int | None:
    """Return the file descriptor of a plain port on POSIX, which is several times faster to read; else None."""
    import serial
    from serial.urlhandler import protocol_socket

    plain = type(port) is serial.Serial or type(port) is protocol_socket.Serial
    return int(port.fileno()) if plain and hasattr(os, "readv") else None


def _read_direct(fd: int, room: memoryview, wanted: int, timeout_s: float) -> int:
    """Read available bytes until `wanted` have come or the time is over; return their number."""
    got, deadline = 0, time.monotonic() + timeout_s
    while select.select([fd], [], [], max(deadline - time.monotonic(), 0.0))[0]:
        n_bytes = os.readv(fd, [room[got:]])
        if n_bytes == 0:
            raise EOFError("the other end closed the line")
        got += n_bytes
        if got >= wanted:
            break
    return got
