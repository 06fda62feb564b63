# SPDX-License-Identifier: GPL-2.0-only
"""Pieces at addresses."""

from __future__ import annotations

from dataclasses import replace

import pytest

from emulator.assembly import link
from emulator.assembly.piece import Fixup, Line, Piece, Section, Symbol
from emulator.errors import InputError, Place

TEXT, DATA = 0xFFFFFFFF81000000, 0xFFFFFFFF82000000
AT = Place("a.S", 3, 2)


def line(section: str, offset: int, size: int, number: int, text: str = "nop") -> Line:
    return Line(section, offset, size, Place("a.S", number), text)


PIECE = Piece(
    "a.S",
    {
        ".text": Section(".text", bytes.fromhex("90e80000000090"), 16, executable=True),
        ".data": Section(".data", bytes(16), 8, writable=True),
        ".bss": Section(".bss", b"", 1, writable=True),
    },
    {
        "start": Symbol("start", ".text", 0, binding="global", function=True),
        "variable": Symbol("variable", ".data", 8),
        "SIZE": Symbol("SIZE", None, 0x55),
        "hook": Symbol("hook", ".text", 6, binding="weak"),
    },
    (
        line(".data", 0, 8, 9),
        line(".text", 0, 1, 2),
        line(".text", 1, 5, 3),
        line(".text", 6, 0, 4),
        line(".text", 6, 1, 5),
    ),
    (
        Fixup(".data", 0, "R_X86_64_64", ".data", 8, Place("a.S", 9)),
        Fixup(".text", 2, "R_X86_64_PC32", "far", -4, AT),
        Fixup(".data", 8, "R_X86_64_32", "SIZE", 1, Place("a.S", 10)),
    ),
)
BASES = {".text": TEXT, ".data": DATA}


def with_fixup(kind: str, symbol: str) -> Piece:
    return replace(PIECE, fixups=(Fixup(".text", 2, kind, symbol, -4, AT),))


def test_sections_symbols_and_fields_get_their_addresses() -> None:
    placed = link.place(PIECE, BASES, {"far": TEXT + 0x106})
    assert placed.chunks == (
        link.Chunk(TEXT, bytes.fromhex("90e80001000090"), ".text"),
        link.Chunk(DATA, (DATA + 8).to_bytes(8, "little") + b"\x56" + bytes(7), ".data"),
    )
    assert placed.symbols == {"start": TEXT, "variable": DATA + 8, "SIZE": 0x55, "hook": TEXT + 6}
    assert placed.fixups[0] == link.PlacedFixup(TEXT + 2, "R_X86_64_PC32", "far", TEXT + 0x106, -4, AT)


def test_the_piece_itself_stays_as_it_was() -> None:
    before = PIECE.sections[".text"].data
    link.place(PIECE, BASES, {"far": TEXT})
    assert PIECE.sections[".text"].data == before


@pytest.mark.parametrize(("offset", "number"), [(0, 2), (1, 3), (5, 3), (6, 5)])
def test_an_address_leads_to_its_line(offset: int, number: int) -> None:
    found = link.place(PIECE, BASES, {"far": TEXT}).line(TEXT + offset)
    assert found is not None
    assert found.place.line == number


@pytest.mark.parametrize("address", [TEXT - 1, TEXT + 7, DATA - 1, DATA + 8, 0])
def test_an_address_beside_every_line_leads_to_none(address: int) -> None:
    assert link.place(PIECE, BASES, {"far": TEXT}).line(address) is None


def test_bytes_and_fixups_of_a_range() -> None:
    placed = link.place(PIECE, BASES, {"far": TEXT + 6})
    assert placed.bytes_at(TEXT + 1, 2) == b"\xe8\0"
    assert placed.bytes_at(TEXT + 6, 100) == b"\x90"
    assert placed.bytes_at(TEXT + 7, 1) == placed.bytes_at(TEXT - 1, 1) == b""
    assert [fixup.symbol for fixup in placed.fixups_between(TEXT, TEXT + 3)] == ["far"]
    assert placed.fixups_between(TEXT + 3, DATA) == ()


def test_a_weak_symbol_gives_way_and_a_global_one_does_not() -> None:
    placed = link.place(PIECE, BASES, {"far": TEXT, "hook": 0x1234, "start": 0x1234})
    assert (placed.symbols["hook"], placed.symbols["start"]) == (0x1234, TEXT)


def test_all_undefined_symbols_are_named_at_once() -> None:
    piece = replace(PIECE, fixups=(*PIECE.fixups, Fixup(".text", 2, "R_X86_64_PC32", "further", -4, Place("a.S", 7))))
    with pytest.raises(InputError, match=r"a\.S: undefined: far \(a\.S:3:2\), further \(a\.S:7\)"):
        link.place(piece, BASES, {})


def test_a_value_that_does_not_fit_is_an_error_at_its_place() -> None:
    fitting = TEXT + 6 + (1 << 31) - 1
    link.place(with_fixup("R_X86_64_PC32", "far"), BASES, {"far": fitting & (1 << 64) - 1})
    with pytest.raises(InputError, match=r"a\.S:3:2: far: R_X86_64_PC32: 0x80000000 is out of range"):
        link.place(with_fixup("R_X86_64_PC32", "far"), BASES, {"far": fitting + 1 & (1 << 64) - 1})


def test_a_section_needs_a_base_that_its_alignment_allows() -> None:
    link.place(PIECE, {".text": TEXT + 16, ".data": DATA + 8}, {"far": TEXT})
    with pytest.raises(InputError, match=r"section \.text at 0xffffffff81000008 is not aligned to 16"):
        link.place(PIECE, {".text": TEXT + 8, ".data": DATA}, {"far": TEXT})
    with pytest.raises(InputError, match=r"section \.data has no place"):
        link.place(PIECE, {".text": TEXT}, {"far": TEXT})


def test_a_symbol_in_a_section_without_a_base_is_an_error() -> None:
    piece = replace(PIECE, symbols={"lost": Symbol("lost", ".bss", 0)})
    with pytest.raises(InputError, match=r"section \.bss of symbol lost"):
        link.place(piece, BASES, {"far": TEXT})


def test_sections_in_a_row_are_aligned_and_do_not_touch() -> None:
    sections = [Section("a", bytes(3)), Section("b", bytes(5), 8), Section("c", bytes(1), 4)]
    assert link.in_a_row(sections, 0x1001) == {"a": 0x1001, "b": 0x1008, "c": 0x1010}
