# SPDX-License-Identifier: GPL-2.0-only
"""Relocatable ELF objects (ET_REL), as GNU as writes them, read into a Piece. System V ABI, chapter 4.

Only what a loader needs: the sections that occupy memory, the symbols, the relocations. Every count in the file is
checked against the file's size before it is believed.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from emulator.assembly import fixups
from emulator.assembly.piece import Fixup, Piece, Section, Symbol
from emulator.errors import InputError, Place

MOST_BYTES = 1 << 24
"""The largest file, and the most that its sections may hold together (those of a sound file do not overlap)."""
LONGEST_NAME = 1 << 12

ET_REL = 1
SHT_SYMTAB, SHT_RELA, SHT_NOBITS, SHT_REL = 2, 4, 8, 9
SHF_WRITE, SHF_ALLOC, SHF_EXECINSTR = 1, 2, 4
SHN_UNDEF, SHN_ABS = 0, 0xFFF1
STT_FUNC, STT_SECTION, STT_FILE = 2, 3, 4
BINDINGS = {0: "local", 1: "global", 2: "weak"}


@dataclass(frozen=True, slots=True)
class Layout:
    """The struct formats of one ELF class; the order of a symbol's fields differs between the two."""

    header: str
    section: str
    symbol: str
    symbol_fields: tuple[str, ...]
    rel: str
    rela: str
    type_bits: int
    """Bits of r_info that hold the relocation's type."""


ELF32 = Layout(
    "16xHHIIIIIHHHHHH", "IIIIIIIIII", "IIIBBH", ("name", "value", "size", "info", "other", "at"), "II", "IIi", 8
)
ELF64 = Layout(
    "16xHHIQQQIHHHHHH", "IIQQQQIIQQ", "IBBHQQ", ("name", "info", "other", "at", "value", "size"), "QQ", "QQq", 32
)


@dataclass(frozen=True, slots=True)
class Header:
    """One entry of the section header table."""

    name: str
    kind: int
    flags: int
    data: bytes
    link: int
    info: int
    align: int


class _Object:
    """The file, its class and byte order, and its section headers."""

    def __init__(self, data: bytes, name: str) -> None:
        self.name, self.data, self.room = name, data, 2 * MOST_BYTES
        if len(data) > MOST_BYTES:
            raise self.wrong(f"larger than {MOST_BYTES} bytes")
        if data[:4] != b"\x7fELF" or data[4:5] not in (b"\1", b"\2") or data[5:6] not in (b"\1", b"\2"):
            raise self.wrong("not an ELF file")
        self.layout = ELF32 if data[4] == 1 else ELF64
        self.order = "<" if data[5] == 1 else ">"
        header = self.unpack(self.layout.header, 0)
        self.type, self.machine = header[0], header[1]
        offset, size, count, strings = header[5], header[10], header[11], header[12]
        if size < struct.calcsize(self.order + self.layout.section):
            raise self.wrong("it has no section headers")
        raw = [self.unpack(self.layout.section, offset + size * index) for index in range(count)]
        names = self.contents(raw[strings]) if strings < count else b""
        self.headers = tuple(self.header(entry, names) for entry in raw)

    def wrong(self, message: str) -> InputError:
        """The error that says what is wrong with the file."""
        return InputError(f"cannot be read as an object file: {message}", Place(self.name))

    def unpack(self, layout: str, offset: int) -> tuple[int, ...]:
        """The numbers at a file offset. Raises InputError beyond the end."""
        try:
            return struct.unpack_from(self.order + layout, self.data, offset)
        except struct.error:
            raise self.wrong(f"it ends before {offset:#x}") from None

    def entries(self, layout: str, data: bytes) -> Iterator[tuple[int, ...]]:
        """The equal entries that a section consists of."""
        size = struct.calcsize(self.order + layout)
        return struct.iter_unpack(self.order + layout, data[: len(data) // size * size])

    def contents(self, raw: tuple[int, ...]) -> bytes:
        """The bytes of a section: zeros for one that has none in the file."""
        kind, offset, size = raw[1], raw[4], raw[5]
        self.room -= size
        if self.room < 0:
            raise self.wrong(f"its sections hold more than {2 * MOST_BYTES} bytes")
        if kind == SHT_NOBITS:
            return bytes(size)
        if offset + size > len(self.data):
            raise self.wrong(f"a section ends at {offset + size:#x}, beyond the file")
        return self.data[offset : offset + size]

    def header(self, raw: tuple[int, ...], names: bytes) -> Header:
        """An entry with its name and bytes."""
        return Header(string(names, raw[0]), raw[1], raw[2], self.contents(raw), raw[6], raw[7], max(1, raw[8]))


@dataclass(frozen=True, slots=True)
class _Entry:
    """A symbol table entry: the Symbol, and the name by which fixups call it."""

    reference: str
    symbol: Symbol | None
    """None for what is no symbol of its own: undefined ones, sections, and marks of the assembler."""


def read(data: bytes, name: str, machine: int) -> Piece:
    """The object file `data` as a Piece without lines; `name` is for messages, `machine` the e_machine expected.

    Sections that occupy no memory, and .discard*, are left out with everything that refers to them. Raises InputError.
    """
    file = _Object(data, name)
    if file.type != ET_REL or file.machine != machine:
        raise file.wrong(f"it is of type {file.type} for machine {file.machine}, not type {ET_REL} for {machine}")
    sections = _sections(file)
    tables = {
        index: _symbols(file, header, sections)
        for index, header in enumerate(file.headers)
        if header.kind == SHT_SYMTAB
    }
    symbols = {entry.symbol.name: entry.symbol for table in tables.values() for entry in table if entry.symbol}
    return Piece(
        name,
        {section.name: section for section in sections.values()},
        symbols,
        (),
        tuple(_fixups(file, sections, tables)),
    )


def string(table: bytes, offset: int) -> str:
    """The NUL-terminated name at an offset of a string table."""
    return table[offset : table.find(b"\0", offset, offset + LONGEST_NAME)].decode("utf-8", "replace")


def _sections(file: _Object) -> dict[int, Section]:
    """The sections that are kept, by their index; a second one of the same name gets its index as a suffix."""
    kept: dict[int, Section] = {}
    names: set[str] = set()
    for index, header in enumerate(file.headers):
        if not header.flags & SHF_ALLOC or header.name.startswith(".discard"):
            continue
        if header.align & header.align - 1:
            raise file.wrong(f"section {header.name} is aligned to {header.align}")
        name = header.name if header.name not in names else f"{header.name}#{index}"
        names.add(name)
        executable, writable = bool(header.flags & SHF_EXECINSTR), bool(header.flags & SHF_WRITE)
        kept[index] = Section(name, header.data, header.align, executable, writable)
    return kept


def _symbols(file: _Object, table: Header, sections: Mapping[int, Section]) -> list[_Entry]:
    """The entries of a symbol table, in its order."""
    names = file.headers[table.link].data if table.link < len(file.headers) else b""
    entries: list[_Entry] = []
    taken: set[str] = set()
    for index, values in enumerate(file.entries(file.layout.symbol, table.data)):
        fields = dict(zip(file.layout.symbol_fields, values, strict=True))
        entry = _entry(string(names, fields["name"]), fields, sections)
        if entry.symbol and entry.reference in taken:
            entry = _entry(f"{entry.reference}#{index}", fields, sections)
        taken.add(entry.reference)
        entries.append(entry)
    return entries


def _entry(name: str, fields: Mapping[str, int], sections: Mapping[int, Section]) -> _Entry:
    kind, binding, at = fields["info"] & 0xF, BINDINGS.get(fields["info"] >> 4, "global"), fields["at"]
    if kind == STT_SECTION:
        return _Entry(sections[at].name if at in sections else "", None)
    if at == SHN_ABS and kind != STT_FILE:
        return _Entry(name, Symbol(name, None, fields["value"], fields["size"], binding))
    mark = binding == "local" and name.startswith("$")
    if at in sections and not mark:
        symbol = Symbol(name, sections[at].name, fields["value"], fields["size"], binding, kind == STT_FUNC)
        return _Entry(name, symbol)
    return _Entry(name if at == SHN_UNDEF else "", None)


def _fixups(file: _Object, sections: Mapping[int, Section], tables: Mapping[int, list[_Entry]]) -> Iterator[Fixup]:
    """The relocations of the sections that are kept. Kinds that do nothing are left out."""
    for header in file.headers:
        if header.kind not in (SHT_REL, SHT_RELA) or header.info not in sections:
            continue
        if header.link not in tables:
            raise file.wrong(f"section {header.name} names no symbol table")
        for offset, kind, symbol, addend in _relocations(file, header, sections[header.info].data):
            if fixups.known(kind).size:
                yield _fixup(file, sections[header.info].name, offset, kind, addend, tables[header.link], symbol)


def _fixup(file: _Object, section: str, offset: int, kind: str, addend: int, table: list[_Entry], index: int) -> Fixup:
    reference = table[index].reference if index < len(table) else ""
    if not reference:
        raise file.wrong(f"the relocation at {section}+{offset:#x} is against symbol {index}, which has no place")
    return Fixup(section, offset, kind, reference, addend, Place(file.name))


def _relocations(file: _Object, header: Header, data: bytes) -> Iterator[tuple[int, str, int, int]]:
    """(offset, kind, index of the symbol, addend), the addend taken from the field where the entry has none."""
    kinds, bits = fixups.kinds(file.machine), file.layout.type_bits
    explicit = header.kind == SHT_RELA
    for entry in file.entries(file.layout.rela if explicit else file.layout.rel, header.data):
        offset, number = entry[0], entry[1] & (1 << bits) - 1
        if number not in kinds:
            raise file.wrong(f"relocation type {number} in {header.name} is not known")
        kind = kinds[number]
        yield offset, kind, entry[1] >> bits, entry[2] if explicit else fixups.addend(kind, data, offset)
