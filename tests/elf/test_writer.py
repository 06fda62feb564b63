# SPDX-License-Identifier: GPL-2.0-only
"""Files that are written, read again by our own reader and by readelf."""

from __future__ import annotations

import shutil
import subprocess

import pytest

from emulator.elf import layout
from emulator.elf.reader import Elf
from emulator.elf.writer import Machine, OutSection, OutSymbol, write

MACHINES = {
    "x86_64": Machine(62, 8),
    "i386": Machine(3, 4),
    "arm": Machine(40, 4, flags=0x5000200),
    "powerpc": Machine(20, 4, big_endian=True),
    "s390x": Machine(22, 8, big_endian=True),
}
BASE = 0x40001010
SECTIONS = (
    OutSection(".text", b"\x90" * 40, BASE, executable=True),
    OutSection(".data", b"data", BASE + 0x10000, writable=True),
    OutSection(".debug_line", b"lines"),
)
SYMBOLS = (
    OutSymbol("main", BASE, 16, layout.STT_FUNC),
    OutSymbol("here", BASE + 8, binding=layout.STB_LOCAL),
    OutSymbol("variable", BASE + 0x10000, 4, layout.STT_OBJECT),
    OutSymbol("nowhere", 0x1234),
)
needs_readelf = pytest.mark.skipif(shutil.which("readelf") is None, reason="needs readelf")


@pytest.fixture(params=MACHINES)
def file(request, tmp_path):
    path = tmp_path / "file"
    path.write_bytes(write(MACHINES[request.param], BASE, SECTIONS, SYMBOLS))
    return path


def readelf(path, *words):
    done = subprocess.run(["readelf", *words, path], capture_output=True, text=True, check=True)
    assert done.stderr == ""
    return done.stdout


@needs_readelf
def test_readelf_finds_what_was_written(file):
    text = readelf(file, "-W", "-a")
    assert "EXEC (Executable file)" in text
    assert f"Entry point address:               {BASE:#x}" in text
    for name in ("main", "here", "variable", "nowhere", ".text", ".data", ".debug_line"):
        assert name in text
    assert "FUNC    GLOBAL DEFAULT    1 main" in text
    assert "NOTYPE  LOCAL  DEFAULT    1 here" in text
    assert "OBJECT  GLOBAL DEFAULT    2 variable" in text
    assert "DEFAULT  ABS nowhere" in text


@needs_readelf
def test_what_is_loaded_stands_where_it_says(file):
    assert "R E" in readelf(file, "-W", "-l")
    for name, content in ((".text", "90" * 4), (".data", b"data".hex()), (".debug_line", b"line".hex())):
        assert content in readelf(file, "-x", name)


@pytest.mark.parametrize("machine", MACHINES.values(), ids=MACHINES.keys())
def test_our_own_reader_finds_the_same(machine):
    data = write(machine, BASE, SECTIONS, SYMBOLS)
    assert data[:4] == b"\x7fELF"
    read = Elf(data, "file")
    assert {section.name for section in read.sections} >= {section.name for section in SECTIONS}
