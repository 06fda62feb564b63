# SPDX-License-Identifier: GPL-2.0-only
"""A line for every instruction of an object: its source's place where DWARF knows it, the instruction disassembled."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from itertools import pairwise

from emulator.assembly.decode import disassemble
from emulator.assembly.piece import Line, Piece, Section, Symbol
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
    """Lines for all executable sections. Raises InputError for too much code, and see marks()."""
    code = {name: section for name, section in piece.sections.items() if section.executable}
    size = sum(len(section.data) for section in code.values())
    if size > MOST_CODE:
        raise found.file.wrong(f"has {size} bytes of code, more than {MOST_CODE}", 0)
    places = source_places(found)
    numbers = {name: number for number, name in found.names.items()}
    symbols: dict[str, list[Symbol]] = defaultdict(list)
    for symbol in piece.symbols.values():
        symbols[symbol.section or ""].append(symbol)
    lines: list[Line] = []
    for name, section in code.items():
        for start, end, is_code in _spans(section, marks(found, numbers[name], arch), symbols[name]):
            lines += _lines(arch, section, start, end, targets) if is_code else [_data(section, start, end)]
    return tuple(line._replace(place=places.at(line.section, line.offset)) for line in lines)


def _spans(section: Section, marks: dict[int, bool], symbols: list[Symbol]) -> Iterator[tuple[int, int, bool]]:
    """(start, end, whether it is code): from each symbol, mark or end of a function to the next one of these.

    What lies before a symbol and belongs to none is padding.
    """
    reaches: dict[int, int] = {}
    for symbol in symbols:
        reaches[symbol.value] = max(reaches.get(symbol.value, 0), symbol.value + symbol.size)
    starts = sorted(at for at in {0, *marks, *reaches, *reaches.values()} if at < len(section.data))
    is_code, reach = True, 0
    for start, end in pairwise([*starts, len(section.data)]):
        is_code, reach = marks.get(start, is_code), max(reach, reaches.get(start, 0))
        yield start, end, is_code and (start < reach or start in reaches or start in marks)


def marks(found: Relocatable, number: int, arch: Arch) -> dict[int, bool]:
    """{offset: whether code follows} of the assembler's marks in a section.

    Raises InputError for code of another instruction set.
    """
    known, told = arch.engine.elf_marks, dict[int, bool]()
    for mark in sorted(found.marks.get(number, ())) if known else ():
        kind = mark.name.split(".")[0]
        if kind not in known:
            what = f"{kind} at {found.names[number]}+{mark.offset:#x}: code that is not {arch.title}"
            raise found.file.wrong(what, found.headers[number].offset)
        told[mark.offset] = known[kind]
    return told


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
