# SPDX-License-Identifier: GPL-2.0-only
"""Whether an ELF file is one for an architecture."""

from __future__ import annotations

from pathlib import Path

from emulator import catalog
from emulator.description import Arch
from emulator.elf import Elf, layout, read_elf

TYPES = {layout.ET_REL: "an object", layout.ET_EXEC: "a linked program", layout.ET_DYN: "a shared object"}


def expect_machine(file: Elf, arch: Arch) -> None:
    """Raises InputError, which names both, where the file is of another machine, class or byte order."""
    wanted, found = _kind(arch), _found(file)
    if found != wanted:
        raise file.wrong(f"is for {_owner(file)}{_shape(*found)}, not for {arch.name}{_shape(*wanted)}", 0)


def expect_object(file: Elf, arch: Arch) -> None:
    """The same, and raises InputError for what is no relocatable object."""
    expect_machine(file, arch)
    if file.type != layout.ET_REL:
        raise file.wrong(
            f"is {TYPES.get(file.type, 'something else')} (ELF type {file.type}), not a relocatable object", 0
        )


def arch_of(path: Path) -> Arch | None:
    """The declared architecture that an ELF file is for, if there is one. Raises InputError."""
    file = read_elf(path)
    return next((arch for arch in map(catalog.load, catalog.names()) if _kind(arch) == _found(file)), None)


def _kind(arch: Arch) -> tuple[int, int, bool]:
    """Machine, bits, whether big-endian."""
    return arch.engine.elf_machine, 8 * arch.word, arch.big_endian


def _found(file: Elf) -> tuple[int, int, bool]:
    return file.machine, file.bits, file.big_endian


def _owner(file: Elf) -> str:
    """The architecture of that machine number, where one is declared."""
    every = map(catalog.load, catalog.names())
    return next((arch.name for arch in every if arch.engine.elf_machine == file.machine), "another machine")


def _shape(machine: int, bits: int, big_endian: bool) -> str:  # noqa: FBT001 - one of three numbers of the header
    return f" (ELF machine {machine}, {bits} bits, {'big' if big_endian else 'little'}-endian)"
