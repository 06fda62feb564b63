# SPDX-License-Identifier: GPL-2.0-only
"""The core of 3.6 and 3.7 through every trampoline of theirs that is patched: what only these releases do."""

from __future__ import annotations

import errno
from collections.abc import Callable
from typing import Any

import pytest

from emulator import FgraphOps, FtraceError, FtraceOps, Lab, Pointer, RunError, UsageError, catalog
from emulator.core.fgraph_ops import GraphEnt, GraphRet
from emulator.description import Ability

VARIANTS = [
    pytest.param((arch.name, variant.name), id=f"{arch.name}-{variant.name}")
    for arch in map(catalog.load, catalog.names())
    for variant in arch.variants
    if variant.release in ("3.6", "3.7") and Ability.DYNAMIC_FTRACE in variant.abilities
]
X86_REGS = ("3.7", "3.7-mcount")
"""The variants of x86_64 that can save all registers."""


@pytest.fixture(params=VARIANTS)
def lab(request: pytest.FixtureRequest) -> Lab:
    arch, variant = request.param
    return Lab(arch, variant=variant)


@pytest.fixture(params=X86_REGS)
def x86(request: pytest.FixtureRequest) -> Lab:
    return Lab("x86_64", variant=request.param)


class Log(list[Any]):
    """What has happened: the names of the ops that were called; "+" and "-": the graph tracer, at entry and return."""

    def ops(
        self, name: str, *flags: str, func: Callable[..., object] | None = None, see: str = "", home: str = "core"
    ) -> FtraceOps:
        """An ops that notes itself, or what it gets for `see` (op, regs)."""

        def callback(ip: int, parent_ip: int, op: Any, regs: Any) -> None:
            self.append({"": name, "op": getattr(op, "name", op), "regs": regs is not None}[see])
            if func:
                func(ip, parent_ip, op, regs)

        return FtraceOps(name, callback, flags=flags, home=home)

    def gops(self, name: str = "graph") -> FgraphOps:
        def enter(_trace: GraphEnt, _gops: FgraphOps) -> bool:
            self.append("+")
            return True

        def leave(_trace: GraphRet, _gops: FgraphOps) -> None:
            self.append("-")

        return FgraphOps(name, enter, leave)

    def of(self, lab: Lab, function: str = "vfs_write") -> list[Any]:
        """What a call of a function leads to."""
        self.clear()
        lab.call(function)
        return list(self)


@pytest.fixture
def log() -> Log:
    return Log()


def registered(lab: Lab, ops: FtraceOps, on: str = "vfs_write") -> FtraceOps:
    lab.set_filter(ops, on)
    lab.register(ops)
    return ops


def code(call: Callable[..., object], *arguments: Any) -> int:
    with pytest.raises(FtraceError) as caught:
        call(*arguments)
    assert caught.value.errno is not None
    return caught.value.errno


def dropper(lab: Lab, ops: FtraceOps) -> Callable[..., None]:
    """A callback that unregisters another ops the first time."""

    def drop(*_: object) -> None:
        if ops.has("ENABLED"):
            lab.unregister(ops)

    return drop


def stops_in_mcount(lab: Lab) -> bool:
    return Ability.FUNCTION_TRACE_MCOUNT_TEST in lab.variant.abilities


# -- GLOBAL ops --------------------------------------------------------------------------------------------------------


def test_global_ops_share_one_filter(lab: Lab, log: Log) -> None:
    """ftrace_set_filter() of a GLOBAL ops is that of global_ops."""
    one, two = log.ops("one", "GLOBAL"), log.ops("two", "GLOBAL")
    lab.set_filter(one, "vfs_write")
    lab.register(two)
    assert (log.of(lab), log.of(lab, "schedule")) == (["two"], [])
    lab.register(one)
    assert log.of(lab) == ["one", "two"]
    lab.set_notrace(two, "vfs_write")
    assert log.of(lab) == []
    lab.set_global_notrace(None, reset=True)
    lab.set_global_filter("schedule", reset=True)
    assert (log.of(lab), log.of(lab, "schedule")) == ([], ["one", "two"])


def test_global_and_other_ops_do_not_share_theirs(lab: Lab, log: Log) -> None:
    lab.set_global_filter("vfs_write")
    one = log.ops("one", "GLOBAL")
    for ops in (one, registered(lab, log.ops("other"), "schedule"), log.ops("two", "GLOBAL")):
        if not ops.has("ENABLED"):
            lab.register(ops)
    assert (log.of(lab), log.of(lab, "schedule")) == (["two", "one"], ["other"])
    lab.unregister(one)
    assert (log.of(lab), log.of(lab, "schedule")) == (["two"], ["other"])


def test_a_global_ops_that_another_one_unregisters_is_not_called_any_more(lab: Lab, log: Log) -> None:
    old = registered(lab, log.ops("old", "GLOBAL"))
    registered(lab, log.ops("new", "GLOBAL", func=dropper(lab, old)))
    assert log.of(lab) == ["new"]


def test_global_ops_never_get_regs(x86: Lab, log: Log) -> None:
    """Their records are counted by global_ops, which does not ask for any; a CONTROL ops counts for itself."""
    registered(x86, log.ops("probe", "GLOBAL", "SAVE_REGS", see="regs"))
    assert log.of(x86) == [False]
    x86.local_enable(registered(x86, log.ops("control", "CONTROL", "SAVE_REGS", see="regs"), "schedule"))
    assert log.of(x86, "schedule") == [True]


def test_pids_restrict_global_ops_alone(lab: Lab, log: Log) -> None:
    registered(lab, log.ops("global", "GLOBAL"))
    registered(lab, log.ops("other"))
    lab.pids = [lab.current.pid + 1]
    assert log.of(lab) == ["other"]
    lab.pids = [lab.current.pid]
    assert log.of(lab) == ["other", "global"]
    lab.pids = []
    assert log.of(lab) == ["other", "global"]


def test_a_pid_for_a_single_global_ops(lab: Lab, log: Log) -> None:
    """3.6 without MCOUNT_TEST: the helper learns of ftrace_pid_func() when code is patched the next time."""
    registered(lab, log.ops("probe", "GLOBAL"))
    lab.pids = [lab.current.pid + 1]
    late = lab.release.name == "3.6" and not stops_in_mcount(lab)
    assert log.of(lab) == (["probe"] if late else [])
    lab.set_global_filter("schedule")
    assert log.of(lab) == []


def test_pids_that_go_while_ftrace_is_off_leave_nobody_traced(lab: Lab, log: Log) -> None:
    """ftrace_pid_func() stays, and looks at a bit of the task that no task has any more."""
    lab.pids = [lab.current.pid]
    registered(lab, log.ops("probe", "GLOBAL"))
    assert log.of(lab) == ["probe"]
    lab.enabled = False
    lab.pids = []
    lab.enabled = True
    assert log.of(lab) == []


def test_global_and_control_exclude_each_other(lab: Lab, log: Log) -> None:
    both = log.ops("probe", "GLOBAL", "CONTROL")
    assert code(lab.register, both) == errno.EINVAL
    both.flags = frozenset({"GLOBAL"})
    assert log.of(lab) == []
    registered(lab, both)
    assert log.of(lab) == ["probe"]


# -- CONTROL ops -------------------------------------------------------------------------------------------------------


def test_a_control_ops_is_off_until_it_is_switched_on(lab: Lab, log: Log) -> None:
    one, two = registered(lab, log.ops("one", "CONTROL")), registered(lab, log.ops("two", "CONTROL"), "schedule")
    assert log.of(lab) == []
    lab.local_enable(one)
    lab.local_enable(two)
    assert (log.of(lab), log.of(lab, "schedule")) == (["one"], ["two"])
    lab.local_disable(one)
    assert (log.of(lab), log.of(lab, "schedule")) == ([], ["two"])


def test_local_enable_counts(lab: Lab, log: Log) -> None:
    """The counter is tested for 0: an ops that is switched on twice is off."""
    ops = registered(lab, log.ops("probe", "CONTROL"))
    lab.local_enable(ops)
    lab.local_enable(ops)
    assert log.of(lab) == []
    lab.local_disable(ops)
    assert log.of(lab) == ["probe"]


def test_registering_again_switches_off_again(lab: Lab, log: Log) -> None:
    ops = registered(lab, log.ops("probe", "CONTROL"))
    lab.local_enable(ops)
    lab.unregister(ops)
    with pytest.raises(UsageError, match="'probe': only a registered CONTROL ops"):
        lab.local_enable(ops)
    lab.register(ops)
    assert log.of(lab) == []


def test_only_control_ops_are_switched(lab: Lab, log: Log) -> None:
    with pytest.raises(UsageError, match="only a registered CONTROL ops"):
        lab.local_disable(registered(lab, log.ops("probe")))


def test_a_control_ops_that_another_one_unregisters_is_not_called_any_more(lab: Lab, log: Log) -> None:
    old = registered(lab, log.ops("old", "CONTROL"))
    new = registered(lab, log.ops("new", "CONTROL", func=dropper(lab, old)))
    lab.local_enable(old)
    lab.local_enable(new)
    assert log.of(lab) == ["new"]


# -- one ops -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("flag", ["", "RECURSION_SAFE"])
def test_who_is_guarded_against_recursion(lab: Lab, log: Log, flag: str) -> None:
    """3.6 calls a single ops itself. So does 3.7 one that is RECURSION_SAFE, where op can be passed."""
    ops = log.ops("probe", *filter(None, [flag]), func=lambda *_: len(log) < 5 and lab.call("vfs_write"))
    if flag not in {"", *lab.release.flags}:
        with pytest.raises(UsageError, match=r"release 3\.6 has no FTRACE_OPS_FL_RECURSION_SAFE"):
            lab.register(ops)
        return
    registered(lab, ops)
    direct = lab.release.name == "3.6" or (flag and lab.passes_op and stops_in_mcount(lab))
    assert log.of(lab) == ["probe"] * (5 if direct else 1)


def test_a_modules_ops_goes_through_the_list(lab: Lab, log: Log) -> None:
    safe = {"RECURSION_SAFE"} & lab.release.flags.keys()
    ops = log.ops("probe", *safe, home="module", func=lambda *_: len(log) < 5 and lab.call("vfs_write"))
    registered(lab, ops)
    assert ops.has("DYNAMIC")
    assert log.of(lab) == ["probe"]


def test_x86_passes_the_address_of_function_trace_op(x86: Lab, log: Log) -> None:
    """From ftrace_caller, that is; the list function knows better."""
    first = registered(x86, log.ops("first", "RECURSION_SAFE", see="op"))
    wrong = Pointer(x86.address("function_trace_op"), "&function_trace_op")
    assert log.of(x86) == [wrong]
    second = registered(x86, log.ops("second", see="op"), "schedule")
    assert log.of(x86) == ["first"]
    x86.unregister(first)
    assert log.of(x86, "schedule") == ["second"]
    x86.unregister(second)
    registered(x86, log.ops("global", "GLOBAL", see="op"))
    assert log.of(x86) == [wrong]
    x86.pids = [x86.current.pid]
    assert log.of(x86) == [wrong]


def test_regs_stay_while_anybody_does(x86: Lab, log: Log) -> None:
    saves, plain = (log.ops(name, *flags, see="regs") for name, flags in (("a", ["SAVE_REGS"]), ("b", [])))
    registered(x86, saves)
    registered(x86, plain)
    assert log.of(x86) == [True, True]
    x86.unregister(saves)
    assert log.of(x86) == [True]
    x86.unregister(plain)
    x86.register(plain)
    assert log.of(x86) == [False]


def test_save_regs_if_supported(log: Log) -> None:
    """It gives no regs where they are supported. Where they are not a second ops on a function is the end."""
    for arch, variant in (("x86_64", "3.7"), ("arm", "3.7")):
        lab = Lab(arch, variant=variant)
        registered(lab, log.ops("probe", "SAVE_REGS_IF_SUPPORTED", see="regs"))
        assert log.of(lab) == [False]
    lab = Lab("arm", variant="3.7")
    plain = registered(lab, log.ops("plain"))
    probe = log.ops("probe", "SAVE_REGS_IF_SUPPORTED")
    lab.set_filter(probe, "vfs_write")
    with pytest.raises(FtraceError, match=r"-ENODEV: .* no ftrace_modify_call"):
        lab.register(probe)
    calls = (lab.register, log.ops("new")), (lab.unregister, plain), (lab.set_filter, plain, "schedule")
    assert [code(*call) for call in calls] == [errno.ENODEV] * 3
    # The list function was there before, and stays: nothing asked for another one.
    assert log.of(lab) == ["plain"]


def test_without_func_null_is_jumped_to(lab: Lab) -> None:
    lab.register(FtraceOps("nothing"))
    with pytest.raises(RunError, match="0x0"):
        lab.call("vfs_write")
    assert not lab.core.disabled


def test_a_single_ops_is_called_wherever_a_site_is_enabled(lab: Lab, log: Log) -> None:
    """No hash is tested where the label calls it itself, and the graph tracer enables sites too."""
    safe = {"RECURSION_SAFE"} & lab.release.flags.keys()
    ops = registered(lab, log.ops("probe", *safe))
    lab.set_global_filter("schedule")
    lab.register_graph(log.gops())
    direct = lab.core.helped_function if lab.core.needs_helper else lab.core.trace_function
    assert log.of(lab, "schedule") == (["probe", "+", "-"] if direct == ops.func_address else ["+", "-"])
    assert (direct == ops.func_address) == (lab.release.name == "3.6" or (lab.passes_op and stops_in_mcount(lab)))


# -- switches ----------------------------------------------------------------------------------------------------------


def test_who_tests_function_trace_stop(lab: Lab, log: Log) -> None:
    """Callbacks stop everywhere. The graph tracer stops only where the trampoline tests it."""
    registered(lab, log.ops("probe"))
    lab.set_global_filter("vfs_write")
    lab.register_graph(log.gops())
    lab.stop = True
    assert log.of(lab) == ([] if stops_in_mcount(lab) else ["+", "-"])
    lab.stop = False
    assert log.of(lab) == ["probe", "+", "-"]


def test_ftrace_enabled_leaves_labels_alone(lab: Lab, log: Log) -> None:
    """Sites come and go; what the labels call is what they called, until the next ops comes."""
    registered(lab, log.ops("probe"))
    lab.enabled = False
    assert (log.of(lab), lab.record("vfs_write").target) == ([], 0)
    registered(lab, log.ops("new"), "schedule")
    lab.enabled = True
    assert log.of(lab) == ["probe"]
    registered(lab, log.ops("last"))
    assert (log.of(lab), log.of(lab, "schedule")) == (["last", "probe"], ["new"])


def test_what_was_registered_while_ftrace_was_off_waits_for_the_next_ops(lab: Lab, log: Log) -> None:
    lab.enabled = False
    registered(lab, log.ops("probe"))
    lab.enabled = True
    assert lab.record("vfs_write").target == lab.address("ftrace_caller")
    assert log.of(lab) == []
    registered(lab, log.ops("next"), "schedule")
    assert log.of(lab) == ["probe"]


def test_ftrace_enabled_trusts_the_list(lab: Lab, log: Log) -> None:
    """The single ops is called itself, whether op can be passed or not; the graph tracer's coming shows it."""
    ops = registered(lab, log.ops("probe", home="module"))
    lab.enabled = False
    lab.enabled = True
    lab.set_global_filter("schedule")
    lab.register_graph(log.gops())
    assert lab.core.trace_function == lab.core.label_function == ops.func_address
    assert log.of(lab) == ["probe", "+", "-"]


def test_the_end_of_ftrace_reaches_what_calls_on_through_a_variable(lab: Lab, log: Log) -> None:
    """Labels stay as they are; ftrace_test_stop_func() and ftrace_pid_func() call the stub."""
    helped = lab.release.name == "3.6" and not stops_in_mcount(lab)
    registered(lab, log.ops("probe"))
    lab.kill()
    assert log.of(lab) == ([] if helped else ["probe"])


def test_the_end_of_ftrace_behind_ftrace_pid_func(lab: Lab, log: Log) -> None:
    lab.pids = [lab.current.pid]
    registered(lab, log.ops("probe", "GLOBAL"))
    assert log.of(lab) == ["probe"]
    lab.kill()
    assert log.of(lab) == []


# -- the graph tracer --------------------------------------------------------------------------------------------------


def test_the_graph_tracer_has_one_user(lab: Lab, log: Log) -> None:
    lab.register_graph(log.gops())
    assert code(lab.register_graph, log.gops("second")) == errno.EBUSY
    lab.set_global_filter("vfs_write")
    assert log.of(lab) == ["+", "-"]


def test_the_graph_tracer_takes_what_others_trace(lab: Lab, log: Log) -> None:
    """No hash is tested once a function gets as far as ftrace_graph_call."""
    lab.set_global_filter("schedule")
    lab.register_graph(log.gops())
    assert log.of(lab) == []
    registered(lab, log.ops("probe"))
    assert log.of(lab) == ["probe", "+", "-"]


def test_a_global_ops_that_comes_and_goes_beside_the_graph_tracer(lab: Lab, log: Log) -> None:
    """It takes ENABLED from global_ops with it: what the graph tracer has counted stays counted, and filters wait."""
    gops, ops = log.gops(), log.ops("probe", "GLOBAL")
    lab.set_global_filter("vfs_write")
    lab.register_graph(gops)
    lab.register(ops)
    assert log.of(lab) == ["probe", "+", "-"]
    lab.unregister(ops)
    lab.set_global_filter("schedule", reset=True)
    assert (log.of(lab), log.of(lab, "schedule")) == (["+", "-"], [])
    lab.unregister_graph(gops)
    assert [lab.record(name).target != 0 for name in ("vfs_write", "schedule")] == [True, False]
    assert log.of(lab) == []
    assert not lab.core.disabled


def test_a_graph_tracer_that_comes_and_goes_beside_a_global_ops_leaves_nothing(lab: Lab, log: Log) -> None:
    gops, ops = log.gops(), log.ops("probe", "GLOBAL")
    lab.set_global_filter("vfs_write")
    lab.register(ops)
    lab.register_graph(gops)
    assert log.of(lab) == ["probe", "+", "-"]
    lab.unregister_graph(gops)
    assert log.of(lab) == ["probe"]
    lab.unregister(ops)
    assert (lab.record("vfs_write").target, lab.record("vfs_write").flags) == (0, 0)


@pytest.mark.parametrize(("levels", "left_out"), [(49, 0), (50, 0), (51, 1), (60, 10)])
def test_fifty_functions_can_be_hooked_at_once(lab: Lab, log: Log, levels: int, left_out: int) -> None:
    lab.set_global_filter("device_is_dependent")
    lab.register_graph(log.gops())
    log.clear()
    lab.call("device_is_dependent", levels - 1)
    assert (log.count("+"), log.count("-")) == (levels, levels - left_out)
    assert lab.core.graph.stack.trace_overrun == left_out


def test_a_graph_tracer_that_goes_between_entry_and_return(lab: Lab, log: Log) -> None:
    gops, inner = log.gops(), lab.record("vfs_read").ip
    lab.set_global_filter("kernel_read")

    def drop(ip: int, *_: object) -> None:
        if ip == inner:
            lab.unregister_graph(gops)

    registered(lab, log.ops("probe", func=drop), "vfs_read")
    lab.register_graph(gops)
    assert [seen for seen in log.of(lab, "kernel_read") if seen != "probe"] == ["+"]
    assert not lab.core.graph.returns.hooked


def test_a_graph_caller_that_was_left_on_asks_nobody(lab: Lab, log: Log) -> None:
    """Neither a dead ftrace nor one that is off switches it off with the last user."""
    gops = log.gops()
    lab.set_global_filter("vfs_write")
    lab.register_graph(gops)
    lab.enabled = False
    lab.unregister_graph(gops)
    lab.enabled = True
    registered(lab, log.ops("probe"))
    assert log.of(lab) == ["probe"]
    lab.register_graph(gops)
    lab.kill()
    lab.unregister_graph(gops)
    assert "+" not in log.of(lab)


def test_a_changed_ip_is_taken_for_the_function(x86: Lab, log: Log) -> None:
    """ftrace_graph_caller of 3.7 finds the function by the address that ftrace_regs_caller returns to."""
    entered: list[int] = []
    other = x86.record("schedule").ip

    def redirect(_ip: int, _parent_ip: int, _op: object, regs: Any) -> None:
        regs.ip = other + len(x86.variant.site.nop)

    registered(x86, log.ops("probe", "SAVE_REGS", func=redirect))
    x86.set_global_filter("vfs_write")
    x86.register_graph(FgraphOps("graph", lambda trace, _gops: entered.append(trace.func)))
    x86.call("vfs_write")
    assert entered == [other]


def test_another_frame_is_the_end(lab: Lab) -> None:
    """Where the frame pointer is compared; ftrace_stop() then ends all tracing. Elsewhere nobody notices."""
    tested = Ability.FUNCTION_GRAPH_FP_TEST in lab.variant.abilities

    def spoil(trace: GraphRet, _gops: FgraphOps) -> None:
        if trace.depth == 1:
            lab.core.graph.stack.entries[0].fp ^= 8

    lab.register_graph(FgraphOps("graph", lambda *_: True, spoil))
    outcome = lab.run("kernel_read").outcome
    assert ("panic was called" in str(outcome)) == tested == lab.stop
    assert not lab.core.graph.returns.hooked
    lab.stop = False
    lab.set_global_filter("vfs_write")
    assert lab.run("vfs_write").outcome is None
