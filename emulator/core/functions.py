# SPDX-License-Identifier: GPL-2.0-only
"""The functions of kernel/trace that trampolines call, and that then call the ops: each one readable loop or test."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Protocol

from emulator.core.ops import FtraceOps
from emulator.core.recursion import Region, guard
from emulator.errors import Fault

if TYPE_CHECKING:
    from emulator.core.ftrace import Ftrace


class Record(Protocol):
    """The fourth argument as it arrived: ftrace_regs since 5.11, pt_regs before."""

    def get_regs(self) -> object | None:
        """ftrace_get_regs(): what may be read as a full pt_regs, or None."""

    def get_parent_slot(self) -> int:
        """Where ftrace_graph_func() finds the return address of the traced function."""

    def get_frame_pointer(self) -> int:
        """ftrace_regs_get_frame_pointer()."""

    def set_direct_caller(self, address: int) -> None:
        """arch_ftrace_set_direct_caller(): the trampoline shall go to `address` instead of back."""


Function = Callable[["Ftrace", int, int, Any, Record | None], None]
"""A function of the core with a callback's arguments: (core, ip, parent_ip, op, record)."""


def ops_test(core: Ftrace, ops: FtraceOps, ip: int, regs: object | None) -> bool:
    """ftrace_ops_test(): the hashes decide, and a SAVE_REGS ops is not called without regs (since 3.19).

    Without DYNAMIC_FTRACE there are no hashes: everybody is called.
    """
    if not core.dynamic:
        return True
    if regs is None and ops.has("SAVE_REGS") and core.release.tests_regs and core.with_regs:
        return False
    return ops.wants(ip)


def ops_list_func(core: Ftrace, ip: int, parent_ip: int, _op: Any, record: Record | None) -> None:
    """__ftrace_ops_list_func(): call every ops whose hashes include ip, newest first; each gets itself for op.

    An ops that a callback registers is not called before the next hit, one that it unregisters not any more.
    """
    if core.release.list_func_tests_stop and core.function_trace_stop:
        return
    regs = record.get_regs() if record else None
    with guard(core.current, Region.LIST, core.release) as entered:
        if not entered:
            return
        for ops in tuple(core.ops):
            if ops not in core.ops or ops.has("STUB"):
                continue
            if watched(core, ops) and ops_test(core, ops, ip, regs):
                if not ops.func_address and core.release.list_func_tests_func:
                    core.ftrace_warn(f"{ops.name} has no func")
                    return
                core.call(ops.func_address, ip, parent_ip, ops, record)


def ops_assist_func(core: Ftrace, ip: int, parent_ip: int, op: FtraceOps, record: Record | None) -> None:
    """ftrace_ops_assist_func(): call the one ops, guarded; no hash is tested, what calls us is this ops' own."""
    with guard(core.current, Region.LIST, core.release) as entered:
        if entered and watched(core, op):
            core.call(op.func_address, ip, parent_ip, op, record)


def watched(core: Ftrace, ops: FtraceOps) -> bool:
    """An RCU ops is called only where RCU is watching."""
    return not ops.has("RCU") or core.current.rcu_watching


def pid_func(core: Ftrace, ip: int, parent_ip: int, op: FtraceOps, record: Record | None) -> None:
    """ftrace_pid_func(): call on where the task is one of those that set_ftrace_pid names.

    3.x filters all GLOBAL ops at once, and keeps in ftrace_pid_function what they call otherwise; it looks at a bit of
    the task, which no task has where no pid is named.
    """
    if (core.pids or core.has_shared_lists) and core.current.pid not in core.pids:
        return
    func = core.pid_function if core.has_shared_lists else op.saved_func
    core.call(func, ip, parent_ip, op, record)


def global_list_func(core: Ftrace, ip: int, parent_ip: int, _op: Any, record: Record | None) -> None:
    """ftrace_global_list_func() of 3.x: the GLOBAL ops; global_ops' hash has been tested for all of them."""
    with guard(core.current, Region.GLOBAL, core.release) as entered:
        for ops in tuple(core.global_list) if entered else ():
            if ops in core.global_list:
                core.call(ops.func_address, ip, parent_ip, ops, record)


def control_func(core: Ftrace, ip: int, parent_ip: int, _op: Any, record: Record | None) -> None:
    """ftrace_ops_control_func() of 3.x: the CONTROL ops that are switched on for this CPU."""
    with guard(core.current, Region.CONTROL, core.release) as entered:
        for ops in tuple(core.control_list) if entered else ():
            if ops in core.control_list and not ops.disabled and ops_test(core, ops, ip, record):
                core.call(ops.func_address, ip, parent_ip, ops, record)


def call_direct_funcs(core: Ftrace, ip: int, _parent_ip: int, op: FtraceOps, record: Record | None) -> None:
    """The direct ops' func: have the trampoline go to the direct trampoline of this function when all were called."""
    address = core.direct_functions.get(ip, 0) if core.release.direct_by_address else op.direct_call
    if not address:
        return
    if record is None:
        raise Fault("call_direct_funcs() writes to its record, which is NULL")
    record.set_direct_caller(address)


def graph_func(core: Ftrace, ip: int, _parent_ip: int, _op: Any, record: Record | None) -> None:
    """ftrace_graph_func(): the graph tracer as an ordinary ops, which finds the return address through the record."""
    if record is None:
        raise Fault("ftrace_graph_func() reads from its record, which is NULL")
    with guard(core.current, Region.FTRACE, core.release) as entered:
        if entered:
            frame_pointer = record.get_frame_pointer()
            core.graph.returns.prepare_ftrace_return(record.get_parent_slot(), ip, frame_pointer)


def stub(_core: Ftrace, _ip: int, _parent_ip: int, _op: Any, _record: Record | None) -> None:
    """ftrace_stub(), where the core calls it itself."""


FUNCTIONS: Mapping[str, Function] = {
    "ftrace_stub": stub,
    "ftrace_ops_list_func": ops_list_func,
    "ftrace_ops_assist_func": ops_assist_func,
    "ftrace_pid_func": pid_func,
    "ftrace_global_list_func": global_list_func,
    "ftrace_ops_control_func": control_func,
    "ftrace_graph_func": graph_func,
    "call_direct_funcs": call_direct_funcs,
}
