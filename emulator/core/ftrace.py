# SPDX-License-Identifier: GPL-2.0-only
"""The core of one kernel's ftrace: its state, and the public calls of kernel/trace/ftrace.c in the order of their work.

The rules stand in the modules around: refusals (when is the answer no), dispatch (who is called), filters (what an ops
wants), records (what a site should do), patching (which bytes change, in which order).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from itertools import pairwise
from typing import Any

from emulator.core import dispatch, filters
from emulator.core.ops import FtraceOps, check_filters, check_flags
from emulator.core.patching import run_update_code
from emulator.core.platform import Platform, TextError
from emulator.core.records import DynFtrace, add_reference, drop_reference
from emulator.core.recursion import Recursion
from emulator.core.refusals import may_register, may_unregister
from emulator.core.release import Release
from emulator.description import Ability
from emulator.errors import FtraceError, UsageError

Deliver = Callable[[FtraceOps, int, int, Any, Any], None]


def _stub(*_: object) -> None:
    """ftrace_list_end's func."""


class Ftrace:
    """The core of one kernel: its ops, its records, and what its trampolines call.

    `records` are the sites, `deliver(ops, ip, parent_ip, op, record)` hands a call to the ops' Python function.
    A call that is refused with anything but a failure to patch leaves everything as it was.
    """

    def __init__(self, release: Release, platform: Platform, records: Iterable[DynFtrace], deliver: Deliver) -> None:
        self.release, self.platform, self.deliver = release, platform, deliver
        self.records = {rec.ip: rec for rec in records}
        self.recursion = Recursion(release)
        self.ops: list[FtraceOps] = []
        """ftrace_ops_list, newest first."""
        self.list_end = FtraceOps("ftrace_list_end", _stub)
        self.disabled = False
        self.bug: TextError | None = None
        """What ftrace_bug() reported before it killed ftrace."""
        self.function_trace_stop = 0
        """Set by ftrace_stop(), and counted up while code is patched."""
        platform.settle(self.list_end)
        stub = platform.address(dispatch.STUB)
        self.trace_function = stub
        """ftrace_trace_function: what the labels should call."""
        self.label_function = stub
        """What they do call (save_func in update_ftrace_func())."""
        self.helped_function = stub
        """3.6: what ftrace_test_stop_func() should call on (__ftrace_trace_function_delay)."""
        self.trace_op = self.next_trace_op = self.list_end
        """function_trace_op, and set_function_trace_op, which is not in force yet."""
        self._boot()

    def _boot(self) -> None:
        dispatch.update_ftrace_function(self)
        dispatch.set_trace_op(self)
        self.platform.set_variable("__ftrace_trace_function", self.helped_function)
        self.platform.update_trace_func(self.label_function)
        self.platform.publish(self.list_end, self.list_end)

    # -- what the configuration can do --------------------------------------------------------------------------------

    @property
    def with_regs(self) -> bool:
        """CONFIG_DYNAMIC_FTRACE_WITH_REGS."""
        return Ability.DYNAMIC_FTRACE_WITH_REGS in self.platform.abilities

    @property
    def force_list(self) -> bool:
        """FTRACE_FORCE_LIST_FUNC."""
        return self.release.list_unless not in self.platform.abilities

    @property
    def needs_helper(self) -> bool:
        """Neither the trampoline nor the list function tests function_trace_stop (3.6 without MCOUNT_TEST)."""
        if not self.release.has_trace_stop or self.release.list_func_tests_stop:
            return False
        return Ability.FUNCTION_TRACE_MCOUNT_TEST not in self.platform.abilities

    # -- registration -------------------------------------------------------------------------------------------------

    def register(self, ops: FtraceOps) -> None:
        """register_ftrace_function(). Raises FtraceError with the kernel's code, UsageError for unfit flags."""
        check_flags(ops, self.release)
        check_filters(ops, self)
        may_register(self, ops)
        ops.enter(self, self.release)
        self.platform.settle(ops)
        self._add(ops)
        for rec in filters.wanted(self, ops):
            add_reference(rec, ops, self.release)
        self._publish()
        try:
            run_update_code(self, "register_ftrace_function")
        except FtraceError:
            self._remove(ops)
            raise

    def unregister(self, ops: FtraceOps) -> None:
        """unregister_ftrace_function(). Raises FtraceError with the kernel's code."""
        may_unregister(self, ops)
        self._remove(ops)
        for rec in filters.wanted(self, ops):
            drop_reference(rec, ops, self.ops, self.release)
        run_update_code(self, "unregister_ftrace_function")
        if ops.has("DYNAMIC"):
            self.platform.free_trampoline(ops)
            self.platform.publish(ops, self.list_end)

    def _add(self, ops: FtraceOps) -> None:
        """__register_ftrace_function(): onto the head of the list, so that callbacks run newest first."""
        if Ability.TRAMPOLINE_PER_OPS in self.platform.abilities:
            self.platform.update_trampoline(ops, dispatch.ops_get_func(self, ops))
        if ops.home == "module":
            ops.kernel_flags.add("DYNAMIC")
        # Contrary to its name: set where regs are not supported, and of no effect where they are.
        if ops.has("SAVE_REGS_IF_SUPPORTED") and not self.with_regs:
            ops.kernel_flags.add("SAVE_REGS")
        ops.kernel_flags.add("ENABLED")
        self.ops.insert(0, ops)
        dispatch.update_ftrace_function(self)

    def _remove(self, ops: FtraceOps) -> None:
        """__unregister_ftrace_function()."""
        self.ops.remove(ops)
        ops.kernel_flags.discard("ENABLED")
        if not self.disabled:
            dispatch.update_ftrace_function(self)
        self.platform.publish(ops, self.list_end)
        self._publish()

    def _publish(self) -> None:
        """Write the structs as the list now links them."""
        for ops, following in pairwise([*self.ops, self.list_end]):
            self.platform.publish(ops, following)

    # -- filters ------------------------------------------------------------------------------------------------------

    def set_filter(self, ops: FtraceOps, glob: str | None, *, reset: bool = False) -> None:
        """ftrace_set_filter(): add the functions that match, or take them away where the glob begins with '!'.

        The last one taken away leaves an empty filter, which means every function. Raises FtraceError.
        """
        call = "ftrace_set_filter"
        ops.enter(self, self.release)
        new = filters.with_regex(self, call, ops.filter_hash, glob, reset=reset)
        filters.move(self, call, ops, ops.filter_hash, new)

    def set_notrace(self, ops: FtraceOps, glob: str | None, *, reset: bool = False) -> None:
        """ftrace_set_notrace(): the functions that match are not for this ops. Raises FtraceError."""
        call = "ftrace_set_notrace"
        ops.enter(self, self.release)
        new = filters.with_regex(self, call, ops.notrace_hash, glob, reset=reset)
        filters.move(self, call, ops, ops.notrace_hash, new)

    def set_filter_ip(self, ops: FtraceOps, ip: int, *, remove: bool = False, reset: bool = False) -> None:
        """ftrace_set_filter_ip(). Raises FtraceError with the kernel's code, UsageError where the release lacks it."""
        ops.enter(self, self.release)
        new = filters.with_address(self, ops.filter_hash, ip, remove=remove, reset=reset)
        filters.move(self, "ftrace_set_filter_ip", ops, ops.filter_hash, new)

    # -- switches -----------------------------------------------------------------------------------------------------

    def stop(self) -> None:
        """ftrace_stop(): no callback runs. A switch, it does not nest. Raises UsageError where it does not exist."""
        self._set_stop(1)

    def start(self) -> None:
        """ftrace_start(). Raises UsageError where it does not exist."""
        self._set_stop(0)

    def _set_stop(self, value: int) -> None:
        if not self.release.has_trace_stop:
            raise UsageError(f"release {self.release.name} has no function_trace_stop (gone since 3.17)")
        self.function_trace_stop = value
        self.platform.set_variable("function_trace_stop", value)

    def add_to_stop(self, step: int) -> None:
        """function_trace_stop, where there is one, counted up or down."""
        if self.release.has_trace_stop:
            self._set_stop(self.function_trace_stop + step)

    def ftrace_bug(self, error: TextError) -> None:
        """Code was not what it should be, or could not be written: report it, and end everything."""
        self.bug = error
        self.kill()

    def kill(self) -> None:
        """ftrace_kill(): every later request is refused. Code that was patched stays patched."""
        self.disabled = True
        self.trace_function = self.helped_function = self.platform.address(dispatch.STUB)
        self.platform.set_variable("ftrace_trace_function", self.trace_function)
