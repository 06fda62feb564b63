# SPDX-License-Identifier: GPL-2.0-only
"""The core of one kernel's ftrace: its state, and the public calls of kernel/trace in the order of their work.

The rules stand in the modules around: refusals (when is the answer no), registration (lists, counting), choice (which
function is called), functions (who is called then), filters (what an ops wants), records and addresses (what a site
should do), patching (which bytes change, in which order), ipmodify, direct, graph, sysctl.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import cached_property, partial
from itertools import pairwise
from typing import Any

from emulator.core import choice, filters, registration, sysctl
from emulator.core.addresses import tramp_ops_new
from emulator.core.direct import Direct
from emulator.core.functions import FUNCTIONS, Record
from emulator.core.given import expect
from emulator.core.graph import Graph
from emulator.core.ops import FtraceOps, KernelOps
from emulator.core.patching import Command, startup_enable
from emulator.core.platform import Platform, TextError
from emulator.core.records import DynFtrace
from emulator.core.refusals import must_live
from emulator.core.release import Release
from emulator.core.task import Task
from emulator.description import Ability
from emulator.errors import Fault, UsageError

Deliver = Callable[[FtraceOps, int, int, Any, Any], None]
Callee = Callable[[int, int, Any, Record | None], None]


class Ftrace:
    """The core of one kernel: its ops, its records, and what its trampolines call.

    `records` are the sites, `deliver(ops, ip, parent_ip, op, record)` hands a call to the ops' Python function.
    A call that is refused with anything but a failure to patch leaves everything as it was.
    """

    def __init__(self, release: Release, platform: Platform, records: Iterable[DynFtrace], deliver: Deliver) -> None:
        self.release, self.platform = release, platform
        self._deliver = deliver
        self.records = {rec.ip: rec for rec in records}
        self.current = Task()
        self.ops: list[FtraceOps] = []
        """ftrace_ops_list, newest first."""
        self.global_list: list[FtraceOps] = []
        self.control_list: list[FtraceOps] = []
        """3.x: ftrace_global_list and ftrace_control_list; global_ops and control_ops stand for them in `ops`."""
        self.list_end = KernelOps("ftrace_list_end", choice.STUB)
        safe = {"RECURSION_SAFE"} & release.flags.keys()
        self.global_ops = KernelOps("global_ops", choice.STUB, *safe)
        self.control_ops = KernelOps("control_ops", "ftrace_ops_control_func", *safe)
        self.nop_ops, self.list_ops = (
            KernelOps("ftrace_nop_ops", choice.STUB),
            KernelOps("ftrace_list_ops", choice.LIST_FUNC),
        )
        self.callees: dict[int, FtraceOps | Callee] = {}
        """What is at the addresses of functions with a callback's arguments; an ops stands for its own function."""
        self.delivering: list[FtraceOps] = []
        """The ops whose Python function is being run, innermost last."""
        self.pids: frozenset[int] = frozenset()
        """set_ftrace_pid: whom PID ops (6.x) and GLOBAL ops (3.x) are restricted to; nobody: not at all."""
        self.enabled = True
        """ftrace_enabled."""
        self.disabled = False
        """ftrace_disabled: ftrace is dead."""
        self.bug: Exception | None = None
        """What ftrace_bug() or FTRACE_WARN_ON() reported before it killed ftrace."""
        self.function_trace_stop = 0
        """Set by ftrace_stop(), and counted up while code is patched."""
        self.start_up = self.global_users = 0
        """ftrace_start_up and global_start_up: how many are registered, and how many of them are GLOBAL."""
        self.removed_ops: FtraceOps | None = None
        self.direct_functions: dict[int, int] = {}
        """{address of a site: the direct trampoline there}."""
        self._boot()

    def _boot(self) -> None:
        stub = self.platform.address(choice.STUB)
        self.trace_function = self.saved_func = stub
        """ftrace_trace_function, and what it was when code was last patched for it (saved_ftrace_func)."""
        self.label_function = stub
        """What the labels call (save_func in update_ftrace_func())."""
        self.helped_function = self.pid_function = stub
        """3.x: what ftrace_test_stop_func() and ftrace_pid_func() should call on."""
        self.trace_op: FtraceOps = self.list_end
        self.next_trace_op: FtraceOps = self.list_end
        """function_trace_op, and set_function_trace_op, which is not in force yet."""
        for name in (choice.STUB, *self.release.functions):
            self.callees[self.platform.address(name)] = partial(FUNCTIONS[name], self)
        self.direct, self.graph = Direct(self), Graph(self)
        shared = (self.control_ops,) if self.has_shared_lists else ()
        of_sites = (self.nop_ops, self.list_ops) if self.call_ops else ()
        for ops in (self.list_end, self.global_ops, *shared, *of_sites):
            self.ops_init(ops)
            self.settle(ops)
        choice.update_ftrace_function(self)
        choice.set_trace_function(self, self.trace_function)
        choice.set_trace_op(self)
        self.tell_helper(self.helped_function)
        if self.dynamic:
            self.platform.update_trace_func(self.label_function)
        self.platform.publish(self.list_end, self.list_end)
        for ops in of_sites:
            self.platform.publish(ops, ops)
        for rec in self.records.values() if self.call_ops else ():
            self.platform.set_site_ops(rec.ip, self.nop_ops.address)

    # -- what the configuration can do --------------------------------------------------------------------------------

    @cached_property
    def dynamic(self) -> bool:
        """CONFIG_DYNAMIC_FTRACE."""
        return Ability.DYNAMIC_FTRACE in self.platform.abilities

    @cached_property
    def with_regs(self) -> bool:
        """CONFIG_DYNAMIC_FTRACE_WITH_REGS."""
        return Ability.DYNAMIC_FTRACE_WITH_REGS in self.platform.abilities

    @cached_property
    def call_ops(self) -> bool:
        """CONFIG_DYNAMIC_FTRACE_WITH_CALL_OPS."""
        return Ability.DYNAMIC_FTRACE_WITH_CALL_OPS in self.platform.abilities

    @cached_property
    def force_list(self) -> bool:
        """FTRACE_FORCE_LIST_FUNC."""
        return self.release.list_unless not in self.platform.abilities

    @cached_property
    def needs_helper(self) -> bool:
        """Neither the trampoline nor the list function tests function_trace_stop (3.6 without MCOUNT_TEST)."""
        if not self.release.has_trace_stop or self.release.list_func_tests_stop:
            return False
        return Ability.FUNCTION_TRACE_MCOUNT_TEST not in self.platform.abilities

    @cached_property
    def has_shared_lists(self) -> bool:
        """GLOBAL and CONTROL ops have lists of their own (3.x)."""
        return "GLOBAL" in self.release.flags

    # -- registration -------------------------------------------------------------------------------------------------

    def register(self, ops: FtraceOps) -> None:
        """register_ftrace_function(). Raises FtraceError with the kernel's code, UsageError for unfit flags."""
        registration.register(self, ops)

    def unregister(self, ops: FtraceOps) -> None:
        """unregister_ftrace_function(). Raises FtraceError with the kernel's code."""
        registration.unregister(self, ops)

    def destroy_filter_files(self, ops: FtraceOps) -> None:
        """ftrace_destroy_filter_files(): the ops goes for good; registering it is refused from now on (DELETED).

        Raises FtraceError, and UsageError where the release has no such flag.
        """
        if "DELETED" not in self.release.flags:
            raise UsageError(f"release {self.release.name} has no FTRACE_OPS_FL_DELETED")
        if ops.has("ENABLED"):
            registration.shutdown(self, "ftrace_destroy_filter_files", ops)
        ops.enter(self)
        ops.kernel_flags.add("DELETED")

    def ops_init(self, ops: FtraceOps) -> None:
        """ftrace_ops_init(): the first use in this kernel. Raises UsageError while another one has it registered."""
        expect("ftrace_ops_init()", ops, FtraceOps, "an FtraceOps")
        ops.enter(self)
        ops.kernel_flags |= {"INITIALIZED"} & self.release.flags.keys()

    def settle(self, ops: FtraceOps) -> None:
        """Give an ops a place in memory, and its function an address where calls of it are recognised."""
        self.platform.settle(ops)
        if not isinstance(ops, KernelOps) and ops.own_func:
            self.callees[ops.own_func] = ops

    def update_trampoline(self, ops: FtraceOps) -> None:
        """ftrace_update_trampoline(): a private copy, unless the ops has been given somebody else's trampoline."""
        if Ability.TRAMPOLINE_PER_OPS not in self.platform.abilities:
            return
        if not ops.trampoline or ops.has("ALLOC_TRAMP"):
            self.platform.update_trampoline(ops, self.calls_func(ops))

    def calls_func(self, ops: FtraceOps) -> int:
        """ftrace_ops_get_func(): what is called where an ops is called without the list."""
        return choice.ops_get_func(self, ops)

    def site_ops(self, rec: DynFtrace) -> FtraceOps:
        """With CALL_OPS, what a site's own pointer has to lead to: the one ops that it calls, or who stands for it.

        arch/arm64/kernel/ftrace.c arm64_rec_get_ops().
        """
        bits = self.release.bits
        if not rec.flags & bits.ENABLED:
            return self.nop_ops
        unique = tramp_ops_new(self, rec) if rec.flags & bits.CALL_OPS_EN else None
        return unique or self.list_ops

    @property
    def counted(self) -> list[FtraceOps]:
        """The ops that count on records: global_ops for all GLOBAL ones, each of the others."""
        every = dict.fromkeys((*self.ops, *self.control_list, self.global_ops))
        return [ops for ops in every if ops.has("ENABLED")]

    def is_first(self, ops: FtraceOps) -> bool:
        """Whether its records have to be counted: of the GLOBAL ones only for the first."""
        return not ops.has("GLOBAL") or self.global_users == 1

    def publish(self, *gone: FtraceOps) -> None:
        """Write the structs as the lists now link them, and those that have gone."""
        for list_ in (self.ops, self.global_list, self.control_list):
            for ops, following in pairwise([*list_, self.list_end]):
                self.platform.publish(ops, following)
        for ops in gone:
            self.platform.publish(ops, self.list_end)

    # -- calls --------------------------------------------------------------------------------------------------------

    def call(self, func: int, ip: int, parent_ip: int, op: Any, record: Record | None) -> None:
        """Call what is at an address, with a callback's arguments. Raises Fault where no such function is."""
        callee = self.callees.get(func)
        if callee is None:
            raise Fault(f"a call of {func:#x}, where no function is")
        if isinstance(callee, FtraceOps):
            self.deliver(callee, ip, parent_ip, op, record)
        else:
            callee(ip, parent_ip, op, record)

    def take_calls(self, deliver: Deliver) -> Deliver:
        """Hand calls of Python functions to somebody else from now on; to whom they went so far."""
        before, self._deliver = self._deliver, deliver
        return before

    def deliver(self, ops: FtraceOps, ip: int, parent_ip: int, op: Any, record: Record | None) -> None:
        """Hand a call to the Python function of an ops."""
        self.delivering.append(ops)
        try:
            self._deliver(ops, ip, parent_ip, op, record)
        finally:
            self.delivering.pop()

    # -- filters ------------------------------------------------------------------------------------------------------

    def set_filter(self, ops: FtraceOps, glob: str | None, *, reset: bool = False) -> None:
        """ftrace_set_filter(). Raises FtraceError with the kernel's code."""
        self.ops_init(ops)
        filters.set_regex(self, "ftrace_set_filter", ops, filters.Which.FILTER, glob, reset=reset)

    def set_notrace(self, ops: FtraceOps, glob: str | None, *, reset: bool = False) -> None:
        """ftrace_set_notrace(). Raises FtraceError with the kernel's code."""
        self.ops_init(ops)
        filters.set_regex(self, "ftrace_set_notrace", ops, filters.Which.NOTRACE, glob, reset=reset)

    def set_filter_ip(self, ops: FtraceOps, ip: int, *, remove: bool = False, reset: bool = False) -> None:
        """ftrace_set_filter_ip(). Raises FtraceError with the kernel's code, UsageError where the release lacks it."""
        self.ops_init(ops)
        filters.set_address(self, ops, ip, remove=remove, reset=reset)

    def set_global_filter(self, glob: str | None, *, reset: bool = False) -> None:
        """ftrace_set_global_filter(): of the GLOBAL ops and the graph tracer of 3.x, of the graph tracer of 6.1."""
        filters.set_regex(self, "ftrace_set_global_filter", self.global_ops, filters.Which.FILTER, glob, reset=reset)

    def set_global_notrace(self, glob: str | None, *, reset: bool = False) -> None:
        """ftrace_set_global_notrace()."""
        filters.set_regex(self, "ftrace_set_global_notrace", self.global_ops, filters.Which.NOTRACE, glob, reset=reset)

    # -- switches -----------------------------------------------------------------------------------------------------

    def set_enabled(self, *, enabled: bool) -> None:
        """kernel.ftrace_enabled. Raises FtraceError with the kernel's code."""
        sysctl.set_enabled(self, enabled=enabled)

    def set_pids(self, pids: Iterable[int]) -> None:
        """set_ftrace_pid. Raises FtraceError, UsageError for what is no number."""
        must_live(self, "set_ftrace_pid")
        numbers = tuple(pids)
        for pid in numbers:
            expect("set_ftrace_pid", pid, int, "a pid")
        choice.set_pids(self, frozenset(numbers))
        if self.dynamic:
            startup_enable(self, "set_ftrace_pid", Command.NONE)

    def local_enable(self, ops: FtraceOps, *, enable: bool = True) -> None:
        """ftrace_function_local_enable() and _disable(), which nest.

        Raises UsageError for all but a registered CONTROL ops: only that has a counter for each CPU.
        """
        if ops not in self.control_list:
            raise UsageError(f"ops {ops.name!r}: only a registered CONTROL ops (3.x) is switched on and off for a CPU")
        ops.disabled += -1 if enable else 1

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

    # -- the end ------------------------------------------------------------------------------------------------------

    def ftrace_bug(self, error: TextError) -> None:
        """Code was not what it should be, or could not be written: report it, and end everything."""
        self.bug = error
        self.kill()

    def ftrace_warn(self, what: str) -> None:
        """FTRACE_WARN_ON(): the accounting is wrong; end everything."""
        self.bug = Fault(f"FTRACE_WARN_ON: {what}")
        self.kill()

    def kill(self) -> None:
        """ftrace_kill(): every later request is refused. Code that was patched stays patched.

        3.x: what calls on through a variable (ftrace_test_stop_func(), ftrace_pid_func()) calls the stub from then on.
        """
        stub = self.platform.address(choice.STUB)
        self.disabled, self.enabled = True, False
        self.helped_function = self.pid_function = stub
        choice.set_trace_function(self, stub)
        self.tell_helper(stub)

    def tell_helper(self, func: int) -> None:
        """__ftrace_trace_function = func: what 3.6's ftrace_test_stop_func() calls from now on."""
        self.helper_calls = func
        self.platform.set_variable("__ftrace_trace_function", func)
