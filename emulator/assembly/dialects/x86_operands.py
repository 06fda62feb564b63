# SPDX-License-Identifier: GPL-2.0-only
"""Operands of x86 in AT&T syntax: parsed once per text, written out again for the encoder."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

from emulator.assembly.arguments import split_operands
from emulator.assembly.expressions import Node, Number
from emulator.assembly.grammar import parse

DISPLACEMENT, IMMEDIATE, ADDRESS = "displacement", "immediate", "address"
"""Roles of slots; an address is the 64-bit one of movabs."""
PLACEHOLDERS = {DISPLACEMENT: 0x1DE51DE5, IMMEDIATE: 0x1A5E1A5E, ADDRESS: 0x1B6F1B6F2C7D2C7D}

Place = Callable[[str, Node], str]
"""(role, expression) -> what the encoder shall read there."""


@dataclass(frozen=True, slots=True)
class Register:
    """%name."""

    name: str

    def write(self, place: Place, bare: str) -> str:
        """The text for the encoder."""
        return f"%{self.name}"


@dataclass(frozen=True, slots=True)
class Immediate:
    """$value."""

    value: Node

    def write(self, place: Place, bare: str) -> str:
        """The text for the encoder."""
        return "$" + place(IMMEDIATE, self.value)


@dataclass(frozen=True, slots=True)
class Memory:
    """segment:displacement(base, index, scale); `inner` is what stands in the parentheses, "" for a bare address.

    To that belongs `bare`, so that the encoder takes it for one.
    `star` is "*" in front of the target of an indirect branch.
    """

    star: str
    segment: str
    displacement: Node | None
    inner: str

    def write(self, place: Place, bare: str) -> str:
        """The text for the encoder."""
        displacement = "" if self.displacement is None else place(DISPLACEMENT, self.displacement)
        return f"{self.star}{self.segment}{displacement}{f'({self.inner})' if self.inner else bare}"


@dataclass(frozen=True, slots=True)
class Indirect:
    """*%register."""

    register: Register

    def write(self, place: Place, bare: str) -> str:
        """The text for the encoder."""
        return "*" + self.register.write(place, bare)


@dataclass(frozen=True, slots=True)
class Absolute:
    """64 bits, `lead` in front: "$" or a segment."""

    lead: str
    value: Node

    def write(self, place: Place, bare: str) -> str:
        """The text for the encoder."""
        return self.lead + place(ADDRESS, self.value)


Operand = Register | Immediate | Memory | Indirect | Absolute

_REGISTER = re.compile(r"%\s*([A-Za-z]\w*(?:\s*\(\d\))?)")
_SEGMENT = re.compile(r"%\s*([c-gs]s)\s*:\s*", re.IGNORECASE)
_COUNTERS, _STACK_POINTERS = frozenset({"%rip", "%eip"}), frozenset({"%rsp", "%esp"})
_SUFFIX = re.compile(r"@PLT\b", re.IGNORECASE)


@lru_cache(maxsize=8192)
def operands(text: str) -> tuple[Operand, ...]:
    """The operands in `text`, without the values of symbols. Raises ValueError."""
    return tuple(_operand(part) for part in split_operands(text))


@lru_cache(maxsize=1024)
def target(text: str) -> Node:
    """The expression that a direct branch goes to. Raises ValueError."""
    return parse(_SUFFIX.sub("", text))


def _operand(text: str) -> Operand:
    if register := _REGISTER.fullmatch(text):
        return _register(register[1])
    if text.startswith("$"):
        return Immediate(parse(text[1:]))
    if not text.startswith("*"):
        return _memory(text, "")
    inner = text[1:].strip()
    register = _REGISTER.fullmatch(inner)
    return Indirect(_register(register[1])) if register else _memory(inner, "*")


def _register(name: str) -> Register:
    """The encoder would take rip for number 0, which is rax."""
    name = name.lower().replace(" ", "")
    if f"%{name}" in _COUNTERS:
        raise ValueError(f"%{name} is no operand, but the base of an address")
    return Register(name)


def _memory(text: str, star: str) -> Memory:
    segment = _SEGMENT.match(text)
    if segment:
        text = text[segment.end() :]
    text, inner = _take_registers(text)
    displacement = parse(text) if text.strip() else None
    if displacement is None and not inner:
        raise ValueError("an operand is missing")
    return Memory(star, f"%{segment[1].lower()}:" if segment else "", displacement, inner)


def _take_registers(text: str) -> tuple[str, str]:
    """(what stands before, the parentheses' contents), if these name registers."""
    text = text.rstrip()
    start = text.rfind("(")
    inner = text[start + 1 : -1].strip()
    if start < 0 or not text.endswith(")") or not inner.startswith(("%", ",")):
        return text, ""
    *registers, last = inner.split(",")
    named = [register.strip().lower() for register in (*registers, last)]
    if len(named) > 1 and (not _COUNTERS.isdisjoint(named) or named[1] in _STACK_POINTERS):
        raise ValueError(f"({inner}) is no base with an index")  # the encoder leaves such an index out
    scale = parse(last) if last.strip() and "%" not in last else None
    if isinstance(scale, Number):
        last = hex(scale.number)
    return text[:start], ",".join([*(register.strip().lower() for register in registers), last.strip()])
