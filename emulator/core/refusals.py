# SPDX-License-Identifier: GPL-2.0-only
"""When the kernel says no to a registration: the rules in the order in which it tries them, the first one counts."""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING

from emulator.errors import FtraceError

if TYPE_CHECKING:
    from emulator.core.ftrace import Ftrace
    from emulator.core.ops import FtraceOps


def may_register(core: Ftrace, ops: FtraceOps) -> None:
    """register_ftrace_function() and __register_ftrace_function(). Raises FtraceError."""
    call = "register_ftrace_function"
    must_live(core, call)
    if ops.kernel is core and ops.has("ENABLED"):
        raise FtraceError(errno.EBUSY, call, f"{ops.name} is already registered (ENABLED)")
    if ops.has("SAVE_REGS") and not ops.has("SAVE_REGS_IF_SUPPORTED") and not core.with_regs:
        rule = f"{ops.name} wants SAVE_REGS, and this kernel has no DYNAMIC_FTRACE_WITH_REGS"
        raise FtraceError(errno.EINVAL, call, rule)


def may_unregister(core: Ftrace, ops: FtraceOps) -> None:
    """ftrace_shutdown() and __unregister_ftrace_function(). Raises FtraceError."""
    call = "unregister_ftrace_function"
    must_live(core, call)
    if not ops.has("ENABLED"):
        raise FtraceError(errno.EBUSY, call, f"{ops.name} is not registered (not ENABLED)")
    if ops not in core.ops:
        raise FtraceError(errno.EPERM, call, f"{ops.name} is not on this kernel's list (a bare -1)")


def must_live(core: Ftrace, call: str) -> None:
    """Once ftrace_disabled is set, everything gets ENODEV. Raises FtraceError."""
    if core.disabled:
        reason = f": {core.bug}" if core.bug else ""
        raise FtraceError(errno.ENODEV, call, f"ftrace was killed{reason}")
