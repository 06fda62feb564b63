# SPDX-License-Identifier: GPL-2.0-only
"""Which bytes change and in which order; where a site's call goes; what happens when a site cannot be patched."""

from __future__ import annotations

import errno
from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest

from emulator.core.ops import FtraceOps
from emulator.description import Ability
from emulator.errors import FtraceError
from tests.core.conftest import CALL_OPS

if TYPE_CHECKING:
    from tests.core.conftest import Kernel

Boot = Callable[[str], "Kernel"]

LIST = "ftrace_ops_list_func"


def log(kernel: Kernel, change: Callable[[], object]) -> list[str]:
    """Everything that a change writes, in order."""
    kernel.plain.log.clear()
    change()
    return [f"{what} = {value}" for what, value in kernel.plain.log]


# -- order -------------------------------------------------------------------------------------------------------------


def test_3_7_writes_variables_then_sites_then_labels_and_holds_callbacks_off(boot: Boot) -> None:
    kernel = boot("3.7")
    probe = kernel.ops("probe", "RECURSION_SAFE", on=["vfs_read"])
    assert log(kernel, lambda: kernel.core.register(probe)) == [
        "function_trace_op = &probe",
        "ftrace_trace_function = probe_func",
        "function_trace_stop = 1",
        "vfs_read = ftrace_caller",
        "label = probe_func",
        "function_trace_stop = 0",
    ]
    assert log(kernel, lambda: kernel.core.unregister(probe)) == [
        "function_trace_op = &ftrace_list_end",
        "ftrace_trace_function = ftrace_stub",
        "function_trace_stop = 1",
        "vfs_read = nop",
        "label = ftrace_stub",
        "function_trace_stop = 0",
    ]


def test_6_12_goes_through_the_list_function_while_sites_change(boot: Boot) -> None:
    kernel = boot("6.12-shared")
    probe, other = kernel.ops("probe", on=["vfs_read"]), kernel.ops("other", on=["vfs_write"])
    assert log(kernel, lambda: kernel.core.register(probe)) == [
        "ftrace_trace_function = probe_func",
        f"label = {LIST}",
        "vfs_read = ftrace_caller",
        "function_trace_op = &probe",
        "label = probe_func",
    ]
    assert log(kernel, lambda: kernel.core.register(other)) == [
        f"ftrace_trace_function = {LIST}",
        f"label = {LIST}",
        "vfs_write = ftrace_caller",
    ]
    assert log(kernel, lambda: kernel.core.unregister(probe)) == [
        "ftrace_trace_function = other_func",
        "vfs_read = nop",
        "function_trace_op = &other",
        "label = other_func",
    ]


def test_3_6_tells_its_helper_last(boot: Boot) -> None:
    kernel = boot("3.6-helper")
    probe = kernel.ops("probe", on=["vfs_read"])
    assert log(kernel, lambda: kernel.core.register(probe)) == [
        "ftrace_trace_function = ftrace_test_stop_func",
        "function_trace_stop = 1",
        "vfs_read = ftrace_caller",
        "label = ftrace_test_stop_func",
        "__ftrace_trace_function = probe_func",
        "function_trace_stop = 0",
    ]


@pytest.mark.parametrize("config", ["3.6", "3.7"])
def test_a_kernel_that_was_stopped_is_stopped_after_patching_too(boot: Boot, config: str) -> None:
    kernel = boot(config)
    kernel.core.stop()
    kernel.register("probe")
    assert kernel.core.function_trace_stop == 1
    assert kernel.plain.variables["function_trace_stop"] == 1


# -- where a site's call goes ------------------------------------------------------------------------------------------

TARGETS = [
    ("3.6", [""], "ftrace_caller"),
    ("3.7", [""], "ftrace_caller"),
    ("3.7", ["SAVE_REGS"], "ftrace_regs_caller"),
    ("3.7", ["", "SAVE_REGS"], "ftrace_regs_caller"),
    ("3.7", ["SAVE_REGS_IF_SUPPORTED"], "ftrace_caller"),
    ("3.7-no-regs", ["SAVE_REGS_IF_SUPPORTED"], "ftrace_caller"),
    ("3.7-list", ["SAVE_REGS_IF_SUPPORTED"], "ftrace_caller"),
    ("6.12-shared", [""], "ftrace_caller"),
    ("6.12-shared", ["SAVE_REGS", ""], "ftrace_regs_caller"),
    ("6.12", [""], "copy of ops0"),
    ("6.12", ["SAVE_REGS"], "copy of ops0"),
    ("6.12", ["SAVE_REGS_IF_SUPPORTED"], "copy of ops0"),
    ("6.12", ["", ""], "ftrace_caller"),
    ("6.12", ["", "SAVE_REGS"], "ftrace_regs_caller"),
    ("6.12-list", [""], "ftrace_caller"),
]


@pytest.mark.parametrize(("config", "registered", "target"), TARGETS)
def test_the_target(boot: Boot, config: str, registered: list[str], target: str) -> None:
    kernel = boot(config)
    for index, flags in enumerate(registered):
        kernel.register(f"ops{index}", *flags.split(), on=["vfs_read"])
    assert kernel.target("vfs_read") == target
    assert kernel.plain.name(kernel.record("vfs_read").target) == target
    assert kernel.target("vfs_write") == "nop"
    for ops in tuple(kernel.core.ops):
        kernel.core.unregister(ops)
    assert kernel.target("vfs_read") == "nop"
    assert kernel.record("vfs_read").target == 0


def test_6_12_two_functions_have_a_copy_each_until_somebody_joins(boot: Boot) -> None:
    kernel = boot("6.12")
    kernel.register("one", on=["vfs_read"])
    kernel.register("two", on=["vfs_write"])
    assert (kernel.target("vfs_read"), kernel.target("vfs_write")) == ("copy of one", "copy of two")
    third = kernel.register("three", on=["vfs_read"])
    assert (kernel.target("vfs_read"), kernel.target("vfs_write")) == ("ftrace_caller", "copy of two")
    assert [seen.ops for seen in kernel.call("vfs_read")] == ["three", "one"]
    kernel.core.unregister(third)
    assert (kernel.target("vfs_read"), kernel.letters("vfs_read")) == ("copy of one", "1 ENABLED TRAMP TRAMP_EN")


@pytest.mark.parametrize(
    ("config", "beside", "after", "regs"),
    [
        ("3.7", "ftrace_regs_caller", "ftrace_regs_caller", True),
        ("6.12-shared", "ftrace_regs_caller", "ftrace_caller", False),
        ("6.12", "ftrace_regs_caller", "copy of plain", False),
    ],
)
def test_what_a_save_regs_ops_leaves_behind(boot: Boot, config: str, beside: str, after: str, regs: bool) -> None:
    kernel = boot(config)
    plain = kernel.register("plain", on=["vfs_read"])
    kprobe = kernel.register("kprobe", "SAVE_REGS", on=["vfs_read"])
    assert kernel.target("vfs_read") == beside
    assert [(seen.ops, seen.regs) for seen in kernel.call("vfs_read")] == [("kprobe", True), ("plain", True)]
    kernel.core.unregister(kprobe)
    assert kernel.target("vfs_read") == after
    assert [(seen.ops, seen.regs) for seen in kernel.call("vfs_read")] == [("plain", regs)]
    kernel.core.unregister(plain)
    kernel.core.register(plain)
    assert [seen.regs for seen in kernel.call("vfs_read")] == [False]


# -- what cannot be patched --------------------------------------------------------------------------------------------


CHANGES: dict[str, Callable[[Kernel, FtraceOps], None]] = {
    "register": lambda kernel, ops: kernel.core.register(ops),
    "unregister": lambda kernel, ops: kernel.core.unregister(ops),
    "set_filter": lambda kernel, ops: kernel.core.set_filter(ops, "do_exit"),
    "set_notrace": lambda kernel, ops: kernel.core.set_notrace(ops, "vfs_write"),
}


@pytest.mark.parametrize("change", ["unregister", "set_filter", "set_notrace"])
def test_a_site_that_is_not_as_expected_kills_ftrace(kernel: Kernel, change: str) -> None:
    ops = kernel.register("probe")
    kernel.plain.broken.add(kernel.ip["vfs_write"])
    with pytest.raises(FtraceError, match="-ENODEV: patching failed, ftrace was killed: 0x1104 is not") as refused:
        CHANGES[change](kernel, ops)
    assert refused.value.errno == errno.ENODEV
    for again in CHANGES.values():
        with pytest.raises(FtraceError, match="-ENODEV: ftrace was killed: 0x1104 is not as expected"):
            again(kernel, ops)
    assert kernel.variable("ftrace_trace_function") == "ftrace_stub"
    assert kernel.core.function_trace_stop == 0


def test_a_registration_that_cannot_be_patched_is_taken_back(kernel: Kernel) -> None:
    old = kernel.register("old", on=["do_exit"])
    kernel.plain.broken.add(kernel.ip["vfs_write"])
    ops = kernel.ops("probe")
    with pytest.raises(FtraceError, match="-ENODEV"):
        kernel.core.register(ops)
    assert kernel.core.ops == [old]
    assert not ops.has("ENABLED")
    assert kernel.variable("ftrace_trace_function") == "ftrace_stub"
    # What was patched before stays patched: a private copy, or a site's own pointer, goes on; else it is the stub.
    own = kernel.target("vfs_read") == "copy of probe" or CALL_OPS in kernel.plain.abilities
    assert [seen.ops for seen in kernel.call("vfs_read")] == ["probe"] * own


def test_after_a_failure_no_other_site_is_tried(kernel: Kernel) -> None:
    """Where all sites are verified before the first is written, none has been."""
    kernel.plain.broken.add(kernel.ip["vfs_write"])
    with pytest.raises(FtraceError, match="-ENODEV"):
        kernel.register("probe")
    verified = Ability.ARCH_REPLACE_CODE in kernel.plain.abilities
    assert [kernel.target(name) != "nop" for name in ("vfs_read", "vfs_write", "do_exit")] == [
        not verified,
        False,
        False,
    ]


def test_after_a_failure_the_labels_call_the_stub(kernel: Kernel) -> None:
    """Where they were to be written at all: what calls every ops alike was there before, and stays."""
    kernel.register("old", on=["do_exit"])
    before = kernel.label()
    kernel.plain.broken.add(kernel.ip["vfs_write"])
    with pytest.raises(FtraceError, match="-ENODEV"):
        kernel.register("probe")
    assert kernel.label() == (before if before in ("ftrace_ops_list_func", "ftrace_test_stop_func") else "ftrace_stub")


def test_a_broken_site_that_nobody_wants_does_no_harm(kernel: Kernel) -> None:
    kernel.plain.broken.add(kernel.ip["vfs_write"])
    kernel.core.unregister(kernel.register("probe", on=["vfs_read"]))
    assert not kernel.core.disabled
