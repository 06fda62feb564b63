# SPDX-License-Identifier: GPL-2.0-only
"""IPMODIFY: at most one ops a function may change where the function goes on, and direct calls have to agree."""

from __future__ import annotations

import enum
import errno
from typing import TYPE_CHECKING

from emulator.core.ops import FtraceOps
from emulator.core.records import DynFtrace
from emulator.description import Ability
from emulator.errors import Fault, FtraceError

if TYPE_CHECKING:
    from emulator.core.ftrace import Ftrace


class OpsCmd(enum.IntEnum):
    """FTRACE_OPS_CMD_*: what ops_func() of a direct ops is asked."""

    ENABLE_SHARE_IPMODIFY_SELF = 0
    """It is being registered where an IPMODIFY ops is already."""
    ENABLE_SHARE_IPMODIFY_PEER = 1
    """An IPMODIFY ops is being registered where it is already."""
    DISABLE_SHARE_IPMODIFY_PEER = 2
    """That one has gone."""


def update_ipmodify(
    core: Ftrace, call: str, ops: FtraceOps, old: set[int] | None, new: set[int] | None, *, retarget: bool = False
) -> None:
    """__ftrace_hash_update_ipmodify(): mark the records that `new` has more than `old`, unmark those that it lacks.

    None means every function, which is refused, and an empty hash none: the opposite of what hashes mean elsewhere.
    `retarget` asks about all of them again, because a direct call shall go elsewhere. Raises FtraceError EINVAL or
    EBUSY, or with what ops_func() answers; then no mark has changed.
    """
    if not ops.has("ENABLED") or ops.has("IPMODIFY") == ops.has("DIRECT"):
        return
    if old is None or new is None:
        raise FtraceError(errno.EINVAL, call, f"{ops.name} would change the ip, or make a direct call, everywhere")
    changed: list[DynFtrace] = []
    for rec in core.records.values():
        if rec.flags & core.release.bits.DISABLED or not (retarget or (rec.ip in old) != (rec.ip in new)):
            continue
        try:
            _mark(core, call, ops, rec, wanted=rec.ip in new)
        except FtraceError:
            _toggle(core, changed)
            raise
        if ops.has("IPMODIFY"):
            changed.append(rec)


def _mark(core: Ftrace, call: str, ops: FtraceOps, rec: DynFtrace, *, wanted: bool) -> None:
    """One record. A direct ops marks nothing, but has to be able to share."""
    bit = core.release.bits.IPMODIFY
    if ops.has("IPMODIFY"):
        if wanted and rec.flags & bit:
            raise FtraceError(errno.EBUSY, call, f"another ops changes the ip of {rec.symbol} (IPMODIFY)")
        rec.flags = rec.flags | bit if wanted else rec.flags & ~bit
    elif wanted and rec.flags & bit:
        rule = f"an IPMODIFY ops is on {rec.symbol}, and {ops.name} cannot share"
        _ask(call, ops, OpsCmd.ENABLE_SHARE_IPMODIFY_SELF, rule)


def _toggle(core: Ftrace, records: list[DynFtrace]) -> None:
    for rec in records:
        rec.flags ^= core.release.bits.IPMODIFY


def _ask(call: str, ops: FtraceOps, command: OpsCmd, rule: str) -> None:
    """Raises FtraceError EBUSY where there is nobody to ask, or with the negative code that was answered."""
    answer = -errno.EBUSY if ops.ops_func is None else ops.ops_func(ops, command)
    if answer and answer < 0:
        raise FtraceError(-answer, call, rule)


def _everything(hash_: set[int]) -> set[int] | None:
    """An empty filter as update_ipmodify() wants to hear of it."""
    return hash_ or None


def ipmodify_enable(core: Ftrace, call: str, ops: FtraceOps) -> None:
    """ftrace_hash_ipmodify_enable(), at registration. Raises FtraceError."""
    update_ipmodify(core, call, ops, set(), _everything(ops.filter_hash))


def ipmodify_disable(core: Ftrace, ops: FtraceOps) -> None:
    """ftrace_hash_ipmodify_disable(): never fails."""
    if ops.filter_hash:
        update_ipmodify(core, "", ops, ops.filter_hash, set())


def ipmodify_update(core: Ftrace, call: str, ops: FtraceOps, new: set[int]) -> None:
    """ftrace_hash_ipmodify_update(), where the filter of a registered ops changes. Raises FtraceError."""
    update_ipmodify(core, call, ops, _everything(ops.filter_hash), _everything(new))


def prepare_direct_functions(core: Ftrace, call: str, ops: FtraceOps) -> None:
    """prepare_direct_functions_for_ipmodify(): direct ops on the functions of an IPMODIFY ops must agree to share.

    Raises FtraceError EBUSY, or with their answer, and Fault where no filter was ever set: the kernel follows
    ops->func_hash before anybody has set it.
    """
    if not ops.has("IPMODIFY") or Ability.DYNAMIC_FTRACE_WITH_DIRECT_CALLS not in core.platform.abilities:
        return
    if not ops.has("INITIALIZED"):
        where = "prepare_direct_functions_for_ipmodify"
        raise Fault(f"{ops.name} has had no filter yet, and so its func_hash is NULL: a read of it", where)
    for ip in sorted(ops.filter_hash):
        direct = _direct_ops(core, ip)
        if direct:
            rule = f"{direct.name} calls a direct trampoline at {core.records[ip].symbol} and cannot share"
            _ask(call, direct, OpsCmd.ENABLE_SHARE_IPMODIFY_PEER, rule)


def cleanup_direct_functions(core: Ftrace, ops: FtraceOps) -> None:
    """cleanup_direct_functions_after_ipmodify(): tell them that the IPMODIFY ops has gone; no answer is needed."""
    if not ops.has("IPMODIFY"):
        return
    for ip in sorted(ops.filter_hash):
        direct = _direct_ops(core, ip)
        if direct and direct.ops_func:
            direct.ops_func(direct, OpsCmd.DISABLE_SHARE_IPMODIFY_PEER)


def _direct_ops(core: Ftrace, ip: int) -> FtraceOps | None:
    return next((ops for ops in core.ops if ops.has("DIRECT") and ops.wants(ip)), None)
