# SPDX-License-Identifier: GPL-2.0-only
"""Subjects of a user's source."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from emulator import subject
from emulator.brought import Brought
from emulator.description import Arch, Variant
from emulator.kernel_tree.owner import arch_of_source
from emulator.recognised import Recognised
from emulator.subject import Subject, select

if TYPE_CHECKING:
    from emulator.images.layouts import Row


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
