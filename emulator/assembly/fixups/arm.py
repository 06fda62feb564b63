# SPDX-License-Identifier: GPL-2.0-only
"""32-bit ARM, ARM state: fields inside instructions. ELF for the Arm Architecture (aaelf32), table "Relocation codes".

Targets are ARM code: an odd value (a Thumb function) does not fit a branch, which would have to change its mnemonic.
"""

from functools import partial

from emulator.assembly.fixups.field import Field, Machine, signed, span

ADD, SUBTRACT = 0x00800000, 0x00400000
"""add and sub with an immediate, as bits 21-24 of the instruction; a load has the first bit alone, as U."""


def put_branch(word: int, value: int) -> int:
    """24 bits counting words."""
    return word & 0xFF000000 | value >> 2 & 0x00FFFFFF


def get_branch(word: int) -> int:
    """The bytes that put_branch counted in words."""
    return signed(word, 24) << 2


def put_prel31(word: int, value: int) -> int:
    """31 bits; the topmost one belongs to the unwind table."""
    return word & 0x80000000 | value & 0x7FFFFFFF


def put_low(word: int, value: int) -> int:
    """imm4:imm12 of movw."""
    return word & 0xFFF0F000 | (value & 0xF000) << 4 | value & 0x0FFF


def put_high(word: int, value: int) -> int:
    """imm4:imm12 of movt."""
    return put_low(word, value >> 16)


def get_half(word: int) -> int:
    """The signed half that movw or movt holds."""
    return signed(word >> 4 & 0xF000 | word & 0x0FFF, 16)


def put_load(word: int, value: int) -> int:
    """imm12 and the U bit of ldr, str, ldrb, strb; both signs of 0 are possible, and stay."""
    sign = word & ADD if value == 0 else ADD if value > 0 else 0
    return word & 0xFF7FF000 | sign | abs(value)


def get_load(word: int) -> int:
    """The signed offset of a load."""
    return word & 0x0FFF if word & ADD else -(word & 0x0FFF)


def put_short_load(word: int, value: int) -> int:
    """imm4H:imm4L and the U bit of ldrh, ldrd, ldrsb and their like."""
    size = abs(value)
    return word & 0xFF7FF0F0 | (ADD if value >= 0 else 0) | (size & 0xF0) << 4 | size & 0xF


def get_short_load(word: int) -> int:
    """The signed offset of such a load."""
    size = word >> 4 & 0xF0 | word & 0xF
    return size if word & ADD else -size


def put_sum(word: int, value: int) -> int:
    """The rotated byte of add or sub; which of the two it is follows from the sign."""
    operation = ADD if value >= 0 else SUBTRACT
    return word & 0xFF3FF000 | operation | rotated(abs(value))


def get_sum(word: int) -> int:
    """The signed immediate of add or sub."""
    turn = 2 * (word >> 8 & 0xF)
    value = ((word & 0xFF) << 32 | word & 0xFF) >> turn & 0xFFFFFFFF
    return value if word & ADD else -value


def rotated(value: int) -> int:
    """The twelve bits that make up `value`: a byte turned right by twice the topmost four. Raises ValueError."""
    for turn in range(16):
        byte = (value << 32 | value) >> 32 - 2 * turn & 0xFFFFFFFF
        if byte < 256:
            return turn << 8 | byte
    raise ValueError("is not a byte rotated by an even number of bits")


_arm = partial(Field, wrap=32)
_branch = partial(
    _arm, size=4, relative=True, range=(-(1 << 25), (1 << 25) - 4), align=4, put=put_branch, get=get_branch
)

MACHINES = (
    Machine(
        40,
        {
            "R_ARM_NONE": _arm(number=0, size=0),
            "R_ARM_PC24": _branch(number=1),
            "R_ARM_ABS32": _arm(number=2, size=4),
            "R_ARM_REL32": _arm(number=3, size=4, relative=True),
            "R_ARM_LDR_PC_G0": _arm(number=4, size=4, relative=True, range=(-4095, 4095), put=put_load, get=get_load),
            "R_ARM_CALL": _branch(number=28),
            "R_ARM_JUMP24": _branch(number=29),
            "R_ARM_V4BX": _arm(number=40, size=0),
            "R_ARM_PREL31": _arm(
                number=42, size=4, relative=True, range=span(31), put=put_prel31, get=partial(signed, bits=31)
            ),
            "R_ARM_MOVW_ABS_NC": _arm(number=43, size=4, put=put_low, get=get_half),
            "R_ARM_MOVT_ABS": _arm(number=44, size=4, put=put_high, get=get_half),
            "R_ARM_ALU_PC_G0": _arm(number=58, size=4, relative=True, put=put_sum, get=get_sum),
            "R_ARM_LDRS_PC_G0": _arm(
                number=64, size=4, relative=True, range=(-255, 255), put=put_short_load, get=get_short_load
            ),
        },
    ),
)
