# SPDX-License-Identifier: GPL-2.0-only
"""An ELF file of either class and byte order: headers, the bytes of sections, symbols, relocations."""

from __future__ import annotations

import mmap
import struct
import zlib
from collections.abc import Iterable, Iterator
from functools import cached_property
from typing import Literal

from emulator.elf.layout import (
    CLASSES,
    EI_CLASS,
    EI_DATA,
    EI_NIDENT,
    ELFCOMPRESS_ZLIB,
    MAGIC,
    ORDERS,
    SHF_COMPRESSED,
    SHN_XINDEX,
    SHT_NOBITS,
    SHT_NULL,
    SHT_RELA,
    SHT_SYMTAB,
    Layout,
    Relocation,
    Section,
    Segment,
    Symbol,
)
from emulator.elf.strings import Strings
from emulator.errors import InputError, Place
from emulator.spans import inside

MOST_SECTIONS = 1 << 17
MOST_SYMBOLS = 1 << 22
"""Thirty times what a distribution's vmlinux has."""
MOST_RELOCATIONS = 1 << 22


class Elf:
    """A file whose headers are sound. Raises InputError, with file and offset, here and in every method.

    Sections are known to lie within the file; what stands in them is checked when it is asked for.
    """

    def __init__(self, data: bytes | mmap.mmap, name: str) -> None:
        self.name, self.data, self.size = name, data, len(data)
        self.view = memoryview(data)
        self.layout, self.order = self._ident()
        header = self.unpack(self.layout.header, EI_NIDENT, "the ELF header")
        self.type, self.machine, _, self.entry, self._segments_at, self._sections_at, self.flags = header[:7]
        self._segment_size, self._segment_count, self._section_size, self._section_count, self._names = header[8:]

    def _ident(self) -> tuple[Layout, str]:
        ident = self.data[:EI_NIDENT]
        if not ident:
            raise self.wrong("is empty", 0)
        if ident[: len(MAGIC)] != MAGIC:
            raise self.wrong(f"is no ELF file: it begins with {ident[:4].hex(' ')}", 0)
        if len(ident) < EI_NIDENT:
            raise self.wrong(f"ends within the ELF header, after {len(ident)} bytes", 0)
        if ident[EI_CLASS] not in CLASSES:
            raise self.wrong(f"is of ELF class {ident[EI_CLASS]}, which is neither 1 (32 bits) nor 2 (64)", EI_CLASS)
        if ident[EI_DATA] not in ORDERS:
            raise self.wrong(f"has byte order {ident[EI_DATA]}, which is neither 1 (little) nor 2 (big)", EI_DATA)
        return CLASSES[ident[EI_CLASS]], ORDERS[ident[EI_DATA]]

    @property
    def bits(self) -> int:
        """The class: 32 or 64."""
        return self.layout.bits

    @property
    def big_endian(self) -> bool:
        """Whether the highest byte of a number comes first."""
        return self.order == ">"

    @property
    def byteorder(self) -> Literal["little", "big"]:
        """The same as int.from_bytes() wants it."""
        return "big" if self.big_endian else "little"

    # -- bytes --------------------------------------------------------------------------------------------------------

    def wrong(self, message: str, offset: int) -> InputError:
        """The error that says what is wrong at an offset of the file."""
        return InputError(message, Place(self.name, at=f"{offset:#x}"))

    def unpack(self, form: str, offset: int, what: str) -> tuple[int, ...]:
        """The numbers at an offset of the file, in its byte order."""
        size = struct.calcsize(self.order + form)
        self.expect(offset, size, what)
        return struct.unpack_from(self.order + form, self.data, offset)

    def expect(self, offset: int, size: int, what: str) -> None:
        """Raise InputError where [offset, offset + size) does not lie within the file."""
        if offset + size > self.size:
            end = offset + size
            raise self.wrong(f"{what} ends at {end:#x}, beyond the end of the file at {self.size:#x}", offset)

    def contents(self, section: Section) -> memoryview:
        """The bytes of a section as they stand in the file, not copied; none where it has none there."""
        if section.type in (SHT_NOBITS, SHT_NULL):
            return memoryview(b"")
        return self.view[section.offset : section.offset + section.size]

    def plain(self, section: Section, limit: int) -> bytes | memoryview:
        """The bytes of a section, inflated where it is SHF_COMPRESSED. Raises InputError beyond `limit` bytes."""
        data, form = self.contents(section), self.order + self.layout.compression
        if section.flags & SHF_COMPRESSED and section.type != SHT_NOBITS:
            head = struct.calcsize(form)
            if len(data) < head:
                raise self.wrong(f"section {section.name} is too short for a compressed one", section.offset)
            kind, size = struct.unpack_from(form, data)
            if kind != ELFCOMPRESS_ZLIB:
                raise self.wrong(f"section {section.name} is compressed in way {kind}, not 1 (zlib)", section.offset)
            return self._inflated(section, data[head:], size, limit)
        if len(data) > limit:
            raise self.wrong(f"section {section.name} holds more than {limit} bytes", section.offset)
        return data

    def _inflated(self, section: Section, data: memoryview, size: int, limit: int) -> bytes:
        if size > limit:
            raise self.wrong(f"section {section.name} inflates to {size} bytes, more than {limit}", section.offset)
        try:
            found = zlib.decompressobj().decompress(data, size) if size else b""
        except zlib.error as error:
            raise self.wrong(f"section {section.name} cannot be inflated: {error}", section.offset) from None
        if len(found) != size:
            raise self.wrong(f"section {section.name} inflates to {len(found)} bytes, not {size}", section.offset)
        return found

    def entries(self, section: Section, form: str, most: int) -> Iterator[tuple[int, ...]]:
        """The equal entries that a section consists of."""
        data, size = self.contents(section), struct.calcsize(self.order + form)
        if section.entry_size not in (0, size):
            raise self.wrong(f"section {section.name} has entries of {section.entry_size} bytes", section.offset)
        if len(data) % size:
            raise self.wrong(f"section {section.name} is no multiple of {size} bytes long", section.offset)
        if len(data) // size > most:
            raise self.wrong(f"section {section.name} has more than {most} entries", section.offset)
        return struct.iter_unpack(self.order + form, data)

    # -- headers ------------------------------------------------------------------------------------------------------

    @cached_property
    def sections(self) -> tuple[Section, ...]:
        """Every section, by its index."""
        raw = self._raw_sections()
        if not raw:
            return ()
        index = raw[0][6] if self._names == SHN_XINDEX else self._names
        if index >= len(raw):
            raise self.wrong(f"section {index}, which is to hold the names of sections, does not exist", 0)
        names = self._strings(index, raw[index][1], raw[index][4], raw[index][5])
        return tuple(self._section(number, values, names) for number, values in enumerate(raw))

    def _raw_sections(self) -> list[tuple[int, ...]]:
        start, count, size = self._sections_at, self._section_count, struct.calcsize(self.order + self.layout.section)
        if start == 0:
            return []
        if self._section_size != size:
            raise self.wrong(f"section headers are {self._section_size} bytes long, not {size}", start)
        if count == 0:  # more than 0xff00 of them: the number stands in the first one
            count = self.unpack(self.layout.section, start, "the first section header")[5]
        if count > MOST_SECTIONS:
            raise self.wrong(f"{count} sections are more than {MOST_SECTIONS}", start)
        self.expect(start, count * size, "the table of sections")
        return list(struct.iter_unpack(self.order + self.layout.section, self.view[start : start + count * size]))

    def _section(self, number: int, values: tuple[int, ...], names: Strings) -> Section:
        try:
            section = Section(number, names.at(values[0]), *values[1:])
        except ValueError as error:
            raise self.wrong(f"section {number}: {error}", self._sections_at) from None
        if section.type not in (SHT_NOBITS, SHT_NULL):
            self.expect(section.offset, section.size, f"section {section.name or number}")
        return section

    def _strings(self, index: int, kind: int, offset: int, size: int) -> Strings:
        if kind in (SHT_NOBITS, SHT_NULL):
            raise self.wrong(f"section {index} is to hold names, and has no bytes", self._sections_at)
        self.expect(offset, size, f"section {index}, a string table,")
        return Strings(self.data, offset, size)

    def section(self, name: str) -> Section | None:
        """The first section of that name."""
        return next((section for section in self.sections if section.name == name), None)

    @cached_property
    def segments(self) -> tuple[Segment, ...]:
        """Every program header; none in an object. Their bytes need not lie within the file."""
        start, count, form = self._segments_at, self._segment_count, self.order + self.layout.segment
        if start == 0 or count == 0:
            return ()
        if self._segment_size != struct.calcsize(form):
            raise self.wrong(f"program headers are {self._segment_size} bytes long", start)
        self.expect(start, count * self._segment_size, "the table of program headers")
        fields = self.layout.segment_fields
        found = struct.iter_unpack(form, self.view[start : start + count * self._segment_size])
        return tuple(Segment(**dict(zip(fields, values, strict=True))) for values in found)

    # -- symbols ------------------------------------------------------------------------------------------------------

    @cached_property
    def symbol_table(self) -> Section | None:
        """The section .symtab, by its type; None in a stripped file."""
        return next((section for section in self.sections if section.type == SHT_SYMTAB), None)

    def symbols(self) -> Iterator[Symbol]:
        """Every entry of the symbol table in its order, the empty first one and nameless ones too."""
        if self.symbol_table is None:
            return
        names, order = self._names_of(self.symbol_table), self._symbol_order
        for values in self.entries(self.symbol_table, self.layout.symbol, MOST_SYMBOLS):
            name, value, size, info, other, section = (values[at] for at in order)
            yield Symbol(self._name(names, name) if name else "", value, size, info, other, section)

    def symbols_named(self, names: Iterable[str]) -> list[Symbol]:
        """The entries of these names in the order of the table; a name may have several, or none.

        No other name is looked at: a tenth of a second for the largest of kernels.
        """
        if self.symbol_table is None:
            return []
        try:
            wanted = self._names_of(self.symbol_table).offsets(names)
        except ValueError as error:
            raise self.wrong(str(error), self.symbol_table.offset) from None
        order = self._symbol_order
        found = []
        for values in self.entries(self.symbol_table, self.layout.symbol, MOST_SYMBOLS):
            if values[0] in wanted:  # the name comes first in both classes
                _, value, size, info, other, section = (values[at] for at in order)
                found.append(Symbol(wanted[values[0]], value, size, info, other, section))
        return found

    def symbols_within(self, spans: Iterable[tuple[int, int]]) -> list[Symbol]:
        """The entries whose values lie in one of the ranges [start, end), in the order of the table.

        No other name is looked at.
        """
        if self.symbol_table is None:
            return []
        names, order, wanted = self._names_of(self.symbol_table), self._symbol_order, inside(spans)
        found = []
        for values in self.entries(self.symbol_table, self.layout.symbol, MOST_SYMBOLS):
            if wanted(values[order[1]]):
                name, value, size, info, other, section = (values[at] for at in order)
                found.append(Symbol(self._name(names, name) if name else "", value, size, info, other, section))
        return found

    @cached_property
    def _symbol_order(self) -> tuple[int, ...]:
        fields = self.layout.symbol_fields
        return tuple(fields.index(name) for name in ("name", "value", "size", "info", "other", "section"))

    def _names_of(self, table: Section) -> Strings:
        if table.link >= len(self.sections):
            raise self.wrong(f"{table.name} takes its names from section {table.link}, which does not exist", 0)
        strings = self.sections[table.link]
        return self._strings(strings.number, strings.type, strings.offset, strings.size)

    def _name(self, names: Strings, offset: int) -> str:
        try:
            return names.at(offset)
        except ValueError as error:
            raise self.wrong(f"a symbol: {error}", self.symbol_table.offset if self.symbol_table else 0) from None

    # -- relocations --------------------------------------------------------------------------------------------------

    def relocations(self, section: Section) -> Iterator[Relocation]:
        """The entries of a section of type SHT_RELA or SHT_REL."""
        bits = self.layout.type_bits
        mask = (1 << bits) - 1
        if section.type == SHT_RELA:
            for offset, info, addend in self.entries(section, self.layout.rela, MOST_RELOCATIONS):
                yield Relocation(offset, info & mask, info >> bits, addend)
        else:
            for offset, info in self.entries(section, self.layout.rel, MOST_RELOCATIONS):
                yield Relocation(offset, info & mask, info >> bits, None)
