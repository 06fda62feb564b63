# SPDX-License-Identifier: GPL-2.0-only
"""A line for every instruction of an object: its source's place where DWARF knows it, the instruction disassembled."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from emulator.assembly.decode import disassemble
from emulator.assembly.piece import Line, Piece, Section
from emulator.description import Arch
from emulator.errors import Place
from emulator.objects.dwarf import source_places
from emulator.objects.relocatable import Relocatable
from emulator.objects.targets import Targets

MOST_CODE = 1 << 18
"""Bytes of code that are disassembled; the emulated kernel's text has room for less."""
SHOWN = 8
"""Bytes of data that a line says."""
NOWHERE = Place("")


def lines_of(found: Relocatable, piece: Piece, arch: Arch) -> tuple[Line, ...]:
    """Lines for all executable sections. Raises InputError for too much code, or code of another instruction set."""
    code = {name: section for name, section in piece.sections.items() if section.executable}
    size = sum(len(section.data) for section in code.values())
    if size > MOST_CODE:
        raise found.file.wrong(f"has {size} bytes of code, more than {MOST_CODE}", 0)
    places, targets = source_places(found), Targets(piece, arch)
    numbers = {name: number for number, name in found.names.items()}
    lines: list[Line] = []
    for name, section in code.items():
        for start, end, is_code in _spans(found, numbers[name], section, piece, arch):
            lines += _lines(arch, section, start, end, targets) if is_code else [_data(section, start, end)]
    return tuple(line._replace(place=places.at(line.section, line.offset)) for line in lines)


def with_places(piece: Piece, lines: tuple[Line, ...]) -> Piece:
    """The piece with these lines, and its fixups at their places."""
    owners = {(line.section, line.offset + at): line.place for line in lines for at in range(line.size)}
    fixups = tuple(one._replace(place=owners.get((one.section, one.offset), one.place)) for one in piece.fixups)
    return replace(piece, lines=lines, fixups=fixups)


def _spans(
    found: Relocatable, number: int, section: Section, piece: Piece, arch: Arch
) -> Iterator[tuple[int, int, bool]]:
    """(start, end, whether it is code): from each symbol or mark to the next one. Raises InputError, see lines_of."""
    size, marks, is_code = len(section.data), dict[int, bool](), True
    for mark in sorted(found.marks.get(number, ())):
        kind = mark.name.split(".")[0]
        if arch.engine.elf_marks and kind not in arch.engine.elf_marks:
            where = f"{section.name}+{mark.offset:#x}"
            what = f"{kind} at {where}: code that is not {arch.title}"
            raise found.file.wrong(what, found.headers[number].offset)
        if arch.engine.elf_marks:
            marks[mark.offset] = arch.engine.elf_marks[kind]
    symbols = {symbol.value for symbol in piece.symbols.values() if symbol.section == section.name}
    starts = sorted(at for at in {0, *marks, *symbols} if at < size)
    for start, end in zip(starts, [*starts[1:], size], strict=True):
        is_code = marks.get(start, is_code)
        yield start, end, is_code


def _lines(arch: Arch, section: Section, start: int, end: int, targets: Targets) -> Iterator[Line]:
    """A line for each instruction; what does not decode is data, up to the end."""
    at = start
    for found in disassemble(arch.engine, section.data[start:end], start):
        yield Line(section.name, found.address, found.size, NOWHERE, targets.text(section.name, found))
        at = found.address + found.size
    if at < end:
        yield _data(section, at, end)


def _data(section: Section, start: int, end: int) -> Line:
    shown = section.data[start:end]
    text = f".byte {', '.join(f'{byte:#x}' for byte in shown[:SHOWN])}{', ...' if len(shown) > SHOWN else ''}"
    return Line(section.name, start, end - start, NOWHERE, text, instruction=False)
