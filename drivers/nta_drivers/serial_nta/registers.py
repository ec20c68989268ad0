"""Status registers and error queue of the instrument, after IEEE 488.2 and SCPI-1999."""

from __future__ import annotations

from collections import deque

from nta_drivers.serial_nta.vocabulary import ERRORS

_QUEUE_LENGTH = 16
_EVENT_BITS = {
    1: 32,
    2: 16,
    3: 8,
}  # event bit by hundreds of the error code: command, execution, device error


class Refused(Exception):  # noqa: N818 - the host's error, not ours
    """A command that cannot be carried out, with its SCPI error."""

    def __init__(self, code: int, detail: str = "") -> None:
        super().__init__(code, detail)
        self.code, self.detail = code, detail


class Registers:
    """Queue of errors, and event register with their classes."""

    def __init__(self) -> None:
        self.event = 128  # bit for power on
        self.event_mask = 0
        self.service_mask = 0
        self._errors: deque[tuple[int, str]] = deque()

    @property
    def n_errors(self) -> int:
        """Number of errors in the queue."""
        return len(self._errors)

    def add(self, code: int, detail: str = "") -> None:
        """Add an error to the queue; if it is full, the newest is replaced by an overflow error."""
        self.event |= _EVENT_BITS.get(-code // 100, 0)
        if len(self._errors) == _QUEUE_LENGTH:
            self._errors[-1] = (-350, "")
        else:
            self._errors.append((code, detail))

    def next_error(self) -> str:
        """Remove and return the oldest error, as ``code,"text"``."""
        code, detail = self._errors.popleft() if self._errors else (0, "")
        text = ERRORS[code] + (f";{sendable(detail)}" if detail else "")
        return f'{code},"{text}"'

    def clear(self) -> None:
        """Clear errors and events."""
        self._errors.clear()
        self.event = 0

    def take_event(self) -> int:
        """Return the event register and clear it."""
        event, self.event = self.event, 0
        return event

    def status_byte(self, *, acquiring: bool) -> int:
        """Return the status byte, which summarises all registers."""
        summary = 32 if self.event & self.event_mask else 0
        return (4 if self._errors else 0) | summary | (128 if acquiring else 0)


def sendable(text: str) -> str:
    """Return a text that can be sent in quotes: ASCII, one line, without quotes and bars."""
    for character, said in (('"', "'"), ("\n", " "), ("|", "/"), ("°C", "degC"), ("µ", "u")):
        text = text.replace(character, said)
    return text.encode("ascii", "replace").decode()
