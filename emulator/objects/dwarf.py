# SPDX-License-Identifier: GPL-2.0-only
"""Source places out of an object's .debug_line, whose addresses are yet to be relocated."""

from __future__ import annotations

from collections.abc import Mapping

from emulator import elf
from emulator.assembly import fixups
from emulator.elf import layout
from emulator.errors import Place
from emulator.objects.cursor import Damaged
from emulator.objects.line_program import Lines, read_lines
from emulator.objects.relocatable import Relocatable

LINE = ".debug_line"
MOST_BYTES = 1 << 22
"""The largest .debug_line, in bytes; arch/x86/kernel/ftrace.o has 20,000."""
BASE = 0x10000
"""The sections of code lie in a row from here, so that their rows can be told apart."""


class Places:
    """Where the instructions of an object come from, by section and offset."""

    def __init__(self, file: str, bases: Mapping[str, int], lines: Lines) -> None:
        self._file, self._bases, self._lines = file, bases, lines

    def at(self, section: str, offset: int) -> Place:
        """The source's file and line, else the object and section+offset, as a disassembler counts."""
        known = self._lines.at(self._bases[section] + offset)
        return known or Place(self._file, at=f"{section}+{offset:#x}")


def source_places(found: Relocatable) -> Places:
    """The places of all code. Raises InputError, with file and offset, where .debug_line is damaged."""
    rows, at = {}, BASE
    for number, header in found.headers.items():
        if header.flags & layout.SHF_EXECINSTR:
            rows[number] = at
            at += header.size + BASE - header.size % BASE
    lines = Lines()
    for section in found.file.sections:
        if section.name == LINE:
            _read(found, section, rows, lines)
    return Places(found.file.name, {found.names[number]: base for number, base in rows.items()}, lines)


def _read(found: Relocatable, section: elf.Section, rows: Mapping[int, int], lines: Lines) -> None:
    strings = found.file.section(".debug_line_str")
    names = bytes(found.file.plain(strings, MOST_BYTES)) if strings else b""
    try:
        read_lines(lines, _relocated(found, section, rows), names, found.file.byteorder)
    except Damaged as error:
        where = section.offset + (0 if section.flags & layout.SHF_COMPRESSED else error.at)
        raise found.file.wrong(f"{LINE} is damaged: {error} (strip --strip-debug removes it)", where) from None


def _relocated(found: Relocatable, section: elf.Section, rows: Mapping[int, int]) -> bytearray:
    """The bytes of .debug_line with the sections of code at these addresses."""
    data = bytearray(found.file.plain(section, MOST_BYTES))
    for relocation, kind, table in found.relocations(section.number):
        entry = found.entry(relocation, section.name, table)
        value = rows.get(entry.section, 0) + (entry.symbol.value if entry.symbol else 0)
        try:
            addend = relocation.addend
            addend = fixups.addend(kind, data, relocation.offset) if addend is None else addend
            fixups.apply(kind, data, relocation.offset, symbol=value, addend=addend, place=relocation.offset)
        except fixups.FixupError as error:
            raise found.file.wrong(f"{LINE}+{relocation.offset:#x}: {error}", table.offset) from None
    return data
