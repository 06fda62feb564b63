# SPDX-License-Identifier: GPL-2.0-only
"""register_ftrace_function() and unregister_ftrace_function(): codes and their order, and what stays consistent."""

from __future__ import annotations

import copy
import errno
import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest

from emulator.core.ops import FtraceOps
from emulator.errors import FtraceError, InputError, UsageError

if TYPE_CHECKING:
    from tests.core.conftest import Kernel

Boot = Callable[[str], "Kernel"]

WITHOUT_REGS = ["3.7-no-regs", "3.7-list", "6.12-list"]
WITH_REGS = ["3.7", "6.1", "6.12", "6.12-shared"]


def state(kernel: Kernel, *ops: FtraceOps) -> Any:
    """All that a refusal must leave as it was."""
    core, plain = kernel.core, kernel.plain
    return copy.deepcopy(
        [
            [each.name for each in core.ops],
            [(rec.flags, rec.target) for rec in core.records.values()],
            [(each.flags, each.kernel_flags, each.filter_hash, each.notrace_hash, each.trampoline) for each in ops],
            [core.trace_function, core.label_function, core.disabled, core.function_trace_stop],
            [plain.sites, plain.label, plain.variables, plain.log],
        ]
    )


def refused(kernel: Kernel, call: Callable[[FtraceOps], None], ops: FtraceOps) -> tuple[int | None, str]:
    """The code and the rule; nothing has changed."""
    before = state(kernel, ops, *kernel.core.ops)
    with pytest.raises(FtraceError) as error:
        call(ops)
    assert state(kernel, ops, *kernel.core.ops) == before
    return error.value.errno, error.value.rule


# -- codes -------------------------------------------------------------------------------------------------------------


def test_registered_twice(kernel: Kernel) -> None:
    ops = kernel.register("probe")
    assert refused(kernel, kernel.core.register, ops) == (errno.EBUSY, "probe is already registered (ENABLED)")
    kernel.core.unregister(ops)
    kernel.core.register(ops)
    assert len(kernel.call("vfs_read")) == 1


def test_unregistered_twice_or_never_registered(kernel: Kernel) -> None:
    ops = kernel.ops("probe")
    assert refused(kernel, kernel.core.unregister, ops) == (errno.EBUSY, "probe is not registered (not ENABLED)")
    kernel.core.register(ops)
    kernel.core.unregister(ops)
    assert refused(kernel, kernel.core.unregister, ops)[0] == errno.EBUSY


@pytest.mark.parametrize("config", WITHOUT_REGS)
def test_save_regs_where_it_is_not_supported(boot: Boot, config: str) -> None:
    """As trace_selftest_function_regs() tries it: refused, then lenient, and then there are no regs."""
    kernel = boot(config)
    ops = kernel.ops("kprobe", "SAVE_REGS", on=["vfs_read"])
    code, rule = refused(kernel, kernel.core.register, ops)
    assert code == errno.EINVAL
    assert "no DYNAMIC_FTRACE_WITH_REGS" in rule
    ops.flags |= {"SAVE_REGS_IF_SUPPORTED"}
    kernel.core.register(ops)
    assert [(seen.ops, seen.regs) for seen in kernel.call("vfs_read")] == [("kprobe", False)]


@pytest.mark.parametrize("config", WITH_REGS)
def test_save_regs_where_it_is_supported(boot: Boot, config: str) -> None:
    kernel = boot(config)
    kernel.register("kprobe", "SAVE_REGS", on=["vfs_read"])
    assert [(seen.ops, seen.regs) for seen in kernel.call("vfs_read")] == [("kprobe", True)]


@pytest.mark.parametrize(
    ("config", "set_by_kernel"), [("3.7", False), ("3.7-list", True), ("6.1", False), ("6.12", False)]
)
def test_if_supported_does_the_opposite_of_its_name(boot: Boot, config: str, set_by_kernel: bool) -> None:
    kernel = boot(config)
    ops = kernel.register("kprobe", "SAVE_REGS_IF_SUPPORTED", on=["vfs_read"])
    assert ops.has("SAVE_REGS") == set_by_kernel
    assert [seen.regs for seen in kernel.call("vfs_read")] == [False]


def test_the_order_of_the_rules(boot: Boot) -> None:
    """ENODEV comes before EBUSY, EBUSY before EINVAL; a flag that does not exist is no question for the kernel."""
    kernel = boot("3.7-list")
    ops = kernel.register("probe", "SAVE_REGS_IF_SUPPORTED")
    ops.kernel_flags.discard("ENABLED")
    ops.flags = frozenset({"SAVE_REGS"})
    ops.kernel_flags.add("ENABLED")
    assert refused(kernel, kernel.core.register, ops)[0] == errno.EBUSY
    kernel.core.kill()
    for call in (kernel.core.register, kernel.core.unregister):
        assert refused(kernel, call, ops) == (errno.ENODEV, "ftrace was killed")
    with pytest.raises(UsageError, match=r"release 3\.7 has no FTRACE_OPS_FL_RCU"):
        kernel.register("other", "RCU")


def test_an_unfit_flag_changes_nothing(kernel: Kernel) -> None:
    ops = kernel.ops("probe", on=["vfs_read"])
    ops.flags = frozenset({"SUBOP"})
    before = state(kernel, ops)
    with pytest.raises(UsageError, match="FTRACE_OPS_FL_SUBOP"):
        kernel.core.register(ops)
    assert state(kernel, ops) == before


def test_a_platform_that_has_no_room_leaves_no_trace(boot: Boot, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise InputError("no room")

    kernel = boot("6.12")
    ops = kernel.ops("probe", on=["vfs_read"], home="module")
    before = state(kernel, ops)
    monkeypatch.setattr(kernel.plain, "settle", full)
    with pytest.raises(InputError):
        kernel.core.register(ops)
    assert state(kernel, ops) == before
    monkeypatch.undo()
    kernel.core.register(ops)


def test_flags_of_a_registered_ops_stay(kernel: Kernel) -> None:
    ops = kernel.register("probe")
    with pytest.raises(UsageError, match="'probe': the flags of a registered ops"):
        ops.flags = frozenset({"DYNAMIC"})
    kernel.core.unregister(ops)
    ops.flags = frozenset({"DYNAMIC"})


@pytest.mark.parametrize("config", ["6.1", "6.12", "6.12-list"])
def test_there_is_nothing_to_stop_since_3_17(boot: Boot, config: str) -> None:
    kernel = boot(config)
    for switch in (kernel.core.stop, kernel.core.start):
        with pytest.raises(UsageError, match=f"release {re.escape(kernel.release.name)} has no function_trace_stop"):
            switch()
    kernel.register("probe")
    assert "function_trace_stop" not in kernel.plain.variables


# -- what a registration sets ------------------------------------------------------------------------------------------


def test_an_ops_of_a_module_is_dynamic_for_ever(kernel: Kernel) -> None:
    ops = kernel.ops("probe", home="module")
    assert not ops.has("DYNAMIC")
    kernel.core.register(ops)
    assert ops.has("DYNAMIC")
    assert kernel.variable("ftrace_trace_function") in ("ftrace_ops_list_func", "ftrace_test_stop_func")
    kernel.core.unregister(ops)
    assert ops.has("DYNAMIC")
    assert "DYNAMIC" not in ops.flags


def test_the_structs_are_linked_as_the_list_is(kernel: Kernel) -> None:
    first, second = kernel.register("first"), kernel.register("second")
    structs = kernel.plain.structs
    assert structs["second"][:2] == ("second_func", "&first")
    assert structs["first"][:2] == ("first_func", "&ftrace_list_end")
    assert "ENABLED" in structs["first"][2]
    kernel.core.unregister(first)
    assert structs["second"][:2] == ("second_func", "&ftrace_list_end")
    assert "ENABLED" not in structs["first"][2]
    kernel.core.unregister(second)
    assert "ENABLED" not in structs["second"][2]


def test_6_x_says_that_an_ops_was_initialised(boot: Boot) -> None:
    for config, flags in (("6.1", {"INITIALIZED"}), ("6.12-shared", {"INITIALIZED"}), ("3.7", set())):
        kernel = boot(config)
        ops = kernel.ops("probe", on=["vfs_read"])
        assert ops.kernel_flags == flags


def test_a_static_ops_keeps_its_copy_and_a_dynamic_one_gives_it_back(boot: Boot) -> None:
    kernel = boot("6.12")
    static, dynamic = kernel.register("static"), kernel.register("dynamic", home="module")
    kept = static.trampoline
    assert (static.has("ALLOC_TRAMP"), dynamic.has("ALLOC_TRAMP")) == (True, True)
    kernel.core.unregister(static)
    kernel.core.unregister(dynamic)
    assert (static.trampoline, dynamic.trampoline) == (kept, 0)
    assert (static.has("ALLOC_TRAMP"), dynamic.has("ALLOC_TRAMP")) == (True, False)
    kernel.core.register(static)
    assert static.trampoline == kept


# -- two kernels -------------------------------------------------------------------------------------------------------


def test_an_ops_belongs_to_the_kernel_that_has_it_registered(boot: Boot) -> None:
    here, there = boot("6.12"), boot("3.7")
    ops = here.register("probe", on=["vfs_read"])
    with pytest.raises(UsageError, match="filter was set in another kernel"):
        there.core.register(ops)
    with pytest.raises(UsageError, match="registered in another kernel"):
        there.core.set_filter(ops, "vfs_read")
    assert refused(there, there.core.unregister, ops)[0] == errno.EPERM
    assert len(here.call("vfs_read")) == 1


def test_an_ops_that_moves_takes_nothing_with_it(boot: Boot) -> None:
    here, there = boot("6.12"), boot("3.7")
    ops = here.register("probe", on=["vfs_read"], home="module")
    here.core.unregister(ops)
    with pytest.raises(UsageError, match="filter was set in another kernel"):
        there.core.register(ops)
    there.core.set_filter(ops, "vfs_write")
    there.core.register(ops)
    assert (len(there.call("vfs_read")), len(there.call("vfs_write"))) == (0, 1)
    assert ops.kernel_flags == {"DYNAMIC", "ENABLED"}


# -- callbacks that interfere ------------------------------------------------------------------------------------------


def test_a_callback_that_raises_is_heard_and_leaves_the_core_usable(kernel: Kernel) -> None:
    def fail(*_: object) -> None:
        raise ZeroDivisionError

    kernel.register("quiet", on=["vfs_read"])
    failing = kernel.register("failing", on=["vfs_read"], func=fail)
    for _ in range(3):
        with pytest.raises(ZeroDivisionError):
            kernel.call("vfs_read")
    assert kernel.core.current.trace_recursion == 0
    kernel.core.unregister(failing)
    assert [seen.ops for seen in kernel.call("vfs_read")] == ["quiet"]


def test_an_ops_registered_by_a_callback_waits_for_the_next_hit(kernel: Kernel) -> None:
    late = kernel.ops("late", on=["vfs_read"])

    def register_once(*_: object) -> None:
        if not late.has("ENABLED"):
            kernel.core.register(late)

    kernel.register("old", on=["vfs_read"])
    kernel.register("new", on=["vfs_read"], func=register_once)
    assert [seen.ops for seen in kernel.call("vfs_read")] == ["new", "old"]
    assert [seen.ops for seen in kernel.call("vfs_read")] == ["late", "new", "old"]


def test_an_ops_unregistered_by_a_callback_is_not_called_any_more(kernel: Kernel) -> None:
    old = kernel.register("old", on=["vfs_read"])
    new = kernel.register("new", on=["vfs_read"], func=lambda *_: kernel.core.unregister(old))
    assert [seen.ops for seen in kernel.call("vfs_read")] == ["new"]
    kernel.core.unregister(new)
    assert kernel.target("vfs_read") == "nop"


def test_a_callback_may_unregister_itself(kernel: Kernel) -> None:
    once: list[FtraceOps] = []
    once.append(kernel.register("once", on=["vfs_read"], func=lambda *_: kernel.core.unregister(once[0])))
    kernel.register("always", on=["vfs_read"])
    assert [seen.ops for seen in kernel.call("vfs_read")] == ["always", "once"]
    assert [seen.ops for seen in kernel.call("vfs_read")] == ["always"]


def test_a_callback_may_change_filters(kernel: Kernel) -> None:
    old = kernel.register("old", on=["vfs_read"])
    kernel.register("new", on=["vfs_read"], func=lambda *_: kernel.core.set_filter(old, "vfs_write", reset=True))
    assert [seen.ops for seen in kernel.call("vfs_read")] == ["new"]
    assert [seen.ops for seen in kernel.call("vfs_write")] == ["old"]


def test_a_callback_may_call_traced_functions(kernel: Kernel) -> None:
    kernel.register("outer", on=["vfs_read"], func=lambda *_: kernel.call("vfs_write"))
    kernel.register("inner", on=["vfs_write"])
    seen = [seen.ops for seen in kernel.call("vfs_read")]
    assert seen[0] == "outer"
    assert seen.count("outer") == 1


# -- trace_selftest_ops() ----------------------------------------------------------------------------------------------


def test_the_kernels_own_selftest_of_several_ops(kernel: Kernel) -> None:
    counts = dict.fromkeys(("p1", "p2", "p3", "dyn"), 0)
    flags = {"RECURSION_SAFE"} & kernel.release.flags.keys()

    def call(function: str) -> tuple[int, int, int]:
        for seen in kernel.call(function):
            counts[seen.ops] += 1
        return counts["p1"], counts["p2"], counts["p3"]

    p1 = kernel.register("p1", *flags, on=["vfs_read"])
    p2 = kernel.register("p2", *flags, on=["vfs_write"])
    p3 = kernel.register("p3", *flags, on=["vfs_read", "vfs_write"])
    assert call("vfs_read") == (1, 0, 1)
    assert call("vfs_write") == (1, 1, 2)
    dyn = kernel.register("dyn", *flags, home="module")
    assert call("vfs_read") == (2, 1, 3)
    assert call("vfs_write") == (2, 2, 4)
    assert counts["dyn"] == 2
    kernel.core.set_filter(p3, "!vfs_read")
    assert call("vfs_read") == (3, 2, 4)
    assert call("vfs_write") == (3, 3, 5)
    for ops in (dyn, p1, p2, p3):
        kernel.core.unregister(ops)
    assert call("vfs_read") == (3, 3, 5)
    assert [kernel.target(function) for function in kernel.ip] == ["nop"] * 3
