# SPDX-License-Identifier: GPL-2.0-only
"""Whole objects damaged in every way: each is loaded and placed, or refused in one line, soon and in little memory."""

from __future__ import annotations

import contextlib
import os
import random
import struct
import time
import tracemalloc
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from elf_files import ALLOC, EXEC, FUNC, LOCAL, NOBITS, SECTION, WRITE, ElfFile
from emulator import catalog
from emulator.description import Arch
from emulator.errors import InputError
from emulator.objects import load_object
from emulator.placement import Placement
from emulator.subject import Subject, load

ROUNDS = 150
SECONDS, BYTES = 60, 1 << 27
"""For all rounds of a campaign; one takes some milliseconds."""

PROGRAM = b"\0\x09\2" + bytes(8) + b"\3\x09\1\2\4\1\x21\x08\0\1\1"
FILES = b"\1\1\x08\2/home\0/home/arch\0\2\1\x08\2\x0b\2top.S\0\0a.S\0\1"


def debug_line() -> bytes:
    """One program of DWARF 5."""
    rest = bytes([1, 1, 1]) + struct.pack("<bBB", -5, 14, 13) + bytes([0, 1, 1, 1, 1, 0, 0, 0, 1, 0, 0, 1]) + FILES
    head = struct.pack("<HBBI", 5, 8, 0, len(rest)) + rest
    return struct.pack("<I", len(head) + len(PROGRAM)) + head + PROGRAM


def whole(file: ElfFile, code: bytes, call: tuple[int, int, int | None], pointer: tuple[int, int | None]) -> bytes:
    """Code that calls and is called, data of every kind, lines, tables that nobody needs."""
    explicit = pointer[1] is not None
    text = file.section(".text", code, flags=ALLOC | EXEC, align=16)
    data = file.section(".data", bytes(32), flags=ALLOC | WRITE, align=8)
    file.section(".bss", type=NOBITS, flags=ALLOC | WRITE, size=64, align=32)
    table = file.section(".altinstructions", bytes(16), flags=ALLOC)
    lines = file.section(".debug_line", debug_line())
    file.symbol("ftrace_caller", section=text, type=FUNC, size=8)
    file.symbol("ftrace_call", 4, section=text)
    file.symbol("variable", 8, section=data, binding=LOCAL)
    file.symbol("$a", section=text, binding=LOCAL)
    file.symbol(".text", section=text, type=SECTION, binding=LOCAL)
    file.relocation(text, *call[:2], "far", call[2])
    file.relocation(text, 8, pointer[0], "variable", pointer[1])
    file.relocation(data, 0, pointer[0], "ftrace_caller", pointer[1])
    file.relocation(table, 0, pointer[0], ".text", 4 if explicit else None)
    file.relocation(lines, debug_line().index(PROGRAM) + 3, pointer[0], ".text", pointer[1])
    return file.written()


WHOLE = {
    "x86_64": whole(
        ElfFile(bits=64, machine=62), bytes.fromhex("9090 90e8 00000000 0000000000000000 c3"), (4, 4, -4), (1, 0)
    ),
    "arm": whole(
        ElfFile(bits=32, machine=40), bytes.fromhex("0000a0e1 feffffeb 00000000 1eff2fe1"), (4, 28, None), (2, None)
    ),
}
INTERESTING = (0, 1, 0x7F, 0x80, 0xFF, 0xFFFF, 1 << 31, (1 << 32) - 1, 1 << 63, (1 << 64) - 1)


def attempt(arch: Arch, subject: Subject, path: Path) -> str:
    """Load and place; what was wrong."""
    try:
        piece = load_object(arch, path)
        Placement(Subject(arch, subject.variant, piece, subject.kernel, str(path)))
    except InputError as error:
        return str(error)
    return ""


@pytest.mark.parametrize("name", WHOLE)
def test_the_sound_ones_are_loaded(name: str, tmp_path: Path) -> None:
    arch = catalog.load(name)
    path = tmp_path / "a.o"
    path.write_bytes(WHOLE[name])
    piece = load_object(arch, path)
    assert list(piece.sections) == [".text", ".data"]
    assert [line.place.file for line in piece.lines if line.offset >= 4][:1] == ["arch/a.S"]
    assert attempt(arch, load(arch, [arch.variants[-1]])[0], path) == ""


@pytest.mark.parametrize("name", WHOLE)
def test_a_file_that_ends_anywhere(name: str, tmp_path: Path) -> None:
    arch = catalog.load(name)
    (subject,) = load(arch, [arch.variants[-1]])
    path = tmp_path / "a.o"
    for size in range(0, len(WHOLE[name]), 7):
        path.write_bytes(WHOLE[name][:size])
        assert attempt(arch, subject, path).startswith(f"{path}:0x"), size


@given(st.sampled_from(sorted(WHOLE)), st.data())
def test_damaged_bytes(name: str, data: st.DataObject) -> None:
    damaged = bytearray(WHOLE[name])
    for _ in range(data.draw(st.integers(1, 4))):
        value = data.draw(st.sampled_from(INTERESTING) | st.integers(0, 255)).to_bytes(8, "little")
        at, size = data.draw(st.integers(0, len(damaged) - 8)), data.draw(st.sampled_from([1, 2, 4, 8]))
        damaged[at : at + size] = value[:size]
    path = Path(f"/dev/fd/{memory_file(bytes(damaged))}")
    try:
        with contextlib.suppress(InputError):
            load_object(catalog.load(name), path)
    finally:
        os.close(int(path.name))


def memory_file(data: bytes) -> int:
    """A file without a folder: hypothesis calls a test many times with one tmp_path."""
    number = os.memfd_create("a.o")
    os.write(number, data)
    return number


@pytest.mark.parametrize("name", WHOLE)
@pytest.mark.parametrize("seed", [1, 2])
def test_a_campaign(name: str, seed: int, tmp_path: Path) -> None:
    arch = catalog.load(name)
    (subject,) = load(arch, [arch.variants[-1]])
    path, values, began = tmp_path / "a.o", random.Random(seed), time.process_time()
    tracemalloc.start()
    try:
        for _ in range(ROUNDS):
            path.write_bytes(mutated(values, WHOLE[name]))
            assert len(attempt(arch, subject, path).splitlines()) <= 1
        assert tracemalloc.get_traced_memory()[1] < BYTES
    finally:
        tracemalloc.stop()
    assert time.process_time() - began < SECONDS


def mutated(values: random.Random, data: bytes) -> bytes:
    """A few numbers changed."""
    damaged = bytearray(data)
    for _ in range(values.choice([1, 2, 4, 8])):
        at, size = values.randrange(len(damaged) - 8), values.choice([1, 2, 4, 8])
        number = values.choice([*INTERESTING, values.getrandbits(64)])
        damaged[at : at + size] = number.to_bytes(8, "little")[:size]
    return bytes(damaged)
