# SPDX-License-Identifier: GPL-2.0-only
"""Kernels whose addresses stand in a table of relocations."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest

from emulator import catalog
from emulator.core.ops import FtraceOps
from emulator.description import Arch, SelfRelocation
from emulator.errors import InputError
from emulator.images.contents import Contents, Extent
from emulator.images.opening import opened
from emulator.images.relocated import Relocated
from emulator.images.sites import START, STOP
from emulator.lab import Lab
from emulator.spans import Span
from kernels import SmallKernel, moved, small_kernel

ARM64, I386, X86 = (catalog.load(name) for name in ("arm64", "i386", "x86_64"))
MOVING = [arch for arch in map(catalog.load, catalog.names()) if arch.self_relocation]
RELATIVE = 1027
"""R_AARCH64_RELATIVE (aaelf64)."""


def contents(*entries: tuple[int, int, int], arch: Arch = ARM64, size: int | None = None) -> Relocated:
    """256 bytes at 0x1000, and a table at 0x2000."""
    table = b"".join(struct.pack("<QQQ" if arch.word == 8 else "<III", *entry) for entry in entries)
    extents = [
        Extent(0x1000, 256, memoryview(b"\xaa" * 256), executable=False, name=".data"),
        Extent(0x2000, len(table), memoryview(table), executable=False, name=".rela.dyn"),
    ]
    span = Span(0x2000, 0x2000 + (len(table) if size is None else size))
    return Relocated(Contents("vmlinux", extents), span, arch, RELATIVE if arch.word == 8 else 8)


VALUE = 0x1122334455667788


def test_a_word_of_the_table_is_read_where_it_belongs_in_whole_and_in_part() -> None:
    found = contents((0x1010, RELATIVE, VALUE), (0x1040, RELATIVE, 5))
    word = VALUE.to_bytes(8, "little")
    assert found.read(0x1010, 8) == word
    assert found.read(0x100C, 16) == b"\xaa" * 4 + word + b"\xaa" * 4
    assert found.read(0x1012, 3) == word[2:5]
    assert found.read(0x1017, 2) == word[7:] + b"\xaa"
    assert found.read(0x100F, 2) == b"\xaa" + word[:1]
    assert found.read(0x1018, 8) == b"\xaa" * 8
    assert found.read(0x1008, 8) == b"\xaa" * 8


def test_only_what_is_relative_counts_and_order_does_not() -> None:
    found = contents((0x1020, RELATIVE, 2), (0x1010, 1 << 32 | 257, 7), (0, 0, 0), (0x1018, RELATIVE, 1))
    assert found.read(0x1010, 24) == b"\xaa" * 8 + struct.pack("<QQ", 1, 2)


def test_where_a_section_ends_a_word_ends_too() -> None:
    found = contents((0x10FC, RELATIVE, VALUE))
    assert found.read(0x10F8, 64) == b"\xaa" * 4 + VALUE.to_bytes(8, "little")[:4]
    assert found.read(0x5000, 8) == b""


def test_words_of_32_bits() -> None:
    found = contents((0x1010, 8, 0x11223344), (0x1014, 7, 9), arch=I386)
    assert found.read(0x1010, 8) == bytes.fromhex("44332211") + b"\xaa" * 4


@pytest.mark.parametrize("size", [24 + 8, 48, 0])
def test_a_table_that_is_none_is_refused(size: int) -> None:
    found = contents((0x1010, RELATIVE, VALUE), size=size)
    if size:
        with pytest.raises(InputError, match=r"^vmlinux: the table of relocations \[0x2000, "):
            found.read(0x1010, 8)
    else:
        assert found.read(0x1010, 8) == b"\xaa" * 8


# -- whole kernels -----------------------------------------------------------------------------------------------------


def written(kernel: SmallKernel, folder: Path) -> Path:
    path = folder / "vmlinux"
    path.write_bytes(kernel.written())
    return path


@pytest.mark.parametrize("arch", MOVING, ids=lambda arch: arch.name)
@pytest.mark.parametrize("number", [0, -1])
def test_sites_are_found_whichever_name_the_table_has(arch: Arch, number: int, tmp_path: Path) -> None:
    assert arch.self_relocation
    kernel = moved(small_kernel(arch, arch.variant(arch.releases[-1])), arch.self_relocation.tables[number])
    table = kernel.address(START)
    assert not any(kernel.bytes_at(table, kernel.address(STOP) - table))
    lab = Lab(subject=opened(written(kernel, tmp_path)).subject(kernel.variant, "vfs_write"))
    ops, seen = FtraceOps("probe", lambda ip, *_: seen.append(ip)), list[int]()
    lab.set_filter(ops, "vfs_write")
    lab.register(ops)
    lab.call("vfs_write")
    assert seen == [lab.record("vfs_write").ip]


@pytest.mark.parametrize("arch", MOVING, ids=lambda arch: arch.name)
def test_without_the_table_there_are_no_sites(arch: Arch, tmp_path: Path) -> None:
    assert arch.self_relocation
    (start, end), *_ = arch.self_relocation.tables
    kernel = moved(small_kernel(arch, arch.variant(arch.releases[-1])), (start, end))
    del kernel.symbols[end]
    with pytest.raises(InputError, match=r"vfs_write at .* has no site"):
        opened(written(kernel, tmp_path)).subject(kernel.variant, "vfs_write")


def test_an_architecture_that_does_not_say_so_is_left_alone(tmp_path: Path) -> None:
    kernel = moved(small_kernel(X86, X86.variant("6.12")), ("__rela_start", "__rela_end"), SelfRelocation((), 8))
    with pytest.raises(InputError, match=r"vfs_write at .* has no site"):
        opened(written(kernel, tmp_path)).subject(kernel.variant, "vfs_write")
