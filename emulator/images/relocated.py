# SPDX-License-Identifier: GPL-2.0-only
"""A kernel that relocates itself: its words that are addresses stand in a table of RELA, and are zero in its file."""

from __future__ import annotations

import bisect
import struct
from array import array
from collections.abc import Iterator
from functools import cached_property

from emulator.description import Arch, SelfRelocation
from emulator.elf.layout import ELF32, ELF64
from emulator.errors import InputError, Place
from emulator.images.contents import Contents
from emulator.images.names import Names
from emulator.spans import Span

MOST = 1 << 22
"""Entries of a table; a distribution's kernel has 200,000."""


class Relocated(Contents):
    """What memory holds when boot has gone through `table`, at the addresses that the kernel was linked for."""

    def __init__(self, contents: Contents, table: Span, arch: Arch, relative: int) -> None:
        super().__init__(contents.name, contents.extents)
        self._table, self._arch, self._relative = table, arch, relative

    def read(self, address: int, size: int) -> bytes:
        """See Contents. Raises InputError where the table is none."""
        data, word = super().read(address, size), self._arch.word
        places, values = self._words
        around = bytearray(word) + data + bytearray(word)  # a word may stick out at either end
        first = bisect.bisect_right(places, address - word)
        for at in range(first, bisect.bisect_left(places, address + len(data), first)):
            start = places[at] - address + word
            around[start : start + word] = values[at].to_bytes(word, self._arch.order)
        return bytes(around[word : word + len(data)])

    @cached_property
    def _words(self) -> tuple[array[int], array[int]]:
        """Addresses, in their order, and what is there."""
        places, values = array("Q"), array("Q")
        for place, value in self._pairs():
            places.append(place)
            values.append(value)
        order = sorted(range(len(places)), key=places.__getitem__)  # a third of what pairs of numbers take
        return array("Q", map(places.__getitem__, order)), array("Q", map(values.__getitem__, order))

    def _pairs(self) -> Iterator[tuple[int, int]]:
        """Those of other types name a symbol: weak ones that nobody has."""
        layout = ELF64 if self._arch.word == 8 else ELF32
        form = (">" if self._arch.big_endian else "<") + layout.rela.upper()  # addends are addresses here
        entry, mask = struct.calcsize(form), (1 << layout.type_bits) - 1
        for place, info, value in struct.iter_unpack(form, self._bytes(entry)):
            if info & mask == self._relative:
                yield place, value

    def _bytes(self, entry: int) -> bytes:
        start, end = self._table
        data = super().read(start, min(max(end - start, 0), MOST * entry))
        if len(data) != end - start or len(data) % entry:
            what = f"the table of relocations [{start:#x}, {end:#x}) is none of entries of {entry} bytes"
            raise InputError(what, Place(self.name))
        return data


def relocated(contents: Contents, names: Names, arch: Arch) -> Contents:
    """The contents as boot leaves them, where the architecture's kernels relocate themselves and the image says how."""
    declared = arch.self_relocation
    table = _table(names, declared) if declared else None
    return Relocated(contents, table, arch, declared.relative) if declared and table else contents


def _table(names: Names, declared: SelfRelocation) -> Span | None:
    for start, end in declared.tables:
        found = names.named([start, end])
        if len(found) == 2:
            return Span(found[start].address, found[end].address)
    return None
