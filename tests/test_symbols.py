# SPDX-License-Identifier: GPL-2.0-only
"""Names of addresses: functions with offsets, data by name, copies with the lines of their originals."""

from __future__ import annotations

import pytest

from emulator.assembly.piece import Line
from emulator.errors import Place
from emulator.symbols import Symbols


def line(number: int) -> Line:
    return Line(".text", 0, 4, Place("f.S", number), "nop")


@pytest.fixture
def symbols() -> Symbols:
    known = Symbols()
    known.add_function("outer", 0x1000, 0x100)
    known.add_function("inner", 0x1010, 0x10)
    known.add_label("label", 0x1014)
    known.add_data("variable", 0x8000)
    known.add_line(0x1014, line(7))
    return known


@pytest.mark.parametrize(
    ("address", "name"),
    [
        (0x1000, "outer"),
        (0x1004, "outer+0x4"),
        (0x1010, "inner"),
        (0x101F, "inner+0xf"),
        (0x1020, "outer+0x20"),
        (0x1100, "0x1100"),
        (0xFFF, "0xfff"),
        (0x8000, "&variable"),
        (0x8001, "0x8001"),
    ],
)
def test_name(symbols: Symbols, address: int, name: str) -> None:
    assert symbols.name(address) == name


def test_every_kind_of_name_has_an_address(symbols: Symbols) -> None:
    assert [symbols.address(name) for name in ("outer", "label", "variable")] == [0x1000, 0x1014, 0x8000]
    assert "label" in symbols
    assert symbols.get("nowhere") is None
    with pytest.raises(KeyError):
        symbols.address("nowhere")


def test_where_adds_the_line_as_far_as_it_is_known(symbols: Symbols) -> None:
    assert symbols.where(0x1014) == "inner+0x4 (f.S:7)"
    assert symbols.where(0x1015) == "inner+0x5"


def test_a_copy_has_the_lines_of_its_original(symbols: Symbols) -> None:
    symbols.add_copy("copy", 0x2000, 0x20, 0x1010)
    assert symbols.where(0x2004) == "copy+0x4 (f.S:7)"
    assert symbols.original(0x2004) == 0x1014
    assert symbols.original(0x1014) == 0x1014
    assert symbols.original(0x2020) == 0x2020


def test_a_later_copy_takes_the_name_and_the_earlier_one_can_still_be_read(symbols: Symbols) -> None:
    symbols.add_copy("copy", 0x2000, 0x20, 0x1010)
    symbols.add_copy("copy", 0x3000, 0x20, 0x1000)
    assert symbols.address("copy") == 0x3000
    assert [symbols.name(address) for address in (0x2004, 0x3004)] == ["copy+0x4", "copy+0x4"]
    assert [symbols.original(address) for address in (0x2004, 0x3004)] == [0x1014, 0x1004]
