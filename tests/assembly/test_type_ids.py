# SPDX-License-Identifier: GPL-2.0-only
"""Numbers of functions' types, which a compiler of C would give."""

from __future__ import annotations

from emulator import catalog
from emulator.assembly.keystone import KeystoneAssembler
from emulator.assembly.link import place
from emulator.assembly.piece import Source
from emulator.assembly.type_ids import numbered

ARM64 = catalog.load("arm64")
TEXT = """
        .4byte __kcfi_typeid_ftrace_stub
ftrace_stub: ret
        .4byte {other}
"""


def test_they_are_no_addresses_and_fit_anywhere() -> None:
    text = TEXT.format(other="other - .")
    (piece,) = KeystoneAssembler().assemble(ARM64, [Source("x.S", text)])
    found = numbered(piece)
    assert found.undefined == ("other",)
    placed = place(found, {".text": 0xFFFF800080000000}, {"other": 0xFFFF800080000010})
    assert placed.chunks[0].data == bytes.fromhex("00000000 c0035fd6 08000000")


def test_one_that_the_file_defines_is_the_files() -> None:
    text = "        .set __kcfi_typeid_other, 0x1234\n" + TEXT.format(other="__kcfi_typeid_other")
    (piece,) = KeystoneAssembler().assemble(ARM64, [Source("x.S", text)])
    placed = place(numbered(piece), {".text": 0xFFFF800080000000}, {})
    assert placed.chunks[0].data == bytes.fromhex("00000000 c0035fd6 34120000")
