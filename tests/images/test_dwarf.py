# SPDX-License-Identifier: GPL-2.0-only
"""DWARF: structs come back as they were written, of the right unit; damage is refused, and soon."""

from __future__ import annotations

import random
import struct
import time
from pathlib import Path

import pytest

from elf_files import COMPRESSED, EXEC_FILE, ElfFile
from emulator import catalog
from emulator.cli import main
from emulator.core import releases
from emulator.core.choice import LIST_FUNC
from emulator.core.layout import ftrace_ops
from emulator.description import Arch, Struct
from emulator.elf import Elf
from emulator.errors import InputError
from emulator.images import dwarf
from emulator.images.dwarf import unit_at
from emulator.images.layouts import OPS, PT_REGS
from kernels import HEAD, SmallKernel, debug_sections, entries, small_kernel

AT = 0x1000
ROUNDS = 200


@pytest.fixture(autouse=True)
def little_work(monkeypatch: pytest.MonkeyPatch) -> None:
    """Enough for what is small, so that what is endless is soon refused."""
    monkeypatch.setattr(dwarf, "MOST_WORK", 1 << 16)


def elf(sections: dict[str, bytes], *, flags: int = 0) -> Elf:
    file = ElfFile(kind=EXEC_FILE)
    for name, data in sections.items():
        file.section(name, data, flags=flags)
    return Elf(file.written(), "vmlinux")


def x86(data: bytes) -> dict[str, bytes]:
    return debug_sections(data, catalog.load("x86_64"), AT)


def read(data: bytes, *names: str) -> dict[str, Struct]:
    unit = unit_at(elf(x86(data)), AT)
    assert unit is not None
    return unit.structs(*names)


def structs(arch: Arch) -> tuple[Struct, Struct]:
    variant = arch.variant(arch.releases[-1])
    return arch.pt_regs, ftrace_ops(releases.release(variant.release), arch.word, variant.abilities)


def without_btf(name: str) -> SmallKernel:
    arch = catalog.load(name)
    kernel = small_kernel(arch, arch.variant(arch.releases[-1]), structs=False)
    for section, data in debug_sections(entries(structs(arch), arch), arch, kernel.address(LIST_FUNC)).items():
        kernel.sections[section] = (0, bytearray(data), 0)
    return kernel


@pytest.mark.parametrize("name", catalog.names())
def test_an_image_without_btf_tells_its_layouts(name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "vmlinux"
    path.write_bytes(without_btf(name).written())
    assert main(["show", "--vmlinux", str(path), "--layouts"]) == 0
    assert "  0 of " in capsys.readouterr().out


def test_what_is_written_comes_back() -> None:
    arch = catalog.load("x86_64")
    regs, ops = structs(arch)
    found = read(entries((regs, ops), arch), PT_REGS, OPS, "none")
    assert {name: item.size for name, item in found.items()} == {PT_REGS: regs.size, OPS: ops.size}
    assert [member[:3] for member in found[OPS].members] == [member[:3] for member in ops.members]


def test_an_unnamed_struct_belongs_to_the_one_around_it() -> None:
    inner = HEAD + 1 + len(b"\6u\0\4")
    data = b"\1" + b"\6u\0\4" + b"\x08" + struct.pack("<II", 0, 8)
    data += b"\3a\0" + struct.pack("<II", HEAD + 1, 4) + b"\0"
    data += b"\2s\0" + struct.pack("<I", 24) + b"\3\0" + struct.pack("<II", inner, 16) + b"\0\0"
    assert [member[:3] for member in read(data, "s")["s"].members] == [("a", 20, 4)]


def test_members_of_a_struct_in_a_union_have_sizes_of_their_own_and_others_the_union_s() -> None:
    data = bytearray(b"\1" + b"\6u\0\4")
    inner = HEAD + len(data)
    data += b"\x08" + struct.pack("<II", 0, 8)
    data += b"".join(b"\3" + name + b"\0" + struct.pack("<II", HEAD + 1, at) for name, at in ((b"a", 0), (b"b", 4)))
    data += b"\0"
    union = HEAD + len(data)
    data += b"\x09" + struct.pack("<II", 0, 8) + b"\3\0" + struct.pack("<II", inner, 0)
    data += b"\3c\0" + struct.pack("<II", HEAD + 1, 0) + b"\0"
    data += b"\2s\0" + struct.pack("<I", 24) + b"\3\0" + struct.pack("<II", union, 16) + b"\0\0"
    found = [member[:3] for member in read(bytes(data), "s")["s"].members]
    assert found == [("a", 16, 4), ("b", 20, 4), ("c", 16, 8)]


def test_no_address_no_unit() -> None:
    whole = x86(entries(structs(catalog.load("x86_64")), catalog.load("x86_64")))
    assert unit_at(elf(whole), AT + 15) is not None
    assert unit_at(elf(whole), AT + 16) is None
    assert unit_at(elf(whole, flags=COMPRESSED), AT) is None
    assert unit_at(elf({name: data for name, data in whole.items() if name != ".debug_aranges"}), AT) is None


def chain() -> bytes:
    """Structs of two unnamed members each, thirty deep: a thousand million members."""
    data = bytearray(b"\1" + b"\6u\0\4")
    below = HEAD + 1
    for _ in range(30):
        here = HEAD + len(data)
        data += b"\x08" + struct.pack("<II", 0, 8) + 2 * (b"\3\0" + struct.pack("<II", below, 0)) + b"\0"
        below = here
    return bytes(data) + b"\2s\0" + struct.pack("<I", 8) + b"\3\0" + struct.pack("<II", below, 0) + b"\0\0"


def member(kind: int, before: bytes = b"") -> bytes:
    return b"\1" + before + b"\2s\0" + struct.pack("<I", 8) + b"\3m\0" + struct.pack("<II", kind, 0) + b"\0\0"


DAMAGED = {
    "no such entry": (b"\1\x55\0", "cannot be read: KeyError"),
    "half an entry": (b"\1\2abc", "cannot be read"),
    "no end": (b"\1", "cannot be read"),
    "a type outside": (member(0x7FFFFFFF), "cannot be read"),
    "a typedef of itself": (member(HEAD + 1, b"\7" + struct.pack("<I", HEAD + 1)), "is made of itself"),
    "an array of itself": (member(HEAD + 1, b"\4" + struct.pack("<I", HEAD + 1) + b"\0"), "is made of itself"),
    "a thousand million members": (chain(), "takes more than"),
}


@pytest.mark.parametrize("what", DAMAGED)
def test_damage_says_where(what: str) -> None:
    data, says = DAMAGED[what]
    with pytest.raises(InputError, match=rf"vmlinux:0x[0-9a-f]+: DWARF .*{says}") as raised:
        read(data, "s")
    assert "\n" not in str(raised.value)


def test_a_sibling_that_lies_behind_is_not_gone_to() -> None:
    data = b"\1" + b"\x08" + struct.pack("<II", HEAD + 1, 8) + b"\0" + b"\2s\0" + struct.pack("<I", 8) + b"\0\0"
    assert set(read(data, "s")) == {"s"}


def test_attributes_that_take_no_bytes_are_counted() -> None:
    """Each of the entries of one byte has ten thousand attributes of form DW_FORM_implicit_const."""
    sections = x86(b"\1" + b"\2" * 20_000)
    sections[".debug_abbrev"] = b"\1\x11\1\0\0\2\x24\0" + b"\3\x21\0" * 10_000 + b"\0\0\0"
    unit = unit_at(elf(sections), AT)
    assert unit is not None
    with pytest.raises(InputError, match="takes more than"):
        unit.structs("s")


@pytest.mark.parametrize(
    ("section", "data", "says"),
    [
        (".debug_aranges", b"\xff\0\0\0", "beyond its end"),
        (".debug_aranges", struct.pack("<IHIBB", 8, 9, 0, 8, 0), "a table of version 9"),
        (".debug_info", struct.pack("<IHIB", 1 << 30, 4, 0, 8), "beyond the end of .debug_info"),
        (".debug_info", struct.pack("<IHIB", 7, 77, 0, 8), "cannot be read"),
    ],
)
def test_damaged_heads_say_where(section: str, data: bytes, says: str) -> None:
    with pytest.raises(InputError, match=rf"vmlinux:0x[0-9a-f]+: .*{says}"):
        unit_at(elf({**x86(b"\1\0"), section: data}), AT)


def test_mutated_dwarf_is_read_or_refused_soon() -> None:
    arch, chance = catalog.load("x86_64"), random.Random("dwarf")
    whole, refused, start = x86(entries(structs(arch), arch)), 0, time.process_time()
    for _ in range(ROUNDS):
        changed = {name: bytearray(data) for name, data in whole.items()}
        for _ in range(chance.choice((1, 2, 8))):
            data = changed[chance.choice((".debug_info", ".debug_abbrev", ".debug_abbrev", ".debug_aranges"))]
            data[chance.randrange(len(data))] = chance.choice((0, 1, 0x7F, 0x80, 0xFF, chance.randrange(256)))
        try:
            unit = unit_at(elf({name: bytes(data) for name, data in changed.items()}), AT)
            found = unit.structs(PT_REGS, OPS) if unit else {}
            assert set(found) <= {PT_REGS, OPS}
        except InputError:
            refused += 1
    assert refused
    assert time.process_time() - start < 60
