# SPDX-License-Identifier: GPL-2.0-only
"""What would be called, told without calling anything. tests/core/test_sequences.py compares it with what is."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest

from emulator.core.ops import FtraceOps
from emulator.core.rehearsal import Rehearsal, rehearse

if TYPE_CHECKING:
    from tests.core.conftest import Kernel

Boot = Callable[[str], "Kernel"]


def told(kernel: Kernel, function: str = "vfs_read") -> Rehearsal:
    return rehearse(kernel.core, kernel.record(function))


def names(kernel: Kernel, function: str = "vfs_read") -> list[str]:
    return [ops.name for ops in told(kernel, function).callbacks]


def test_nobody_is_called_and_nothing_changes(kernel: Kernel) -> None:
    def fail(*_: object) -> None:
        raise ZeroDivisionError

    kernel.register("probe", on=["vfs_read"], func=fail)
    kernel.register("other", on=["vfs_read"], func=fail)
    before = copy.deepcopy((kernel.plain.log, kernel.plain.variables, kernel.plain.sites)), dict(kernel.core.callees)
    assert names(kernel) == ["other", "probe"]
    assert ((kernel.plain.log, kernel.plain.variables, kernel.plain.sites), kernel.core.callees) == before
    assert (kernel.events, kernel.core.current.trace_recursion) == ([], 0)
    with pytest.raises(ZeroDivisionError):
        kernel.call("vfs_read")


def test_where_nobody_wants_to_know(kernel: Kernel) -> None:
    kernel.register("probe", on=["vfs_read"])
    rehearsed = told(kernel, "vfs_write")
    assert (rehearsed.callbacks, rehearsed.direct, rehearsed.graph, rehearsed.stopped) == ((), 0, False, False)


@pytest.mark.parametrize(
    ("config", "flags", "full"),
    [("3.6", "", False), ("3.7", "SAVE_REGS", True), ("6.12", "", False), ("6.12", "SAVE_REGS", True)],
)
def test_whether_there_are_full_regs(boot: Boot, config: str, flags: str, full: bool) -> None:
    kernel = boot(config)
    kernel.register("probe", *flags.split())
    assert (names(kernel), told(kernel).full) == (["probe"], full)


@pytest.mark.parametrize("config", ["6.1", "6.12"])
@pytest.mark.parametrize("beside", [False, True])
def test_a_direct_call(boot: Boot, config: str, beside: bool) -> None:
    kernel = boot(config)
    kernel.core.direct.register(kernel.direct_ops("direct", on=["vfs_read"]), 0xD100)
    if beside:
        kernel.register("probe", on=["vfs_read"])
    assert (told(kernel).direct, names(kernel)) == (0xD100, ["probe"] * beside)


@pytest.mark.parametrize("config", ["3.7", "6.1", "6.12", "6.12-shared"])
def test_the_graph_tracer(boot: Boot, config: str) -> None:
    kernel = boot(config)
    kernel.core.graph.register(kernel.gops("graph"))
    assert told(kernel).graph
    assert kernel.core.graph.returns.hooked == 0
    kernel.core.current.tracing_graph_pause = 1
    assert told(kernel).graph_away


@pytest.mark.parametrize("config", ["3.6", "3.6-helper", "3.7", "3.7-list"])
def test_while_everything_is_stopped(boot: Boot, config: str) -> None:
    kernel = boot(config)
    kernel.register("probe")
    kernel.core.stop()
    assert (told(kernel).stopped, names(kernel)) == (True, [])


@pytest.mark.parametrize("config", ["6.1", "6.12"])
def test_gates_are_where_they_are(boot: Boot, config: str) -> None:
    kernel = boot(config)
    kernel.register("rcu", "RCU")
    kernel.register("pid", "PID")
    kernel.core.current.rcu_watching = False
    assert names(kernel) == ["pid"]
    kernel.core.set_pids([2])
    assert names(kernel) == []


def test_a_func_that_is_null_ends_it_and_nothing_else(boot: Boot) -> None:
    kernel = boot("6.12")
    kernel.core.register(FtraceOps("null"))
    assert names(kernel) == []
    assert not kernel.core.disabled


def test_what_3_6s_helper_does_not_know_yet(boot: Boot) -> None:
    """__ftrace_trace_function is written when code is patched, and pids alone patch nothing."""
    kernel = boot("3.6-helper")
    kernel.register("probe", "GLOBAL")
    kernel.core.set_pids([2])
    assert [seen.ops for seen in kernel.call("vfs_read")] == ["probe"]
    assert names(kernel) == ["probe"]
