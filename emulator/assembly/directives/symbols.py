# SPDX-License-Identifier: GPL-2.0-only
"""Directives about symbols."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from emulator.assembly.arguments import between, split_operands, unquote
from emulator.assembly.atoms import Label
from emulator.assembly.directives.data import space
from emulator.assembly.directives.gaps import gap, org
from emulator.assembly.program import Assigned

if TYPE_CHECKING:
    from emulator.assembly.reader import SourceReader


def assign(reader: SourceReader, operands: str) -> None:
    """A value for a symbol, or for `.`: that moves on."""
    name, value = between(operands, 2, 2)
    if name == ".":
        org(reader, value)
    else:
        reader.assign(symbol(name), value)


def assign_new(reader: SourceReader, operands: str) -> None:
    """A value for a symbol that must have none yet."""
    name, value = between(operands, 2, 2)
    if reader.scope.defined(name):
        raise ValueError(f"{name!r} is defined already")
    reader.assign(symbol(name), value)


def make_global(reader: SourceReader, operands: str) -> None:
    """Symbols that other pieces see."""
    for name in split_operands(operands):
        reader.program.binding.setdefault(symbol(name), "global")


def make_weak(reader: SourceReader, operands: str) -> None:
    """Symbols that other pieces see and may replace; so a branch to one is always a long one."""
    for name in split_operands(operands):
        reader.program.binding[symbol(name)] = "weak"


def set_type(reader: SourceReader, operands: str) -> None:
    """Whether a symbol is a function."""
    name, *kind = re.split(r"[\s,]+", operands.strip(), maxsplit=1)
    if kind and unquote(kind[0]).lstrip("@%#").lower() in ("function", "stt_func", "gnu_indirect_function"):
        reader.program.functions.add(symbol(name))


def set_size(reader: SourceReader, operands: str) -> None:
    """A symbol's size, known when the layout is."""
    name, value = between(operands, 2, 2)
    node = reader.expression(value)
    reader.mark_here()
    reader.program.sizes[symbol(name)] = Assigned(node, reader.statement)


def common(reader: SourceReader, operands: str) -> None:
    """A variable in .bss."""
    name, size, *alignment = between(operands, 2, 3)
    reader.program.binding.setdefault(symbol(name), "global")
    place = reader.places.current
    reader.switch(".bss", 0, None)
    gap(reader, reader.scope.constant(alignment[0]) if alignment else 1, [])
    reader.add(Label(statement=reader.statement, name=reader.scope.define(name)))
    space(reader, size)
    reader.switch(*place, None)


def symbol(name: str) -> str:
    """A symbol's name, without its quotes. Raises ValueError."""
    name = unquote(name)
    if not re.fullmatch(r"[A-Za-z_.$][\w.$]*", name):
        raise ValueError(f"expected a symbol, found {name[:40]!r}")
    return name


def forget_register(reader: SourceReader, operands: str) -> None:
    """The opposite of `name .req register`."""
    reader.registers.pop(operands.strip().lower(), None)


HANDLERS = {
    **dict.fromkeys((".set", ".equ"), assign),
    ".equiv": assign_new,
    **dict.fromkeys((".globl", ".global"), make_global),
    ".weak": make_weak,
    ".type": set_type,
    ".size": set_size,
    ".comm": common,
    ".unreq": forget_register,
}
