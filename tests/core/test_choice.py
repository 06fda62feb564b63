# SPDX-License-Identifier: GPL-2.0-only
"""update_ftrace_function() of each release: which function trampolines call, with which op."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest

from emulator.core import choice

if TYPE_CHECKING:
    from tests.core.conftest import Kernel

Boot = Callable[[str], "Kernel"]

CONTROL, GLOBALS = "ftrace_ops_control_func", "ftrace_global_list_func"
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
    ("3.6", ["GLOBAL DYNAMIC"], "ops0_func", "ops0"),
    ("3.6", ["CONTROL DYNAMIC"], CONTROL, "control_ops"),
    ("3.7", ["GLOBAL"], "ops0_func", "ops0"),
    ("3.7", ["GLOBAL", "GLOBAL"], GLOBALS, "ops1"),
    ("3.7", ["CONTROL", "CONTROL"], CONTROL, "control_ops"),
    ("3.7", ["GLOBAL", "CONTROL"], LIST, "ftrace_list_end"),
    ("3.7-list", ["GLOBAL"], LIST, "ftrace_list_end"),
    ("6.1", [], STUB, "ftrace_list_end"),
    ("6.1", [""], "ops0_func", "ops0"),
    ("6.1", ["RECURSION"], ASSIST, "ops0"),
    ("6.1", ["RCU"], LIST, "ftrace_list_end"),
    ("6.1", ["DYNAMIC"], LIST, "ftrace_list_end"),
    ("6.12", [], STUB, "ftrace_list_end"),
    ("6.12", ["STUB"], "ops0_func", "ops0"),
    ("6.12", ["RCU RECURSION"], LIST, "ftrace_list_end"),
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
    chosen = choice.choose(kernel.core)
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
    choice.update_ftrace_function(kernel.core)
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


@pytest.mark.parametrize(
    ("flags", "func"), [("", "probe_func"), ("DYNAMIC", "probe_func"), ("RECURSION", ASSIST), ("RCU", ASSIST)]
)
def test_what_a_private_copy_calls(boot: Boot, flags: str, func: str) -> None:
    """ftrace_ops_get_func(): DYNAMIC is not looked at there."""
    kernel = boot("6.12")
    probe = kernel.register("probe", *flags.split(), on=["vfs_read"])
    assert kernel.plain.name(kernel.plain.copies[probe.trampoline].func) == func


def test_3_6_tells_its_helper_of_pids_only_when_code_is_patched_again(boot: Boot) -> None:
    """ftrace_startup_enable(0) has nothing to do: the labels call the helper as before."""
    kernel = boot("3.6-helper")
    kernel.register("probe", "GLOBAL")
    kernel.core.set_pids([2])
    assert kernel.variable("__ftrace_trace_function") == "probe_func"
    kernel.core.set_global_filter("vfs_*")
    assert kernel.variable("__ftrace_trace_function") == "ftrace_pid_func"


@pytest.mark.parametrize("config", ["3.6-helper", "3.7", "6.12"])
def test_after_the_end_of_ftrace_the_variables_name_the_stub(boot: Boot, config: str) -> None:
    kernel = boot(config)
    kernel.register("probe", on=["vfs_read"])
    kernel.core.kill()
    assert kernel.variable("ftrace_trace_function") == STUB
    if config == "3.6-helper":
        assert kernel.variable("__ftrace_trace_function") == STUB
        assert kernel.call("vfs_read") == []
