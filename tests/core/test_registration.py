# SPDX-License-Identifier: GPL-2.0-only
"""The lists, GLOBAL and CONTROL ops of 3.x, static kernels, and an ops that has gone for good."""

from __future__ import annotations

import errno
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest

from emulator.core.fgraph_ops import FgraphOps
from emulator.errors import FtraceError, UsageError

if TYPE_CHECKING:
    from tests.core.conftest import Kernel

Boot = Callable[[str], "Kernel"]

OLD = ["3.6", "3.7"]
NEW = ["6.1", "6.12", "6.12-shared", "6.12-static"]


def code(call: Callable[..., object], *arguments: Any, **options: Any) -> int | None:
    with pytest.raises(FtraceError) as refused:
        call(*arguments, **options)
    return refused.value.errno


def names(kernel: Kernel, function: str = "vfs_read") -> list[str]:
    return [seen.ops for seen in kernel.call(function)]


# -- DELETED -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("config", NEW)
@pytest.mark.parametrize("registered", [False, True])
def test_a_deleted_ops_is_never_registered_again(boot: Boot, config: str, registered: bool) -> None:
    kernel = boot(config)
    ops = kernel.ops("probe")
    if registered:
        kernel.core.register(ops)
    kernel.core.destroy_filter_files(ops)
    assert (names(kernel), kernel.core.ops) == ([], [])
    assert code(kernel.core.register, ops) == errno.EINVAL
    assert code(kernel.core.unregister, ops) == errno.EBUSY


def test_3_x_does_not_know_deleted_ops(boot: Boot) -> None:
    kernel = boot("3.7")
    with pytest.raises(UsageError, match=r"release 3\.7 has no FTRACE_OPS_FL_DELETED"):
        kernel.core.destroy_filter_files(kernel.ops("probe"))


# -- GLOBAL ops --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("config", OLD)
def test_global_ops_share_one_place_on_the_list(boot: Boot, config: str) -> None:
    kernel = boot(config)
    first, plain, second = (
        kernel.register("first", "GLOBAL"),
        kernel.register("plain"),
        kernel.register("second", "GLOBAL"),
    )
    assert [ops.name for ops in kernel.core.ops] == ["plain", "global_ops"]
    assert [ops.name for ops in kernel.core.global_list] == ["second", "first"]
    assert names(kernel) == ["plain", "second", "first"]
    assert kernel.letters("vfs_read") == "2 ENABLED", "one for all GLOBAL ops"
    kernel.core.unregister(first)
    assert (names(kernel), kernel.letters("vfs_read")) == (["plain", "second"], "2 ENABLED")
    kernel.core.unregister(second)
    assert (kernel.core.ops, kernel.letters("vfs_read")) == ([plain], "1 ENABLED")


@pytest.mark.parametrize("config", OLD)
def test_global_ops_have_one_filter(boot: Boot, config: str) -> None:
    """ftrace_set_filter() of any of them is that of all, and of the graph tracer."""
    kernel = boot(config)
    first = kernel.ops("first", "GLOBAL", on=["vfs_read"])
    assert first.filter_hash == set()
    kernel.core.register(first)
    second = kernel.register("second", "GLOBAL")
    assert (names(kernel), kernel.target("vfs_write")) == (["second", "first"], "nop")
    kernel.core.set_filter(second, "vfs_write", reset=True)
    assert (names(kernel), names(kernel, "vfs_write")) == ([], ["second", "first"])


@pytest.mark.parametrize("config", OLD)
def test_global_ops_are_enabled_each_by_itself(boot: Boot, config: str) -> None:
    kernel = boot(config)
    first = kernel.register("first", "GLOBAL")
    assert code(kernel.core.register, first) == errno.EBUSY
    kernel.core.unregister(first)
    assert code(kernel.core.unregister, first) == errno.EBUSY
    assert not kernel.core.global_ops.has("ENABLED")


@pytest.mark.parametrize("config", OLD)
def test_global_and_control_exclude_each_other(boot: Boot, config: str) -> None:
    kernel = boot(config)
    assert code(kernel.register, "both", "GLOBAL", "CONTROL") == errno.EINVAL
    assert (kernel.core.ops, kernel.core.global_list, kernel.core.control_list) == ([], [], [])


def test_regs_are_nothing_that_a_global_ops_can_ask_for(boot: Boot) -> None:
    """global_ops counts on the records, and has no SAVE_REGS."""
    kernel = boot("3.7")
    kernel.register("global", "GLOBAL", "SAVE_REGS")
    assert [(seen.ops, seen.regs) for seen in kernel.call("vfs_read")] == [("global", False)]


# -- CONTROL ops -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("config", [*OLD, "3.6-static", "3.7-static"])
def test_a_control_ops_waits_until_it_is_switched_on(boot: Boot, config: str) -> None:
    """perf: ftrace_function_local_enable(); the two nest."""
    kernel = boot(config)
    perf = kernel.register("perf", "CONTROL")
    assert names(kernel) == []
    kernel.core.local_enable(perf)
    assert names(kernel) == ["perf"]
    kernel.core.local_enable(perf, enable=False)
    kernel.core.local_enable(perf, enable=False)
    kernel.core.local_enable(perf)
    assert names(kernel) == []
    kernel.core.local_enable(perf)
    assert names(kernel) == ["perf"]


@pytest.mark.parametrize("config", OLD)
def test_a_control_ops_is_off_again_when_it_comes_back(boot: Boot, config: str) -> None:
    kernel = boot(config)
    perf = kernel.register("perf", "CONTROL")
    kernel.core.local_enable(perf)
    kernel.core.unregister(perf)
    with pytest.raises(UsageError, match="'perf'"):
        kernel.core.local_enable(perf)
    kernel.core.register(perf)
    assert names(kernel) == []


@pytest.mark.parametrize("config", OLD)
def test_control_ops_have_a_hash_each(boot: Boot, config: str) -> None:
    kernel = boot(config)
    for name, function in (("a", "vfs_read"), ("b", "vfs_write")):
        kernel.core.local_enable(kernel.register(name, "CONTROL", on=[function]))
    assert [ops.name for ops in kernel.core.ops] == ["control_ops"]
    assert (names(kernel), names(kernel, "vfs_write")) == (["a"], ["b"])
    assert kernel.target("do_exit") == "nop"


@pytest.mark.parametrize("config", ["3.7", "6.12"])
def test_only_a_control_ops_is_switched(boot: Boot, config: str) -> None:
    kernel = boot(config)
    with pytest.raises(UsageError, match="'plain'"):
        kernel.core.local_enable(kernel.register("plain"))


# -- static kernels ----------------------------------------------------------------------------------------------------


def test_static_mcount_calls_everybody_everywhere(static: Kernel) -> None:
    static.register("first")
    static.register("second")
    assert [names(static, function) for function in static.ip] == [["second", "first"]] * 3
    assert static.plain.sites == {}
    assert static.core.current.trace_recursion == 0


def test_static_kernels_have_no_filters(static: Kernel) -> None:
    ops = static.register("probe")
    for call in (static.core.set_filter, static.core.set_notrace):
        assert code(call, ops, "vfs_read") == errno.ENODEV
        assert code(call, ops, None, reset=True) == errno.ENODEV
    if static.release.has_filter_ip:
        assert code(static.core.set_filter_ip, ops, static.ip["vfs_read"]) == errno.ENODEV


@pytest.mark.parametrize("config", ["3.6-static", "3.7-static", "3.7-static-list"])
def test_in_3_x_ftrace_shutdown_does_nothing_in_a_static_kernel(boot: Boot, config: str) -> None:
    """ENABLED stays: the ops is refused from then on, and is on no list."""
    kernel = boot(config)
    ops, shared = kernel.register("probe"), kernel.register("global", "GLOBAL")
    kernel.core.unregister(ops)
    assert (names(kernel), ops.has("ENABLED")) == (["global"], True)
    assert code(kernel.core.register, ops) == errno.EBUSY
    assert code(kernel.core.unregister, ops) == errno.EPERM
    kernel.core.unregister(shared)
    kernel.core.register(shared)
    assert names(kernel) == ["global"]


@pytest.mark.parametrize("config", ["6.1-static", "6.12-static"])
def test_later_it_may_come_back(boot: Boot, config: str) -> None:
    kernel = boot(config)
    ops = kernel.register("probe")
    kernel.core.unregister(ops)
    assert code(kernel.core.unregister, ops) == errno.EBUSY
    kernel.core.register(ops)
    assert names(kernel) == ["probe"]


@pytest.mark.parametrize("config", ["6.1-static", "6.12-static"])
def test_while_variables_change_the_list_function_is_called(boot: Boot, config: str) -> None:
    """function_trace_op may change under it only: it does not look there."""
    kernel = boot(config)
    probe = kernel.register("probe")
    kernel.plain.log.clear()
    kernel.core.unregister(probe)
    assert kernel.plain.log == [
        ("ftrace_trace_function", "ftrace_ops_list_func"),
        ("function_trace_op", "&ftrace_list_end"),
        ("ftrace_trace_function", "ftrace_stub"),
    ]


# -- what cannot be patched --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("config", ["6.1", "6.12", "6.12-shared"])
def test_a_copy_is_freed_even_where_the_site_cannot_be_patched(boot: Boot, config: str) -> None:
    kernel = boot(config)
    ops = kernel.register("probe", on=["vfs_read"], home="module")
    kernel.plain.broken.add(kernel.ip["vfs_read"])
    assert code(kernel.core.unregister, ops) == errno.ENODEV
    assert (kernel.core.ops, ops.trampoline) == ([], 0)


@pytest.mark.parametrize("config", ["6.1", "6.12"])
def test_a_graph_tracer_that_cannot_be_patched(boot: Boot, config: str) -> None:
    kernel = boot(config)
    kernel.plain.broken.add(kernel.ip["vfs_read"])
    gops: FgraphOps = kernel.gops("graph")
    assert code(kernel.core.graph.register, gops) == errno.ENODEV
    assert kernel.core.disabled
    assert kernel.core.ops == []
