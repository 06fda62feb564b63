# SPDX-License-Identifier: GPL-2.0-only
"""The list function, the assist function, ftrace_ops_test(), and the gates that stand before an ops."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest

from emulator.core import functions
from emulator.core.ops import FtraceOps
from emulator.errors import Fault, FtraceError

if TYPE_CHECKING:
    from tests.core.conftest import Kernel

Boot = Callable[[str], "Kernel"]

# -- the functions that call ops ---------------------------------------------------------------------------------------


class Regs:
    """A record that may be read as a full pt_regs, or one that may not."""

    def __init__(self, regs: object | None) -> None:
        self._regs = regs

    def get_regs(self) -> object | None:
        return self._regs

    def get_parent_slot(self) -> int:
        return 0

    def get_frame_pointer(self) -> int:
        return 0

    def set_direct_caller(self, address: int) -> None:
        raise AssertionError(f"nobody calls {address:#x} directly")


def test_the_list_function_goes_newest_first_and_asks_the_hashes(kernel: Kernel) -> None:
    for name, function in (("a", "vfs_read"), ("b", "vfs_write"), ("c", "vfs_read")):
        kernel.register(name, on=[function])
    functions.ops_list_func(kernel.core, kernel.ip["vfs_read"], 0, None, None)
    assert [seen.ops for seen in kernel.seen] == ["c", "a"]


def test_ip_is_an_exact_key(kernel: Kernel) -> None:
    kernel.register("filtered", on=["vfs_read"])
    functions.ops_list_func(kernel.core, kernel.ip["vfs_read"] + 1, 0, None, None)
    assert kernel.seen == []
    kernel.register("everything")
    functions.ops_list_func(kernel.core, kernel.ip["vfs_read"] + 1, 0, None, None)
    assert [seen.ops for seen in kernel.seen] == ["everything"]


TESTED = [
    # regs NULL and SAVE_REGS: since 3.19 the hashes are not even asked
    ("3.7", None, True),
    ("6.12", None, False),
    ("6.12", Regs(None), False),
    ("6.12", Regs("regs"), True),
]


@pytest.mark.parametrize(("config", "record", "called"), TESTED)
def test_an_ops_that_wants_regs_and_none_are_there(boot: Boot, config: str, record: Regs | None, called: bool) -> None:
    kernel = boot(config)
    kernel.register("kprobe", "SAVE_REGS", on=["vfs_read"])
    functions.ops_list_func(kernel.core, kernel.ip["vfs_read"], 0, None, record)
    assert [seen.ops for seen in kernel.seen] == ["kprobe"] * called


def test_where_regs_are_not_supported_nobody_waits_for_them(boot: Boot) -> None:
    kernel = boot("6.12-list")
    kernel.register("kprobe", "SAVE_REGS", "SAVE_REGS_IF_SUPPORTED", on=["vfs_read"])
    assert [(seen.ops, seen.regs) for seen in kernel.call("vfs_read")] == [("kprobe", False)]


@pytest.mark.parametrize("config", ["3.6", "3.6-helper", "3.7", "3.7-no-regs", "3.7-list"])
def test_stopped_nobody_is_called_whoever_has_to_test_it(boot: Boot, config: str) -> None:
    kernel = boot(config)
    kernel.register("probe", on=["vfs_read"])
    kernel.register("other", on=["vfs_read"])
    kernel.core.stop()
    kernel.core.stop()
    assert kernel.call("vfs_read") == []
    kernel.core.start()
    assert len(kernel.call("vfs_read")) == 2


@pytest.mark.parametrize(("config", "called"), [("3.6", 1), ("3.7", 0), ("3.7-list", 0)])
def test_the_list_function_tests_stop_in_3_7_only(boot: Boot, config: str, called: int) -> None:
    kernel = boot(config)
    kernel.register("probe", on=["vfs_read"])
    kernel.core.stop()
    functions.ops_list_func(kernel.core, kernel.ip["vfs_read"], 0, None, None)
    assert len(kernel.seen) == called


def test_the_assist_function_asks_no_hash(boot: Boot) -> None:
    kernel = boot("6.12")
    probe = kernel.register("probe", "RECURSION", on=["vfs_write"])
    functions.ops_assist_func(kernel.core, kernel.ip["vfs_read"], 0, probe, None)
    assert [seen.ops for seen in kernel.seen] == ["probe"]


# -- recursion, as trace_selftest_function_recursion tries it ----------------------------------------------------------

GUARDED = [
    ("3.6", ["", ""], 1),
    ("3.7", [""], 1),
    ("3.7-list", ["RECURSION_SAFE"], 1),
    ("6.12", ["RECURSION"], 2),
    ("6.12-shared", ["RECURSION"], 2),
    ("6.12-list", [""], 2),
    ("6.12", ["", ""], 2),
]


@pytest.mark.parametrize(("config", "registered", "entries"), GUARDED)
def test_a_callback_that_calls_its_own_function_is_cut_short(
    boot: Boot, config: str, registered: list[str], entries: int
) -> None:
    kernel = boot(config)
    for index, flags in enumerate(registered):
        func = None if index else lambda *_: kernel.call("vfs_read")
        kernel.register(f"ops{index}", *flags.split(), on=["vfs_read"], func=func)
    for _ in range(2):
        assert [seen.ops for seen in kernel.call("vfs_read")].count("ops0") == entries


def test_an_unguarded_ops_recurses_as_far_as_it_likes(boot: Boot) -> None:
    kernel = boot("6.12")
    kernel.register("probe", on=["vfs_read"], func=lambda *_: len(kernel.seen) < 10 and kernel.call("vfs_read"))
    assert len(kernel.call("vfs_read")) == 10


@pytest.mark.parametrize("config", ["3.6", "3.7"])
@pytest.mark.parametrize("flag", ["GLOBAL", "CONTROL"])
def test_the_lists_of_3_x_guard_themselves(boot: Boot, config: str, flag: str) -> None:
    """A sole CONTROL ops, or two GLOBAL ones, are called without the list function, by functions with a bit each."""
    kernel = boot(config)
    for name in ("quiet", "loud"):
        func = (lambda *_: kernel.call("vfs_read")) if name == "loud" else None
        ops = kernel.register(name, flag, func=func)
        if flag == "CONTROL":
            kernel.core.local_enable(ops)
    assert kernel.label() in ("ftrace_global_list_func", "ftrace_ops_control_func")
    assert [seen.ops for seen in kernel.call("vfs_read")] == ["loud", "quiet"]
    assert kernel.core.current.trace_recursion == 0


# -- gates -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("config", ["6.1", "6.12", "6.12-shared", "6.12-list", "6.1-static", "6.12-static"])
@pytest.mark.parametrize("beside", [False, True])
def test_an_rcu_ops_is_called_only_where_rcu_is_watching(boot: Boot, config: str, beside: bool) -> None:
    kernel = boot(config)
    kernel.register("rcu", "RCU")
    if beside:
        kernel.register("other")
    others = ["other"] * beside
    assert [seen.ops for seen in kernel.call("vfs_read")] == [*others, "rcu"]
    kernel.core.current.rcu_watching = False
    assert [seen.ops for seen in kernel.call("vfs_read")] == others


@pytest.mark.parametrize(
    ("config", "flag"), [("3.6", "GLOBAL"), ("3.7", "GLOBAL"), ("6.1", "PID"), ("6.12", "PID"), ("6.12-list", "PID")]
)
@pytest.mark.parametrize("beside", [False, True])
def test_pids_restrict_those_that_are_subject_to_them(boot: Boot, config: str, flag: str, beside: bool) -> None:
    kernel = boot(config)
    early = kernel.register("early", flag)
    if beside:
        kernel.register("other")
    kernel.core.set_pids([2, 3])
    others = ["other"] * beside
    assert [seen.ops for seen in kernel.call("vfs_read")] == others
    kernel.core.current.pid = 3
    assert [seen.ops for seen in kernel.call("vfs_read")] == [*others, "early"]
    kernel.core.current.pid = 1
    late = kernel.register("late", flag)
    assert [seen.ops for seen in kernel.call("vfs_read")] == others
    kernel.core.set_pids([])
    assert sorted(seen.ops for seen in kernel.call("vfs_read")) == sorted([*others, "early", "late"])
    for ops in (early, late):
        kernel.core.unregister(ops)
    assert [seen.ops for seen in kernel.call("vfs_read")] == others


def test_a_pid_ops_gets_its_own_func_back(boot: Boot) -> None:
    kernel = boot("6.12")
    kernel.core.set_pids([2])
    ops = kernel.register("probe", "PID")
    assert kernel.plain.name(ops.func_address) == "ftrace_pid_func"
    kernel.core.unregister(ops)
    assert kernel.plain.name(ops.func_address) == "probe_func"


def test_pids_set_where_nothing_is_called_wait_for_the_next_ops(boot: Boot) -> None:
    """ftrace_update_pid_func() gives up where ftrace_trace_function is the stub."""
    kernel = boot("6.12")
    kernel.register("early", "PID")
    kernel.core.set_enabled(enabled=False)
    kernel.core.set_pids([2])
    kernel.core.set_enabled(enabled=True)
    kernel.register("late", "PID")
    assert [seen.ops for seen in kernel.call("vfs_read")] == ["early"]


# -- stubs, and functions that are missing -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("config", "alone", "called"),
    [
        ("6.12", True, True),
        ("6.12-shared", True, True),
        ("6.12-list", True, False),
        ("6.12", False, False),
        ("6.1", False, False),
    ],
)
def test_only_the_list_function_looks_for_stubs(boot: Boot, config: str, alone: bool, called: bool) -> None:
    kernel = boot(config)
    kernel.register("stub", "STUB", on=["vfs_read"])
    if not alone:
        kernel.register("other", on=["vfs_read"])
    assert ("stub" in [seen.ops for seen in kernel.call("vfs_read")]) == called


@pytest.mark.parametrize("config", ["6.1", "6.12", "6.12-shared", "6.12-list"])
def test_an_ops_without_a_func_ends_ftrace_in_the_list_function(boot: Boot, config: str) -> None:
    """register_ftrace_function() does not look; those behind it on the list are not called any more."""
    kernel = boot(config)
    kernel.register("behind", on=["vfs_read"])
    null = FtraceOps("null")
    kernel.core.register(null)
    kernel.register("before", on=["vfs_read"])
    assert [seen.ops for seen in kernel.call("vfs_read")] == ["before"]
    assert kernel.core.disabled
    assert "null has no func" in str(kernel.core.bug)
    assert kernel.core.current.trace_recursion == 0
    with pytest.raises(FtraceError, match="ENODEV"):
        kernel.core.unregister(null)


@pytest.mark.parametrize("config", ["6.12", "6.12-shared"])
def test_called_directly_it_is_a_call_of_address_0(boot: Boot, config: str) -> None:
    kernel = boot(config)
    kernel.core.register(FtraceOps("null"))
    with pytest.raises(Fault, match="a call of 0x0"):
        kernel.call("vfs_read")


@pytest.mark.parametrize(("symbol", "config"), [("call_direct_funcs", "6.12"), ("ftrace_graph_func", "6.12")])
def test_functions_that_cannot_do_without_a_record(boot: Boot, symbol: str, config: str) -> None:
    kernel = boot(config)
    direct = kernel.direct_ops("direct", on=["vfs_read"])
    kernel.core.direct.register(direct, 0xD100)
    kernel.core.graph.register(kernel.gops("graph"))
    with pytest.raises(Fault, match="record, which is NULL"):
        kernel.core.call(kernel.plain.address(symbol), kernel.ip["vfs_read"], 0, direct, None)
    assert kernel.core.current.trace_recursion == 0


def test_a_direct_ops_without_an_address_asks_for_nothing(boot: Boot) -> None:
    kernel = boot("6.12")
    functions.call_direct_funcs(kernel.core, kernel.ip["vfs_read"], 0, FtraceOps("direct"), Regs("regs"))


def test_an_address_where_nothing_is(boot: Boot) -> None:
    kernel = boot("6.12")
    with pytest.raises(Fault, match="a call of 0x1234, where no function is"):
        kernel.core.call(0x1234, kernel.ip["vfs_read"], 0, None, None)


# -- GLOBAL and CONTROL ops: which op they are given -------------------------------------------------------------------


@pytest.mark.parametrize(
    ("registered", "ops"),
    [
        (["GLOBAL"], ["a"]),  # called directly: function_trace_op is the first GLOBAL ops
        (["GLOBAL", "GLOBAL"], ["b", "a"]),
        (["GLOBAL", ""], ["b", "global_ops"]),  # the only one is what global_ops calls, and gets that for op
        (["GLOBAL", "GLOBAL", ""], ["c", "b", "a"]),
        (["CONTROL"], ["a"]),
        (["CONTROL", ""], ["b", "a"]),
    ],
)
def test_the_op_of_each(boot: Boot, registered: list[str], ops: list[str]) -> None:
    kernel = boot("3.7")
    for name, flag in zip("abc", registered, strict=False):
        each = kernel.register(name, "RECURSION_SAFE", *([flag] if flag else []))
        if flag == "CONTROL":
            kernel.core.local_enable(each)
    assert [seen.op for seen in kernel.call("vfs_read")] == ops
    assert [seen.ops for seen in kernel.call("vfs_read")] == list("abc"[: len(registered)])[::-1]


@pytest.mark.parametrize("config", ["3.6", "3.7"])
@pytest.mark.parametrize("flag", ["GLOBAL", "CONTROL"])
def test_one_that_goes_meanwhile_is_not_called_any_more(boot: Boot, config: str, flag: str) -> None:
    kernel = boot(config)
    old = kernel.register("old", flag)
    new = kernel.register("new", flag, func=lambda *_: kernel.core.unregister(old))
    if flag == "CONTROL":
        for ops in (old, new):
            kernel.core.local_enable(ops)
    assert [seen.ops for seen in kernel.call("vfs_read")] == ["new"]
