"""The computer's end of the line: a port that may be noisy, and queries repeated until they are answered."""

from __future__ import annotations

import errno
import re
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import urlsplit

from nta.errors import DeviceError, DeviceLost, DeviceTimeout, SettingError
from nta_drivers.serial_nta.message import PROTOCOL, REFUSAL, checked_line
from nta_drivers.serial_nta.parser import Block, DamagedBlock, DamagedLine, Line, Message, Parser
from nta_drivers.serial_nta.reading import read_into, readable_fd
from nta_drivers.serial_nta.vocabulary import WRONG_SETTING

if TYPE_CHECKING:
    import serial

T = TypeVar("T")

_SLICE_S = 0.1  # longest wait for bytes: limits the time that a close from outside has to wait
_PARTIAL_S = 0.5  # a message without progress for this time has lost bytes
_TRIES = 4
_CONNECT_S = 5.0  # longest time until the first answer; reopening after a loss is repeated for longer
_LONGEST_S = 30.0  # longest time of a query: a long image may come before the answer
_WHY_NOT_OPENED = {
    errno.ENOENT: "there is no such port; is the instrument plugged in and on?",
    errno.ENODEV: "there is no device at this port; is the instrument plugged in and on?",
    errno.EACCES: "this account may not use it; on Linux, add it to the group of the port (dialout) and log in again",
    errno.EAGAIN: "another program has it open; end that first",
    errno.EBUSY: "another program has it open; end that first",
    errno.ECONNREFUSED: "nothing listens there; is the instrument on, and is this its port?",
    errno.ENOTTY: "it is no serial port; one is named like /dev/ttyACM0 or COM3",
    errno.EISDIR: "it is a folder; a port is named like /dev/ttyACM0 or COM3",
}
_ERROR = re.compile(r'(-?\d+),"([^"]*)"')


class Refusal:
    """A message was unreadable at either end; the waiting query must be repeated."""


class Link:
    """A port to an instrument, shared by its parts: open while any of them is.

    url : argument of `serial.serial_for_url`: /dev/ttyACM0, COM3, socket://host:port, hwgrep://VID:PID.
    answer_s : longest time until an answer begins.
    """

    def __init__(self, url: str, *, baud_rate: int, answer_s: float) -> None:
        self.url = url
        self.answer_s = answer_s
        self.heard_at = 0.0
        self.options: frozenset[str] = frozenset()
        self.identity = ""
        self.events: deque[Block | DamagedBlock | Refusal] = deque(maxlen=64)
        self._baud_rate = baud_rate
        self._port: serial.SerialBase | None = None
        self._fd: int | None = None
        self._parser = Parser()
        self._users: set[object] = set()
        self._request = 0
        self._answers: dict[int, str | None] = {}  # None while an answer is awaited
        self._refusals = 0
        self._receiving = False
        self._told = threading.Condition()
        self._writing = threading.Lock()

    def attach(self, user: object) -> None:
        """Open the port if it is closed or lost; identify the instrument."""
        if self._port is None:
            self._connect()
        self._users.add(user)

    def detach(self, user: object) -> None:
        """Close the port when its last user detaches."""
        self._users.discard(user)
        if not self._users:
            self._disconnect()

    @property
    def is_connected(self) -> bool:
        """Whether the port is open."""
        return self._port is not None

    @property
    def is_partial(self) -> bool:
        """Whether a message is arriving."""
        return self._parser.missing > 0

    def ask(self, *commands: str, answer_s: float = 0.0, limit_s: float = _LONGEST_S) -> list[str]:
        """Send commands and queries as one line and return the answers of the queries, at the latest after `limit_s`.

        answer_s : longest time until the answer begins, if longer than usual.

        The line and its answer are checked, and the line is sent again if either was damaged or lost.

        Raises
        ------
        SettingError
            The instrument refused a value.
        DeviceTimeout
            There was no answer.
        DeviceLost
            The port is gone.
        DeviceError
            The instrument failed.
        """
        line = ";".join(["*CLS", *commands, "SYST:ERR?"])
        n_queries = sum(command.partition(" ")[0].endswith("?") for command in commands)
        deadline = time.monotonic() + limit_s
        for _ in range(_TRIES):
            text = self._asked_once(line, max(answer_s, self.answer_s), deadline)
            if text is not None:
                return self._without_error(text, n_queries, commands)
            if time.monotonic() >= deadline:
                break
        raise DeviceTimeout(f"{self.url}: no answer to {'; '.join(commands)}")

    def send(self, text: str, *, is_awaited: bool = True) -> int:
        """Send a checked line and return its request number; is_awaited : whether a line will answer it."""
        port = self._port
        if port is None:
            raise DeviceLost(f"{self.url} is not connected")
        with self._writing:
            self._request = self._request % 0xFFFF + 1
            request = self._request
            if is_awaited:
                self._answers[request] = None
            try:
                port.write(checked_line(text, request))
            except Exception as error:
                raise self._lost(port, error) from error
        return request

    def wait(self, done: Callable[[], T], *, quiet_s: float, deadline: float | None = None) -> T | None:
        """Receive until `done` returns something; None after a silence of this length, or at the deadline.

        One thread receives for all waiting threads.
        """
        began = time.monotonic()
        looked = False
        with self._told:
            while (result := done()) is None:
                now = time.monotonic()
                until = max(began, self.heard_at) + quiet_s
                until = until if deadline is None else min(until, deadline)
                if looked and now >= until:
                    return None
                looked = True
                if self._receiving:
                    self._told.wait(max(until - now, 0.0))
                    continue
                self._receiving = True
                self._told.release()
                messages: list[Message] = []
                try:
                    messages = self._receive(max(min(until - now, _SLICE_S), 0.0))
                finally:
                    self._told.acquire()
                    self._receiving = False
                    self._dispatch(messages)
                    self._told.notify_all()
            return result

    def give_up(self) -> None:
        """Treat the connection as lost: the instrument is silent."""
        self._disconnect()

    def _connect(self) -> None:
        import serial

        try:
            if self.url.startswith("socket://") and urlsplit(self.url).port is None:
                raise ValueError("the number of the TCP port is missing, as in socket://192.168.1.20:5025")
            exclusive: dict[str, Any] = {} if "://" in self.url else {"exclusive": True}
            port = serial.serial_for_url(
                self.url, baudrate=self._baud_rate, timeout=_SLICE_S, write_timeout=2.0, **exclusive
            )
        except ValueError as error:
            raise SettingError(f"port={self.url!r}: {error}") from error
        except (OSError, serial.SerialException) as error:
            # pyserial does not always keep the number of the system's error, which is the first of its arguments
            cause = error.__context__ if error.errno is None and error.__context__ else error
            why = _WHY_NOT_OPENED.get(cause.args[0], cause) if cause.args else cause
            raise DeviceLost(f"{self.url} cannot be opened: {why}") from error
        self._port, self._parser = port, Parser()
        self._fd = readable_fd(port)
        self.events.clear()
        try:
            port.write(b"\n")  # ends an unfinished line of an earlier host
            self.identity, options, protocol = self._introduced()
            if protocol != PROTOCOL:
                raise DeviceError(f"{self.url}: {self.identity} speaks {protocol}, this driver {PROTOCOL}")
        except BaseException:
            self._disconnect()
            raise
        self.options = frozenset(options.split(","))

    def _introduced(self) -> list[str]:
        """Identify the instrument; distinguish another device, or a bad line, from silence."""
        refusals = self._refusals
        try:
            return self.ask("*IDN?", "*OPT?", "SYST:PROT?", limit_s=_CONNECT_S)
        except DeviceTimeout:
            first, rate = self._parser.first, f"baud_rate={self._baud_rate}"
            if not first:
                said = f"no answer; is it the right port, is the instrument on, and is {rate} its rate?"
            elif self._refusals != refusals:
                said = f"it answers, but its lines arrive damaged (from {first!r}); is {rate} its rate, and the cable sound?"
            else:
                name = PROTOCOL.partition(",")[0]
                said = f"something answered, but not {name} (it began with {first!r}); is it the right port, and {rate}?"
            raise DeviceTimeout(f"{self.url}: {said}") from None

    def _disconnect(self) -> None:
        port, self._port = self._port, None
        if port is None:
            return
        # pyserial 3.5 does not close a socket whose other end is gone: its shutdown fails first
        socket = getattr(port, "_socket", None)
        if socket is not None:
            socket.close()
        with suppress(Exception):  # a port that is gone may refuse to be closed
            port.close()

    def _lost(self, port: Any, error: Exception | None) -> DeviceLost:
        if port is self._port:
            self._disconnect()
        return DeviceLost(f"{self.url} is gone" + (f": {error}" if error else ""))

    def _receive(self, timeout_s: float) -> list[Message]:
        port = self._port
        if port is None:
            raise DeviceLost(f"{self.url} is not connected")
        try:
            n_bytes = read_into(self._parser, port, self._fd, timeout_s)
        except Exception as error:
            raise self._lost(port, error) from error
        now = time.monotonic()
        if n_bytes:
            self.heard_at = now
        stands = not n_bytes and self.is_partial and now - self.heard_at > _PARTIAL_S
        return list(self._parser.messages(final=stands))

    def _dispatch(self, messages: list[Message]) -> None:
        for message in messages:
            if isinstance(message, Line) and message.request in self._answers:
                self._answers[message.request] = message.text
            elif isinstance(message, Block | DamagedBlock):
                self.events.append(message)
            elif isinstance(message, DamagedLine) or (isinstance(message, Line) and message.text == REFUSAL):
                self._refusals += 1
                self.events.append(Refusal())

    def _asked_once(self, line: str, answer_s: float, deadline: float) -> str | None:
        refusals = self._refusals
        request = self.send(line)
        try:
            answer = self.wait(lambda: self._answer(request, refusals), quiet_s=answer_s, deadline=deadline)
        finally:
            self._answers.pop(request, None)
        return answer if isinstance(answer, str) else None

    def _answer(self, request: int, refusals: int) -> str | Refusal | None:
        text = self._answers.get(request)
        return Refusal() if text is None and self._refusals != refusals else text

    def _without_error(self, text: str, n_queries: int, commands: tuple[str, ...]) -> list[str]:
        *answers, error = text.split(";", n_queries)
        found = _ERROR.fullmatch(error)
        if found is None or len(answers) != n_queries:
            raise DeviceError(f"{self.url}: {text!r} is no answer to {'; '.join(commands)}")
        code, said = int(found[1]), found[2].partition(";")[2] or found[2]
        if code in WRONG_SETTING:
            raise SettingError(said)
        if code:
            raise DeviceError(f"{self.url}: {said} ({code})")
        return answers


def numbers(texts: list[str]) -> Iterator[float]:
    """Yield answers as numbers."""
    for text in texts:
        try:
            yield float(text)
        except ValueError:
            raise DeviceError(f"the instrument answered {text!r} where a number was due") from None
