# SPDX-License-Identifier: GPL-2.0-only
"""Guest memory: regions, words in both byte orders, and the notes that it keeps of writes."""

from __future__ import annotations

import pytest

from emulator.machine.memory import PAGE, Memory, Region


@pytest.fixture
def memory():
    text = Region("text", 0x1000, 10, executable=True)
    data = Region("data", 0x2000, PAGE + 1, writable=True)
    stack = Region("stack", 0x8000, PAGE, writable=True, scratch=True)
    return Memory((text, data, stack), word=4, big_endian=False)


def test_a_region_is_whole_pages(memory):
    assert [region.size for region in memory.regions] == [PAGE, 2 * PAGE, PAGE]
    assert memory.regions[1].end == 0x2000 + 2 * PAGE


def test_what_was_written_is_read(memory):
    memory.write(0x2FFE, b"abcd")
    assert memory.read(0x2FFD, 6) == b"\0abcd\0"


@pytest.mark.parametrize(("address", "size"), [(0xFFF, 1), (0xFFF, 2), (0x3FFF, 2), (0x7FFF, 1), (0x8FFD, 4)])
def test_what_is_not_mapped_or_not_in_one_region_is_refused(memory, address, size):
    assert memory.region(address, size) is None
    with pytest.raises(IndexError, match=hex(address)):
        memory.read(address, size)
    with pytest.raises(IndexError, match=hex(address)):
        memory.write(address, bytes(size))


def test_regions_side_by_side_are_told_apart(memory):
    for address, name in ((0x1FFF, "text"), (0x2000, "data"), (0x1FFF, "text"), (0x8000, "stack")):
        assert memory.region(address).name == name


@pytest.mark.parametrize(("big_endian", "expected"), [(False, b"\x44\x33\x22\x11"), (True, b"\x11\x22\x33\x44")])
def test_words_have_the_byte_order_of_the_machine(big_endian, expected):
    memory = Memory((Region("data", 0, 1),), word=4, big_endian=big_endian)
    memory.write_word(8, 0x99_1122_3344)
    assert memory.read(8, 4) == expected
    assert memory.read_word(8) == 0x11223344
    assert memory.read_word(8, 2) == int.from_bytes(expected[:2], "big" if big_endian else "little")


def test_writes_are_noted(memory):
    memory.write(0x1004, b"code")
    memory.write(0x2000, b"data")
    memory.write(0x8000, b"stack")
    assert memory.patches == [(0x1004, 0x1008)]
    assert memory.written == [(0x1004, 0x1008), (0x2000, 0x2004), (0x8000, 0x8005)]
    assert memory.version == 2


def test_restore_puts_back_what_differs_and_nothing_else(memory):
    memory.write(0x1000, b"code")
    memory.write(0x2000, b"data")
    before, version = memory.contents(), memory.version
    assert set(before) == {"text", "data"}
    memory.restore(before)
    assert memory.version == version
    memory.write(0x1002, b"XX")
    memory.write(0x8000, b"stays")
    memory.restore(before)
    assert memory.contents() == before
    assert memory.read(0x8000, 5) == b"stays"
    assert memory.patches[-1] == (0x1000, 0x2000)
