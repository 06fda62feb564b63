# SPDX-License-Identifier: GPL-2.0-only
"""Relocatable ELF objects, by kbuild or any compiler, as pieces that can be placed like assembled ones."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from emulator.assembly.piece import Fixup, Piece
from emulator.assembly.type_ids import numbered
from emulator.description import Arch
from emulator.elf import Elf, read_elf
from emulator.objects.lines import lines_of, marks
from emulator.objects.machine import expect_machine, expect_object
from emulator.objects.relocatable import Relocatable
from emulator.objects.targets import Targets
from emulator.objects.unpatched import unpatched

__all__ = ["expect_machine", "load_object", "piece_of"]


def load_object(arch: Arch, path: Path) -> Piece:
    """The object at `path`: the code that others can call, and what it refers to; a line for each instruction.

    Raises InputError for what is no object for this architecture, or damaged.
    """
    file = read_elf(path)
    expect_object(file, arch)
    found = Relocatable(file)
    roots = found.visible_code()
    if not roots:
        raise file.wrong("no executable section defines a global symbol; is this the right object?", 0)
    for number in roots:
        marks(found, number, arch)  # before relocations that only code of another instruction set has
    numbers, fixups = found.closure(roots)
    piece = numbered(_piece(found, numbers, fixups))
    targets = Targets(piece, arch)
    lines, notes = lines_of(found, piece, targets, arch), tuple(unpatched(found, set(numbers), targets, arch))
    return replace(piece, lines=lines, notes=notes, decoded=True)


def piece_of(file: Elf, arch: Arch) -> Piece:
    """The object as its assembler left it: every section that occupies memory, no lines. Raises InputError."""
    expect_object(file, arch)
    found = Relocatable(file)
    return _piece(found, *found.closure(found.allocated()))


def _piece(found: Relocatable, numbers: list[int], fixups: list[Fixup]) -> Piece:
    kept = set(numbers)
    symbols = {
        entry.symbol.name: entry.symbol
        for entry in found.entries
        if entry.symbol and (entry.section in kept or entry.symbol.section is None)
    }
    sections = {section.name: section for section in found.sections(numbers).values()}
    return Piece(found.file.name, sections, symbols, (), tuple(fixups))
