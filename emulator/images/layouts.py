# SPDX-License-Identifier: GPL-2.0-only
"""The layouts of structs that trampolines and the core agree on: as an image's debug information has them, and ours."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from emulator.core import releases
from emulator.core.choice import LIST_FUNC
from emulator.core.layout import ftrace_ops
from emulator.description import Arch, Member, Struct, Variant
from emulator.elf import Elf
from emulator.images.btf import Btf
from emulator.images.contents import Contents
from emulator.images.names import Names

PT_REGS, OPS = "pt_regs", "ftrace_ops"
FREGS = ("__arch_ftrace_regs", "ftrace_regs")
"""struct ftrace_regs: since 6.12 the first one, the second one has no members any more."""
BTF = ".BTF"
OPS_WORDS = frozenset("func next flags saved_func trampoline trampoline_size direct_call".split())
"""What emulator.patcher writes of it."""
MOST = 1024
"""Bytes of struct ftrace_ops; every release has less than a quarter of it."""


@dataclass(frozen=True, slots=True)
class Row:
    """One member, or the struct itself (member ""): (offset, size) in bytes here and there; None: there is none."""

    struct: str
    member: str
    ours: tuple[int, int] | None
    theirs: tuple[int, int] | None

    @property
    def same(self) -> bool:
        """Whether both agree; members that only the image has are its own affair."""
        return self.ours is None or self.ours == self.theirs

    def __str__(self) -> str:
        what = f"struct {self.struct}" + (f".{self.member}" if self.member else "")
        return f"{what} is {_place(self.theirs)} in the image, {_place(self.ours)} here"


def _place(place: tuple[int, int] | None) -> str:
    return "missing" if place is None else f"{place[1]} bytes at {place[0]}"


def found(contents: Contents, arch: Arch) -> Mapping[str, Struct]:
    """The structs in an image's BTF, by name; none where it has none. Raises InputError where that is damaged."""
    extent = next((extent for extent in contents.extents if extent.name == BTF), None)
    if extent is None:
        return {}
    btf = Btf(extent.data, contents.name, extent.offset, word=arch.word, big_endian=arch.big_endian)
    return btf.structs(PT_REGS, OPS, *FREGS)


def debugged(elf: Elf, names: Names) -> Mapping[str, Struct]:
    """The same out of its DWARF, which takes longer: of the unit that has kernel/trace/ftrace.c. Raises InputError."""
    from emulator.images.dwarf import unit_at  # noqa: PLC0415 - few images need it

    found = names.named([LIST_FUNC]).get(LIST_FUNC)
    unit = unit_at(elf, found.address) if found else None
    return unit.structs(PT_REGS, OPS, *FREGS) if unit else {}


def ours(arch: Arch, variant: Variant) -> Iterator[Struct]:
    """The declared ones."""
    yield arch.record(variant)
    yield ftrace_ops(releases.release(variant.release), arch.word, variant.abilities)


def alone(arch: Arch, variant: Variant) -> list[Row]:
    """The declared ones, beside nothing."""
    return [
        Row(struct.name, name, place, None)
        for struct in ours(arch, variant)
        for name, place in (("", (0, struct.size)), *((one.name, (one.offset, one.size)) for one in struct.members))
    ]


def usable_ops(theirs: Mapping[str, Struct], arch: Arch) -> Struct | None:
    """struct ftrace_ops of the image, where it is one: its pointers and longs are words of it."""
    found = theirs.get(OPS)
    if found is None or not 0 < found.size <= MOST:
        return None
    used = [member for member in found.members if member.name in OPS_WORDS]
    return found if all(item.size == arch.word and item.offset + item.size <= found.size for item in used) else None


def layouts(theirs: Mapping[str, Struct], arch: Arch, variant: Variant) -> list[Row]:
    """Every member of the structs that both have, in the order of their offsets, ours first."""
    rows = [row for mine in ours(arch, variant) if mine.name in theirs for row in _compared(mine, theirs[mine.name])]
    fregs = next((theirs[name] for name in FREGS if name in theirs), None)
    if fregs is not None and variant.fregs is None:
        record = (0, arch.pt_regs.size) if variant.get_regs else None
        there = next(((item.offset, item.size) for item in fregs.members if item.name == "regs"), None)
        rows.append(Row(fregs.name, "regs", record, there))
    return rows


def _compared(mine: Struct, other: Struct) -> Iterator[Row]:
    theirs = {member.name: member for member in other.members}
    yield Row(mine.name, "", (0, mine.size), (0, other.size))
    for member in mine.members:
        there = theirs.get(member.name) or _element(member, other)
        yield Row(mine.name, member.name, (member.offset, member.size), (there.offset, there.size) if there else None)
    known = {member.name for member in mine.members}
    for name, there in theirs.items():
        if name not in known:
            yield Row(mine.name, name, None, (there.offset, there.size))


def _element(member: Member, other: Struct) -> Member | None:
    """A member that is an element of an array there: arm's uregs[]."""
    start, end = member.offset, member.offset + member.size
    arrays = (item for item in other.members if item.offset <= start and end <= item.offset + item.size)
    array = next((item for item in arrays if item.size > member.size and not item.size % member.size), None)
    return member if array and not (start - array.offset) % member.size else None
