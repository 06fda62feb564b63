# SPDX-License-Identifier: GPL-2.0-only
"""What is under test: code, symbols, source lines, variant, origin. No command can tell who made it.

Two loaders so far: assembly, of a variant's own source or of a user's in its place; and objects of a user's.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from emulator import catalog
from emulator.assembly import choose
from emulator.assembly.piece import Piece, Source
from emulator.description import Arch, Memory, Struct, Variant
from emulator.errors import UnknownName, UsageError
from emulator.objects import load_object
from emulator.source import read_source

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
    notes: tuple[str, ...] = ()
    """What whoever brought the code should know: how its variant was told, what in it is left as it is."""

    @property
    def memory(self) -> Memory:
        """Where a kernel made of it lives."""
        around = self.trampolines.around
        return around.memory if around else self.arch.memory

    @property
    def known(self) -> Mapping[str, int]:
        """The addresses that a kernel's image has for what Python makes up otherwise: variables and C functions."""
        around = self.trampolines.around
        return around.known if around else {}

    @property
    def ops(self) -> Struct | None:
        """struct ftrace_ops as that image has it, None where nobody says."""
        around = self.trampolines.around
        return around.ops if around else None

    @property
    def ours(self) -> bool:
        """Whether the trampolines are this project's own."""
        return self.origin == OURS

    def __reduce__(self) -> tuple[object, ...]:
        """Another process has the same declarations: the names of architecture and variant are enough for it."""
        code = (self.trampolines, self.kernel, self.origin, self.words, self.altered, self.notes)
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
    object_file: Path | None = None,
    assembler: str | None = None,
) -> list[Subject]:
    """The trampolines of these variants, all in one go, or a user's source or object in the place of theirs.

    Raises InputError (AssemblyError) where a file cannot be read, assembled or loaded, UsageError for two of them.
    """
    if source and object_file:
        raise UsageError("a source and an object cannot both be the subject")
    chosen = list(variants)
    loaded = load_object(arch, object_file) if object_file else None
    texts = [] if loaded else [_trampolines(arch, variant, source) for variant in chosen]
    kernels = [_kernel(arch, variant) for variant in chosen]
    pieces = _assembled(arch, [*texts, *kernels], assembler)
    trampolines = [loaded] * len(chosen) if loaded else pieces[: len(chosen)]
    file, option = (object_file, "--object") if object_file else (source, "--source")
    origin, words = (str(file), (option, str(file))) if file else (OURS, ())
    return [
        Subject(arch, variant, code, kernel, origin, words, notes=code.notes)
        for variant, code, kernel in zip(chosen, trampolines, pieces[len(texts) :], strict=True)
    ]


def own_functions(arch: Arch, variant: Variant, assembler: str | None = None) -> Piece:
    """The fake kernel's own functions with their sites. Raises InputError (AssemblyError)."""
    return _assembled(arch, [_kernel(arch, variant)], assembler)[0]


def own_trampolines(arch: Arch, variants: Iterable[Variant], assembler: str | None = None) -> list[Piece]:
    """Our trampolines of these variants, without a kernel around them. Raises InputError."""
    return _assembled(arch, [_trampolines(arch, variant, None) for variant in variants], assembler)


def _assembled(arch: Arch, texts: Sequence[Source], assembler: str | None) -> list[Piece]:
    """Variants share sources, kernel.S above all: each is assembled once for each set of defines."""
    every = {_key(text): text for text in texts}
    pieces = dict(zip(every, choose(assembler, arch).assemble(arch, list(every.values())), strict=True))
    return [pieces[_key(text)] for text in texts]


def _key(source: Source) -> tuple[str, frozenset[tuple[str, int]]]:
    return source.name, frozenset(source.defines.items())


def _trampolines(arch: Arch, variant: Variant, source: Path | None) -> Source:
    """A copy of one of our sources may include what the original includes, wherever the copy is."""
    symbols, ours = {**record_offsets(arch), **variant.defines}, str(catalog.trampolines(arch))
    if source is None:
        return Source(_own_name(arch, variant.source), catalog.source_text(arch, variant.source), symbols, (ours,))
    return Source(str(source), read_source(source), symbols, (str(source.parent), ours))


def _kernel(arch: Arch, variant: Variant) -> Source:
    folders = (str(catalog.trampolines(arch)),)
    return Source(_own_name(arch, KERNEL), catalog.source_text(arch, KERNEL), {**variant.defines}, folders)


def _own_name(arch: Arch, filename: str) -> str:
    return f"trampolines/{arch.name}/{filename}"
