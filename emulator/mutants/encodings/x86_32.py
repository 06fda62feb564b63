# SPDX-License-Identifier: GPL-2.0-only
"""32-bit x86: what encodings.x86 knows, without REX, and inc, dec, segments and bare addresses of its own."""

from __future__ import annotations

from collections.abc import Iterator

from emulator.mutants.encodings import x86
from emulator.mutants.field import Field, Operator, run

NOP = x86.NOP
WHOLE = {name: f"e{name}" for name in "ax bx cx dx si di bp sp".split()}
WHOLE |= {f"{name}{part}": f"e{name}x" for name in "abcd" for part in "lh"}
ADDRESSES = frozenset({"leal"})

COUNTS = range(0x40, 0x50)
"""inc and dec, with the register in the opcode."""
SEGMENTS = frozenset(b"\x06\x07\x0e\x16\x17\x1e\x1f")
"""push and pop of es, cs, ss and ds, with the segment in two bits and the direction in the lowest."""
NEW_SEGMENTS = frozenset(b"\xa0\xa1\xa8\xa9")
"""The same of fs and gs, behind 0f."""
BARE = range(0xA0, 0xA4)
"""mov between eax, or al, and an address."""


def fields(code: bytes) -> Iterator[Field]:
    """The fields of one instruction."""
    at = x86.parse(code, long=False).opcode
    opcode = code[at]
    if opcode in COUNTS:
        yield Field(Operator.REGISTER, run(8 * at, 3), flips=(1, 3))
    elif opcode in SEGMENTS:
        yield Field(Operator.REGISTER, (8 * at, *run(8 * at + 3, 2)), flips=(1, 2, 4))
    elif opcode == x86.TWO_BYTES and code[at + 1] in NEW_SEGMENTS:
        yield Field(Operator.REGISTER, (8 * at + 8, 8 * at + 11), flips=(1, 2))
    elif opcode in BARE:
        yield Field(Operator.DISPLACEMENT, run(8 * at + 8, 32), steps=(4, -4))
    else:
        yield from x86.fields(code, long=False)
