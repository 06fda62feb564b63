# SPDX-License-Identifier: GPL-2.0-only
"""Reads a source from top to bottom into a Program, with the help of a dialect."""

from __future__ import annotations

import re

from emulator.assembly import directives
from emulator.assembly.atoms import Atom, Branch, Code, Label, Pool
from emulator.assembly.dialects import Choice, Dialect, Draft
from emulator.assembly.directives import data, sections
from emulator.assembly.expand import LABEL, Expander
from emulator.assembly.expressions import Name, Node
from emulator.assembly.lexer import Statement
from emulator.assembly.piece import Source
from emulator.assembly.program import Assigned, Contents, Program
from emulator.assembly.scope import ReadingScope

_MNEMONIC = re.compile(r"[a-z][\w.+-]*(?:,[a-z]+)*", re.ASCII)


def read(source: Source, dialect: Dialect) -> Program:
    """The program in a source. Raises AssemblyError."""
    reader = SourceReader(source, dialect)
    for op, operands, statement in Expander(source, reader.scope, dialect.comment, dialect.symbol_characters):
        reader.statement = statement
        try:
            if op == ".end":
                break
            reader.obey(op, operands)
        except ValueError as error:
            raise statement.error(str(error)) from None
    return reader.finish()


class SourceReader:
    """The state of reading: what is known, where things go. It is the Reader of the dialect and of directives."""

    def __init__(self, source: Source, dialect: Dialect) -> None:
        self.dialect = dialect
        self.scope = ReadingScope(source.defines)
        self.program = Program(source.name)
        self.statement: Statement
        self.registers: dict[str, str] = {}
        """What .req has named."""
        self.places = sections.Places()
        self._pools: dict[tuple[str, int], Pool] = {}
        self._contents: Contents
        self._atoms: list[Atom]
        self.switch(".text", 0, "ax")

    # -- statements

    def obey(self, op: str, operands: str) -> None:
        """Work off one step. Raises ValueError."""
        self.scope.here = None
        if op == LABEL:
            self.add(Label(statement=self.statement, name=self.scope.define(operands)))
        elif operands.startswith(".req"):
            self.registers[op] = operands.removeprefix(".req").strip()
        elif op[0] == ".":
            self._directive(op, operands)
        elif _MNEMONIC.fullmatch(op) and operands.isascii():
            self._instruction(op, operands)
        else:
            raise ValueError("neither a label, a directive nor an instruction")

    def _directive(self, op: str, operands: str) -> None:
        if size := data.SIZES.get(op) or self.dialect.data.get(op):
            data.integers(self, operands, size)
        elif handler := directives.HANDLERS.get(op):
            handler(self, operands)
        elif reason := self.dialect.refused.get(op):
            raise ValueError(f"{op}: {reason}")
        elif op not in self.dialect.ignored and op not in directives.IGNORED and not op.startswith(".cfi_"):
            raise ValueError(f"directive {op} is not known")

    def _instruction(self, mnemonic: str, operands: str) -> None:
        drafted = self.dialect.instruction(mnemonic, operands, self)
        self.mark_here()
        self.align(self.dialect.code_alignment)
        if isinstance(drafted, Choice):
            self.add(Branch(statement=self.statement, choice=drafted))
        elif isinstance(drafted, Draft):
            self.add(Code(statement=self.statement, draft=drafted))
        else:
            self.add(Code(statement=self.statement, encoding=drafted))

    def finish(self) -> Program:
        """The program, when the source has ended."""
        for (name, subsection), pool in self._pools.items():
            pool.section = name
            self.program.sections[name].subsections[subsection].append(pool)
        return self.program

    # -- as Reader

    def bind(self, node: Node) -> Node:
        """See dialects.Reader."""
        return self.scope.bind(node)

    def literal(self, node: Node, size: int) -> Node:
        """See dialects.Reader."""
        self.mark_here()
        pool = self._pools.get(self.places.current)
        if pool is None:
            pool = Pool(statement=self.statement, size=size, kind=self.dialect.kinds[size])
            self._pools[self.places.current] = pool
        return Name(pool.entries.setdefault(node, self.scope.unique("=")))

    def alias(self, name: str) -> str:
        """See dialects.Reader."""
        return self.registers.get(name.lower(), name)

    # -- as directives need it

    def expression(self, text: str) -> Node:
        """The expression in `text`. Raises ValueError."""
        return self.scope.expression(text)

    def add(self, atom: Atom) -> None:
        """Put an atom at the end of the current section."""
        atom.section = self._contents.name
        self._atoms.append(atom)

    def mark_here(self) -> None:
        """Put the label in place that `.` stands for, if an expression has asked for it."""
        if self.scope.here is not None:
            self.add(Label(statement=self.statement, name=self.scope.here))
            self.scope.here = None

    def align(self, alignment: int) -> None:
        """Let the current section begin at a multiple of `alignment` at least."""
        self._contents.align = max(self._contents.align, alignment)

    @property
    def executable(self) -> bool:
        """Whether the current section is code."""
        return self._contents.executable

    def switch(self, name: str, subsection: int, flags: str | None) -> None:
        """Go on in a section; `flags` count the first time."""
        contents = self.program.sections.get(name)
        if contents is None:
            contents = self.program.sections[name] = Contents(name, sections.flags_of(name) if flags is None else flags)
        self._contents = contents
        self._atoms = contents.subsections.setdefault(subsection, [])
        self.places.current = (name, subsection)

    def dump_literals(self) -> None:
        """Put the current section's pool here."""
        pool = self._pools.pop(self.places.current, None)
        if pool is not None:
            self.align(pool.size)
            self.add(pool)

    def assign(self, name: str, text: str) -> None:
        """Give a symbol a value. Raises ValueError."""
        node = self.scope.assign(name, text)
        self.mark_here()
        self.program.assigned[name] = Assigned(node, self.statement)
