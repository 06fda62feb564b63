# SPDX-License-Identifier: GPL-2.0-only
"""Exercises in which code is changed while functions are called: each has an old state, a change and a new state."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from emulator.checks.exercise import DIRECT, DYNAMIC, GRAPH, REGS, Exercise, always, enter, having
from emulator.checks.rig import FUNCTION, OTHER, Rig
from emulator.core.ops import FtraceOps
from emulator.description import Ability, Variant

Steps = Callable[[Rig], Iterator[None]]
"""Makes the old state, yields, and makes the change."""

COPIES = Ability.TRAMPOLINE_PER_OPS


@dataclass(frozen=True, slots=True)
class Transition(Exercise):
    """Run as an exercise, the function is called once before the change and once behind it."""

    steps: Steps = lambda _rig: iter(())

    def by(self, run: Callable[[Transition], None]) -> Exercise:
        """The same as an exercise of somebody who looks at every state in between."""
        return Exercise(self.name, self.title, lambda _rig: run(self), self.possible)


def transition(name: str, title: str, possible: Callable[[Variant], bool] = always) -> Callable[[Steps], Steps]:
    """Declare one."""

    def declare(steps: Steps) -> Steps:
        def run(rig: Rig) -> None:
            for _ in steps(rig):
                rig.call()
            rig.call()

        enter(Transition(name, title, run, possible, steps))
        return steps

    return declare


@transition("change-enable", "the function's first ops comes", having(DYNAMIC))
def _enable(rig: Rig) -> Iterator[None]:
    yield
    rig.ops("probe")


@transition("change-disable", "its last ops goes", having(DYNAMIC))
def _disable(rig: Rig) -> Iterator[None]:
    probe = rig.ops("probe")
    yield
    rig.lab.unregister(probe)


@transition("change-free", "its last ops goes, and the private copy with it", having(COPIES))
def _free(rig: Rig) -> Iterator[None]:
    probe = rig.ops("probe", home="module")
    yield
    rig.lab.unregister(probe)


@transition("change-second", "a second ops comes", having(DYNAMIC))
def _second(rig: Rig) -> Iterator[None]:
    rig.ops("probe")
    yield
    rig.ops("second")


@transition("change-second-gone", "the first of two goes", having(DYNAMIC))
def _second_gone(rig: Rig) -> Iterator[None]:
    probe = rig.ops("probe")
    rig.ops("second")
    yield
    rig.lab.unregister(probe)


@transition("change-elsewhere", "another function's ops comes", having(DYNAMIC))
def _elsewhere(rig: Rig) -> Iterator[None]:
    rig.ops("probe")
    yield
    rig.ops("second", on=OTHER)


@transition("change-regs", "an ops with SAVE_REGS comes", having(REGS))
def _regs(rig: Rig) -> Iterator[None]:
    rig.ops("probe")
    yield
    rig.ops("kprobe", "SAVE_REGS")


@transition("change-regs-gone", "an ops with SAVE_REGS goes", having(REGS))
def _regs_gone(rig: Rig) -> Iterator[None]:
    rig.ops("probe")
    kprobe = rig.ops("kprobe", "SAVE_REGS")
    yield
    rig.lab.unregister(kprobe)


@transition("change-free-regs", "an ops with SAVE_REGS goes, and the private copy with it", having(COPIES, REGS))
def _free_regs(rig: Rig) -> Iterator[None]:
    kprobe = rig.ops("kprobe", "SAVE_REGS", home="module")
    yield
    rig.lab.unregister(kprobe)


@transition("change-pid", "set_ftrace_pid is written, and the private copy calls somebody else", having(COPIES))
def _pid(rig: Rig) -> Iterator[None]:
    rig.ops("probe", "PID")
    yield
    rig.lab.pids = {rig.lab.current.pid}


@transition("change-graph", "the graph tracer comes", having(DYNAMIC, GRAPH))
def _graph(rig: Rig) -> Iterator[None]:
    rig.ops("probe")
    yield
    rig.graph([FUNCTION])


@transition("change-graph-gone", "the graph tracer goes", having(DYNAMIC, GRAPH))
def _graph_gone(rig: Rig) -> Iterator[None]:
    rig.ops("probe")
    gops = rig.graph([FUNCTION])
    yield
    rig.lab.unregister_graph(gops)


@transition("change-direct", "a direct call comes", having(DIRECT))
def _direct(rig: Rig) -> Iterator[None]:
    yield
    _call_directly(rig)


@transition("change-direct-gone", "a direct call goes", having(DIRECT))
def _direct_gone(rig: Rig) -> Iterator[None]:
    ops = _call_directly(rig)
    yield
    rig.lab.unregister_direct(ops, rig.lab.address("my_tramp1"))


@transition("change-direct-shared", "an ops comes beside a direct call", having(DIRECT))
def _direct_shared(rig: Rig) -> Iterator[None]:
    _call_directly(rig)
    yield
    rig.ops("probe")


@transition("change-direct-moved", "a direct call is sent elsewhere", having(DIRECT))
def _direct_moved(rig: Rig) -> Iterator[None]:
    ops = _call_directly(rig)
    yield
    rig.lab.modify_direct(ops, rig.lab.address("my_tramp2"))


def _call_directly(rig: Rig) -> FtraceOps:
    """A direct trampoline that is code, so that the function is run to its real return."""
    ops = FtraceOps("direct")
    rig.lab.set_filter(ops, FUNCTION)
    for name in ("my_direct_func1", "my_direct_func2"):
        rig.lab.implement(name, lambda: None)
    rig.lab.register_direct(ops, rig.lab.address("my_tramp1"))
    return ops
