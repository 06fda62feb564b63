# SPDX-License-Identifier: GPL-2.0-only
"""Conditional assembly: .if and its relatives, .elseif, .else, .endif."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from emulator.assembly.arguments import squeeze, unquote
from emulator.assembly.lexer import Statement


class Knowledge(Protocol):
    """What conditions ask about symbols."""

    def constant(self, text: str) -> int:
        """The value of an expression. Raises ValueError."""

    def defined(self, name: str) -> bool:
        """Whether a symbol has been defined so far."""


Test = Callable[[str, Knowledge], bool]


def _compares(test: Callable[[int], bool]) -> Test:
    return lambda text, symbols: test(symbols.constant(text or "0"))


def _halves(text: str) -> tuple[str, str]:
    one, comma, other = text.partition(",")
    if not comma:
        raise ValueError("expected two operands with a comma between them")
    return squeeze(one, ""), squeeze(other, "")


def _same_string(text: str, _: Knowledge) -> bool:
    one, other = _halves(text)
    return unquote(one) == unquote(other)


def _same_text(text: str, _: Knowledge) -> bool:
    one, other = _halves(text)
    return one.strip("'") == other.strip("'")


def _negated(test: Test) -> Test:
    return lambda text, symbols: not test(text, symbols)


def _is_defined(text: str, symbols: Knowledge) -> bool:
    if not text:
        raise ValueError("expected a symbol")
    return symbols.defined(text)


def _is_blank(text: str, _: Knowledge) -> bool:
    return not text


TESTS: dict[str, Test] = {
    ".if": _compares(lambda number: number != 0),
    ".ifne": _compares(lambda number: number != 0),
    ".ifeq": _compares(lambda number: number == 0),
    ".ifgt": _compares(lambda number: number > 0),
    ".ifge": _compares(lambda number: number >= 0),
    ".iflt": _compares(lambda number: number < 0),
    ".ifle": _compares(lambda number: number <= 0),
    ".ifb": _is_blank,
    ".ifnb": _negated(_is_blank),
    ".ifc": _same_text,
    ".ifnc": _negated(_same_text),
    ".ifeqs": _same_string,
    ".ifnes": _negated(_same_string),
    ".ifdef": _is_defined,
    ".ifndef": _negated(_is_defined),
    ".ifnotdef": _negated(_is_defined),
}
DIRECTIVES = frozenset({*TESTS, ".else", ".elseif", ".endif"})


@dataclass(slots=True)
class _Level:
    opened: Statement
    active: bool
    """Whether statements count just now."""
    open: bool
    """Whether a branch may still be chosen."""
    last: bool = False
    """Whether .else has been seen."""


class Conditions:
    """The conditionals that are open at the current statement."""

    def __init__(self) -> None:
        self._levels: list[_Level] = []

    @property
    def active(self) -> bool:
        """Whether the current statement counts."""
        return not self._levels or self._levels[-1].active

    @property
    def depth(self) -> int:
        """How many are open."""
        return len(self._levels)

    @property
    def innermost(self) -> Statement:
        """The statement that opened the last one."""
        return self._levels[-1].opened

    def drop(self, depth: int) -> None:
        """Forget all but the outermost `depth`."""
        del self._levels[depth:]

    def handle(self, directive: str, operands: str, statement: Statement, symbols: Knowledge, floor: int) -> None:
        """Obey one of DIRECTIVES; what was open at depth `floor` and above belongs to somebody else.

        Raises ValueError.
        """
        if test := TESTS.get(directive):
            chosen = self.active and test(operands, symbols)
            self._levels.append(_Level(statement, chosen, self.active and not chosen))
            return
        if len(self._levels) <= floor:
            raise ValueError(f"{directive} without .if")
        level = self._levels[-1]
        if directive == ".endif":
            self._levels.pop()
        elif level.last:
            raise ValueError(f"{directive} behind .else")
        else:
            level.last = directive == ".else"
            level.active = level.open and (level.last or symbols.constant(operands) != 0)
            level.open = level.open and not level.active
