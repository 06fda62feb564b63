# SPDX-License-Identifier: GPL-2.0-only
"""A kernel image becomes a Subject."""

from __future__ import annotations

from pathlib import Path

from emulator.assembly.piece import Piece
from emulator.description import Arch, Variant
from emulator.elf import map_elf
from emulator.errors import InputError, Place
from emulator.images import labels
from emulator.images.contents import Contents, of_elf
from emulator.images.free import memory
from emulator.images.names import ElfNames, Names
from emulator.images.piece import Found, piece
from emulator.images.walk import Walk


def trampolines(contents: Contents, names: Names, arch: Arch, variant: Variant) -> Piece:
    """The variant's trampolines as an image has them. Raises InputError where it lacks what its kernel needs."""
    roots, functions = labels.trampolines(variant), labels.functions(variant)
    named = names.named([*roots, *functions, *labels.variables()])
    for entry in variant.entries:
        if entry.symbol not in named:
            raise InputError(f"has no symbol {entry.symbol}, which {variant.name} needs", Place(contents.name))
    known = {name: named[name].address for name in (*functions, *labels.variables()) if name in named}
    starts = [named[name].address for name in roots if name in named]
    others = {known[name] for name in functions if name in known}
    walk = Walk(contents, arch.engine, starts, others)
    found = Found(contents, names, arch.engine, walk, known, frozenset(labels.inner(variant)))
    near = named[variant.plain.symbol].address
    return piece(found, memory(contents, arch, variant.site.call, near))


def open_image(path: Path) -> tuple[Contents, Names]:
    """What is in a vmlinux."""
    elf = map_elf(path)
    return of_elf(elf), ElfNames(elf)
