# SPDX-License-Identifier: GPL-2.0-only
"""From a path to an Elf."""

from __future__ import annotations

from pathlib import Path

from emulator.elf.layout import MAGIC
from emulator.elf.reader import Elf
from emulator.errors import InputError, Place
from emulator.regular import open_regular

LIMIT = 1 << 24
"""The largest object, in bytes; the kernel's own of this kind have less than a tenth of a megabyte."""


def is_elf(path: Path) -> bool:
    """Whether a file begins as one. Raises InputError for what is missing, or no regular file."""
    with open_regular(path) as file:
        return file.read(len(MAGIC)) == MAGIC


def read_elf(path: Path, limit: int = LIMIT) -> Elf:
    """The file at `path`, in memory, so that nothing changes when it is written anew.

    Raises InputError for what is missing, no regular file, empty, no ELF, damaged, or larger than `limit` bytes.
    """
    with open_regular(path) as file:
        data = file.read(limit + 1)
    if len(data) > limit:
        raise InputError(f"is larger than {limit} bytes", Place(str(path)))
    return Elf(data, str(path))
