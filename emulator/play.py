# SPDX-License-Identifier: GPL-2.0-only
"""Scenarios are played: who is in them registers with a kernel, and then the function is called."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from emulator.core.fgraph_ops import FgraphOps, GraphEnt, GraphRet
from emulator.core.ops import FtraceOps
from emulator.core.returns import RETURN_TO_HANDLER
from emulator.description import Variant
from emulator.errors import FtraceError, UsageError
from emulator.lab import Lab
from emulator.runner import LIMIT
from emulator.scenario import GRAPH, GraphEvent, OpsSpec, Outcome, Scenario
from emulator.subject import Subject

DIRECT_TRAMPOLINE, DIRECT_FUNC = "my_tramp1", "my_direct_func1"
"""What a DIRECT ops has its functions call, and what that calls (trampolines/*/direct.S)."""


def play(subject: Subject, scenario: Scenario, function: str, seed: int) -> Outcome:
    """Run a scenario in a kernel of its own. Raises UnknownName for the function, InputError for a bad subject."""
    return _Play(Lab(subject=subject, seed=seed), scenario, function).run()


def stage(subject: Subject, scenario: Scenario, seed: int) -> Lab:
    """A kernel of its own in which a scenario's users have registered, and nobody has called anything yet.

    Raises FtraceError or UsageError where somebody was refused, InputError for a bad subject.
    """
    lab = Lab(subject=subject, seed=seed)
    refused = _Play(lab, scenario, lab.functions[0]).outcome.refused
    if refused:
        raise refused
    return lab


def tell(subject: Subject, scenarios: Iterable[Scenario], function: str, seed: int) -> dict[str, Outcome]:
    """Every scenario's outcome by its name."""
    return {scenario.name: play(subject, scenario, function, seed) for scenario in scenarios}


def survey(
    subject: Subject,
    scenarios: Iterable[Scenario],
    function: str,
    seed: int,
    prepare: Callable[[Lab], None] = lambda _: None,
) -> dict[str, Outcome]:
    """The same in less time: in one kernel, where everybody has gone again before the next scenario begins.

    `prepare` gets the kernel before each of them. What is asked of the lab itself afterwards (sites, records,
    variables) is as the last scenario left it. Where an ops never goes for good (3.x without DYNAMIC_FTRACE) each
    scenario has its own kernel.
    """
    lab, outcomes = Lab(subject=subject, seed=seed), {}
    alone = lab.release.static_stays_enabled and not lab.core.dynamic
    for scenario in scenarios:
        if alone:
            lab = Lab(subject=subject, seed=seed)
        prepare(lab)
        played = _Play(lab, scenario, function)
        outcomes[scenario.name] = played.run()
        if not alone:
            played.leave()
    return outcomes


def _callback(ip: int, parent_ip: int, op: object, regs: object) -> None:
    """A callback that only lets itself be called; the recording has seen everything."""


class _Play:
    """One scenario in a kernel, whose users it leaves registered."""

    def __init__(self, lab: Lab, scenario: Scenario, function: str) -> None:
        lab.record(function)
        self.outcome = Outcome(scenario, lab, function)
        self._lab, self._leave = lab, list[Callable[[], None]]()
        try:
            self._register()
        except (FtraceError, UsageError) as refusal:
            self.outcome.refused = refusal
            return
        if scenario.stop:
            lab.stop = True

    def run(self) -> Outcome:
        """Call the function, unless somebody was refused; what became of it."""
        outcome = self.outcome
        if outcome.refused is None:
            functions = [name for name in (outcome.function, outcome.scenario.also) if name]
            outcome.recordings = [self._lab.run(name, limit=2 * LIMIT) for name in functions]
        return outcome

    def leave(self) -> None:
        """Everybody goes, the newest first."""
        if self.outcome.scenario.stop:
            self._lab.stop = False
        while self._leave:
            self._leave.pop()()

    def _register(self) -> None:
        for spec in self.outcome.scenario.ops:
            if "DIRECT" in spec.flags & self._lab.release.flags.keys():
                self._register_direct(spec)
            else:
                self._register_ops(spec)
        if self.outcome.scenario.graph:
            self._register_graph()

    def _register_ops(self, spec: OpsSpec) -> None:
        """A CONTROL ops is switched on as well, as perf does it where its event is scheduled in."""
        lab, ops = self._lab, FtraceOps(spec.name, _callback, flags=spec.flags, home=spec.home)
        self._filter(ops, spec)
        lab.register(ops)
        self._leave.append(lambda: lab.unregister(ops))
        if "CONTROL" in spec.flags:
            lab.core.local_enable(ops)

    def _register_direct(self, spec: OpsSpec) -> None:
        """The flags of such an ops are the kernel's affair; here DIRECT says how it is registered."""
        lab, ops = self._lab, FtraceOps(spec.name, flags=spec.flags, home=spec.home)
        self._filter(ops, spec)
        trampoline = lab.image.symbols.get(DIRECT_TRAMPOLINE) or 0
        if trampoline:
            lab.implement(DIRECT_FUNC, lambda: None)
        lab.register_direct(ops, trampoline)
        self._leave.append(lambda: lab.unregister_direct(ops, trampoline))

    def _filter(self, ops: FtraceOps, spec: OpsSpec) -> None:
        for glob in spec.filters:
            self._lab.set_filter(ops, glob)
        for glob in spec.notraces:
            self._lab.set_notrace(ops, glob)

    def _register_graph(self) -> None:
        """Raises UsageError where a user's source has no function graph."""
        lab, told = self._lab, self.outcome.graph
        missing = [name for name in _needed(lab.variant) if name not in lab.image.symbols]
        if missing:
            raise UsageError(f"the source lacks {missing[0]}, which the graph tracer needs")

        def entry(ent: GraphEnt, _gops: FgraphOps) -> bool:
            told.append(GraphEvent(_name(lab, ent.func), ent.depth))
            return True

        def back(ret: GraphRet, _gops: FgraphOps) -> None:
            told.append(GraphEvent(_name(lab, ret.func), ret.depth, True, ret.retval, ret.overrun))

        gops = FgraphOps(GRAPH, entry, back)
        lab.register_graph(gops)
        self._leave.append(lambda: lab.unregister_graph(gops))


def _needed(variant: Variant) -> list[str]:
    """The labels without which there is no function graph."""
    calls = variant.graph.calls if variant.graph else ()
    return [RETURN_TO_HANDLER, *(name for call in calls for name in (call.label, call.caller))]


def _name(lab: Lab, ip: int) -> str:
    """The function around a site."""
    function = lab.image.symbols.function(ip)
    return function.name if function else hex(ip)
