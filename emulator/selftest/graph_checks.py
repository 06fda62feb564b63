# SPDX-License-Identifier: GPL-2.0-only
"""What no test of the kernel's asks of its graph tracer: the depth, tail calls, frame pointers, and redirections."""

from __future__ import annotations

import errno

from emulator.core.fgraph_ops import FgraphOps, GraphEnt, GraphRet
from emulator.core.shadow import RetStack
from emulator.description import Ability
from emulator.errors import TrapReached
from emulator.lab import Lab
from emulator.selftest.case import Case, Failed, Kernel, expect, same
from emulator.selftest.checks import SOURCE
from emulator.selftest.graph import function_graph_fails
from emulator.selftest.probes import F1, GraphProbe, call, symbol
from emulator.selftest.register_checks import redirect

LIMIT = 200_000
"""Instructions for the deepest recursion."""
RECURSIVE = "device_is_dependent"


def frames(lab: Lab) -> int:
    """How many functions within one another have their returns hooked.

    Up to 6.1 an array of 50. At 6.12 a page of longs less 16 for variables: push refuses an entry, of ret, func,
    calltime, fp (where it is tested), retp and a word of bits, that would end within an entry's length of those.
    """
    if lab.release.graph_users == 1:
        return 50
    word = lab.arch.word
    pointers = 4 if Ability.FUNCTION_GRAPH_FP_TEST in lab.variant.abilities else 3
    entry = (pointers * word + 8 + 7) // 8 * 8 // word + 1
    last = 4096 // word - 16 - entry
    return next(count for count in range(last) if (count + 1) * entry >= last)


def graph_depth(lab: Lab) -> None:
    """As many returns as there is room for are hooked; one more is counted as lost, and the function returns."""
    most = frames(lab)
    for calls, lost in ((most, 0), (most + 1, 1)):
        probe = GraphProbe(lab).start()
        recording = lab.call(RECURSIVE, calls - 1, trace=False, limit=LIMIT)
        probe.stop()
        same(f"{calls} deep: returns seen", len(probe.returns), most)
        same(f"{calls} deep: trace_overrun", probe.returns[0].overrun, lost)
        same(f"{calls} deep: {RECURSIVE}() returned", recording.result, calls - 1)


def graph_tail_call(lab: Lab) -> None:
    """Of two functions that return as one, each is seen; the second would have returned to return_to_handler."""
    returned: list[str] = []

    def retfunc(trace: GraphRet, _gops: FgraphOps) -> None:
        returned.append(symbol(lab, trace.func))
        if returned == ["vfs_read"]:
            _expect_shared_return(lab, lab.core.graph.stack.entries)

    lab.register_graph(FgraphOps("tail", lambda *_: True, retfunc))
    call(lab, "vfs_readv")
    same("returns", returned[:2], ["vfs_read", "vfs_readv"])


def _expect_shared_return(lab: Lab, entries: list[RetStack]) -> None:
    """An unwinder that finds return_to_handler in the word that both share goes to the caller of both."""
    expect(len(entries) > 1, f"{len(entries)} functions wait for their return, not both")
    *_, older, newer = entries
    same("vfs_read would have returned to", lab.symbol(newer.ret), "return_to_handler")
    expect(older.ret != newer.ret, "vfs_readv would have returned to return_to_handler too")
    if not lab.release.graph_asks_first:
        found = lab.core.graph.returns.ftrace_graph_ret_addr(newer.ret, newer.retp or 0)
        same("ftrace_graph_ret_addr()", lab.symbol(found), lab.symbol(older.ret))


def frame_pointer_test(lab: Lab) -> None:
    """A frame pointer that has changed between entry and return ends in panic(), and only such a one."""
    plain = call(lab, "kernel_read").result
    probe = GraphProbe(lab).start()
    same("traced, kernel_read() returned", hex(call(lab, "kernel_read").result), hex(plain))
    probe.stop()

    def entryfunc(trace: GraphEnt, _gops: FgraphOps) -> bool:
        if symbol(lab, trace.func) == "vfs_read":
            _shift_frame(lab, "kernel_read")
        return True

    lab.register_graph(FgraphOps("fp", entryfunc))
    try:
        call(lab, "kernel_read")
    except TrapReached as trap:
        expect(str(trap).startswith("panic "), str(trap))
        return
    raise Failed("another frame pointer at the return than at entry, and the function does not resume at panic()")


def _shift_frame(lab: Lab, function: str) -> None:
    for entry in lab.core.graph.stack.entries:
        if symbol(lab, entry.func) == function:
            entry.fp += lab.arch.word


def graph_ipmodify(lab: Lab) -> None:
    """A function that is redirected is seen once, and its return too, in whichever order the two came.

    A graph tracer that is an ops is told of it by its own name. One that the trampoline calls behind all callbacks is
    told where the function goes on, which is in another one.
    """
    name = F1 if lab.patcher.graph_is_ops else "proc_reg_write"
    for graph_first in (True, False):
        probe, when = GraphProbe(lab), "graph first" if graph_first else "graph last"
        if graph_first:
            probe.start()
        ops, _ = redirect(lab, F1, "proc_reg_write")
        if not graph_first:
            probe.start()
        result = call(lab, F1).result
        same(f"{when}: entries", probe.seen, [name])
        same(f"{when}: returns", [symbol(lab, trace.func) for trace in probe.returns], [name])
        same(f"{when}: the function returned", hex(result), hex((1 << 8 * lab.arch.word) - errno.EIO))
        lab.unregister(ops)
        probe.stop()


def no_graph(kernel: Kernel) -> str | None:
    """Where function_graph itself fails."""
    known = function_graph_fails(kernel)
    return f"the graph tracer does not work: {known.reason}" if known else None


GRAPH = Ability.FUNCTION_GRAPH_TRACER
REGS = Ability.DYNAMIC_FTRACE | Ability.DYNAMIC_FTRACE_WITH_REGS

CASES = (
    Case(
        name="graph-depth",
        title="the deepest recursion, and one more",
        source=SOURCE,
        run=graph_depth,
        needs=GRAPH,
        lacks=no_graph,
    ),
    Case(
        name="graph-tail-call",
        title="two functions with one return",
        source=SOURCE,
        run=graph_tail_call,
        needs=GRAPH,
        lacks=no_graph,
    ),
    Case(
        name="frame-pointer-test",
        title="another frame pointer at the return",
        source=SOURCE,
        run=frame_pointer_test,
        needs=GRAPH | Ability.FUNCTION_GRAPH_FP_TEST,
        lacks=no_graph,
    ),
    Case(
        name="graph-ipmodify",
        title="graph trace of a redirected function",
        source=SOURCE,
        run=graph_ipmodify,
        needs=GRAPH | REGS,
    ),
)
