# SPDX-License-Identifier: GPL-2.0-only
"""A line for every instruction of an object: its source's place where DWARF knows it, the instruction disassembled."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

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


def lines_of(found: Relocatable, piece: Piece, targets: Targets, arch: Arch) -> tuple[Line, ...]:
    """Lines for all executable sections. Raises InputError for too much code, or code of another instruction set."""
    code = {name: section for name, section in piece.sections.items() if section.executable}
    size = sum(len(section.data) for section in code.values())
    if size > MOST_CODE:
        raise found.file.wrong(f"has {size} bytes of code, more than {MOST_CODE}", 0)
    places = source_places(found)
    numbers = {name: number for number, name in found.names.items()}
    lines: list[Line] = []
    for name, section in code.items():
        for start, end, is_code in _spans(found, numbers[name], section, piece, arch):
            lines += _lines(arch, section, start, end, targets) if is_code else [_data(section, start, end)]
    return tuple(line._replace(place=places.at(line.section, line.offset)) for line in lines)


def _spans(
    found: Relocatable, number: int, section: Section, piece: Piece, arch: Arch
) -> Iterator[tuple[int, int, bool]]:
    """(start, end, whether it is code): from each symbol, mark or end of a function to the next one of these.

    What lies before a symbol and belongs to none is padding. Raises InputError, see lines_of.
    """
    marks = _marks(found, number, section, arch)
    symbols = [symbol for symbol in piece.symbols.values() if symbol.section == section.name]
    begins = {*marks, *(symbol.value for symbol in symbols)}
    ends = {symbol.value + symbol.size for symbol in symbols if symbol.size}
    starts = sorted(at for at in {0} | begins | ends if at < len(section.data))
    is_code = True
    for start, end in pairwise([*starts, len(section.data)]):
        is_code = marks.get(start, is_code)
        yield start, end, is_code and start in begins


def _marks(found: Relocatable, number: int, section: Section, arch: Arch) -> dict[int, bool]:
    """{offset: whether code follows} of the assembler's marks. Raises InputError, see lines_of."""
    known, marks = arch.engine.elf_marks, {}
    for mark in sorted(found.marks.get(number, ())) if known else ():
        kind = mark.name.split(".")[0]
        if kind not in known:
            what = f"{kind} at {section.name}+{mark.offset:#x}: code that is not {arch.title}"
            raise found.file.wrong(what, found.headers[number].offset)
        marks[mark.offset] = known[kind]
    return marks


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
