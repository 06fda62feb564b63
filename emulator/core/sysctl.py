# SPDX-License-Identifier: GPL-2.0-only
"""kernel.ftrace_enabled: ftrace_enable_sysctl()."""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING

from emulator.core import choice
from emulator.core.patching import Command, run_update_code, startup_enable
from emulator.core.refusals import must_live
from emulator.errors import FtraceError

if TYPE_CHECKING:
    from emulator.core.ftrace import Ftrace

CALL = "kernel.ftrace_enabled"


def set_enabled(core: Ftrace, *, enabled: bool) -> None:
    """Write 0 or 1. Raises FtraceError ENODEV once ftrace is dead, EBUSY for 0 while a PERMANENT ops is registered."""
    must_live(core, CALL)
    if enabled == core.enabled:
        return
    if enabled:
        _start(core)
    else:
        _stop(core)


def _start(core: Ftrace) -> None:
    core.enabled = True
    if core.ops:
        if core.release.sysctl_trusts_list:
            _trust_list(core)
        else:
            choice.update_ftrace_function(core)
    if core.dynamic and core.start_up:
        core.saved_func = 0
        graph = Command.START_FUNC_RET if core.graph.active else Command.NONE
        startup_enable(core, CALL, Command.UPDATE_CALLS | graph)


def _trust_list(core: Ftrace) -> None:
    """3.x: the only ops itself, or the list function. Nobody looks at flags, or whether op can be passed."""
    first, *others = core.ops
    list_func = core.platform.address(choice.LIST_FUNC)
    choice.set_trace_function(core, list_func if others else first.func_address)


def _stop(core: Ftrace) -> None:
    if any(ops.has("PERMANENT") for ops in core.ops):
        raise FtraceError(errno.EBUSY, CALL, "a PERMANENT ops is registered: it stays 1")
    core.enabled = False
    choice.set_trace_function(core, core.platform.address(choice.STUB))
    if core.dynamic and core.start_up:
        graph = Command.STOP_FUNC_RET if core.graph.active else Command.NONE
        run_update_code(core, CALL, Command.DISABLE_CALLS | graph)
