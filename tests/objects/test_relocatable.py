# SPDX-License-Identifier: GPL-2.0-only
"""Objects written byte by byte as pieces: what is kept, what it is called, what its fields refer to."""

from __future__ import annotations

import contextlib
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from elf_files import ABS, ALLOC, EXEC, FILE, FUNC, LOCAL, NOBITS, SECTION, WEAK, WRITE, ElfFile
from emulator import catalog
from emulator.assembly.piece import Fixup, Piece, Section, Symbol
from emulator.elf import Elf
from emulator.errors import InputError, Place
from emulator.objects import piece_of, relocatable
from emulator.objects.relocatable import Relocatable

X86, ARM = catalog.load("x86_64"), catalog.load("arm")


def example(bits: int, machine: int, text: bytes = bytes(8)) -> ElfFile:
    """The same names for every machine; the tests add relocations."""
    file = ElfFile(bits=bits, machine=machine)
    code = file.section(".text", text, flags=ALLOC | EXEC, align=4)
    data = file.section(".data", bytes(8), flags=ALLOC | WRITE, align=8)
    file.section(".bss", type=NOBITS, flags=ALLOC | WRITE, size=4)
    file.section(".comment", b"nobody")
    file.section(".discard.x", b"nobody", flags=ALLOC)
    file.symbol("start", section=code, size=8, type=FUNC)
    file.symbol(".data", section=data, type=SECTION, binding=LOCAL)
    file.symbol("local", 4, section=data, binding=LOCAL)
    file.symbol("$a", section=code, binding=LOCAL)
    file.symbol("twice", 1, section=code, binding=LOCAL)
    file.symbol("twice", 2, section=code, binding=LOCAL)
    file.symbol("number", 77, section=ABS, binding=WEAK)
    file.symbol("a.c", section=ABS, binding=LOCAL, type=FILE)
    return file


def x86() -> ElfFile:
    file = example(64, 62)
    file.relocation(1, 1, 4, "far", -4)
    file.relocation(1, 4, 10, ".data", 6)
    return file


def arm() -> ElfFile:
    file = example(32, 40, bytes.fromhex("feffffeb1eff2fe1"))
    file.relocation(1, 0, 28, "far")
    file.relocation(1, 4, 40, "far")
    return file


def read(file: ElfFile) -> Piece:
    return piece_of(Elf(file.written(), "a.o"), X86 if file.machine == 62 else ARM)


@pytest.mark.parametrize("make", [x86, arm])
def test_sections_that_occupy_memory(make: Callable[[], ElfFile]) -> None:
    found = read(make()).sections
    assert list(found) == [".text", ".data", ".bss"]
    assert found[".data"] == Section(".data", bytes(8), 8, writable=True)
    assert found[".bss"] == Section(".bss", bytes(4), 1, writable=True)
    assert found[".text"].executable


@pytest.mark.parametrize("make", [x86, arm])
def test_symbols(make: Callable[[], ElfFile]) -> None:
    piece = read(make())
    assert piece.symbols == {
        "start": Symbol("start", ".text", 0, 8, "global", function=True),
        "local": Symbol("local", ".data", 4),
        "twice": Symbol("twice", ".text", 1),
        "twice#5": Symbol("twice#5", ".text", 2),
        "number": Symbol("number", None, 77, 0, "weak"),
    }
    assert piece.undefined == ("far",)


def test_relocations_with_addends() -> None:
    file = example(64, 62)
    file.relocation(1, 1, 4, "far", -4)
    file.relocation(1, 4, 10, "local", 6)
    assert read(file).fixups == (
        Fixup(".text", 1, "R_X86_64_PLT32", "far", -4, Place("a.o", at=".text+0x1")),
        Fixup(".text", 4, "R_X86_64_32", "local", 6, Place("a.o", at=".text+0x4")),
    )


def test_relocations_whose_addend_stands_in_the_field() -> None:
    place = Place("a.o", at=".text+0x0")
    assert read(arm()).fixups == (Fixup(".text", 0, "R_ARM_CALL", "far", -8, place),)


def test_sections_of_one_name_are_told_apart() -> None:
    file = example(64, 62)
    file.section(".text", b"\xc3", flags=ALLOC | EXEC)
    assert list(read(file).sections) == [".text", ".data", ".bss", ".text#6"]


# -- what the code needs -----------------------------------------------------------------------------------------------


def test_what_visible_code_refers_to_is_kept_and_nothing_else() -> None:
    file = ElfFile()
    hidden = file.section(".altinstr_replacement", b"\xc3", flags=ALLOC | EXEC)
    table = file.section(".orc_unwind_ip", bytes(8), flags=ALLOC)
    text = file.section(".text", bytes(16), flags=ALLOC | EXEC)
    data = file.section(".rodata", bytes(16), flags=ALLOC)
    more = file.section(".data", bytes(16), flags=ALLOC | WRITE)
    file.section(".init.text", b"\xc3", flags=ALLOC | EXEC)
    file.symbol("start", section=text)
    file.symbol("constant", section=data, binding=LOCAL)
    file.symbol("variable", section=more, binding=LOCAL)
    file.symbol("replacement", section=hidden, binding=LOCAL)
    file.relocation(table, 0, 2, "start", 0)
    file.relocation(table, 4, 2, "replacement", 0)
    file.relocation(text, 0, 2, "constant", 0)
    file.relocation(data, 0, 1, "variable", 0)
    found = Relocatable(Elf(file.written(), "a.o"))
    numbers, fixups = found.closure(found.visible_code())
    assert [found.names[number] for number in numbers] == [".text", ".rodata", ".data"]
    assert [fixup.symbol for fixup in fixups] == ["constant", "variable"]


# -- what is wrong -----------------------------------------------------------------------------------------------------


def with_relocation(kind: int = 2, offset: int = 1) -> ElfFile:
    file = example(64, 62)
    file.relocation(1, offset, kind, "far", 0)
    return file


def test_a_relocation_that_nobody_knows() -> None:
    with pytest.raises(InputError, match=r"relocation type 99 in \.rela\.text is not known for machine 62"):
        read(with_relocation(kind=99))


@pytest.mark.parametrize("offset", [5, 8, 1 << 40, (1 << 64) - 1])
def test_a_relocation_beyond_its_section(offset: int) -> None:
    with pytest.raises(InputError, match=rf"the relocation at \.text\+{offset:#x} lies beyond its section"):
        read(with_relocation(offset=offset))


def test_a_relocation_against_what_has_no_place() -> None:
    file = with_relocation()
    file.symbol("far", 8, section=0xFFF2)  # SHN_COMMON
    with pytest.raises(InputError, match="against symbol 9, which has no place"):
        read(file)


def test_a_relocation_against_a_symbol_that_does_not_exist() -> None:
    data = bytearray(with_relocation().written())
    at = data.index((9 << 32 | 2).to_bytes(8, "little"))
    data[at + 4 : at + 8] = b"\xff\xff\xff\xff"
    with pytest.raises(InputError, match="against symbol 4294967295 of 10"):
        piece_of(Elf(bytes(data), "a.o"), X86)


def test_relocations_without_a_symbol_table() -> None:
    file = with_relocation()
    file.stripped = True
    file.section(".rela.text", file.words(1, 2, 0), type=4, link=2, info=1)
    with pytest.raises(InputError, match=r"section \.rela\.text names no symbol table"):
        read(file)


def test_an_alignment_that_is_no_power_of_two() -> None:
    file = x86()
    file.section(".odd", flags=ALLOC, align=3)
    with pytest.raises(InputError, match=r"section \.odd is aligned to 3"):
        read(file)


@pytest.mark.parametrize("size", [1 << 24, 1 << 62])
def test_zeros_cannot_exhaust_memory(size: int) -> None:
    file = x86()
    file.section(".bss", type=NOBITS, flags=ALLOC, size=size)
    with pytest.raises(InputError, match=rf"its sections hold {size + 20} bytes, more than"):
        read(file)


@pytest.mark.parametrize(("name", "message"), [("MOST_SYMBOLS", "symbols"), ("MOST_RELOCATIONS", "relocations")])
def test_tables_have_an_end(name: str, message: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(relocatable, name, 1)
    with pytest.raises(InputError, match=f"more than 1 {message}"):
        read(x86())


@pytest.mark.parametrize("make", [x86, arm])
@given(data=st.data())
def test_a_damaged_object_is_read_or_refused(make: Callable[[], ElfFile], data: st.DataObject) -> None:
    file = make()
    damaged = bytearray(file.written())
    for _ in range(data.draw(st.integers(1, 4))):
        damaged[data.draw(st.integers(0, len(damaged) - 1))] = data.draw(st.integers(0, 255))
    with contextlib.suppress(InputError):
        piece_of(Elf(bytes(damaged), "a.o"), X86 if file.machine == 62 else ARM)
