"""The instrument's end, byte for byte, as in the tables of docs/serial_protocol.md."""

import math
import struct
import time
import zlib

import pytest

from made.numbered_camera import numbered_image, numbered_instrument
from nta.errors import DeviceLost, DeviceTimeout
from nta_drivers.serial_nta.interpreter import Fetch, Interpreter
from nta_drivers.serial_nta.message import Flags, checked_line, read_checked_line, read_header
from nta_drivers.serial_nta.vocabulary import COMMANDS, find_command


@pytest.fixture
def speak():
    """Return a function that says a line and gives what comes back, fetches waited for."""
    with numbered_instrument(shape=(4, 16)) as instrument:
        interpreter = Interpreter(instrument, "test,numbered,1,0")

        def say(line):
            answer = interpreter.receive(line.encode() if isinstance(line, str) else line)
            if isinstance(answer, Fetch):
                until = time.monotonic() + answer.wait_s
                while (block := interpreter.frame_block(answer)) is None and time.monotonic() < until:
                    time.sleep(0.002)
                answer = block or interpreter.no_frame(answer)
            return b"".join(answer)

        say.interpreter = interpreter
        yield say
        interpreter.close()


def block_of(answer):
    digits = int(answer[1:2])
    length = int(answer[2 : 2 + digits])
    body = answer[2 + digits : -1]
    assert (answer[:1], answer[-1:], len(body)) == (b"#", b"\n", length)
    return read_header(body[:88]), body[88:]


@pytest.mark.parametrize(
    ("said", "answered"),
    [
        ("*IDN?", b"test,numbered,1,0\n"),
        ("*idn?\r", b"test,numbered,1,0\n"),
        ("", b""),
        ("*OPT?", b"CAMERA,THERMOSTAT,LASER\n"),
        ("*OPC?", b"1\n"),
        ("*TST?", b"0\n"),
        ("*ESR?", b"128\n"),
        ("*OPC;*ESR?;*ESR?", b"129;0\n"),
        ("*ESE 32;*ESE?;NONSENSE;*STB?", b"32;36\n"),
        ("*SRE 300;*SRE?", b"44\n"),
        ("SYST:VERS?", b"1999.0\n"),
        ("SYST:PROT?", b"NTA-SERIAL,1\n"),
        ("SYST:ERR?", b'0,"No error"\n'),
        ("SYSTem:ERRor:NEXT?;:syst:err:coun?", b'0,"No error";0\n'),
        ("TEMP?", b"25.0\n"),
        ("TEMPERATURE:SETPOINT 26.5;TEMP:SETP?", b"26.5\n"),
        ("TEMP:SETP? MIN;TEMP:SETP? MAX", b"15.0;40.0\n"),
        ("LAS:POW 2E1;LASer:POWer?", b"20.0\n"),
        ("CAM:WIDT?;CAM:HEIG?;CAM:DEPT?;CAM:RATE?;CAM:EXP?", b"16;4;8;100.0;0.005\n"),
        ("CAM:EXP 0.002;CAM:EXP?", b"0.002\n"),
        ("CAM:SETT WIDT,32,DEPT,12;CAM:SETT?", b"WIDT,32,HEIG,4,DEPT,12,RATE,100.0,EXP,0.005,BUFF,64\n"),
        ("CAM:PIX?;CAM:GAIN?", b"0.25;9.910000E+37\n"),
        ("FORM:BORD?", b"SWAP\n"),
        ("STAT:OPER:COND?;INIT;STAT:OPER:COND?;*STB?;ABOR;STAT:OPER:COND?", b"0;16;128;0\n"),
        ("FRAM:RUN?;INIT;FRAM:RUN?;INIT;FRAM:RUN?", b"0;1;2\n"),
        ("STAT:QUES:COND?;CAM:FAUL?", b'0;""\n'),
    ],
)
def test_what_is_said_is_answered(speak, said, answered):
    assert speak(said) == answered


@pytest.mark.parametrize(
    ("said", "error"),
    [
        ("NONSENSE", '-113,"Undefined header;NONSENSE"'),
        ("TEMP 25", '-113,"Undefined header;TEMP"'),
        ("TEMP:SETP", '-109,"Missing parameter;TEMP:SETP"'),
        ("TEMP:SETP warm", '-104,"Data type error;warm is no number"'),
        ("TEMP:SETP nan", '-104,"Data type error;nan is no number"'),
        ("TEMP:SETP 99", '-222,"Data out of range;value must be between 15 and 40 degC, got 99.0"'),
        ("TEMP:SETP? MIDDLE", '-104,"Data type error;MIDDLE"'),
        ("PUMP:RATE?", '-241,"Hardware missing;no pump"'),
        ("*IDN? now", '-108,"Parameter not allowed;now"'),
        ("ABOR 1", '-108,"Parameter not allowed;1"'),
        ("CAM:WIDT 3", '-222,"Data out of range;width_px must be between 16 and 4096"'),
        ("CAM:WIDT 20.5", '-104,"Data type error;width_px must be a whole number"'),
        ("CAM:BUFF 0", '-222,"Data out of range;buffer_frames must be between 1 and 10000"'),
        ("CAM:SETT WIDT,32,COLO,1", '-104,"Data type error;COLO is no setting of the camera"'),
        ("CAM:SETT WIDT", '-109,"Missing parameter;a value"'),
        ("INIT;CAM:WIDT 32", '-200,"Execution error;abort before changing the camera"'),
        ("FRAM:FETC?;*OPC?", '-200,"Execution error;FRAMe:FETCh? stands alone on its line"'),
        ("FRAM:FETC? 1,2,3", '-108,"Parameter not allowed"'),
        ("FRAM:FETC? 1E9", '-222,"Data out of range;wait must be between 0 and 10000 ms"'),
        ("FRAM:FETC? 0,1E999", '-222,"Data out of range;1E999"'),
        ("INIT 1E999", '-222,"Data out of range;1E999"'),
        ("CAM:WIDT 1E999", '-222,"Data out of range;1E999"'),
        ("TEMP?|0001|00000000", '-360,"Communication error;check sum of a line"'),
        (b"\xff\xfe\x00", '-113,"Undefined header;'),
    ],
)
def test_what_cannot_be_done_is_an_error_in_the_queue_and_changes_nothing(speak, said, error):
    speak("*CLS")
    before = speak("CAM:SETT?;TEMP:SETP?")
    speak(said)
    assert speak("SYST:ERR?").decode().startswith(error)
    assert speak("SYST:ERR?") == b'0,"No error"\n'
    assert speak("CAM:SETT?;TEMP:SETP?") == before


def test_a_failing_query_leaves_its_place_among_the_answers(speak):
    assert speak("TEMP?;PUMP:RATE?;CAM:WIDT?;SYST:ERR?") == b'25.0;;16;-241,"Hardware missing;no pump"\n'


def test_the_error_queue_overflows_as_scpi_says(speak):
    for _ in range(20):
        speak("NONSENSE")
    assert speak("SYST:ERR:COUN?") == b"16\n"
    errors = [speak("SYST:ERR?") for _ in range(16)]
    assert errors[-1] == b'-350,"Queue overflow"\n'


def test_a_checked_line_gets_a_checked_answer_and_a_damaged_one_is_refused_and_not_done(speak):
    assert read_checked_line(speak(checked_line("TEMP?", 0x17)[:-1])[:-1]) == ("25.0", 0x17)
    assert read_checked_line(speak(checked_line("TEMP:SETP 30", 0x18)[:-1])[:-1]) == ("", 0x18)
    damaged = checked_line("TEMP:SETP 20", 0x19)[:-1].replace(b"20", b"30")
    assert read_checked_line(speak(damaged)[:-1]) == ("?", 0)
    assert speak("TEMP:SETP?") == b"30.0\n"


def test_frames_come_one_by_one_until_they_are_acknowledged(speak):
    speak("INIT")
    time.sleep(0.1)
    for expected in (0, 1):
        header, pixels = block_of(speak("FRAM:FETC? 500"))
        assert header.sequence == expected
        assert header.flags == Flags.FRAME | Flags.ACQUIRING
        assert pixels == numbered_image(expected, (4, 16)).tobytes()
        assert header.payload_crc == zlib.crc32(pixels)
        assert (header.temperature_c, header.laser_mw) == (25.0, 50.0)
        assert header.exposure_ns == 5_000_000
    again = [block_of(speak("FRAM:FETC? 500,1"))[0] for _ in range(2)]
    assert [header.sequence for header in again] == [2, 2]  # the same query, the same frame
    assert block_of(speak("FRAM:FETC? 500,4"))[0].sequence == 5


def test_no_frame_in_time_is_a_block_without_one(speak):
    header, pixels = block_of(speak("FRAM:FETC? 0"))
    assert (header.flags, header.run, pixels) == (Flags(0), 0, b"")
    speak("INIT 2")
    for _ in range(2):
        block_of(speak("FRAM:FETC? 500"))
    header, _ = block_of(speak("FRAM:FETC? 500"))
    assert header.flags == Flags.END


def test_what_the_sensor_and_the_full_buffer_lose_is_counted_before_the_next_frame(speak):
    speak.interpreter._camera.lost = (1, 2)
    speak("CAM:BUFF 3;INIT 8")
    time.sleep(0.3)
    header, _ = block_of(speak("FRAM:FETC? 500"))
    assert (header.sequence, header.dropped) == (7, 7)  # 0 and 3 to 6 overwritten, 1 and 2 never there


def _failing(error):
    def fail(*_):
        raise error

    return fail


def test_a_knob_that_does_not_answer_is_left_out_and_the_frames_go_on(speak, monkeypatch):
    thermostat = speak.interpreter._values._knobs["temperature_c"]
    monkeypatch.setattr(thermostat, "get", _failing(DeviceTimeout("no answer")))
    speak("INIT 3")
    headers = [block_of(speak("FRAM:FETC? 500"))[0] for _ in range(4)]
    assert [header.flags & Flags.FRAME for header in headers] == [Flags.FRAME] * 3 + [Flags(0)]
    assert [header.sequence for header in headers[:3]] == [0, 1, 2]
    assert headers[3].flags == Flags.END
    for header in headers:
        assert math.isnan(header.temperature_c)
        assert header.laser_mw == 50.0


@pytest.mark.parametrize("place", ["read", "stop"])
@pytest.mark.parametrize(
    ("error", "words"), [(DeviceLost("the cable is out"), "the cable is out"), (KeyError("bug"), "KeyError")]
)
def test_whatever_breaks_the_camera_is_a_fault_that_is_told(speak, monkeypatch, place, error, words):
    with monkeypatch.context() as broken:
        broken.setattr(speak.interpreter._camera, place, _failing(error))
        speak("INIT 1")
        header, _ = block_of(speak("FRAM:FETC? 500,0"))
        assert Flags.FAULT in header.flags
        assert Flags.ACQUIRING not in header.flags
        assert words.encode() in speak("CAM:FAUL?")
    speak("INIT 1")  # opens the device again
    assert Flags.FRAME in block_of(speak("FRAM:FETC? 500,-1"))[0].flags
    assert speak("CAM:FAUL?;SYST:ERR?") == b'"";0,"No error"\n'


def test_when_the_end_is_told_the_camera_can_be_had_at_once(speak, monkeypatch):
    camera = speak.interpreter._camera
    stop = camera.stop
    monkeypatch.setattr(camera, "stop", lambda: (time.sleep(0.2), stop())[1])
    speak("INIT 1")
    header, _ = block_of(speak("FRAM:FETC? 500,0"))
    assert header.flags == Flags.END
    assert speak("CAM:EXP 0.002;CAM:EXP?;SYST:ERR?") == b'0.002;0,"No error"\n'


def test_pictures_for_clients_that_know_blocks_only(speak):
    for line in ("IMAG:DATA?", "CAM:DEPT 12;IMAG:DATA?"):
        answer = speak(line)
        image = numbered_image(0, (4, 16), 12 if "12" in line else 8)
        assert answer == b"#%d%d" % (len(str(image.nbytes)), image.nbytes) + image.tobytes() + b"\n"
        assert speak("IMAG:CRC?") == b"%08X\n" % zlib.crc32(image.tobytes())
    speak("INIT")
    assert len(speak("IMAG:DATA?")) == 128 + len("#3128\n")
    _, request = read_checked_line(speak(checked_line("IMAG:DATA?", 5)[:-1])[:-1])
    assert request == 5
    assert b"unchecked" in speak("SYST:ERR?")


def test_device_time_is_that_of_the_camera(speak):
    speak("INIT")
    first, _ = block_of(speak("FRAM:FETC? 500"))
    second, _ = block_of(speak("FRAM:FETC? 500"))
    assert second.device_time_ns - first.device_time_ns == 10_000_000
    raw = speak("FRAM:FETC? 500")
    assert struct.unpack_from("<Q", raw, 2 + int(raw[1:2]) + 16) == (2,)


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command.short)
def test_every_command_of_the_table_is_understood_in_both_forms(speak, command):
    long = command.header.replace("[:NEXT]", "")
    for header in (long, command.short.replace("[:NEXT]", ""), long.lower(), f":{long}"):
        assert find_command(header) is command
    if command.query is not None:
        speak("*CLS")
        speak(f"{long}?")
        assert b"-113" not in speak("SYST:ERR?")
