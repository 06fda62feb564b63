# SPDX-License-Identifier: GPL-2.0-only
"""The task and its CPU as the core finds them, and the gates that are opened and closed there."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest

from emulator.core.task import Context, Task
from emulator.errors import UsageError

if TYPE_CHECKING:
    from tests.core.conftest import Kernel

Boot = Callable[[str], "Kernel"]


def test_contexts_have_the_kernels_numbers() -> None:
    assert [context.name for context in sorted(Context)] == ["NMI", "IRQ", "SOFTIRQ", "NORMAL"]
    assert [int(context) for context in sorted(Context)] == [0, 1, 2, 3]


def test_a_task_begins_undisturbed() -> None:
    task = Task()
    assert (task.context, task.rcu_watching) == (Context.NORMAL, True)
    assert (task.trace_recursion, task.tracing_graph_pause) == (0, 0)


@pytest.mark.parametrize("context", ["NMI", 7, None])
def test_what_is_no_context(context: Any) -> None:
    task = Task()
    with pytest.raises(UsageError, match="NMI, IRQ, SOFTIRQ, NORMAL"):
        task.context = context
    assert task.context is Context.NORMAL


def test_an_interrupt_gets_in_where_a_callback_is_being_run(boot: Boot) -> None:
    """6.x: each context has its bit, and between them they have one more."""
    kernel = boot("6.12-list")
    levels = [Context.SOFTIRQ, Context.IRQ, Context.NMI]

    def interrupted(*_: object) -> None:
        if levels:
            outer, kernel.core.current.context = kernel.core.current.context, levels.pop(0)
            kernel.call("vfs_read")
            kernel.core.current.context = outer

    kernel.register("probe", on=["vfs_read"], func=interrupted)
    assert len(kernel.call("vfs_read")) == 4
    assert kernel.core.current.trace_recursion == 0


def test_an_interrupt_is_kept_out_in_3_7(boot: Boot) -> None:
    """One bit for all contexts."""
    kernel = boot("3.7-list")

    def interrupted(*_: object) -> None:
        kernel.core.current.context = Context.IRQ
        kernel.call("vfs_read")
        kernel.core.current.context = Context.NORMAL

    kernel.register("probe", on=["vfs_read"], func=interrupted)
    assert len(kernel.call("vfs_read")) == 1


@pytest.mark.parametrize("config", ["3.6", "3.7", "6.1", "6.12", "6.12-shared"])
def test_a_pause_hooks_no_return_and_stops_no_callback(boot: Boot, config: str) -> None:
    kernel = boot(config)
    kernel.core.graph.register(kernel.gops("graph"))
    kernel.register("probe", on=["vfs_read"])
    kernel.core.current.tracing_graph_pause = 1
    assert [type(event).__name__ for event in kernel.run("vfs_read")] == ["Seen"]
    kernel.core.current.tracing_graph_pause = 0
    assert sorted(type(event).__name__ for event in kernel.run("vfs_read")) == ["Entered", "Returned", "Seen"]
