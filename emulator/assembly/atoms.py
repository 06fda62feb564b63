# SPDX-License-Identifier: GPL-2.0-only
"""What a section is made of, in source order: labels, code, data, gaps. Each knows its size and then its bytes."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol

from emulator.assembly.dialects import Choice, Draft, Encoding, Field
from emulator.assembly.expressions import Node, Scope
from emulator.assembly.lexer import Statement

SECTION_LIMIT = 16 << 20
"""The largest section, in bytes."""
NOTHING = Encoding(b"")


class Positions(Scope, Protocol):
    """What an atom asks the layout. As a Scope it knows the addresses of the pass before."""

    def short_reaches(self, choice: Choice, section: str, offset: int) -> bool:
        """Whether the short form of a branch at section+offset gets to its target."""

    def padding(self, size: int) -> bytes:
        """Code that does nothing."""

    def fill(self, encoding: Encoding, atom: Atom) -> bytes:
        """The bytes of an encoding at the atom's place, its fields filled or turned into fixups."""


@dataclass(slots=True, kw_only=True)
class Atom:
    """The base: takes no room. `section` and `offset` are where the layout has put it."""

    statement: Statement
    section: str = ""
    offset: int = 0

    instruction = False

    def measure(self, layout: Positions) -> int:
        """The size in bytes. Raises ValueError."""
        return 0

    def emit(self, layout: Positions) -> bytes:
        """The bytes, as many as measured. Raises ValueError."""
        return b""


@dataclass(slots=True, kw_only=True)
class Label(Atom):
    """A name for a place."""

    name: str


@dataclass(slots=True, kw_only=True)
class Code(Atom):
    """One instruction; `draft` while the encoder has not answered."""

    draft: Draft | None = None
    encoding: Encoding = NOTHING

    instruction = True

    def measure(self, layout: Positions) -> int:
        return len(self.encoding.code)

    def emit(self, layout: Positions) -> bytes:
        return layout.fill(self.encoding, self)


@dataclass(slots=True, kw_only=True)
class Branch(Atom):
    """An instruction with two forms. It grows and never shrinks, so that the layout comes to an end."""

    choice: Choice
    long: bool = False

    instruction = True

    @property
    def _encoding(self) -> Encoding:
        return self.choice.long if self.long else self.choice.short

    def measure(self, layout: Positions) -> int:
        return len(self._encoding.code)

    def grow(self, layout: Positions) -> bool:
        """Take the long form where the short one does not reach; True where that is news."""
        if self.long or layout.short_reaches(self.choice, self.section, self.offset):
            return False
        self.long = True
        return True

    def emit(self, layout: Positions) -> bytes:
        return layout.fill(self._encoding, self)


@dataclass(slots=True, kw_only=True)
class Data(Atom):
    """Items of one size."""

    encoding: Encoding

    def measure(self, layout: Positions) -> int:
        return len(self.encoding.code)

    def emit(self, layout: Positions) -> bytes:
        return layout.fill(self.encoding, self)


@dataclass(slots=True, kw_only=True)
class Fill(Atom):
    """`count` times the same bytes; the count may depend on the distance between labels."""

    count: Node
    item: Encoding

    def measure(self, layout: Positions) -> int:
        size = max(0, self.count.evaluate(layout).constant) * len(self.item.code)
        if size > SECTION_LIMIT:
            raise ValueError(f"{size} bytes are more than a section may have ({SECTION_LIMIT})")
        return size

    def emit(self, layout: Positions) -> bytes:
        count = self.count.evaluate(layout).constant
        if count < 0:
            raise ValueError(f"cannot fill {count} times")
        return layout.fill(self.item, self) * count


@dataclass(slots=True, kw_only=True)
class Gap(Atom):
    """Room up to an alignment; without a `value`, code that does nothing."""

    alignment: int
    value: int | None
    most: int | None
    _size: int = field(default=0, init=False)

    def measure(self, layout: Positions) -> int:
        self._size = -self.offset % self.alignment
        if self.most is not None and self._size > self.most:
            self._size = 0
        return self._size

    def emit(self, layout: Positions) -> bytes:
        return layout.padding(self._size) if self.value is None else bytes([self.value]) * self._size


@dataclass(slots=True, kw_only=True)
class Origin(Atom):
    """Room up to an offset into the section."""

    target: Node
    value: int
    _size: int = field(default=0, init=False)

    def measure(self, layout: Positions) -> int:
        target = self.target.evaluate(layout)
        goal = target.number
        if target.plus is not None:
            distance = layout.distance(target.plus, self.section)
            goal += distance or 0
        if goal > SECTION_LIMIT:
            raise ValueError(f"offset {goal:#x} is more than a section may have ({SECTION_LIMIT:#x} bytes)")
        self._size = goal - self.offset
        return max(0, self._size)

    def emit(self, layout: Positions) -> bytes:
        if self._size < 0:
            raise ValueError(f".org goes back by {-self._size} bytes")
        return bytes([self.value]) * self._size


@dataclass(slots=True, kw_only=True)
class Pool(Atom):
    """The literal pool: what `literal` loads, once each."""

    size: int
    kind: str
    entries: dict[Node, str] = field(default_factory=dict)

    def measure(self, layout: Positions) -> int:
        return -self.offset % self.size + self.size * len(self.entries) if self.entries else 0

    def emit(self, layout: Positions) -> bytes:
        if not self.entries:
            return b""
        gap = -self.offset % self.size
        fields = tuple(
            Field(self.kind, gap + self.size * index, node, size=self.size) for index, node in enumerate(self.entries)
        )
        return layout.fill(Encoding(bytes(gap + self.size * len(fields)), fields), self)

    def addresses(self) -> dict[str, int]:
        """Where the entries are, by their names."""
        start = self.offset + -self.offset % self.size
        return {name: start + self.size * index for index, name in enumerate(self.entries.values())}
