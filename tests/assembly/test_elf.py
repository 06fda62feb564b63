# SPDX-License-Identifier: GPL-2.0-only
"""Object files built here byte by byte, so that no tool is needed, and damaged in every way."""

from __future__ import annotations

import contextlib
import struct
from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emulator.assembly import elf
from emulator.assembly.piece import Fixup, Section, Symbol
from emulator.errors import InputError, Place


@dataclass(frozen=True)
class Part:
    """A section to write: sh_name's text, sh_type, sh_flags, bytes, sh_link, sh_info, sh_addralign."""

    name: str
    kind: int
    flags: int
    data: bytes
    link: int = 0
    info: int = 0
    align: int = 1


def written(parts: list[Part], order: str, bits: int, machine: int) -> bytes:
    """An ET_REL file with these sections, after the empty one and the one with the names."""
    names, offsets = b"\0", []
    for part in parts:
        offsets.append(len(names))
        names += part.name.encode() + b"\0"
    parts = [Part("", 0, 0, b""), Part("", 3, 0, names), *parts]
    offsets = [0, 0, *offsets]
    word, head = ("Q", 64) if bits == 64 else ("I", 52)
    body, headers = b"", b""
    for part, offset in zip(parts, offsets, strict=True):
        headers += struct.pack(
            f"{order}II4{word}II2{word}", offset, part.kind, part.flags, 0, head + len(body), len(part.data),
            part.link, part.info, part.align, 0,
        )  # fmt: skip
        body += part.data
    size = 64 if bits == 64 else 40
    ident = b"\x7fELF" + bytes([bits // 32, 1 if order == "<" else 2, 1]) + bytes(9)
    start = struct.pack(
        f"{order}HHI3{word}I6H", 1, machine, 1, 0, 0, head + len(body), 0, head, 0, 0, size, len(parts), 1
    )
    return ident + start + body + headers


def symbol(order: str, bits: int, name: int, info: int, at: int, value: int, size: int) -> bytes:
    if bits == 64:
        return struct.pack(f"{order}IBBHQQ", name, info, 0, at, value, size)
    return struct.pack(f"{order}IIIBBH", name, value, size, info, 0, at)


ALLOC, EXEC, WRITE = 2, 4, 1
STRINGS = b"\0start\0far\0local\0$a\0twice\0number\0"


def name(text: str) -> int:
    return STRINGS.index(b"\0" + text.encode() + b"\0") + 1


def example(order: str, bits: int, machine: int, relocations: Part, text: bytes = bytes(8)) -> bytes:
    def entry(*values: int) -> bytes:
        return symbol(order, bits, *values)

    symbols = [
        entry(0, 0, 0, 0, 0),
        entry(name("start"), 0x12, 2, 0, 8),  # global function in .text
        entry(name("far"), 0x10, 0, 0, 0),  # undefined
        entry(0, 0x03, 3, 0, 0),  # the section .data
        entry(name("local"), 0x00, 3, 4, 0),
        entry(name("$a"), 0x00, 2, 0, 0),
        entry(name("twice"), 0x00, 2, 1, 0),
        entry(name("twice"), 0x00, 2, 2, 0),
        entry(name("number"), 0x20, 0xFFF1, 77, 0),  # weak and absolute
        entry(name("local"), 0x04, 0xFFF1, 0, 0),  # a file's name
    ]
    parts = [
        Part(".text", 1, ALLOC | EXEC, text, align=4),
        Part(".data", 1, ALLOC | WRITE, bytes(8), align=8),
        Part(".bss", 8, ALLOC | WRITE, b""),
        Part(".comment", 1, 0, b"nobody"),
        Part(".discard.x", 1, ALLOC, b"nobody"),
        Part(".symtab", 2, 0, b"".join(symbols), link=8),
        Part(".strtab", 3, 0, STRINGS),
        relocations,
    ]
    return written(parts, order, bits, machine)


RELA64 = Part(
    ".rela.text", 4, 0, struct.pack("<QQq", 1, 2 << 32 | 4, -4) + struct.pack("<QQq", 4, 3 << 32 | 10, 6), 7, 2
)
REL32 = Part(".rel.text", 9, 0, struct.pack("<II", 0, 2 << 8 | 28) + struct.pack("<II", 4, 0 << 8 | 40), 7, 2)
X86 = example("<", 64, 62, RELA64)
ARM = example("<", 32, 40, REL32, bytes.fromhex("feffffeb1eff2fe1"))


def test_sections_that_occupy_memory() -> None:
    assert elf.read(X86, "a.o", 62).sections == {
        ".text": Section(".text", bytes(8), 4, executable=True),
        ".data": Section(".data", bytes(8), 8, writable=True),
        ".bss": Section(".bss", b"", 1, writable=True),
    }


@pytest.mark.parametrize(("data", "machine"), [(X86, 62), (ARM, 40)])
def test_symbols(data: bytes, machine: int) -> None:
    piece = elf.read(data, "a.o", machine)
    assert piece.symbols == {
        "start": Symbol("start", ".text", 0, 8, "global", function=True),
        "local": Symbol("local", ".data", 4),
        "twice": Symbol("twice", ".text", 1),
        "twice#7": Symbol("twice#7", ".text", 2),
        "number": Symbol("number", None, 77, 0, "weak"),
    }
    assert piece.undefined == ("far",)


def test_relocations_with_addends() -> None:
    at = Place("a.o")
    assert elf.read(X86, "a.o", 62).fixups == (
        Fixup(".text", 1, "R_X86_64_PLT32", "far", -4, at),
        Fixup(".text", 4, "R_X86_64_32", ".data", 6, at),
    )


def test_relocations_whose_addend_stands_in_the_field() -> None:
    assert elf.read(ARM, "a.o", 40).fixups == (Fixup(".text", 0, "R_ARM_CALL", "far", -8, Place("a.o")),)


@pytest.mark.parametrize("bits", [32, 64])
def test_the_other_byte_order(bits: int) -> None:
    none = Part(".rela.data", 4, 0, b"", 7, 3)
    piece = elf.read(example(">", bits, 22, none), "a.o", 22)
    assert piece.symbols["local"] == Symbol("local", ".data", 4)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "not an ELF file"),
        (b"\x7fELF\x03\x01" + bytes(100), "not an ELF file"),
        (X86[:30], "it ends before 0x0"),
        (X86[:-10], "it ends before"),
        (ARM, "it is of type 1 for machine 40, not type 1 for 62"),
        (X86[:16] + b"\2" + X86[17:], "it is of type 2"),
        (X86[:58] + b"\0\0" + X86[60:], "no section headers"),
        (X86 + bytes(elf.MOST_BYTES), "larger than"),
        (
            example("<", 64, 62, Part("r", 4, 0, struct.pack("<QQq", 1, 2 << 32 | 99, 0), 7, 2)),
            "relocation type 99 in r",
        ),
        (example("<", 64, 62, Part("r", 4, 0, struct.pack("<QQq", 1, 99 << 32 | 2, 0), 7, 2)), "against symbol 99"),
        (example("<", 64, 62, Part("r", 4, 0, struct.pack("<QQq", 1, 2, 0), 7, 2)), "against symbol 0"),
        (example("<", 64, 62, Part("r", 4, 0, struct.pack("<QQq", 1, 2, 0), 3, 2)), "section r names no symbol table"),
        (example("<", 64, 62, Part("r", 8, ALLOC, b"", align=3)), "section r is aligned to 3"),
    ],
)
def test_what_is_wrong_is_named(data: bytes, message: str) -> None:
    with pytest.raises(InputError, match=message):
        elf.read(data, "a.o", 62)


def test_sections_that_share_their_bytes_cannot_exhaust_memory() -> None:
    many = written([Part(".text", 8, ALLOC, b"")] * 100, "<", 64, 62)
    offset = struct.unpack_from("<Q", many, 40)[0]
    bloated = bytearray(many)
    for index in range(2, 102):
        struct.pack_into("<Q", bloated, offset + 64 * index + 32, elf.MOST_BYTES)
    with pytest.raises(InputError, match="its sections hold more than"):
        elf.read(bytes(bloated), "a.o", 62)


@given(st.sampled_from([(X86, 62), (ARM, 40)]), st.data())
def test_a_damaged_file_is_read_or_refused(example: tuple[bytes, int], data: st.DataObject) -> None:
    whole, machine = example
    damaged = bytearray(whole)
    for _ in range(data.draw(st.integers(1, 4))):
        damaged[data.draw(st.integers(0, len(whole) - 1))] = data.draw(st.integers(0, 255))
    with contextlib.suppress(InputError):
        elf.read(bytes(damaged), "a.o", machine)
