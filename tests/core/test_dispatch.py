# SPDX-License-Identifier: GPL-2.0-only
"""Who is called: update_ftrace_function() of each release, the list function, ftrace_ops_test()."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest

from emulator.core import dispatch

if TYPE_CHECKING:
    from tests.core.conftest import Kernel

Boot = Callable[[str], "Kernel"]

LIST, ASSIST, HELPER, STUB = (
    "ftrace_ops_list_func",
    "ftrace_ops_assist_func",
    "ftrace_test_stop_func",
    "ftrace_stub",
)

CHOICES = [
    # configuration, flags of each ops in the order of registration, the function, the op it would be given
    ("3.6", [], STUB, "ftrace_list_end"),
    ("3.6", [""], "ops0_func", "ops0"),
    ("3.6", ["DYNAMIC"], LIST, "ftrace_list_end"),
    ("3.6", ["", ""], LIST, "ftrace_list_end"),
    ("3.6-helper", [""], "ops0_func", "ops0"),
    ("3.7", [], STUB, "ftrace_list_end"),
    ("3.7", ["RECURSION_SAFE"], "ops0_func", "ops0"),
    ("3.7", ["RECURSION_SAFE SAVE_REGS"], "ops0_func", "ops0"),
    ("3.7", [""], LIST, "ftrace_list_end"),
    ("3.7", ["RECURSION_SAFE DYNAMIC"], LIST, "ftrace_list_end"),
    ("3.7", ["RECURSION_SAFE", "RECURSION_SAFE"], LIST, "ftrace_list_end"),
    ("3.7-no-regs", ["RECURSION_SAFE"], "ops0_func", "ops0"),
    ("3.7-list", ["RECURSION_SAFE"], LIST, "ftrace_list_end"),
    ("3.7-list", [], STUB, "ftrace_list_end"),
    ("6.12", [], STUB, "ftrace_list_end"),
    ("6.12", [""], "ops0_func", "ops0"),
    ("6.12", ["RECURSION"], ASSIST, "ops0"),
    ("6.12", ["DYNAMIC"], LIST, "ftrace_list_end"),
    ("6.12", ["DYNAMIC RECURSION"], LIST, "ftrace_list_end"),
    ("6.12", ["", ""], LIST, "ftrace_list_end"),
    ("6.12-shared", ["RECURSION"], ASSIST, "ops0"),
    ("6.12-list", [""], LIST, "ftrace_list_end"),
    ("6.12-list", [], STUB, "ftrace_list_end"),
]


@pytest.mark.parametrize(("config", "registered", "func", "op"), CHOICES)
def test_the_choice_of_each_release(boot: Boot, config: str, registered: list[str], func: str, op: str) -> None:
    kernel = boot(config)
    for index, flags in enumerate(registered):
        kernel.register(f"ops{index}", *flags.split(), on=["vfs_read"])
    chosen = dispatch.choose(kernel.core)
    assert (kernel.plain.name(chosen.func), chosen.op.name) == (func, op)


def test_two_ops_on_two_functions_are_two_ops_all_the_same(boot: Boot) -> None:
    kernel = boot("6.12-shared")
    kernel.register("one", on=["vfs_read"])
    kernel.register("two", on=["vfs_write"])
    assert kernel.label() == LIST


def test_3_6_calls_a_helper_where_the_trampoline_does_not_test_stop(boot: Boot) -> None:
    kernel = boot("3.6-helper")
    assert (kernel.label(), kernel.variable("__ftrace_trace_function")) == (STUB, STUB)
    probe = kernel.register("probe", on=["vfs_read"])
    assert (kernel.label(), kernel.variable("__ftrace_trace_function")) == (HELPER, "probe_func")
    other = kernel.register("other", on=["vfs_read"])
    assert (kernel.label(), kernel.variable("__ftrace_trace_function")) == (HELPER, LIST)
    kernel.core.unregister(other)
    kernel.core.unregister(probe)
    assert (kernel.label(), kernel.variable("__ftrace_trace_function")) == (STUB, STUB)


def test_6_12_does_not_refresh_the_op_where_the_function_stays_the_same(boot: Boot) -> None:
    kernel = boot("6.12-shared")
    first, second = kernel.register("first", "RECURSION"), kernel.ops("second", "RECURSION")
    kernel.plain.settle(second)
    kernel.core.ops[:] = [second]
    kernel.plain.log.clear()
    dispatch.update_ftrace_function(kernel.core)
    kernel.core.set_filter(first, "vfs_read")
    assert (kernel.label(), kernel.variable("function_trace_op")) == (ASSIST, "&first")


def test_6_12_leaves_the_op_alone_when_it_goes_to_the_list_function(boot: Boot) -> None:
    kernel = boot("6.12-shared")
    first = kernel.register("first")
    second = kernel.register("second")
    assert (kernel.label(), kernel.variable("function_trace_op")) == (LIST, "&first")
    kernel.core.unregister(first)
    assert (kernel.label(), kernel.variable("function_trace_op")) == ("second_func", "&second")
    kernel.core.unregister(second)
    assert (kernel.label(), kernel.variable("function_trace_op")) == (STUB, "&ftrace_list_end")


def test_3_7_names_the_end_of_the_list_meanwhile(boot: Boot) -> None:
    kernel = boot("3.7")
    kernel.register("first", "RECURSION_SAFE")
    kernel.register("second", "RECURSION_SAFE")
    assert (kernel.label(), kernel.variable("function_trace_op")) == (LIST, "&ftrace_list_end")


def test_3_6_has_no_function_trace_op(boot: Boot) -> None:
    kernel = boot("3.6")
    kernel.core.unregister(kernel.register("first"))
    assert "function_trace_op" not in [name for name, *_ in kernel.plain.log]


# -- the functions that call ops ---------------------------------------------------------------------------------------


class Regs:
    """A record that may be read as a full pt_regs, or one that may not."""

    def __init__(self, regs: object | None) -> None:
        self._regs = regs

    def get_regs(self) -> object | None:
        return self._regs


def test_the_list_function_goes_newest_first_and_asks_the_hashes(kernel: Kernel) -> None:
    for name, function in (("a", "vfs_read"), ("b", "vfs_write"), ("c", "vfs_read")):
        kernel.register(name, on=[function])
    dispatch.ops_list_func(kernel.core, kernel.ip["vfs_read"], 0, None)
    assert [seen.ops for seen in kernel.seen] == ["c", "a"]


def test_ip_is_an_exact_key(kernel: Kernel) -> None:
    kernel.register("filtered", on=["vfs_read"])
    dispatch.ops_list_func(kernel.core, kernel.ip["vfs_read"] + 1, 0, None)
    assert kernel.seen == []
    kernel.register("everything")
    dispatch.ops_list_func(kernel.core, kernel.ip["vfs_read"] + 1, 0, None)
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
    dispatch.ops_list_func(kernel.core, kernel.ip["vfs_read"], 0, record)
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
    dispatch.ops_list_func(kernel.core, kernel.ip["vfs_read"], 0, None)
    assert len(kernel.seen) == called


def test_the_assist_function_asks_no_hash(boot: Boot) -> None:
    kernel = boot("6.12")
    probe = kernel.register("probe", "RECURSION", on=["vfs_write"])
    dispatch.ops_assist_func(kernel.core, kernel.ip["vfs_read"], 0, probe, None)
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
