# SPDX-License-Identifier: GPL-2.0-only
"""kernel.ftrace_enabled: ftrace_enable_sysctl()."""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING

from emulator.core import choice
from emulator.core.patching import Command, run_update_code, startup_enable
from emulator.core.refusals import must_live
from emulator.errors import FtraceError, UsageError

if TYPE_CHECKING:
    from emulator.core.ftrace import Ftrace

CALL = "kernel.ftrace_enabled"


def set_enabled(core: Ftrace, *, enabled: bool) -> None:
    """Write 0 or 1. Raises FtraceError ENODEV once ftrace is dead, EBUSY for 0 while a PERMANENT ops is registered.

    Any other number is 1. Raises UsageError for what is no number.
    """
    must_live(core, CALL)
    if not isinstance(enabled, int):
        raise UsageError(f"{CALL}: {enabled!r} is not a number")
    if bool(enabled) == core.enabled:
        return
    if enabled:
        _start(core)
    else:
        _stop(core)


def _start(core: Ftrace) -> None:
    core.enabled = True
    core.saved_func = 0
    if core.release.sysctl_trusts_list:
        _trust_list(core)
        return
    if core.ops:
        choice.update_ftrace_function(core)
    if _patches(core):
        startup_enable(core, CALL, Command.UPDATE_CALLS | _graph(core, Command.START_FUNC_RET))


def _trust_list(core: Ftrace) -> None:
    """3.x: the only ops itself, or the list function. Nobody looks at flags, or whether op can be passed.

    It comes after the sites, and labels are left alone: until the next ops or graph tracer comes or goes they call what
    they called before, which is the stub for what was registered meanwhile.
    """
    if _patches(core):
        run_update_code(core, CALL, Command.UPDATE_CALLS)
    if core.ops:
        first, *others = core.ops
        list_func = core.platform.address(choice.LIST_FUNC)
        choice.set_trace_function(core, list_func if others else first.func_address)


def _stop(core: Ftrace) -> None:
    if any(ops.has("PERMANENT") for ops in core.ops):
        raise FtraceError(errno.EBUSY, CALL, "a PERMANENT ops is registered: it stays 1")
    core.enabled = False
    choice.set_trace_function(core, core.platform.address(choice.STUB))
    if _patches(core):
        run_update_code(core, CALL, Command.DISABLE_CALLS | _graph(core, Command.STOP_FUNC_RET))


def _patches(core: Ftrace) -> bool:
    """There are sites to patch, and somebody is registered (ftrace_start_up)."""
    return core.dynamic and bool(core.start_up)


def _graph(core: Ftrace, command: Command) -> Command:
    """The graph caller is switched too where the graph tracer is in use (since 4.0)."""
    return command if core.graph.active and not core.release.sysctl_trusts_list else Command.NONE
