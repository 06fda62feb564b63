# SPDX-License-Identifier: GPL-2.0-only
"""update_ftrace_function(): which function trampolines call, and which ops function_trace_op names meanwhile."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from emulator.core.ops import FtraceOps, KernelOps

if TYPE_CHECKING:
    from emulator.core.ftrace import Ftrace

STUB = "ftrace_stub"
LIST_FUNC = "ftrace_ops_list_func"
ASSIST_FUNC = "ftrace_ops_assist_func"
STOP_HELPER = "ftrace_test_stop_func"
PID_FUNC = "ftrace_pid_func"
GLOBAL_LIST_FUNC = "ftrace_global_list_func"


class Choice(NamedTuple):
    """The function to call, and the ops that function_trace_op should name meanwhile."""

    func: int
    op: FtraceOps


def choose(core: Ftrace) -> Choice:
    """Nobody, the one ops itself, or the list function.

    One ops is called directly unless it is DYNAMIC (it could be freed under the caller), RCU (somebody has to ask
    whether RCU is watching), or the architecture cannot pass ops. 3.7 sends an ops that is not RECURSION_SAFE through
    the list function; since 5.11 one that asks for RECURSION protection goes through the assist function instead.
    """
    if not core.ops:
        return Choice(core.platform.address(STUB), core.list_end)
    first, *others = core.ops
    if others or first.has("DYNAMIC") or first.has("RCU") or core.force_list:
        return _through_list(core)
    if core.release.protects_ops == "RECURSION_SAFE" and not first.has("RECURSION_SAFE"):
        return _through_list(core)
    return Choice(ops_get_func(core, first), core.global_list[0] if first is core.global_ops else first)


def _through_list(core: Ftrace) -> Choice:
    """The list function, with the end of the list for an op, because it finds each ops itself."""
    return Choice(core.platform.address(LIST_FUNC), core.list_end)


def ops_get_func(core: Ftrace, ops: FtraceOps) -> int:
    """ftrace_ops_get_func(): what a trampoline of this ops alone calls. DYNAMIC is not looked at here."""
    if core.release.protects_ops == "RECURSION" and (ops.has("RECURSION") or ops.has("RCU")):
        return core.platform.address(ASSIST_FUNC)
    return ops.func_address


def update_ftrace_function(core: Ftrace) -> None:
    """Choose, and write what the release writes before any code is patched.

    Up to 3.12 that is function_trace_op too; patching.py writes it later on, and not at all where the function is
    the same as before.
    """
    update_global_ops(core)
    func, core.next_trace_op = choose(core)
    core.graph.update_function_graph_func()
    if not core.release.labels_go_through_list:
        _switch_at_once(core, func)
    elif func != core.trace_function:
        _switch_later(core, func)


def _switch_at_once(core: Ftrace, func: int) -> None:
    """3.x. Where 3.6's architecture does not test function_trace_stop, a helper is called which does.

    It then calls on through __ftrace_trace_function, which is written when the sites have been patched, or at once
    where none ever is.
    """
    if core.release.callback_gets_op:
        set_trace_op(core)
    if core.needs_helper:
        core.helped_function = func
        func = core.platform.address(STOP_HELPER) if core.ops else func
        if not core.dynamic:
            core.tell_helper(core.helped_function)
    set_trace_function(core, func)


def _switch_later(core: Ftrace, func: int) -> None:
    """6.x. Static mcount reads the variables at every call, so that function_trace_op changes under the list function,
    which does not look at it; else patching.py writes it.
    """
    list_func = core.platform.address(LIST_FUNC)
    if not core.dynamic and func != list_func:
        set_trace_function(core, list_func)
        set_trace_op(core)
    set_trace_function(core, func)


def set_trace_function(core: Ftrace, func: int) -> None:
    """ftrace_trace_function = func."""
    core.trace_function = func
    core.platform.set_variable("ftrace_trace_function", func)


def set_trace_op(core: Ftrace) -> None:
    """function_trace_op = set_function_trace_op."""
    core.trace_op = core.next_trace_op
    core.platform.set_variable("function_trace_op", core.trace_op.address)


def update_global_ops(core: Ftrace) -> None:
    """3.x: what global_ops calls for the GLOBAL ops: the only one itself, their list function, or the pid filter."""
    if not core.has_shared_lists:
        return
    if not core.global_list:
        func = core.platform.address(STUB)
    elif len(core.global_list) == 1:
        func = core.global_list[0].func_address
    else:
        func = core.platform.address(GLOBAL_LIST_FUNC)
    core.pid_function = func
    core.global_ops.func_address = core.platform.address(PID_FUNC) if core.pids else func


def set_pids(core: Ftrace, pids: frozenset[int]) -> None:
    """set_ftrace_pid was written: ftrace_update_pid_func(). No pids: everybody is traced."""
    core.pids = pids
    if core.trace_function == core.platform.address(STUB):
        return
    for ops in core.ops:
        if ops.has("PID"):
            swap_for_pids(core, ops)
            core.update_trampoline(ops)
    core.graph.update_pid_func()
    update_ftrace_function(core)


def swap_for_pids(core: Ftrace, ops: FtraceOps) -> None:
    """While pids are filtered, a PID ops calls ftrace_pid_func(), which calls on through saved_func.

    Not graph_ops: its flag is for nothing, because no trace_array with pids stands behind it.
    """
    filtered = core.pids and ops.has("PID") and not isinstance(ops, KernelOps)
    ops.func_address = core.platform.address(PID_FUNC) if filtered else ops.saved_func
