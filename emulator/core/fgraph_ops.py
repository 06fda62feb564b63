# SPDX-License-Identifier: GPL-2.0-only
"""struct fgraph_ops: a user of the function graph tracer, and what it is told."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from emulator.core.given import expect, expect_name
from emulator.core.ops import FtraceOps
from emulator.core.shadow import ShadowStack
from emulator.errors import UsageError


@dataclass(frozen=True, slots=True)
class GraphEnt:
    """struct ftrace_graph_ent: what an entry function is told."""

    func: int
    """The site's address, as callbacks get it for ip."""
    depth: int


@dataclass(frozen=True, slots=True)
class GraphRet:
    """struct ftrace_graph_ret: what a return function is told; `retval` is None where the release does not know it."""

    func: int
    depth: int
    overrun: int
    retval: int | None


class FgraphOps:
    """struct fgraph_ops: `entryfunc(trace, gops)` says with a true value that the return is wanted; then comes
    `retfunc(trace, gops)`.

    `ops` holds its hashes, for 6.12, where each user has its own; before, the filter is set_global_filter()'s.
    Raises UsageError for what cannot be called.
    """

    def __init__(
        self,
        name: str,
        entryfunc: Callable[[GraphEnt, FgraphOps], Any],
        retfunc: Callable[[GraphRet, FgraphOps], Any] | None = None,
        *,
        flags: tuple[str, ...] = (),
    ) -> None:
        expect_name("FgraphOps", name)
        called: dict[str, object] = {"entryfunc": entryfunc, "retfunc": retfunc}
        for what, func in called.items():
            if not callable(func) and (func is not None or what == "entryfunc"):
                raise UsageError(f"graph ops {name!r}: {what} is {func!r}, which cannot be called")
        self.name, self.entryfunc, self.retfunc = name, entryfunc, retfunc
        self.ops = FtraceOps(name, flags=flags)
        self.idx = -1
        """Its place among the users while it is registered."""
        self.task_var = 0
        """fgraph_get_task_var(): a long of its own for each task."""
        self.filters_pids = False
        """gops->entryfunc is fgraph_pid_func()."""
        self.stack: ShadowStack | None = None
        """The task's, while it is registered."""

    def __repr__(self) -> str:
        return f"<FgraphOps {self.name}>"

    def reserve_data(self, size: int) -> bytearray | None:
        """fgraph_reserve_data(), for entry functions: `size` bytes, in whole longs, until the return; None: no room.

        Raises UsageError outside of them, and for no bytes at all, which the kernel takes for a very long piece.
        """
        expect("fgraph_reserve_data", size, int, "a number of bytes")
        if size == 0:
            raise UsageError(f"graph ops {self.name!r}: fgraph_reserve_data() of 0 bytes spoils the shadow stack")
        return self._newest().reserve(self.idx, size)

    def retrieve_data(self) -> bytearray | None:
        """fgraph_retrieve_data(), for return functions: what the entry function has reserved. Raises UsageError."""
        return self._newest().retrieve(self.idx)

    def _newest(self) -> ShadowStack:
        if self.stack is None or not self.stack.entries:
            raise UsageError(f"graph ops {self.name!r}: no function is being entered or left")
        return self.stack
