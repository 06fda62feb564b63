# SPDX-License-Identifier: GPL-2.0-only
"""Whoever makes Subjects of a user's file: a source with what belongs to it, an object, a kernel's image.

Each is imported only where it is needed: whoever has an object need not wait for what images and sources take.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from emulator.elf import is_elf
from emulator.regular import is_file

if TYPE_CHECKING:
    from emulator.brought import Brought
    from emulator.choice import Loader

SOURCES, OBJECT = (".S", ".s"), ".o"


def source_loader(brought: Brought) -> Loader:
    """Of a source."""
    from emulator.loaders.source import SourceLoader  # noqa: PLC0415 - see above

    return SourceLoader(brought)


def object_loader(file: Path) -> Loader:
    """Of an object."""
    from emulator.loaders.relocatable import ObjectLoader  # noqa: PLC0415

    return ObjectLoader(file)


def image_loader(file: Path, system_map: Path | None = None, function: str | None = None) -> Loader:
    """Of a kernel's image; `function` is the one of it that is to be called, if it has that."""
    from emulator.loaders.kernel import ImageLoader  # noqa: PLC0415

    return ImageLoader(file, system_map, function)


def loader_of(file: Path, system_map: Path | None, brought: Brought) -> Loader | None:
    """Whoever loads a file of that kind; `brought` for a source. None for what is no code. Raises InputError."""
    from emulator.images.opening import is_image  # noqa: PLC0415

    if file.suffix in SOURCES:
        return source_loader(brought)
    if is_file(file) and is_image(file):
        return image_loader(file, system_map)
    return object_loader(file) if file.suffix == OBJECT or (is_file(file) and is_elf(file)) else None
