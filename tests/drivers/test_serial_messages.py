"""What crosses the line, and finding it again in a damaged stream."""

import struct
import zlib
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from made.numbered_camera import numbered_image
from nta_drivers.serial_nta.message import (
    HEADER_BYTES,
    MAGIC,
    Flags,
    Header,
    block_prefix,
    checked_line,
    read_checked_line,
    read_header,
)
from nta_drivers.serial_nta.parser import Block, DamagedBlock, Line, Parser

SHAPE = (12, 16)


def frame_block(sequence, shape=SHAPE, **more):
    pixels = numbered_image(sequence, shape).tobytes()
    header = Header(
        run=1,
        request=7,
        flags=Flags.FRAME,
        sequence=sequence,
        width_px=shape[1],
        height_px=shape[0],
        payload_bytes=len(pixels),
        payload_crc=zlib.crc32(pixels),
        **more,
    )
    return block_prefix(HEADER_BYTES + len(pixels)) + header.pack() + pixels + b"\n"


def parsed(stream, sizes=(10_000,)):
    """Feed a stream in pieces and return its messages, the end of the stream included."""
    parser, messages, at = Parser(), [], 0
    while at < len(stream):
        size = sizes[len(messages) % len(sizes)]
        parser.feed(stream[at : at + size])
        messages += parser.messages()
        at += size
    return messages + list(parser.messages(final=True))


def whole(messages):
    return [
        m.header.sequence if isinstance(m, Block) else m.text for m in messages if isinstance(m, Block | Line)
    ]


def test_a_header_comes_back_as_it_was():
    header = Header(
        run=3,
        request=0xFFFF,
        flags=Flags.FRAME | Flags.ACQUIRING,
        sequence=2**40,
        device_time_ns=2**63,
        dropped=5,
        exposure_ns=15_000_000,
        bit_depth=12,
        width_px=640,
        height_px=480,
        temperature_c=25.0,
        laser_mw=50.0,
        pump_ul_min=1.5,
        focus_um=-3.0,
        payload_bytes=614_400,
        payload_crc=0xDEADBEEF,
    )
    assert read_header(header.pack()) == header
    assert len(header.pack()) == HEADER_BYTES == 88


def test_a_longer_header_of_a_later_version_is_read_and_what_is_new_passed_over():
    old = Header(
        run=1, request=2, flags=Flags(0), temperature_c=1.0, laser_mw=1.0, pump_ul_min=1.0, focus_um=1.0
    )
    fields = bytearray(old.pack()[:-4] + b"something new...")
    struct.pack_into("<H", fields, 6, len(fields) + 4)
    longer = bytes(fields) + struct.pack("<I", zlib.crc32(fields))
    assert read_header(longer) == replace(old, header_bytes=len(longer))


@pytest.mark.parametrize("bit", range(0, HEADER_BYTES * 8, 5))
def test_any_flipped_bit_of_a_header_is_found(bit):
    data = bytearray(Header(run=1, request=2, flags=Flags(1)).pack())
    data[bit // 8] ^= 1 << bit % 8
    assert read_header(bytes(data)) is None


@given(st.text(st.characters(codec="ascii", exclude_characters="\n")), st.integers(1, 0xFFFF))
def test_a_checked_line_comes_back_as_it_was(text, request):
    assert read_checked_line(checked_line(text, request)[:-1]) == (text, request)


@pytest.mark.parametrize(
    "damaged", [b"", b"TEMP?", b"TEMP?|0001", b"TEMP?|0001|00000000", b"|||", b"x|0001|zzzzzzzz"]
)
def test_lines_without_a_right_check_sum_are_none(damaged):
    assert read_checked_line(damaged) is None


pieces = st.one_of(
    st.integers(0, 1000).map(lambda k: (k, frame_block(k))),
    st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=40).map(
        lambda t: (t, checked_line(t, 1))
    ),
)
junk = st.binary(max_size=60).map(lambda data: data.replace(b"NTAF", b"NTAG") + b"\n")


@given(st.lists(st.tuples(junk, pieces), max_size=8), st.lists(st.integers(1, 400), min_size=1, max_size=5))
def test_every_whole_message_is_found_between_junk_in_pieces_of_any_size(stream, sizes):
    sent = [(what, noise + data) for noise, (what, data) in stream if "NTAF" not in str(what)]
    messages = parsed(b"".join(data for _, data in sent), sizes)
    assert whole(messages) == [what for what, _ in sent]


@given(st.data())
def test_damage_costs_what_it_hits_and_nothing_else(data):
    blocks = [frame_block(k) for k in range(5)]
    spoilt = data.draw(st.integers(0, 4))
    at = data.draw(st.integers(0, len(blocks[spoilt]) - 1))
    kind = data.draw(st.sampled_from(["flip", "lose", "insert", "cut"]))
    damaged = bytearray(blocks[spoilt])
    if kind == "flip":
        damaged[at] ^= 1 << data.draw(st.integers(0, 7))
    elif kind == "lose":
        del damaged[at : at + data.draw(st.integers(1, 20))]
    elif kind == "insert":
        damaged[at:at] = data.draw(st.binary(min_size=1, max_size=20))
    else:
        del damaged[at:]
    prefix = len(block_prefix(HEADER_BYTES + SHAPE[0] * SHAPE[1]))
    is_hit = blocks[spoilt][prefix:-1] not in damaged
    messages = parsed(b"".join([*blocks[:spoilt], bytes(damaged), *blocks[spoilt + 1 :]]))
    assert whole(messages) == [k for k in range(5) if not (is_hit and k == spoilt)]
    told = [m for m in messages if isinstance(m, DamagedBlock)]
    if is_hit and MAGIC in damaged:
        assert told
    if not is_hit and kind != "insert":
        assert not told


@settings(max_examples=200)
@given(
    st.lists(
        st.one_of(
            st.binary(max_size=200), st.sampled_from([MAGIC, b"|0001|00000000\n", frame_block(1)[:100]])
        )
    )
)
def test_no_stream_whatever_breaks_the_parser_or_makes_it_wait_for_ever(stream):
    parser = Parser()
    for data in stream:
        parser.feed(data)
        assert len(list(parser.messages())) <= len(data) + 200
    list(parser.messages(final=True))
    for k in range(3):
        parser.feed(frame_block(k))
    assert whole(list(parser.messages(final=True)))[-3:] == [0, 1, 2]


def test_a_long_junk_does_not_pile_up():
    parser = Parser()
    for _ in range(100):
        parser.feed(bytes(100_000))
        assert list(parser.messages()) == []
    assert len(parser._buffer) < 1_000_000


def test_pixels_are_owned_by_the_message():
    parser = Parser()
    parser.feed(frame_block(1))
    (one,) = parser.messages()
    parser.feed(frame_block(2))
    list(parser.messages())
    assert np.array_equal(np.frombuffer(one.payload, np.uint8).reshape(SHAPE), numbered_image(1, SHAPE))
