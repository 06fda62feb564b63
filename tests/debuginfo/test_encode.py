# SPDX-License-Identifier: GPL-2.0-only
"""Numbers as the DWARF document has them (figures 22 and 23), and lines and entries as readelf reads them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emulator.debuginfo import entries, frames, lines
from emulator.debuginfo.encode import Encoder, sleb, text, uleb
from emulator.debuginfo.entries import At, Entry, Form, Tag
from emulator.debuginfo.frames import Numbers, Place
from emulator.debuginfo.lines import Row
from emulator.unwind import Rule


@pytest.mark.parametrize(
    ("number", "data"),
    [(2, "02"), (127, "7f"), (128, "8001"), (129, "8101"), (130, "8201"), (12857, "b964"), (0, "00")],
)
def test_unsigned_numbers_of_the_document(number, data):
    assert uleb(number).hex() == data


@pytest.mark.parametrize(
    ("number", "data"),
    [
        (2, "02"),
        (-2, "7e"),
        (127, "ff00"),
        (-127, "817f"),
        (128, "8001"),
        (-128, "807f"),
        (129, "8101"),
        (-129, "ff7e"),
    ],
)
def test_signed_numbers_of_the_document(number, data):
    assert sleb(number).hex() == data


@given(st.integers(-(1 << 70), 1 << 70))
def test_signed_numbers_are_read_again(number):
    value = shift = 0
    data = sleb(number)
    for byte in data:
        value |= (byte & 0x7F) << shift
        shift += 7
    assert (value - (1 << shift) if data[-1] & 0x40 else value) == number


def test_strings_end_once():
    assert text("a\0b") == b"a?b\0"


@pytest.mark.parametrize("big", [False, True])
def test_a_unit_refers_to_its_own_entries(big):
    encoder = Encoder(4, big_endian=big)
    root = Entry(Tag.COMPILE_UNIT).named("unit")
    later = Entry(Tag.BASE_TYPE).named("int")
    root.child(Entry(Tag.VARIABLE).named("x").typed(later))
    root.child(later)
    sections = entries.encode([Entry(Tag.COMPILE_UNIT).named("another"), root], encoder)
    info = sections[".debug_info"]
    unit = info[int.from_bytes(info[:4], order := "big" if big else "little") + 4 :]
    at = unit.index(b"x\0") + 2
    place = int.from_bytes(unit[at : at + 4], order)
    assert unit[place + 1 :].startswith(b"int\0")
    assert int.from_bytes(unit[:4], order) == len(unit) - 4
    assert sections[".debug_abbrev"].count(bytes([Tag.COMPILE_UNIT])) == 2  # one has children


def test_an_attribute_of_another_form_is_our_own_mistake():
    with pytest.raises(TypeError, match="has not the form STRING"):
        entries.encode([Entry(Tag.VARIABLE).add(At.NAME, Form.STRING, 7)], Encoder(8, big_endian=False))


def test_rows_that_overlap_lose_what_others_have():
    rows = lines._apart([Row(0, 4, "a", 1), Row(2, 6, "a", 2), Row(3, 5, "a", 3)])
    assert rows == [Row(0, 4, "a", 1), Row(4, 6, "a", 2)]


def test_no_lines_and_no_frames_are_sections_too():
    encoder = Encoder(8, big_endian=False)
    assert lines.encode([], encoder)
    assert frames.encode([], Numbers({"rip": 16}, 7, "rip"), encoder)


def test_a_frame_above_the_stack_pointer_is_said_with_a_sign():
    place = Place(0x1000, 0x1004, Rule(-8, {}, frozenset({"rip"})))
    assert bytes([frames.DEF_CFA_SF, 7]) + sleb(-8) in frames.encode(
        [place], Numbers({"rip": 16}, 7, "rip"), Encoder(8, big_endian=False)
    )
