# SPDX-License-Identifier: GPL-2.0-only
"""AArch64: a table of formats. Arm Architecture Reference Manual for A-profile, section C4.1."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from emulator.mutants.field import Field, Operator, run

NOP = bytes.fromhex("1f2003d5")
WHOLE = {**{f"w{number}": f"x{number}" for number in range(31)}, "wsp": "sp", "wzr": "xzr"}
ADDRESSES: frozenset[str] = frozenset()
STORES = frozenset("str strb strh stur sturb sturh stp stnp".split())

WORD, DOUBLE, PAGE = 4, 8, 4096


class Format(NamedTuple):
    """Instructions whose bits under `mask` are `value`; the first format that fits counts."""

    mask: int
    value: int
    fields: tuple[Field, ...]


def register(low: int) -> Field:
    """Five bits that name a register; its neighbour, and others further off."""
    return Field(Operator.REGISTER, run(low, 5), flips=(1, 3, 8))


def flag(operator: Operator, bit: int) -> Field:
    """One bit that says something else when it is turned over."""
    return Field(operator, (bit,), flips=(1,))


def target(low: int, bits: int) -> Field:
    """Where a branch goes."""
    return Field(Operator.DISPLACEMENT, run(low, bits), steps=(1, -1), scale=WORD)


RD, RN, RT2, RM = register(0), register(5), register(10), register(16)
LOAD = flag(Operator.REGISTER, 22)
NUMBER = Field(Operator.IMMEDIATE, run(10, 12), steps=(1, -1, DOUBLE, -DOUBLE))
MASK = Field(Operator.IMMEDIATE, run(10, 12), steps=(1, -1, 64, -64))
"""The lengths and the rotation of a run of ones."""
HALF = Field(Operator.IMMEDIATE, run(5, 16), steps=(1, -1, DOUBLE, -DOUBLE))
SCALED = Field(Operator.DISPLACEMENT, run(10, 12), steps=(1, -1))
UNSCALED = Field(Operator.DISPLACEMENT, run(12, 9), steps=(DOUBLE, -DOUBLE))
PAIR = Field(Operator.DISPLACEMENT, run(15, 7), steps=(1, -1))
MODE = flag(Operator.DISPLACEMENT, 23), flag(Operator.DISPLACEMENT, 24)
"""Of a pair: behind which the address changes, an offset, both; or, neither of them, past the caches."""
ADDRESS = (29, 30, *run(5, 19))
SUBTRACT = flag(Operator.IMMEDIATE, 30)

FORMATS = (
    Format(0xFF9FFC1F, 0xD61F0000, (RN, flag(Operator.BRANCH, 21), flag(Operator.BRANCH, 22))),  # br, blr, ret
    Format(0x7C000000, 0x14000000, (target(0, 26), flag(Operator.BRANCH, 31))),  # b, bl
    Format(0xFF000010, 0x54000000, (target(5, 19), flag(Operator.BRANCH, 0))),  # b.cond
    Format(0x7E000000, 0x34000000, (RD, target(5, 19), flag(Operator.BRANCH, 24), flag(Operator.WIDTH, 31))),  # cbz
    Format(0x7E000000, 0x36000000, (RD, target(5, 14), flag(Operator.BRANCH, 24))),  # tbz, tbnz
    Format(0x9F000000, 0x90000000, (RD, Field(Operator.DISPLACEMENT, ADDRESS, steps=(1, -1), scale=PAGE))),  # adrp
    Format(0x9F000000, 0x10000000, (RD, Field(Operator.DISPLACEMENT, ADDRESS, steps=(WORD, -WORD)))),  # adr
    Format(0x1F800000, 0x12000000, (RD, RN, MASK)),  # and, orr, eor, ands of an immediate
    Format(0x1F800000, 0x12800000, (RD, HALF)),  # movz, movn, movk
    Format(0x1F000000, 0x11000000, (RD, RN, NUMBER, SUBTRACT)),  # add, sub of an immediate
    Format(0x1F000000, 0x0A000000, (RD, RN, RM)),  # and, bic, orr, eor; mov
    Format(0x1F000000, 0x0B000000, (RD, RN, RM, SUBTRACT)),  # add, sub; cmp
    Format(0x3E000000, 0x28000000, (RD, RT2, RN, PAIR, *MODE, LOAD)),  # ldp, stp
    Format(0x3F000000, 0x39000000, (RD, RN, SCALED, flag(Operator.WIDTH, 30), LOAD)),  # ldr, str, scaled
    Format(
        0x3F200000,
        0x38000000,
        (RD, RN, UNSCALED, flag(Operator.DISPLACEMENT, 10), flag(Operator.DISPLACEMENT, 11), LOAD),
    ),  # ldur, stur, and those that write the address back
)


def fields(code: bytes) -> Iterator[Field]:
    """The fields of one instruction."""
    word = int.from_bytes(code, "little")
    known = next((known for known in FORMATS if word & known.mask == known.value), None)
    yield from (field for field in (known.fields if known else ()) if not _meaningless(word, field))


def _meaningless(word: int, field: Field) -> bool:
    """What makes no difference: to subtract 0, to write back an address that is the same, to go past the caches."""
    if field is SUBTRACT and word & 0x1F000000 == 0x11000000:
        return not word >> 10 & 0xFFF
    if field not in MODE:
        return False
    mode, same = word >> 23 & 3, not word >> 15 & 0x7F
    return mode ^ (1 << MODE.index(field)) == 0 or (same and mode == 2)
