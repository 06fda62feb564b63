# SPDX-License-Identifier: GPL-2.0-only
"""struct dyn_ftrace: one site, who wants it, what it should do and what it does now (kernel/trace/ftrace.c)."""

from __future__ import annotations

import enum
from collections.abc import Iterable
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


def _wanting(ops_list: Iterable[FtraceOps], ip: int) -> list[FtraceOps]:
    return [ops for ops in ops_list if ops.has("ENABLED") and ops.wants(ip)]


def add_reference(rec: DynFtrace, ops: FtraceOps, release: Release) -> None:
    """__ftrace_hash_rec_update(inc): one more ops wants the site."""
    bits = release.bits
    rec.flags += 1
    if ops.has("SAVE_REGS"):
        rec.flags |= bits.REGS
    if rec.count(bits) == 1 and ops.trampoline:
        rec.flags |= bits.TRAMP
    else:
        rec.flags &= ~bits.TRAMP


def drop_reference(rec: DynFtrace, ops: FtraceOps, release: Release, others: Iterable[FtraceOps]) -> None:
    """__ftrace_hash_rec_update(dec): `ops` no longer wants the site; `others` are the ops that stay.

    3.7 takes REGS back only when nobody is left (ftrace_check_record() then clears the whole word), so that the
    remaining callbacks go on getting regs.
    """
    bits = release.bits
    rec.flags -= 1
    staying = _wanting(others, rec.ip)
    if not release.regs_outlive_ops and not any(other.has("SAVE_REGS") for other in staying):
        rec.flags &= ~bits.REGS
    if rec.count(bits) == 1 and any(other.trampoline for other in staying):
        rec.flags |= bits.TRAMP
    else:
        rec.flags &= ~bits.TRAMP


def check_record(rec: DynFtrace, bits: RecordBits, *, enable: bool) -> Update:
    """Compare what is wanted with what the site does; the flags of what it does are updated on the way."""
    wanted = enable and rec.count(bits) > 0
    enabled = bool(rec.flags & bits.ENABLED)
    if not wanted:
        if not enabled:
            return Update.IGNORE
        current = bits.ENABLED | bits.REGS_EN | bits.TRAMP_EN
        rec.flags = rec.flags & ~current if rec.count(bits) else 0
        return Update.MAKE_NOP
    differs = False
    for want, current in ((bits.REGS, bits.REGS_EN), (bits.TRAMP, bits.TRAMP_EN)):
        differs |= bool(rec.flags & want) != bool(rec.flags & current)
        rec.flags = rec.flags | current if rec.flags & want else rec.flags & ~current
    rec.flags |= bits.ENABLED
    if not enabled:
        return Update.MAKE_CALL
    return Update.MODIFY_CALL if differs else Update.IGNORE
