# SPDX-License-Identifier: GPL-2.0-only
"""kernel.ftrace_enabled: what 0 takes away, what 1 gives back, and who objects."""

from __future__ import annotations

import errno
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest

from emulator.errors import FtraceError

if TYPE_CHECKING:
    from tests.core.conftest import Kernel

Boot = Callable[[str], "Kernel"]

DYNAMIC = ["6.1", "6.12", "6.12-shared", "6.12-list"]
OLD = ["3.6", "3.6-helper", "3.7", "3.7-no-regs", "3.7-list"]


def code(call: Callable[..., object], *arguments: Any, **options: Any) -> int | None:
    with pytest.raises(FtraceError) as refused:
        call(*arguments, **options)
    return refused.value.errno


def switch(kernel: Kernel, value: int) -> None:
    kernel.core.set_enabled(enabled=bool(value))


def names(kernel: Kernel, function: str = "vfs_read") -> list[str]:
    return [seen.ops for seen in kernel.call(function)]


def test_0_disables_every_site_and_1_enables_them(kernel: Kernel) -> None:
    kernel.register("probe", on=["vfs_read"])
    kernel.register("other", on=["vfs_read", "do_exit"])
    before = [kernel.target(function) for function in kernel.ip]
    switch(kernel, 0)
    assert [kernel.target(function) for function in kernel.ip] == ["nop"] * 3
    assert (kernel.variable("ftrace_trace_function"), names(kernel)) == ("ftrace_stub", [])
    assert kernel.letters("vfs_read") == "2", "who wants it is remembered, and nothing of what the site did"
    switch(kernel, 1)
    assert [kernel.target(function) for function in kernel.ip] == before
    assert (names(kernel), names(kernel, "do_exit")) == (["other", "probe"], ["other"])


def test_the_same_value_again_changes_nothing(kernel: Kernel) -> None:
    kernel.register("probe")
    for value in (1, 0):
        switch(kernel, value)
        kernel.plain.log.clear()
        switch(kernel, value)
        assert kernel.plain.log == []


def test_with_0_registration_succeeds_and_patches_nothing(kernel: Kernel) -> None:
    switch(kernel, 0)
    kernel.plain.log.clear()
    ops = kernel.register("probe", on=["vfs_read"])
    assert (ops.has("ENABLED"), kernel.letters("vfs_read")[0], kernel.target("vfs_read")) == (True, "1", "nop")
    kernel.core.set_filter(ops, "do_exit", reset=True)
    assert [entry for entry in kernel.plain.log if entry[0] in kernel.ip] == []
    kernel.core.unregister(ops)
    assert kernel.letters("do_exit") == "0"


@pytest.mark.parametrize("config", DYNAMIC)
def test_what_was_registered_meanwhile_is_called_from_1_on(boot: Boot, config: str) -> None:
    kernel = boot(config)
    old = kernel.register("old", on=["vfs_read"])
    switch(kernel, 0)
    kernel.register("new", on=["vfs_read"])
    kernel.core.unregister(old)
    switch(kernel, 1)
    assert names(kernel) == ["new"]


@pytest.mark.parametrize("config", DYNAMIC)
def test_what_was_unregistered_meanwhile_is_never_called_again(boot: Boot, config: str) -> None:
    """The label still called it: saved_ftrace_func is forgotten, so that whoever comes next changes it."""
    kernel = boot(config)
    old = kernel.register("old", on=["vfs_read"])
    switch(kernel, 0)
    kernel.core.unregister(old)
    switch(kernel, 1)
    gops = kernel.gops("graph")
    kernel.core.graph.register(gops)
    assert names(kernel) == []


# -- permanent ops -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("config", [*DYNAMIC, "6.1-static", "6.12-static"])
def test_a_permanent_ops_and_0_exclude_each_other(boot: Boot, config: str) -> None:
    """selftests/livepatch/test-ftrace.sh: -16 both ways, and the redirection persists."""
    kernel = boot(config)
    ops = kernel.ops("livepatch", "PERMANENT")
    switch(kernel, 0)
    assert code(kernel.core.register, ops) == errno.EBUSY
    assert kernel.core.ops == []
    switch(kernel, 1)
    kernel.core.register(ops)
    assert code(switch, kernel, 0) == errno.EBUSY
    assert (kernel.core.enabled, names(kernel)) == (True, ["livepatch"])
    kernel.core.unregister(ops)
    switch(kernel, 0)


def test_after_the_end_of_ftrace(kernel: Kernel) -> None:
    kernel.core.kill()
    for value in (0, 1):
        assert code(switch, kernel, value) == errno.ENODEV


# -- the graph tracer --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("config", ["6.12-shared", "6.12-list"])
def test_the_graph_caller_goes_and_comes_with_the_sites(boot: Boot, config: str) -> None:
    kernel = boot(config)
    kernel.core.graph.register(kernel.gops("graph"))
    on_off: list[bool] = []
    for value in (0, 1):
        switch(kernel, value)
        on_off.append(kernel.plain.graph_caller)
    assert on_off == [False, True]
    assert [type(event).__name__ for event in kernel.run("vfs_read")] == ["Entered", "Returned"]


@pytest.mark.parametrize("config", ["3.6", "3.7"])
def test_in_3_x_the_graph_caller_stays_as_it_is(boot: Boot, config: str) -> None:
    """ftrace_startup_sysctl() knows UPDATE_CALLS alone: a graph tracer that was registered with 0 does not begin."""
    kernel = boot(config)
    gops = kernel.gops("graph")
    kernel.core.graph.register(gops)
    switch(kernel, 0)
    assert kernel.plain.graph_caller
    kernel.core.graph.unregister(gops)
    kernel.register("probe")
    switch(kernel, 1)
    assert kernel.plain.graph_caller
    assert kernel.core.graph.returns.hooked == 0
    switch(kernel, 0)
    assert "Entered" not in [type(event).__name__ for event in kernel.events]


@pytest.mark.parametrize(("config", "runs"), [("3.6-static", True), ("3.7-static", True), ("6.1-static", True)])
def test_static_mcount_goes_on_to_the_graph_tracer(boot: Boot, config: str, runs: bool) -> None:
    """It has no sites, and compares one variable after the other."""
    kernel = boot(config)
    kernel.register("probe")
    kernel.core.graph.register(kernel.gops("graph"))
    switch(kernel, 0)
    assert names(kernel) == []
    assert ("Entered" in [type(event).__name__ for event in kernel.run("vfs_read")]) == runs


# -- 3.x: whom 1 trusts ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("config", "flags", "before"),
    [
        ("3.6", ["DYNAMIC"], "ftrace_ops_list_func"),
        ("3.6-helper", [], "ftrace_test_stop_func"),
        ("3.7", [], "ftrace_ops_list_func"),
        ("3.7-list", ["RECURSION_SAFE"], "ftrace_ops_list_func"),
        ("3.7-static", ["RECURSION_SAFE"], "ftrace_ops_list_func"),
    ],
)
def test_1_takes_the_only_ops_itself_whatever_its_flags(boot: Boot, config: str, flags: list[str], before: str) -> None:
    kernel = boot(config)
    kernel.register("probe", *flags)
    assert kernel.variable("ftrace_trace_function") == before
    switch(kernel, 0)
    switch(kernel, 1)
    assert kernel.variable("ftrace_trace_function") == "probe_func"
    assert names(kernel) == ["probe"]


@pytest.mark.parametrize("config", OLD)
def test_the_labels_are_left_alone(boot: Boot, config: str) -> None:
    """So what was registered with 0 is not called, until somebody else comes or goes."""
    kernel = boot(config)
    switch(kernel, 0)
    kernel.register("early", on=["vfs_read"])
    switch(kernel, 1)
    assert kernel.target("vfs_read") == "ftrace_caller"
    assert (kernel.label(), names(kernel)) == ("ftrace_stub", [])
    kernel.core.unregister(kernel.register("other"))
    assert names(kernel) == ["early"]


@pytest.mark.parametrize("config", ["3.6", "3.7", "3.7-list"])
def test_two_ops_and_the_label_of_one(boot: Boot, config: str) -> None:
    """The first goes on being called directly, on all functions, and the second not at all."""
    kernel = boot(config)
    flags = ["RECURSION_SAFE"] if config != "3.6" else []
    kernel.register("first", *flags, on=["vfs_read"])
    switch(kernel, 0)
    kernel.register("second", *flags, on=["vfs_write"])
    switch(kernel, 1)
    through_list = kernel.label() == "ftrace_ops_list_func"
    assert names(kernel, "vfs_write") == (["second"] if through_list else ["first"])


# -- what stays of what was registered with 0 --------------------------------------------------------------------------


def test_regs_that_were_wanted_with_0_are_still_wanted(boot: Boot) -> None:
    """Only a site that is disabled forgets what was wanted; this one was never enabled."""
    for config, regs in (("3.7", True), ("6.12-shared", True)):
        kernel = boot(config)
        switch(kernel, 0)
        kernel.core.unregister(kernel.register("kprobe", "SAVE_REGS", on=["vfs_read"]))
        switch(kernel, 1)
        kernel.register("plain", on=["vfs_read"])
        assert [seen.regs for seen in kernel.call("vfs_read")] == [regs]


@pytest.mark.parametrize("config", ["6.1", "6.12", "6.12-shared"])
def test_and_they_end_ftrace_when_the_last_ops_goes(boot: Boot, config: str) -> None:
    """ftrace_shutdown() expects no flag on any record then: FTRACE_WARN_ON_ONCE()."""
    kernel = boot(config)
    switch(kernel, 0)
    kernel.core.unregister(kernel.register("kprobe", "SAVE_REGS", on=["vfs_read"]))
    switch(kernel, 1)
    plain = kernel.register("plain", on=["do_exit"])
    kernel.core.unregister(plain)
    assert kernel.core.disabled
    assert "vfs_read" in str(kernel.core.bug)
    assert code(kernel.core.register, plain) == errno.ENODEV
