# SPDX-License-Identifier: GPL-2.0-only
"""Scenarios: which ops are registered on which functions, and what one call of a traced function then did."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

from emulator.core.releases import release
from emulator.description import Ability, Variant
from emulator.errors import FtraceError, RunError, UsageError
from emulator.lab import Lab
from emulator.recording import Call, Recording

KEYS = ("filter", "notrace", "home")
GRAPH = "graph"
"""The name of the graph tracer in a scenario that has one."""


@dataclass(frozen=True, slots=True)
class OpsSpec:
    """NAME[:FLAG or KEY=VALUE]..., as --ops takes it; KEY is filter, notrace or home."""

    name: str
    flags: frozenset[str] = frozenset()
    filters: tuple[str, ...] = ()
    notraces: tuple[str, ...] = ()
    home: str = "core"

    @classmethod
    def parse(cls, text: str) -> OpsSpec:
        """Raises UsageError with the part that does not fit."""
        name, *parts = text.split(":")
        if not name.isidentifier():
            raise UsageError(f"ops {text!r}: {name!r} is no name (expected NAME[:FLAG or KEY=VALUE]...)")
        flags: set[str] = set()
        values: dict[str, list[str]] = {key: [] for key in KEYS}
        for part in parts:
            key, equals, value = part.partition("=")
            if not equals and part:
                flags.add(part)
            elif key in values and value:
                values[key].append(value)
            else:
                raise UsageError(f"ops {text!r}: {part!r} is neither a flag nor {', '.join(KEYS)}=VALUE")
        homes = values["home"] or ["core"]
        return cls(name, frozenset(flags), tuple(values["filter"]), tuple(values["notrace"]), homes[-1])

    def __str__(self) -> str:
        keys = [f"filter={glob}" for glob in self.filters] + [f"notrace={glob}" for glob in self.notraces]
        home = [] if self.home == "core" else [f"home={self.home}"]
        return ":".join([self.name, *sorted(self.flags), *keys, *home])


@dataclass(frozen=True, slots=True)
class Scenario:
    """Ops in the order of their registration; `stop` sets function_trace_stop before the call.

    A DIRECT ops is registered by register_ftrace_direct(). With `graph` a graph tracer comes last, on every function.
    `also` is another function that is called afterwards.
    """

    name: str
    title: str
    ops: tuple[OpsSpec, ...]
    stop: bool = False
    graph: bool = False
    also: str | None = None

    @property
    def users(self) -> tuple[str, ...]:
        """The names of those who trace."""
        return (*(spec.name for spec in self.ops), *([GRAPH] if self.graph else ()))

    @property
    def label(self) -> str:
        """A few words for a table's first column."""
        names = "+".join(self.users) or "(none)"
        return f"{names}, stopped" if self.stop else names

    @property
    def direct(self) -> bool:
        """Whether one of its ops makes direct calls."""
        return any("DIRECT" in spec.flags for spec in self.ops)


class GraphEvent(NamedTuple):
    """What the graph tracer was told: a function is entered or, with `left`, returns. `retval` is None if not known."""

    function: str
    depth: int
    left: bool = False
    retval: int | None = None
    overrun: int = 0


@dataclass(slots=True)
class Outcome:
    """What became of a scenario. `refused` is the kernel's (or our) no to a registration; then nothing was called."""

    scenario: Scenario
    lab: Lab
    function: str
    refused: FtraceError | UsageError | None = None
    recordings: list[Recording] = field(default_factory=list)
    """Of the function, and of the scenario's other one."""
    graph: list[GraphEvent] = field(default_factory=list)
    """What the graph tracer was told, in order."""

    @property
    def recording(self) -> Recording | None:
        """What the call of the function did, None where it was not called."""
        return self.recordings[0] if self.recordings else None

    def site(self, function: str) -> bytes:
        """The bytes at a function's site, as the scenario patched them."""
        ip = self.lab.record(function).ip
        return self.lab.image.memory.read(ip, len(self.lab.variant.site.nop))

    def calls(self, function: str) -> list[Call]:
        """The calls of callbacks at the site of one of the functions that were called."""
        every = [
            call for recording in self.recordings if recording.function == function for call in recording.callbacks
        ]
        return [call for call in every if call.arrival.hit and call.arrival.hit.symbol == function]

    @property
    def trouble(self) -> RunError | None:
        """How the first run that did not end well ended."""
        return next((recording.outcome for recording in self.recordings if recording.outcome), None)


def story(variant: Variant, function: str, other: str) -> list[Scenario]:
    """What everybody should see of a variant: nobody, one ops, one with SAVE_REGS, two together, and one elsewhere,
    a graph tracer and a direct call.

    Where a release asks a single ops for RECURSION_SAFE before it calls it directly, they all have it. A static
    variant has no filters: whoever traces there traces everything.
    """
    kernel, can = release(variant.release), variant.abilities
    dynamic = Ability.DYNAMIC_FTRACE in can
    safe = {"RECURSION_SAFE"} & {kernel.protects_ops}

    def ops(name: str, on: str, *flags: str) -> OpsSpec:
        return OpsSpec(name, frozenset(safe | set(flags)), filters=(on,) if dynamic else ())

    probe, kprobe = ops("probe", function), ops("kprobe", function, "SAVE_REGS")
    second = kprobe if Ability.DYNAMIC_FTRACE_WITH_REGS in can else ops("second", function)
    scenarios = [
        Scenario("none", "nobody", ()),
        Scenario("probe", "one ops", (probe,)),
        Scenario("kprobe", "one ops with SAVE_REGS", (kprobe,)),
    ]
    if "SAVE_REGS_IF_SUPPORTED" in kernel.flags:
        lenient = ops("lenient", function, "SAVE_REGS_IF_SUPPORTED")
        scenarios.append(Scenario("lenient", "one ops with SAVE_REGS_IF_SUPPORTED", (lenient,)))
    scenarios.append(Scenario("both", "two ops on one function", (probe, second)))
    if dynamic:
        scenarios.append(Scenario("disjoint", "two ops on two functions", (probe, ops("other", other)), also=other))
    if kernel.has_trace_stop:
        scenarios.append(Scenario("stopped", "one ops, function_trace_stop set", (probe,), stop=True))
    if Ability.FUNCTION_GRAPH_TRACER in can:
        scenarios.append(Scenario("graph", "the graph tracer", (), graph=True))
        scenarios.append(Scenario("graph_beside", "the graph tracer beside an ops", (probe,), graph=True))
    if Ability.DYNAMIC_FTRACE_WITH_DIRECT_CALLS in can:
        direct = OpsSpec("direct", frozenset({"DIRECT"}), filters=(function,))
        scenarios.append(Scenario("direct", "a direct call", (direct,)))
        scenarios.append(Scenario("direct_beside", "a direct call beside an ops", (direct, probe)))
    return scenarios
