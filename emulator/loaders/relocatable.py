# SPDX-License-Identifier: GPL-2.0-only
"""Subjects of an object."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from emulator.assembly.piece import Piece
from emulator.description import Arch, Variant
from emulator.objects import load_object
from emulator.objects.machine import arch_of
from emulator.recognise import evidence, recognise
from emulator.recognised import Recognised
from emulator.subject import Subject, own_kernels

if TYPE_CHECKING:
    from emulator.images.layouts import Row


@dataclass(frozen=True)
class ObjectLoader:
    """A relocatable object says what it is by its machine, its names and its instructions."""

    file: Path
    _pieces: dict[Arch, Piece] = field(default_factory=dict, init=False, repr=False, compare=False)

    @property
    def arch(self) -> Arch | None:
        """See Loader."""
        return arch_of(self.file)

    def recognise(self, arch: Arch, release: str | None, assembler: str | None) -> Recognised:
        """See Loader."""
        return recognise(arch, replace(evidence(arch, self._piece(arch)), release=release), assembler)

    def load(self, arch: Arch, variants: Iterable[Variant], assembler: str | None) -> list[Subject]:
        """See Loader."""
        code, chosen, words = self._piece(arch), list(variants), ("--object", str(self.file))
        return [
            Subject(arch, variant, code, kernel, str(self.file), words, notes=code.notes)
            for variant, kernel in zip(chosen, own_kernels(arch, chosen, assembler), strict=True)
        ]

    def layouts(self, variant: Variant) -> list[Row]:
        """See Loader: in an object of assembler are none."""
        return []

    def _piece(self, arch: Arch) -> Piece:
        """The object, which is read once."""
        if arch not in self._pieces:
            self._pieces[arch] = load_object(arch, self.file)
        return self._pieces[arch]
