"""`docs/serial_protocol.md` is held to the code, and its examples to the document: an independent reading of both."""

import math
import re
import struct
from pathlib import Path

import pytest

from nta_drivers.serial_nta.message import Flags, checked_line, read_checked_line
from nta_drivers.serial_nta.parser import Block, Line, Parser
from nta_drivers.serial_nta.vocabulary import COMMANDS, ERRORS

TEXT = (Path(__file__).parents[2] / "docs" / "serial_protocol.md").read_text(encoding="utf-8")
TYPES = {"4 bytes": "4s", "uint16": "H", "uint32": "I", "uint64": "Q", "float32": "f"}


def _dumps():
    for block in re.findall(r"```hex\n(.*?)```", TEXT, re.DOTALL):
        lines = [line.split("  ", 1) for line in block.splitlines()]
        assert [int(at, 16) for at, _ in lines] == list(range(0, 16 * len(lines), 16))
        yield b"".join(bytes.fromhex(data) for _, data in lines)


def _crc_by_the_words_of_the_document(data):
    crc = 0xFFFFFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0xEDB88320 if crc & 1 else 0)
    return crc ^ 0xFFFFFFFF


def _decoded_by_the_table_of_the_document(header):
    values = {}
    for at, kind, name in re.findall(r"^\| (\d+) \| ([\w ]+) \| ([\w ]+) \|", TEXT, re.MULTILINE):
        (values[name],) = struct.unpack_from("<" + TYPES[kind], header, int(at))
    return values


def test_the_check_sum_described_is_the_one_used():
    assert _crc_by_the_words_of_the_document(b"123456789") == 0xCBF43926
    body, _, crc = checked_line("TEMP?", 1)[:-1].rpartition(b"|")
    assert int(crc, 16) == _crc_by_the_words_of_the_document(body)


def test_the_lines_shown_are_right():
    lines = re.findall(r"^\| (?:host|instrument) \| `(.*)` \|$", TEXT, re.MULTILINE)
    read = [read_checked_line(line.replace("\\|", "|").encode()) for line in lines]
    assert [request for _, request in read] == [0x2A, 0x2C, 0x2C, 0]
    assert next(_dumps())[:-1].decode() == lines[0].replace("\\|", "|")


def test_the_frame_shown_is_what_both_the_table_and_the_driver_read():
    _, frame, nothing = _dumps()
    for dump, picture in ((frame, bytes(range(10, 90, 10))), (nothing, b"")):
        digits = int(dump[1:2])
        body = dump[2 + digits : -1]
        assert len(body) == int(dump[2 : 2 + digits])
        said = _decoded_by_the_table_of_the_document(body)
        assert len(said) == 20
        assert (said["magic"], said["version"]) == (b"NTAF", 1)
        assert said["header CRC"] == _crc_by_the_words_of_the_document(body[: said["header bytes"] - 4])
        assert body[said["header bytes"] :] == picture
        parser = Parser()
        parser.feed(dump)
        (block,) = parser.messages()
        assert isinstance(block, Block)
        header = block.header
        assert (header.run, header.request, header.flags) == (said["run"], said["request"], said["flags"])
        assert (header.sequence, header.device_time_ns) == (said["sequence"], said["device time"])
        assert (header.dropped, header.exposure_ns) == (said["dropped"], said["exposure"])
        assert (header.width_px, header.height_px) == (said["width"], said["height"])
        assert (header.temperature_c, header.laser_mw) == (said["temperature"], said["laser"]) == (25.0, 50.0)
        assert math.isnan(header.focus_um)
        assert bytes(block.payload) == picture
    assert _decoded_by_the_table_of_the_document(frame[4:])[
        "payload CRC"
    ] == _crc_by_the_words_of_the_document(bytes(range(10, 90, 10)))


def test_all_dumps_in_one_stream_are_found():
    parser = Parser()
    parser.feed(b"".join(_dumps()))
    kinds = [type(message) for message in parser.messages()]
    assert kinds == [Line, Block, Block]


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command.short)
def test_the_vocabulary_is_that_of_the_driver(command):
    def cell(argument):
        return "" if argument is None else f"`{argument.replace('|', chr(92) + '|')}`" if argument else "yes"

    assert f"| `{command.header}` | {cell(command.set)} | {cell(command.query)} | {command.meaning} |" in TEXT


def test_nothing_else_is_in_the_vocabulary():
    rows = re.findall(r"^\| `[*A-Za-z:\[\]]+` \|.*\|.*\|.*\|$", TEXT, re.MULTILINE)
    assert len(rows) == len(COMMANDS)


def test_errors_and_flags_are_named():
    for code, text in ERRORS.items():
        assert f"{code} {text}" in TEXT
    assert [flag.value for flag in Flags] == [1, 2, 4, 8]
