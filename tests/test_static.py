# SPDX-License-Identifier: GPL-2.0-only
"""Kernels without DYNAMIC_FTRACE, through every static mcount: nothing is patched, nothing can be filtered."""

from __future__ import annotations

import errno
from collections.abc import Callable
from typing import Any

import pytest

from emulator import FgraphOps, FtraceError, FtraceOps, Lab, UsageError, catalog
from emulator.description import Ability

STATIC = [
    pytest.param((arch.name, variant.name), id=f"{arch.name}-{variant.name}")
    for arch in map(catalog.load, catalog.names())
    for variant in arch.variants
    if Ability.DYNAMIC_FTRACE not in variant.abilities
]
GRAPHS = [
    pytest.param((arch.name, variant.name), id=f"{arch.name}-{variant.name}")
    for arch in map(catalog.load, catalog.names())
    for variant in arch.variants
    if Ability.DYNAMIC_FTRACE not in variant.abilities
    and Ability.FUNCTION_GRAPH_TRACER in variant.abilities
    and variant.release != "6.12"
]
"""Those that register a graph tracer."""
FUNCTION = "vfs_write"


@pytest.fixture(params=STATIC)
def lab(request: pytest.FixtureRequest) -> Lab:
    arch, variant = request.param
    return Lab(arch, variant=variant)


class Log(list[Any]):
    """What has happened: (ops, op, regs) of a callback, "+" and "-" of the graph tracer."""

    def ops(self, name: str, *flags: str, func: Callable[..., object] | None = None) -> FtraceOps:
        def callback(_ip: int, _parent_ip: int, op: Any, regs: Any) -> None:
            self.append((name, getattr(op, "name", op), regs))
            if func:
                func()

        return FtraceOps(name, callback, flags=flags)

    def gops(self) -> FgraphOps:
        def enter(*_: object) -> bool:
            self.append("+")
            return True

        return FgraphOps("graph", enter, lambda *_: self.append("-"))

    def of(self, lab: Lab) -> list[Any]:
        """What a call leads to; of the function alone, for its caller is traced as well."""
        self.clear()
        lab.call(FUNCTION)
        half = len(self) // 2
        assert sorted(map(str, self[:half])) == sorted(map(str, self[half:]))
        return list(self[half:])


@pytest.fixture
def log() -> Log:
    return Log()


def old(lab: Lab) -> bool:
    return lab.release.has_trace_stop


def passed(lab: Lab, name: str) -> tuple[str, str | None, None]:
    """The list function gives each ops itself, and never regs; before 3.7 there was no such argument."""
    return name, name if lab.release.callback_gets_op else None, None


def code(call: Callable[..., object], *arguments: Any) -> int:
    with pytest.raises(FtraceError) as caught:
        call(*arguments)
    assert caught.value.errno is not None
    return caught.value.errno


def test_everybody_is_called_newest_first(lab: Lab, log: Log) -> None:
    first, second = log.ops("first"), log.ops("second")
    lab.register(first)
    assert log.of(lab) == [passed(lab, "first")]
    lab.register(second)
    assert log.of(lab) == [passed(lab, "second"), passed(lab, "first")]
    lab.unregister(first)
    assert log.of(lab) == [passed(lab, "second")]
    lab.unregister(second)
    assert log.of(lab) == []


def test_sites_call_mcount_for_ever(lab: Lab, log: Log) -> None:
    before = lab.image.memory.read(lab.record(FUNCTION).ip, 4)
    ops = log.ops("probe")
    for change in (lambda: lab.register(ops), lambda: lab.unregister(ops), lambda: setattr(lab, "enabled", False)):
        change()
        assert lab.image.memory.read(lab.record(FUNCTION).ip, 4) == before


def test_the_list_function_is_forced_but_by_3_6(lab: Lab, log: Log) -> None:
    """It guards: 3.7 lets nobody in again, 6.x one more."""
    lab.register(log.ops("probe", func=lambda: len(log) < 8 and lab.call(FUNCTION)))
    log.clear()
    lab.call(FUNCTION)
    per_call = {"3.6": 8, "3.7": 1}.get(lab.release.name, 2)
    assert len(log) >= 8 if per_call == 8 else len(log) % per_call == 0 and len(log) < 8


def test_there_are_no_filters(lab: Lab, log: Log) -> None:
    ops = log.ops("probe")
    calls: list[tuple[Callable[..., object], Any]] = [(lab.set_filter, ops), (lab.set_notrace, ops)]
    assert [code(call, ops, FUNCTION) for call, ops in calls] == [errno.ENODEV] * 2
    assert code(lab.set_global_filter, FUNCTION) == errno.ENODEV
    if lab.release.has_filter_ip:
        assert code(lab.set_filter_ip, ops, lab.record(FUNCTION).ip) == errno.ENODEV
    else:
        with pytest.raises(UsageError, match="no ftrace_set_filter_ip"):
            lab.set_filter_ip(ops, lab.record(FUNCTION).ip)


def test_save_regs_is_refused(lab: Lab, log: Log) -> None:
    if "SAVE_REGS" not in lab.release.flags:
        with pytest.raises(UsageError, match="has no FTRACE_OPS_FL_SAVE_REGS"):
            lab.register(log.ops("probe", "SAVE_REGS"))
        return
    assert code(lab.register, log.ops("probe", "SAVE_REGS")) == errno.EINVAL
    lab.register(log.ops("probe", "SAVE_REGS", "SAVE_REGS_IF_SUPPORTED"))
    assert log.of(lab) == [passed(lab, "probe")]


def test_a_second_registration(lab: Lab, log: Log) -> None:
    """3.x: ftrace_shutdown() is an empty macro, so that ENABLED stays, and the ops can never be registered again."""
    ops = log.ops("probe")
    lab.register(ops)
    assert code(lab.register, ops) == errno.EBUSY
    lab.unregister(ops)
    if old(lab):
        assert (code(lab.register, ops), code(lab.unregister, ops)) == (errno.EBUSY, errno.EPERM)
        assert log.of(lab) == []
    else:
        lab.register(ops)
        assert log.of(lab) == [passed(lab, "probe")]


def test_global_and_control_ops_of_3_x(lab: Lab, log: Log) -> None:
    """A GLOBAL ops clears ENABLED itself, a CONTROL ops does not."""
    control, both = log.ops("control", "CONTROL"), log.ops("global", "GLOBAL")
    if not old(lab):
        with pytest.raises(UsageError, match="has no FTRACE_OPS_FL_CONTROL"):
            lab.register(control)
        return
    for ops in (control, both):
        lab.register(ops)
    assert log.of(lab) == [("global", "global_ops" if lab.release.callback_gets_op else None, None)]
    lab.local_enable(control)
    assert [name for name, _, _ in log.of(lab)] == ["global", "control"]
    for ops in (control, both):
        lab.unregister(ops)
    assert log.of(lab) == []
    lab.register(both)
    assert [name for name, _, _ in log.of(lab)] == ["global"]
    assert code(lab.register, control) == errno.EBUSY


def test_function_trace_stop_stops_callbacks(lab: Lab, log: Log) -> None:
    if not old(lab):
        with pytest.raises(UsageError, match="no function_trace_stop"):
            lab.stop = True
        return
    lab.register(log.ops("probe"))
    lab.stop = True
    assert log.of(lab) == []
    lab.stop = False
    assert log.of(lab) == [passed(lab, "probe")]


def test_ftrace_enabled(lab: Lab, log: Log) -> None:
    """3.x then calls the single ops itself, from a mcount that passes no op; a second one puts that right."""
    lab.register(log.ops("probe"))
    lab.enabled = False
    assert log.of(lab) == []
    lab.enabled = True
    assert log.of(lab) == [("probe", None, None) if old(lab) else passed(lab, "probe")]
    lab.register(log.ops("second"))
    assert log.of(lab) == [passed(lab, "second"), passed(lab, "probe")]


def test_the_graph_tracer_alone(lab: Lab, log: Log) -> None:
    """6.12 makes its user a subop, which needs records; 6.1 puts it on the list, and the list function wins."""
    gops = log.gops()
    if Ability.FUNCTION_GRAPH_TRACER not in lab.variant.abilities:
        assert code(lab.register_graph, gops) == errno.EPERM
        return
    if lab.release.graph_users > 1:
        assert code(lab.register_graph, gops) == errno.EINVAL
        assert log.of(lab) == []
        return
    lab.register_graph(gops)
    log.clear()
    lab.call(FUNCTION)
    assert log == (["+", "+", "-", "-"] if old(lab) or beside(lab) else [])
    assert code(lab.register_graph, FgraphOps("second", lambda *_: True)) == errno.EBUSY
    lab.unregister_graph(gops)
    assert log.of(lab) == []


def beside(lab: Lab) -> bool:
    """Whether mcount goes to the graph tracer behind a callback as well (arm64)."""
    return lab.variant.graph is not None and lab.variant.graph.beside


@pytest.mark.parametrize("lab", GRAPHS, indirect=True)
def test_the_function_tracer_excludes_the_graph_tracer(lab: Lab, log: Log) -> None:
    """3.x, and arm: one of the two is run, and the function tracer is asked first."""
    if beside(lab):
        pytest.skip("both are run")
    ops = log.ops("probe")
    lab.register_graph(log.gops())
    lab.register(ops)
    assert log.of(lab) == [passed(lab, "probe")]
    lab.unregister(ops)
    log.clear()
    lab.call(FUNCTION)
    assert log == (["+", "+", "-", "-"] if old(lab) else [])
