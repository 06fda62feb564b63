# SPDX-License-Identifier: GPL-2.0-only
"""A source that has been read and not yet been laid out."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from emulator.assembly.atoms import Atom, Code
from emulator.assembly.dialects import Draft
from emulator.assembly.expressions import Node
from emulator.assembly.lexer import Statement


@dataclass(slots=True)
class Contents:
    """A section: what is in each of its subsections, and its flags. `align` in bytes."""

    name: str
    flags: str
    align: int = 1
    subsections: dict[int, list[Atom]] = field(default_factory=dict)

    @property
    def executable(self) -> bool:
        """Whether its padding is code."""
        return "x" in self.flags

    def atoms(self) -> Iterator[Atom]:
        """All of them in the order of their addresses."""
        for number in sorted(self.subsections):
            yield from self.subsections[number]


@dataclass(slots=True)
class Assigned:
    """A symbol that `.set` gives the value of an expression."""

    node: Node
    statement: Statement


@dataclass(slots=True)
class Program:
    """The result of reading: sections in order of appearance, and what is said about symbols."""

    name: str
    sections: dict[str, Contents] = field(default_factory=dict)
    assigned: dict[str, Assigned] = field(default_factory=dict)
    binding: dict[str, str] = field(default_factory=dict)
    """"global" or "weak", by symbol."""
    functions: set[str] = field(default_factory=set)
    sizes: dict[str, Assigned] = field(default_factory=dict)

    def drafts(self) -> Iterator[tuple[Code, Draft]]:
        """The instructions that wait for the encoder."""
        for section in self.sections.values():
            for atom in section.atoms():
                if isinstance(atom, Code) and atom.draft is not None:
                    yield atom, atom.draft
