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
