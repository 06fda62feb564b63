# SPDX-License-Identifier: GPL-2.0-only
"""From a path to an Elf."""

from __future__ import annotations

import mmap
import os
from pathlib import Path

from emulator.elf.layout import MAGIC
from emulator.elf.reader import Elf
from emulator.errors import InputError, Place
from emulator.regular import open_regular

LIMIT = 1 << 24
"""The largest object, in bytes; the kernel's own of this kind have less than a tenth of a megabyte."""


def map_elf(path: Path) -> Elf:
    """The file at `path`, mapped: only what is looked at takes memory, for as long as something refers to the Elf.

    Raises InputError for what is missing, no regular file, empty, no ELF, or damaged.
    """
    with open_regular(path) as file:
        if os.fstat(file.fileno()).st_size == 0:
            raise InputError("is empty", Place(str(path), at="0x0"))
        data = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    return Elf(data, str(path))


def is_elf(path: Path) -> bool:
    """Whether a file begins as one. Raises InputError for what is missing, or no regular file."""
    with open_regular(path) as file:
        return file.read(len(MAGIC)) == MAGIC


def read_elf(path: Path, limit: int = LIMIT) -> Elf:
    """The same from memory, so that nothing changes when the file is written anew. Raises InputError, also beyond
    `limit` bytes.
    """
    with open_regular(path) as file:
        data = file.read(limit + 1)
    if len(data) > limit:
        raise InputError(f"is larger than {limit} bytes", Place(str(path)))
    return Elf(data, str(path))
