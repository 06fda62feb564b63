# SPDX-License-Identifier: GPL-2.0-only
"""What is under test: code, symbols, source lines, variant, origin. No command can tell who made it.

This loader assembles a variant's own source, or a user's in its place.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from emulator import catalog
from emulator.assembly import choose
from emulator.assembly.piece import Piece, Source
from emulator.brought import Brought
from emulator.description import Arch, Variant
from emulator.errors import AssemblyError, UnknownName

KERNEL = "kernel.S"
OURS = "ours"


@dataclass(frozen=True, slots=True, eq=False)
class Subject:
    """A variant with its code: the trampolines, and the fake kernel's own functions with their sites."""

    arch: Arch
    variant: Variant
    trampolines: Piece
    kernel: Piece
    origin: str = OURS
    """Whose code it is: ours, or the user's file."""
    words: tuple[str, ...] = ()
    """How a command line says so, behind the architecture and the variant: ("--source", "F.S")."""
    altered: bool = False
    """Whether bytes differ on purpose from what their lines say, so that nobody compares the two."""

    @property
    def ours(self) -> bool:
        """Whether the trampolines are this project's own."""
        return self.origin == OURS

    def __reduce__(self) -> tuple[object, ...]:
        """Another process has the same declarations: the names of architecture and variant are enough for it."""
        code = (self.trampolines, self.kernel, self.origin, self.words, self.altered)
        return _again, (self.arch.name, self.variant.name, *code)


def _again(arch: str, variant: str, *code: Any) -> Subject:
    declared = catalog.load(arch)
    return Subject(declared, declared.variant(variant), *code)


def select(arch: Arch, release: str | None = None, variant: str | None = None) -> Variant:
    """The variant that a user means: by name, else a release's default, else the newest release's.

    Raises UnknownName, also where the variant belongs to another release than the one asked for.
    """
    if variant is None:
        name = release or arch.releases[-1]
        if name not in arch.releases:
            raise UnknownName(f"release of {arch.name}", name, arch.releases)
        return arch.variant(name)
    known = [item.name for item in arch.variants if release in (None, item.release)]
    if variant not in known:
        raise UnknownName(f"variant of {arch.name}", variant, known)
    return arch.variant(variant)


def record_offsets(arch: Arch) -> dict[str, int]:
    """What asm-offsets.h is to the kernel's assembly: PT_<member> and PT_SIZE, in bytes."""
    offsets = {f"PT_{member.name}": member.offset for member in arch.pt_regs.members}
    return {**offsets, "PT_SIZE": arch.pt_regs.size}


def load(
    arch: Arch,
    variants: Iterable[Variant],
    *,
    source: Path | None = None,
    brought: Brought | None = None,
    assembler: str | None = None,
) -> list[Subject]:
    """Assemble the trampolines of these variants, all in one go.

    A user's own take their place if given: as `brought`, or as `source` where nothing else belongs to it. Raises
    InputError (AssemblyError) where a source cannot be read or assembled.
    """
    if source is not None:
        brought = Brought(source=source)
    pairs = [(variant, _trampolines(arch, variant, brought), _kernel(arch, variant)) for variant in variants]
    # Variants share sources, kernel.S above all: each is assembled once for each set of defines.
    every = {_key(text): text for _, *texts in pairs for text in texts}
    try:
        pieces = dict(zip(every, choose(assembler, arch).assemble(arch, list(every.values())), strict=True))
    except AssemblyError as error:
        raise (brought.explain(error, arch) if brought else error) from None
    if brought is None:
        return [Subject(arch, variant, pieces[_key(ours)], pieces[_key(kernel)]) for variant, ours, kernel in pairs]
    return [
        Subject(
            arch,
            variant,
            brought.finish(pieces[_key(theirs)], arch),
            pieces[_key(kernel)],
            str(brought.source),
            brought.words,
        )
        for variant, theirs, kernel in pairs
    ]


def _key(source: Source) -> tuple[str, str, frozenset[tuple[str, int]]]:
    return source.name, source.text, frozenset(source.defines.items())


def _trampolines(arch: Arch, variant: Variant, brought: Brought | None) -> Source:
    symbols = {**record_offsets(arch), **variant.defines}
    if brought is not None:
        return brought.text_for(arch, variant, symbols)
    folders = (str(catalog.trampolines(arch)),)
    return Source(_own_name(arch, variant.source), catalog.source_text(arch, variant.source), symbols, folders)


def _kernel(arch: Arch, variant: Variant) -> Source:
    folders = (str(catalog.trampolines(arch)),)
    return Source(_own_name(arch, KERNEL), catalog.source_text(arch, KERNEL), {**variant.defines}, folders)


def _own_name(arch: Arch, filename: str) -> str:
    return f"trampolines/{arch.name}/{filename}"
