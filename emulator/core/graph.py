# SPDX-License-Identifier: GPL-2.0-only
"""The function graph tracer: its users, and how its ops comes and goes (register_ftrace_graph()).

What happens at a function's entry and at its return is in returns.py.
"""

from __future__ import annotations

import errno
from collections import deque
from typing import TYPE_CHECKING

from emulator.core import filters, registration
from emulator.core.fgraph_ops import FgraphOps
from emulator.core.given import expect
from emulator.core.hashes import append_hashes, intersect_hashes
from emulator.core.ops import FtraceOps, KernelOps, check_filters, check_flags
from emulator.core.patching import Command
from emulator.core.refusals import must_live
from emulator.core.returns import Returns
from emulator.core.shadow import ShadowStack
from emulator.description import Ability
from emulator.errors import EmulatorError, FtraceError, UsageError

if TYPE_CHECKING:
    from emulator.core.ftrace import Ftrace

GRAPH_FUNC = "ftrace_graph_func"
ENTRY_STUB, RETURN_STUB = "ftrace_graph_entry_stub", "ftrace_stub_graph"


class Graph:
    """The users of the graph tracer, the ops that stands for them all, and the shadow stack of the task."""

    def __init__(self, core: Ftrace) -> None:
        self._core = core
        abilities = core.platform.abilities
        self.has_func = core.platform.graph_is_ops
        """The architecture has ftrace_graph_func(); else its trampolines call prepare_ftrace_return()."""
        func, stub = (GRAPH_FUNC, ()) if self.has_func else ("ftrace_stub", ("STUB",))
        known = core.release.flags.keys()
        pid = ("PID",) if core.release.graph_users == 1 else ()
        self.graph_ops = KernelOps("graph_ops", func, *({*pid, *stub} & known))
        self.users: dict[int, FgraphOps] = {}
        """fgraph_array, by index."""
        self._free = deque(range(core.release.graph_users))
        """fgraph_lru_table: the index that has been free longest is given out first."""
        self.tests_hash = False
        """6.1: ftrace_graph_entry is ftrace_graph_entry_test()."""
        self._can_direct = core.release.graph_users > 1 and self.has_func and Ability.STATIC_CALL in abilities
        self.do_direct = self._can_direct
        """fgraph_do_direct, 6.12: the single user is called without a test of its hash.

        Only where the graph tracer is an ops of its own, and not after a second one was refused.
        """
        self.dead = False
        """kill_ftrace_graph."""
        self.stack = ShadowStack(core.release, abilities, core.platform.word)
        self.returns = Returns(core, self)

    def stop(self) -> None:
        """ftrace_graph_stop(): for good since 6.1 at the latest; on 3.x it is ftrace_stop()."""
        if self._core.release.has_trace_stop:
            self._core.stop()
        else:
            self.dead = True

    @property
    def active(self) -> int:
        """ftrace_graph_active."""
        return len(self.users)

    def update_function_graph_func(self) -> None:
        """6.1: where anybody else traces too, the function at hand may not be one of the graph tracer's."""
        core = self._core
        if core.release.graph_tests_hash and core.release.graph_users == 1:
            self.tests_hash = any(ops not in (core.global_ops, self.graph_ops) for ops in core.ops)

    def update_pid_func(self) -> None:
        """fgraph_update_pid_func()."""
        for gops in self.users.values():
            gops.filters_pids = filters_pids(self._core, gops)

    # -- users --------------------------------------------------------------------------------------------------------

    def register(self, gops: FgraphOps) -> None:
        """register_ftrace_graph(). Raises FtraceError with the kernel's code."""
        call, core = "register_ftrace_graph", self._core
        if Ability.FUNCTION_GRAPH_TRACER not in core.platform.abilities:
            raise FtraceError(errno.EPERM, call, "this kernel has no FUNCTION_GRAPH_TRACER (a bare -1)")
        self._fits(call, gops)
        self._may_register(call, gops)
        gops.ops.enter(core)
        gops.idx, gops.stack, gops.task_var = self._free.popleft(), self.stack, 0
        gops.filters_pids = filters_pids(core, gops)
        self.users[gops.idx] = gops
        if self.active == 1:
            self._point_variables(gops)
        else:
            self.do_direct = False
        try:
            self._start(call, gops)
        except FtraceError:
            if core.release.graph_users > 1:  # before, it stays, and whoever comes next is one too many
                self._leave(gops)
            raise
        except EmulatorError:
            self._leave(gops)
            raise

    def _fits(self, call: str, gops: FgraphOps) -> None:
        """Raises UsageError for flags that do not exist here, and for one that belongs to another kernel."""
        expect(call, gops, FgraphOps, "an FgraphOps")
        if gops.stack is not None and gops.stack is not self.stack:
            raise UsageError(f"graph ops {gops.name!r} is registered in another kernel; unregister it there first")
        check_flags(gops.ops, self._core.release)
        check_filters(gops.ops, self._core)

    def _may_register(self, call: str, gops: FgraphOps) -> None:
        if not self._free:
            one = self._core.release.graph_users == 1
            code, rule = (errno.EBUSY, "one") if one else (errno.ENOSPC, str(self._core.release.graph_users))
            raise FtraceError(code, call, f"the graph tracer has {rule} user{'' if one else 's'} at most")
        if self._core.release.graph_users > 1 or self._core.has_shared_lists:
            must_live(self._core, call)
        if gops in self.users.values():
            self._free.rotate(-1)  # an index was taken for it, and given back
            self.do_direct = False
            raise FtraceError(errno.EBUSY, call, f"{gops.name} is already registered")

    def _leave(self, gops: FgraphOps) -> None:
        """fgraph_lru_release_index()."""
        del self.users[gops.idx]
        self._free.append(gops.idx)
        gops.idx, gops.stack = -1, None
        if not self.active:
            self._point_variables(None)

    def _point_variables(self, gops: FgraphOps | None) -> None:
        """ftrace_graph_return and ftrace_graph_entry, which static mcount compares with their stubs."""
        platform = self._core.platform
        entry, back = ("entry_run", "return_run") if self._core.release.graph_users > 1 else ("entryfunc", "retfunc")
        platform.set_variable("ftrace_graph_return", platform.function(back if gops else RETURN_STUB))
        platform.set_variable("ftrace_graph_entry", platform.function(entry if gops else ENTRY_STUB))

    def unregister(self, gops: FgraphOps) -> None:
        """unregister_ftrace_graph(), which returns nothing: what is not registered is left alone.

        Up to 6.1 the kernel would not look whose it is. Raises FtraceError where the code cannot be patched.
        """
        expect("unregister_ftrace_graph", gops, FgraphOps, "an FgraphOps")
        if self.users.get(gops.idx) is not gops:
            return
        last = self.active == 1
        self._leave(gops)
        if self.active == 1:
            self.do_direct = self._can_direct
        if not self._core.disabled:
            self._stop("unregister_ftrace_graph", gops, last=last)

    # -- the ops ------------------------------------------------------------------------------------------------------

    def _start(self, call: str, gops: FgraphOps) -> None:
        """6.12: ftrace_startup_subops(). 6.1: graph_ops with global_ops' hash. 3.x: global_ops, without a list."""
        core = self._core
        if core.release.graph_users > 1:
            self._start_subops(call, gops.ops)
        elif core.has_shared_lists:
            registration.startup_global(core, call, Command.START_FUNC_RET)
        else:
            core.ops_init(self.graph_ops)
            self._settle()
            self.graph_ops.func_hash = core.global_ops.local_hash
            self.tests_hash = True
            self.update_function_graph_func()
            registration.startup(core, call, self.graph_ops, Command.START_FUNC_RET)

    def _start_subops(self, call: str, subops: FtraceOps) -> None:
        """ftrace_startup_subops(): the manager wants what any of its ops wants. Raises FtraceError."""
        core, manager = self._core, self.graph_ops
        if not core.dynamic:
            raise FtraceError(errno.EINVAL, call, "without DYNAMIC_FTRACE there are no subops")
        core.ops_init(manager)
        if not manager.has("ENABLED"):
            self._settle()
        core.ops_init(subops)
        if subops.has("ENABLED"):
            raise FtraceError(errno.EBUSY, call, f"{subops.name} is registered by itself (ENABLED)")
        first = not manager.subop_list
        manager.subop_list.insert(0, subops)
        try:
            if first:
                self._take_hashes(subops)
                registration.startup(core, call, manager, Command.START_FUNC_RET)
            else:
                filter_hash = append_hashes((manager.filter_hash, subops.filter_hash))
                notrace_hash = intersect_hashes((manager.notrace_hash, subops.notrace_hash))
                self._update_hashes(call, filter_hash, notrace_hash)
        except FtraceError:
            manager.subop_list.remove(subops)
            raise
        subops.kernel_flags |= {"ENABLED", "SUBOP"}
        subops.managed = manager

    def _settle(self) -> None:
        """The ops that stands for all users, with the trampoline of its own that some architectures have for it."""
        self._core.settle(self.graph_ops)
        self.graph_ops.trampoline = self._core.platform.graph_trampoline

    def _take_hashes(self, subops: FtraceOps) -> None:
        """The manager's hashes without a look at the records."""
        for which in filters.Which:
            hash_ = which.of(self.graph_ops.func_hash)
            hash_.clear()
            hash_.update(which.of(subops.func_hash))

    def _update_hashes(self, call: str, filter_hash: set[int], notrace_hash: set[int]) -> None:
        """ftrace_update_ops(): only what differs is moved. Raises FtraceError."""
        for which, new in ((filters.Which.FILTER, filter_hash), (filters.Which.NOTRACE, notrace_hash)):
            if new != which.of(self.graph_ops.func_hash):
                filters.move_and_update(self._core, call, self.graph_ops, which, new)

    def _stop(self, call: str, gops: FgraphOps, *, last: bool) -> None:
        core = self._core
        if core.release.graph_users > 1:
            self._stop_subops(call, gops.ops, last=last)
        elif core.has_shared_lists:
            registration.shutdown_global(core, call, Command.STOP_FUNC_RET)
        else:
            registration.shutdown(core, call, self.graph_ops, Command.STOP_FUNC_RET)

    def _stop_subops(self, call: str, subops: FtraceOps, *, last: bool) -> None:
        """ftrace_shutdown_subops(). Raises FtraceError."""
        manager = self.graph_ops
        manager.subop_list.remove(subops)
        subops.kernel_flags -= {"ENABLED", "SUBOP"}
        subops.managed = None
        if last:
            registration.shutdown(self._core, call, manager, Command.STOP_FUNC_RET)
            manager.filter_hash.clear()
            manager.notrace_hash.clear()
        else:
            rebuilt = (filters.managed_hash(manager, which) for which in filters.Which)
            self._update_hashes(call, *rebuilt)


def filters_pids(core: Ftrace, gops: FgraphOps) -> bool:
    """Whether fgraph_pid_func() is to stand before its entryfunc (6.12)."""
    return core.release.graph_users > 1 and bool(core.pids) and gops.ops.has("PID")
