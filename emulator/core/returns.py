# SPDX-License-Identifier: GPL-2.0-only
"""What the graph tracer does where a function is entered, and where it returns (kernel/trace/fgraph.c).

3.x: kernel/trace/trace_functions_graph.c and the architectures' prepare_ftrace_return().
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from emulator.core.fgraph_ops import FgraphOps, GraphEnt, GraphRet
from emulator.core.functions import ops_test
from emulator.core.shadow import RetStack
from emulator.description import Ability

if TYPE_CHECKING:
    from emulator.core.ftrace import Ftrace
    from emulator.core.graph import Graph

RETURN_TO_HANDLER = "return_to_handler"
PANIC = "panic"


class Taken(NamedTuple):
    """The returns of a task that have been taken, and its depth."""

    entries: tuple[RetStack, ...]
    depth: int


class Returns:
    """The return addresses that are taken, and given back."""

    def __init__(self, core: Ftrace, graph: Graph) -> None:
        self._core, self._graph = core, graph
        self._depth = -1
        """curr_ret_depth."""

    @property
    def hooked(self) -> int:
        """How many functions that are hooked have not returned yet."""
        return len(self._graph.stack.entries)

    @property
    def kept(self) -> int:
        """The return address that was taken last; 0: none."""
        entries = self._graph.stack.entries
        return entries[-1].ret if entries else 0

    @property
    def kept_func(self) -> int:
        """The function whose return was taken last, by the address that was given for its site; 0: none."""
        entries = self._graph.stack.entries
        return entries[-1].func if entries else 0

    def forget(self, hooked: int) -> None:
        """The run that was under way has gone: so have the functions that it would have returned from."""
        del self._graph.stack.entries[hooked:]
        self._depth = min(self._depth, hooked - 1)

    def taken(self) -> Taken:
        """What a task takes with it when it has to wait."""
        return Taken(tuple(self._graph.stack.entries), self._depth)

    def restore(self, taken: Taken) -> None:
        """That task goes on."""
        self._graph.stack.entries[:] = taken.entries
        self._depth = taken.depth

    # -- entry --------------------------------------------------------------------------------------------------------

    def prepare_ftrace_return(self, parent: int, self_addr: int, frame_pointer: int) -> None:
        """Have the function return to return_to_handler, if anybody asks for it; `parent` is where its address is."""
        core = self._core
        if self._graph.dead or core.current.tracing_graph_pause:
            return
        old = core.platform.read_word(parent)
        retp = frame_pointer if core.platform.graph_finds_frames else parent
        entry = RetStack(old, self_addr, frame_pointer, retp)
        enter = self._ask_and_push if core.release.graph_asks_first else self._push_and_ask
        if enter(entry):
            core.platform.write_word(parent, core.platform.address(RETURN_TO_HANDLER))

    def _ask_and_push(self, entry: RetStack) -> bool:
        """3.x. What the entry function has said yes to may find no room; without a user it is a stub, which says no."""
        gops = next(iter(self._graph.users.values()), None)
        if gops is None or not self._entryfunc(gops, entry.func, len(self._graph.stack.entries)):
            return False
        return self._push(entry)

    def _push_and_ask(self, entry: RetStack) -> bool:
        """function_graph_enter(). Bit 0 is always set, so that the user there hears of every return."""
        self._depth += 1
        if self._push(entry):
            for index, gops in sorted(self._graph.users.items()):
                reserved = len(entry.data)
                if self._wanted(gops, entry.func) and self._entryfunc(gops, entry.func, self._depth):
                    entry.bitmap |= 1 << index
                else:
                    del entry.data[reserved:]
            if entry.bitmap:
                entry.bitmap |= 1
                return True
            self._graph.stack.entries.pop()
        self._depth -= 1
        return False

    def _push(self, entry: RetStack) -> bool:
        """ftrace_push_return_trace()."""
        if self._graph.stack.full():
            self._graph.stack.trace_overrun += 1
            return False
        self._graph.stack.entries.append(entry)
        return True

    def _wanted(self, gops: FgraphOps, func: int) -> bool:
        """Whether a function is in a user's filter, as far as anybody looks."""
        core, graph = self._core, self._graph
        if core.release.graph_users == 1:
            return not graph.tests_hash or ops_test(core, core.global_ops, func, None)
        return graph.do_direct or ops_test(core, gops.ops, func, None)

    def _entryfunc(self, gops: FgraphOps, func: int, depth: int) -> bool:
        """fgraph_pid_func() may stand before it."""
        core = self._core
        if gops.filters_pids and core.pids and core.current.pid not in core.pids:
            return False
        return bool(gops.entryfunc(GraphEnt(func, depth), gops))

    # -- return -------------------------------------------------------------------------------------------------------

    def ftrace_return_to_handler(self, frame_pointer: int, retval: int | None) -> int:
        """The address to return to. Where the books do not agree the graph tracer ends, and the kernel panics.

        There the kernel calls the return function with a trace that nobody has filled; here it is not called.
        """
        stack = self._graph.stack
        entry = stack.entries[-1] if stack.entries else None
        if entry is None or not self._same_frame(entry, frame_pointer):
            self._graph.stop()
            del stack.entries[-1:]
            return self._core.platform.address(PANIC)
        depth = self._depth if not self._core.release.graph_asks_first else len(stack.entries) - 1
        if self._core.release.graph_users == 1:
            self._depth -= 1
        self._retfuncs(entry, depth, retval)
        stack.entries.remove(entry)
        if self._core.release.graph_users > 1:
            self._depth -= 1
        return entry.ret

    def _same_frame(self, entry: RetStack, frame_pointer: int) -> bool:
        """The frame-pointer test, where the architecture makes it (HAVE_FUNCTION_GRAPH_FP_TEST)."""
        tested = Ability.FUNCTION_GRAPH_FP_TEST in self._core.platform.abilities
        return not tested or entry.fp == frame_pointer

    def _retfuncs(self, entry: RetStack, depth: int, retval: int | None) -> None:
        """Those that asked for it and are still there; without bits (one user) the only one."""
        graph = self._graph
        known = retval if Ability.FUNCTION_GRAPH_RETVAL in self._core.platform.abilities else None
        for index, gops in sorted(graph.users.items()):
            alone = self._core.release.graph_users == 1
            if gops.retfunc and (alone or entry.bitmap >> index & 1):
                gops.retfunc(GraphRet(entry.func, depth, graph.stack.trace_overrun, known), gops)

    # -- unwinders ----------------------------------------------------------------------------------------------------

    def ftrace_graph_ret_addr(self, ret: int, retp: int) -> int:
        """What a word on the stack that says return_to_handler would have said; `retp` is what prepare_ftrace_return()
        kept to tell by: where it was found, or the frame pointer.

        Of two functions that share the word, because one ended in a jump to the other, the older has the answer.
        """
        handler = self._core.platform.address(RETURN_TO_HANDLER)
        if ret != handler:
            return ret
        real = (
            entry.ret for entry in reversed(self._graph.stack.entries) if entry.retp == retp and entry.ret != handler
        )
        return next(real, ret)
