# SPDX-License-Identifier: GPL-2.0-only
"""What a kernel's memory holds when it starts, as its file says: bytes by address, taken only when asked for."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from emulator.elf import Elf
from emulator.elf.layout import SHF_ALLOC, SHF_EXECINSTR, SHT_NOBITS
from emulator.errors import InputError, Place
from emulator.spans import Span

MOST = 1024
"""Sections in memory; kernels have less than a hundred."""


class Extent(NamedTuple):
    """A section: `size` bytes at `address`, of which the file has `data`; the others are zero."""

    address: int
    size: int
    data: memoryview
    executable: bool
    name: str
    offset: int = 0
    """Where the data stands in the file."""

    @property
    def end(self) -> int:
        """The address behind it."""
        return self.address + self.size


class Contents:
    """The sections of a kernel that occupy memory, in the order of their addresses. Raises InputError for too many.

    Sections, not segments: x86 has a segment at address 0 (per-cpu data), arm has code that is copied elsewhere.
    """

    def __init__(self, name: str, extents: Iterable[Extent]) -> None:
        self.name = name
        self.extents = tuple(sorted(extents, key=lambda extent: (extent.address, extent.size)))
        if len(self.extents) > MOST:
            raise InputError(f"has {len(self.extents)} sections in memory, more than {MOST}", Place(name))
        self._latest: Extent | None = None

    def extent(self, address: int) -> Extent | None:
        """The section that an address lies in."""
        latest = self._latest  # nine in ten are where the one before was
        if latest is None or not latest.address <= address < latest.end:
            found = (extent for extent in self.extents if extent.address <= address < extent.end)
            self._latest = latest = next(found, None)
        return latest

    def read(self, address: int, size: int) -> bytes:
        """`size` bytes at an address, fewer where its section ends, none where there is none."""
        extent = self.extent(address)
        if extent is None:
            return b""
        start, size = address - extent.address, min(size, extent.end - address)
        return bytes(extent.data[start : start + size]).ljust(size, b"\0")

    def executable(self, address: int) -> bool:
        """Whether code may be at an address."""
        extent = self.extent(address)
        return extent is not None and extent.executable

    @property
    def spans(self) -> list[Span]:
        """Where there is anything."""
        return [Span(extent.address, extent.end) for extent in self.extents]


def of_elf(elf: Elf) -> Contents:
    """The sections of an ELF file that occupy memory."""
    extents = (
        Extent(
            section.address,
            section.size,
            memoryview(b"") if section.type == SHT_NOBITS else elf.contents(section),
            bool(section.flags & SHF_EXECINSTR),
            section.name,
            section.offset,
        )
        for section in elf.sections
        if section.flags & SHF_ALLOC and section.size
    )
    return Contents(elf.name, extents)
