# SPDX-License-Identifier: GPL-2.0-only
"""What an instruction reads and writes, as far as it takes to see that two of them may as well change places."""

from __future__ import annotations

import functools
import importlib
from collections.abc import Iterable
from typing import Any, NamedTuple

from emulator.assembly.decode import Flow, detailed, flow
from emulator.description import Arch
from emulator.mutants.encodings import encoding

UNKNOWN = "?"
"""The base of an access that may be anywhere."""


class Access(NamedTuple):
    """`size` bytes of memory at a register plus an offset."""

    base: str
    offset: int
    size: int

    def meets(self, other: Access, pc: str) -> bool:
        """Whether two accesses may be to the same byte. What is relative to pc is not on the stack."""
        if UNKNOWN in (self.base, other.base):
            return True
        if self.base != other.base:
            return pc not in (self.base, other.base)
        return self.offset < other.offset + other.size and other.offset < self.offset + self.size


class Effects(NamedTuple):
    """Registers, and memory. `leaves`: it may go elsewhere than to the next instruction."""

    reads: frozenset[str]
    writes: frozenset[str]
    loads: tuple[Access, ...]
    stores: tuple[Access, ...]
    leaves: bool
    calls: bool = False


@functools.lru_cache(maxsize=1 << 12)
def effects(arch: Arch, code: bytes) -> Effects | None:
    """Of one instruction; None where capstone does not know it."""
    found = detailed(arch.engine, code)
    if found is None:
        return None
    reads, writes = ({_whole(arch, found.reg_name(number)) for number in some} for some in found.regs_access())
    kind, _ = flow(arch.engine, code)
    accesses = list(_accesses(arch, found))
    if arch.abi.sp in writes:  # a push or a pop, whose access is no operand
        accesses.append((Access(UNKNOWN, 0, 0), True, True))
    loads = tuple(access for access, loaded, _ in accesses if loaded)
    stores = tuple(access for access, _, stored in accesses if stored)
    leaves = kind is not Flow.NONE or arch.abi.pc in writes
    return Effects(frozenset(reads), frozenset(writes), loads, stores, leaves, kind is Flow.CALL)


def _accesses(arch: Arch, found: Any) -> Iterable[tuple[Access, bool, bool]]:
    """Each operand in memory, and whether it is read, and written."""
    capstone, known = importlib.import_module("capstone"), encoding(arch.engine)
    for operand in () if found.mnemonic in known.addresses else found.operands:
        if operand.type != capstone.CS_OP_MEM:
            continue
        access = operand.access or capstone.CS_AC_READ | capstone.CS_AC_WRITE
        access = capstone.CS_AC_WRITE if found.mnemonic in known.stores else access
        base = found.reg_name(operand.mem.base) if operand.mem.base and not operand.mem.index else UNKNOWN
        moved = sum(other.type == capstone.CS_OP_REG for other in found.operands)
        size = getattr(operand, "size", 0) or arch.word * max(moved, 1)
        where = Access(_whole(arch, base), operand.mem.disp, size)
        yield where, bool(access & capstone.CS_AC_READ), bool(access & capstone.CS_AC_WRITE)


def commute(arch: Arch, first: bytes, second: bytes) -> bool:
    """Whether two instructions come to the same in either order."""
    one, two = effects(arch, first), effects(arch, second)
    if one is None or two is None or one.leaves or two.leaves:
        return False
    if one.writes & (two.reads | two.writes) or two.writes & one.reads:
        return False
    return not _meet(arch, one.stores, (*two.loads, *two.stores)) and not _meet(arch, two.stores, one.loads)


def idempotent(arch: Arch, code: bytes) -> bool:
    """Whether doing it a second time changes nothing, or it never comes to that."""
    one = effects(arch, code)
    if one is None:
        return False
    if one.leaves:
        return not one.calls
    return not one.writes & one.reads and not _meet(arch, one.stores, one.loads)


def _meet(arch: Arch, some: Iterable[Access], others: Iterable[Access]) -> bool:
    return any(one.meets(other, arch.abi.pc) for one in some for other in others)


def _whole(arch: Arch, name: str) -> str:
    """The register that a name means a part of."""
    return encoding(arch.engine).whole.get(name, name)
