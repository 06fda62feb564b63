# SPDX-License-Identifier: GPL-2.0-only
"""When the kernel says no to a registration: the rules in the order in which it tries them, the first one counts."""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING

from emulator.errors import FtraceError, UsageError

if TYPE_CHECKING:
    from emulator.core.ftrace import Ftrace
    from emulator.core.ops import FtraceOps


def may_register(core: Ftrace, call: str, ops: FtraceOps) -> None:
    """ftrace_startup() and __register_ftrace_function() before anything is changed. Raises FtraceError."""
    must_live(core, call)
    if ops.has("DELETED"):
        raise FtraceError(errno.EINVAL, call, f"{ops.name} is DELETED")
    if ops.has("ENABLED"):
        raise FtraceError(errno.EBUSY, call, f"{ops.name} is already registered (ENABLED)")
    if ops.has("GLOBAL") and ops.has("CONTROL"):
        raise FtraceError(errno.EINVAL, call, f"{ops.name} is both GLOBAL and CONTROL")
    if ops.has("SAVE_REGS") and not ops.has("SAVE_REGS_IF_SUPPORTED") and not core.with_regs:
        rule = f"{ops.name} wants SAVE_REGS, and this kernel has no DYNAMIC_FTRACE_WITH_REGS"
        raise FtraceError(errno.EINVAL, call, rule)
    if ops.has("PERMANENT") and not core.enabled:
        raise FtraceError(errno.EBUSY, call, f"{ops.name} is PERMANENT, and ftrace_enabled is 0")


def may_unregister(core: Ftrace, call: str, ops: FtraceOps) -> None:
    """ftrace_shutdown() and __unregister_ftrace_function() before anything is changed. Raises FtraceError.

    UsageError where the kernel would hang: synchronize_rcu_tasks() waits until no trampoline is being run.
    """
    must_live(core, call)
    if not ops.has("ENABLED"):
        raise FtraceError(errno.EBUSY, call, f"{ops.name} is not registered (not ENABLED)")
    if ops not in (*core.ops, *core.global_list, *core.control_list):
        raise FtraceError(errno.EPERM, call, f"{ops.name} is not on this kernel's list (a bare -1)")
    if ops.has("DYNAMIC") and core.release.recursion_contexts and core.delivering:
        raise UsageError(f"{call}: {ops.name} is DYNAMIC: out of a callback the kernel would wait for it for ever")


def must_live(core: Ftrace, call: str) -> None:
    """Once ftrace_disabled is set, everything gets ENODEV. Raises FtraceError."""
    if core.disabled:
        reason = f": {core.bug}" if core.bug else ""
        raise FtraceError(errno.ENODEV, call, f"ftrace was killed{reason}")
