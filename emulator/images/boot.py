# SPDX-License-Identifier: GPL-2.0-only
"""What boot would change in an image's trampolines, according to the CPU. Here they run as they were linked."""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator, Sequence
from typing import Literal, NamedTuple

from emulator.description import Arch, BootTable, Variant
from emulator.errors import InputError, Place
from emulator.images.contents import Contents, Extent
from emulator.images.names import Names
from emulator.spans import Span

Order = Literal["big", "little"]
ORDERS: dict[Order, str] = {"big": ">", "little": "<"}
MOST = 1 << 20
"""Entries of a table; a distribution's kernel has 50,000."""


class BootPatch(NamedTuple):
    """An instruction that boot may change."""

    address: int
    table: BootTable
    feature: tuple[int, int] | None
    """Word and bit of the CPU's feature that it depends on."""


def patches(contents: Contents, names: Names, variant: Variant, spans: Iterable[Span], order: Order) -> list[BootPatch]:
    """Those within `spans`, in the order of their addresses. Raises InputError for a table that is none."""
    wanted = tuple(spans)
    found = (
        patch
        for table in variant.boot
        if (extent := _extent(contents, names, table)) is not None
        for patch in _entries(contents, extent, table, wanted, order)
    )
    return sorted(found, key=lambda patch: (patch.address, patch.table.section))


def _extent(contents: Contents, names: Names, table: BootTable) -> Extent | None:
    """The table as a section of its own, else between its symbols."""
    section = next((extent for extent in contents.extents if extent.name == table.section), None)
    around = names.named(table.symbols) if section is None and table.symbols else {}
    if len(around) < 2:
        return section
    start, end = sorted(name.address for name in around.values())
    data = memoryview(contents.read(start, min(end - start, (MOST + 1) * table.size)))  # one too many is refused below
    return Extent(start, len(data), data, executable=False, name=table.section)


def _entries(
    contents: Contents, extent: Extent, table: BootTable, spans: Sequence[Span], order: Order
) -> Iterator[BootPatch]:
    data, size = extent.data, table.size
    if len(data) % size or len(data) // size > MOST:
        what = f"{table.section}, {len(data)} bytes long, does not consist of entries of {size}"
        raise InputError(what, Place(contents.name))
    distances = struct.iter_unpack(f"{ORDERS[order]}i{size - 4}x", data)
    for number, (distance,) in enumerate(distances):
        at = number * size
        address = extent.address + at + distance
        for start, end in spans:  # one table has 50,000 entries
            if start <= address < end:
                yield BootPatch(address, table, _feature(data[at : at + size], table, order))


def _feature(entry: memoryview, table: BootTable, order: Order) -> tuple[int, int] | None:
    if table.feature is None:
        return None
    number = int.from_bytes(entry[table.feature : table.feature + 2], order)
    return number // 32, number % 32


def notes(found: Iterable[BootPatch], arch: Arch) -> Iterator[str]:
    """A sentence for each table."""
    kinds: dict[BootTable, list[BootPatch]] = {}
    for patch in found:
        kinds.setdefault(patch.table, []).append(patch)
    for table, members in kinds.items():
        features = sorted({patch.feature for patch in members if patch.feature})
        of = f" (features {', '.join(f'{word}*32+{bit}' for word, bit in features)})" if features else ""
        yield f"{len(members)} {arch.boot_patches.get(table.section, table.section)}{of} stand as they are linked"
