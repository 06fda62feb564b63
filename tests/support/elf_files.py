# SPDX-License-Identifier: GPL-2.0-only
"""A small ELF writer, so that tests need no tool: either class and byte order, objects and images, REL and RELA.

    elf = ElfFile(bits=64, machine=62)
    text = elf.section(".text", b"\xe8\0\0\0\0\xc3", flags=ALLOC | EXEC)
    elf.symbol("start", section=text, type=FUNC)
    elf.relocation(text, 1, 4, "far", -4)
    path.write_bytes(elf.written())

Names are merged by their tails as linkers do, so that "caller" is the end of "ftrace_caller". Symbols that only
relocations name are undefined ones.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

REL_FILE, EXEC_FILE, DYN_FILE = 1, 2, 3
PROGBITS, SYMTAB, STRTAB, RELA, NOTE, NOBITS, REL = 1, 2, 3, 4, 7, 8, 9
WRITE, ALLOC, EXEC, COMPRESSED = 1, 2, 4, 1 << 11
NOTYPE, OBJECT, FUNC, SECTION, FILE = 0, 1, 2, 3, 4
LOCAL, GLOBAL, WEAK = 0, 1, 2
UNDEF, ABS = 0, 0xFFF1


@dataclass
class Part:
    """A section: what its header says, and its bytes. `size` overrides what the header says of their number."""

    name: str
    data: bytes = b""
    type: int = PROGBITS
    flags: int = 0
    address: int = 0
    link: int = 0
    info: int = 0
    align: int = 1
    entry_size: int = 0
    size: int | None = None
    number: int = 0


@dataclass
class Name:
    """A symbol."""

    name: str
    value: int = 0
    section: int = UNDEF
    size: int = 0
    type: int = NOTYPE
    binding: int = GLOBAL


@dataclass
class ElfFile:
    """What is to be written; `written()` writes it. Nothing is checked: damaged files are made here too."""

    bits: int = 64
    machine: int = 62
    kind: int = REL_FILE
    big_endian: bool = False
    entry: int = 0
    stripped: bool = False
    sections: list[Part] = field(default_factory=list)
    symbols: list[Name] = field(default_factory=list)
    segments: list[tuple[int, ...]] = field(default_factory=list)
    """(type, flags, offset, address, physical address, bytes in the file, in memory, align)."""
    _relocations: list[tuple[int, int, int, str, int | None]] = field(default_factory=list)

    def section(self, name: str, data: bytes = b"", **header: Any) -> int:
        """Add a section; its index."""
        self.sections.append(Part(name, data, number=len(self.sections) + 1, **header))
        return len(self.sections)

    def symbol(self, name: str, value: int = 0, **entry: Any) -> None:
        """Add a symbol, global and without a type if nothing else is said."""
        self.symbols.append(Name(name, value, **entry))

    def relocation(self, section: int, offset: int, kind: int, symbol: str, addend: int | None = None) -> None:
        """Add a relocation: to .rela.NAME with an addend, else to .rel.NAME, the addend being in the field."""
        self._relocations.append((section, offset, kind, symbol, addend))

    def words(self, *values: int) -> bytes:
        """Words of this class and byte order, for the data of sections."""
        return struct.pack(f"{self._order}{len(values)}{self._word}", *(value % (1 << self.bits) for value in values))

    # -- writing ------------------------------------------------------------------------------------------------------

    @property
    def _order(self) -> str:
        return ">" if self.big_endian else "<"

    @property
    def _word(self) -> str:
        return "Q" if self.bits == 64 else "I"

    def written(self) -> bytes:
        """The file: header, program headers, sections, section headers."""
        parts = [Part("", type=0), *self.sections, *self._symbol_parts()]
        names = strings(part.name for part in [*parts, Part(".shstrtab")])
        parts.append(Part(".shstrtab", names, STRTAB))
        head, size = (64, 64) if self.bits == 64 else (52, 40)
        at = head + len(self.segments) * (56 if self.bits == 64 else 32)
        body, headers = bytearray(), bytearray()
        for part in parts:
            body += bytes(-(at + len(body)) % max(part.align, 1))
            headers += self._header(part, names, at + len(body))
            body += part.data if part.type != NOBITS else b""
        body += bytes(-(at + len(body)) % 8)
        start = struct.pack(
            f"{self._order}HHI3{self._word}I6H",
            self.kind, self.machine, 1, self.entry, head if self.segments else 0, at + len(body), 0,
            head, (56 if self.bits == 64 else 32) if self.segments else 0, len(self.segments), size,
            len(parts), len(parts) - 1,
        )  # fmt: skip
        ident = b"\x7fELF" + bytes([self.bits // 32, 2 if self.big_endian else 1, 1]) + bytes(9)
        return ident + start + self._program_headers() + bytes(body + headers)

    def _header(self, part: Part, names: bytes, at: int) -> bytes:
        return struct.pack(
            f"{self._order}II4{self._word}II2{self._word}", offset_of(names, part.name), part.type, part.flags,
            part.address, at, len(part.data) if part.size is None else part.size, part.link, part.info, part.align,
            part.entry_size,
        )  # fmt: skip

    def _program_headers(self) -> bytes:
        if self.bits == 64:
            return b"".join(struct.pack(f"{self._order}2I6Q", *segment) for segment in self.segments)
        order = (0, 2, 3, 4, 5, 6, 1, 7)
        return b"".join(struct.pack(f"{self._order}8I", *(one[at] for at in order)) for one in self.segments)

    def _symbol_parts(self) -> list[Part]:
        """The sections .symtab, .strtab and those of relocations."""
        if self.stripped:
            return []
        known = {symbol.name for symbol in self.symbols}
        wanted = dict.fromkeys(name for *_, name, _ in self._relocations if name not in known)
        every = [Name("", binding=LOCAL), *self.symbols, *map(Name, wanted)]
        every.sort(key=lambda symbol: symbol.binding != LOCAL)
        names, first = strings(symbol.name for symbol in every), len(self.sections) + 1
        table = b"".join(self._entry(symbol, names) for symbol in every)
        local = sum(symbol.binding == LOCAL for symbol in every)
        size, align = (24, 8) if self.bits == 64 else (16, 4)
        parts = [
            Part(".symtab", table, SYMTAB, link=first + 1, info=local, align=align, entry_size=size),
            Part(".strtab", names, STRTAB),
        ]
        return [*parts, *self._relocation_parts([symbol.name for symbol in every], first)]

    def _entry(self, symbol: Name, names: bytes) -> bytes:
        name, info = offset_of(names, symbol.name), symbol.binding << 4 | symbol.type
        value = symbol.value % (1 << self.bits)
        if self.bits == 64:
            return struct.pack(f"{self._order}IBBHQQ", name, info, 0, symbol.section, value, symbol.size)
        return struct.pack(f"{self._order}IIIBBH", name, value, symbol.size, info, 0, symbol.section)

    def _relocation_parts(self, names: list[str], table: int) -> list[Part]:
        found: dict[tuple[int, bool], bytes] = {}
        for section, offset, kind, symbol, addend in self._relocations:
            info = names.index(symbol) << (32 if self.bits == 64 else 8) | kind
            values = [offset, info] if addend is None else [offset, info, addend]
            key = section, addend is not None
            found[key] = found.get(key, b"") + self.words(*values)
        parts = []
        for (section, explicit), data in found.items():
            name, kind = (".rela", RELA) if explicit else (".rel", REL)
            entry = (3 if explicit else 2) * self.bits // 8
            target = self.sections[section - 1].name
            parts.append(Part(name + target, data, kind, link=table, info=section, align=4, entry_size=entry))
        return parts


def strings(names: Iterable[str]) -> bytes:
    """A string table in which a name that ends another one has no place of its own."""
    table = b"\0"
    for name in sorted(set(names), key=len, reverse=True):
        if name.encode() + b"\0" not in table:
            table += name.encode() + b"\0"
    return table


def offset_of(table: bytes, name: str) -> int:
    """Where a name can be read in a string table."""
    return table.index(name.encode() + b"\0")
