# SPDX-License-Identifier: GPL-2.0-only
"""Which unit of .debug_info tells of an address: .debug_aranges (DWARF 5, section 6.1.2)."""

from __future__ import annotations

import struct
from collections.abc import Iterator

from emulator.elf import Elf, Section

VERSION = 2
LONG = 0xFFFFFFFF
"""The first word of what has offsets of 64 bits."""
WORDS = {4: "II", 8: "QQ"}


def unit_of(elf: Elf, section: Section, address: int) -> int | None:
    """The offset of the unit in .debug_info; None where none has the address. Raises InputError where it is damaged.

    Takes one look at each range: no longer than the section is large.
    """
    at, end = section.offset, section.offset + section.size
    while at < end:
        (length,), head = elf.unpack("I", at, ".debug_aranges"), 4
        if length == LONG:
            (length,), head = elf.unpack("Q", at + 4, ".debug_aranges"), 12
        following = at + head + length
        if following > end:
            raise elf.wrong(f".debug_aranges has a table of {length} bytes, beyond its end", at)
        unit, ranges = _table(elf, at, head, following)
        if any(start <= address < start + size for start, size in ranges):
            return unit
        at = following
    return None


def _table(elf: Elf, at: int, head: int, end: int) -> tuple[int, Iterator[tuple[int, ...]]]:
    """A table's unit, and (address, size) of what that tells of; they begin at a multiple of their own size."""
    form = "HIBB" if head == 4 else "HQBB"
    version, unit, word, segment = elf.unpack(form, at + head, ".debug_aranges")
    if version != VERSION or word not in WORDS or segment:
        what = f"version {version}, addresses of {word} bytes and segments of {segment}"
        raise elf.wrong(f".debug_aranges has a table of {what}", at)
    size = struct.calcsize("=" + form) + head
    first = at + size + -size % (2 * word)
    count = max(end - first, 0) // (2 * word)
    return unit, struct.iter_unpack(elf.order + WORDS[word], elf.view[first : first + count * 2 * word])
