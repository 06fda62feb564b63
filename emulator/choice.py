# SPDX-License-Identifier: GPL-2.0-only
"""Whose code is meant, ours or a file's, and which variant: asked in the same way of every kind of file."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Protocol

from emulator import subject
from emulator.description import Arch, Variant
from emulator.recognised import Recognised
from emulator.subject import Subject, select

if TYPE_CHECKING:
    from emulator.images.layouts import Row


class Loader(Protocol):
    """One file. All methods raise InputError for what is wrong with it."""

    @property
    def arch(self) -> Arch | None:
        """The architecture that it is for, None where it does not say."""

    def recognise(self, arch: Arch, release: str | None, assembler: str | None) -> Recognised:
        """The variant that it is, one of that release if one is named."""

    def load(self, arch: Arch, variants: Iterable[Variant], assembler: str | None) -> list[Subject]:
        """It, in the place of these variants' own trampolines."""

    def layouts(self, variant: Variant) -> list[Row]:
        """The layouts of structs that it tells of, beside those that are declared; none where it says nothing."""


@dataclass
class Choice:
    """A loader, or None for our own code; and what is wanted of it by name."""

    loader: Loader | None
    release: str | None = None
    assembler: str | None = None
    told: tuple[str, ...] = field(default=(), init=False)
    """How the variant was told, where it was."""

    def variant(self, arch: Arch, name: str | None = None) -> Variant:
        """The one called `name`, else what the file is, else the release's own. Raises UnknownName, InputError."""
        if name or not self.loader:
            return select(arch, self.release, name)
        if self.release:
            select(arch, self.release)
        found = self.loader.recognise(arch, self.release, self.assembler)
        self.told = found.text
        return found.variant

    def load(self, arch: Arch, variants: Iterable[Variant]) -> list[Subject]:
        """These variants with their own code, or with the file's. Raises InputError, UsageError."""
        if not self.loader:
            return subject.load(arch, variants, assembler=self.assembler)
        loaded = self.loader.load(arch, variants, self.assembler)
        return [replace(one, notes=(*self.told, *one.notes)) for one in loaded]
