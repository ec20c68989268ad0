"""Bytes from a port into the parser, as fast as the port allows."""

from __future__ import annotations

import os
import select
import time
from typing import Any

from nta_drivers.serial_nta.parser import Parser


def read_into(parser: Parser, port: Any, fd: int | None, timeout_s: float) -> int:
    """Put bytes into the parser, as they come; return how many. `fd` is read in place of the port where there is one."""
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
    """Return what may be read directly, which is several times faster, where the port is a plain one on POSIX."""
    import serial
    from serial.urlhandler import protocol_socket

    plain = type(port) is serial.Serial or type(port) is protocol_socket.Serial
    return int(port.fileno()) if plain and hasattr(os, "readv") else None


def _read_direct(fd: int, room: memoryview, wanted: int, timeout_s: float) -> int:
    """Read what is there, and go on until `wanted` bytes came or the time is over; return how many."""
    got, deadline = 0, time.monotonic() + timeout_s
    while select.select([fd], [], [], max(deadline - time.monotonic(), 0.0))[0]:
        n_bytes = os.readv(fd, [room[got:]])
        if n_bytes == 0:
            raise EOFError("the other end closed the line")
        got += n_bytes
        if got >= wanted:
            break
    return got
