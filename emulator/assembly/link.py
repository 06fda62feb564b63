# SPDX-License-Identifier: GPL-2.0-only
"""Giving an assembled piece its addresses: symbols get values, fields are filled, addresses lead back to lines."""

from __future__ import annotations

import bisect
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from emulator.assembly import fixups
from emulator.assembly.piece import Fixup, Line, Piece, Section, Symbol
from emulator.errors import InputError, Place


class Chunk(NamedTuple):
    """A section's bytes, finished, at their address."""

    address: int
    data: bytes
    section: str

    @property
    def end(self) -> int:
        """The address behind the last byte."""
        return self.address + len(self.data)


class PlacedLine(NamedTuple):
    """A source line whose bytes stand at [address, address + line.size)."""

    address: int
    line: Line


class PlacedFixup(NamedTuple):
    """A field that has been filled, with what is needed to fill it again in a copy at another address."""

    address: int
    kind: str
    symbol: str
    value: int
    """The symbol's address."""
    addend: int
    place: Place


@dataclass(frozen=True, slots=True)
class Placed:
    """A piece at its addresses. Lines and fixups are in the order of their addresses."""

    name: str
    symbols: Mapping[str, int]
    """The piece's own symbols, local ones too."""
    chunks: tuple[Chunk, ...]
    lines: tuple[PlacedLine, ...]
    fixups: tuple[PlacedFixup, ...]

    def line(self, address: int) -> Line | None:
        """The source line that the byte at `address` comes from."""
        found = self.lines[: bisect.bisect_right(self.lines, address, key=lambda placed: placed.address)][-1:]
        return next((at.line for at in found if address < at.address + at.line.size), None)

    def bytes_at(self, address: int, size: int) -> bytes:
        """`size` bytes of this piece, fewer where its section ends, none where it has nothing there."""
        for chunk in self.chunks:
            if chunk.address <= address < chunk.end:
                return chunk.data[address - chunk.address :][:size]
        return b""

    def fixups_between(self, start: int, end: int) -> tuple[PlacedFixup, ...]:
        """The fixups whose fields begin in [start, end)."""
        first = bisect.bisect_left(self.fixups, start, key=lambda fixup: fixup.address)
        last = bisect.bisect_left(self.fixups, end, key=lambda fixup: fixup.address)
        return self.fixups[first:last]


def in_a_row(sections: Iterable[Section], start: int) -> dict[str, int]:
    """Addresses for sections that follow each other from `start`, each aligned as it asks."""
    bases: dict[str, int] = {}
    for section in sections:
        bases[section.name] = start = -(-start // section.align) * section.align
        start += len(section.data)
    return bases


def place(piece: Piece, bases: Mapping[str, int], symbols: Mapping[str, int]) -> Placed:
    """The piece with its sections at `bases` and its undefined symbols at `symbols`.

    A weak symbol of the piece gives way to one of `symbols`. Raises InputError for a section without a base or at a
    base that its alignment forbids, for undefined symbols (all of them in one message), and for values that do not
    fit their fields, with the place in the source.
    """
    _check_bases(piece, bases)
    own = {name: _address(piece, symbol, bases, symbols) for name, symbol in piece.symbols.items()}
    every = {**{name: bases[name] for name in piece.sections if name in bases}, **symbols, **own}
    _check_symbols(piece, every)
    placed = [_placed(fixup, bases, every) for fixup in piece.fixups]
    todo: dict[str, list[Fixup]] = defaultdict(list)
    for fixup in piece.fixups:
        todo[fixup.section].append(fixup)
    return Placed(
        piece.name,
        own,
        tuple(_chunk(section, bases, todo[section.name], every) for section in piece.sections.values() if section.data),
        tuple(sorted((_at(line, bases) for line in piece.lines if line.size), key=lambda at: at.address)),
        tuple(sorted(placed, key=lambda fixup: fixup.address)),
    )


def _check_bases(piece: Piece, bases: Mapping[str, int]) -> None:
    for section in piece.sections.values():
        if section.name not in bases:
            if section.data:
                raise InputError(f"section {section.name} has no place in the image", Place(piece.name))
        elif bases[section.name] % section.align:
            wrong = f"section {section.name} at {bases[section.name]:#x} is not aligned to {section.align}"
            raise InputError(wrong, Place(piece.name))


def _address(piece: Piece, symbol: Symbol, bases: Mapping[str, int], symbols: Mapping[str, int]) -> int:
    if symbol.binding == "weak" and symbol.name in symbols:
        return symbols[symbol.name]
    if symbol.section is None:
        return symbol.value
    if symbol.section not in bases:
        raise InputError(
            f"section {symbol.section} of symbol {symbol.name} has no place in the image", Place(piece.name)
        )
    return bases[symbol.section] + symbol.value


def _check_symbols(piece: Piece, every: Mapping[str, int]) -> None:
    first = {fixup.symbol: fixup.place for fixup in reversed(piece.fixups) if fixup.symbol not in every}
    if first:
        names = ", ".join(f"{name} ({at})" for name, at in reversed(first.items()))
        raise InputError(f"undefined: {names}", Place(piece.name))


def _placed(fixup: Fixup, bases: Mapping[str, int], every: Mapping[str, int]) -> PlacedFixup:
    address = bases[fixup.section] + fixup.offset
    return PlacedFixup(address, fixup.kind, fixup.symbol, every[fixup.symbol], fixup.addend, fixup.place)


def _chunk(section: Section, bases: Mapping[str, int], todo: Iterable[Fixup], every: Mapping[str, int]) -> Chunk:
    base, data = bases[section.name], bytearray(section.data)
    for fixup in todo:
        _apply(fixup, data, every[fixup.symbol], base + fixup.offset)
    return Chunk(base, bytes(data), section.name)


def _apply(fixup: Fixup, data: bytearray, value: int, address: int) -> None:
    try:
        fixups.apply(fixup.kind, data, fixup.offset, symbol=value, addend=fixup.addend, place=address)
    except fixups.FixupError as error:
        raise InputError(f"{fixup.symbol}: {error}", fixup.place) from None


def _at(line: Line, bases: Mapping[str, int]) -> PlacedLine:
    return PlacedLine(bases[line.section] + line.offset, line)
