# SPDX-License-Identifier: GPL-2.0-only
"""Return addresses that the graph tracer takes and gives back: who is asked, who hears, what if the books are wrong."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest

from emulator.core.fgraph_ops import FgraphOps, GraphEnt

if TYPE_CHECKING:
    from tests.core.conftest import Kernel

Boot = Callable[[str], "Kernel"]

HOOKING = ["3.6", "3.7", "3.7-list", "6.1", "6.12", "6.12-shared", "6.12-list"]
MANY_USERS = ["6.12", "6.12-shared"]


def graph(kernel: Kernel, *names: str) -> list[FgraphOps]:
    users = [kernel.gops(name) for name in names or ("graph",)]
    for gops in users:
        kernel.core.graph.register(gops)
    return users


def told(kernel: Kernel, function: str = "vfs_read", body: Callable[[], object] = int) -> list[str]:
    """Who heard of what, in order."""
    events: list[Any] = list(kernel.run(function, body))
    return [
        f"{event.gops} {'enters' if type(event).__name__ == 'Entered' else 'leaves'} {event.function} {event.depth}"
        for event in events
        if type(event).__name__ in ("Entered", "Returned")
    ]


@pytest.mark.parametrize("config", HOOKING)
def test_a_function_returns_through_the_handler_to_where_it_came_from(boot: Boot, config: str) -> None:
    kernel = boot(config)
    graph(kernel)
    seen: list[int] = []
    assert told(kernel, body=lambda: seen.extend(kernel.plain.stack.values())) == [
        "graph enters vfs_read 0",
        "graph leaves vfs_read 0",
    ]
    assert seen == [kernel.plain.address("return_to_handler")]
    assert kernel.landed == 0x9000
    assert kernel.core.graph.returns.hooked == 0


@pytest.mark.parametrize("config", HOOKING)
def test_depth_is_how_many_are_hooked_outside(boot: Boot, config: str) -> None:
    kernel = boot(config)
    graph(kernel)
    assert told(kernel, body=lambda: kernel.run("vfs_write", lambda: kernel.run("do_exit"))) == [
        "graph enters vfs_read 0",
        "graph enters vfs_write 1",
        "graph enters do_exit 2",
        "graph leaves do_exit 2",
        "graph leaves vfs_write 1",
        "graph leaves vfs_read 0",
    ]


@pytest.mark.parametrize("config", HOOKING)
def test_a_function_that_is_declined_counts_for_no_depth(boot: Boot, config: str) -> None:
    kernel = boot(config)

    def wanted(trace: GraphEnt, _gops: FgraphOps) -> bool:
        return kernel.function(trace.func) != "vfs_read"

    kernel.core.graph.register(kernel.gops("graph", wanted=wanted))
    assert told(kernel, body=lambda: kernel.run("vfs_write")) == [
        "graph enters vfs_read 0",
        "graph enters vfs_write 0",
        "graph leaves vfs_write 0",
    ]


@pytest.mark.parametrize("config", MANY_USERS)
def test_all_users_are_asked_in_the_order_of_their_indices(boot: Boot, config: str) -> None:
    kernel = boot(config)
    graph(kernel, "a", "b", "c")
    assert told(kernel) == [f"{name} {what} vfs_read 0" for what in ("enters", "leaves") for name in "abc"]


@pytest.mark.parametrize("config", MANY_USERS)
def test_the_user_with_index_0_hears_of_every_return(boot: Boot, config: str) -> None:
    """BIT(0) is always or-ed into the bitmap."""
    kernel = boot(config)
    for name in "abc":
        kernel.core.graph.register(kernel.gops(name, wanted=lambda *_, name=name: name == "c"))
    assert told(kernel)[3:] == ["a leaves vfs_read 0", "c leaves vfs_read 0"]


@pytest.mark.parametrize("config", MANY_USERS)
def test_a_user_that_comes_between_entry_and_return_does_not_hear_of_it(boot: Boot, config: str) -> None:
    kernel = boot(config)
    graph(kernel, "a")
    late = kernel.gops("late")
    assert told(kernel, body=lambda: kernel.core.graph.register(late)) == ["a enters vfs_read 0", "a leaves vfs_read 0"]
    assert len(told(kernel)) == 4


@pytest.mark.parametrize("config", HOOKING)
def test_a_user_that_goes_between_entry_and_return_does_not_hear_of_it(boot: Boot, config: str) -> None:
    kernel = boot(config)
    (gops,) = graph(kernel)
    assert told(kernel, body=lambda: kernel.core.graph.unregister(gops)) == ["graph enters vfs_read 0"]
    assert kernel.landed == 0x9000
    assert kernel.core.graph.returns.hooked == 0


# -- limits ------------------------------------------------------------------------------------------------------------


def nest(kernel: Kernel, depth: int) -> None:
    kernel.run("vfs_read", lambda: nest(kernel, depth - 1) if depth > 1 else None)


@pytest.mark.parametrize(
    ("config", "limit", "asked"),
    [
        # 3.x asks the entry function before it looks for room
        ("3.6", 50, 52),
        ("3.7", 50, 52),
        ("6.1", 50, 50),
        ("6.12", 98, 98),
        ("6.12-shared", 81, 81),
    ],
)
def test_what_does_not_fit_is_not_hooked_and_counted(boot: Boot, config: str, limit: int, asked: int) -> None:
    kernel = boot(config)
    graph(kernel)
    nest(kernel, limit + 2)
    names = [type(event).__name__ for event in kernel.events]
    assert (names.count("Entered"), names.count("Returned")) == (asked, limit)
    assert kernel.core.graph.stack.trace_overrun == 2
    assert {getattr(event, "overrun", 2) for event in kernel.events} == {2}
    assert kernel.core.graph.returns.hooked == 0
    assert told(kernel)[-1] == "graph leaves vfs_read 0", "the depth is not out of step"


# -- return values -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("config", "retval"), [("3.7", None), ("6.1", None), ("6.12", 7), ("6.12-shared", None)])
def test_the_value_is_told_where_the_configuration_knows_it(boot: Boot, config: str, retval: int | None) -> None:
    kernel = boot(config)
    graph(kernel)
    events: list[Any] = [event for event in kernel.run("vfs_read") if hasattr(event, "retval")]
    assert [event.retval for event in events] == [retval]


@pytest.mark.parametrize("config", MANY_USERS)
def test_each_user_keeps_data_of_its_own_until_the_return(boot: Boot, config: str) -> None:
    """trace_selftest_startup_function_graph: fixtures of 1, 2, 4 and 8 bytes, all at once, each gets back its own."""
    kernel = boot(config)
    back: dict[int, bytes | None] = {}

    def user(size: int) -> FgraphOps:
        def enter(_trace: object, gops: FgraphOps) -> bool:
            data = gops.reserve_data(size)
            assert data is not None
            data[:size] = bytes([size]) * size
            return True

        def leave(_trace: object, gops: FgraphOps) -> None:
            data = gops.retrieve_data()
            back[size] = bytes(data[:size]) if data is not None else None

        return FgraphOps(f"storage{size}", enter, leave)

    users = [user(size) for size in (1, 2, 4, 8)]
    for gops in users:
        kernel.core.graph.register(gops)
    kernel.run("vfs_read")
    assert back == {size: bytes([size]) * size for size in (1, 2, 4, 8)}
    for gops in reversed(users):
        kernel.core.graph.unregister(gops)


def test_what_was_reserved_by_an_entry_function_that_declines_is_free_again(boot: Boot) -> None:
    kernel = boot("6.12")
    offsets: list[int] = []

    def decline(_trace: object, gops: FgraphOps) -> bool:
        gops.reserve_data(8)
        return False

    def look(_trace: object, _gops: FgraphOps) -> bool:
        offsets.append(kernel.core.graph.stack.offset)
        return True

    kernel.core.graph.register(FgraphOps("declines", decline))
    kernel.core.graph.register(FgraphOps("looks", look))
    kernel.run("vfs_read")
    assert offsets == [5]


# -- tail calls and unwinders ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("config", ["3.7", "6.1", "6.12", "6.12-shared"])
def test_a_tail_call_is_hooked_on_the_same_word(boot: Boot, config: str) -> None:
    kernel = boot(config)
    graph(kernel)
    saved: list[list[int]] = []

    def body() -> None:
        kernel.jump("vfs_write")
        saved.append([entry.ret for entry in kernel.core.graph.stack.entries])

    assert told(kernel, body=body) == [
        "graph enters vfs_read 0",
        "graph enters vfs_write 1",
        "graph leaves vfs_write 1",
        "graph leaves vfs_read 0",
    ]
    assert saved == [[0x9000, kernel.plain.address("return_to_handler")]]
    assert kernel.landed == 0x9000


@pytest.mark.parametrize("config", ["6.1", "6.12"])
def test_an_unwinder_finds_the_real_address_by_its_place(boot: Boot, config: str) -> None:
    kernel = boot(config)
    graph(kernel)
    handler, real = kernel.plain.address("return_to_handler"), []

    def body() -> None:
        kernel.jump("vfs_write")
        (slot,) = kernel.plain.stack
        ret_addr = kernel.core.graph.returns.ftrace_graph_ret_addr
        real.extend([ret_addr(handler, slot), ret_addr(handler, slot + 8), ret_addr(0x1234, slot)])

    kernel.run("vfs_read", body)
    assert real == [0x9000, handler, 0x1234]


# -- where the books do not agree --------------------------------------------------------------------------------------


@pytest.mark.parametrize("config", ["3.6", "6.12-shared"])
def test_another_frame_than_at_the_entry_is_the_end(boot: Boot, config: str) -> None:
    """HAVE_FUNCTION_GRAPH_FP_TEST: the kernel stops the graph tracer and goes to panic()."""
    kernel = boot(config)
    graph(kernel)
    returns = kernel.core.graph.returns

    def body() -> None:
        (slot,) = kernel.plain.stack
        kernel.plain.stack[slot] = returns.ftrace_return_to_handler(slot + 8, None)

    assert told(kernel, body=body) == ["graph enters vfs_read 0"]
    assert kernel.landed == kernel.plain.address("panic")
    assert told(kernel) == []
    assert returns.hooked == 0


@pytest.mark.parametrize("config", ["3.6", "3.7", "6.1", "6.12", "6.12-shared"])
def test_a_return_of_what_was_not_hooked_is_the_end(boot: Boot, config: str) -> None:
    kernel = boot(config)
    graph(kernel)
    assert kernel.core.graph.returns.ftrace_return_to_handler(0, None) == kernel.plain.address("panic")
    assert told(kernel) == []


@pytest.mark.parametrize(("config", "callbacks"), [("3.7", 0), ("6.12", 1)])
def test_the_end_of_the_graph_tracer_is_that_of_all_tracing_in_3_x_only(
    boot: Boot, config: str, callbacks: int
) -> None:
    """ftrace_graph_stop() is ftrace_stop() there, which some trampolines never test; later it is a key of its own."""
    kernel = boot(config)
    kernel.register("probe", on=["vfs_read"])
    kernel.core.graph.stop()
    assert len(kernel.call("vfs_read")) == callbacks


# -- guards ------------------------------------------------------------------------------------------------------------


def test_an_entry_function_that_calls_its_own_function_is_entered_twice_as_an_ops(boot: Boot) -> None:
    """6.12's ftrace_graph_func() guards itself: once in its context, once for a transition."""
    kernel = boot("6.12")

    def enter(_trace: GraphEnt, _gops: FgraphOps) -> bool:
        kernel.run("vfs_read")
        return True

    kernel.core.graph.register(kernel.gops("graph", wanted=enter))
    kernel.run("vfs_read")
    assert [type(event).__name__ for event in kernel.events].count("Entered") == 2
    assert kernel.core.current.trace_recursion == 0


def test_what_a_broken_run_had_hooked_is_forgotten(boot: Boot) -> None:
    kernel = boot("6.12")
    graph(kernel)
    with pytest.raises(ZeroDivisionError):
        kernel.run("vfs_read", lambda: kernel.run("vfs_write", lambda: 1 // 0))
    assert kernel.core.graph.returns.hooked == 0
    assert told(kernel)[0] == "graph enters vfs_read 0"
