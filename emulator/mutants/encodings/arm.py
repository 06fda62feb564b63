# SPDX-License-Identifier: GPL-2.0-only
"""32-bit ARM, ARM state: a table of formats. Arm Architecture Reference Manual, ARMv7-A edition, chapter A5."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from emulator.mutants.field import Field, Operator, run

NOP = bytes.fromhex("0000a0e1")  # mov r0, r0
WHOLE: dict[str, str] = {}
ADDRESSES: frozenset[str] = frozenset()

WORD = 4


class Format(NamedTuple):
    """Instructions whose bits under `mask` are `value`; the first format that fits counts."""

    mask: int
    value: int
    fields: tuple[Field, ...]


def register(low: int) -> Field:
    """Four bits that name a register; its neighbour, and others further off."""
    return Field(Operator.REGISTER, run(low, 4), flips=(1, 3, 8))


def flag(operator: Operator, bit: int) -> Field:
    """One bit that says something else when it is turned over."""
    return Field(operator, (bit,), flips=(1,))


RN, RD, RM = register(16), register(12), register(0)
SIGN, BEFORE, WRITE_BACK = (flag(Operator.DISPLACEMENT, bit) for bit in (23, 24, 21))
LOAD = flag(Operator.REGISTER, 20)
HALF = Field(Operator.IMMEDIATE, (*run(0, 12), *run(16, 4)), steps=(1, -1, WORD, -WORD))
BYTE = Field(Operator.IMMEDIATE, run(0, 8), steps=(1, -1, WORD, -WORD))
OFFSET = Field(Operator.DISPLACEMENT, run(0, 12), steps=(WORD, -WORD))
TARGET = Field(Operator.DISPLACEMENT, run(0, 24), steps=(1, -1), scale=WORD)
LIST = tuple(flag(Operator.REGISTER, bit) for bit in range(16))

LOADS = Format(0x0E000000, 0x04000000, (RN, RD, OFFSET, SIGN, BEFORE, WRITE_BACK, flag(Operator.WIDTH, 22), LOAD))
"""ldr, str, ldrb, strb with an immediate."""
FORMATS = (
    Format(0x0FFFFFF0, 0x012FFF10, (RM,)),  # bx
    Format(0x0FFFFFF0, 0x012FFF30, (RM, flag(Operator.BRANCH, 5))),  # blx register
    Format(0x0FB00000, 0x03000000, (RD, HALF)),  # movw, movt
    Format(0x0E000000, 0x02000000, (RN, RD, BYTE)),  # data processing, immediate
    Format(0x0E000010, 0x00000000, (RN, RD, RM)),  # data processing, register
    LOADS,
    Format(0x0E000000, 0x08000000, (RN, *LIST, SIGN, BEFORE, WRITE_BACK, LOAD)),  # ldm, stm, push, pop
    Format(0x0E000000, 0x0A000000, (TARGET, flag(Operator.BRANCH, 24))),  # b, bl
)
CONDITION, ALWAYS = 28, 0xE


def fields(code: bytes) -> Iterator[Field]:
    """The fields of one instruction."""
    word = int.from_bytes(code, "little")
    if word >> CONDITION < ALWAYS:
        yield flag(Operator.BRANCH, CONDITION)
    known = next((known for known in FORMATS if word & known.mask == known.value), None)
    yield from (field for field in (known.fields if known else ()) if not _meaningless(word, field))


def _meaningless(word: int, field: Field) -> bool:
    """What makes no difference, or what the manual calls unpredictable: both of a load's with offset 0, and ldrt of pc.

    A load behind which the address changes (P = 0) is one for user mode when it is also told to write back (W = 1).
    """
    if word & LOADS.mask != LOADS.value or field not in (SIGN, BEFORE, WRITE_BACK):
        return False
    before = word >> BEFORE.bits[0] & 1
    return not word & 0xFFF or (field is WRITE_BACK and not before)
