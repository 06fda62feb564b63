# SPDX-License-Identifier: GPL-2.0-only
"""Whoever makes Subjects of a user's file: a source with what belongs to it, an object, a kernel's image."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from emulator import subject
from emulator.brought import Brought
from emulator.choice import Loader
from emulator.description import Arch, Variant
from emulator.elf import is_elf
from emulator.errors import UsageError
from emulator.images.kernel import KernelImage
from emulator.images.layouts import Row
from emulator.images.opening import is_image, opened
from emulator.kernel_tree.owner import arch_of_source
from emulator.objects import load_object
from emulator.objects.machine import arch_of
from emulator.recognise import recognise_object
from emulator.recognised import Recognised
from emulator.regular import is_file
from emulator.subject import Subject, own_kernels, select

SOURCES, OBJECT = (".S", ".s"), ".o"


@dataclass(frozen=True)
class SourceLoader:
    """A source is for the variant that its kernel tree is configured as, else for the release's own."""

    brought: Brought

    @property
    def arch(self) -> Arch | None:
        """See Loader: a kernel tree's source is below arch/<kernel>."""
        return arch_of_source(self.brought.source.absolute()) if self.brought.tree else None

    def recognise(self, arch: Arch, release: str | None, assembler: str | None) -> Recognised:
        """See Loader."""
        tree = self.brought.tree
        return Recognised(tree.variant(arch, release) if tree else select(arch, release))

    def load(self, arch: Arch, variants: Iterable[Variant], assembler: str | None) -> list[Subject]:
        """See Loader."""
        return subject.load(arch, variants, brought=self.brought, assembler=assembler)

    def layouts(self, variant: Variant) -> list[Row]:
        """See Loader: a source has its numbers from us, or from its build."""
        return []


@dataclass(frozen=True)
class ObjectLoader:
    """A relocatable object says what it is by its machine, its names and its instructions."""

    file: Path

    @property
    def arch(self) -> Arch | None:
        """See Loader."""
        return arch_of(self.file)

    def recognise(self, arch: Arch, release: str | None, assembler: str | None) -> Recognised:
        """See Loader."""
        return recognise_object(arch, self.file, release, assembler)

    def load(self, arch: Arch, variants: Iterable[Variant], assembler: str | None) -> list[Subject]:
        """See Loader."""
        code, chosen, words = load_object(arch, self.file), list(variants), ("--object", str(self.file))
        return [
            Subject(arch, variant, code, kernel, str(self.file), words, notes=code.notes)
            for variant, kernel in zip(chosen, own_kernels(arch, chosen, assembler), strict=True)
        ]

    def layouts(self, variant: Variant) -> list[Row]:
        """See Loader: in an object of assembler are none."""
        return []


@dataclass(frozen=True)
class ImageLoader:
    """A kernel's image says its release as well; `function` is the one of it that is to be called, if it has that."""

    file: Path
    system_map: Path | None = None
    function: str | None = None

    @cached_property
    def image(self) -> KernelImage:
        """The image itself. Raises InputError."""
        return opened(self.file, self.system_map)

    @property
    def arch(self) -> Arch | None:
        """See Loader."""
        return self.image.arch

    def recognise(self, arch: Arch, release: str | None, assembler: str | None) -> Recognised:
        """See Loader. Raises UsageError where it is not of the architecture."""
        self._expect(arch)
        return self.image.recognise(release, assembler)

    def load(self, arch: Arch, variants: Iterable[Variant], assembler: str | None) -> list[Subject]:
        """See Loader. Raises UsageError where it is not of the architecture."""
        self._expect(arch)
        return [self.image.subject(variant, self.function, assembler) for variant in variants]

    def layouts(self, variant: Variant) -> list[Row]:
        """See Loader."""
        return self.image.layouts(variant)

    def _expect(self, arch: Arch) -> None:
        if arch is not self.image.arch:
            raise UsageError(f"{self.file} is a kernel of {self.image.arch.name}, not of {arch.name}")


def loader_of(file: Path, system_map: Path | None, brought: Brought) -> Loader | None:
    """Whoever loads a file of that kind; `brought` for a source. None for what is no code. Raises InputError."""
    if file.suffix in SOURCES:
        return SourceLoader(brought)
    if is_file(file) and is_image(file):
        return ImageLoader(file, system_map)
    return ObjectLoader(file) if file.suffix == OBJECT or (is_file(file) and is_elf(file)) else None
