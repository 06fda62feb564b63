# SPDX-License-Identifier: GPL-2.0-only
"""Our own trampolines as objects, without an assembler that makes such files."""

from __future__ import annotations

from elf_files import ABS, ALLOC, EXEC, FUNC, GLOBAL, LOCAL, NOTYPE, WEAK, WRITE, ElfFile
from emulator.assembly import fixups
from emulator.assembly.piece import Piece
from emulator.description import Arch, Variant
from emulator.subject import own_trampolines

BINDINGS = {"local": LOCAL, "global": GLOBAL, "weak": WEAK}


def object_of(arch: Arch, variant: Variant) -> bytes:
    """A variant's trampolines: RELA where words are of 64 bits, else REL, as the ABIs have it."""
    (piece,) = own_trampolines(arch, [variant])
    return written(arch, piece)


def written(arch: Arch, piece: Piece) -> bytes:
    """A piece as an object."""
    file = ElfFile(bits=8 * arch.word, machine=arch.engine.elf_machine, big_endian=arch.big_endian)
    explicit, numbers = arch.word == 8, dict[str, int]()
    for section in piece.sections.values():
        data = bytearray(section.data)
        for fixup in piece.fixups if not explicit else ():
            if fixup.section == section.name:
                fixups.apply(fixup.kind, data, fixup.offset, symbol=0, addend=fixup.addend, place=0)
        flags = ALLOC | (EXEC if section.executable else 0) | (WRITE if section.writable else 0)
        numbers[section.name] = file.section(section.name, bytes(data), flags=flags, align=section.align)
    for symbol in piece.symbols.values():
        kind = FUNC if symbol.function else NOTYPE
        home = numbers[symbol.section] if symbol.section else ABS
        file.symbol(
            symbol.name, symbol.value, section=home, size=symbol.size, type=kind, binding=BINDINGS[symbol.binding]
        )
    for fixup in piece.fixups:
        addend = fixup.addend if explicit else None
        number = fixups.known(fixup.kind).number
        file.relocation(numbers[fixup.section], fixup.offset, number, fixup.symbol, addend)
    return file.written()
