# SPDX-License-Identifier: GPL-2.0-only
"""AArch64: branches, adrp with what completes it, adr, literals. Arm Architecture Reference Manual for A-profile."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from capstone import CS_GRP_BRANCH_RELATIVE, CS_GRP_CALL
from capstone import arm64 as cs

from emulator.images.references import Decoded, Reference, Role

WORD = "R_AARCH64_ABS64"
PAGE = 4096
LO12 = "R_AARCH64_ADD_ABS_LO12_NC"
BRANCHES = {
    cs.ARM64_INS_BL: "R_AARCH64_CALL26",
    cs.ARM64_INS_CBZ: "R_AARCH64_CONDBR19",
    cs.ARM64_INS_CBNZ: "R_AARCH64_CONDBR19",
    cs.ARM64_INS_TBZ: "R_AARCH64_TSTBR14",
    cs.ARM64_INS_TBNZ: "R_AARCH64_TSTBR14",
}
"""b is one with a condition or without."""
ENDS = frozenset({cs.ARM64_INS_BR, cs.ARM64_INS_RET, cs.ARM64_INS_UDF, cs.ARM64_INS_BRK})


def references(run: Sequence[Decoded]) -> Iterator[Reference]:
    """Every field of one run of instructions. An adrp and what completes it need not be neighbours."""
    pages: dict[int, tuple[int, int]] = {}
    for at in run:
        if CS_GRP_BRANCH_RELATIVE in at.detail.groups and at.detail.operands[-1].type == cs.ARM64_OP_IMM:
            yield Reference(at.address, _branch(at), _absolute(at.address, at.detail.operands[-1].imm), 0, Role.CODE)
        elif at.detail.id == cs.ARM64_INS_ADRP:
            register, page = at.detail.operands
            pages[register.reg] = at.address, _absolute(at.address - at.address % PAGE, page.imm)
        elif at.detail.id == cs.ARM64_INS_ADR:
            target = _absolute(at.address, at.detail.operands[1].imm)
            yield Reference(at.address, "R_AARCH64_ADR_PREL_LO21", target, 0, Role.NUMBER)
        else:
            yield from _completed(at, pages)


def ends(at: Decoded) -> bool:
    """Whatever leaves without a condition, but for calls."""
    return at.detail.id in ENDS or (at.detail.id == cs.ARM64_INS_B and not _conditional(at))


def calls(at: Decoded) -> bool:
    """Whether it leaves its return address behind."""
    return CS_GRP_CALL in at.detail.groups or at.detail.id in (cs.ARM64_INS_BL, cs.ARM64_INS_BLR)


def _absolute(place: int, distance: int) -> int:
    return (place + distance) % (1 << 64)


def _conditional(at: Decoded) -> bool:
    return bool(at.data[3] == 0x54)


def _branch(at: Decoded) -> str:
    if at.detail.id == cs.ARM64_INS_B:
        return "R_AARCH64_CONDBR19" if _conditional(at) else "R_AARCH64_JUMP26"
    return BRANCHES[at.detail.id]


def _completed(at: Decoded, pages: dict[int, tuple[int, int]]) -> Iterator[Reference]:
    """The lowest bits of an address whose page a register holds; a literal, where a load has no register."""
    operands = at.detail.operands
    if at.detail.id == cs.ARM64_INS_ADD and len(operands) == 3 and operands[2].type == cs.ARM64_OP_IMM:
        yield from _pair(at, pages, operands[1].reg, operands[2].imm, LO12, Role.NUMBER)
    elif operands and operands[-1].type == cs.ARM64_OP_MEM:
        kind = f"R_AARCH64_LDST{_bits(at)}_ABS_LO12_NC"
        yield from _pair(at, pages, operands[-1].mem.base, operands[-1].mem.disp, kind, Role.DATA)
    elif at.detail.id == cs.ARM64_INS_LDR and operands[-1].type == cs.ARM64_OP_IMM:
        yield Reference(at.address, "R_AARCH64_LD_PREL_LO19", _absolute(at.address, operands[-1].imm), 0, Role.LITERAL)


def _pair(
    at: Decoded, pages: dict[int, tuple[int, int]], base: int, low: int, kind: str, role: Role
) -> Iterator[Reference]:
    if base in pages:
        address, page = pages.pop(base)
        yield Reference(address, "R_AARCH64_ADR_PREL_PG_HI21", page + low, 0, role)
        yield Reference(at.address, kind, page + low, 0, role)


def _bits(at: Decoded) -> int:
    """How many bits a load or a store moves, by its first two bits."""
    return 8 << (at.data[3] >> 6)
