# SPDX-License-Identifier: GPL-2.0-only
"""Subjects of a kernel's image."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from emulator.description import Arch, Variant
from emulator.errors import UsageError
from emulator.images.kernel import KernelImage
from emulator.images.layouts import Row
from emulator.images.opening import opened
from emulator.recognised import Recognised
from emulator.subject import Subject


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
