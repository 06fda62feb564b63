# SPDX-License-Identifier: GPL-2.0-only
"""What a site shall call, and what it calls now: direct call > private trampoline > ftrace_regs_caller > ftrace_caller.

Without DYNAMIC_FTRACE_WITH_REGS, FTRACE_REGS_ADDR is FTRACE_ADDR.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from emulator.core.ops import FtraceOps
from emulator.core.records import DynFtrace

if TYPE_CHECKING:
    from emulator.core.ftrace import Ftrace


def addr_new(core: Ftrace, rec: DynFtrace) -> int:
    """ftrace_get_addr_new()."""
    bits = core.release.bits
    if rec.flags & bits.DIRECT and rec.count(bits) == 1:
        direct = core.direct_functions.get(rec.ip)
        if direct:
            return direct
    if rec.flags & bits.TRAMP:
        return _trampoline(core, tramp_ops_new(core, rec), rec)
    return ftrace_addr(core, regs=bool(rec.flags & bits.REGS))


def addr_curr(core: Ftrace, rec: DynFtrace) -> int:
    """ftrace_get_addr_curr()."""
    bits = core.release.bits
    if rec.flags & bits.DIRECT_EN:
        direct = core.direct_functions.get(rec.ip)
        if direct:
            return direct
    if rec.flags & bits.TRAMP_EN:
        return _trampoline(core, tramp_ops_curr(core, rec), rec)
    return ftrace_addr(core, regs=bool(rec.flags & bits.REGS_EN))


def ftrace_addr(core: Ftrace, *, regs: bool) -> int:
    """FTRACE_REGS_ADDR or FTRACE_ADDR."""
    return core.platform.address("ftrace_regs_caller" if regs and core.with_regs else "ftrace_caller")


def tramp_ops_new(core: Ftrace, rec: DynFtrace) -> FtraceOps | None:
    """ftrace_find_tramp_ops_new(): the first on the list that wants the site."""
    return next((ops for ops in core.ops if ops.wants(rec.ip)), None)


def tramp_ops_curr(core: Ftrace, rec: DynFtrace) -> FtraceOps | None:
    """ftrace_find_tramp_ops_curr(): whose copy is called now, while somebody comes, goes or changes his filter."""
    removed = core.removed_ops
    if removed and removed.old_hash and removed.old_hash.contains(rec.ip):
        return removed
    for ops in core.ops:
        if not ops.trampoline or ops.has("ADDING"):
            continue
        wanted = ops.old_hash if ops.has("MODIFYING") and ops.old_hash else ops.func_hash
        if wanted.contains(rec.ip):
            return ops
    return None


def _trampoline(core: Ftrace, ops: FtraceOps | None, rec: DynFtrace) -> int:
    if ops is None or not ops.trampoline:
        core.ftrace_warn(f"bad trampoline accounting at {rec.ip:#x} ({rec.symbol}), flags {rec.flags:#x}")
        return ftrace_addr(core, regs=False)
    return ops.trampoline
