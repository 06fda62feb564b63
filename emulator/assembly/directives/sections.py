# SPDX-License-Identifier: GPL-2.0-only
"""Directives that choose where the following goes."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from emulator.assembly.arguments import split_operands, unquote

if TYPE_CHECKING:
    from emulator.assembly.reader import SourceReader

DEPTH_LIMIT = 1000
"""How deep .pushsection nests."""
SUBSECTION_LIMIT = 8192

_FLAGS = {".text": "ax", ".init": "ax", ".fini": "ax", ".data": "aw", ".bss": "aw", ".tbss": "aw", ".tdata": "aw"}


def flags_of(name: str) -> str:
    """The flags of a section that is declared without any."""
    if name.startswith((".rodata", ".note.", ".eh_frame")):
        return "" if name == ".note.GNU-stack" else "a"
    stem = re.match(r"\.?[^.]*", name)
    return _FLAGS.get(stem.group(), "") if stem else ""


@dataclass(slots=True)
class Places:
    """(section, subsection) now, before, and pushed."""

    current: tuple[str, int] = (".text", 0)
    previous: tuple[str, int] = (".text", 0)
    stack: list[tuple[tuple[str, int], tuple[str, int]]] = field(default_factory=list)


def section(reader: SourceReader, operands: str) -> None:
    """`name[, "flags"[, @type]]`."""
    name, *rest = split_operands(operands) or [""]
    _go(reader, _section_name(name), 0, _flags(rest))


def push(reader: SourceReader, operands: str) -> None:
    """`name[, subsection][, "flags"[, @type]]`, for a while."""
    name, *rest = split_operands(operands) or [""]
    number = 0
    if rest and not rest[0].startswith('"'):
        number = reader.scope.constant(rest.pop(0))
    if len(reader.places.stack) > DEPTH_LIMIT:
        raise ValueError(f"sections are pushed more than {DEPTH_LIMIT} deep")
    reader.places.stack.append((reader.places.current, reader.places.previous))
    _go(reader, _section_name(name), number, _flags(rest))


def pop(reader: SourceReader, _operands: str) -> None:
    """The end of that while."""
    if not reader.places.stack:
        raise ValueError(".popsection without .pushsection")
    current, previous = reader.places.stack.pop()
    reader.switch(*current, None)
    reader.places.previous = previous


def swap(reader: SourceReader, _operands: str) -> None:
    """The section before this one."""
    _go(reader, *reader.places.previous, None)


def subsection(reader: SourceReader, operands: str) -> None:
    """Another part of this section; parts stand in the order of their numbers."""
    _go(reader, reader.places.current[0], reader.scope.constant(operands or "0"), None)


def standard(name: str) -> Callable[[SourceReader, str], None]:
    """The handler of `.text [subsection]` and the like."""

    def handler(reader: SourceReader, operands: str) -> None:
        _go(reader, name, reader.scope.constant(operands or "0"), None)

    return handler


def _go(reader: SourceReader, name: str, number: int, flags: str | None) -> None:
    before = reader.places.current
    if not 0 <= number <= SUBSECTION_LIMIT:
        raise ValueError(f"a subsection has a number from 0 to {SUBSECTION_LIMIT}, not {number}")
    reader.switch(name, number, flags)
    reader.places.previous = before


def _section_name(text: str) -> str:
    name = unquote(text)
    if not re.fullmatch(r"[\w.$*/+-]+", name):
        raise ValueError(f"expected a section's name, found {name[:40]!r}")
    return name


def _flags(rest: list[str]) -> str | None:
    return unquote(rest[0]) if rest and rest[0].startswith('"') else None


def literals(reader: SourceReader, _operands: str) -> None:
    """The literal pool goes here."""
    reader.dump_literals()


HANDLERS = {
    ".section": section,
    ".pushsection": push,
    ".popsection": pop,
    ".previous": swap,
    ".subsection": subsection,
    ".text": standard(".text"),
    ".data": standard(".data"),
    ".bss": standard(".bss"),
    **dict.fromkeys((".ltorg", ".pool"), literals),
}
