"""Every command of the protocol, in one table used by both ends."""

from __future__ import annotations

import re
from dataclasses import dataclass

UNKNOWN = 9.91e37  # SCPI's not-a-number: an unknown value


@dataclass(frozen=True)
class Command:
    """A command and its query, by its SCPI header: the capitals are the short form, and both forms are accepted.

    set, query : arguments of the command and of the query; None if it does not exist.
    name : name of the value in nta, if it is one.
    """

    header: str
    meaning: str
    set: str | None = None
    query: str | None = None
    name: str = ""

    @property
    def short(self) -> str:
        """The short form."""
        return "".join(c for c in self.header if not c.islower())


def _value(header: str, name: str, meaning: str, *, read_only: bool = False) -> Command:
    return Command(header, meaning, None if read_only else "<value>", "", name)


def _knob(header: str, name: str, meaning: str) -> Command:
    return Command(header, meaning, "<value>", "[MIN|MAX]", name)


KNOBS = (
    _knob("TEMPerature:SETPoint", "temperature_c", "set point of the cell's temperature, degC"),
    _knob("LASer:POWer", "laser_mw", "laser power, mW; the query gives it as measured"),
    _knob("PUMP:RATE", "pump_ul_min", "flow through the cell, uL/min, 0 is off; as measured"),
    _knob("FOCus:POSition", "focus_um", "position of the focal plane, um; as measured"),
)
MEASURED = (
    _value("TEMPerature", "temperature_c", "temperature of the cell as measured, degC", read_only=True),
)
CAMERA = (
    _value("CAMera:WIDTh", "width_px", "width of the picture, pixels"),
    _value("CAMera:HEIGht", "height_px", "height of the picture, pixels"),
    _value("CAMera:DEPTh", "bit_depth", "significant bits of a pixel: 8, 10, 12, 14 or 16"),
    _value("CAMera:RATE", "frame_rate_hz", "frames per second, Hz"),
    _value("CAMera:EXPosure", "exposure_s", "exposure of a frame, s"),
    _value("CAMera:BUFFer", "buffer_frames", "frames kept for a slow host; the oldest is overwritten"),
)
FACTS = (
    _value("CAMera:PIXel", "pixel_size_um", "size of a pixel in the sample plane, um", read_only=True),
    _value("CAMera:GAIN", "gain_e_per_adu", "electrons per grey value", read_only=True),
    _value("CAMera:OFFSet", "offset_adu", "grey value without light", read_only=True),
    _value("CAMera:NOISe", "read_noise_e", "read noise, electrons", read_only=True),
)
ACTIONS = (
    Command("CAMera:SETTings", "several values at once: all are taken or none", "<name>,<value>[,...]", ""),
    Command("CAMera:FAULt", "what the camera failed of in this run, in quotes", None, ""),
    Command("INITiate", "acquire from frame 0 on; the run number goes up by one", "[<frames>]"),
    Command("ABORt", "end the acquisition; frames that wait are dropped", ""),
    Command("FRAMe:FETCh", "the oldest kept frame after <after>, as a block", None, "[<wait_ms>[,<after>]]"),
    Command("FRAMe:RUN", "the run number", None, ""),
    Command("FRAMe:COUNt", "frames that wait", None, ""),
    Command("IMAGe:DATA", "the newest picture, pixels only, as a block", None, ""),
    Command("IMAGe:CRC", "CRC-32 of the picture last given by IMAGe:DATA?, hexadecimal", None, ""),
    Command("FORMat:BORDer", "order of the bytes of a pixel: SWAP, the lower first", None, ""),
)
STATUS = (
    Command("*IDN", "maker, model, serial number, version", None, ""),
    Command(
        "*OPT", "what is built in: CAMERA and of THERMOSTAT, LASER, PUMP, FOCUS those there are", None, ""
    ),
    Command("*RST", "end the acquisition; settings stay as they are", ""),
    Command("*CLS", "clear the error queue and the event register", ""),
    Command("*ESR", "standard event register; reading clears it", None, ""),
    Command("*ESE", "which events are summed up in bit 5 of the status byte", "<mask>", ""),
    Command("*STB", "status byte: 4 an error waits, 32 event summary, 128 acquiring", None, ""),
    Command("*SRE", "service request mask; kept, and without effect on a serial line", "<mask>", ""),
    Command("*OPC", "nothing is overlapped: sets bit 0 of the event register; the query answers 1", "", ""),
    Command("*WAI", "nothing is overlapped: does nothing", ""),
    Command("*TST", "self test: 0 is passed", None, ""),
    Command("SYSTem:ERRor[:NEXT]", "oldest error and forget it, 0 where there is none", None, ""),
    Command("SYSTem:ERRor:COUNt", "errors that wait", None, ""),
    Command("SYSTem:VERSion", "version of SCPI whose syntax is used: 1999.0", None, ""),
    Command("SYSTem:PROTocol", "this protocol and its version: NTA-SERIAL,1", None, ""),
    Command("STATus:OPERation:CONDition", "16 while acquiring, else 0", None, ""),
    Command("STATus:QUEStionable:CONDition", "512 while the camera is at fault, else 0", None, ""),
)
COMMANDS = (*STATUS, *ACTIONS, *CAMERA, *FACTS, *MEASURED, *KNOBS)

OPTIONS = {
    "temperature_c": "THERMOSTAT",
    "laser_mw": "LASER",
    "pump_ul_min": "PUMP",
    "focus_um": "FOCUS",
}
WHOLE_NUMBERS = ("width_px", "height_px", "bit_depth", "buffer_frames")
ERRORS = {
    0: "No error",
    -102: "Syntax error",
    -104: "Data type error",
    -108: "Parameter not allowed",
    -109: "Missing parameter",
    -113: "Undefined header",
    -200: "Execution error",
    -222: "Data out of range",
    -240: "Hardware error",
    -241: "Hardware missing",
    -350: "Queue overflow",
    -360: "Communication error",
}
WRONG_SETTING = (-104, -108, -109, -222)


def by_name(commands: tuple[Command, ...]) -> dict[str, Command]:
    """Return commands by the name of their value in nta."""
    return {command.name: command for command in commands}


def find_command(header: str) -> Command | None:
    """Return the command with a header, in short or long form and any case, or None."""
    return next((command for form, command in _FORMS if form.fullmatch(header)), None)


def last_node(command: Command) -> str:
    """Return the short form of a command's last word, its name within CAMera:SETTings."""
    return command.short.rpartition(":")[2]


def _form(header: str) -> re.Pattern[str]:
    pattern = re.sub(r"\[(:\w+)\]", r"(\1)?", header).replace("*", r"\*")
    return re.compile(":?" + re.sub(r"([A-Z]+)([a-z]+)", r"\1(?:\2)?", pattern), re.IGNORECASE)


_FORMS = [(_form(command.header), command) for command in COMMANDS]
