# SPDX-License-Identifier: GPL-2.0-only
"""Line number programs written here opcode by opcode, sound ones and damaged ones; and those of GNU as."""

from __future__ import annotations

import contextlib
import re
import shutil
import struct
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from elf_files import ALLOC, COMPRESSED, EXEC, FUNC, ElfFile
from emulator import catalog
from emulator.elf import Elf, read_elf
from emulator.errors import InputError, Place
from emulator.objects import dwarf, line_header, line_program
from emulator.objects.cursor import Cursor, Damaged
from emulator.objects.dwarf import source_places
from emulator.objects.line_program import Lines, read_lines
from emulator.objects.relocatable import Relocatable

OPCODES = bytes([0, 1, 1, 1, 1, 0, 0, 0, 1, 0, 0, 1])
"""Operands of the standard opcodes 1 to 12."""


def files_4(*names: str) -> bytes:
    """One directory, and files in it."""
    return b"include\0\0" + b"".join(name.encode() + b"\0\1\0\0" for name in names) + b"\0"


def files_5(*names: str) -> bytes:
    """The compilation's directory, one below it and one elsewhere; each file in the one of its position."""
    folders = [b"/home/linux", b"/home/linux/arch", b"/usr/include"]
    table = bytes([1, 1, 0x08, len(folders)]) + b"".join(folder + b"\0" for folder in folders)
    entries = b"".join(name.encode() + b"\0" + bytes([at]) for at, name in enumerate(names))
    return table + bytes([2, 1, 0x08, 2, 0x0B, len(names)]) + entries


def unit(program: bytes, version: int = 4, files: bytes = files_4("a.S", "b.S"), *, long: bool = False) -> bytes:
    """A whole line number program."""
    fields = bytes([4, 1, 1]) if version >= 4 else bytes([4, 1])  # minimum instruction: 4 bytes
    rest = fields + struct.pack("<bBB", -5, 14, 13) + OPCODES + files
    size = "<Q" if long else "<I"
    head = struct.pack("<H", version) + (b"\x08\0" if version >= 5 else b"") + struct.pack(size, len(rest)) + rest
    length = len(head) + len(program)
    return (b"\xff\xff\xff\xff" if long else b"") + struct.pack(size, length) + head + program


SET = b"\0\x09\2" + struct.pack("<Q", 0x1000)
END = b"\0\1\1"


def lines(data: bytes, strings: bytes = b"") -> Lines:
    found = Lines()
    read_lines(found, data, strings, "little")
    return found


def rows(found: Lines) -> dict[int, str]:
    """The place of each unit of four bytes that has one."""
    known = {at: found.at(at) for at in range(0xFF0, 0x1100, 4)}
    return {at: str(place) for at, place in known.items() if place}


PROGRAM = SET + bytes([3, 9, 1]) + bytes([13 + 14 + 6]) + bytes([2, 2, 4, 2, 1]) + bytes([8]) + END
"""Line 10 for one unit, line 11 for two, then line 11 of the second file for 17: (255 - 13) // 14 units."""


@pytest.mark.parametrize(("version", "long"), [(2, False), (3, False), (4, False), (4, True)])
def test_versions_up_to_4(version: int, long: bool) -> None:
    found = rows(lines(unit(PROGRAM, version, long=long)))
    assert [found[at] for at in (0x1000, 0x1004, 0x1008, 0x100C, 0x104C)] == [
        "include/a.S:10", "include/a.S:11", "include/a.S:11", "include/b.S:11", "include/b.S:11"
    ]  # fmt: skip
    assert (min(found), max(found)) == (0x1000, 0x104C)


@pytest.mark.parametrize("long", [False, True])
def test_version_5_counts_from_0_and_knows_the_directory(long: bool) -> None:
    found = rows(lines(unit(SET + b"\1\4\0\2\1\1\4\2\2\1\1" + END, 5, files_5("top.S", "a.S", "b.h"), long=long)))
    assert list(found.values()) == ["arch/a.S:1", "top.S:1"]  # below the directory: as a developer says it
    outside = rows(lines(unit(SET + b"\4\2\1\2\1" + END, 5, files_5("top.S", "a.S", "b.h"))))
    assert list(outside.values()) == ["/usr/include/b.h:1"]


def test_names_of_version_5_in_debug_line_str() -> None:
    table = bytes([1, 1, 0x1F, 1]) + struct.pack("<I", 0) + bytes([2, 1, 0x1F, 2, 0x0B, 2])
    table += struct.pack("<IB", 5, 0) * 2
    assert list(rows(lines(unit(SET + b"\1\2\1" + END, 5, table), b"/src\0x.S\0")).values()) == ["x.S:1"]


def test_what_is_not_known_is_skipped() -> None:
    unknown = b"\0\5\x80abcd" + b"\0\2\4\7" + bytes([5, 3, 6, 7, 10, 11, 12, 1])  # extended, discriminator, column...
    assert rows(lines(unit(SET + unknown + b"\1\2\1" + END))) == {0x1000: "include/a.S:1"}
    assert rows(lines(unit(PROGRAM, version=6) + unit(SET + b"\1\2\1" + END))) == {0x1000: "include/a.S:1"}


def test_lines_and_files_that_do_not_exist_are_no_places() -> None:
    assert not rows(lines(unit(SET + b"\4\x63\1\2\1" + END)))
    assert not rows(lines(unit(SET + b"\3\x7f\1\2\1" + END)))  # line 0
    assert not rows(lines(unit(SET + b"\1" + SET + b"\1" + END)))  # no address between the two


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"\1", "it ends 3 bytes too early"),
        (struct.pack("<I", 100) + b"\4\0", "it ends 98 bytes too early"),
        (unit(PROGRAM)[:4] + b"\4\0\xff\xff\0\0" + unit(PROGRAM)[10:], "the header of 65535 bytes is longer"),
        (unit(b"\0\x0a\2" + bytes(8)), "it ends 1 bytes too early"),
        (unit(b"\2" + b"\x80" * 12), "a LEB128 number has more than 10 bytes"),
        (unit(b"", files=b"abc"), "a name has no end"),
        (unit(b"", 5, bytes([0, 5])), "a table of 5 names"),
        (unit(b"", 5, bytes([1, 1, 8, 0xFF, 0xFF, 0xFF, 0x7F])), "a table of 268435455 names"),
        (unit(b"", 5, bytes([1, 1, 0x55, 1])), "form 0x55, which no line table has"),
        (unit(b"", 5, bytes([1, 1, 0x1F, 1]) + b"\xff\xff\xff\xff"), "a name has no end"),
        (unit(b"\xff").replace(struct.pack("<bBB", -5, 14, 13), struct.pack("<bBB", -5, 0, 13)), "line_range is 0"),
    ],
)
def test_damage_is_named(data: bytes, message: str) -> None:
    with pytest.raises(Damaged, match=message):
        lines(data)


def test_rows_and_names_have_an_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(line_program, "MOST_ROWS", 100)
    with pytest.raises(Damaged, match="more than 100 rows"):
        lines(unit(SET + bytes([13 + 14 + 5]) * 200))
    monkeypatch.setattr(line_header, "MOST_FILES", 3)
    with pytest.raises(Damaged, match="more than 3 names"):
        lines(unit(b"", files=files_4("a", "b", "c", "d")))


@given(st.integers(0, (1 << 64) - 1))
def test_leb128(value: int) -> None:
    encoded, rest = bytearray(), value
    while rest > 0x7F:
        encoded.append(rest & 0x7F | 0x80)
        rest >>= 7
    encoded.append(rest)
    assert Cursor(bytes(encoded), 0, len(encoded), "little").uleb() == value
    bits = 7 * len(encoded)
    signed = value - (1 << bits) if value >> bits - 1 else value
    assert Cursor(bytes(encoded), 0, len(encoded), "little").sleb() == signed


# -- in objects --------------------------------------------------------------------------------------------------------


def with_lines(data: bytes, flags: int = 0) -> ElfFile:
    """Two sections of code; the program's address is relocated to the second."""
    file = ElfFile()
    file.section(".text", bytes(8), flags=ALLOC | EXEC)
    other = file.section(".text.other", bytes(8), flags=ALLOC | EXEC)
    section = file.section(".debug_line", data, flags=flags)
    file.symbol("start", 4, section=other, type=FUNC)
    if not flags:
        file.relocation(section, data.index(SET) + 3, 1, "start", 0)
    return file


def places(file: ElfFile) -> dwarf.Places:
    return source_places(Relocatable(Elf(file.written(), "a.o")))


def test_addresses_are_relocated_section_by_section() -> None:
    found = places(with_lines(unit(SET + b"\1\2\1" + END)))
    assert found.at(".text.other", 4) == Place("include/a.S", 1)
    assert found.at(".text.other", 0) == Place("a.o", at=".text.other+0x0")
    assert found.at(".text", 4) == Place("a.o", at=".text+0x4")


def test_damage_is_named_with_its_offset_in_the_file() -> None:
    file = with_lines(SET + unit(b""))
    offset = Elf(file.written(), "a.o").section(".debug_line")
    assert offset
    with pytest.raises(InputError, match=rf"^a\.o:{offset.offset + 4:#x}: \.debug_line is damaged: it ends .* early"):
        places(file)


def test_a_relocation_of_lines_to_nowhere() -> None:
    file = with_lines(unit(SET))
    file.relocation(3, 1 << 20, 1, "start", 0)
    with pytest.raises(InputError, match=r"\.debug_line\+0x100000: R_X86_64_64: the field .* does not lie within"):
        places(file)


def test_a_bomb_is_refused() -> None:
    with pytest.raises(InputError, match=r"section \.debug_line inflates to"):
        places(with_lines(struct.pack("<IIQQ", 1, 0, 1 << 40, 1), COMPRESSED))


@given(st.data())
def test_damaged_lines_are_read_or_refused(data: st.DataObject) -> None:
    version = data.draw(st.sampled_from([2, 3, 4, 5]))
    files = files_5("top.S", "a.S") if version == 5 else files_4("a.S", "b.S")
    damaged = bytearray(unit(PROGRAM, version, files))
    for _ in range(data.draw(st.integers(1, 6))):
        damaged[data.draw(st.integers(0, len(damaged) - 1))] = data.draw(st.integers(0, 255))
    with contextlib.suppress(Damaged):
        lines(bytes(damaged))


# -- an independent reader ---------------------------------------------------------------------------------------------

SOURCE = """
        .macro many
        nop
        nop
        .endm
        .text
        .globl start
start:  nop
        many
        .section .text.other, "ax"
other:  nop


        nop
        .globl last
last:   nop
"""


def tools(name: str) -> tuple[str, str]:
    for prefix in catalog.load(name).engine.gnu:
        if shutil.which(f"{prefix}as") and shutil.which(f"{prefix}objdump"):
            return f"{prefix}as", f"{prefix}objdump"
    pytest.skip(f"no GNU as and objdump for {name} on PATH")


@pytest.mark.gnu_as
@pytest.mark.parametrize("name", catalog.names())
@pytest.mark.parametrize("options", [["--gdwarf-3"], ["--gdwarf-4"], ["--gdwarf-5"]], ids=" ".join)
@pytest.mark.parametrize("compress", [[], ["--compress-debug-sections"]], ids=["", "compressed"])
def test_the_same_lines_as_objdump(name: str, options: list[str], compress: list[str], tmp_path: Path) -> None:
    assembler, objdump = tools(name)
    (tmp_path / "in.s").write_text(SOURCE)
    flags = catalog.load(name).engine.gnu_flags
    subprocess.run([assembler, *flags, *options, *compress, "in.s", "-o", "in.o"], cwd=tmp_path, check=True)
    said = subprocess.run([objdump, "-dl", "in.o"], cwd=tmp_path, capture_output=True, text=True, check=True).stdout
    found = source_places(Relocatable(read_elf(tmp_path / "in.o")))
    section, line, count = "", 0, 0
    for text in said.splitlines():
        if begins := re.match(r"Disassembly of section (.*):", text):
            section = begins[1]
        elif source := re.search(r"in\.s:(\d+)", text):
            line = int(source[1])
        elif instruction := re.match(r" +([0-9a-f]+):\t", text):
            place = found.at(section, int(instruction[1], 16))
            assert (place.file, place.line) == ("in.s", line), text
            count += 1
    assert count == 6
