# SPDX-License-Identifier: GPL-2.0-only
"""The hashes of an ops: set by filter strings or addresses, and what follows where the ops is registered."""

from __future__ import annotations

import enum
import errno
from collections.abc import Iterable
from typing import TYPE_CHECKING

from emulator.core.given import expect
from emulator.core.hashes import OpsHash, append_hashes, intersect_hashes
from emulator.core.ipmodify import ipmodify_update
from emulator.core.match import NOT, match_records
from emulator.core.ops import FtraceOps
from emulator.core.patching import Command, run_update_code
from emulator.core.records import DynFtrace, Update, add_reference, check_record, drop_reference, note_call_ops
from emulator.core.refusals import must_live
from emulator.errors import FtraceError, UsageError

if TYPE_CHECKING:
    from emulator.core.ftrace import Ftrace


class Which(enum.Enum):
    """Which hash of an ops is meant."""

    FILTER = "filter"
    NOTRACE = "notrace"

    def of(self, hashes: OpsHash) -> set[int]:
        """That hash."""
        return hashes.filter if self is Which.FILTER else hashes.notrace


# -- what a call asks for ---------------------------------------------------------------------------------------------


def set_regex(core: Ftrace, call: str, ops: FtraceOps, which: Which, text: str | None, *, reset: bool) -> None:
    """ftrace_set_regex(): what the string means is added, behind a ! taken away; without one (NULL) nothing is.

    Raises FtraceError EINVAL where the string means no function, ENODEV without DYNAMIC_FTRACE.
    """
    must_filter(core, call)
    ops = _filtered(core, ops)
    kept = set() if reset else set(which.of(ops.func_hash))
    if text is not None:
        expect(call, text, str, "a filter string")
        found = match_records(core.records.values(), text, core.release)
        if not found:
            raise FtraceError(errno.EINVAL, call, f"{text!r} matches no traced function")
        kept = kept - found if text.startswith(NOT) else kept | found
    hash_move(core, call, ops, which, kept)


def set_address(core: Ftrace, ops: FtraceOps, ip: int, *, remove: bool, reset: bool) -> None:
    """ftrace_set_filter_ip().

    3.7 keeps the address as it was given, even from the middle of a site, and takes 0 for "no address".
    Raises FtraceError EINVAL where ip is no site, ENOENT where there is nothing to remove (always after a reset),
    UsageError where the release lacks it.
    """
    call = "ftrace_set_filter_ip"
    if not core.release.has_filter_ip:
        raise UsageError(f"release {core.release.name} has no {call}()")
    must_filter(core, call)
    ops = _filtered(core, ops)
    kept = set() if reset else set(ops.filter_hash)
    if ip or core.release.location_maps_entry:
        kept = _with_address(core, call, kept, ip, remove=remove)
    hash_move(core, call, ops, Which.FILTER, kept)


def _filtered(core: Ftrace, ops: FtraceOps) -> FtraceOps:
    """Whose hashes are meant: all GLOBAL ops of 3.x share those of global_ops."""
    return core.global_ops if core.has_shared_lists and ops.has("GLOBAL") else ops


def _with_address(core: Ftrace, call: str, kept: set[int], ip: int, *, remove: bool) -> set[int]:
    """__ftrace_match_addr()."""
    rec = location(core, ip)
    if rec is None:
        raise FtraceError(errno.EINVAL, call, f"{ip:#x} is not the address of a site")
    entry = rec.ip if core.release.location_maps_entry else ip
    if not remove:
        return kept | {entry}
    if entry not in kept:
        raise FtraceError(errno.ENOENT, call, f"{entry:#x} ({rec.symbol}) is not in the filter")
    return kept - {entry}


def must_filter(core: Ftrace, call: str) -> None:
    """Raises FtraceError ENODEV where ftrace was killed, or where there are no records to filter."""
    must_live(core, call)
    if not core.dynamic:
        raise FtraceError(errno.ENODEV, call, "without DYNAMIC_FTRACE there are no filters")


def location(core: Ftrace, ip: int) -> DynFtrace | None:
    """ftrace_location(): the record one of whose site's bytes is at ip; later also by the function's first byte.

    Raises UsageError for what is no number.
    """
    expect("ftrace_location()", ip, int, "an address")
    size = core.platform.insn_size
    for rec in core.records.values():
        if rec.ip <= ip < rec.ip + size:
            return rec
    if core.release.location_maps_entry:
        for rec in core.records.values():
            if core.platform.address(rec.symbol) == ip:
                return rec
    return None


# -- a hash gets new contents -----------------------------------------------------------------------------------------


def hash_move(core: Ftrace, call: str, ops: FtraceOps, which: Which, new: set[int]) -> None:
    """ftrace_hash_move_and_update_ops(): an ops that others manage changes its manager's hash as well.

    Raises FtraceError where the rules of IPMODIFY forbid it, or where the sites cannot be patched then.
    """
    subops = _managed_with(core, ops)
    if subops is None or subops.managed is None:
        move_and_update(core, call, ops, which, new)
        return
    hash_, manager = which.of(ops.func_hash), subops.managed
    old = set(hash_)
    _replace(hash_, new)
    try:
        move_and_update(core, call, manager, which, managed_hash(manager, which))
    except FtraceError:
        if not core.disabled:
            _replace(hash_, old)
        raise


def _managed_with(core: Ftrace, ops: FtraceOps) -> FtraceOps | None:
    """The ops itself where it is a SUBOP, or a SUBOP that shares its hashes while it is not registered itself."""
    if ops.has("SUBOP"):
        return ops
    if ops.has("ENABLED"):
        return None
    every = (subops for manager in core.ops for subops in manager.subop_list)
    return next((subops for subops in every if subops.func_hash is ops.func_hash), None)


def managed_hash(manager: FtraceOps, which: Which) -> set[int]:
    """append_hashes(), intersect_hashes(): what the ops of a manager want between them.

    6.12's intersect_hashes() takes the manager's own notrace hash for that of the newest ops, so that it only shrinks.
    """
    hashes = [which.of(subops.func_hash) for subops in manager.subop_list]
    if which is Which.FILTER:
        return append_hashes(hashes)
    return intersect_hashes([manager.notrace_hash, *hashes[1:]])


def move_and_update(core: Ftrace, call: str, ops: FtraceOps, which: Which, new: set[int]) -> None:
    """ftrace_hash_move(), and ftrace_ops_update_code(). Raises FtraceError."""
    if ops.has("IPMODIFY") and which is Which.NOTRACE:
        raise FtraceError(errno.EINVAL, call, f"{ops.name} is IPMODIFY: it must name its functions, not the others")
    if which is Which.FILTER:
        ipmodify_update(core, call, ops, new)
    old = ops.func_hash.copy()
    sharing = [other for other in core.counted if other.func_hash is ops.func_hash]
    if which is Which.NOTRACE and core.release.notrace_counts_backwards:
        _recount_notrace(core, ops.func_hash, sharing, new)
    else:
        _recount(core, sharing, which.of(ops.func_hash), new)
    if sharing and core.enabled:
        run_modify_code(core, call, ops if ops in sharing else sharing[0], old)


def _recount(core: Ftrace, sharing: list[FtraceOps], hash_: set[int], new: set[int]) -> None:
    """Down over the old hash, up over the new one."""
    for ops in sharing:
        rec_disable(core, ops)
    _replace(hash_, new)
    for ops in sharing:
        rec_enable(core, ops)


def _recount_notrace(core: Ftrace, hashes: OpsHash, sharing: list[FtraceOps], new: set[int]) -> None:
    """Up over the old notrace hash, down over the new one, as far as the filter goes."""
    wanted = OpsHash(set(hashes.filter))
    for ops in sharing:
        count_up(core, ops, (rec for rec in matching(core, wanted) if rec.ip in hashes.notrace))
    _replace(hashes.notrace, new)
    for ops in sharing:
        count_down(core, ops, (rec for rec in matching(core, wanted) if rec.ip in new))


def _replace(hash_: set[int], new: set[int]) -> None:
    hash_.clear()
    hash_.update(new)


def run_modify_code(core: Ftrace, call: str, ops: FtraceOps, old: OpsHash) -> None:
    """ftrace_run_modify_code(): meanwhile the sites are those of the old hash. Raises FtraceError."""
    modifying = {"MODIFYING"} & core.release.flags.keys()
    ops.kernel_flags |= modifying
    ops.old_hash = old
    try:
        run_update_code(core, call, Command.UPDATE_CALLS)
    finally:
        ops.old_hash = None
        ops.kernel_flags -= modifying


# -- records ----------------------------------------------------------------------------------------------------------


def rec_enable(core: Ftrace, ops: FtraceOps) -> bool:
    """ftrace_hash_rec_enable(): one more ops on all functions of its hashes. Whether a site has to change for it."""
    return count_up(core, ops, matching(core, ops.func_hash))


def rec_disable(core: Ftrace, ops: FtraceOps) -> bool:
    """ftrace_hash_rec_disable(): one less."""
    return count_down(core, ops, matching(core, ops.func_hash))


def count_up(core: Ftrace, ops: FtraceOps, records: Iterable[DynFtrace]) -> bool:
    """Whether a site has to change. FTRACE_REF_MAX users of one function are too many, and end everything."""
    changes = False
    for rec in records:
        if rec.count(core.release.bits) + 1 == core.release.bits.count:
            core.ftrace_warn(f"{rec.symbol} has as many ops as can be counted")
            return changes
        add_reference(rec, ops, core.release)
        _note_call_ops(core, rec, ops)
        changes |= check_record(rec, core.release.bits).update is not Update.IGNORE
    return changes


def count_down(core: Ftrace, ops: FtraceOps, records: Iterable[DynFtrace]) -> bool:
    """Whether a site has to change. A function that nobody traces cannot lose an ops: that ends everything."""
    changes = False
    for rec in records:
        if not rec.count(core.release.bits):
            core.ftrace_warn(f"{rec.symbol} loses an ops that it never had")
            return changes
        drop_reference(rec, ops, core.ops, core.release)
        _note_call_ops(core, rec, ops)
        changes |= check_record(rec, core.release.bits).update is not Update.IGNORE
    return changes


def _note_call_ops(core: Ftrace, rec: DynFtrace, ops: FtraceOps) -> None:
    if core.call_ops:
        note_call_ops(rec, core.release.bits, plain=core.calls_func(ops) == ops.func_address)


def matching(core: Ftrace, hashes: OpsHash) -> list[DynFtrace]:
    """The records that hashes include."""
    bits = core.release.bits
    return [rec for rec in core.records.values() if hashes.contains(rec.ip) and not rec.skipped(bits)]
