"""Ports of the simulated instrument: a pseudo-terminal or a TCP port, for one host at a time."""

from __future__ import annotations

import os
import select
import socket
from abc import ABC, abstractmethod
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from nta.errors import DeviceError, SettingError

_CHUNK_BYTES = 1 << 16
_DEAF_S = 5.0  # a host that reads nothing for this time is gone; the rest of the message is dropped


class HostGone(Exception):  # noqa: N818 - an event of the line
    """The host closed its end."""


class Port(ABC):
    """One end of a line; `open` after `close` is like plugging it in again."""

    url: str  # URL for the driver

    @abstractmethod
    def open(self) -> None:
        """Make the port available to a host."""

    @abstractmethod
    def close(self) -> None:
        """Remove the port."""

    @abstractmethod
    def _fd(self) -> int | None:
        """Return the file descriptor for reading and writing; None while there is no host."""

    @abstractmethod
    def hang_up(self) -> None:
        """Prepare for the next host."""

    def wait(self, timeout_s: float, wake_fd: int) -> bool:
        """Wait for bytes of the host; return whether there are any. Returns early if `wake_fd` is readable."""
        fd = self._fd()
        ready, _, _ = select.select([wake_fd] if fd is None else [fd, wake_fd], [], [], timeout_s)
        if wake_fd in ready:
            os.read(wake_fd, _CHUNK_BYTES)
        return fd in ready

    def read(self) -> bytes:
        """Return the bytes sent by the host."""
        fd = self._fd()
        if fd is None:
            raise HostGone
        try:
            data = os.read(fd, _CHUNK_BYTES)
        except OSError as error:
            raise HostGone from error
        if not data:
            raise HostGone
        return data

    def write(self, buffers: Sequence[bytes]) -> bool:
        """Send bytes; return False if the host did not read them all."""
        return all(self._write(memoryview(buffer)) for buffer in buffers)

    def _write(self, rest: memoryview) -> bool:
        fd = self._fd()
        while rest and fd is not None:
            try:
                rest = rest[os.write(fd, rest) :]
            except BlockingIOError:
                if not select.select([], [fd], [], _DEAF_S)[1]:
                    return False
            except OSError as error:
                raise HostGone from error
        return not rest


class PtyPort(Port):
    """A pseudo-terminal, a serial port for the host. link : a name that stays the same when it is reopened."""

    def __init__(self, link: Path | None = None) -> None:
        if not hasattr(os, "openpty"):
            raise SettingError("this operating system has no pseudo-terminals; use a TCP port")
        if link is not None and link.exists() and not link.is_symlink():
            raise SettingError(f"{link} exists and is no link; choose another name for the port")
        self._link = link
        self._fds: tuple[int, int] | None = None
        self.url = str(link or "")

    def open(self) -> None:
        """Create the terminal."""
        import tty

        master, slave = os.openpty()
        tty.setraw(slave)  # no echo, no translation: all 256 bytes go through
        os.set_blocking(master, False)
        self._fds = master, slave  # the slave stays open here, so that the port outlives its hosts
        name = os.ttyname(slave)
        self.url = str(self._link or name)
        if self._link is not None:
            self._link.unlink(missing_ok=True)
            self._link.symlink_to(name)

    def close(self) -> None:
        """Remove the terminal."""
        if self._link is not None and self._fds is not None:
            self._link.unlink(missing_ok=True)
        for fd in self._fds or ():
            os.close(fd)
        self._fds = None

    def hang_up(self) -> None:
        """Do nothing: this end of the terminal stays as it is."""

    def _fd(self) -> int | None:
        return self._fds[0] if self._fds else None


class TcpPort(Port):
    """A TCP port; port 0 takes a free one."""

    def __init__(self, host: str = "127.0.0.1", port: int = 0) -> None:
        self._address = (host, port)
        self._listener: socket.socket | None = None
        self._host: socket.socket | None = None
        self.url = f"socket://{host}:{port}"

    def open(self) -> None:
        """Listen."""
        try:
            self._listener = socket.create_server(self._address)
        except (OSError, OverflowError) as error:
            raise DeviceError(f"cannot listen at {self._address[0]}:{self._address[1]} ({error})") from error
        self._address = self._listener.getsockname()[:2]
        self.url = f"socket://{self._address[0]}:{self._address[1]}"

    def close(self) -> None:
        """Stop listening and drop the host."""
        self.hang_up()
        if self._listener is not None:
            self._listener.close()
            self._listener = None

    def hang_up(self) -> None:
        """Disconnect the host."""
        if self._host is not None:
            self._host.close()
            self._host = None

    def wait(self, timeout_s: float, wake_fd: int) -> bool:
        """Wait for bytes of the host, or for a host to connect."""
        if self._host is not None or self._listener is None:
            return super().wait(timeout_s, wake_fd)
        ready, _, _ = select.select([self._listener.fileno(), wake_fd], [], [], timeout_s)
        if wake_fd in ready:
            os.read(wake_fd, _CHUNK_BYTES)
        if self._listener.fileno() in ready:
            with suppress(OSError):  # the host may have left again
                self._host, _ = self._listener.accept()
                self._host.setblocking(False)
                self._host.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return False

    def _fd(self) -> int | None:
        return self._host.fileno() if self._host is not None else None
