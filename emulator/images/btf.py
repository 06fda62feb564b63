# SPDX-License-Identifier: GPL-2.0-only
"""Structs out of a kernel's BTF (Documentation/bpf/btf.rst), in either byte order.

Everything is bounded by the size of the section: what is damaged raises InputError with the offset in the file.
"""

from __future__ import annotations

import struct
from array import array
from collections.abc import Iterator
from typing import NamedTuple

from emulator.description import Member, Struct
from emulator.elf.strings import decoded
from emulator.errors import InputError, Place

MAGIC = 0xEB9F
HEADER = "HBBIIIII"
INT, PTR, ARRAY, STRUCT, UNION, ENUM, TYPEDEF, VOLATILE, CONST, RESTRICT = 1, 2, 3, 4, 5, 6, 8, 9, 10, 11
VAR, DATASEC, FLOAT, DECL_TAG, TYPE_TAG, ENUM64 = 14, 15, 16, 17, 18, 19
LAST = ENUM64
FIXED = {INT: 4, ARRAY: 12, VAR: 4, DECL_TAG: 4}
"""Bytes behind a type's own words."""
EACH = {STRUCT: 12, UNION: 12, ENUM: 8, 13: 8, DATASEC: 12, ENUM64: 12}
"""Bytes behind them for each of its vlen parts."""
SIZED = (INT, STRUCT, UNION, ENUM, FLOAT, ENUM64, DATASEC)
PASSED = (TYPEDEF, VOLATILE, CONST, RESTRICT, TYPE_TAG)
"""Types that are what another one is."""
DEPTH = 32
MOST_TYPES = 1 << 20
MOST_MEMBERS = 4096
LONGEST_NAME = 512


class Type(NamedTuple):
    """A type's own words; `at` is the offset of what follows them."""

    name: int
    kind: int
    vlen: int
    flag: bool
    size: int
    """Or the number of the type it is made of."""
    at: int


class Btf:
    """The types in `data`, a section that begins at `offset` of the file called `name`; `word` is a pointer's size."""

    def __init__(self, data: bytes | memoryview, name: str, offset: int, *, word: int, big_endian: bool) -> None:
        self._data, self._file, self._base, self._word = memoryview(data), name, offset, word
        self._order = ">" if big_endian else "<"
        self._left = 0
        """How many members the struct that is being read may still have, those of its unnamed ones included."""
        size = struct.calcsize(self._order + HEADER)
        if len(data) < size:
            raise self._wrong("is too short for a BTF header", 0)
        magic, version, _, length, at, room, strings, names = struct.unpack_from(self._order + HEADER, data)
        if magic != MAGIC or version != 1:
            raise self._wrong(f"has magic {magic:#x} and version {version}, not {MAGIC:#x} and 1", 0)
        if length + at + room > len(data) or length + strings + names > len(data):
            raise self._wrong("has types or names beyond its end", 8)
        self._types, self._end = length + at, length + at + room
        self._names, self._names_end = length + strings, length + strings + names
        self._starts = self._number()

    def _wrong(self, message: str, at: int) -> InputError:
        return InputError(f"BTF {message}", Place(self._file, at=f"{self._base + at:#x}"))

    def _number(self) -> array[int]:
        """Where each type is; number 0 is void, which has no place."""
        starts, at, end = array("Q", [0]), self._types, self._end
        unpack, data = struct.Struct(self._order + "4xI").unpack_from, self._data
        while at + 12 <= end:
            starts.append(at)
            (info,) = unpack(data, at)
            kind = info >> 24 & 0x1F
            if not INT <= kind <= LAST:
                raise self._wrong(f"has a type of kind {kind}", at)
            at += 12 + FIXED.get(kind, 0) + (info & 0xFFFF) * EACH.get(kind, 0)
        if at != end:
            raise self._wrong("ends within a type", starts[-1])
        if len(starts) > MOST_TYPES:
            raise self._wrong(f"has more than {MOST_TYPES} types", starts[-1])
        return starts

    def _at(self, at: int) -> Type:
        if at + 12 > self._end:
            raise self._wrong("ends within a type", at)
        name, info, size = struct.unpack_from(self._order + "III", self._data, at)
        kind = info >> 24 & 0x1F
        if not INT <= kind <= LAST:
            raise self._wrong(f"has a type of kind {kind}", at)
        return Type(name, kind, info & 0xFFFF, bool(info >> 31), size, at + 12)

    def _type(self, number: int, at: int) -> Type | None:
        """None is void."""
        if number >= len(self._starts):
            raise self._wrong(f"refers to type {number} of {len(self._starts)}", at)
        return self._at(self._starts[number]) if number else None

    def _name(self, offset: int, at: int) -> str:
        start = self._names + offset
        raw = bytes(self._data[start : min(start + LONGEST_NAME, self._names_end)]) if start < self._names_end else b""
        if b"\0" not in raw:
            raise self._wrong(f"has a name at {offset:#x} that has no end", at)
        return decoded(raw[: raw.index(b"\0")])

    # -- structs ------------------------------------------------------------------------------------------------------

    def structs(self, *names: str) -> dict[str, Struct]:
        """{name: layout} of those that there are, the members of unnamed structs and unions among their own.

        A member of an unnamed union has the size of the whole union, for that is what is written when it is; those of
        an unnamed struct in it have their own (arm64's user_pt_regs).
        """
        wanted = {offset: name for name in names for offset in self._offsets(name)}
        unpack, data = struct.Struct(self._order + "III").unpack_from, self._data
        found: dict[str, Struct] = {}
        for start in self._starts[1:]:
            name_at, info, size = unpack(data, start)
            if name_at in wanted and info >> 24 & 0x1F == STRUCT and size:
                name, self._left = wanted[name_at], MOST_MEMBERS
                found.setdefault(name, Struct(name, size, tuple(self._members(self._at(start), 0, 0))))
        return found

    def _offsets(self, name: str) -> Iterator[int]:
        """Where a name can be read, the end of another one included."""
        text, wanted = bytes(self._data[self._names : self._names_end]), name.encode() + b"\0"
        at = text.find(wanted)
        while at >= 0:
            yield at
            at = text.find(wanted, at + 1)

    def _members(self, kind: Type, base: int, depth: int, room: int = 0) -> Iterator[Member]:
        self._left -= kind.vlen
        if self._left < 0 or depth > DEPTH:
            raise self._wrong("has a struct with more members than any", kind.at)
        if kind.at + 12 * kind.vlen > self._end:
            raise self._wrong("ends within a struct", kind.at)
        for number in range(kind.vlen):
            at = kind.at + 12 * number
            name_at, type_number, offset = struct.unpack_from(self._order + "III", self._data, at)
            start = base + (offset & 0xFFFFFF if kind.flag else offset) // 8
            name = self._name(name_at, at)
            inner = self._plain(type_number, at)
            if name:
                yield Member(name, start, room or self._size(type_number, at))
            elif inner is not None and inner.kind in (STRUCT, UNION):
                whole = (room or inner.size) if inner.kind == UNION else 0
                yield from self._members(inner, start, depth + 1, whole)

    def _plain(self, number: int, at: int) -> Type | None:
        """A type without its typedefs and qualifiers."""
        found = self._type(number, at)
        for _ in range(DEPTH):
            if found is None or found.kind not in PASSED:
                return found
            found = self._type(found.size, found.at)
        raise self._wrong("has a type that is made of itself", at)

    def _size(self, number: int, at: int) -> int:
        """Bytes; 0 for what has none of its own."""
        count = 1
        for _ in range(DEPTH):
            found = self._plain(number, at)
            if found is None:
                return 0
            if found.kind == PTR:
                return count * self._word
            if found.kind != ARRAY:
                return count * found.size if found.kind in SIZED else 0
            if found.at + 12 > self._end:
                raise self._wrong("ends within an array", found.at)
            number, _, elements = struct.unpack_from(self._order + "III", self._data, found.at)
            count *= elements
        raise self._wrong("has an array that is made of itself", at)
