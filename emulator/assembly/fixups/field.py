# SPDX-License-Identifier: GPL-2.0-only
"""What a relocation is: which bits of which bytes hold which value."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal


def whole(_word: int, value: int) -> int:
    """The value is all there is in the field."""
    return value


def same(word: int) -> int:
    """The field holds its addend as it is."""
    return word


def signed(value: int, bits: int) -> int:
    """The low `bits` of a value as a two's complement number."""
    return (value + (1 << bits - 1)) % (1 << bits) - (1 << bits - 1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """One kind of relocation. The value is S + A, minus P where it is relative (the ELF specification's letters)."""

    number: int
    """ELF's r_type."""
    size: int
    """Bytes of the word that holds the field; 0 where nothing is to be done."""
    relative: bool = False
    unit: int = 1
    """S + A, and P, are rounded down to a multiple of it first: a page's size where pages are counted."""
    range: tuple[int, int] | None = None
    """Smallest and largest value that fit, after wrapping to `wrap` bits; None where every value does."""
    wrap: int
    """Bits of an address: the value is taken modulo two to this power, as a signed number unless `range` says 0 up."""
    align: int = 1
    order: Literal["little", "big"] = "little"
    put: Callable[[int, int], int] = whole
    """(word, value) -> word with the value in its place. Raises ValueError for a value that the encoding lacks."""
    get: Callable[[int], int] = same
    """word -> the addend that stands in it, for formats whose relocations carry none."""


@dataclass(frozen=True, slots=True)
class Machine:
    """The relocations of one e_machine by their ELF names."""

    number: int
    fields: Mapping[str, Field]


def span(bits: int) -> tuple[int, int]:
    """The range of a signed field."""
    return -(1 << bits - 1), (1 << bits - 1) - 1


def either(bits: int) -> tuple[int, int]:
    """The range of a field that may be meant signed or unsigned."""
    return -(1 << bits - 1), (1 << bits) - 1
