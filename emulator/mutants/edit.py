# SPDX-License-Identifier: GPL-2.0-only
"""Other bytes in an assembled piece: what follows moves, and symbols, lines and fixups move along."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import NamedTuple

from emulator.assembly.decode import disassemble
from emulator.assembly.piece import Fixup, Line, Piece, Section, Symbol
from emulator.description import Engine


class Part(NamedTuple):
    """Bytes of what is replaced, [start, start + size), that stand at `to` in what takes its place."""

    start: int
    size: int
    to: int


class Edit(NamedTuple):
    """`data` in the place of the bytes [offset, offset + size) of a section."""

    section: str
    offset: int
    size: int
    data: bytes
    parts: tuple[Part, ...] = ()
    """What is still there, and where: fixups go with it, and those of anything else are gone."""
    bias: int = 0
    """Added to what a fixup at `biased` fills in."""
    biased: int = 0

    @property
    def growth(self) -> int:
        """By how many bytes what follows moves up."""
        return len(self.data) - self.size

    @property
    def end(self) -> int:
        """Behind the last byte that is replaced."""
        return self.offset + self.size


def edited(piece: Piece, edit: Edit, engine: Engine) -> Piece:
    """The piece with the edit made."""
    section = piece.sections[edit.section]
    data = section.data[: edit.offset] + edit.data + section.data[edit.end :]
    return replace(
        piece,
        sections={**piece.sections, edit.section: section._replace(data=data)},
        symbols={name: _symbol(symbol, edit) for name, symbol in piece.symbols.items()},
        lines=tuple(_line(line, edit) for line in piece.lines),
        fixups=tuple(_fixups(piece.fixups, section, edit, engine)),
    )


def _moved(offset: int, edit: Edit) -> int:
    return offset + edit.growth if offset >= edit.end else offset


def _symbol(symbol: Symbol, edit: Edit) -> Symbol:
    if symbol.section != edit.section:
        return symbol
    value, end = _moved(symbol.value, edit), symbol.value + symbol.size
    return symbol._replace(value=value, size=_moved(end, edit) - value if symbol.size else 0)


def _line(line: Line, edit: Edit) -> Line:
    if line.section != edit.section:
        return line
    offset = _moved(line.offset, edit)
    return line._replace(offset=offset, size=_moved(line.offset + line.size, edit) - offset)


def _fixups(fixups: tuple[Fixup, ...], section: Section, edit: Edit, engine: Engine) -> Iterator[Fixup]:
    for fixup in fixups:
        if fixup.section != edit.section:
            yield fixup
            continue
        kept = _retargeted(fixup, section, edit, engine)
        if not edit.offset <= fixup.offset < edit.end:
            yield kept._replace(offset=_moved(fixup.offset, edit))
            continue
        if fixup.offset == edit.biased:
            kept = kept._replace(addend=kept.addend + edit.bias)
        inside = fixup.offset - edit.offset
        for start, size, to in edit.parts:
            if start <= inside < start + size:
                yield kept._replace(offset=edit.offset + to + inside - start)


def _retargeted(fixup: Fixup, section: Section, edit: Edit, engine: Engine) -> Fixup:
    """A branch within the section, whose addend says where to: it has to follow what has moved."""
    if not edit.growth or fixup.symbol != edit.section:
        return fixup
    for start in range(fixup.offset, max(fixup.offset - 4, -1), -1):
        found = next(iter(disassemble(engine, section.data[start : start + 16], start)), None)
        if found and found.target is not None and found.address + found.size > fixup.offset:
            distance = found.address + found.size - fixup.offset
            return fixup._replace(addend=fixup.addend + edit.growth * (fixup.addend + distance >= edit.end))
    return fixup
