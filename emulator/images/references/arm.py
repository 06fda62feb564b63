# SPDX-License-Identifier: GPL-2.0-only
"""32-bit ARM, ARM state: branches, movw with movt, literals. Arm Architecture Reference Manual, ARMv7-A edition."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from capstone import CS_GRP_BRANCH_RELATIVE, CS_GRP_CALL
from capstone import arm as cs

from emulator.images.references import Decoded, Reference, Role

WORD = "R_ARM_ABS32"
AHEAD = 8
"""How far pc is ahead of the instruction that reads it, in bytes."""


def references(run: Sequence[Decoded]) -> Iterator[Reference]:
    """Every field of one run of instructions. A movw and the movt that completes it need not be neighbours."""
    halves: dict[int, tuple[int, int]] = {}
    for at in run:
        if CS_GRP_BRANCH_RELATIVE in at.detail.groups:
            kind = "R_ARM_CALL" if at.detail.id == cs.ARM_INS_BL else "R_ARM_JUMP24"
            target = (at.address + at.detail.operands[-1].imm) % (1 << 32)
            yield Reference(at.address, kind, target, -AHEAD, Role.CODE)
        elif at.detail.mnemonic.startswith("movw"):  # capstone gives it the number of mov
            register, low = at.detail.operands
            halves[register.reg] = at.address, low.imm
        elif at.detail.mnemonic.startswith("movt") and at.detail.operands[0].reg in halves:
            register, high = at.detail.operands
            address, low_half = halves.pop(register.reg)
            target = high.imm << 16 | low_half
            yield Reference(address, "R_ARM_MOVW_ABS_NC", target, 0, Role.DATA)
            yield Reference(at.address, "R_ARM_MOVT_ABS", target, 0, Role.DATA)
        else:
            yield from _literal(at)


def ends(at: Decoded) -> bool:
    """Whatever writes pc without a condition, but for calls."""
    if at.detail.cc not in (cs.ARM_CC_AL, cs.ARM_CC_INVALID) or at.detail.id in (cs.ARM_INS_BL, cs.ARM_INS_BLX):
        return False
    _, written = at.detail.regs_access()
    return cs.ARM_REG_PC in written or at.detail.id in (cs.ARM_INS_B, cs.ARM_INS_BX, cs.ARM_INS_UDF)


def calls(at: Decoded) -> bool:
    """Whether it leaves its return address behind."""
    return CS_GRP_CALL in at.detail.groups


def _literal(at: Decoded) -> Iterator[Reference]:
    for operand in at.detail.operands:
        if operand.type == cs.ARM_OP_MEM and operand.mem.base == cs.ARM_REG_PC and not operand.mem.index:
            target = (at.address + AHEAD + operand.mem.disp) % (1 << 32)
            yield Reference(at.address, "R_ARM_LDR_PC_G0", target, -AHEAD, Role.LITERAL)
