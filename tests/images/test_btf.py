# SPDX-License-Identifier: GPL-2.0-only
"""BTF: structs come back as they were written, and anything else is refused."""

from __future__ import annotations

import random
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emulator import catalog
from emulator.core import releases
from emulator.core.layout import ftrace_ops
from emulator.description import Arch, Member, Struct, Variant
from emulator.errors import InputError
from emulator.images.btf import Btf
from emulator.images.layouts import FREGS, OPS, PT_REGS, layouts, usable_ops
from kernels import btf


def read(data: bytes, *, word: int = 8, big_endian: bool = False) -> Btf:
    return Btf(data, "vmlinux", 0x1000, word=word, big_endian=big_endian)


def raw(types: bytes, names: bytes) -> bytes:
    return struct.pack("<HBB5I", 0xEB9F, 1, 0, 24, 0, len(types), len(types), len(names)) + types + names


def kind(name: int, number: int, size: int, *, vlen: int = 0, flag: bool = False) -> bytes:
    return struct.pack("<III", name, number << 24 | vlen | flag << 31, size)


VARIANTS = [
    pytest.param(arch, variant, id=f"{name}-{variant.name}")
    for name in catalog.names()
    for arch in [catalog.load(name)]
    for variant in arch.variants
]


@pytest.mark.parametrize(("arch", "variant"), VARIANTS)
def test_what_is_written_comes_back_and_agrees_with_itself(arch: Arch, variant: Variant) -> None:
    ops = ftrace_ops(releases.release(variant.release), arch.word, variant.abilities)
    data = btf([arch.pt_regs, ops], arch)
    found = read(data, word=arch.word, big_endian=arch.big_endian).structs(PT_REGS, OPS, *FREGS)
    assert {name: item.size for name, item in found.items()} == {PT_REGS: arch.pt_regs.size, OPS: ops.size}
    assert [(item.name, item.offset, item.size) for item in found[OPS].members] == [item[:3] for item in ops.members]
    assert all(row.same for row in layouts(found, arch, variant))
    assert usable_ops(found, arch) == found[OPS]


def test_unnamed_unions_belong_to_their_struct_and_have_one_size() -> None:
    """As pt_regs.cs is since 6.9: a u16 beside a u64, and the whole of it is written."""
    names = b"\0int\0u16\0u64\0pt_regs\0ip\0cs\0csx\0flags\0"
    at = {name.decode(): names.index(b"\0" + name + b"\0") + 1 for name in names.split(b"\0") if name}
    types = kind(at["u16"], 1, 2) + struct.pack("<I", 16)  # type 1
    types += kind(at["u64"], 1, 8) + struct.pack("<I", 64)  # type 2
    types += kind(0, 5, 8, vlen=2) + struct.pack("<6I", at["cs"], 1, 0, at["csx"], 2, 0)  # type 3
    types += kind(at["pt_regs"], 4, 24, vlen=3)
    types += struct.pack("<9I", at["ip"], 2, 0, 0, 3, 64, at["flags"], 2, 128)
    (found,) = read(raw(types, names)).structs("pt_regs").values()
    assert [member[:3] for member in found.members] == [("ip", 0, 8), ("cs", 8, 8), ("csx", 8, 8), ("flags", 16, 8)]


def test_members_of_a_struct_in_a_union_have_sizes_of_their_own() -> None:
    """As arm64's: the registers are a struct of user space's as well."""
    names = b"\0u64\0user_regs\0pt_regs\0x0\0sp\0orig_x0\0"
    at = {name.decode(): names.index(b"\0" + name + b"\0") + 1 for name in names.split(b"\0") if name}
    types = kind(at["u64"], 1, 8) + struct.pack("<I", 64)  # type 1
    types += kind(0, 4, 16, vlen=2) + struct.pack("<6I", at["x0"], 1, 0, at["sp"], 1, 64)  # type 2
    types += kind(0, 5, 16, vlen=2) + struct.pack("<6I", at["user_regs"], 2, 0, 0, 2, 0)  # type 3
    types += kind(at["pt_regs"], 4, 24, vlen=2) + struct.pack("<6I", 0, 3, 0, at["orig_x0"], 1, 128)
    (found,) = read(raw(types, names)).structs("pt_regs").values()
    expected = [("user_regs", 0, 16), ("x0", 0, 8), ("sp", 8, 8), ("orig_x0", 16, 8)]
    assert [member[:3] for member in found.members] == expected


@pytest.mark.parametrize(
    ("members", "says"),
    [
        ((("r0", 0, 4), ("r1", 8, 4)), "struct pt_regs.r1 is 4 bytes at 8 in the image, 4 bytes at 4 here"),
        ((("r0", 0, 4),), "struct pt_regs.r1 is missing in the image, 4 bytes at 4 here"),
        ((("uregs", 0, 72),), None),
    ],
)
def test_differences_are_said_and_arrays_are_none(members: tuple[tuple[str, int, int], ...], says: str | None) -> None:
    arch = catalog.load("arm")
    theirs = {PT_REGS: Struct(PT_REGS, 72, tuple(Member(*member) for member in members))}
    different = [str(row) for row in layouts(theirs, arch, arch.variant("6.12")) if not row.same]
    assert (says in different) if says else not different


@pytest.mark.parametrize("member", [Member("func", 1 << 20, 8), Member("flags", 8, 64), Member("trampoline", 200, 8)])
def test_an_impossible_ops_is_not_used(member: Member) -> None:
    arch = catalog.load("x86_64")
    assert usable_ops({OPS: Struct(OPS, 200, (member,))}, arch) is None
    assert usable_ops({OPS: Struct(OPS, 1 << 30, ())}, arch) is None
    assert usable_ops({}, arch) is None


SELF = kind(0, 8, 1)
"""A typedef of itself."""
DAMAGED = {
    "short": (b"\x9f\xeb", "is too short for a BTF header"),
    "magic": (b"\x9f\xec" + bytes(30), "has magic 0xec9f and version 0"),
    "beyond": (struct.pack("<HBB5I", 0xEB9F, 1, 0, 24, 0, 1 << 30, 0, 0), "has types or names beyond its end"),
    "kind 0": (raw(kind(0, 0, 0), b"\0"), "has a type of kind 0"),
    "kind 31": (raw(kind(0, 31, 0), b"\0"), "has a type of kind 31"),
    "half a type": (raw(b"\0" * 5, b"\0"), "ends within a type"),
    "members beyond": (raw(kind(0, 4, 8, vlen=9), b"\0"), "ends within a type"),
    "no end of a name": (
        raw(kind(1, 4, 8, vlen=1) + struct.pack("<3I", 3, 1, 0), b"\0s\0abc"),
        "has a name at 0x3 that has no end",
    ),
    "itself": (raw(SELF + kind(1, 4, 8, vlen=1) + struct.pack("<3I", 1, 1, 0), b"\0s\0"), "is made of itself"),
    "no such type": (raw(kind(1, 4, 8, vlen=1) + struct.pack("<3I", 1, 77, 0), b"\0s\0"), "refers to type 77 of 2"),
    "two of the next, thirty times": (
        raw(
            b"".join(kind(n == 1, 4, 8, vlen=2) + struct.pack("<6I", *[0, n + 1, 0] * 2) for n in range(1, 30))
            + kind(0, 4, 8),
            b"\0s\0",
        ),
        "more members than any",
    ),
    "in itself": (raw(kind(1, 4, 8, vlen=1) + struct.pack("<3I", 0, 1, 0), b"\0s\0"), "more members than any"),
}


@pytest.mark.parametrize("what", DAMAGED)
def test_damage_says_where(what: str) -> None:
    data, says = DAMAGED[what]
    with pytest.raises(InputError, match=rf"vmlinux:0x1[0-9a-f]{{3}}: BTF .*{says}"):
        read(data).structs("s")


def test_a_member_cannot_give_orders_to_a_terminal() -> None:
    types = kind(0, 1, 4) + struct.pack("<I", 32) + kind(1, 4, 4, vlen=1) + struct.pack("<3I", 3, 1, 0)
    (found,) = read(raw(types, b"\0s\0\x1b[0m\0")).structs("s").values()
    assert [member.name for member in found.members] == [r"\x1b[0m"]


@given(st.binary(max_size=300))
def test_any_types_are_read_or_refused(types: bytes) -> None:
    try:
        read(raw(types, b"\0s\0int\0")).structs("s", "int", "")
    except InputError:
        return


@given(st.integers(0, 1 << 32))
def test_mutated_btf_is_read_or_refused(seed: int) -> None:
    arch, chance = catalog.load("x86_64"), random.Random(seed)
    data = bytearray(btf([arch.pt_regs], arch))
    for _ in range(chance.randrange(1, 8)):
        data[chance.randrange(len(data))] = chance.randrange(256)
    try:
        read(bytes(data)).structs(PT_REGS)
    except InputError:
        return
