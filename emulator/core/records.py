# SPDX-License-Identifier: GPL-2.0-only
"""struct dyn_ftrace: one site, who wants it, what it should do and what it does now (kernel/trace/ftrace.c)."""

from __future__ import annotations

import enum
from collections.abc import Sequence
from dataclasses import dataclass

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

    def describe(self, bits: RecordBits) -> str:
        """As enabled_functions shows it: (count) and a letter for what the site should do; R asks for regs."""
        letter = " R" if self.flags & bits.REGS else ""
        return f"({self.count(bits)}){letter}"


class Update(enum.Enum):
    """What has to be done to a site so that it does what is wanted: ftrace_check_record()'s answer."""

    IGNORE = enum.auto()
    MAKE_CALL = enum.auto()
    MODIFY_CALL = enum.auto()
    MAKE_NOP = enum.auto()


def add_reference(rec: DynFtrace, ops: FtraceOps, release: Release) -> None:
    """__ftrace_hash_rec_update(inc): one more ops wants the site; TRAMP is only for somebody who is alone there."""
    bits = release.bits
    rec.flags += 1
    if ops.has("SAVE_REGS"):
        rec.flags |= bits.REGS
    _set(rec, bits.TRAMP, wanted=rec.count(bits) == 1 and bool(ops.trampoline))


def drop_reference(rec: DynFtrace, ops: FtraceOps, registered: Sequence[FtraceOps], release: Release) -> None:
    """__ftrace_hash_rec_update(dec): `ops` no longer wants the site; `registered` are all that are on the list.

    3.7 never takes REGS back here: those who stay go on getting regs until nobody is left. 6.12 does when no ops on
    the list asks for regs; an ops whose filter changes is still on it, with its old hash, and so keeps REGS alive.
    """
    bits = release.bits
    rec.flags -= 1
    wanting = [other for other in registered if other.wants(rec.ip)]
    needed = rec.count(bits) == 0 or not ops.has("SAVE_REGS") or any(other.has("SAVE_REGS") for other in wanting)
    if not needed and not release.regs_outlive_ops:
        rec.flags &= ~bits.REGS
    own = any(other.trampoline for other in wanting if other is not ops)
    _set(rec, bits.TRAMP, wanted=rec.count(bits) == 1 and own)


def check_record(rec: DynFtrace, bits: RecordBits, *, enable: bool = True) -> Update:
    """ftrace_check_record(): compare what is wanted with what the site does, and note that it will do just that.

    `enable` is False where all sites are to be disabled whoever wants them; counts and wishes then stay.
    """
    enabled = bool(rec.flags & bits.ENABLED)
    if not (enable and rec.count(bits)):
        return _disable(rec, bits) if enabled else Update.IGNORE
    before = rec.flags
    _set(rec, bits.REGS_EN, wanted=bool(rec.flags & bits.REGS))
    _set(rec, bits.TRAMP_EN, wanted=bool(rec.flags & bits.TRAMP))
    rec.flags |= bits.ENABLED
    if not enabled:
        return Update.MAKE_CALL
    return Update.MODIFY_CALL if rec.flags != before else Update.IGNORE


def _disable(rec: DynFtrace, bits: RecordBits) -> Update:
    """Where nobody is left the whole word is cleared, REGS too."""
    current = bits.ENABLED | bits.REGS_EN | bits.TRAMP_EN
    rec.flags = rec.flags & ~current if rec.count(bits) else 0
    return Update.MAKE_NOP


def _set(rec: DynFtrace, bit: int, *, wanted: bool) -> None:
    rec.flags = rec.flags | bit if wanted else rec.flags & ~bit
