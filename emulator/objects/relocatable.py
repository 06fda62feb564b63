# SPDX-License-Identifier: GPL-2.0-only
"""An ELF object's sections, symbols and relocations as those of a Piece. System V ABI, chapter 4.

What occupies no memory is left out, and so is what nothing refers to that is kept.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from emulator import elf
from emulator.assembly import fixups
from emulator.assembly.piece import Fixup, Section, Symbol
from emulator.elf import Elf, layout
from emulator.errors import Place

MOST_BYTES = 1 << 24
"""The most that the sections which are kept may hold together."""
MOST_RELOCATIONS = MOST_SYMBOLS = 1 << 17
"""In one object; the largest of the kernel's have less than a tenth."""
MOST_SECTIONS = 1 << 12
"""That are kept. A C file compiled with -ffunction-sections has some hundred."""
BINDINGS = {layout.STB_LOCAL: "local", layout.STB_GLOBAL: "global", layout.STB_WEAK: "weak"}
DISCARDED = ".discard"
"""What a name begins with that every linker script of the kernel throws away."""


class Entry(NamedTuple):
    """A symbol table entry: the name by which fixups call it ("" for what has no place), and where it is."""

    reference: str
    section: int
    """The section's number, 0 where it is in none."""
    symbol: Symbol | None = None
    """None for what is no symbol of its own: undefined ones, sections, and marks of the assembler."""


class Mark(NamedTuple):
    """A local symbol such as $d, which says what follows in an executable section."""

    offset: int
    name: str


class Relocatable:
    """What is in an object, by the numbers of its sections. Raises InputError, here and in its methods."""

    def __init__(self, file: Elf) -> None:
        self.file = file
        self.headers = {one.number: one for one in file.sections if one.flags & layout.SHF_ALLOC}
        self.names = self._unique_names()
        self.marks: dict[int, list[Mark]] = {}
        self.entries = self._entries()
        self.symbols = {entry.symbol.name: entry.symbol for entry in self.entries if entry.symbol}
        self._kinds, self._left = fixups.kinds(file.machine), MOST_RELOCATIONS
        self._tables: dict[int, list[elf.Section]] = {}
        for one in file.sections:
            if one.type in (layout.SHT_REL, layout.SHT_RELA):
                self._tables.setdefault(one.info, []).append(one)

    def _unique_names(self) -> dict[int, str]:
        """The names of sections; a second one of the same name gets its number as a suffix."""
        names: dict[int, str] = {}
        taken: set[str] = set()
        for number, header in self.headers.items():
            names[number] = header.name if header.name not in taken else f"{header.name}#{number}"
            taken.add(names[number])
        return names

    # -- symbols ------------------------------------------------------------------------------------------------------

    def _entries(self) -> list[Entry]:
        """The symbol table in its order; a second symbol of the same name gets its index as a suffix."""
        entries: list[Entry] = []
        taken: set[str] = set()
        for index, found in enumerate(self.file.symbols()):
            if index == MOST_SYMBOLS:
                raise self.file.wrong(f"more than {MOST_SYMBOLS} symbols", 0)
            entry = self._entry(found)
            if entry.symbol:
                if entry.reference in taken:
                    name = f"{entry.reference}#{index}"
                    entry = Entry(name, entry.section, entry.symbol._replace(name=name))
                taken.add(entry.reference)
            entries.append(entry)
        return entries

    def _entry(self, found: elf.Symbol) -> Entry:
        number, binding = found.section, BINDINGS.get(found.binding, "global")
        if found.type == layout.STT_SECTION:
            return Entry(self.names.get(number, ""), number)
        if number == layout.SHN_ABS and found.type != layout.STT_FILE:
            return Entry(found.name, 0, Symbol(found.name, None, found.value, found.size, binding))
        if number not in self.headers:
            return Entry(found.name if number == layout.SHN_UNDEF else "", 0)
        if binding == "local" and found.name.startswith("$"):
            self.marks.setdefault(number, []).append(Mark(found.value, found.name))
            return Entry("", 0)
        function = found.type == layout.STT_FUNC
        return Entry(
            found.name, number, Symbol(found.name, self.names[number], found.value, found.size, binding, function)
        )

    # -- sections -----------------------------------------------------------------------------------------------------

    def allocated(self) -> list[int]:
        """Every section that occupies memory, but for those that the kernel never links."""
        return [number for number, header in self.headers.items() if not header.name.startswith(DISCARDED)]

    def visible_code(self) -> list[int]:
        """The executable sections that define a symbol which other files may refer to."""
        shown = {entry.section for entry in self.entries if entry.symbol and entry.symbol.binding != "local"}
        return [one for one in self.allocated() if one in shown and self.headers[one].flags & layout.SHF_EXECINSTR]

    def sections(self, numbers: list[int]) -> dict[int, Section]:
        """Their bytes, addends of REL still in them; zeros for SHT_NOBITS."""
        if len(numbers) > MOST_SECTIONS:
            raise self.file.wrong(f"{len(numbers)} sections occupy memory, more than {MOST_SECTIONS}", 0)
        total = sum(self.headers[number].size for number in numbers)
        if total > MOST_BYTES:
            raise self.file.wrong(f"its sections hold {total} bytes, more than {MOST_BYTES}", 0)
        return {number: self._section(self.headers[number]) for number in numbers}

    def _section(self, header: elf.Section) -> Section:
        align = max(1, header.align)
        if align & align - 1:
            raise self.file.wrong(f"section {header.name} is aligned to {header.align}", header.offset)
        data = bytes(header.size) if header.type == layout.SHT_NOBITS else bytes(self.file.contents(header))
        executable, writable = bool(header.flags & layout.SHF_EXECINSTR), bool(header.flags & layout.SHF_WRITE)
        return Section(self.names[header.number], data, align, executable, writable)

    # -- relocations --------------------------------------------------------------------------------------------------

    def closure(self, roots: list[int]) -> tuple[list[int], list[Fixup]]:
        """The sections `roots`, those that they refer to, and so on, in the order of the file; and their fixups."""
        known, todo, found = set(roots), list(roots), []
        while todo:
            for fixup, target in self.fixups(todo.pop(0)):
                found.append(fixup)
                if target in self.headers and target not in known:
                    known.add(target)
                    todo.append(target)
        return [number for number in self.headers if number in known], found

    def fixups(self, number: int) -> Iterator[tuple[Fixup, int]]:
        """The relocations of a section, each with the number of the section that it refers to, 0 for none.

        Kinds that do nothing are left out.
        """
        header = self.headers[number]
        for found, kind, table in self.relocations(number):
            if fixups.known(kind).size:
                yield self._fixup(found, kind, header, table)

    def relocations(self, number: int) -> Iterator[tuple[elf.Relocation, str, elf.Section]]:
        """The relocations of any section, with their kinds and the sections that they stand in."""
        for table in self._tables.get(number, ()):
            if self.file.symbol_table is None or table.link != self.file.symbol_table.number:
                raise self.file.wrong(f"section {table.name} names no symbol table", table.offset)
            for found in self.file.relocations(table):
                self._left -= 1
                if self._left < 0:
                    raise self.file.wrong(f"more than {MOST_RELOCATIONS} relocations", table.offset)
                yield found, self._kind(found, table), table

    def entry(self, found: elf.Relocation, section: str, table: elf.Section) -> Entry:
        """The symbol table entry that a relocation is against."""
        if found.symbol >= len(self.entries):
            what = f"the relocation at {section}+{found.offset:#x} is against symbol {found.symbol} of "
            raise self.file.wrong(f"{what}{len(self.entries)}", table.offset)
        return self.entries[found.symbol]

    def _kind(self, found: elf.Relocation, table: elf.Section) -> str:
        if found.type not in self._kinds:
            what = f"relocation type {found.type} in {table.name} is not known for machine {self.file.machine}"
            raise self.file.wrong(what, table.offset)
        return self._kinds[found.type]

    def _fixup(self, found: elf.Relocation, kind: str, header: elf.Section, table: elf.Section) -> tuple[Fixup, int]:
        name = self.names[header.number]
        where = f"{name}+{found.offset:#x}"
        if found.offset + fixups.known(kind).size > header.size:
            raise self.file.wrong(f"the relocation at {where} lies beyond its section", table.offset)
        entry = self.entry(found, name, table)
        if not entry.reference:
            what = f"the relocation at {where} is against symbol {found.symbol}, which has no place"
            raise self.file.wrong(what, table.offset)
        addend = found.addend
        if addend is None:
            addend = fixups.addend(kind, bytes(self.file.contents(header)[found.offset :][:8]), 0)
        place = Place(self.file.name, at=where)
        return Fixup(name, found.offset, kind, entry.reference, addend, place), entry.section
