# SPDX-License-Identifier: GPL-2.0-only
"""x86 in either mode: branches, operands relative to rip, and absolute ones. Intel's manual, volume 2, chapter 2."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from capstone import CS_GRP_BRANCH_RELATIVE, CS_GRP_CALL, CS_GRP_RET
from capstone import x86 as cs

from emulator.images.references import Decoded, Reference, Role

STOPS = (cs.X86_INS_JMP, cs.X86_INS_INT3, cs.X86_INS_UD2, cs.X86_INS_HLT)


class Mode:
    """`bits` of an address; the kinds of fixups by the size of their field in bytes."""

    def __init__(self, bits: int, relative: dict[int, str], absolute: dict[int, str]) -> None:
        self._addresses, self._relative, self._absolute = 1 << bits, relative, absolute

    def references(self, run: Sequence[Decoded]) -> Iterator[Reference]:
        """Every field of one run of instructions."""
        for at in run:
            branch = CS_GRP_BRANCH_RELATIVE in at.detail.groups
            yield from self._branch(at) if branch else (*self._memory(at), *self._immediate(at))

    def ends(self, at: Decoded) -> bool:
        """A jump without a condition, a return, a trap."""
        return CS_GRP_RET in at.detail.groups or at.detail.id in STOPS

    def calls(self, at: Decoded) -> bool:
        """Whether it leaves its return address behind."""
        return CS_GRP_CALL in at.detail.groups

    def _branch(self, at: Decoded) -> Iterator[Reference]:
        offset, size = at.detail.encoding.imm_offset, at.detail.encoding.imm_size
        if offset and size in self._relative:
            target = (at.address + at.detail.operands[0].imm) % self._addresses
            yield Reference(at.address + offset, self._relative[size], target, offset - len(at.data), Role.CODE)

    def _memory(self, at: Decoded) -> Iterator[Reference]:
        offset, size = at.detail.encoding.disp_offset, at.detail.encoding.disp_size
        for operand in at.detail.operands:
            if operand.type != cs.X86_OP_MEM or not offset or size not in self._absolute:
                continue
            memory = operand.mem
            if memory.segment not in (cs.X86_REG_INVALID, cs.X86_REG_DS):
                continue
            if memory.base == cs.X86_REG_RIP:
                target = (at.end + memory.disp) % self._addresses
                yield Reference(at.address + offset, self._relative[size], target, offset - len(at.data), Role.DATA)
            elif memory.base == memory.index == cs.X86_REG_INVALID:
                target = memory.disp % self._addresses
                yield Reference(at.address + offset, self._absolute[size], target, 0, Role.DATA)

    def _immediate(self, at: Decoded) -> Iterator[Reference]:
        offset, size = at.detail.encoding.imm_offset, at.detail.encoding.imm_size
        numbers = [operand.imm for operand in at.detail.operands if operand.type == cs.X86_OP_IMM]
        if numbers and offset and size in self._absolute:
            target = numbers[0] % self._addresses
            yield Reference(at.address + offset, self._absolute[size], target, 0, Role.NUMBER)
