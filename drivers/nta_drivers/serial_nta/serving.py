"""Serve an instrument on a port, with simulated faults of the line."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Sequence
from contextlib import suppress

from nta.devices import Instrument
from nta.errors import SettingError
from nta_drivers.faults import Fault
from nta_drivers.serial_nta.interpreter import Buffers, Fetch, Interpreter
from nta_drivers.serial_nta.message import Flags
from nta_drivers.serial_nta.noise import Noise
from nta_drivers.serial_nta.ports import HostGone, Port

_TURN_S = 0.2
_LONGEST_LINE_BYTES = 4096
_LINE_FAULTS = ("unplug", "stall")


class Serving:
    """An instrument on a port, until `stop`.

    noise : damage to bytes on the line, in either direction.
    faults : "unplug" and "stall" of the line, in seconds since the first INITiate.
    """

    def __init__(
        self,
        instrument: Instrument,
        port: Port,
        *,
        identity: str,
        noise: Noise | None = None,
        faults: Sequence[Fault] = (),
    ) -> None:
        self.port = port
        port.open()
        self._noise = noise or Noise(0.0)
        self._faults = sorted(line_faults(faults), key=lambda fault: fault.at_s)
        self._wake_fd, self._waking_fd = os.pipe()
        for fd in (self._wake_fd, self._waking_fd):
            os.set_blocking(fd, False)
        self.interpreter = Interpreter(instrument, identity, self._wake)
        self._received = bytearray()
        self._fetch: tuple[Fetch, float] | None = None  # a fetch with its deadline
        self._first_run: float | None = None
        self._stopping = threading.Event()

    def run(self) -> None:
        """Serve until `stop` is called; then the port is closed and the acquisition ended."""
        try:
            while not self._stopping.is_set():
                self._turn()
        finally:
            self.interpreter.close()
            self.port.close()
            os.close(self._wake_fd)
            os.close(self._waking_fd)

    def stop(self) -> None:
        """End `run`. Safe in a signal handler and from another thread."""
        self._stopping.set()
        self._wake()

    def _wake(self) -> None:
        with suppress(BlockingIOError, OSError):  # the pipe is full of wake-ups already, or closed
            os.write(self._waking_fd, b"!")

    def _turn(self) -> None:
        self._do_faults()
        try:
            if self.port.wait(self._patience_s(), self._wake_fd):
                self._received += self._noise.damaged(self.port.read())
                self._answer_lines()
            self._answer_fetch()
        except HostGone:
            self._received.clear()
            self._fetch = None
            self.port.hang_up()

    def _patience_s(self) -> float:
        return _TURN_S if self._fetch is None else min(max(self._fetch[1] - time.monotonic(), 0.0), _TURN_S)

    def _answer_lines(self) -> None:
        *lines, rest = self._received.split(b"\n")
        self._received = rest if len(rest) <= _LONGEST_LINE_BYTES else bytearray()
        for line in lines:
            self._answer_fetch(at_once=True)  # a host that sends again no longer waits for the frame
            answer = self.interpreter.receive(bytes(line))
            if isinstance(answer, Fetch):
                self._fetch = answer, time.monotonic() + answer.wait_s
            else:
                self._send(answer)

    def _answer_fetch(self, *, at_once: bool = False) -> None:
        if self._fetch is None:
            return
        fetch, deadline = self._fetch
        answer = self.interpreter.frame_block(fetch)
        if answer is None and (at_once or time.monotonic() >= deadline):
            answer = self.interpreter.no_frame(fetch)
        if answer is not None:
            self._fetch = None
            self._send(answer)

    def _send(self, buffers: Buffers) -> None:
        if self._noise.rate and buffers:
            buffers = [self._noise.damaged(b"".join(buffers))]
        self.port.write(buffers)

    def _do_faults(self) -> None:
        if self._first_run is None and Flags.ACQUIRING in self.interpreter.ring.flags:
            self._first_run = time.monotonic()
        while self._faults and self._first_run is not None:
            if time.monotonic() < self._first_run + self._faults[0].at_s:
                return
            fault = self._faults.pop(0)
            if fault.kind == "unplug":
                self.port.close()
            self._stopping.wait(fault.duration_s)
            if fault.kind == "unplug":
                self._received.clear()
                self._fetch = None
                self.port.open()


def line_faults(faults: Sequence[Fault]) -> tuple[Fault, ...]:
    """Return the faults; refuse those that a line cannot have."""
    if wrong := [fault.kind for fault in faults if fault.kind not in _LINE_FAULTS]:
        raise SettingError(f"a line has no fault {wrong[0]!r}; it has {', '.join(_LINE_FAULTS)}")
    return tuple(faults)
