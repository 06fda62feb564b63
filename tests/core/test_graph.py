# SPDX-License-Identifier: GPL-2.0-only
"""The users of the graph tracer: how many, in which order, on which functions, and beside whom."""

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

ALL = ["vfs_read", "vfs_write", "do_exit"]
ONE_USER = ["3.6", "3.7", "6.1"]
MANY_USERS = ["6.12", "6.12-shared", "6.12-list"]


def code(call: Callable[..., object], *arguments: Any) -> int | None:
    with pytest.raises(FtraceError) as refused:
        call(*arguments)
    return refused.value.errno


def entered(kernel: Kernel, gops: FgraphOps | None = None) -> list[str]:
    """The functions whose entry a user, or any user, is told of."""
    events: list[Any] = [event for function in ALL for event in kernel.run(function)]
    return [
        event.function
        for event in events
        if type(event).__name__ == "Entered" and (gops is None or event.gops == gops.name)
    ]


# -- how many ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("config", ONE_USER)
def test_one_user_at_a_time(boot: Boot, config: str) -> None:
    kernel = boot(config)
    first, second = kernel.gops("first"), kernel.gops("second")
    kernel.core.graph.register(first)
    assert code(kernel.core.graph.register, second) == errno.EBUSY
    assert code(kernel.core.graph.register, first) == errno.EBUSY
    kernel.core.graph.unregister(first)
    kernel.core.graph.register(second)
    assert entered(kernel, second) == ALL
    assert entered(kernel, first) == []


def test_sixteen_users_and_no_more(boot: Boot) -> None:
    """FGRAPH_ARRAY_SIZE."""
    kernel = boot("6.12")
    users = [kernel.gops(f"g{index}") for index in range(17)]
    for gops in users[:16]:
        kernel.core.graph.register(gops)
    assert code(kernel.core.graph.register, users[16]) == errno.ENOSPC
    assert [gops.idx for gops in users[:16]] == list(range(16))
    kernel.core.graph.unregister(users[5])
    kernel.core.graph.register(users[16])
    assert users[16].idx == 5
    assert code(kernel.core.graph.register, users[5]) == errno.ENOSPC


def test_the_index_that_was_free_longest_is_given_out(boot: Boot) -> None:
    """fgraph_lru_table."""
    kernel = boot("6.12")
    first, second, third = (kernel.gops(name) for name in ("first", "second", "third"))
    kernel.core.graph.register(first)
    kernel.core.graph.register(second)
    kernel.core.graph.unregister(first)
    kernel.core.graph.register(third)
    assert third.idx == 2, "not 0, which has been given back only now"
    for gops in (second, third):
        kernel.core.graph.unregister(gops)
    assert (first.idx, second.idx, third.idx) == (-1, -1, -1)


def test_the_graph_tracer_where_there_is_none(boot: Boot) -> None:
    kernel = boot("6.12-static")
    assert code(kernel.core.graph.register, kernel.gops("graph")) == errno.EPERM


@pytest.mark.parametrize(
    ("config", "again"), [("6.1", errno.EBUSY), ("6.12", errno.ENODEV), ("6.12-list", errno.ENODEV)]
)
def test_after_the_end_of_ftrace(boot: Boot, config: str, again: int) -> None:
    """6.1 counts a user that it has refused."""
    kernel = boot(config)
    kernel.core.kill()
    gops = kernel.gops("graph")
    assert code(kernel.core.graph.register, gops) == errno.ENODEV
    assert code(kernel.core.graph.register, kernel.gops("another")) == again
    kernel.core.graph.unregister(gops)


@pytest.mark.parametrize("config", ["3.7", "6.1", *MANY_USERS])
def test_what_is_not_registered_is_left_alone(boot: Boot, config: str) -> None:
    kernel = boot(config)
    first, second = kernel.gops("first"), kernel.gops("second")
    kernel.core.graph.register(first)
    kernel.core.graph.unregister(second)
    assert entered(kernel, first) == ALL


@pytest.mark.parametrize(("what", "value"), [("entryfunc", None), ("entryfunc", 7), ("retfunc", 7)])
def test_what_cannot_be_called(what: str, value: object) -> None:
    functions: dict[str, Any] = {"entryfunc": int, "retfunc": int, what: value}
    with pytest.raises(UsageError, match=f"'graph': {what} is {value}"):
        FgraphOps("graph", **functions)


def test_storage_out_of_place() -> None:
    gops = FgraphOps("graph", lambda *_: True)
    for call in (lambda: gops.reserve_data(8), gops.retrieve_data):
        with pytest.raises(UsageError, match="no function is being entered or left"):
            call()


# -- on which functions ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("config", ["3.6", "3.7", "6.1"])
def test_before_6_12_the_global_filter_counts(boot: Boot, config: str) -> None:
    kernel = boot(config)
    kernel.core.set_global_filter("vfs_*")
    kernel.core.graph.register(kernel.gops("graph"))
    assert entered(kernel) == ["vfs_read", "vfs_write"]
    kernel.core.set_global_filter("!vfs_read")
    assert entered(kernel) == ["vfs_write"]
    kernel.core.set_global_notrace("vfs_write")
    assert entered(kernel) == []


@pytest.mark.parametrize("config", MANY_USERS)
def test_since_6_12_each_user_has_a_filter(boot: Boot, config: str) -> None:
    """fgraph-multi.tc: instances with different filters never see each other's functions; one without sees all."""
    kernel = boot(config)
    read, write, every = kernel.gops("r", on=["vfs_read"]), kernel.gops("w", on=["vfs_write"]), kernel.gops("e")
    kernel.core.graph.register(read)
    kernel.core.graph.register(write)
    assert (entered(kernel, read), entered(kernel, write)) == (["vfs_read"], ["vfs_write"])
    assert kernel.target("do_exit") == "nop"
    kernel.core.graph.register(every)
    assert (entered(kernel, read), entered(kernel, every)) == (["vfs_read"], ALL)
    kernel.core.graph.unregister(every)
    assert kernel.target("do_exit") == "nop"
    kernel.core.set_filter(write.ops, "do_exit")
    assert (entered(kernel, read), entered(kernel, write)) == (["vfs_read"], ["vfs_write", "do_exit"])
    kernel.core.graph.unregister(write)
    assert (entered(kernel), kernel.target("vfs_write")) == (["vfs_read"], "nop")


@pytest.mark.parametrize("config", ["6.1", *MANY_USERS])
def test_beside_others_only_its_own_functions(boot: Boot, config: str) -> None:
    """fgraph-filter.tc: with another ops on all functions, and after it has gone."""
    kernel = boot(config)
    if config == "6.1":
        kernel.core.set_global_filter("vfs_read")
    kernel.core.graph.register(kernel.gops("graph", on=["vfs_read"]))
    other = kernel.register("other")
    assert entered(kernel) == ["vfs_read"]
    assert len(kernel.call("vfs_write")) == 1
    kernel.core.unregister(other)
    assert entered(kernel) == ["vfs_read"]


@pytest.mark.parametrize("config", ["3.6", "3.7"])
def test_in_3_x_whatever_anybody_traces(boot: Boot, config: str) -> None:
    """Nobody looks at the filter where a trampoline is reached already."""
    kernel = boot(config)
    kernel.core.set_global_filter("vfs_read")
    kernel.core.graph.register(kernel.gops("graph"))
    kernel.register("other", on=["vfs_write"])
    assert entered(kernel) == ["vfs_read", "vfs_write"]


def test_the_last_two_notrace_hashes_of_6_12(boot: Boot) -> None:
    """intersect_hashes() takes the manager's own notrace hash for that of the newest user: it only shrinks."""
    kernel = boot("6.12")
    first, second = kernel.gops("first"), kernel.gops("second")
    kernel.core.set_notrace(first.ops, "vfs_read")
    kernel.core.graph.register(first)
    assert entered(kernel) == ["vfs_write", "do_exit"]
    kernel.core.graph.register(second)
    assert (entered(kernel, first), entered(kernel, second)) == (["vfs_write", "do_exit"], ALL)
    kernel.core.graph.unregister(second)
    assert entered(kernel) == ALL, "a single user is not asked for its hash"


def test_a_managers_ops_is_an_ops_like_others(boot: Boot) -> None:
    """6.12 x86_64: a private copy where it is alone, through the list where it is not."""
    kernel = boot("6.12")
    kernel.core.graph.register(kernel.gops("graph", on=["vfs_read"]))
    assert kernel.target("vfs_read") == "copy of graph_ops"
    kernel.register("probe", on=["vfs_read"])
    assert (kernel.target("vfs_read"), kernel.label()) == ("ftrace_caller", "ftrace_ops_list_func")
    assert [type(event).__name__ for event in kernel.run("vfs_read")] == ["Seen", "Entered", "Returned"]


def called(kernel: Kernel) -> bool:
    """Whether the trampolines call prepare_ftrace_return()."""
    return kernel.plain.graph_caller


@pytest.mark.parametrize("config", ["3.6", "3.7", "6.12-shared", "6.12-list"])
def test_elsewhere_the_trampolines_call_it_behind_the_callbacks(boot: Boot, config: str) -> None:
    kernel = boot(config)
    gops = kernel.gops("graph")
    kernel.core.graph.register(gops)
    assert called(kernel)
    kernel.register("probe", on=["vfs_read"])
    assert [type(event).__name__ for event in kernel.run("vfs_read")] == ["Seen", "Entered", "Returned"]
    kernel.core.graph.unregister(gops)
    assert not called(kernel)
    assert [type(event).__name__ for event in kernel.run("vfs_read")] == ["Seen"]


@pytest.mark.parametrize(
    ("config", "entry", "back"),
    [
        ("3.7-static", "entryfunc", "retfunc"),
        ("6.1-static", "entryfunc", "retfunc"),
        ("6.12-shared", "entry_run", "return_run"),
    ],
)
def test_the_variables_that_static_mcount_compares(boot: Boot, config: str, entry: str, back: str) -> None:
    kernel = boot(config)
    gops = kernel.gops("graph")
    kernel.core.graph.register(gops)
    assert (kernel.variable("ftrace_graph_entry"), kernel.variable("ftrace_graph_return")) == (entry, back)
    kernel.core.graph.unregister(gops)
    names = kernel.variable("ftrace_graph_entry"), kernel.variable("ftrace_graph_return")
    assert names == ("ftrace_graph_entry_stub", "ftrace_stub_graph")


@pytest.mark.parametrize("config", ["3.6-static", "3.7-static"])
def test_static_mcount_of_3_x_calls_the_function_tracer_or_the_graph_tracer(boot: Boot, config: str) -> None:
    kernel = boot(config)
    kernel.core.graph.register(kernel.gops("graph"))
    assert entered(kernel) == ALL
    probe = kernel.register("probe")
    assert [type(event).__name__ for event in kernel.run("vfs_read")] == ["Seen"]
    kernel.core.unregister(probe)
    assert entered(kernel) == ALL


def test_the_graph_tracer_of_6_1_is_never_reached_in_static_mcount(boot: Boot) -> None:
    """Its own ops, which is not called, makes ftrace_trace_function the list function, and mcount goes there first."""
    kernel = boot("6.1-static")
    kernel.core.graph.register(kernel.gops("graph"))
    assert kernel.variable("ftrace_trace_function") == "ftrace_ops_list_func"
    assert kernel.run("vfs_read") == []


# -- beside other things -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("config", ["6.1", "6.12"])
def test_the_graph_tracer_fires_although_a_direct_trampoline_is_attached(boot: Boot, config: str) -> None:
    """trace_selftest_startup_function_graph()."""
    kernel = boot(config)
    direct = kernel.direct_ops("direct", on=["vfs_read"])
    kernel.core.direct.register(direct, 0xD100)
    gops = kernel.gops("graph")
    kernel.core.graph.register(gops)
    assert [type(event).__name__ for event in kernel.run("vfs_read")] == ["Entered", "Directed", "Returned"]
    kernel.core.graph.unregister(gops)
    assert [type(event).__name__ for event in kernel.run("vfs_read")] == ["Directed"]
    kernel.core.direct.unregister(direct, 0xD100, free_filters=True)
    assert kernel.run("vfs_read") == []


def test_a_user_that_is_also_an_ops_by_itself(boot: Boot) -> None:
    kernel = boot("6.12")
    gops = kernel.gops("graph")
    kernel.core.register(gops.ops)
    assert code(kernel.core.graph.register, gops) == errno.EBUSY
    kernel.core.unregister(gops.ops)
    kernel.core.graph.register(gops)
    assert gops.ops.has("SUBOP")
    assert code(kernel.core.register, gops.ops) == errno.EBUSY
    kernel.core.graph.unregister(gops)
    assert not gops.ops.has("SUBOP")


@pytest.mark.parametrize(
    ("config", "flags", "seen"), [("3.7", (), ALL), ("6.1", ("PID",), ALL), ("6.12", ("PID",), [])]
)
def test_pids_restrict_the_users_that_ask_for_it(
    boot: Boot, config: str, flags: tuple[str, ...], seen: list[str]
) -> None:
    """6.12: fgraph_pid_func(); before, nobody stands before the entry function."""
    kernel = boot(config)
    kernel.core.graph.register(kernel.gops("graph", flags=flags))
    kernel.core.set_pids([2])
    assert entered(kernel) == seen
    kernel.core.set_pids([1])
    assert entered(kernel) == ALL
    kernel.core.set_pids([])
    assert entered(kernel) == ALL


def test_pids_that_come_where_nothing_is_called_are_not_noticed(boot: Boot) -> None:
    """ftrace_update_pid_func() gives up where ftrace_trace_function is the stub, as it is for graph_ops as a stub."""
    kernel = boot("6.12-shared")
    late = kernel.gops("late", flags=("PID",))
    kernel.core.graph.register(kernel.gops("early", flags=("PID",)))
    kernel.core.set_pids([2])
    kernel.core.graph.register(late)
    assert (len(entered(kernel)), entered(kernel, late)) == (3, [])


@pytest.mark.parametrize("config", ["6.1", "6.12", "6.12-shared"])
def test_the_pids_are_nothing_to_the_ops_behind_it(boot: Boot, config: str) -> None:
    """graph_ops has the flag, but no trace_array: ftrace_pids_enabled() says no."""
    kernel = boot(config)
    kernel.core.graph.register(kernel.gops("graph"))
    kernel.core.set_pids([2])
    assert entered(kernel) == ALL


# -- GLOBAL ops beside the graph tracer (3.x) --------------------------------------------------------------------------


@pytest.mark.parametrize("config", ["3.6", "3.7"])
def test_a_filter_that_changes_under_both_is_the_end(boot: Boot, config: str) -> None:
    """They count on the same ops, once each, and a new filter moves one of the two counts only."""
    kernel = boot(config)
    kernel.core.set_global_filter("vfs_read")
    probe, gops = kernel.register("probe", "GLOBAL"), kernel.gops("graph")
    kernel.core.graph.register(gops)
    assert kernel.letters("vfs_read").startswith("2 ")
    kernel.core.set_global_filter("vfs_write", reset=True)
    assert (kernel.letters("vfs_read")[0], kernel.letters("vfs_write")[0]) == ("1", "1")
    kernel.core.graph.unregister(gops)
    assert not kernel.core.disabled
    kernel.core.unregister(probe)
    assert kernel.core.disabled


@pytest.mark.parametrize("config", ["3.6", "3.7"])
def test_what_the_last_global_ops_leaves_to_the_graph_tracer(boot: Boot, config: str) -> None:
    """It takes ENABLED from global_ops, so that the graph tracer's own count is never taken back."""
    kernel = boot(config)
    probe, gops = kernel.register("probe", "GLOBAL"), kernel.gops("graph")
    kernel.core.graph.register(gops)
    kernel.core.unregister(probe)
    kernel.core.graph.unregister(gops)
    assert [kernel.letters(function)[0] for function in ALL] == ["1", "1", "1"]


# -- a trampoline of the graph tracer's own ----------------------------------------------------------------------------


def test_a_site_that_only_the_graph_tracer_wants_calls_its_own_trampoline(boot: Boot) -> None:
    """FTRACE_GRAPH_TRAMP_ADDR: until somebody else comes, and when he has gone."""
    kernel = boot("6.12-shared")
    kernel.plain.graph_trampoline = kernel.plain.address("ftrace_graph_caller")
    gops, probe = kernel.gops("graph"), kernel.ops("probe", on=["vfs_read"])

    def called() -> list[str]:
        return [kernel.target(name) for name in ("vfs_read", "vfs_write")]

    kernel.core.graph.register(gops)
    assert called() == ["ftrace_graph_caller", "ftrace_graph_caller"]
    kernel.core.register(probe)
    assert called() == ["ftrace_caller", "ftrace_graph_caller"]
    kernel.core.unregister(probe)
    assert called() == ["ftrace_graph_caller", "ftrace_graph_caller"]
    kernel.core.graph.unregister(gops)
    assert "ftrace_graph_caller" not in called()
