# SPDX-License-Identifier: GPL-2.0-only
"""ELF files of both classes and byte orders, sound ones, damaged ones, and what is no ELF file at all."""

from __future__ import annotations

import contextlib
import mmap
import os
import struct
import zlib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from elf_files import ABS, ALLOC, COMPRESSED, EXEC, FUNC, LOCAL, NOBITS, SYMTAB, WEAK, WRITE, ElfFile
from emulator import elf
from emulator.elf import Elf, Relocation, strings
from emulator.errors import InputError
from emulator.regular import open_regular

SHAPES = [(bits, big) for bits in (32, 64) for big in (False, True)]


def example(bits: int = 64, *, big_endian: bool = False) -> ElfFile:
    file = ElfFile(bits=bits, machine=62, big_endian=big_endian)
    text = file.section(".text", b"\xe8\0\0\0\0\xc3\x90\x90", flags=ALLOC | EXEC, align=16)
    file.section(".bss", type=NOBITS, flags=ALLOC | WRITE, size=1 << 40 if bits == 64 else 1 << 30, align=8)
    file.symbol("ftrace_caller", 2, section=text, type=FUNC, size=4)
    file.symbol("caller", 1, section=text, binding=LOCAL)
    file.symbol("number", -1, section=ABS, binding=WEAK)
    file.symbol("caller", 5, section=text)
    file.relocation(text, 1, 4, "far", -4)
    file.relocation(text, 5, 2, "far")
    file.segments.append((1, 5, 64, 0xC0100000, 0x100000, 8, 16, 4096))
    return file


def opened(file: ElfFile) -> Elf:
    return Elf(file.written(), "a.o")


@pytest.mark.parametrize(("bits", "big"), SHAPES)
def test_everything_is_read_in_every_shape(bits: int, big: bool) -> None:
    found = opened(example(bits, big_endian=big))
    assert (found.bits, found.big_endian, found.type, found.machine) == (bits, big, 1, 62)
    assert [section.name for section in found.sections] == [
        "", ".text", ".bss", ".symtab", ".strtab", ".rela.text", ".rel.text", ".shstrtab"
    ]  # fmt: skip
    text = found.section(".text")
    assert text
    assert (text.number, text.flags, text.align) == (1, ALLOC | EXEC, 16)
    assert bytes(found.contents(text)) == b"\xe8\0\0\0\0\xc3\x90\x90"
    names = [(symbol.name, symbol.value, symbol.type, symbol.binding) for symbol in found.symbols()]
    assert names == [
        ("", 0, 0, 0), ("caller", 1, 0, 0), ("ftrace_caller", 2, 2, 1), ("number", (1 << bits) - 1, 0, 2),
        ("caller", 5, 0, 1), ("far", 0, 0, 1),
    ]  # fmt: skip
    rela, rel = found.section(".rela.text"), found.section(".rel.text")
    assert rela
    assert rel
    assert list(found.relocations(rela)) == [Relocation(1, 4, 5, -4)]
    assert list(found.relocations(rel)) == [Relocation(5, 2, 5, None)]
    assert found.segments == (elf.Segment(1, 5, 64, 0xC0100000, 0x100000, 8, 16, 4096),)


@pytest.mark.parametrize("bits", [32, 64])
def test_wanted_names_are_found_where_their_string_is_the_tail_of_another(bits: int) -> None:
    found = opened(example(bits))
    assert [(one.name, one.value) for one in found.symbols_named(["caller", "far", "nobody"])] == [
        ("caller", 1), ("caller", 5), ("far", 0)
    ]  # fmt: skip
    assert [one.value for one in found.symbols_named(["ftrace_caller"])] == [2]
    assert found.symbols_named([]) == []


def test_a_section_is_not_copied() -> None:
    found = opened(example())
    text = found.section(".text")
    assert text
    assert found.contents(text).obj is found.data


def test_what_occupies_no_byte_of_the_file_has_none() -> None:
    found = opened(example())
    bss = found.section(".bss")
    assert bss
    assert (bss.size, bytes(found.contents(bss))) == (1 << 40, b"")


def test_a_stripped_file_has_no_symbols() -> None:
    file = example()
    file.stripped = True
    found = opened(file)
    assert (list(found.symbols()), found.symbols_named(["far"]), found.symbol_table) == ([], [], None)


def mapped(path: Path) -> Elf:
    """As images are opened."""
    with open_regular(path) as file:
        size = os.fstat(file.fileno()).st_size
        return Elf(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) if size else b"", str(path))


@pytest.mark.parametrize("open_it", [mapped, elf.read_elf])
def test_files_are_opened(open_it, tmp_path: Path) -> None:
    path = tmp_path / "a.o"
    path.write_bytes(example().written())
    assert len(open_it(path).sections) == 8


def test_a_mapped_file_can_be_replaced_meanwhile(tmp_path: Path) -> None:
    path = tmp_path / "vmlinux"
    path.write_bytes(example().written())
    found = mapped(path)
    path.unlink()
    path.write_bytes(b"")
    assert found.section(".text")


# -- compressed sections -----------------------------------------------------------------------------------------------


def compressed(bits: int, size: int, data: bytes, kind: int = 1) -> tuple[Elf, elf.Section]:
    file = ElfFile(bits=bits)
    head = struct.pack("<IIQQ", kind, 0, size, 1) if bits == 64 else struct.pack("<III", kind, size, 1)
    file.section(".debug_line", head + data, flags=COMPRESSED)
    found = opened(file)
    return found, found.sections[1]


@pytest.mark.parametrize("bits", [32, 64])
def test_a_compressed_section_is_inflated(bits: int) -> None:
    found, section = compressed(bits, 5, zlib.compress(b"lines"))
    assert found.plain(section, 100) == b"lines"


@pytest.mark.parametrize(
    ("size", "data", "kind", "message"),
    [
        (1 << 40, zlib.compress(bytes(1 << 20)), 1, "inflates to 1099511627776 bytes, more than"),
        (5, zlib.compress(bytes(3)), 1, "inflates to 3 bytes, not 5"),
        (5, b"nonsense", 1, "cannot be inflated"),
        (5, b"", 2, "compressed in way 2"),
    ],
)
def test_what_cannot_be_inflated_is_said(size: int, data: bytes, kind: int, message: str) -> None:
    found, section = compressed(64, size, data, kind)
    with pytest.raises(InputError, match=message):
        found.plain(section, 1 << 20)


def test_inflating_ends_at_the_size_that_the_header_promises() -> None:
    found, section = compressed(64, 5, zlib.compress(bytes(1 << 24)))
    assert found.plain(section, 100) == bytes(5)


def test_a_plain_section_has_the_same_bound() -> None:
    found = opened(example())
    with pytest.raises(InputError, match=r"section \.text holds more than 7 bytes"):
        found.plain(found.sections[1], 7)


# -- what is no such file ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("open_it", [mapped, elf.read_elf])
@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda path: None, "cannot be read: No such file"),
        (Path.mkdir, "cannot be read: Is a directory"),
        (os.mkfifo, "cannot be read: not a regular file"),
        (Path.touch, "0x0: is empty"),
        (lambda path: path.write_text("# a script\n"), "0x0: is no ELF file: it begins with 23 20 61 20"),
        (lambda path: path.write_bytes(b"\x7fE"), "0x0: is no ELF file: it begins with 7f 45"),
        (lambda path: path.write_bytes(b"\x7fELF\2\1"), "0x0: ends within the ELF header, after 6 bytes"),
    ],
    ids=["missing", "directory", "fifo", "empty", "text", "two bytes", "six bytes"],
)
def test_what_is_no_elf_file_is_refused_by_name(open_it, make, message: str, tmp_path: Path) -> None:
    path = tmp_path / "given"
    make(path)
    with pytest.raises(InputError, match=f"{path}:? ?{message}"):
        open_it(path).sections  # noqa: B018


def test_an_object_has_a_limit(tmp_path: Path) -> None:
    path = tmp_path / "a.o"
    path.write_bytes(example().written())
    with pytest.raises(InputError, match="is larger than 100 bytes"):
        elf.read_elf(path, 100)


def everything(found: Elf) -> None:
    """Ask for all there is."""
    for section in found.sections:
        found.contents(section)
        if section.type in (4, 9):
            list(found.relocations(section))
        with contextlib.suppress(InputError):
            found.plain(section, 1 << 16)
    list(found.symbols())
    found.symbols_named(["caller", "far"])
    assert found.segments is not None


def edited(at: int, form: str, value: int) -> bytes:
    data = bytearray(example().written())
    struct.pack_into(form, data, at, value)
    return bytes(data)


def header(section: int, at: int, form: str, value: int) -> bytes:
    """One number of a section's header changed."""
    start = struct.unpack_from("<Q", example().written(), 40)[0]
    return edited(start + 64 * section + at, form, value)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (edited(4, "B", 3), "0x4: is of ELF class 3"),
        (edited(5, "B", 0), "0x5: has byte order 0"),
        (example().written()[:40], "0x10: the ELF header ends at 0x40, beyond the end of the file at 0x28"),
        (example().written()[:-10], "the table of sections ends at"),
        (edited(40, "<Q", 1 << 63), "the table of sections ends at"),
        (edited(58, "<H", 63), "section headers are 63 bytes long, not 64"),
        (edited(62, "<H", 99), "section 99, which is to hold the names of sections, does not exist"),
        (edited(62, "<H", 2), "section 2 is to hold names, and has no bytes"),
        (header(1, 24, "<Q", 1 << 40), r"0x10000000000: section \.text ends at"),
        (header(1, 32, "<Q", (1 << 64) - 1), r"section \.text ends at"),
        (header(1, 0, "<I", 1 << 20), "section 1: the name at 0x100000 lies beyond its string table"),
        (header(3, 40, "<I", 77), r"\.symtab takes its names from section 77"),
        (header(3, 32, "<Q", 25), r"section \.symtab is no multiple of 24 bytes long"),
        (header(3, 56, "<Q", 7), r"section \.symtab has entries of 7 bytes"),
        (header(4, 32, "<Q", 3), "the name at 0x1 of the string table has no end|lies beyond its string table"),
        (edited(56, "<H", 0xFFFF), "the table of program headers ends at"),
        (edited(54, "<H", 1), "program headers are 1 bytes long"),
    ],
)
def test_what_is_wrong_is_named_with_its_offset(data: bytes, message: str) -> None:
    with pytest.raises(InputError, match=rf"^a\.o:.*{message}"):
        everything(Elf(data, "a.o"))


def test_a_table_of_sections_that_is_said_to_be_enormous() -> None:
    data = bytearray(header(0, 32, "<Q", 1 << 40))
    struct.pack_into("<H", data, 60, 0)
    with pytest.raises(InputError, match="1099511627776 sections are more than"):
        everything(Elf(bytes(data), "a.o"))


def test_names_that_overlap_cannot_exhaust_memory() -> None:
    table = strings.Strings(b"x" * 4000 + b"\0", 0, 4001)
    with pytest.raises(ValueError, match="names overlap"):
        [table.at(0) for _ in range(1000)]


def test_a_wanted_name_that_stands_everywhere_has_an_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(strings, "MOST_PLACES", 100)
    table = strings.Strings(b"a\0" * 200, 0, 400)
    with pytest.raises(ValueError, match="more than 100 times"):
        table.offsets(["a"])


def test_a_section_index_beyond_65280_is_read_from_the_first_header() -> None:
    data = bytearray(example().written())
    start, count, names = struct.unpack_from("<Q", data, 40)[0], *struct.unpack_from("<HH", data, 60)
    struct.pack_into("<HH", data, 60, 0, 0xFFFF)
    struct.pack_into("<Q", data, start + 32, count)
    struct.pack_into("<I", data, start + 40, names)
    assert [section.name for section in Elf(bytes(data), "a.o").sections[1:3]] == [".text", ".bss"]


@given(st.sampled_from(SHAPES), st.data())
def test_a_damaged_file_is_read_or_refused(shape: tuple[int, bool], data: st.DataObject) -> None:
    damaged = bytearray(example(shape[0], big_endian=shape[1]).written())
    for _ in range(data.draw(st.integers(1, 4))):
        damaged[data.draw(st.integers(0, len(damaged) - 1))] = data.draw(st.integers(0, 255))
    with contextlib.suppress(InputError):
        everything(Elf(bytes(damaged[: data.draw(st.integers(0, len(damaged)))]), "a.o"))


def test_symbol_tables_are_told_by_their_type() -> None:
    file = ElfFile(stripped=True)
    file.section("other", type=SYMTAB)
    table = opened(file).symbol_table
    assert table
    assert table.name == "other"


def test_a_name_cannot_steer_a_terminal() -> None:
    assert strings.decoded(b"\x1b[31mred") == "\\x1b[31mred"
    assert strings.decoded(b"\xff") == "\\xff"
    assert strings.decoded("größe".encode()) == "größe"
