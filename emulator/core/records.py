# SPDX-License-Identifier: GPL-2.0-only
"""struct dyn_ftrace: one site, who wants it, what it should do and what it does now (kernel/trace/ftrace.c)."""

from __future__ import annotations

import enum
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from emulator.core.ops import FtraceOps
from emulator.core.release import RecordBits, Release


@dataclass(slots=True)
class DynFtrace:
    """A record: the site's address, and the flags word of that release (reference count and flag bits)."""

    ip: int
    symbol: str
    flags: int = 0
    target: int = 0
    """What the site calls now; 0 while it is a NOP."""

    def count(self, bits: RecordBits) -> int:
        """How many ops want this site."""
        return self.flags & bits.count

    def skipped(self, bits: RecordBits) -> bool:
        """skip_record(): nobody may trace it, unless it is traced already and has to be counted down."""
        return bool(self.flags & bits.DISABLED) and not self.flags & bits.ENABLED

    def describe(self, bits: RecordBits) -> str:
        """As enabled_functions shows it: (count), then R regs, I ip modified, D direct, O the site's own ops, as far as
        they are wanted.
        """
        letters = ((bits.REGS, "R"), (bits.IPMODIFY, "I"), (bits.DIRECT, "D"), (bits.CALL_OPS, "O"))
        return " ".join([f"({self.count(bits)})", *(letter for bit, letter in letters if self.flags & bit)])


def add_reference(rec: DynFtrace, ops: FtraceOps, release: Release) -> None:
    """__ftrace_hash_rec_update(inc): one more ops wants the site; TRAMP is only for somebody who is alone there."""
    bits = release.bits
    rec.flags += 1
    if ops.has("DIRECT"):
        rec.flags |= bits.DIRECT
    _set(rec, bits.TRAMP, wanted=rec.count(bits) == 1 and bool(ops.trampoline))
    if ops.has("SAVE_REGS"):
        rec.flags |= bits.REGS


def drop_reference(rec: DynFtrace, ops: FtraceOps, registered: Sequence[FtraceOps], release: Release) -> None:
    """__ftrace_hash_rec_update(dec): `ops` no longer wants the site; `registered` are all that are on the list.

    3.7 never takes REGS back here: those who stay go on getting regs until nobody is left. Later it is taken back
    when no ops on the list asks for regs; one whose filter changes is still on it, with its old hash, and so keeps
    REGS alive.
    """
    bits = release.bits
    rec.flags -= 1
    if ops.has("DIRECT"):
        rec.flags &= ~bits.DIRECT
    wanting = [other for other in registered if other.wants(rec.ip)]
    last_of_all = ops.has("SAVE_REGS") and not any(other.has("SAVE_REGS") for other in wanting)
    if rec.count(bits) and last_of_all and not release.regs_outlive_ops:
        rec.flags &= ~bits.REGS
    other_copy = any(other.trampoline for other in wanting if other is not ops)
    _set(rec, bits.TRAMP, wanted=rec.count(bits) == 1 and other_copy)


def note_call_ops(rec: DynFtrace, bits: RecordBits, *, plain: bool) -> None:
    """Behind either of them, with CALL_OPS: the site can name its one ops, unless something else stands before its func
    (`plain`: nothing does). The ops that is looked at is the one that comes or goes, not the one that stays.
    """
    _set(rec, bits.CALL_OPS, wanted=rec.count(bits) == 1 and plain)


class Update(enum.Enum):
    """What has to be done to a site so that it does what is wanted."""

    IGNORE = enum.auto()
    MAKE_CALL = enum.auto()
    MODIFY_CALL = enum.auto()
    MAKE_NOP = enum.auto()


class Checked(NamedTuple):
    """ftrace_check_record()'s answer, and the flags of the record once that is done."""

    update: Update
    flags: int


def check_record(rec: DynFtrace, bits: RecordBits, *, enable: bool = True) -> Checked:
    """ftrace_check_record(): compare what is wanted with what the site does.

    `enable` is False where all sites are to be disabled whoever wants them; counts and wishes then stay. A direct call
    is made from the site itself only where nobody else is there, and one of the site's own ops too.
    """
    if rec.skipped(bits):
        return Checked(Update.IGNORE, rec.flags)
    enabled = rec.flags & bits.ENABLED
    if not (enable and rec.count(bits)):
        return _disable(rec, bits) if enabled else Checked(Update.IGNORE, rec.flags)
    flags = rec.flags & ~bits.current | bits.ENABLED
    flags |= bits.REGS_EN if flags & bits.REGS else 0
    flags |= bits.TRAMP_EN if flags & bits.TRAMP else 0
    flags |= bits.DIRECT_EN if flags & bits.DIRECT and rec.count(bits) == 1 else 0
    flags |= bits.CALL_OPS_EN if flags & bits.CALL_OPS and rec.count(bits) == 1 else 0
    if flags == rec.flags:
        return Checked(Update.IGNORE, flags)
    flags |= bits.TOUCHED | (bits.MODIFIED if flags & (bits.DIRECT | bits.IPMODIFY) else 0)
    return Checked(Update.MODIFY_CALL if enabled else Update.MAKE_CALL, flags)


def _disable(rec: DynFtrace, bits: RecordBits) -> Checked:
    """Where nobody is left the whole word is cleared, REGS too."""
    return Checked(Update.MAKE_NOP, rec.flags & (~bits.current if rec.count(bits) else bits.kept))


def _set(rec: DynFtrace, bit: int, *, wanted: bool) -> None:
    rec.flags = rec.flags | bit if wanted else rec.flags & ~bit
