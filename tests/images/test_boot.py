# SPDX-License-Identifier: GPL-2.0-only
"""What boot would patch, out of the tables that the variant declares."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest

from elf_files import ALLOC
from emulator import catalog
from emulator.description import BootTable, Variant
from emulator.errors import InputError
from emulator.images import boot
from emulator.images.opening import opened
from kernels import SmallKernel, small_kernel

VARIANTS = [
    pytest.param(name, variant.name, table, id=f"{name}-{variant.name}{table.section}")
    for name in catalog.names()
    for variant in catalog.load(name).variants
    for table in variant.boot
]


def with_table(kernel: SmallKernel, table: BootTable, places: list[int], feature: int = 19 + 32 * 11) -> SmallKernel:
    """A table whose entries lead to `places`."""
    address, data = kernel.end, bytearray()
    for place in places:
        entry = bytearray(table.size)
        struct.pack_into("<i", entry, 0, place - address - len(data))
        if table.feature is not None:
            struct.pack_into("<H", entry, table.feature, feature)
        data += entry
    kernel.sections[table.section] = (address, data, ALLOC)
    return kernel


def made(name: str, variant: str) -> tuple[SmallKernel, Variant]:
    arch = catalog.load(name)
    return small_kernel(arch, arch.variant(variant)), arch.variant(variant)


@pytest.mark.parametrize(("name", "variant", "table"), VARIANTS)
def test_only_what_lies_in_the_trampolines_is_listed(name: str, variant: str, table: BootTable, tmp_path: Path) -> None:
    kernel, declared = made(name, variant)
    inside = kernel.address(declared.plain.symbol) + 4
    with_table(kernel, table, [kernel.address("vfs_read"), inside, kernel.address("panic")])
    path = tmp_path / "vmlinux"
    path.write_bytes(kernel.written())
    image = opened(path)
    (patch,) = image.boot_patches(declared, image.trampolines(declared))
    assert (patch.address, patch.table) == (inside, table)
    assert patch.feature == (None if table.feature is None else (11, 19))
    what = image.arch.boot_patches[table.section]
    note = next(note for note in image.subject(declared).notes if what in note)
    assert note.startswith(f"1 {what}")
    assert ("11*32+19" in note) == (table.feature is not None)


@pytest.mark.parametrize(("name", "variant", "table"), VARIANTS)
def test_a_table_of_another_size_is_refused(name: str, variant: str, table: BootTable, tmp_path: Path) -> None:
    kernel, declared = made(name, variant)
    with_table(kernel, table, [kernel.address("vfs_read")])
    kernel.sections[table.section][1].append(0)
    path = tmp_path / "vmlinux"
    path.write_bytes(kernel.written())
    with pytest.raises(InputError, match=f"{table.section}, {table.size + 1} bytes long, does not consist of entries"):
        opened(path).subject(declared)


BETWEEN_SYMBOLS = [one for one in VARIANTS if isinstance(one.values[2], BootTable) and one.values[2].symbols]


def between_symbols(kernel: SmallKernel, table: BootTable) -> None:
    """The table is no section, but stands between its symbols."""
    address, data, flags = kernel.sections.pop(table.section)
    kernel.sections["data"] = (address, data, flags)
    assert table.symbols
    start, end = table.symbols
    kernel.symbols |= {start: (address, 0, 0), end: (address + len(data), 0, 0)}


@pytest.mark.parametrize(("name", "variant", "table"), BETWEEN_SYMBOLS)
def test_a_table_that_is_too_long_is_refused_and_not_cut(
    name: str, variant: str, table: BootTable, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kernel, declared = made(name, variant)
    with_table(kernel, table, [kernel.address("vfs_read")] * 3)
    between_symbols(kernel, table)
    path = tmp_path / "vmlinux"
    path.write_bytes(kernel.written())
    monkeypatch.setattr(boot, "MOST", 3)
    opened(path).subject(declared)
    monkeypatch.setattr(boot, "MOST", 1)
    with pytest.raises(InputError, match=f"{table.section}, {2 * table.size} bytes long"):
        opened(path).subject(declared)


@pytest.mark.parametrize(("name", "variant", "table"), BETWEEN_SYMBOLS)
def test_a_kernel_without_section_headers_has_it_between_two_symbols(
    name: str, variant: str, table: BootTable, tmp_path: Path
) -> None:
    kernel, declared = made(name, variant)
    inside = kernel.address(declared.plain.symbol) + 4
    between_symbols(with_table(kernel, table, [inside]), table)
    both = dict(kernel.symbols)
    assert table.symbols
    path = tmp_path / "vmlinux"
    for missing, found in ((table.symbols[1], []), ("", [inside])):
        kernel.symbols = {name: symbol for name, symbol in both.items() if name != missing}
        path.write_bytes(kernel.written())
        image = opened(path)
        assert [patch.address for patch in image.boot_patches(declared, image.trampolines(declared))] == found
