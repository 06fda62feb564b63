# SPDX-License-Identifier: GPL-2.0-only
"""What the core sees of the running task and its CPU: the one task there is. Tests open and close gates here."""

from __future__ import annotations

import enum

from emulator.errors import UsageError


class Context(enum.IntEnum):
    """What the CPU is doing, by its bit in trace_recursion (TRACE_CTX_*)."""

    NMI = 0
    IRQ = 1
    SOFTIRQ = 2
    NORMAL = 3


class Task:
    """`current`."""

    def __init__(self) -> None:
        self.pid = 1
        self._context = Context.NORMAL
        self.rcu_watching = True
        """rcu_is_watching(): false in the idle loop and on the way from and to user space."""
        self.trace_recursion = 0
        """One bit a guarded region that is being run; recursion.py."""
        self.tracing_graph_pause = 0
        """Not 0: the graph tracer hooks no return."""

    @property
    def context(self) -> Context:
        """What the CPU is doing. Setting raises UsageError for what is no Context."""
        return self._context

    @context.setter
    def context(self, context: Context) -> None:
        try:
            self._context = Context(context)
        except ValueError:
            raise UsageError(f"the context is one of {', '.join(Context.__members__)}, not {context!r}") from None
