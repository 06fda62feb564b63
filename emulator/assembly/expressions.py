# SPDX-License-Identifier: GPL-2.0-only
"""Integer expressions as GNU as reads them (its manual, "Infix Operators"), in 64-bit two's complement.

grammar.py makes a tree of a text; `Node.bind` replaces names by what is known while the source is read, and
`Node.evaluate` gives a number, symbol + number, or symbol - symbol + number. Functions here raise ValueError, whose
text the caller turns into an AssemblyError with the statement's place.
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

SIZE_LIMIT = 200
"""How many operators one expression has after `.set` symbols are put in."""


@dataclass(frozen=True, slots=True)
class Value:
    """number + address of `plus` - address of `minus`."""

    number: int = 0
    plus: str | None = None
    minus: str | None = None

    @property
    def constant(self) -> int:
        """The number. Raises ValueError where a symbol is left."""
        if self.plus is not None or self.minus is not None:
            raise ValueError(f"{visible(self.plus or self.minus or '')!r} is not a constant here")
        return self.number


class Scope(Protocol):
    """What evaluation asks about symbols."""

    def value(self, name: str) -> Value:
        """What a name stands for: a number, or Value(0, name) for an address."""

    def distance(self, one: str, other: str) -> int | None:
        """Address of `one` - address of `other`, None where that is not known."""


class Node(Protocol):
    """An expression."""

    @property
    def size(self) -> int:
        """The number of operators."""

    def bind(self, resolve: Callable[[str], Node]) -> Node:
        """This expression with its names replaced."""

    def evaluate(self, scope: Scope) -> Value:
        """Its value. Raises ValueError."""


@dataclass(frozen=True, slots=True)
class Number:
    """A constant, signed."""

    number: int
    size: int = 0

    def bind(self, resolve: Callable[[str], Node]) -> Node:
        return self

    def evaluate(self, scope: Scope) -> Value:
        return Value(self.number)


@dataclass(frozen=True, slots=True)
class Name:
    """A symbol, a numeric label (1b, 1f), or `.`."""

    name: str
    size: int = 0

    def bind(self, resolve: Callable[[str], Node]) -> Node:
        return resolve(self.name)

    def evaluate(self, scope: Scope) -> Value:
        return scope.value(self.name)


@dataclass(frozen=True, slots=True)
class Unary:
    """A prefix operator."""

    sign: str
    inner: Node
    size: int

    def bind(self, resolve: Callable[[str], Node]) -> Node:
        return unary(self.sign, self.inner.bind(resolve))

    def evaluate(self, scope: Scope) -> Value:
        value = self.inner.evaluate(scope)
        if self.sign == "-":
            return Value(wrap(-value.number), value.minus, value.plus)
        return Value(~value.constant if self.sign == "~" else int(not value.constant))


@dataclass(frozen=True, slots=True)
class Binary:
    """An infix operator."""

    sign: str
    left: Node
    right: Node
    size: int

    def bind(self, resolve: Callable[[str], Node]) -> Node:
        return binary(self.sign, self.left.bind(resolve), self.right.bind(resolve))

    def evaluate(self, scope: Scope) -> Value:
        left, right = self.left.evaluate(scope), self.right.evaluate(scope)
        if self.sign == "+":
            return _wrapped(_sum(left, right, scope))
        if self.sign == "-":
            return _wrapped(_difference(left, right, scope))
        if self.sign in COMPARE:
            return Value(-COMPARE[self.sign](_difference(left, right, scope).constant, 0))
        return Value(wrap(_ARITHMETIC[self.sign](left.constant, right.constant)))


def wrap(number: int) -> int:
    """The signed 64-bit number with the same low 64 bits."""
    return (number + (1 << 63) & (1 << 64) - 1) - (1 << 63)


def to_bytes(number: int, size: int) -> bytes:
    """A little-endian integer of `size` bytes, signed or not. Raises ValueError where it does not fit."""
    if not -(1 << 8 * size - 1) <= number < 1 << 8 * size:
        raise ValueError(f"{number:#x} does not fit into {size} bytes")
    return (number & (1 << 8 * size) - 1).to_bytes(size, "little")


def _wrapped(value: Value) -> Value:
    return Value(wrap(value.number), value.plus, value.minus)


def _difference(left: Value, right: Value, scope: Scope) -> Value:
    return _sum(left, Value(-right.number, right.minus, right.plus), scope)


def _sum(left: Value, right: Value, scope: Scope) -> Value:
    number = left.number + right.number
    plus = [name for name in (left.plus, right.plus) if name is not None]
    minus = [name for name in (left.minus, right.minus) if name is not None]
    for one in tuple(plus):
        for other in tuple(minus):
            distance = 0 if one == other else scope.distance(one, other)
            if distance is not None:
                number += distance
                plus.remove(one)
                minus.remove(other)
                break
    return Value(number, _single(plus), _single(minus))


def _single(names: list[str]) -> str | None:
    if len(names) > 1:
        raise ValueError(f"{visible(names[0])!r} and {visible(names[1])!r} cannot be added")
    return names[0] if names else None


def visible(name: str) -> str:
    """A symbol's name as the source has it; the reader's own names carry a serial number behind the byte 1."""
    return name.partition("\x01")[0]


def _divide(one: int, other: int) -> int:
    if other == 0:
        raise ValueError("division by zero")
    return abs(one) // abs(other) * (1 if (one < 0) == (other < 0) else -1)


def _shift_left(one: int, count: int) -> int:
    return one << count if 0 <= count < 64 else 0


def _shift_right(one: int, count: int) -> int:
    return (one & (1 << 64) - 1) >> count if 0 <= count < 64 else 0


COMPARE: dict[str, Callable[[int, int], bool]] = {
    "==": operator.eq,
    "!=": operator.ne,
    "<>": operator.ne,
    "<": operator.lt,
    ">": operator.gt,
    "<=": operator.le,
    ">=": operator.ge,
}
_ARITHMETIC: dict[str, Callable[[int, int], int]] = {
    "*": operator.mul,
    "/": _divide,
    "%": lambda one, other: one - other * _divide(one, other),
    "<<": _shift_left,
    ">>": _shift_right,
    "|": operator.or_,
    "&": operator.and_,
    "^": operator.xor,
    "!": lambda one, other: one | ~other,
    "&&": lambda one, other: int(bool(one and other)),
    "||": lambda one, other: int(bool(one or other)),
}


class _Nothing:
    """A scope without symbols, to fold constants in."""

    def value(self, name: str) -> Value:
        return Value(0, name)

    def distance(self, one: str, other: str) -> int | None:
        return None


_NOTHING = _Nothing()


def unary(sign: str, inner: Node) -> Node:
    """-, ~ or ! of a node, folded where it is constant."""
    node = Unary(sign, inner, inner.size + 1)
    return Number(node.evaluate(_NOTHING).number) if isinstance(inner, Number) else node


def binary(sign: str, left: Node, right: Node) -> Node:
    """Two nodes joined by an operator, folded where both are constant."""
    node = Binary(sign, left, right, left.size + right.size + 1)
    if isinstance(left, Number) and isinstance(right, Number):
        return Number(wrap(node.evaluate(_NOTHING).number))
    if node.size > SIZE_LIMIT:
        raise ValueError("the expression is too large")
    return node
