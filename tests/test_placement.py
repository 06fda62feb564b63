# SPDX-License-Identifier: GPL-2.0-only
"""Room for things, and what kernels made of one subject share and do not share."""

from __future__ import annotations

from pathlib import Path

import pytest

from emulator import catalog
from emulator.core.ops import FtraceOps
from emulator.errors import InputError
from emulator.lab import Lab
from emulator.placement import Room, placement
from emulator.subject import load


def test_room_is_given_out_once_and_ends() -> None:
    room = Room(0x1001, 0x1020)
    assert room.take("one", 4) == 0x1001
    assert room.take("two", 8, align=16) == 0x1010
    assert not room.has(9)
    with pytest.raises(InputError, match="no room for three"):
        room.take("three", 9)
    assert room.take("four", 8) == 0x1018
    assert room.has(0)


def test_kernels_of_one_subject_share_its_placement_and_nothing_else() -> None:
    arch = catalog.load("x86_64")
    (subject,) = load(arch, [arch.variant("6.12")])
    one, other = Lab(subject=subject), Lab(subject=subject)
    assert one.image.placement is other.image.placement is placement(subject)
    untouched = other.image.memory.contents()
    ops = FtraceOps("probe", lambda *_: None)
    one.register(ops)
    assert other.image.memory.contents() == untouched
    assert "probe" in one.image.symbols
    assert "probe" not in other.image.symbols
    assert "probe" not in placement(subject).symbols
    assert one.record("vfs_read").target
    assert not other.record("vfs_read").target


def test_a_size_makes_a_function_of_code_without_a_type(tmp_path: Path) -> None:
    source = tmp_path / "mine.S"
    source.write_text(
        "        .globl f, g, h\n        .type f, @function\nf:      ret\n        .size f, . - f\n"
        "g:      nop\nh:      ret\n        .type g, STT_NOTYPE\n        .size g, . - g\n"
    )
    arch = catalog.load("x86_64")
    (subject,) = load(arch, [arch.variant("6.12")], source=source)
    symbols = placement(subject).symbols
    names = [symbols.function(symbols.address("f") + offset) for offset in range(3)]
    assert [found and found.name for found in names] == ["f", "g", "g"]
