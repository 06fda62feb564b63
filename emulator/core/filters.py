# SPDX-License-Identifier: GPL-2.0-only
"""The hashes of an ops: set by filter strings or addresses, and what follows where the ops is registered."""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING

from emulator.core.match import NOT, match_records
from emulator.core.ops import FtraceOps
from emulator.core.patching import run_update_code
from emulator.core.records import DynFtrace, add_reference, drop_reference
from emulator.core.refusals import must_live
from emulator.errors import FtraceError, UsageError

if TYPE_CHECKING:
    from emulator.core.ftrace import Ftrace


def with_regex(core: Ftrace, call: str, old: set[int], text: str | None, *, reset: bool) -> set[int]:
    """ftrace_set_regex() as far as the new hash: what the string means is added, behind a ! taken away.

    Without a string (NULL) nothing but `reset` is done. Raises FtraceError EINVAL where the string means no function.
    """
    must_live(core, call)
    kept = set() if reset else old
    if text is None:
        return set(kept)
    found = match_records(core.records.values(), text, core.release)
    if not found:
        raise FtraceError(errno.EINVAL, call, f"{text!r} matches no traced function")
    return kept - found if text.startswith(NOT) else kept | found


def with_address(core: Ftrace, old: set[int], ip: int, *, remove: bool, reset: bool) -> set[int]:
    """ftrace_set_filter_ip() as far as the new hash.

    3.7 keeps the address as it was given, even from the middle of a site, and takes 0 for "no address".
    Raises FtraceError EINVAL where ip is no site, ENOENT where there is nothing to remove (always after a reset).
    """
    call = "ftrace_set_filter_ip"
    if not core.release.has_filter_ip:
        raise UsageError(f"release {core.release.name} has no {call}()")
    must_live(core, call)
    kept = set() if reset else old
    if ip == 0 and not core.release.location_maps_entry:
        return set(kept)
    rec = location(core, ip)
    if rec is None:
        raise FtraceError(errno.EINVAL, call, f"{ip:#x} is not the address of a site")
    entry = rec.ip if core.release.location_maps_entry else ip
    if not remove:
        return kept | {entry}
    if entry not in kept:
        raise FtraceError(errno.ENOENT, call, f"{entry:#x} ({rec.symbol}) is not in the filter")
    return kept - {entry}


def location(core: Ftrace, ip: int) -> DynFtrace | None:
    """ftrace_location(): the record one of whose site's bytes is at ip; later also by the function's first byte."""
    size = core.platform.insn_size
    for rec in core.records.values():
        if rec.ip <= ip < rec.ip + size:
            return rec
    if core.release.location_maps_entry:
        for rec in core.records.values():
            if core.platform.address(rec.symbol) == ip:
                return rec
    return None


def move(core: Ftrace, call: str, ops: FtraceOps, hash_: set[int], new: set[int]) -> None:
    """ftrace_hash_move(): of a registered ops the records count down over the old hash and up over the new one.

    Raises FtraceError where the sites cannot be patched then.
    """
    if not ops.has("ENABLED"):
        replace(hash_, new)
        return
    for rec in wanted(core, ops):
        drop_reference(rec, ops, core.ops, core.release)
    replace(hash_, new)
    for rec in wanted(core, ops):
        add_reference(rec, ops, core.release)
    run_update_code(core, call)


def replace(hash_: set[int], new: set[int]) -> None:
    """Give a hash new contents."""
    hash_.clear()
    hash_.update(new)


def wanted(core: Ftrace, ops: FtraceOps) -> list[DynFtrace]:
    """The records that the hashes of an ops include."""
    return [rec for rec in core.records.values() if ops.wants(rec.ip)]
