# SPDX-License-Identifier: GPL-2.0-only
"""x86: prefixes, REX in 64-bit code, opcode, ModRM, SIB, displacement, immediate. Intel's manual, volume 2, chapter 2.

Only what general-purpose instructions of trampolines need: one-byte opcodes, and 0f ones. The module itself is x86-64.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from emulator.mutants.field import Field, Operator, run

NOP = b"\x90"
WHOLE = {f"e{name}": f"r{name}" for name in "ax bx cx dx si di bp sp".split()}
WHOLE |= {f"r{number}{part}": f"r{number}" for number in range(8, 16) for part in "dwb"}
ADDRESSES = frozenset({"leaq", "leal"})

PREFIXES = frozenset(b"\x26\x2e\x36\x3e\x64\x65\x66\x67\xf0\xf2\xf3")
TWO_BYTES = 0x0F

GROUPS = frozenset(b"\x80\x81\x83\x8f\xc0\xc1\xc6\xc7\xd0\xd1\xd2\xd3\xf6\xf7\xfe\xff")
"""Opcodes whose ModRM.reg is a part of the opcode."""
SHORT = range(0x50, 0x60)
"""push and pop, with the register in the opcode."""
LOADS = range(0xB8, 0xC0)
"""mov of an immediate, the same."""
CONDITIONAL, NEAR_CONDITIONAL = range(0x70, 0x80), range(0x80, 0x90)
CALL, JUMP, SHORT_JUMP = 0xE8, 0xE9, 0xEB
BRANCHES = (CALL, JUMP, SHORT_JUMP, *CONDITIONAL)
NARROWER = dict.fromkeys(b"\x01\x03\x09\x0b\x21\x23\x29\x2b\x31\x33\x39\x3b\x85\x89\x8b", 1) | {0x83: 3}
"""Opcodes that have a form for bytes, and the bits that make the difference."""
TURNED = frozenset(b"\x01\x03\x09\x0b\x21\x23\x29\x2b\x31\x33\x39\x3b\x89\x8b")
"""Opcodes that say which of two operands is the destination."""
PLAIN = frozenset(b"\x01\x03\x09\x0b\x21\x23\x29\x2b\x31\x33\x39\x3b\x63\x85\x87\x89\x8b\x8d") | GROUPS
"""Opcodes of one byte that have a ModRM byte."""


@dataclass(slots=True)
class Parts:
    """Where in an instruction everything is, as positions of bytes; 0 is "not there" for all but opcode."""

    code: bytes
    rex: int = 0
    """One more than its position."""
    opcode: int = 0
    modrm: int = 0
    sib: int = 0
    displacement: tuple[int, int] = (0, 0)
    """Position and size, as for immediate."""
    immediate: tuple[int, int] = (0, 0)

    def register(self, byte: int, low: int, rex_bit: int) -> Field:
        """Three bits that name a register, and the fourth one, which is in REX where there is one."""
        fourth = (8 * (self.rex - 1) + rex_bit,) if self.rex else ()
        return Field(Operator.REGISTER, (*run(8 * byte + low, 3), *fourth), flips=(1, 3, 8) if fourth else (1, 3))


R, B, W = 2, 0, 3
"""Bits of REX."""


def parse(code: bytes, *, long: bool = True) -> Parts:
    """The parts of one instruction, of 64-bit code or not; what is not known here has none but its opcode."""
    at = next((index for index, byte in enumerate(code) if byte not in PREFIXES), 0)
    parts = Parts(code)
    if long and 0x40 <= code[at] <= 0x4F:
        parts.rex, at = at + 1, at + 1
    parts.opcode = at
    if code[at] == TWO_BYTES:
        if len(code) > at + 1 and code[at + 1] in NEAR_CONDITIONAL:
            parts.immediate = at + 2, 4
        return parts
    rest = at + 1
    if code[at] in PLAIN and rest < len(code):
        rest = _addressing(parts, rest)
    parts.immediate = rest, len(code) - rest
    return parts


def _addressing(parts: Parts, at: int) -> int:
    """ModRM, SIB and displacement from `at` on; the position behind them."""
    parts.modrm, byte = at, parts.code[at]
    mode, rm = byte >> 6, byte & 7
    at += 1
    if mode == 3:
        return at
    base = rm
    if rm == 4 and at < len(parts.code):
        parts.sib, base, at = at, parts.code[at] & 7, at + 1
    size = {0: 4 if base == 5 else 0, 1: 1, 2: 4}[mode]
    parts.displacement = at, size
    return at + size


def fields(code: bytes, *, long: bool = True) -> Iterator[Field]:
    """The fields of one instruction, of 64-bit code or not."""
    parts, word = parse(code, long=long), 8 if long else 4
    opcode = code[parts.opcode]
    yield from _registers(parts, opcode)
    yield from _width(parts, opcode)
    position, size = parts.displacement
    if size:
        yield Field(Operator.DISPLACEMENT, run(8 * position, 8 * size), steps=(word, -word))
    yield from _immediate(parts, opcode, word)
    if opcode in CONDITIONAL:
        yield Field(Operator.BRANCH, (8 * parts.opcode,), flips=(1,))
    elif opcode == TWO_BYTES and parts.immediate[1]:
        yield Field(Operator.BRANCH, (8 * parts.opcode + 8,), flips=(1,))
    elif opcode in (CALL, JUMP):
        yield Field(Operator.BRANCH, (8 * parts.opcode,), flips=(1,))


def _registers(parts: Parts, opcode: int) -> Iterator[Field]:
    if opcode in SHORT or opcode in LOADS:
        yield parts.register(parts.opcode, 0, B)
    if not parts.modrm:
        return
    if opcode not in GROUPS:
        yield parts.register(parts.modrm, 3, R)
    mode, rm = parts.code[parts.modrm] >> 6, parts.code[parts.modrm] & 7
    if parts.sib:
        yield parts.register(parts.sib, 0, B)
    elif mode or rm != 5:
        yield parts.register(parts.modrm, 0, B)
    if opcode in TURNED:
        yield Field(Operator.REGISTER, (8 * parts.opcode + 1,), flips=(1,))


def _width(parts: Parts, opcode: int) -> Iterator[Field]:
    if opcode in NARROWER:
        yield Field(Operator.WIDTH, run(8 * parts.opcode, 2), flips=(NARROWER[opcode],))
    if parts.rex and parts.modrm:
        yield Field(Operator.WIDTH, (8 * (parts.rex - 1) + W,), flips=(1,))


def _immediate(parts: Parts, opcode: int, word: int) -> Iterator[Field]:
    position, size = parts.immediate
    if not size:
        return
    bits = run(8 * position, 8 * size)
    if opcode in BRANCHES or opcode == TWO_BYTES:
        yield Field(Operator.DISPLACEMENT, bits, steps=(word, -word))
    else:
        yield Field(Operator.IMMEDIATE, bits, steps=(1, -1, word, -word))
