# SPDX-License-Identifier: GPL-2.0-only
"""The trampolines of an image as a Piece: at their own addresses, every field that depends on an address a fixup.

So code of an image can be copied and changed as assembled code can.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from emulator.assembly import fixups
from emulator.assembly.decode import disassemble
from emulator.assembly.piece import Fixup, Line, Piece, Section, Surroundings, Symbol
from emulator.description import Engine, Memory
from emulator.errors import Place
from emulator.images.contents import Contents
from emulator.images.names import Name, Names
from emulator.images.references import Reference, Role, language
from emulator.images.walk import Walk
from emulator.spans import Span

DATA = 16
"""Bytes of a variable that code looks at and that the core knows nothing of."""


@dataclass(frozen=True, slots=True)
class Found:
    """What an image's trampolines are made of. `known` are the addresses of variables and C functions."""

    contents: Contents
    names: Names
    engine: Engine
    walk: Walk
    known: Mapping[str, int]
    inner: frozenset[str]
    """Labels that are no functions, whoever says otherwise."""


class _Maker:
    """Names for everything that the code is made of and that it refers to."""

    def __init__(self, found: Found) -> None:
        self._found, self._place = found, Place(found.contents.name)
        self._extents = found.walk.extents()
        references = found.walk.references
        data = {at.target for at in references if at.role is Role.DATA} - {*found.known.values()}
        elsewhere = {at for at in (*data, *found.walk.calls) if self._extent(at) is None}
        spans = [*self._extents, *(Span(address, address + 1) for address in sorted(elsewhere))]
        every = found.names.within(spans)
        self._outside = {**_by_address(elsewhere, every), **{at: name for name, at in found.known.items()}}
        self._symbols = self._symbols_of(every)
        self._sections = {span: self._section_name(span) for span in self._extents}
        self._data = sorted(address for address in data if self._extent(address) is None)
        self._references = sorted([*references, *self._literals(references)])

    def _extent(self, address: int) -> Span | None:
        return next((span for span in self._extents if address in span), None)

    def _symbols_of(self, every: Iterable[Name]) -> dict[str, Name]:
        """Those within the code; of several with one name the global one."""
        found: dict[str, Name] = {}
        for name in every:
            inside = self._extent(name.address) is not None and name.name not in self._found.known
            if inside and (name.name not in found or name.binding == "global"):
                found[name.name] = name
        return found

    def _section_name(self, span: Span) -> str:
        """The symbol that it begins with: several sections of one piece may come out of one of the image."""
        first = min((name for name in self._symbols.values() if name.address in span), key=_address, default=None)
        return first.name if first and first.address == span.start else f"[{span.start:#x}]"

    def _literals(self, references: Iterable[Reference]) -> Iterator[Reference]:
        """The words of data among the code that are addresses themselves."""
        contents, kind = self._found.contents, language(self._found.engine).word
        for at in {at.target for at in references if at.role is Role.LITERAL}:
            field = fixups.known(kind)
            value = int.from_bytes(contents.read(at, field.size), field.order)
            if contents.extent(value):
                yield Reference(at, kind, value, 0, Role.DATA)

    # -- the piece ----------------------------------------------------------------------------------------------------

    def piece(self, memory: Memory) -> Piece:
        """All of it."""
        sections = {name: self._section(span, name) for span, name in self._sections.items()}
        sections |= {self._outside[at]: self._variable(at) for at in self._data}
        known = {name: at for at, name in self._outside.items() if at not in self._data}
        return Piece(
            self._found.contents.name,
            sections,
            {name.name: self._symbol(name) for name in self._symbols.values()},
            tuple(self._lines()),
            tuple(self._fixups()),
            decoded=True,
            around=Surroundings(memory, known),
        )

    def _section(self, span: Span, name: str) -> Section:
        return Section(name, self._found.contents.read(span.start, span.size), executable=True, address=span.start)

    def _variable(self, address: int) -> Section:
        code = self._found.contents.executable(address)
        data = self._found.contents.read(address, DATA)
        return Section(self._outside[address], data, executable=code, writable=not code, address=address)

    def _symbol(self, name: Name) -> Symbol:
        span = self._extent(name.address)
        assert span is not None  # noqa: S101 - it is among the code's symbols
        function = name.name not in self._found.inner if name.function is None else name.function
        offset = name.address - span.start
        return Symbol(name.name, self._sections[span], offset, name.size, name.binding, function)

    def _lines(self) -> Iterator[Line]:
        """One for each instruction: it has no source, but an assembler would write it so."""
        for at in self._found.walk.instructions:
            span = self._extent(at.address)
            assert span is not None  # noqa: S101 - extents are made of instructions
            text = str(disassemble(self._found.engine, at.data, at.address)[0])
            yield Line(self._sections[span], at.address - span.start, len(at.data), self._place, text)

    def _fixups(self) -> Iterator[Fixup]:
        starts = {name.address: name.name for name in self._symbols.values() if name.binding == "global"}
        for at in self._references:
            span, there = self._extent(at.field), self._extent(at.target)
            if at.target in starts:
                symbol, beyond = starts[at.target], 0
            elif there:
                symbol, beyond = self._sections[there], at.target - there.start
            elif at.target in self._outside:
                symbol, beyond = self._outside[at.target], 0
            else:  # it leads to where there is no code: the bytes stay, and so does the fault
                continue
            assert span is not None  # noqa: S101 - all fields are in the code
            yield Fixup(self._sections[span], at.field - span.start, at.kind, symbol, at.addend + beyond, self._place)


def _address(name: Name) -> int:
    return name.address


def _by_address(wanted: Iterable[int], every: Iterable[Name]) -> dict[int, str]:
    """{address: name} of things outside the code; an address where nobody has named them."""
    names = {name.address: name.name for name in every}
    return {address: names.get(address, f"[{address:#x}]") for address in wanted}


def piece(found: Found, memory: Memory) -> Piece:
    """The trampolines as a piece, with `memory` around them."""
    return _Maker(found).piece(memory)
