# SPDX-License-Identifier: GPL-2.0-only
"""Who the tests send: an ops that counts, the function tracer, a user of the graph tracer, a direct trampoline's user.

The fake kernel has few functions; vfs_read and vfs_write stand for those that the kernel's tests name and it lacks.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Self

from emulator.core.fgraph_ops import FgraphOps, GraphEnt, GraphRet
from emulator.core.ops import FtraceOps
from emulator.lab import Lab
from emulator.recording import Recording

F1, F2 = "trace_selftest_dynamic_test_func", "trace_selftest_dynamic_test_func2"
"""DYN_FTRACE_TEST_NAME and DYN_FTRACE_TEST_NAME2."""
WAKE_UP_PROCESS, HANDLE_MM_FAULT = "vfs_read", "vfs_write"
"""What is traced here in the place of these."""


def call(lab: Lab, function: str, *arguments: int) -> Recording:
    """One call, without a trace of it. Raises RunError."""
    return lab.call(function, *arguments, trace=False)


def call_all(lab: Lab, *but: str) -> None:
    """Call every traced function: what a kernel does while a test sleeps."""
    for function in lab.functions:
        if function not in but:
            call(lab, function)


def symbol(lab: Lab, ip: int) -> str:
    """The traced function whose record that is, else the place."""
    rec = lab.core.records.get(ip)
    return rec.symbol if rec else lab.symbol(ip)


def safe(lab: Lab) -> frozenset[str]:
    """RECURSION_SAFE where there is such a flag (3.7): else a single ops goes through the list function."""
    return frozenset({"RECURSION_SAFE"} & lab.release.flags.keys())


def has_global(lab: Lab) -> bool:
    """3.x: GLOBAL ops share one filter, and the function tracer's is one of them."""
    return "GLOBAL" in lab.release.flags


class Probe:
    """An ops that notes where it is called, and with what."""

    def __init__(self, lab: Lab, name: str, flags: Iterable[str] = (), *, home: str = "core") -> None:
        self.lab = lab
        self.ops = FtraceOps(name, self._hit, flags=safe(lab) | set(flags), home=home)
        self.seen: list[str] = []
        """The functions, in the order of the calls."""
        self.op: Any = None
        """The op argument of the last call."""
        self.regs = False
        """Whether the last call had regs."""

    def _hit(self, ip: int, _parent_ip: int, op: object, regs: object) -> None:
        self.seen.append(symbol(self.lab, ip))
        self.op, self.regs = op, regs is not None

    @property
    def count(self) -> int:
        """How often it was called."""
        return len(self.seen)

    def on(self, *globs: str) -> Self:
        """Set the filter anew. Raises FtraceError."""
        for number, glob in enumerate(globs):
            self.lab.set_filter(self.ops, glob, reset=not number)
        return self

    def start(self) -> Self:
        """Register it. Raises FtraceError."""
        self.lab.register(self.ops)
        return self

    def stop(self) -> None:
        """Unregister it. Raises FtraceError."""
        self.lab.unregister(self.ops)


class Tracer(Probe):
    """The function tracer: a GLOBAL ops in 3.x, later an ops with a filter of its own; set_ftrace_filter and _pid."""

    def __init__(self, lab: Lab, name: str = "function") -> None:
        super().__init__(lab, name, {"GLOBAL"} if has_global(lab) else {"PID"})

    def filter(self, glob: str | None, *, reset: bool = True) -> None:
        """Write to set_ftrace_filter: with > or, without reset, with >>. Raises FtraceError."""
        if has_global(self.lab):
            self.lab.set_global_filter(glob, reset=reset)
        else:
            self.lab.set_filter(self.ops, glob, reset=reset)

    @property
    def filtered(self) -> set[str]:
        """What set_ftrace_filter lists; nothing: all functions are enabled."""
        ops = self.lab.core.global_ops if has_global(self.lab) else self.ops
        return {symbol(self.lab, ip) for ip in ops.filter_hash}


class GraphProbe:
    """A user of the graph tracer that notes entries and returns."""

    def __init__(self, lab: Lab, name: str = "function_graph", flags: tuple[str, ...] = ()) -> None:
        self.lab = lab
        self.gops = FgraphOps(name, self._entry, self._return, flags=flags)
        self.seen: list[str] = []
        self.returns: list[GraphRet] = []

    def _entry(self, trace: GraphEnt, _gops: FgraphOps) -> bool:
        self.seen.append(symbol(self.lab, trace.func))
        return True

    def _return(self, trace: GraphRet, _gops: FgraphOps) -> None:
        self.returns.append(trace)

    def filter(self, glob: str | None) -> None:
        """Set its filter anew: before it had one, that of all the tracers. Raises FtraceError."""
        if self.lab.release.graph_users > 1:
            self.lab.set_filter(self.gops.ops, glob, reset=True)
        else:
            self.lab.set_global_filter(glob, reset=True)

    def start(self) -> Self:
        """Register it. Raises FtraceError."""
        self.lab.register_graph(self.gops)
        return self

    def stop(self) -> None:
        """Unregister it. Raises FtraceError."""
        self.lab.unregister_graph(self.gops)


class DirectUser:
    """A module with a direct trampoline: its name, and the C function that it calls, which notes its arguments.

    With one function a release that registers direct calls by address is asked that way.
    """

    def __init__(self, lab: Lab, tramp: str, func: str, *functions: str) -> None:
        self.lab, self.functions = lab, functions
        self.tramp = lab.address(tramp)
        self.ops = FtraceOps(f"direct_{functions[0]}")
        self.seen: list[tuple[int, ...]] = []
        lab.implement(func, self._called)

    def _called(self, *arguments: int) -> None:
        self.seen.append(arguments)

    @property
    def _by_address(self) -> bool:
        return self.lab.release.direct_by_address and len(self.functions) == 1

    @property
    def _ip(self) -> int:
        return self.lab.address(self.functions[0])

    def start(self) -> None:
        """register_ftrace_direct(). Raises FtraceError."""
        if self._by_address:
            self.lab.register_direct(self._ip, self.tramp)
            return
        for function in self.functions:
            self.lab.set_filter_ip(self.ops, self.lab.address(function))
        self.lab.register_direct(self.ops, self.tramp)

    def modify(self, tramp: str) -> None:
        """modify_ftrace_direct(). Raises FtraceError."""
        old, self.tramp = self.tramp, self.lab.address(tramp)
        if self._by_address:
            self.lab.modify_direct(self._ip, old, self.tramp)
        else:
            self.lab.modify_direct(self.ops, self.tramp)

    def stop(self) -> None:
        """unregister_ftrace_direct(). Raises FtraceError."""
        if self._by_address:
            self.lab.unregister_direct(self._ip, self.tramp)
        else:
            self.lab.unregister_direct(self.ops, self.tramp, free_filters=True)
