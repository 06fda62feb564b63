# SPDX-License-Identifier: GPL-2.0-only
"""What is known about symbols while a source is read from top to bottom."""

from __future__ import annotations

from collections.abc import Mapping

from emulator.assembly.expressions import Name, Node, Number, Value
from emulator.assembly.grammar import parse


class ReadingScope:
    """Constants, assigned expressions, labels seen so far; numeric labels and `.` by names of their own.

    Such names have a serial number behind the byte 1 and never leave the assembler.
    """

    def __init__(self, defines: Mapping[str, int]) -> None:
        self.constants = dict(defines)
        self.assigned: dict[str, Node] = {}
        self.labels: set[str] = set()
        self.here: str | None = None
        """The name for `.` in the current statement, as soon as it has asked for one."""
        self._numbers: dict[str, int] = {}
        self._serial = 0

    # -- as Knowledge of conditions

    def constant(self, text: str) -> int:
        """The value of an expression that must be known now. Raises ValueError."""
        return self.bind(parse(text)).evaluate(self).constant

    def defined(self, name: str) -> bool:
        """Whether the name is a symbol by now."""
        return name in self.constants or name in self.assigned or name in self.labels

    # -- as Scope of expressions, for what does not wait for the layout

    def value(self, name: str) -> Value:
        """An address that nothing is known about yet."""
        return Value(0, name)

    def distance(self, one: str, other: str) -> int | None:
        """Not known before the layout."""
        return None

    # -- reading

    def bind(self, node: Node) -> Node:
        """The expression with the values that its names have here. Raises ValueError."""
        return node.bind(self._resolve)

    def expression(self, text: str) -> Node:
        """The expression in `text`, bound. Raises ValueError."""
        return self.bind(parse(text))

    def assign(self, name: str, text: str) -> Node:
        """Obey `.set name, text`; the value may change again. Raises ValueError."""
        if name in self.labels:
            raise ValueError(f"{name!r} is a label already")
        node = self.expression(text)
        self.assigned.pop(name, None)
        self.constants.pop(name, None)
        if isinstance(node, Number):
            self.constants[name] = node.number
        else:
            self.assigned[name] = node
        return node

    def define(self, label: str) -> str:
        """The name by which a label stands here is known to the layout. Raises ValueError."""
        if label.isdigit():
            label = label.lstrip("0") or "0"
            self._numbers[label] = self._numbers.get(label, 0) + 1
            return f"{label}\x01{self._numbers[label]}"
        if self.defined(label):
            raise ValueError(f"{label!r} is defined already")
        self.labels.add(label)
        return label

    def unique(self, stem: str) -> str:
        """A name that nothing else has."""
        self._serial += 1
        return f"{stem}\x01{self._serial}"

    def _resolve(self, name: str) -> Node:
        if name in self.constants:
            return Number(self.constants[name])
        if name in self.assigned:
            return self.assigned[name]
        if name == ".":
            self.here = self.here or self.unique(".")
            return Name(self.here)
        if name[0].isdigit():
            return Name(self._numbered(name[:-1].lstrip("0") or "0", name[-1]))
        return Name(name)

    def _numbered(self, number: str, direction: str) -> str:
        seen = self._numbers.get(number, 0)
        if direction == "f":
            return f"{number}\x01{seen + 1}"
        if not seen:
            raise ValueError(f"there is no label {number}: before this")
        return f"{number}\x01{seen}"
