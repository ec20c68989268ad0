"""The instrument's end of the line: answer commands for any `nta.devices.Instrument`."""

from __future__ import annotations

import zlib
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from nta.devices import EndOfFrames, Instrument
from nta.errors import DeviceError, DeviceTimeout, SettingError
from nta.frames import Image
from nta_drivers.serial_nta.message import (
    PROTOCOL,
    REFUSAL,
    Flags,
    Header,
    block_prefix,
    checked_line,
    read_checked_line,
)
from nta_drivers.serial_nta.registers import Refused, Registers, sendable
from nta_drivers.serial_nta.ring import FrameRing
from nta_drivers.serial_nta.values import Values, number, read_settings
from nta_drivers.serial_nta.vocabulary import (
    CAMERA,
    FACTS,
    KNOBS,
    MEASURED,
    Command,
    find_command,
    last_node,
)

Buffers = list[bytes]
_LONGEST_WAIT_MS = 10_000
_PICTURE_S = 5.0
_LARGEST_BUFFER = 10_000


@dataclass(frozen=True)
class Fetch:
    """A query for a frame, not yet answered."""

    request: int
    after: int
    wait_s: float


class Interpreter:
    """Carries out command lines on an open instrument.

    on_frame : called in another thread when there is a new frame, or when no more will come.
    """

    def __init__(
        self, instrument: Instrument, identity: str, on_frame: Callable[[], None] = lambda: None
    ) -> None:
        self.identity = identity
        self.registers = Registers()
        self._values = Values(instrument)
        self.ring = FrameRing(instrument.camera, self._values.measured, on_frame)
        self._camera = instrument.camera
        self._sent = -1  # last frame returned to a query without a number
        self._picture_crc = 0
        self._actions = self._all_actions()

    def receive(self, line: bytes) -> Fetch | Buffers:
        """Carry out a line (without its end) and return the answer: nothing, a line, blocks, or a fetch."""
        if not line.strip():
            return []
        checked = read_checked_line(line)
        if checked is None and b"|" in line:
            self.registers.add(-360, "check sum of a line")
            return [checked_line(REFUSAL, 0)]
        text, request = checked or (line.decode("ascii", "replace").rstrip("\r"), 0)
        words = [word for word in (word.strip() for word in text.split(";")) if word]
        if len(words) == 1 and (fetch := self._fetch(words[0], request)) is not None:
            return fetch
        answers = [answer for word in words if (answer := self._do(word)) is not None]
        if checked:
            if any(answer.startswith(b"#") for answer in answers):
                self.registers.add(-200, "a picture is given to an unchecked line only")
                answers = [b"" if answer.startswith(b"#") else answer for answer in answers]
            return [checked_line(b";".join(answers).decode("ascii", "replace"), request)]
        return [b";".join(answers), b"\n"] if answers else []

    def frame_block(self, fetch: Fetch) -> Buffers | None:
        """Return the block that answers a fetch; None if its frame has not come yet."""
        found = self.ring.after(fetch.after)
        flags = self.ring.flags
        if found is None:
            return self.no_frame(fetch) if Flags.ACQUIRING not in flags else None
        slot, dropped = found
        frame, state = slot.frame, self._camera.state()
        if fetch.request == 0:
            self._sent = frame.index
        payload = _pixels(frame.image)
        header = Header(
            run=self.ring.run,
            request=fetch.request,
            flags=(flags & ~(Flags.END | Flags.FAULT)) | Flags.FRAME,
            sequence=frame.index,
            device_time_ns=self.ring.began_ns + round(frame.time_s * 1e9),
            dropped=dropped,
            exposure_ns=round((state.exposure_s or 0.0) * 1e9),
            bit_depth=state.bit_depth,
            width_px=frame.image.shape[1],
            height_px=frame.image.shape[0],
            payload_bytes=len(payload),
            payload_crc=zlib.crc32(payload),
            **slot.measured,
        )
        return [block_prefix(header.header_bytes + len(payload)), header.pack(), payload, b"\n"]

    def no_frame(self, fetch: Fetch) -> Buffers:
        """Return the block that means: no frame yet, or no more frames."""
        header = Header(
            run=self.ring.run, request=fetch.request, flags=self.ring.flags, **self._values.measured()
        )
        return [block_prefix(header.header_bytes), header.pack(), b"\n"]

    def close(self) -> None:
        """End the acquisition."""
        self.ring.stop()

    def _fetch(self, word: str, request: int) -> Fetch | Buffers | None:
        header, _, arguments = word.partition(" ")
        command = find_command(header.removesuffix("?"))
        if not header.endswith("?") or command is None or command.short != "FRAM:FETC":
            return None
        try:
            given = [number(text) for text in arguments.split(",")] if arguments.strip() else []
            if len(given) > 2:
                raise Refused(-108)
            wait_ms = given[0] if given else 1000.0
            if not 0 <= wait_ms <= _LONGEST_WAIT_MS:
                raise Refused(-222, f"wait must be between 0 and {_LONGEST_WAIT_MS} ms")
            return Fetch(request, int(given[1]) if len(given) == 2 else self._sent, wait_ms / 1000)
        except Refused as refused:
            self.registers.add(refused.code, refused.detail)
            return self.no_frame(Fetch(request, -1, 0.0))  # a query must always be answered

    def _do(self, word: str) -> bytes | None:
        """Carry out one command; a failed query returns an empty answer, so that answers keep their places."""
        header, _, argument = word.partition(" ")
        is_query = header.endswith("?")
        try:
            command = find_command(header.removesuffix("?"))
            if command is None or (command.query if is_query else command.set) is None:
                raise Refused(-113, header)
            if is_query:
                return self._query(command, argument.strip())
            self._set(command, argument.strip())
        except Refused as refused:
            self.registers.add(refused.code, refused.detail)
        except SettingError as error:
            self.registers.add(-222, str(error))
        except DeviceError as error:
            self.registers.add(-240, str(error))
        return b"" if is_query else None

    def _query(self, command: Command, argument: str) -> bytes:
        if argument and not command.query:
            raise Refused(-108, argument)
        if command.short == "CAM:BUFF":
            answer: object = self.ring.capacity
        elif command in (*KNOBS, *CAMERA, *FACTS, *MEASURED):
            answer = self._values.read(command, argument)
        else:
            answer = self._actions[command.short + "?"](argument)
        return answer if isinstance(answer, bytes) else str(answer).encode("ascii", "replace")

    def _set(self, command: Command, argument: str) -> None:
        if argument and not command.set:
            raise Refused(-108, argument)
        if not argument and command.set and not command.set.startswith("["):
            raise Refused(-109, command.short)
        if command in KNOBS:
            self._values.turn(command, number(argument))
        elif command in CAMERA:
            self._configure([command.short, argument])
        else:
            self._actions[command.short](argument)

    def _all_actions(self) -> dict[str, Callable[[str], object]]:
        registers, ring = self.registers, self.ring
        return {
            "*IDN?": lambda _: self.identity,
            "*OPT?": lambda _: self._values.options(),
            "*RST": lambda _: ring.stop(),
            "*CLS": lambda _: registers.clear(),
            "*ESR?": lambda _: registers.take_event(),
            "*ESE": lambda mask: setattr(registers, "event_mask", int(number(mask)) & 255),
            "*ESE?": lambda _: registers.event_mask,
            "*SRE": lambda mask: setattr(registers, "service_mask", int(number(mask)) & 255),
            "*SRE?": lambda _: registers.service_mask,
            "*STB?": lambda _: registers.status_byte(acquiring=Flags.ACQUIRING in ring.flags),
            "*OPC": lambda _: setattr(registers, "event", registers.event | 1),
            "*OPC?": lambda _: 1,
            "*WAI": lambda _: None,
            "*TST?": lambda _: int(Flags.FAULT in ring.flags),
            "SYST:ERR[:NEXT]?": lambda _: registers.next_error(),
            "SYST:ERR:COUN?": lambda _: registers.n_errors,
            "SYST:VERS?": lambda _: "1999.0",
            "SYST:PROT?": lambda _: PROTOCOL,
            "STAT:OPER:COND?": lambda _: 16 * (Flags.ACQUIRING in ring.flags),
            "STAT:QUES:COND?": lambda _: 512 * (Flags.FAULT in ring.flags),
            "CAM:FAUL?": lambda _: '"' + sendable(ring.fault).replace(";", ",") + '"',
            "CAM:SETT?": lambda _: self._all_settings(),
            "CAM:SETT": lambda given: self._configure(given.split(",")),
            "INIT": self._initiate,
            "ABOR": lambda _: ring.stop(),
            "FRAM:FETC?": lambda _: self._alone(),
            "FRAM:RUN?": lambda _: ring.run,
            "FRAM:COUN?": lambda _: len(ring),
            "IMAG:DATA?": lambda _: self._picture(),
            "IMAG:CRC?": lambda _: f"{self._picture_crc:08X}",
            "FORM:BORD?": lambda _: "SWAP",
        }

    def _alone(self) -> None:
        raise Refused(-200, "FRAMe:FETCh? stands alone on its line")

    def _initiate(self, argument: str) -> None:
        n_frames = int(number(argument)) if argument else None
        self.ring.start(n_frames)
        self._sent = -1

    def _all_settings(self) -> str:
        return ",".join(f"{last_node(command)},{self._query(command, '').decode()}" for command in CAMERA)

    def _configure(self, given: list[str]) -> None:
        """Set pairs of name and value, all or none."""
        if Flags.ACQUIRING in self.ring.flags:
            raise Refused(-200, "abort before changing the camera")
        settings = read_settings(given)
        capacity = settings.pop("buffer_frames", self.ring.capacity)
        if not 1 <= capacity <= _LARGEST_BUFFER:
            raise Refused(-222, f"buffer_frames must be between 1 and {_LARGEST_BUFFER}")
        self._values.configure(settings)
        self.ring.capacity = int(capacity)

    def _picture(self) -> bytes:
        """Return the newest image as a block; take one if no acquisition is running."""
        image = self._running_picture() if Flags.ACQUIRING in self.ring.flags else self._single_picture()
        pixels = _pixels(image)
        self._picture_crc = zlib.crc32(pixels)
        return block_prefix(len(pixels)) + pixels

    def _running_picture(self) -> Image:
        frame = self.ring.newest(_PICTURE_S)
        if frame is None:
            raise DeviceTimeout(f"no picture within {_PICTURE_S:g} s")
        return frame.image

    def _single_picture(self) -> Image:
        self._camera.start(1)
        try:
            return self._camera.read(_PICTURE_S).image
        except EndOfFrames as error:
            raise DeviceError("the camera has no more pictures") from error
        finally:
            self._camera.stop()


def _pixels(image: Image) -> bytes:
    return np.ascontiguousarray(image, dtype="u1" if image.dtype == np.uint8 else "<u2").tobytes()
