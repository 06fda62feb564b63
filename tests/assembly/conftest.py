# SPDX-License-Identifier: GPL-2.0-only
"""GNU as and ld as an oracle: the bytes of a source's sections at fixed addresses, by them and by us."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from emulator import catalog
from emulator.assembly import fixups
from emulator.assembly.keystone import KeystoneAssembler
from emulator.assembly.piece import Piece, Source
from emulator.description import Arch

BASE, SECTION_STEP = 0x400000, 0x10000
"""Where the first section goes, and how far it is to the next: every kind of field reaches."""


def tool(arch: Arch, name: str) -> str:
    """The path of a binutils program for the architecture; skips the test where there is none."""
    for prefix in arch.engine.gnu:
        if path := shutil.which(prefix + name):
            return path
    pytest.skip(f"no GNU {name} for {arch.name} on PATH")


def sections_by_gnu(arch: Arch, text: str, defines: Mapping[str, int], ours: Piece, folder: Path) -> dict[str, bytes]:
    """The sections that `ours` has too, assembled and linked by GNU binutils at `addresses`."""
    source, object_file, image = folder / "x.s", folder / "x.o", folder / "x.elf"
    source.write_text(text)
    symbols = [f"--defsym={name}={value}" for name, value in defines.items()]
    run(tool(arch, "as"), *arch.engine.gnu_flags, *symbols, "-o", object_file, source)
    placed = [f"--section-start={name}={address:#x}" for name, address in section_addresses(ours).items()]
    outside = [f"--defsym={name}={address:#x}" for name, address in undefined_addresses(ours).items()]
    emulation = [f"-m{arch.engine.gnu_emulation}"] if arch.engine.gnu_emulation else []
    run(tool(arch, "ld"), *emulation, "-o", image, object_file, "-e0", "--no-warn-rwx-segments", *placed, *outside)
    return {name: _contents(arch, image, name, folder) for name in ours.sections if ours.sections[name].data}


def _contents(arch: Arch, image: Path, section: str, folder: Path) -> bytes:
    raw = folder / "x.bin"
    run(tool(arch, "objcopy"), "-O", "binary", "-j", section, image, raw)
    return raw.read_bytes()


def run(*command: str | Path) -> None:
    """Run a tool; its complaint is the failure."""
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def sections_by_us(piece: Piece) -> dict[str, bytes]:
    """The sections of a piece at `section_addresses`, fixups applied."""
    bases = section_addresses(piece)
    known = {**undefined_addresses(piece), **bases}
    for symbol in piece.symbols.values():
        known[symbol.name] = symbol.value + (bases[symbol.section] if symbol.section else 0)
    data = {name: bytearray(section.data) for name, section in piece.sections.items() if section.data}
    for fixup in piece.fixups:
        place = bases[fixup.section] + fixup.offset
        target = known[fixup.symbol]
        fixups.apply(fixup.kind, data[fixup.section], fixup.offset, symbol=target, addend=fixup.addend, place=place)
    return {name: bytes(content) for name, content in data.items()}


def section_addresses(piece: Piece) -> dict[str, int]:
    """Where each section goes."""
    return {name: BASE + SECTION_STEP * index for index, name in enumerate(piece.sections)}


def undefined_addresses(piece: Piece) -> dict[str, int]:
    """Where each symbol from elsewhere is."""
    start = BASE + SECTION_STEP * (len(piece.sections) + 1)
    return {name: start + 0x10 * index for index, name in enumerate(piece.undefined)}


def compare(arch: Arch, text: str, defines: Mapping[str, int], folder: Path) -> None:
    """Fail with the first statement whose bytes differ."""
    (ours,) = KeystoneAssembler().assemble(arch, [Source("x.s", text, defines)])
    expected, found = sections_by_gnu(arch, text, defines, ours, folder), sections_by_us(ours)
    for line in ours.lines:
        span = slice(line.offset, line.offset + line.size)
        assert found[line.section][span].hex(" ") == expected[line.section][span].hex(" "), line
    assert found == expected


Comparison = Callable[[str, str, Mapping[str, int]], None]


@pytest.fixture
def same_as_gnu(tmp_path: Path) -> Comparison:
    """A function that takes an architecture's name, a text and defines, and asserts that all its bytes are GNU's."""
    return lambda name, text, defines: compare(catalog.load(name), text, defines, tmp_path)
