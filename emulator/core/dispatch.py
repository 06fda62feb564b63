# SPDX-License-Identifier: GPL-2.0-only
"""Who is called: the choice of the function that trampolines call, and the functions that then call the ops."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Protocol

from emulator.core.ops import FtraceOps

if TYPE_CHECKING:
    from emulator.core.ftrace import Ftrace

STUB = "ftrace_stub"
LIST_FUNC = "ftrace_ops_list_func"
ASSIST_FUNC = "ftrace_ops_assist_func"
STOP_HELPER = "ftrace_test_stop_func"


class Record(Protocol):
    """The fourth argument as it arrived: ftrace_regs since 5.11, pt_regs before."""

    def get_regs(self) -> object | None:
        """ftrace_get_regs(): what may be read as a full pt_regs, or None."""


class Choice(NamedTuple):
    """The function to call, and the ops that function_trace_op should name meanwhile."""

    func: int
    op: FtraceOps


def update_ftrace_function(core: Ftrace) -> None:
    """Choose, and write what the release writes before any code is patched.

    Up to 3.12 that is function_trace_op too; patching.py writes it later on, and not at all where the function is
    the same as before. 3.6, on an architecture that does not test function_trace_stop, has a helper called which
    tests it and then calls on through __ftrace_trace_function.
    """
    func, core.next_trace_op = choose(core)
    if core.needs_helper:
        core.helped_function = func
        func = core.platform.address(STOP_HELPER) if core.ops else func
    core.trace_function = func
    core.platform.set_variable("ftrace_trace_function", func)
    if core.release.callback_gets_op and not core.release.labels_go_through_list:
        set_trace_op(core)


def set_trace_op(core: Ftrace) -> None:
    """function_trace_op = set_function_trace_op."""
    core.trace_op = core.next_trace_op
    core.platform.set_variable("function_trace_op", core.trace_op.address)


def choose(core: Ftrace) -> Choice:
    """Nobody, the one ops itself, or the list function.

    One ops is called directly unless it is DYNAMIC (it could be freed under the caller) or the architecture cannot
    pass ops. 3.7 sends an ops that is not RECURSION_SAFE through the list function; since 5.11 one that asks for
    RECURSION protection goes through the assist function instead.
    """
    if not core.ops:
        return Choice(core.platform.address(STUB), core.list_end)
    first, *others = core.ops
    if others or first.has("DYNAMIC") or core.force_list:
        return through_list(core)
    if core.release.protects_ops == "RECURSION_SAFE" and not first.has("RECURSION_SAFE"):
        return through_list(core)
    return Choice(ops_get_func(core, first), first)


def through_list(core: Ftrace) -> Choice:
    """The list function, with the end of the list for an op, because it finds each ops itself."""
    return Choice(core.platform.address(LIST_FUNC), core.list_end)


def ops_get_func(core: Ftrace, ops: FtraceOps) -> int:
    """ftrace_ops_get_func(): what a trampoline of this ops alone calls. DYNAMIC is not looked at here."""
    if core.release.protects_ops == "RECURSION" and ops.has("RECURSION"):
        return core.platform.address(ASSIST_FUNC)
    return ops.func_address


def ops_test(core: Ftrace, ops: FtraceOps, ip: int, regs: object | None) -> bool:
    """ftrace_ops_test(): the hashes decide, and a SAVE_REGS ops is not called without regs (since 3.19)."""
    if regs is None and ops.has("SAVE_REGS") and core.release.tests_regs and core.with_regs:
        return False
    return ops.wants(ip)


def ops_list_func(core: Ftrace, ip: int, parent_ip: int, record: Record | None) -> None:
    """Call every registered ops whose hashes include ip, newest first; the arch could not pass op, so we do.

    An ops that a callback registers is not called before the next hit, one that it unregisters not any more.
    """
    if core.release.list_func_tests_stop and core.function_trace_stop:
        return
    regs = record.get_regs() if record else None
    with core.recursion.enter() as entered:
        if not entered:
            return
        for ops in tuple(core.ops):
            if ops.has("ENABLED") and ops_test(core, ops, ip, regs):
                core.deliver(ops, ip, parent_ip, ops, record)


def ops_assist_func(core: Ftrace, ip: int, parent_ip: int, op: FtraceOps, record: Record | None) -> None:
    """Call the one ops under recursion protection; no hash is tested, the site's trampoline is this ops' own."""
    with core.recursion.enter() as entered:
        if entered:
            core.deliver(op, ip, parent_ip, op, record)
