# SPDX-License-Identifier: GPL-2.0-only
"""Addresses for everything in a Program, the choice between short and long branches, and then the bytes."""

from __future__ import annotations

from collections.abc import Callable
from itertools import chain
from typing import TypeVar

from emulator.assembly.atoms import SECTION_LIMIT, Atom, Branch, Label, Pool, Positions
from emulator.assembly.dialects import Choice, Dialect, Encoding, Field
from emulator.assembly.expressions import Name, Value, to_bytes, visible
from emulator.assembly.piece import Fixup, Line, Piece, Section, Symbol
from emulator.assembly.program import Contents, Program

PASS_LIMIT = 200
"""Passes after which a layout that still moves is given up."""
ABSOLUTE = "*ABS*"
"""The symbol, with the value 0, of fixups whose target is a plain number."""

T = TypeVar("T")


class Layout:
    """One program being laid out. It is the Scope and the Positions of the program's atoms."""

    def __init__(self, program: Program, dialect: Dialect) -> None:
        self._program, self._dialect = program, dialect
        # where every name is, as of the last pass: (section, offset)
        self._positions: dict[str, tuple[str, int]] = {name: (name, 0) for name in program.sections}
        self._resolving: set[str] = set()
        self._fixups: list[Fixup] = []
        self._lines: list[Line] = []

    def run(self) -> Piece:
        """The finished piece. Raises AssemblyError."""
        self._settle()
        sections = {
            name: self._section(contents)
            for name, contents in self._program.sections.items()
            if "a" in contents.flags and contents.subsections
        }
        symbols = self._symbols()
        fixups = tuple(fixup for fixup in self._fixups if fixup.section in sections)
        if any(fixup.symbol == ABSOLUTE for fixup in fixups):
            symbols[ABSOLUTE] = Symbol(ABSOLUTE, None, 0)
        lines = tuple(line for line in self._lines if line.section in sections)
        return Piece(self._program.name, sections, symbols, lines, fixups)

    # -- addresses

    def _settle(self) -> None:
        atoms = list(chain.from_iterable(contents.atoms() for contents in self._program.sections.values()))
        branches = [atom for atom in atoms if isinstance(atom, Branch)]
        for atom in atoms:
            self._announce(atom)
        for _ in range(PASS_LIMIT):
            before = dict(self._positions)
            for contents in self._program.sections.values():
                self._place(contents)
            grown = [branch for branch in branches if self._ask(branch, branch.grow)]
            if not grown and before == self._positions:
                return
        last = atoms[-1]
        raise last.statement.error("the sizes in this source depend on each other and never settle")

    def _announce(self, atom: Atom) -> None:
        """Let expressions of the first pass know which names have a place at all."""
        if isinstance(atom, Label):
            self._positions[atom.name] = (atom.section, 0)
        elif isinstance(atom, Pool):
            self._positions.update((name, (atom.section, 0)) for name in atom.addresses())

    def _place(self, contents: Contents) -> None:
        offset = 0
        for atom in contents.atoms():
            atom.offset = offset
            if isinstance(atom, Label):
                self._positions[atom.name] = (contents.name, offset)
                continue
            offset += self._ask(atom, atom.measure)
            if isinstance(atom, Pool):
                self._positions.update((name, (contents.name, at)) for name, at in atom.addresses().items())
            if offset > SECTION_LIMIT:
                raise atom.statement.error(f"section {contents.name} has more than {SECTION_LIMIT} bytes")

    def _ask(self, atom: Atom, question: Callable[[Positions], T]) -> T:
        """The answer; its ValueError becomes an error at the atom's place."""
        try:
            return question(self)
        except ValueError as error:
            raise atom.statement.error(str(error)) from None

    # -- as Scope and Positions

    def value(self, name: str) -> Value:
        """A symbol's number, or where it is from. Raises ValueError for a symbol that is defined by itself."""
        assigned = self._program.assigned.get(name)
        if assigned is None:
            if "\x01" in name and name not in self._positions:
                raise ValueError(f"there is no label {visible(name)}: behind this")
            return Value(0, name)
        if name in self._resolving:
            raise ValueError(f"{name!r} is defined by itself")
        self._resolving.add(name)
        try:
            return assigned.node.evaluate(self)
        except RecursionError:
            raise ValueError(f"{name!r} is defined by too long a chain of symbols") from None
        finally:
            self._resolving.discard(name)

    def distance(self, one: str, other: str) -> int | None:
        """Bytes from `other` to `one`, None unless they are in one section."""
        here, there = self._positions.get(one), self._positions.get(other)
        return here[1] - there[1] if here and there and here[0] == there[0] else None

    def short_reaches(self, choice: Choice, section: str, offset: int) -> bool:
        """Whether the target is in the same section, not weak, and near."""
        field = choice.short.fields[0]
        target = field.node.evaluate(self)
        position = self._positions.get(target.plus or "")
        if position is None or position[0] != section or target.minus or self._is_weak(field, target):
            return False
        distance = position[1] + target.number - (offset + len(choice.short.code))
        return -0x80 <= distance <= 0x7F

    def padding(self, size: int) -> bytes:
        """The dialect's."""
        return self._dialect.padding(size)

    def fill(self, encoding: Encoding, atom: Atom) -> bytes:
        """Numbers go in at once, everything else becomes a Fixup. Raises ValueError."""
        if not encoding.fields:
            return encoding.code
        code = bytearray(encoding.code)
        for field in encoding.fields:
            value = field.node.evaluate(self)
            if field.size and value.plus is None and value.minus is None:
                code[field.offset : field.offset + field.size] = to_bytes(value.number + field.addend, field.size)
            else:
                self._fixups.append(self._fixup(field, value, atom))
        return bytes(code)

    def _is_weak(self, field: Field, target: Value) -> bool:
        names = {target.plus, field.node.name if isinstance(field.node, Name) else None}
        return any(self._program.binding.get(name or "") == "weak" for name in names)

    # -- bytes

    def _fixup(self, field: Field, value: Value, atom: Atom) -> Fixup:
        kind, offset, addend = field.kind, atom.offset + field.offset, value.number + field.addend
        if value.minus is not None:
            base = self._positions.get(value.minus)
            if base is None or base[0] != atom.section or kind not in self._dialect.relative:
                raise ValueError(f"the distance from {visible(value.minus)!r} is not known here")
            kind, addend = self._dialect.relative[kind], addend + offset - base[1]
        if not kind:
            raise ValueError(f"an address does not fit into {field.size} bytes")
        symbol = ABSOLUTE if value.plus is None else value.plus
        if "\x01" in symbol:
            symbol, addend = self._positions[symbol][0], addend + self._positions[symbol][1]
        return Fixup(atom.section, offset, kind, symbol, addend, atom.statement.place)

    def _section(self, contents: Contents) -> Section:
        data = bytearray()
        for atom in contents.atoms():
            code = self._ask(atom, atom.emit)
            if code:
                data += code
                self._lines.append(_line(atom, len(code)))
        align = self._dialect.end_alignment
        if contents.executable and align > 1:
            data += bytes(-len(data) % min(align, contents.align))
        return Section(contents.name, bytes(data), contents.align, contents.executable, "w" in contents.flags)

    def _symbols(self) -> dict[str, Symbol]:
        found = {name: self._symbol(name, at) for name, at in self._positions.items() if self._is_public(name, at)}
        for name, assigned in self._program.assigned.items():
            try:
                value = assigned.node.evaluate(self)
            except ValueError as error:
                raise assigned.statement.error(str(error)) from None
            if value.minus is None and (value.plus is None or value.plus in self._positions):
                section, offset = self._positions.get(value.plus or "", (None, 0))
                found[name] = self._symbol(name, (section, offset + value.number))
        return found

    def _is_public(self, name: str, at: tuple[str, int]) -> bool:
        return "\x01" not in name and name not in self._program.sections and "a" in self._program.sections[at[0]].flags

    def _symbol(self, name: str, at: tuple[str | None, int]) -> Symbol:
        size, said = 0, self._program.sizes.get(name)
        if said is not None:
            try:
                size = said.node.evaluate(self).constant
            except ValueError as error:
                raise said.statement.error(str(error)) from None
        binding = self._program.binding.get(name, "local")
        return Symbol(name, at[0], at[1], size, binding, name in self._program.functions)


def _line(atom: Atom, size: int) -> Line:
    statement = atom.statement
    return Line(atom.section, atom.offset, size, statement.place, statement.text, statement.calls, atom.instruction)
