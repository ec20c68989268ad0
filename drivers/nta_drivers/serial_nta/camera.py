"""The camera of an instrument on a serial line: frames are requested one by one, and each is accounted for."""

from __future__ import annotations

import time
from contextlib import suppress
from typing import Any

import numpy as np

from nta.devices import EndOfFrames, Losses, checked_settings
from nta.errors import DeviceError, DeviceLost, DeviceTimeout, SettingError
from nta.frames import CameraState, Frame, Image
from nta.stated import is_number
from nta_drivers.serial_nta.account import Account
from nta_drivers.serial_nta.link import Link, Refusal, numbers
from nta_drivers.serial_nta.message import Flags, Header
from nta_drivers.serial_nta.parser import Block, DamagedBlock
from nta_drivers.serial_nta.vocabulary import CAMERA, FACTS, UNKNOWN, WHOLE_NUMBERS, by_name, last_node

_HOLD_S = 0.1  # longest wait of the instrument for a frame before it answers that there is none
_SILENT_S = 5.0  # an instrument silent for this time is lost
_START_S = 15.0  # longest time that a camera may take to start
_STOP_S = 0.4
_Event = Block | DamagedBlock | Refusal


class SerialCamera:
    """Implements the rules of `nta.devices.Camera` over a `Link`; see `SerialInstrument`."""

    def __init__(self, link: Link, wanted: dict[str, Any], *, resends: int) -> None:
        self._link = link
        self._wanted = wanted
        self._resends = resends
        self._settings: dict[str, Any] = {}
        self._facts: dict[str, float | None] = {}
        self._is_open = self._acquiring = False
        self._account = Account()
        self._n_frames: int | None = None
        self._run = 0
        self._asked: tuple[int, float] | None = None  # request number, and its time
        self._silent_asks = 0
        self._first: Frame | None = None

    @property
    def name(self) -> str:
        """Return the name of the device for messages."""
        return f"camera at {self._link.url}"

    def open(self) -> None:
        """Connect; reopen a lost line."""
        if self._is_open and self._link.is_connected:
            return
        self._link.attach(self)
        self._is_open = True
        try:
            self._link.ask("ABOR")
            self._settings = self._read_settings()
            self._facts = self._read_facts()
            if self._wanted:
                self.configure(**self._wanted)
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Stop and release the line; do nothing if it is closed."""
        self.stop()
        self._is_open = False
        self._link.detach(self)

    def settings(self) -> dict[str, Any]:
        """Return the settings of the camera."""
        if not self._settings:
            raise DeviceError(f"{self.name} is not open")
        return dict(self._settings)

    def configure(self, **settings: Any) -> dict[str, Any]:
        """Set the given values, all or none, and return all settings as accepted by the instrument."""
        known = self.settings()
        checked_settings(settings, known)
        changed = {name: value for name, value in settings.items() if value != known[name]}
        if not changed:
            return known
        if self._acquiring:
            raise SettingError(
                f"{self.name} is acquiring; stop it before setting {', '.join(sorted(changed))}"
            )
        commands = by_name(CAMERA)
        pairs = [f"{last_node(commands[name])},{_checked(name, value)!r}" for name, value in changed.items()]
        self._link.ask(f"CAM:SETT {','.join(pairs)}")
        self._settings = self._read_settings()
        return self.settings()

    def state(self) -> CameraState:
        """Return the settings as the camera state of a recording."""
        said = {**self.settings(), **self._facts}
        del said["buffer_frames"]
        return CameraState(**said)

    def start(self, n_frames: int | None = None) -> None:
        """Begin to acquire."""
        if not self._is_open:
            raise DeviceError(f"{self.name} is not open")
        if self._acquiring:
            raise DeviceError(f"{self.name} is acquiring already")
        if n_frames is not None and n_frames < 1:
            raise SettingError(f"n_frames must be >= 1, got {n_frames}")
        try:
            run = self._link.ask("ABOR", "INIT", "FRAM:RUN?", answer_s=_START_S)
        except DeviceTimeout as error:
            raise DeviceLost(str(error)) from error
        self._run = int(next(numbers(run)))
        self._account = Account()
        self._n_frames, self._first = n_frames, None
        self._asked, self._silent_asks = None, 0
        self._link.events.clear()
        self._acquiring = True

    def read(self, timeout_s: float = 1.0) -> Frame:
        """Return the next frame."""
        deadline = time.monotonic() + timeout_s
        if not self._acquiring:
            raise DeviceError(f"{self.name} is not acquiring; call start first")
        if self._n_frames is not None and self._account.delivered >= self._n_frames:
            raise EndOfFrames(f"{self.name}: the {self._n_frames} frames asked for were given")
        while True:
            if self._asked is None:
                self._ask()
            event = self._link.wait(self._next_event, quiet_s=self._patience_s(), deadline=deadline)
            if not self._acquiring:
                raise DeviceError(f"{self.name} was stopped")
            if event is not None:
                frame = self._handled(event)
                if frame is not None:
                    return frame
                continue
            self._ask_again_after_silence()
            if time.monotonic() >= deadline:
                raise DeviceTimeout(f"{self.name}: no frame within {timeout_s:g} s")

    def stop(self) -> Losses:
        """End the acquisition and return the counts of its frames; zero if none was running."""
        if not self._acquiring:
            return Losses()
        self._acquiring = False
        # the instrument is gone, or still busy with a long image, which the next start aborts
        with suppress(DeviceError):
            self._link.ask("ABOR", limit_s=_STOP_S)
        return self._account.losses()

    def _ask(self) -> None:
        hold_ms, after = round(_HOLD_S * 1000), self._account.after
        self._asked = self._link.send(f"FRAM:FETC? {hold_ms},{after}", is_awaited=False), time.monotonic()

    def _patience_s(self) -> float:
        """Return how long the line may be silent before a query is repeated: longer each time."""
        return _HOLD_S + self._link.answer_s * float(2**self._silent_asks)

    def _ask_again_after_silence(self) -> None:
        """Repeat the query after a long silence; an instrument that stays silent is lost."""
        asked_at = self._asked[1] if self._asked else 0.0
        if time.monotonic() - max(asked_at, self._link.heard_at) < self._patience_s():
            return
        self._silent_asks += 1
        if time.monotonic() - self._link.heard_at > _SILENT_S:
            self._link.give_up()
            raise DeviceLost(f"{self.name} has not answered for {_SILENT_S:g} s")
        self._asked = None

    def _next_event(self) -> _Event | None:
        return self._link.events.popleft() if self._link.events else None

    def _handled(self, event: _Event) -> Frame | None:
        self._silent_asks = 0
        if isinstance(event, Refusal):
            self._asked = None
            return None
        header = event.header
        if isinstance(event, DamagedBlock):
            self._note_damage(header)
            return None
        assert header is not None
        answered = self._asked is not None and header.request == self._asked[0]
        if answered:
            self._asked = None
        if header.run != self._run:
            if answered:
                raise DeviceLost(f"{self.name}: the acquisition is gone; the instrument was restarted")
            return None  # left over from an earlier run
        if Flags.FRAME in header.flags:
            return self._frame(header, event.payload) if self._account.is_new(header) else None
        if answered:
            self._explain_no_frame(header)
        return None

    def _note_damage(self, header: Header | None) -> None:
        stale = header is not None and (header.run != self._run or Flags.FRAME not in header.flags)
        self._asked = None
        if not stale:
            self._account.note_damage(header.sequence if header else None, self._resends)

    def _explain_no_frame(self, header: Header) -> None:
        if Flags.END in header.flags:
            raise EndOfFrames(f"{self.name}: the instrument has no more frames")
        if Flags.FAULT in header.flags:
            fault = self._link.ask("CAM:FAUL?")[0].strip('"')
            raise DeviceLost(f"{self.name}: the camera of the instrument failed: {fault}")
        if Flags.ACQUIRING not in header.flags:
            raise DeviceLost(f"{self.name}: the acquisition was ended at the instrument")

    def _frame(self, header: Header, payload: bytearray) -> Frame:
        shape = header.height_px, header.width_px
        image: Image = (
            np.frombuffer(payload, np.uint8).reshape(shape)
            if header.bit_depth == 8
            else (np.frombuffer(payload, "<u2").reshape(shape).astype(np.uint16, copy=False))
        )
        self._account.note_frame(header)
        time_s = 0.0
        if self._first is not None and self._first.device_time_ns is not None:
            time_s = (header.device_time_ns - self._first.device_time_ns) * 1e-9
        frame = Frame(image, header.sequence, time_s, time.monotonic_ns(), header.device_time_ns)
        self._first = self._first or frame
        return frame

    def _read_settings(self) -> dict[str, Any]:
        words = self._link.ask("CAM:SETT?")[0].split(",")
        said = dict(zip(words[::2], numbers(words[1::2]), strict=False))
        if missing := [command.short for command in CAMERA if last_node(command) not in said]:
            raise DeviceError(f"{self.name} does not say its {', '.join(missing)}")
        return {command.name: _known(command.name, said[last_node(command)]) for command in CAMERA}

    def _read_facts(self) -> dict[str, float | None]:
        values = numbers(self._link.ask(*(f"{fact.short}?" for fact in FACTS)))
        return {fact.name: _known(fact.name, value) for fact, value in zip(FACTS, values, strict=True)}


def _checked(name: str, value: float) -> float:
    """Return a setting in the form to be sent; refuse values that are not numbers."""
    whole = name in WHOLE_NUMBERS
    if not is_number(value, whole=whole) or value != value:
        raise SettingError(f"{name} must be a {'whole ' if whole else ''}number, got {value!r}")
    return value


def _known(name: str, value: float) -> Any:
    if value >= UNKNOWN:
        return None
    return int(value) if name in WHOLE_NUMBERS else value
