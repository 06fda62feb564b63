# SPDX-License-Identifier: GPL-2.0-only
"""trace_selftest_startup_function_graph(): the tests that a kernel runs on its graph tracer when it boots.

Source: kernel/trace/trace_selftest.c; what its printk() says where it fails is said here too.
"""

from __future__ import annotations

import errno
from collections.abc import Sequence
from functools import partial

from emulator.core.fgraph_ops import FgraphOps, GraphEnt, GraphRet
from emulator.core.ops import FtraceOps
from emulator.description import Ability
from emulator.errors import FtraceError
from emulator.lab import Lab
from emulator.selftest.case import Case, Expected, Failed, Kernel, expect
from emulator.selftest.probes import F1, GraphProbe, call, call_all

SOURCE = "kernel/trace/trace_selftest.c: function_graph"
STUB_TRAMP = "ftrace_stub_direct_tramp"


def function_graph(lab: Lab) -> None:
    """The tracer is on for a while, and finds an end; something must be in the buffer."""
    probe = GraphProbe(lab)
    _init(probe)
    call_all(lab)
    probe.stop()
    expect(probe.seen, "no entries found")


def _init(probe: GraphProbe) -> None:
    try:
        probe.start()
    except FtraceError as refusal:
        raise Failed(f"Failed to init function_graph tracer, init returned -{refusal.errno}") from refusal


def function_graph_fails(kernel: Kernel) -> Expected | None:
    """Static mcount of 6.x. Since 6.12 users of the graph tracer are subops; before, its ops is like any other."""
    graph = kernel.variant.graph
    if kernel.release.graph_asks_first or Ability.DYNAMIC_FTRACE in kernel.abilities or (graph and graph.beside):
        return None
    if kernel.release.graph_users > 1:
        reason = "ftrace_startup_subops() without DYNAMIC_FTRACE only returns -EINVAL (kernel/trace/ftrace_internal.h)"
        return Expected(f"Failed to init function_graph tracer, init returned -{errno.EINVAL}", reason)
    reason = "graph_ops makes mcount call the list function, which it does instead of ftrace_graph_caller"
    return Expected("no entries found", reason)


def graph_direct(lab: Lab) -> None:
    """The graph tracer sees a function that has a direct trampoline too."""
    lab.set_global_filter(f"*{F1}", reset=True)
    ip, direct = lab.address(F1), FtraceOps("direct")
    probe = GraphProbe(lab)
    if lab.release.direct_by_address:
        tramp = lab.add_function("trace_direct_tramp", lambda: None)
        lab.register_direct(ip, tramp)
    else:
        tramp = lab.address(STUB_TRAMP)
        lab.set_filter_ip(direct, ip)
        lab.register_direct(direct, tramp)
    _init(probe)
    call(lab, F1)
    probe.stop()
    if lab.release.direct_by_address:
        lab.unregister_direct(ip, tramp)
    else:
        lab.unregister_direct(direct, tramp, free_filters=True)
    expect(probe.seen, "no entries found with a direct trampoline")


# -- storage -----------------------------------------------------------------------------------------------------------

NUMBERS = {1: 123, 2: 12345, 4: 1234567890, 8: 1234567890123456789}
NAMES = {1: "byte", 2: "short", 4: "word", 8: "long long"}


class _Fixture:
    """A user of the graph tracer that stores a number at entry and looks for it at the return."""

    def __init__(self, lab: Lab, size: int) -> None:
        self.lab, self.size, self.type = lab, size, NAMES[size]
        self.gops = FgraphOps(f"store_{size}", self._entry, self._return)
        self.error: str | None = f"Failed to execute storage {self.type}"
        lab.set_filter(self.gops.ops, f"*{F1}", reset=True)

    def _entry(self, _trace: GraphEnt, gops: FgraphOps) -> bool:
        data = gops.reserve_data(self.size)
        if data is None:
            self.error = f"Failed to reserve {self.type}"
            return False
        data[: self.size] = NUMBERS[self.size].to_bytes(self.size, self.lab.arch.order)
        return True

    def _return(self, _trace: GraphRet, gops: FgraphOps) -> None:
        self.error = self._fault(gops.retrieve_data())

    def _fault(self, data: bytearray | None) -> str | None:
        if data is None:
            return f"Failed to retrieve {self.type}"
        if self.size > len(data):
            return f"Retrieved size {len(data)} is smaller than expected {self.size}"
        found = int.from_bytes(data[: self.size], self.lab.arch.order, signed=True)
        expected = NUMBERS[self.size]
        return None if found == expected else f"{self.type} returned not {expected} but {found}"


def storage(lab: Lab, sizes: Sequence[int]) -> None:
    """What entry functions store for the return, each in its own place, comes back."""
    fixtures = [_Fixture(lab, size) for size in sizes]
    for fixture in fixtures:
        lab.register_graph(fixture.gops)
    call(lab, F1)
    for fixture in reversed(fixtures):
        lab.unregister_graph(fixture.gops)
    for fixture in fixtures:
        expect(fixture.error is None, str(fixture.error))


def no_storage(kernel: Kernel) -> str | None:
    """fgraph_reserve_data() came with the second user."""
    return None if kernel.release.graph_users > 1 else f"{kernel.release.name} has no fgraph_reserve_data()"


# -- the cases ---------------------------------------------------------------------------------------------------------

GRAPH = Ability.FUNCTION_GRAPH_TRACER
DYNAMIC_GRAPH = GRAPH | Ability.DYNAMIC_FTRACE

CASES = (
    Case(
        name="function-graph",
        title="tracer function_graph",
        source=SOURCE,
        run=function_graph,
        needs=GRAPH,
        fails=function_graph_fails,
    ),
    Case(
        name="graph-direct",
        title="graph trace beside a direct trampoline",
        source=SOURCE,
        run=graph_direct,
        needs=GRAPH | Ability.DYNAMIC_FTRACE_WITH_DIRECT_CALLS,
    ),
    *(
        Case(
            name=f"storage-{size}",
            title=f"fgraph storage of {size} byte{'s' if size > 1 else ''}",
            source=SOURCE,
            run=partial(storage, sizes=(size,)),
            needs=DYNAMIC_GRAPH,
            lacks=no_storage,
        )
        for size in NUMBERS
    ),
    Case(
        name="storage-multiple",
        title="multiple fgraph storage on a function",
        source=SOURCE,
        run=partial(storage, sizes=tuple(NUMBERS)),
        needs=DYNAMIC_GRAPH,
        lacks=no_storage,
    ),
)
