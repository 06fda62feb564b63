# SPDX-License-Identifier: GPL-2.0-only
"""What is under test: code, symbols, source lines, variant, origin. No command can tell who made it.

Here a variant's own source is assembled, or a user's in its place; loaders.py has objects and images of kernels.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from emulator import catalog
from emulator.asm_offsets import offsets
from emulator.assembly import choose
from emulator.assembly.piece import Piece, Source
from emulator.description import Arch, Memory, Struct, Variant
from emulator.errors import AssemblyError, UnknownName

if TYPE_CHECKING:
    from emulator.brought import Brought

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
    chosen = list(variants)
    if source is not None:
        brought = _alone(source)
    texts = [_trampolines(arch, variant, brought) for variant in chosen]
    texts += [_kernel(arch, variant) for variant in chosen]
    try:
        pieces = _assembled(arch, texts, assembler)
    except AssemblyError as error:
        raise (brought.explain(error, arch, chosen) if brought else error) from None
    made = zip(chosen, pieces[: len(chosen)], pieces[len(chosen) :], strict=True)
    if brought is None:
        return [Subject(arch, variant, code, kernel) for variant, code, kernel in made]
    finished = ((variant, brought.finish(code, arch, variant), kernel) for variant, code, kernel in made)
    return [Subject(arch, *parts, str(brought.source), brought.words) for parts in finished]


def _alone(source: Path) -> Brought:
    from emulator.brought import Brought  # noqa: PLC0415 - our own sources need not wait for it

    return Brought(source=source)


def own_kernels(arch: Arch, variants: Iterable[Variant], assembler: str | None = None) -> list[Piece]:
    """The fake kernels' own functions with their sites. Raises InputError (AssemblyError)."""
    return _assembled(arch, [_kernel(arch, variant) for variant in variants], assembler)


def own_trampolines(arch: Arch, variants: Iterable[Variant], assembler: str | None = None) -> list[Piece]:
    """Our trampolines of these variants, without a kernel around them. Raises InputError."""
    return _assembled(arch, [_trampolines(arch, variant, None) for variant in variants], assembler)


def _assembled(arch: Arch, texts: Sequence[Source], assembler: str | None) -> list[Piece]:
    """Variants share sources, kernel.S above all: each is assembled once for each set of defines."""
    every = {_key(text): text for text in texts}
    pieces = dict(zip(every, choose(assembler, arch).assemble(arch, list(every.values())), strict=True))
    return [pieces[_key(text)] for text in texts]


def _key(source: Source) -> tuple[str, str, frozenset[tuple[str, int]]]:
    return source.name, source.text, frozenset(source.defines.items())


def _trampolines(arch: Arch, variant: Variant, brought: Brought | None) -> Source:
    symbols = {**offsets(arch, variant), **variant.defines}
    if brought is not None:
        return brought.text_for(arch, variant, symbols)
    folders = (str(catalog.trampolines(arch)),)
    return Source(_own_name(arch, variant.source), catalog.source_text(arch, variant.source), symbols, folders)


def _kernel(arch: Arch, variant: Variant) -> Source:
    folders = (str(catalog.trampolines(arch)),)
    return Source(_own_name(arch, KERNEL), catalog.source_text(arch, KERNEL), {**variant.defines}, folders)


def _own_name(arch: Arch, filename: str) -> str:
    return f"trampolines/{arch.name}/{filename}"
