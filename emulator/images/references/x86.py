# SPDX-License-Identifier: GPL-2.0-only
"""64-bit x86: branches and operands relative to rip, and absolute operands. Intel's manual, volume 2, chapter 2."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from capstone import CS_GRP_BRANCH_RELATIVE, CS_GRP_CALL, CS_GRP_RET
from capstone import x86 as cs

from emulator.images.references import Decoded, Reference, Role

WORD = "R_X86_64_64"
RELATIVE = {1: "R_X86_64_PC8", 4: "R_X86_64_PC32"}
ABSOLUTE = {4: "R_X86_64_32S"}
STOPS = (cs.X86_INS_JMP, cs.X86_INS_INT3, cs.X86_INS_UD2, cs.X86_INS_HLT)
ADDRESSES = 1 << 64


def references(run: Sequence[Decoded]) -> Iterator[Reference]:
    """Every field of one run of instructions."""
    for at in run:
        yield from _branch(at) if CS_GRP_BRANCH_RELATIVE in at.detail.groups else (*_memory(at), *_immediate(at))


def ends(at: Decoded) -> bool:
    """A jump without a condition, a return, a trap."""
    return CS_GRP_RET in at.detail.groups or at.detail.id in STOPS


def calls(at: Decoded) -> bool:
    """Whether it leaves its return address behind."""
    return CS_GRP_CALL in at.detail.groups


def _branch(at: Decoded) -> Iterator[Reference]:
    offset, size = at.detail.encoding.imm_offset, at.detail.encoding.imm_size
    if offset and size in RELATIVE:
        target = (at.address + at.detail.operands[0].imm) % ADDRESSES
        yield Reference(at.address + offset, RELATIVE[size], target, offset - len(at.data), Role.CODE)


def _memory(at: Decoded) -> Iterator[Reference]:
    offset, size = at.detail.encoding.disp_offset, at.detail.encoding.disp_size
    for operand in at.detail.operands:
        if operand.type != cs.X86_OP_MEM or not offset or size != 4:
            continue
        memory = operand.mem
        if memory.segment not in (cs.X86_REG_INVALID, cs.X86_REG_DS):
            continue
        if memory.base == cs.X86_REG_RIP:
            target = (at.end + memory.disp) % ADDRESSES
            yield Reference(at.address + offset, RELATIVE[size], target, offset - len(at.data), Role.DATA)
        elif memory.base == memory.index == cs.X86_REG_INVALID:
            yield Reference(at.address + offset, ABSOLUTE[size], memory.disp % ADDRESSES, 0, Role.DATA)


def _immediate(at: Decoded) -> Iterator[Reference]:
    offset, size = at.detail.encoding.imm_offset, at.detail.encoding.imm_size
    numbers = [operand.imm for operand in at.detail.operands if operand.type == cs.X86_OP_IMM]
    if numbers and offset and size in ABSOLUTE:
        yield Reference(at.address + offset, ABSOLUTE[size], numbers[0] % ADDRESSES, 0, Role.NUMBER)
