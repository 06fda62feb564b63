# SPDX-License-Identifier: GPL-2.0-only
"""Fields of an instruction's bytes, and the values that a mutant has in their place."""

from __future__ import annotations

import enum
from collections.abc import Iterator
from typing import NamedTuple


class Operator(enum.Enum):
    """What a mutant changes about one instruction."""

    DROP = "drop"
    DUPLICATE = "duplicate"
    DISPLACEMENT = "displacement"
    """Where memory is accessed, or where a branch goes."""
    IMMEDIATE = "immediate"
    REGISTER = "register"
    """Another register, one more or one less in a list, or source and destination swapped: a load becomes a store."""
    WIDTH = "width"
    BRANCH = "branch"
    """Its condition turned round, or a call that becomes a jump."""
    EXCHANGE = "exchange"
    """The instruction after the next one."""


class Field(NamedTuple):
    """Bits of an instruction, lowest first, counted from bit 0 of its first byte in little-endian order.

    Each of `steps` is added to the value, modulo its width; each of `flips` turns bits of it over.
    """

    operator: Operator
    bits: tuple[int, ...]
    steps: tuple[int, ...] = ()
    flips: tuple[int, ...] = ()
    scale: int = 1
    """How many bytes one of a displacement means."""

    def changed(self, code: bytes) -> Iterator[tuple[bytes, int]]:
        """The code with each other value, and what was added to the field; 0 for a flip."""
        word = int.from_bytes(code, "little")
        value = sum((word >> bit & 1) << place for place, bit in enumerate(self.bits))
        limit = 1 << len(self.bits)
        for new, step in [
            *(((value + step) % limit, step) for step in self.steps),
            *((value ^ f, 0) for f in self.flips),
        ]:
            yield self._put(word, new).to_bytes(len(code), "little"), step

    def _put(self, word: int, value: int) -> int:
        for place, bit in enumerate(self.bits):
            word = word & ~(1 << bit) | (value >> place & 1) << bit
        return word


def run(first: int, count: int) -> tuple[int, ...]:
    """`count` bits from `first` up."""
    return tuple(range(first, first + count))
