# SPDX-License-Identifier: GPL-2.0-only
"""An executable ELF file, written for debuggers (the System V gABI's names; elf.h's numbers)."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from typing import NamedTuple

from emulator.elf.layout import (
    ET_EXEC,
    MAGIC,
    SHF_ALLOC,
    SHF_EXECINSTR,
    SHF_WRITE,
    SHN_ABS,
    SHT_PROGBITS,
    SHT_STRTAB,
    SHT_SYMTAB,
    STB_GLOBAL,
    STB_LOCAL,
    STT_NOTYPE,
)

PT_LOAD, EV_CURRENT = 1, 1
PF_X, PF_W, PF_R = 1, 2, 4
PAGE = 4096


class Machine(NamedTuple):
    """What the file is for."""

    number: int
    word: int
    big_endian: bool = False
    flags: int = 0


class OutSection(NamedTuple):
    """A section; one with an address is loaded there."""

    name: str
    data: bytes
    address: int | None = None
    writable: bool = False
    executable: bool = False

    @property
    def flags(self) -> int:
        """sh_flags."""
        if self.address is None:
            return 0
        return SHF_ALLOC | (SHF_WRITE if self.writable else 0) | (SHF_EXECINSTR if self.executable else 0)


class OutSymbol(NamedTuple):
    """A name for an address; local ones come first in the file."""

    name: str
    address: int
    size: int = 0
    kind: int = STT_NOTYPE
    binding: int = STB_GLOBAL


class _Header(NamedTuple):
    """A section header, in its order."""

    name: int
    kind: int
    flags: int
    address: int
    offset: int
    size: int
    link: int
    info: int
    align: int
    entry_size: int


def write(machine: Machine, entry: int, sections: Sequence[OutSection], symbols: Sequence[OutSymbol]) -> bytes:
    """The file's bytes."""
    return _Writer(machine).file(entry, sections, symbols)


class _Writer:
    def __init__(self, machine: Machine) -> None:
        self._machine, self._wide = machine, machine.word == 8
        self._order = ">" if machine.big_endian else "<"
        self._names = _Strings()
        self._headers = [_Header(0, 0, 0, 0, 0, 0, 0, 0, 0, 0)]
        self._body = bytearray()

    def _pack(self, codes: str, *values: int) -> bytes:
        """W is a word."""
        return struct.pack(self._order + codes.replace("W", "Q" if self._wide else "I"), *values)

    @property
    def _sizes(self) -> tuple[int, int, int, int]:
        """Of the file header, a program header, a section header, a symbol."""
        return (64, 56, 64, 24) if self._wide else (52, 32, 40, 16)

    def file(self, entry: int, sections: Sequence[OutSection], symbols: Sequence[OutSymbol]) -> bytes:
        header, program, section, size = self._sizes
        loaded = [item for item in sections if item.address is not None]
        self._body = bytearray(header + program * len(loaded))
        segments = b"".join(self._program(item, self._add(item)) for item in sections if item.address is not None)
        for item in sections:
            if item.address is None:
                self._add(item)
        self._symbols(sorted(symbols, key=lambda symbol: symbol.binding), [*loaded], size)
        start, names = self._put(self._pack_headers(), self._machine.word), len(self._headers) - 1
        numbers = header, program, len(loaded), section, len(self._headers), names
        self._body[:header] = self._file_header(entry, header, start, numbers)
        self._body[header : header + len(segments)] = segments
        return bytes(self._body)

    def _put(self, data: bytes, align: int, phase: int = 0) -> int:
        """Append; where it begins: at a multiple of `align`, plus `phase`."""
        self._body += bytes((phase - len(self._body)) % align)
        at = len(self._body)
        self._body += data
        return at

    def _add(self, section: OutSection) -> int:
        """Append a section; where its data begin."""
        loaded = section.address is not None
        address = section.address or 0
        at = self._put(section.data, PAGE if loaded else 1, address % PAGE)
        align = 16 if loaded and not address % 16 else 1
        self._headers.append(
            _Header(
                self._names.add(section.name),
                SHT_PROGBITS,
                section.flags,
                address,
                at,
                len(section.data),
                0,
                0,
                align,
                0,
            )
        )
        return at

    def _program(self, section: OutSection, at: int) -> bytes:
        flags = PF_R | (PF_W if section.writable else 0) | (PF_X if section.executable else 0)
        address, size = section.address or 0, len(section.data)
        if self._wide:
            return self._pack("IIWWWWWW", PT_LOAD, flags, at, address, address, size, size, PAGE)
        return self._pack("IWWWWWIW", PT_LOAD, at, address, address, size, size, flags, PAGE)

    def _symbols(self, symbols: Sequence[OutSymbol], loaded: Sequence[OutSection], size: int) -> None:
        names, table = _Strings(), bytes(size)
        for symbol in symbols:
            table += self._symbol(symbol, names.add(symbol.name), _section_of(symbol.address, loaded))
        local = 1 + sum(symbol.binding == STB_LOCAL for symbol in symbols)
        at, link = self._put(table, self._machine.word), len(self._headers) + 1
        header = _Header(
            self._names.add(".symtab"), SHT_SYMTAB, 0, 0, at, len(table), link, local, self._machine.word, size
        )
        self._headers.append(header)
        self._add_strings(".strtab", names)
        self._add_strings(".shstrtab", self._names)

    def _symbol(self, symbol: OutSymbol, name: int, section: int) -> bytes:
        info, value = symbol.binding << 4 | symbol.kind, symbol.address % (1 << 8 * self._machine.word)
        if self._wide:
            return self._pack("IBBHWW", name, info, 0, section, value, symbol.size)
        return self._pack("IWWBBH", name, value, symbol.size, info, 0, section)

    def _add_strings(self, name: str, strings: _Strings) -> None:
        number = self._names.add(name)
        at = self._put(strings.data, 1)
        self._headers.append(_Header(number, SHT_STRTAB, 0, 0, at, len(strings.data), 0, 0, 1, 0))

    def _pack_headers(self) -> bytes:
        return b"".join(self._pack("IIWWWWIIWW", *header) for header in self._headers)

    def _file_header(self, entry: int, size: int, sections: int, numbers: tuple[int, ...]) -> bytes:
        program, program_size, programs, section_size, section_count, names = numbers
        ident = MAGIC + bytes((2 if self._wide else 1, 2 if self._machine.big_endian else 1, EV_CURRENT)) + bytes(9)
        first = ET_EXEC, self._machine.number, EV_CURRENT, entry, program, sections, self._machine.flags
        last = size, program_size, programs, section_size, section_count, names
        return ident + self._pack("HHIWWWI", *first) + self._pack("6H", *last)


def _section_of(address: int, loaded: Sequence[OutSection]) -> int:
    """The number of the section that an address is in."""
    for number, section in enumerate(loaded, 1):
        start = section.address or 0
        if start <= address < start + len(section.data):
            return number
    return SHN_ABS


class _Strings:
    """A string table."""

    def __init__(self) -> None:
        self.data = b"\0"

    def add(self, name: str) -> int:
        """Where the name begins."""
        at = len(self.data)
        self.data += name.encode() + b"\0"
        return at
