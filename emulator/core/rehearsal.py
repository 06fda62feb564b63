# SPDX-License-Identifier: GPL-2.0-only
"""What would happen if a traced function were called now: the rules alone, without a trampoline, without an effect."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any, NamedTuple

from emulator.core import choice
from emulator.core.addresses import tramp_ops_curr
from emulator.core.ops import FtraceOps
from emulator.core.records import DynFtrace
from emulator.description import Ability
from emulator.errors import RunError

if TYPE_CHECKING:
    from emulator.core.ftrace import Ftrace


class Rehearsal(NamedTuple):
    """Who is to be called, in order; whether they get a full pt_regs; what else the trampoline is to reach."""

    callbacks: tuple[FtraceOps, ...] = ()
    full: bool = False
    graph: bool = False
    """The graph tracer: ftrace_graph_func(), as one ops among others, or the trampoline's own call."""
    direct: int = 0
    """A direct trampoline, from the site itself or from the trampoline's exit."""
    stopped: bool = False
    """function_trace_stop is set."""
    func: int = 0
    """What the trampoline calls at its label."""
    site_ops: int = 0
    """The ops that the site's own pointer leads to; 0 where sites have none."""
    graph_away: bool = False
    """The graph tracer has ended (ftrace_graph_is_dead()), or pauses for the task: it takes no return."""

    @property
    def graph_calls(self) -> int:
        """How often the graph tracer is to hear of it."""
        return int(self.graph)


class _Stage:
    """Notes who would have been called. It is the record that callbacks get, too."""

    def __init__(self, func: int, *, full: bool, graph: bool) -> None:
        self.func, self.full, self.graph, self.direct = func, full, graph, 0
        self.callbacks: list[FtraceOps] = []

    def get_regs(self) -> object | None:
        return self if self.full else None

    def get_parent_slot(self) -> int:
        return 0

    def get_frame_pointer(self) -> int:
        return 0

    def set_direct_caller(self, address: int) -> None:
        self.direct = address

    def deliver(self, ops: FtraceOps, *_: object) -> None:
        self.callbacks.append(ops)

    def graph_func(self, *_: object) -> None:
        self.graph = True

    def rehearsal(self) -> Rehearsal:
        return Rehearsal(tuple(self.callbacks), self.full, self.graph, self.direct, func=self.func)


def rehearse(core: Ftrace, rec: DynFtrace) -> Rehearsal:
    """What a call of the function at `rec` should lead to. Nothing is called, and nothing changes."""
    rehearsal = _rehearse(core, rec)
    if core.call_ops:
        rehearsal = rehearsal._replace(site_ops=core.site_ops(rec).address)
    away = core.graph.dead or core.current.tracing_graph_pause
    return rehearsal._replace(graph_away=True) if away else rehearsal


def _rehearse(core: Ftrace, rec: DynFtrace) -> Rehearsal:
    graph = _graph_by_label(core, rec)
    if core.function_trace_stop:
        tested = Ability.FUNCTION_TRACE_MCOUNT_TEST in core.platform.abilities
        return Rehearsal(stopped=True, graph=graph and not tested)
    func, op, full = _called(core, rec)
    if func is None:
        direct = bool(rec.flags & core.release.bits.DIRECT_EN)
        return Rehearsal(direct=core.direct_functions.get(rec.ip, 0) if direct else 0, graph=graph)
    callee = core.callees.get(_behind_helper(core, func))
    if isinstance(callee, FtraceOps):
        return Rehearsal((callee,), full, graph, func=func)
    stage = _Stage(func, full=full, graph=graph)
    passes = Ability.ARCH_SUPPORTS_FTRACE_OPS in core.platform.abilities
    with _on(core, stage), suppress(RunError):  # a func that is NULL ends the rehearsal, as it would end the call
        record = stage if passes and (full or core.release.callback_gets_fregs) else None
        core.call(_behind_helper(core, func), rec.ip, 0, op, record)
    return stage.rehearsal()


def _graph_by_label(core: Ftrace, rec: DynFtrace) -> bool:
    """Whether the trampoline calls prepare_ftrace_return() by itself; static mcount does it instead of a callback, as a
    rule.
    """
    if not core.graph.active or core.graph.has_func:
        return False
    if not core.dynamic:
        return core.platform.graph_beside_func or core.trace_function == core.platform.address(choice.STUB)
    return bool(rec.flags & core.release.bits.ENABLED)


def _called(core: Ftrace, rec: DynFtrace) -> tuple[int | None, Any, bool]:
    """The function that the site's trampoline calls (None: there is no trampoline), its op, and whether full regs."""
    bits = core.release.bits
    if not core.dynamic:
        return core.trace_function, core.trace_op, False
    if not rec.flags & bits.ENABLED or rec.flags & bits.DIRECT_EN:
        return None, None, False
    if rec.flags & bits.TRAMP_EN:
        ops = tramp_ops_curr(core, rec)
        return (choice.ops_get_func(core, ops), ops, ops.has("SAVE_REGS")) if ops else (None, None, False)
    if core.call_ops:
        ops = core.site_ops(rec)
        return ops.func_address, ops, False
    return core.label_function, core.trace_op, bool(rec.flags & bits.REGS_EN) and core.with_regs


def _behind_helper(core: Ftrace, func: int) -> int:
    """3.6's helper only tests function_trace_stop."""
    helper = core.platform.address(choice.STOP_HELPER) if core.needs_helper else None
    return core.helper_calls if func == helper else func


@contextmanager
def _on(core: Ftrace, stage: _Stage) -> Iterator[None]:
    """While this lasts, calls go to the stage."""
    saved, deliver = dict(core.callees), core.take_calls(stage.deliver)
    address = core.platform.address("ftrace_graph_func") if "ftrace_graph_func" in core.release.functions else None
    if address is not None:
        core.callees[address] = stage.graph_func
    try:
        yield
    finally:
        core.callees.clear()
        core.callees.update(saved)
        core.take_calls(deliver)
