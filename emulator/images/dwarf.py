# SPDX-License-Identifier: GPL-2.0-only
"""Structs out of a kernel's DWARF, for those that have no BTF: of the one unit that tells of an address.

A vmlinux has hundreds of megabytes of it, a unit less than one. pyelftools reads it, and is given copies of what it may
look at, which count how much it does: what is damaged raises InputError, with the offset in the file, in bounded time.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from typing import TypeVar

from elftools.dwarf.compileunit import CompileUnit
from elftools.dwarf.die import DIE
from elftools.dwarf.dwarfinfo import DebugSectionDescriptor, DwarfConfig, DWARFInfo

from emulator.description import Member, Struct
from emulator.elf import Elf
from emulator.elf.layout import SHF_COMPRESSED
from emulator.elf.strings import decoded
from emulator.errors import InputError
from emulator.images.aranges import LONG, unit_of

INFO, ARANGES, ABBREV, STR, LINE_STR = ".debug_info", ".debug_aranges", ".debug_abbrev", ".debug_str", ".debug_line_str"
STRUCT, UNION, ARRAY, POINTER = (f"DW_TAG_{name}_type" for name in ("structure", "union", "array", "pointer"))
MEMBER, RANGE = "DW_TAG_member", "DW_TAG_subrange_type"
PASSED = frozenset(
    ("DW_TAG_typedef", *(f"DW_TAG_{name}_type" for name in ("volatile", "const", "restrict", "atomic"))),
)
"""Types that are what another one is."""
WITHIN = frozenset(f"DW_FORM_ref{size}" for size in ("1", "2", "4", "8", "_udata"))
"""References to the same unit."""
DEPTH = 32
MOST_UNIT = 1 << 23
"""Bytes of a unit; kernel/trace/ftrace.c has 200,000."""
MOST_SECTION = 1 << 26
"""Bytes of .debug_abbrev and .debug_str, of which a distribution's kernel has less than six million."""
MOST_WORK = 1 << 20
"""Bytes and numbers to be read; of ftrace.c's unit 180,000."""
MOST_SIZE = 1 << 32
"""A size or offset in bytes that is none any more."""
T = TypeVar("T")


class _Work:
    """How much may still be read."""

    def __init__(self) -> None:
        self.left = MOST_WORK

    def take(self, amount: int) -> None:
        self.left -= amount
        if self.left < 0:
            raise OverflowError(f"takes more than {MOST_WORK} bytes and numbers to read")


class _Counted(io.BytesIO):
    """A copy of a section's bytes, each look at which is counted."""

    def __init__(self, data: memoryview, work: _Work) -> None:
        super().__init__(data)
        self._work = work

    def read(self, size: int | None = -1, /) -> bytes:
        found = super().read(size)
        self._work.take(1 + len(found))
        return found


def unit_at(elf: Elf, address: int) -> Unit | None:
    """What the kernel's DWARF says where a function is compiled; None where it has none. Raises InputError.

    Nor has it any for us where it is compressed, or without .debug_aranges (clang).
    """
    sections = {name: elf.section(name) for name in (INFO, ARANGES, ABBREV)}
    if any(section is None or section.flags & SHF_COMPRESSED for section in sections.values()):
        return None
    aranges = sections[ARANGES]
    found = unit_of(elf, aranges, address) if aranges else None
    return None if found is None else Unit(elf, found)


class Unit:
    """A unit, by its offset in .debug_info. Raises InputError, here and in structs()."""

    def __init__(self, elf: Elf, offset: int) -> None:
        self._elf, self._work = elf, _Work()
        info = elf.section(INFO)
        self._start = (info.offset if info else 0) + offset
        self._end = self._size(info.offset + info.size if info else 0)
        config = DwarfConfig(not elf.big_endian, "", elf.bits // 8)
        given = {name: self._given(name) for name in (ABBREV, STR, LINE_STR)}
        none = dict.fromkeys(_OTHERS)
        unit = DebugSectionDescriptor(self._counted(self._start, self._end), INFO, self._start, self._end, 0)
        info_of = DWARFInfo(
            config,
            debug_info_sec=unit,
            debug_abbrev_sec=given[ABBREV],
            debug_str_sec=given[STR],
            debug_line_str_sec=given[LINE_STR],
            **none,
        )
        self._unit: CompileUnit = self._asked(0, lambda: info_of.get_CU_at(0))

    def _size(self, end: int) -> int:
        """Bytes of it, as its first words say."""
        (length,), head = self._elf.unpack("I", self._start, "a unit of .debug_info"), 4
        if length == LONG:
            (length,), head = self._elf.unpack("Q", self._start + 4, "a unit of .debug_info"), 12
        if self._start + head + length > end:
            raise self._wrong(f"has a unit of {length} bytes, beyond the end of {INFO}", 0)
        if length > MOST_UNIT:
            raise self._wrong(f"has a unit of {length} bytes, more than {MOST_UNIT}", 0)
        return head + length

    def _counted(self, start: int, size: int) -> _Counted:
        return _Counted(self._elf.view[start : start + size], self._work)

    def _given(self, name: str) -> DebugSectionDescriptor | None:
        section = self._elf.section(name)
        if section is None or section.flags & SHF_COMPRESSED:
            return None
        if section.size > MOST_SECTION:
            raise self._elf.wrong(f"{name} has {section.size} bytes, more than {MOST_SECTION}", section.offset)
        return DebugSectionDescriptor(self._counted(section.offset, section.size), name, 0, section.size, 0)

    def _wrong(self, message: str, at: int) -> InputError:
        return self._elf.wrong(f"DWARF {message}", self._start + at)

    def _asked(self, at: int, question: Callable[[], T]) -> T:
        """What pyelftools says; it says in many ways that it cannot."""
        try:
            return question()
        except Exception as error:  # noqa: BLE001 - KeyError, AssertionError, ..., and its own
            what = " ".join(f"{type(error).__name__} {error}".split())
            raise self._wrong(f"cannot be read: {what}", at) from None

    # -- entries ------------------------------------------------------------------------------------------------------

    def _entry(self, at: int) -> DIE:
        """The entry at an offset in the unit; its attributes may be many, and take no bytes."""

        def question() -> DIE:
            found = self._unit.get_DIE_from_refaddr(at)
            kinds = self._unit.get_abbrev_table()
            self._work.take(1 if found.is_null() else len(kinds.get_abbrev(found.abbrev_code or 0)["attr_spec"]) + 1)
            return found

        return self._asked(at, question)

    def _children(self, parent: DIE) -> Iterator[DIE]:
        """Those right below it. From one to the next it goes forward, whatever they say where their siblings are."""
        at, depth = parent.offset + parent.size, 0
        while parent.has_children:
            found = self._entry(at)
            at += found.size
            if found.is_null():
                if not depth:
                    return
                depth -= 1
                continue
            if not depth:
                yield found
            if found.has_children:
                sibling = self._refers(found, "DW_AT_sibling")
                depth, at = (depth, sibling) if sibling is not None and sibling >= at else (depth + 1, at)

    def _refers(self, die: DIE, name: str) -> int | None:
        """The offset in the unit of the entry that an attribute refers to."""
        found = die.attributes.get(name)
        if found is None:
            return None
        if found.form not in WITHIN:
            raise self._wrong(f"refers to another unit ({found.form})", die.offset)
        return int(found.raw_value)

    def _number(self, die: DIE, name: str) -> int | None:
        found = die.attributes.get(name)
        if found is None:
            return None
        if not isinstance(found.value, int) or not -1 <= found.value < MOST_SIZE:
            raise self._wrong(f"has {name} that is no size or offset: {found.value!r:.40}", die.offset)
        return found.value

    def _name(self, die: DIE) -> str:
        found = die.attributes.get("DW_AT_name")
        return decoded(found.value) if found and isinstance(found.value, bytes) else ""

    # -- structs ------------------------------------------------------------------------------------------------------

    def structs(self, *names: str) -> dict[str, Struct]:
        """{name: layout} of those that there are; unnamed structs and unions as in Btf.structs()."""
        found: dict[str, Struct] = {}
        top = self._entry(self._unit.cu_die_offset)
        for die in self._children(top):
            name = self._name(die) if die.tag == STRUCT else ""
            size = self._number(die, "DW_AT_byte_size") if name in names and name not in found else None
            if size and size > 0:
                found[name] = Struct(name, size, tuple(self._members(die, 0, 0)))
        return found

    def _members(self, kind: DIE, base: int, depth: int, room: int = 0) -> Iterator[Member]:
        if depth > DEPTH:
            raise self._wrong("has a struct that is made of itself", kind.offset)
        for die in self._children(kind):
            if die.tag != MEMBER:
                continue
            bits, offset = self._number(die, "DW_AT_data_bit_offset"), self._number(die, "DW_AT_data_member_location")
            start = base + (offset or 0) + (bits or 0) // 8
            inner, name = self._type(die), self._name(die)
            if name:
                yield Member(name, start, room or self._bytes(inner))
            elif inner is not None and inner.tag in (STRUCT, UNION):
                whole = (room or self._bytes(inner)) if inner.tag == UNION else 0
                yield from self._members(inner, start, depth + 1, whole)

    def _type(self, die: DIE) -> DIE | None:
        """What an entry is made of, without typedefs and qualifiers; None is void."""
        for _ in range(DEPTH):
            at = self._refers(die, "DW_AT_type")
            if at is None:
                return None
            die = self._entry(at)
            if die.tag not in PASSED:
                return die
        raise self._wrong("has a type that is made of itself", die.offset)

    def _bytes(self, kind: DIE | None) -> int:
        """The size of a type; 0 for what has none of its own."""
        count = 1
        for _ in range(DEPTH):
            if kind is None:
                return 0
            size = self._number(kind, "DW_AT_byte_size")
            if kind.tag != ARRAY or size is not None:
                return count * (self._elf.bits // 8 if size is None and kind.tag == POINTER else size or 0)
            for one in self._children(kind):
                count = min(count * self._elements(one), MOST_SIZE) if one.tag == RANGE else count
            kind = self._type(kind)
        raise self._wrong("has an array that is made of itself", kind.offset if kind else 0)

    def _elements(self, die: DIE) -> int:
        count, last = self._number(die, "DW_AT_count"), self._number(die, "DW_AT_upper_bound")
        return count if count is not None else 0 if last is None else last + 1


_OTHERS = (
    *(f"debug_{name}_sec" for name in ("aranges", "frame", "loc", "ranges", "line", "pubtypes", "pubnames", "addr")),
    *(f"debug_{name}_sec" for name in ("str_offsets", "loclists", "rnglists", "sup", "types")),
    *("eh_frame_sec", "gnu_debugaltlink_sec"),
)
"""Sections that pyelftools asks for, and structs need not."""
